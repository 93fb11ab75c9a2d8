"""Publishing a run: its card, what is refused, and what an interruption leaves."""

import json
import os

import pytest

import kerasgan
from kerasgan.saving import registry
from kerasgan.zoo import publish
from tests.end_to_end.test_cli import command
from tests.saving.conftest import NUMBER, copied


def test_the_card_is_made_of_the_runs_own_numbers(published, run):
    text = (published / "presets" / "tiny" / "README.md").read_text()
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    about = json.loads((run / "run.json").read_text())
    for said in (
        "# tiny",
        f"critic loss {last['critic_loss']:.3f}",
        f"critic {about['trainable_parameters']['critic']:,}",
        f"tensorflow {about['versions']['tensorflow']}",
        "objective: SGAN, 4 training steps of 8 images",
        "Licence: none: noise. Classes: boots, coats.",
        "kernels stored in float16, which changes the picture by 0",
        "- command: `kerasgan train ",
        "tiny.yaml --steps 4`",
        "ema_decay: 0.999",
        "None was measured.",
        "`kerasgan zoo verify tiny --data PATH` makes the grid anew",
        'gan = kerasgan.from_preset("tiny", training=True)  # critic and optimizers too: fit goes on',
    ):
        assert said in text, said


def test_publishing_refuses_before_anything_is_written(published, run, tmp_path, monkeypatch, capsys):
    before = {path: path.stat().st_mtime_ns for path in published.rglob("*")}
    bad = tmp_path / "bad.json"
    bad.write_text('{"results": [{"name": "fd[x]", "value": 1}]}')
    of_another, of_trained = tmp_path / "another.json", tmp_path / "trained.json"
    newest_of_run = str(run / "checkpoints" / "step-00000004.keras")
    of_split, narrow = tmp_path / "split.json", tmp_path / "narrow.json"
    for path, changes in (
        (of_another, {"model": "runs/1-a/checkpoints/x.keras"}),
        (of_trained, {"weights": "trained"}),
        (of_split, {"reference": "fashion_mnist test at 32 x 32"}),
        (narrow, {"notes": ["features in bfloat16"]}),
    ):
        own = {"model": newest_of_run, "weights": "moving average"}
        path.write_text(json.dumps({"results": [NUMBER | {"protocol": NUMBER["protocol"] | own | changes}]}))
    for arguments, said in (
        ([run, "--licence", "MIT"], "has a preset tiny; choose another name, or say --overwrite"),
        ([run, "--licence", " ", "--name", "b"], "licence: expected the licence of the data"),
        ([run, "--licence", "MIT", "--name", "../b"], "name: expected letters, digits"),
        ([run, "--licence", "MIT", "--name", "b", "--evaluation", bad], "expected what `kerasgan evaluate --out`"),
        ([run, "--licence", "MIT", "--name", "b", "--evaluation", tmp_path / "c"], "no such evaluation"),
        ([tmp_path, "--licence", "MIT", "--name", "b"], "expected a run folder"),
        ([run, "--licence", "MIT", "--name", "b\n"], "name: expected letters, digits"),
        ([run, "--licence", "MIT", "--name", "b", "--source", "ftp://there"], "ftp://there"),
        (
            [run, "--licence", "MIT", "--name", "b", "--evaluation", of_another],
            "has those of runs/1-a/checkpoints/x.keras",
        ),
        ([run, "--licence", "MIT", "--name", "b", "--evaluation", of_trained], "got one of 'trained'"),
        ([run, "--licence", "MIT", "--name", "b", "--evaluation", of_split], "which zoo verify measures anew; got one"),
        (
            [run, "--licence", "MIT", "--name", "b", "--evaluation", narrow],
            "was measured with features in another prec",
        ),
    ):
        status, _, err = command(monkeypatch, capsys, "zoo", "publish", *arguments, "--zoo", published)
        assert status == 1 and said in err and err.count("\n") == 1, err
    assert {path: path.stat().st_mtime_ns for path in published.rglob("*")} == before
    again = [run, "--licence", "MIT", "--overwrite", "--zoo", published, "--source", "hf://someone/tiny"]
    status, out, err = command(monkeypatch, capsys, "zoo", "publish", *again)
    assert (status, err) == (0, "") and f"preset: {published / 'presets' / 'tiny'}, " in out
    entry = registry.load(published)["tiny"]
    assert entry.source == "hf://someone/tiny" and "training.json" not in entry.files


def test_the_card_is_of_the_checkpoint_and_of_all_fits(run, tmp_path):
    changed = copied(run, tmp_path / "a")
    rows = [(2, 30.0), (3, 1.0), (4, 5.0), (9, 900.0)]  # stopped after 30 seconds, resumed, killed at step 9
    lines = [json.dumps({"step": step, "seconds": time, "critic_loss": float(step)}) for step, time in rows]
    (changed / "metrics.jsonl").write_text("\n".join(lines) + '\n{"step": 1')  # the last line torn
    facts = json.loads((publish.publish(changed, tmp_path / "zoo", licence="x") / "metadata.json").read_text())
    assert facts["training"]["last"] == {"critic_loss": 4.0} and facts["training"]["seconds"] == 35.0
    fits = [
        (0, 1, 5.0),
        (0, 2, 10.0),
        (2, 3, 15.0),
        (2, 4, 30.0),
    ]  # the second fit's first line took longer than the first
    lines = [json.dumps({"step": step, "seconds": time, "fit_from": first}) for first, step, time in fits]
    (changed / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    folder = publish.publish(changed, tmp_path / "zoo", licence="x", overwrite=True)
    assert json.loads((folder / "metadata.json").read_text())["training"]["seconds"] == 40.0
    (changed / "metrics.jsonl").write_text("")
    folder = publish.publish(changed, tmp_path / "zoo", licence="x", overwrite=True)
    assert "last logged means: none" in (folder / "README.md").read_text()
    (changed / "run.json").write_text('{"command": ')
    with pytest.raises(ValueError, match="run.json: expected what `kerasgan train` writes"):
        publish.publish(changed, tmp_path / "zoo", licence="x", overwrite=True)


def test_the_nearest_images_are_not_found_by_what_the_generator_was_trained_to_please(run, tmp_path, monkeypatch):
    monkeypatch.setattr(kerasgan.GAN, "trained_against", "garments")
    with pytest.raises(
        ValueError, match="nearest: expected a feature network other than garments, which the generator"
    ):
        publish.publish(run, tmp_path / "zoo", licence="x", nearest="garments")
    assert not (tmp_path / "zoo").exists()


def test_an_interrupted_publish_leaves_what_was_there(published, run, monkeypatch):
    before = {path.relative_to(published): path.read_bytes() for path in published.rglob("*") if path.is_file()}
    for function in ("picture", "_entry"):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(publish, function, interrupt)
            publish.publish(run, published, licence="other", overwrite=True)
    replace = os.replace

    def fail(source, target):
        if os.path.basename(target) == "tiny":
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(os, "replace", fail)
        publish.publish(run, published, licence="other", overwrite=True)
    assert {path.relative_to(published): path.read_bytes() for path in published.rglob("*") if path.is_file()} == before
    kerasgan.from_preset("tiny")


def interrupt(*arguments):
    raise KeyboardInterrupt


def test_two_publishers_at_once_both_reach_the_registry(published, run, monkeypatch):
    drawn = publish.picture

    def meanwhile(sampler, grid):
        monkeypatch.setattr(publish, "picture", drawn)
        publish.publish(run, published, name="first", licence="x")
        return drawn(sampler, grid)

    monkeypatch.setattr(publish, "picture", meanwhile)
    publish.publish(run, published, name="second", licence="x")
    assert set(registry.load(published)) == {"tiny", "first", "second"}
