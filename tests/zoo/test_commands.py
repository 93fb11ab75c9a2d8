"""The commands of cards are to be typed elsewhere."""

import json
import pathlib
import shutil

import pytest

from kerasgan.recipes import recipe
from kerasgan.training import runner
from kerasgan.zoo import commands, publish
from tests.end_to_end.test_cli import photos, write_recipe  # noqa: F401  photos is a fixture


@pytest.mark.parametrize(
    ("about", "typed"),
    [
        ({"recipe": "zoo/recipes/sgan_fashion_mnist.yaml"}, "sgan_fashion_mnist"),
        ({"recipe": "sgan_fashion_mnist", "images": None, "changes": []}, "sgan_fashion_mnist"),
        ({"recipe": "/home/me/mine.yaml", "images": "/home/me/cats"}, "mine.yaml --data cats"),
        ({"recipe": "mine.yaml", "images": "my photos"}, "mine.yaml --data 'my photos'"),
        ({"recipe": "mine.yaml", "images": "s3://cats/small"}, "mine.yaml --data s3://cats/small"),
        (
            {"recipe": "mine.yaml", "changes": ["train.seed=1", "train.precision=bfloat16"]},
            "mine.yaml --set train.seed=1 --precision bfloat16",
        ),
        ({"recipe": "mine.yaml", "changes": ["data={folder: a b}"]}, "mine.yaml --set 'data={folder: a b}'"),
        ({"recipe": "mine.yaml", "changes": ["data.folder=/home/me/cats"]}, "mine.yaml --set data.folder=cats"),
        ({"recipe": "mine.yaml", "changes": ["train.start_from=rsgan"]}, "mine.yaml --start-from rsgan"),
        ({"recipe": "mine.yaml", "changes": ["train.start_from=/tmp/first"]}, "mine.yaml --start-from first"),
    ],
)
def test_a_training(about, typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert commands.of_training(about, 7) == f"kerasgan train {typed} --steps 7"


def test_paths_below_this_folder_stay_as_they_are_typed_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    about = {"recipe": str(tmp_path / "recipes" / "mine.yaml"), "images": str(tmp_path / "cats")}
    assert commands.of_training(about, 7) == "kerasgan train recipes/mine.yaml --data cats --steps 7"


@pytest.mark.parametrize(
    ("measured", "typed"),
    [
        ("runs/00000-tiny -n 100", "tiny -n 100"),
        ("runs/00000-tiny/checkpoints/step-4.keras --data /home/me/cats", "tiny --data cats"),
        ("runs/00000-tiny --data=/home/me/cats --out=/tmp/a.json -n 9", "tiny --data cats -n 9"),
        ("runs/00000-tiny --data 'my cats' --out 'my numbers.json'", "tiny --data 'my cats'"),
        ("runs/00000-tiny --data s3://cats/small", "tiny --data s3://cats/small"),
        ("runs/00000-tiny --data emnist/letters", "tiny --data emnist/letters"),
        ("runs/00000-tiny --features-weights /home/me/inception.npz", "tiny --features-weights inception.npz"),
    ],
)
def test_a_number(measured, typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = [tmp_path / "runs" / "00000-tiny", "runs/00000-tiny/checkpoints/step-4.keras"]
    assert commands.of_number(f"kerasgan evaluate {measured}", "tiny", own) == f"kerasgan evaluate {typed}"


def test_what_was_changed_is_typed_and_no_path_of_this_machine(photos, tmp_path, monkeypatch):  # noqa: F811
    folder = shutil.copytree(photos, tmp_path / "there" / "photos")
    plain = write_recipe(tmp_path / "there" / "tiny.yaml", folder, steps=1)
    changes = ["train.seed=5", "generator_optimizer={Adam: {learning_rate: 1e-3}}"]
    run = runner.train(plain, tmp_path / "runs", changes=changes)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    published = publish.publish(run, tmp_path / "zoo", licence="none: noise")
    facts = json.loads((published / "metadata.json").read_text())
    assert facts["training"]["command"] == (
        "kerasgan train tiny.yaml --set train.seed=5 "
        "--set 'generator_optimizer={Adam: {learning_rate: 1e-3}}' --steps 1"
    )
    assert facts["recipe"]["data"]["folder"] == "photos" and facts["recipe"]["train"]["seed"] == 5
    assert not any(str(tmp_path) in path.read_text() for path in published.glob("*.[jm][sd]*"))
    assert recipe.parse(json.dumps(facts["recipe"])).plain() == facts["recipe"]
    assert pathlib.Path(run / "recipe.yaml").read_text().count(str(folder)) == 1  # where the run goes on
