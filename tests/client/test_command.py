"""What `kerasgan sample` and `kerasgan query` share."""

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from kerasgan.client import command
from kerasgan.visualization import image_grid

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), "uint8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, [7, 8, 9]), ("0-3", [0, 1, 2, 3]), ("5", [5]), (" 2 - 3 ,10,2-2", [2, 3, 10, 2]), ("9-9", [9])],
)
def test_seeds_may_be_ranges(text, expected):
    assert command.seeds_of_text(text, 3, 7) == expected


@pytest.mark.parametrize("text", ["", "3-1", "a", "-1", "1,,2", "1.5", "0-1000000", "1-2-3"])
def test_what_is_no_range_is_named(text):
    with pytest.raises(ValueError, match=r"--seeds: expected ranges such as 0-15,40, up to 1,000,000 seeds; got "):
        command.seeds_of_text(text, 3, 7)


def test_more_images_than_memory_holds_are_refused():
    with pytest.raises(ValueError, match="^-n: expected at most 1,000,000 images; got 10,000,000,000$"):
        command.seeds_of_text(None, 10**10, 0)
    assert len(command.seeds_of_text(None, 10**6, 0)) == 10**6


@pytest.mark.parametrize(
    ("flags", "wrong"),
    [
        ("--seeds 1-2", None),
        ("-n 3 --seed 2 --to-seed 9", None),
        ("--seeds 1-2 --to-seed 3", "--seeds, --to-seed"),
        ("--seeds 1-2 -n 4 --seed 0", "--seeds, --seed, -n"),  # though 0 is the default
    ],
)
def test_seeds_come_alone(flags, wrong):
    app = typer.Typer()

    @app.command()
    def make(
        context: typer.Context,
        n: command.Count = 1,
        seed: command.Seed = 0,
        seeds: command.Seeds = None,
        to_seed: command.ToSeed = None,
    ):
        command.check_seeds(context)

    error = CliRunner().invoke(app, flags.split()).exception
    said = wrong and f"--seeds: expected alone, as it names the seed of each image; got {wrong}"
    assert (error and str(error)) == said


@pytest.mark.parametrize(
    ("name", "kind"), [("a.png", "PNG"), ("a.JPG", "JPEG"), ("a.jpeg", "JPEG"), ("a.webp", "WEBP")]
)
def test_a_picture_is_of_the_kind_that_its_name_says(tmp_path, name, kind):
    path = image_grid.save_grid(tmp_path / name, IMAGES)
    with Image.open(path) as picture:
        assert picture.format == kind and picture.size == image_grid.grid(IMAGES).size
        far = np.abs(np.asarray(picture.convert("RGB")).astype(int) - np.asarray(image_grid.grid(IMAGES))).mean()
    assert far < 8 if kind == "JPEG" else far == 0


def test_jpeg_has_no_transparency_and_other_endings_are_refused(tmp_path):
    clear = np.zeros((2, 8, 8, 4), "uint8")
    with pytest.raises(ValueError, match="path: expected .png or .webp, as JPEG knows no transparency; got a.jpg"):
        image_grid.save_grid(tmp_path / "a.jpg", clear)
    with pytest.raises(ValueError, match="path: expected a file ending in .png, .jpg, .jpeg, .webp; got a.bmp"):
        image_grid.save_grid(tmp_path / "a.bmp", IMAGES)
    assert list(tmp_path.iterdir()) == []


def test_an_animation_has_a_frame_an_image(tmp_path):
    path = image_grid.save_animation(tmp_path / "a.gif", IMAGES, frames_per_second=10)
    with Image.open(path) as picture:
        assert (picture.format, picture.n_frames, picture.info["duration"], picture.info["loop"]) == ("GIF", 5, 100, 0)
        picture.seek(3)
        shown = np.asarray(picture.convert("RGB")).astype(int)
    assert np.abs(shown - np.asarray(image_grid.grid(IMAGES[3:4], 1))).mean() < 8
    for arguments, words in ((("a.png", IMAGES), "ending in .gif"), (("b.gif", IMAGES, 0), "frames_per_second")):
        with pytest.raises(ValueError, match=words):
            image_grid.save_animation(tmp_path / arguments[0], *arguments[1:])


@pytest.mark.parametrize(
    ("name", "said"), [("a.png", "picture: "), ("a.webp", "picture: "), ("a.gif", "animation: "), ("a", "5 pictures: ")]
)
def test_images_go_where_the_name_says(tmp_path, capsys, name, said):
    command.save_images(tmp_path / name, IMAGES)
    assert capsys.readouterr().out.startswith(said) and (tmp_path / name).exists()
