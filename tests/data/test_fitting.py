"""What goes with somebody's pictures: size, channels and classes, and what is refused."""

import numpy as np
import pytest
from PIL import Image

from kerasgan.data import fitting


def write(path, size=(40, 50), mode="RGB", alpha=None):
    """Write a picture of noise; `alpha` is that of its corner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(str(path)))
    values = rng.integers(0, 256, (size[1], size[0], 4), "uint8")
    values[..., 3] = 255
    if alpha is not None:
        values[0, 0, 3] = alpha
    Image.fromarray(values).convert(mode).save(path)


def test_the_size_is_one_that_half_of_the_pictures_have(tmp_path):
    for index, side in enumerate((30, 70, 300)):
        write(tmp_path / f"{index}.png", (side, 400))
    found = fitting.of(tmp_path)
    assert (found.size, found.channels, found.classes, found.count, found.shorter) == (64, 3, None, 3, (30, 300))
    write(tmp_path / "3.png", (33, 400))
    write(tmp_path / "4.png", (33, 33))
    assert fitting.of(tmp_path).size == 32
    assert str(fitting.of(tmp_path)) == (
        "5 pictures, in colour, no classes; shorter sides of 30 to 300 pixels: made 32 x 32"
    )


def test_subfolders_are_classes_if_there_are_two(tmp_path):
    write(tmp_path / "cats" / "a.png")
    assert fitting.of(tmp_path).classes is None
    write(tmp_path / "dogs" / "more" / "a.jpg")
    assert (fitting.of(tmp_path).classes, fitting.of(tmp_path).count) == (2, 2)


@pytest.mark.parametrize(
    ("modes", "channels"),
    [
        (("L", "1", "LA"), 1),
        (("L", "RGB"), 3),
        (("P", "P"), 3),
        (("RGBA", "RGBA"), 3),  # all of which are opaque
    ],
)
def test_channels_are_those_that_the_pictures_need(modes, channels, tmp_path, recwarn):
    for index, mode in enumerate(modes):
        write(tmp_path / f"{index}.png", mode=mode)
    assert fitting.of(tmp_path).channels == channels
    assert not recwarn


def test_transparency_is_learned_where_half_have_it_and_else_warned_of(tmp_path):
    write(tmp_path / "0.png", mode="RGBA", alpha=0)
    write(tmp_path / "1.png", mode="RGB")
    assert fitting.of(tmp_path).channels == 4
    write(tmp_path / "2.png", mode="L")
    with pytest.warns(UserWarning, match="path: 1 of 3 pictures of .* have transparent pixels, which are shown on"):
        assert fitting.of(tmp_path).channels == 3


def test_arrays_know_their_size_and_classes(tmp_path):
    images = np.zeros((6, 70, 64, 4), "uint8")
    np.savez(tmp_path / "some.npz", x=images, y=np.array(["a", "b"] * 3))
    found = fitting.of(tmp_path / "some.npz")
    assert (found.size, found.channels, found.classes, found.count, found.shorter) == (64, 4, 2, 6, (64, 64))
    np.savez(tmp_path / "tiny.npz", x=images[:, :15])
    with pytest.raises(ValueError, match="path: expected pictures of at least 16 pixels a side; images of tiny has 15"):
        fitting.of(tmp_path / "tiny.npz")


def test_what_cannot_be_trained_on_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="path: no folder at .*nowhere"):
        fitting.of(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="path: no images in .*empty"):
        fitting.of(tmp_path / "empty")
    write(tmp_path / "small" / "big.png")
    write(tmp_path / "small" / "icon.png", (300, 12))
    with pytest.raises(ValueError, match="path: expected pictures of at least 16 pixels a side; .*icon.png has 12"):
        fitting.of(tmp_path / "small")
    write(tmp_path / "mixed" / "big.png")
    (tmp_path / "mixed" / "notes.txt").write_text("not a picture")
    with pytest.raises(ValueError, match="notes.txt is not an image"):
        fitting.of(tmp_path / "mixed")
