"""Grids and loss plots."""

import json

import numpy as np
import pytest
from PIL import Image

from kerasgan.visualization import image_grid, plots


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_each_image_stands_in_its_place_enlarged_by_whole_pixels(tmp_path, channels):
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, channels), dtype=np.uint8)
    sheet = np.asarray(Image.open(image_grid.save_grid(tmp_path / "grid.png", images, columns=3)))
    sheet = sheet.reshape(*sheet.shape[:2], -1)
    scale = sheet.shape[1] // (3 * 17 + 1)
    assert sheet.shape[1] >= 512 and scale * (3 * 17 + 1) == sheet.shape[1] and scale * (2 * 17 + 1) == sheet.shape[0]
    small = sheet[::scale, ::scale]
    np.testing.assert_array_equal(small.repeat(scale, 0).repeat(scale, 1), sheet)
    for index, image in enumerate(images):
        top, left = 1 + 17 * (index // 3), 1 + 17 * (index % 3)
        np.testing.assert_array_equal(small[top : top + 16, left : left + 16], image)
    assert (small[18:, 35:] == 255).all()


def test_single_files_hold_the_images_as_they_are(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    paths = image_grid.save_each(tmp_path, images)
    assert [path.name for path in paths] == ["00000.png", "00001.png", "00002.png"]
    for path, image in zip(paths, images):
        np.testing.assert_array_equal(np.asarray(Image.open(path)), image)


def test_single_files_are_not_mixed_with_others(tmp_path):
    images = np.zeros((3, 8, 8, 1), np.uint8)
    image_grid.save_each(tmp_path, images)
    image_grid.save_each(tmp_path, images)  # the same names: written anew
    with pytest.raises(FileExistsError, match="expected a folder without other pictures; 1 are there, such as 00002"):
        image_grid.save_each(tmp_path, images[:2])


@pytest.mark.parametrize(
    "images", [np.zeros((2, 8, 8, 1)), np.zeros((0, 8, 8, 1), np.uint8), np.zeros((2, 8, 8), np.uint8)]
)
def test_what_is_no_batch_of_images_is_named(images):
    with pytest.raises(ValueError, match=r"images: expected uint8 \[N, H, W, C\]"):
        image_grid.grid(images)


def test_loss_plot(tmp_path):
    log = tmp_path / "metrics.jsonl"
    log.write_text(json.dumps({"step": 1, "seconds": 0.1, "critic_loss": 2.0}) + "\n")
    assert plots.plot_losses(log, tmp_path / "losses.png") is None
    with log.open("a") as file:
        file.write(json.dumps({"step": 2, "seconds": 0.2, "critic_loss": 1.0}) + "\n")
    picture = np.asarray(Image.open(plots.plot_losses(log, tmp_path / "losses.png")))
    assert picture.shape[1] == 960 and len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 10


def test_loss_plot_of_numbers_that_some_lines_lack(tmp_path, monkeypatch):
    rows = {"critic_loss": 2.0}, {"critic_loss": 1.5, "r1": 0.5}, {"critic_loss": 1.0, "r1": 0.2}, {"critic_loss": 0.5}
    log = tmp_path / "metrics.jsonl"
    log.write_text("".join(json.dumps({"step": step, **row}) + "\n" for step, row in enumerate(rows, 1)))
    monkeypatch.setattr(plots.figures, "save", lambda figure, path: figure)
    [axes] = plots.plot_losses(log, tmp_path / "losses.png").axes
    drawn = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert drawn == {"critic loss": [[1, 2.0], [2, 1.5], [3, 1.0], [4, 0.5]], "r1": [[2, 0.5], [3, 0.2]]}


def test_pictures_leave_pyplot_as_it_is(tmp_path):
    """In a notebook its figures, and the way they are shown, are the user's."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    before = pyplot.get_backend()
    pyplot.switch_backend("svg")
    try:
        own = pyplot.figure()
        log = tmp_path / "metrics.jsonl"
        log.write_text("".join(json.dumps({"step": step, "critic_loss": 1.0}) + "\n" for step in (1, 2)))
        plots.plot_losses(log, tmp_path / "losses.png")
        plots.points(np.zeros((3, 2)))
        assert pyplot.get_backend() == "svg" and pyplot.get_fignums() == [own.number] and pyplot.gcf() is own
    finally:
        pyplot.close("all")
        pyplot.switch_backend(before)


def ink(picture):
    """Rows and columns of a picture that are not white."""
    dark = np.asarray(picture) < 128
    return np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))


def test_letters_of_lines_have_one_width():
    narrow, wide = (ink(image_grid.lines([letter * 31 + "|"]))[1] for letter in "iW")
    assert narrow[-1] == wide[-1]


def test_many_lines_stand_in_two_columns():
    one, two = image_grid.lines(["ab"] * 24), image_grid.lines(["ab"] * 25)
    assert two.height < one.height
    assert np.diff(ink(one)[1]).max() < 20 < np.diff(ink(two)[1]).max()
    assert image_grid.lines([]).size[0] == 512


@pytest.mark.parametrize("channels", [2, 5])
def test_single_pictures_are_of_channels_that_a_picture_has(channels, tmp_path):
    with pytest.raises(ValueError, match=r"images: expected uint8 \[N, H, W, C\] with C one of 1, 3, 4; got uint8"):
        image_grid.save_each(tmp_path, np.zeros((2, 4, 4, channels), np.uint8))


@pytest.mark.parametrize("columns", [0, -1, 2.5, "3"])
def test_columns_are_a_number_of_them(columns):
    with pytest.raises(ValueError, match="columns: expected an integer of at least 1"):
        image_grid.grid(np.zeros((2, 4, 4, 1), np.uint8), columns)


def test_an_animation_has_frames_of_hundredths_of_a_second(tmp_path):
    for rate, milliseconds in ((12, 80), (24, 40), (40, 20), (50, 20)):
        path = image_grid.save_animation(tmp_path / "a.gif", np.arange(64, dtype=np.uint8).reshape(4, 4, 4, 1), rate)
        assert Image.open(path).info["duration"] == milliseconds
    for wrong in (
        {"images": np.zeros((0, 4, 4, 1), np.uint8)},
        {"images": np.zeros((1, 4, 4, 1), np.uint8), "frames_per_second": "12"},
    ):
        with pytest.raises(ValueError, match="images: expected|frames_per_second: expected"):
            image_grid.save_animation(tmp_path / "b.gif", **wrong)
