"""The study of all objectives with the same number of updates."""

import json
import re

import numpy as np
import pytest

import kerasgan
from kerasgan.recipes import recipe
from kerasgan.studies import objectives as study
from kerasgan.studies import report
from kerasgan.training import evaluation, runner

RECIPE = """
name: NAME
data: {arrays: PATH, image_size: 32, batch_size: 4}
latent: {Normal: {dim: 4}}
generator: {dcgan.generator: {filters: 4}}
critic: {dcgan.critic: {filters: 4}}
objective: {OBJECTIVE: {}}
train: {steps: 9}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with recipes of two objectives."""
    folder = tmp_path_factory.mktemp("objectives")
    images = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 1), "uint8")
    np.savez(folder / "real.npz", x=images)
    for name in ("SGAN", "LSGAN"):
        text = RECIPE.replace("NAME", name.lower()).replace("PATH", str(folder / "real.npz")).replace("OBJECTIVE", name)
        (folder / f"{name}.yaml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def studied(folder):
    """That folder with the study of them, which began with a training that was interrupted."""
    runner.train(folder / "LSGAN.yaml", steps=1, run=folder / "out" / "runs" / "lsgan" / "0")
    study.run(recipes(folder), 2, 40, "fid", timed=True, out=folder / "out")
    return folder


def distance(row, seed="0"):
    """The first number of a row's training with a seed."""
    return row["trained"][seed]["results"][0]["value"]


def recipes(folder):
    """The paths of the recipes."""
    return [folder / "SGAN.yaml", folder / "LSGAN.yaml"]


@pytest.mark.slow
def test_each_row_says_what_was_trained_and_measured(studied):
    rows = json.loads((studied / "out" / "result.json").read_text())["result"]["rows"]
    assert list(rows) == ["sgan", "lsgan"]
    for row in rows.values():
        gan = kerasgan.load(row["trained"]["0"]["checkpoint"])
        assert type(gan).__name__ == row["label"] and int(gan.step.numpy()) == row["steps"] == 2
        assert row["generator"] == sum(np.prod(v.shape) for v in gan.generator.trainable_variables)
        [found] = evaluation.evaluate([row["trained"]["0"]["checkpoint"]], n=40)
        assert row["seconds"] > 0
        assert distance(row) == pytest.approx(found.value, rel=1e-6)


@pytest.mark.slow
def test_the_best_comes_first_and_its_numbers_are_in_the_table(studied):
    rows = json.loads((studied / "out" / "result.json").read_text())["result"]["rows"].values()
    lines = (studied / "out" / "table.md").read_text().splitlines()
    best, other = sorted(rows, key=distance)
    for line, row in zip(lines[2:4], (best, other), strict=True):
        assert line.startswith(f"| {row['label']} | 0 | {distance(row):.3g} | {row['generator']:,} |")
    assert "moving average weights, batch norm with the moving average's own statistics" in lines[-1]
    assert lines[2].endswith("| sgan |  |") or lines[2].endswith("| lsgan |  |")
    assert "2 generator updates and 40 images of each" in lines[-1] and "64 of real at 32 x 32" in lines[-1]
    assert (studied / "out" / "objectives.png").stat().st_size > 10_000


@pytest.mark.slow
def test_a_second_time_nothing_is_trained_or_measured(studied, monkeypatch):
    monkeypatch.setattr(runner, "train", None)
    monkeypatch.setattr(runner, "resume", None)
    monkeypatch.setattr(evaluation, "evaluate", None)
    before = (studied / "out" / "table.md").read_text()
    study.run(recipes(studied), 2, 40, "fid", out=studied / "out")
    assert (studied / "out" / "table.md").read_text() == before
    assert len(list((studied / "out" / "runs").glob("*/*"))) == 2


@pytest.mark.slow
def test_a_seed_that_is_added_is_trained_and_the_table_has_mean_and_range(folder, tmp_path, monkeypatch):
    study.run([folder / "SGAN.yaml"], 1, 40, "fid", out=tmp_path)
    monkeypatch.setattr(study, "draw", lambda *_: pytest.importorskip("matplotlib.figure").Figure())
    study.run([folder / "SGAN.yaml"], 1, 40, "fid", out=tmp_path, seeds=(2, 0))
    [row] = json.loads((tmp_path / "result.json").read_text())["result"]["rows"].values()
    first, other = distance(row), distance(row, "2")
    assert list(row["trained"]) == ["0", "2"] and first != other
    for seed in (0, 2):
        recipe = (tmp_path / "runs" / "sgan" / str(seed) / "recipe.yaml").read_text()
        assert f"seed: {seed}" in recipe
    said = f"| SGAN | 0, 2 | {(first + other) / 2:.3g} ({min(first, other):.3g} to {max(first, other):.3g}) |"
    assert (tmp_path / "table.md").read_text().splitlines()[2].startswith(said)


@pytest.mark.slow
def test_a_precision_is_that_of_the_runs_and_another_is_refused(folder, tmp_path):
    study.run([folder / "SGAN.yaml"], 1, 40, "fid", out=tmp_path, precision="float32")
    assert "precision: float32" in (tmp_path / "runs" / "sgan" / "0" / "recipe.yaml").read_text()
    with pytest.raises(ValueError, match="out: .* holds a result of another recipe sgan, .*; give another folder"):
        study.run([folder / "SGAN.yaml"], 1, 40, "fid", out=tmp_path, precision="bfloat16")


def test_a_run_of_a_recipe_that_was_edited_since_does_not_go_on(folder, tmp_path, eagerly):
    runner.train(folder / "SGAN.yaml", steps=1, run=tmp_path / "runs" / "sgan" / "0")
    edited = tmp_path / "edited.yaml"
    edited.write_text((folder / "SGAN.yaml").read_text().replace("filters: 4", "filters: 2"))
    for steps in (1, 2):  # trained to the end and not measured, and stopped before
        with pytest.raises(ValueError, match="goes on as it began; .* another .*generator.*, or give another folder"):
            study.run([edited], steps, 40, "fid", out=tmp_path)


def test_runs_killed_early_begin_anew_and_those_of_other_names_are_left(folder, tmp_path, eagerly, monkeypatch):
    class Trained(Exception):
        pass

    def evaluate(models, **_):
        raise Trained(models[0])

    monkeypatch.setattr(evaluation, "evaluate", evaluate)
    killed, other = tmp_path / "runs" / "sgan" / "0", tmp_path / "runs" / "00001-big-sgan"
    killed.mkdir(parents=True)
    (killed / ".train.lock").touch()
    (other / "checkpoints").mkdir(parents=True)
    (other / "checkpoints" / "step-00000002.keras").touch()
    with pytest.raises(Trained) as found:
        study.run([folder / "SGAN.yaml"], 2, 40, "fid", out=tmp_path)
    [checkpoint] = found.value.args
    assert checkpoint.is_relative_to(killed) and int(kerasgan.load(checkpoint).step.numpy()) == 2


def test_wrong_arguments_are_named_before_any_work(folder, tmp_path):
    with pytest.raises(ValueError, match="metrics: expected some of fid"):
        study.run(recipes(folder), 2, 40, "std", out=tmp_path / "new")
    points = tmp_path / "points.yaml"
    text = (folder / "SGAN.yaml").read_text()
    points.write_text(re.sub(r"data: .*", "data: {toy: swiss_roll}", text))
    with pytest.raises(ValueError, match="recipes: expected recipes of images; .*points.yaml is of swiss_roll"):
        study.run([points], 2, 40, "fid", out=tmp_path / "new")
    for seeds in ((), (0, 0), (-1,)):
        with pytest.raises(ValueError, match="^seeds: expected"):
            study.run(recipes(folder), 2, 40, "fid", out=tmp_path / "new", seeds=seeds)
    with pytest.raises(FileNotFoundError, match="no such recipe"):
        study.run([tmp_path / "none.yaml"], 2, 40, "fid", out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_result_from_before_there_were_seeds_is_refused(folder, tmp_path):
    settings = {"steps": 2, "n": 40, "metrics": "fid", "network": "garments"}
    plan = json.loads(json.dumps(recipe.load(folder / "SGAN.yaml").plain()))
    report.write_result(tmp_path, settings, {"rows": {"sgan": {"plan": plan, "results": []}}})
    with pytest.raises(ValueError, match="out: .* holds a result of another recipe sgan, or of kerasgan 0.1"):
        study.run([folder / "SGAN.yaml"], 2, 40, "fid", out=tmp_path)


def test_recipes_of_one_name_are_refused(folder, tmp_path):
    twin = tmp_path / "twin.yaml"
    twin.write_text((folder / "SGAN.yaml").read_text())
    with pytest.raises(ValueError, match="recipes: expected each with a name of its own; got sgan, sgan"):
        study.run([folder / "SGAN.yaml", twin], 2, 40, "fid", out=tmp_path / "new")


@pytest.mark.slow
def test_a_recipe_that_was_edited_does_not_get_the_other_ones_numbers(studied, tmp_path):
    edited = tmp_path / "edited.yaml"
    edited.write_text((studied / "SGAN.yaml").read_text().replace("filters: 4", "filters: 2"))
    with pytest.raises(ValueError, match="out: .* holds a result of another recipe sgan, .*; give another folder"):
        study.run([edited], 2, 40, "fid", out=studied / "out")
