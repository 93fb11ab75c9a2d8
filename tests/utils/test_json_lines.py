"""Lines of JSON that a training leaves, and those of one that was cut off."""

import pytest

from kerasgan.utils import json_lines


def test_lines_go_on_up_to_the_step_of_a_resumed_run(tmp_path):
    path = tmp_path / "deep" / "log.jsonl"
    assert json_lines.keep_until(path, 0) == [] and path.read_text() == ""
    lines = [{"step": step, "loss": step / 8} for step in (2, 4, 6)]
    for line in lines:
        json_lines.append(path, line)
    assert json_lines.read(path) == lines
    assert json_lines.keep_until(path, 5) == lines[:2] == json_lines.read(path)
    json_lines.append(path, lines[2])
    assert json_lines.read(path) == lines and [item.name for item in path.parent.iterdir()] == ["log.jsonl"]


def test_lines_of_another_training_are_not_dropped(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 0}\n')
    assert json_lines.keep_until(path, 0) == [{"step": 0}]  # of one that ended before its first step
    json_lines.append(path, {"step": 1200})
    with pytest.raises(FileExistsError, match="log.jsonl: expected no lines of another .* up to step 1,200, and this"):
        json_lines.keep_until(path, 0)
    assert len(json_lines.read(path)) == 2


def test_a_line_that_was_cut_off_is_left_out_and_another_damaged_one_is_named(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3, "lo')
    assert json_lines.read(path) == [{"step": 1}, {"step": 2}]
    assert len(json_lines.keep_until(path, 9)) == 2 and path.read_text() == '{"step": 1}\n{"step": 2}\n'
    path.write_text('{"step": 1}\n{"st\n{"step": 3}\n')
    with pytest.raises(ValueError, match=f"{path}: line 2 is not JSON"):
        json_lines.read(path)
    with pytest.raises(FileNotFoundError):
        json_lines.read(tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("my thesis, one line\n", "line 1 is not JSON"),
        ('{"a": 1}\n', "expected the log of a training"),
        ("[1]\n", "log"),
    ],
)
def test_a_file_of_something_else_stays(content, message, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        json_lines.keep_until(path, 0)
    assert path.read_text() == content
