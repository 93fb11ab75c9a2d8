"""The recipe own_pictures: what it takes from a folder, and its page's commands, run as printed."""

import contextlib
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from kerasgan.recipes import recipe
from kerasgan.training import run_folder, runner

ROOT = pathlib.Path(__file__).parents[2]


def write_pictures(folder, channels=3, classes=("",), count=40, size=(36, 33)):
    """Write a folder of pictures of noise."""
    rng = np.random.default_rng(0)
    for name in classes:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(count // len(classes)):
            values = rng.integers(0, 256, (*size, channels), "uint8")
            Image.fromarray(values[..., 0] if channels == 1 else values).save(folder / name / f"{index}.png")
    return folder


@pytest.mark.parametrize(
    ("channels", "classes", "size", "shape"),
    [
        (1, ("",), (36, 33), (32, 32, 1)),
        (3, ("cats", "dogs"), (64, 99), (64, 64, 3)),
        (4, ("",), (32, 32), (32, 32, 4)),
    ],
)
def test_the_model_is_as_the_pictures_are(channels, classes, size, shape, tmp_path, capsys):
    folder = write_pictures(tmp_path / "pictures", channels, classes, size=size)
    plan = runner.planned("own_pictures", images=folder)
    assert "40 pictures" in capsys.readouterr().err
    source = plan.data.open()
    gan = runner.build(plan, source)
    assert gan.image_shape == shape
    assert gan.class_names == (classes if len(classes) > 1 else None)
    assert [type(technique).__name__ for technique in gan.techniques] == ["DiffAugment"]
    images = next(iter(plan.data.stream(source, gan.batches_per_step, 0, 0)))
    images = images[0] if gan.num_classes else images
    assert images.shape == (32, *shape)
    if channels == 4:  # the pictures' own, not an opaque one
        assert len(np.unique(images[..., 3])) > 100


def test_a_run_keeps_what_was_found_although_the_folder_changes(tmp_path):
    folder = write_pictures(tmp_path / "pictures")
    run = runner.train("own_pictures", tmp_path / "runs", 1, folder)
    section = recipe.load(run / "recipe.yaml").data
    assert (section.image_size, section.channels, section.labels, section.fit) == (32, 3, False, False)
    shutil.rmtree(folder)
    write_pictures(folder, size=(90, 90))
    with pytest.raises(ValueError, match="data"):  # other pictures than the run's, not another size
        runner.resume(run, 2)
    runner.resume(run, 2, data_changed=True)
    assert run_folder.load_model(run).image_shape == (32, 32, 3)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{tfds: mnist, fit: true}", "fit: expected a folder or arrays with it"),
        ("{folder: x, fit: true, image_size: 64}", "fit: expected no image_size, channels and labels with it"),
    ],
)
def test_a_section_that_says_both_is_refused(section, message):
    text = recipe._ZOO.joinpath("own_pictures.yaml").read_text()
    text = re.sub("^data: .*$", f"data: {section}", text, flags=re.MULTILINE)
    with pytest.raises(recipe.RecipeError, match=message):
        recipe.parse(text)


def test_pictures_that_are_not_there_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        FileNotFoundError, match=r"data\.folder: nothing is at pictures; name your pictures: --data PATH"
    ):
        runner.planned("own_pictures")
    few = write_pictures(tmp_path / "few", count=10)
    with pytest.raises(ValueError, match="source: few has 10 images, but one step needs 32"):
        runner.train("own_pictures", tmp_path / "runs", 1, few)
    assert not (tmp_path / "runs").exists()


@contextlib.contextmanager
def serving(line, **options):
    """Run a server until the block ends; yields its address."""
    line = [*line, "--port", "0", "--rest-port", "0"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, **options) as server:
        try:
            yield re.search(r"gRPC (\S+)", server.stdout.readline())[1]
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=60)


@pytest.mark.slow
def test_the_pages_commands_run_as_printed(tmp_path):
    """With two steps, and another port."""
    page = (ROOT / "docs" / "own_pictures.md").read_text()
    commands = [line for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    assert len(commands) == 6
    write_pictures(tmp_path / "pictures", classes=("cats", "dogs"), size=(40, 40))
    options = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": str(ROOT)}}
    said = {}
    with contextlib.ExitStack() as stack:
        for command in commands:
            program, verb, *rest = shlex.split(command)
            assert program == "kerasgan"
            line = [sys.executable, "-m", "kerasgan", verb, *rest]
            if verb == "serve":
                address = stack.enter_context(serving(line, **options))
                continue
            line += ["--steps", "2"] if command == "kerasgan train --data pictures" else []
            line += ["--server", address] if verb == "query" else []
            done = subprocess.run(line, capture_output=True, text=True, timeout=600, **options)
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            said[command] = done.stdout + done.stderr
    cost = said["kerasgan train --data pictures --dry-run"]
    assert "40 pictures, in colour, 2 classes; shorter sides of 40 pixels: made 32 x 32" in cost
    assert re.search(r"the recipe's 10,000 steps: about \d+ (s|min|h \d+ min) on this machine", cost)
    for name, count in (("grid.png", 64), ("served.png", 16)):
        picture = np.asarray(Image.open(tmp_path / name))
        assert picture.std() > 1 and picture.shape[0] * picture.shape[1] >= count * 32 * 32
