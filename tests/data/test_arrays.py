import numpy as np
import pytest

from kerasgan.data import arrays


def examples(source):
    images, labels = zip(*source.examples.as_numpy_iterator(), strict=True)
    return np.stack(images), list(labels)


def test_uint8_comes_out_as_it_went_in(noise):
    images = noise(7)
    source = arrays(images, labels=[0, 1, 2, 3, 0, 1, 2], class_names=list("abcd"))
    got, labels = examples(source)
    np.testing.assert_array_equal(got, images)
    assert labels == [0, 1, 2, 3, 0, 1, 2]
    assert (source.count, source.class_names, source.channels) == (7, tuple("abcd"), 3)
    assert source.examples.element_spec[0].shape == (8, 8, 3)


def test_without_labels_and_without_a_channel_axis(noise):
    images = noise(3, channels=1)
    source = arrays(images[..., 0])
    got, labels = examples(source)
    np.testing.assert_array_equal(got, images)
    assert labels == [-1, -1, -1]
    assert source.class_names is None


def test_names_are_numbers_unless_given(noise):
    assert arrays(noise(3), labels=np.array([2, 0, 0], np.uint8)).class_names == ("0", "1", "2")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_are_rounded_to_uint8(noise, dtype):
    images = noise(5)
    got, _ = examples(arrays((images / 127.5 - 1).astype(dtype)))
    np.testing.assert_array_equal(got, images)


def test_floats_from_0_to_1_are_not_taken_for_bright_images(noise):
    images = noise(5) / np.float32(255)
    with pytest.raises(
        ValueError, match=r"^images: floats must be in .-1, 1., but these go from 0 to 1; of images in .0, 1. give 2 x"
    ):
        arrays(images)
    assert arrays(2 * images - 1).count == 5


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.01, -1.01, 255.0])
def test_a_bad_float_is_named_by_its_index(value):
    images = np.zeros((1500, 2, 2, 1), np.float32)
    images[1300, 1, 0, 0] = value
    images[1400] = np.nan
    with pytest.raises(ValueError, match=r"^images: .*image 1300 "):
        arrays(images)


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((4, 4), np.uint8, r"^images: expected shape .* got \[4, 4\]"),
        ((2, 4, 4, 2), np.uint8, r"^images: expected shape .* got \[2, 4, 4, 2\]"),
        ((2, 3, 4, 4, 3), np.uint8, r"^images: expected shape"),
        ((0, 4, 4, 3), np.uint8, r"^images: expected shape .*nothing empty"),
        ((2, 4, 4, 3), np.int64, r"^images: expected uint8.*got int64"),
        ((2, 4, 4, 3), np.float16, r"^images: expected uint8.*got float16"),
    ],
)
def test_shape_and_dtype(shape, dtype, message):
    with pytest.raises(ValueError, match=message):
        arrays(np.zeros(shape, dtype))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2, 3, 4], "labels: 5 labels for 7 images"),
        ([0.0] * 7, "labels: expected integers, got float64"),
        ([True] * 7, "labels: expected integers, got bool"),
        ([0, 0, 0, -2, 0, 0, -5], "labels: must not be negative, but label 3 is -2"),
        ([0, 0, 2**32, 0, 0, 0, 0], "labels: expected numbers of classes, below 1,000,000, .* label 2 is 4294967296"),
        (np.full(7, 2**63, np.uint64), "label 0 is 9223372036854775808. np.unique.* numbers them"),
        ([[0]] * 7, r"labels: expected shape \[N\], got \[7, 1\]"),
    ],
)
def test_labels(noise, labels, message):
    with pytest.raises(ValueError, match=message):
        arrays(noise(7), labels)


def test_labels_with_gaps_are_warned_of(noise):
    with pytest.warns(UserWarning, match="labels: 3 of the 6 classes 0 to 5 have no image, such as 1; number"):
        source = arrays(noise(4), labels=[0, 2, 5, 5])
    assert len(source.class_names) == 6


def test_class_names(noise):
    with pytest.raises(ValueError, match="class_names: 2 names, but the largest label is 2"):
        arrays(noise(3), [0, 1, 2], ["a", "b"])
    with pytest.raises(ValueError, match="class_names: given without labels"):
        arrays(noise(3), class_names=["a"])
    with pytest.raises(ValueError, match="class_names: expected a list of strings, one a class; got 'abc'"):
        arrays(noise(3), [0, 1, 2], "abc")


def test_pixels_of_0_and_1_alone_are_refused():
    values = np.random.default_rng(0).integers(0, 2, (4, 8, 8)).astype("uint8")
    with pytest.raises(ValueError, match="images: expected values from 0 to 255; got 0 and 1 alone"):
        arrays(values)
    arrays(0 * values)


def test_a_float_beyond_1_by_rounding_is_white():
    values = np.full((1, 2, 2), np.nextafter(np.float32(1), np.float32(2)))
    [(image, _)] = arrays(values).examples
    assert (image.numpy() == 255).all()
