"""Numbered run folders and atomic files."""

import os

import pytest

from kerasgan.training import run_folder
from kerasgan.utils import atomic_files


def test_runs_are_numbered_after_the_highest(tmp_path):
    first = run_folder.create(tmp_path / "runs", "a")
    (tmp_path / "runs" / "00041-b").mkdir()
    (tmp_path / "runs" / "notes").mkdir()
    second = run_folder.create(tmp_path / "runs", "a")
    assert (first.name, second.name) == ("00000-a", "00042-a")


def test_an_output_that_cannot_be_a_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        run_folder.create(tmp_path / "file", "a")


def test_what_is_no_run_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a run folder, with a recipe.yaml"):
        run_folder.load_model(tmp_path)
    (tmp_path / "recipe.yaml").write_text("")
    with pytest.raises(FileNotFoundError, match="expected one with a checkpoint; got none in"):
        run_folder.load_model(tmp_path)


def test_a_best_model_is_of_the_run_that_it_lies_in(tmp_path):
    """The modules of the run's `imports` were not found for it."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.yaml").write_text("imports: []")
    for place in ("best.keras", "checkpoints/step-00000004.keras"):
        assert run_folder.of_checkpoint(tmp_path / "run" / place) == tmp_path / "run"


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    with atomic_files.written_whole(tmp_path / "new" / "a.txt") as beside:
        beside.write_text("1")
        assert beside.suffix == ".txt" and not (tmp_path / "new" / "a.txt").exists()
    with pytest.raises(KeyboardInterrupt), atomic_files.written_whole(tmp_path / "new" / "a.txt") as beside:
        beside.write_text("half")
        raise KeyboardInterrupt
    assert (tmp_path / "new" / "a.txt").read_text() == "1"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.txt"]


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path):
    for content in ("1", "2"):
        with atomic_files.replace_folder(tmp_path / "f") as beside:
            beside.mkdir()
            (beside / "a").write_text(content)
    with pytest.raises(ValueError), atomic_files.replace_folder(tmp_path / "f") as beside:
        beside.mkdir()
        raise ValueError
    assert (tmp_path / "f" / "a").read_text() == "2" and [p.name for p in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyboardInterrupt()])
def test_a_folder_that_cannot_be_renamed_into_place_leaves_the_old_one(tmp_path, monkeypatch, error):
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "a").write_text("old")

    def fail(source, target):
        assert not (tmp_path / "f").exists()  # the old one is aside
        raise error

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(type(error)), atomic_files.replace_folder(tmp_path / "f") as beside:
        beside.mkdir()
    assert (tmp_path / "f" / "a").read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_file_is_restored_when_what_came_with_it_fails(tmp_path):
    (tmp_path / "a").write_text("old")
    for name in ("a", "b"):
        with pytest.raises(ValueError), atomic_files.restored(tmp_path / name):
            (tmp_path / name).write_text("new")
            raise ValueError
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "old")]
    with atomic_files.restored(tmp_path / "a"):
        (tmp_path / "a").write_text("new")
    assert (tmp_path / "a").read_text() == "new"


def test_a_place_that_cannot_be_written_is_named_before_the_work(tmp_path):
    atomic_files.check_writable(tmp_path / "new" / "a.json")
    assert list((tmp_path / "new").iterdir()) == []
    with pytest.raises(IsADirectoryError, match="cannot write .*new: it is a folder"):
        atomic_files.check_writable(tmp_path / "new")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write .*file/a.json: "):
        atomic_files.check_writable(tmp_path / "file" / "a.json")
    with pytest.raises(OSError, match="cannot write /proc/a.json: "):
        atomic_files.check_writable("/proc/a.json")


def test_a_path_that_is_no_model_leads_to_the_run_that_was_meant(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "00000-boots" / "checkpoints").mkdir(parents=True)
    (tmp_path / "runs" / "00000-boots" / "recipe.yaml").write_text("")
    for path, hint in (
        ("runs", "it holds 1 of them: give one, such as runs/00000-b"),
        ("runs/00000-boots/checkpoints", "it is a part of the run runs/00000-boots: give that folder"),
        ("runs/00000-boots/recipe.yaml", "it is a file; it is a part of the run runs/00000-boots: give that folder"),
        ("runs/00000-boot", "nothing is there; did you mean runs/00000-boots?"),
        ("nowhere/at/all", "nothing is there$"),
    ):
        with pytest.raises(FileNotFoundError, match=f"^{path}: expected a run folder.*{hint}"):
            run_folder.load_model(path)
    with pytest.raises(FileNotFoundError, match="did you mean runs/00000-boots"):  # as --resume asks
        run_folder.check("runs/00000-Boots")


def test_a_presets_name_may_end_in_a_slash(tmp_path, monkeypatch):
    """Shells complete folders with one."""
    monkeypatch.chdir(tmp_path)
    assert run_folder.load_model("sgan_fashion_mnist/").num_classes == 10
    with pytest.raises(ValueError, match="no preset 'sgan_fashion_mnits'.* did you mean sgan_fashion_mnist"):
        run_folder.load_model("sgan_fashion_mnits/")
