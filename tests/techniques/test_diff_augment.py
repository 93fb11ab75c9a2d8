"""DiffAugment against NumPy written from the paper's formulas, one image at a time."""

import numpy as np
import pytest
import tensorflow as tf

from kerasgan import techniques
from tests import points
from tests.techniques.augmented import check_second_derivative, disturbed, model, some

SHAPES = [(8, 8, 3), (7, 12, 1), (9, 5, 4), (16, 16, 2)]


def colored(image, u):
    count = 3 if image.shape[-1] == 4 else image.shape[-1]
    x = image[..., :count] + (u[0] - 0.5)
    mean = x.mean(-1, keepdims=True)
    x = (x - mean) * (2 * u[1]) + mean
    x = (x - x.mean()) * (u[2] + 0.5) + x.mean()
    return np.concatenate([x, image[..., count:]], -1)


def translated(image, u, share=0.125):
    height, width, _ = image.shape
    most = [int(size * share + 0.5) for size in (height, width)]
    down, right = (np.floor(v * (2 * s + 1)).astype(int) - s for v, s in zip(u, most))
    made = np.zeros_like(image)
    for i in range(height):
        for j in range(width):
            if 0 <= i - down < height and 0 <= j - right < width:
                made[i, j] = image[i - down, j - right]
    return made


def cut_out(image, u, share=0.5):
    made = image.copy()
    places = []
    for size, v in zip(image.shape, u):
        side = int(size * share + 0.5)
        start = int(np.floor(v * (size + 1 - side % 2))) - side // 2
        places.append(slice(max(start, 0), max(start + side, 0)))
    made[places[0], places[1]] = 0
    return made


@pytest.mark.parametrize("shape", SHAPES)
def test_all_three_equal_the_formulas(shape):
    images, rng = some(shape, rows=20)
    numbers = rng.uniform(size=(20, 7))
    wanted = [cut_out(translated(colored(x.astype("float64"), u[:3]), u[3:5]), u[5:]) for x, u in zip(images, numbers)]
    got = disturbed(techniques.DiffAugment(), images, numbers)
    np.testing.assert_allclose(got, wanted, atol=1e-6)
    assert all(np.abs(one - other).max() > 0.1 for one, other in zip(got, images))


@pytest.mark.parametrize(
    ("only", "formula", "used"),
    [
        ({"color": True}, colored, slice(0, 3)),
        ({"translation": 0.3}, lambda x, u: translated(x, u, 0.3), slice(3, 5)),
        ({"cutout": 0.2}, lambda x, u: cut_out(x, u, 0.2), slice(5, 7)),
    ],
)
def test_each_alone(only, formula, used):
    images, rng = some((10, 6, 3), rows=20)
    numbers = rng.uniform(size=(20, 7))
    technique = techniques.DiffAugment(**{"color": False, "translation": 0.0, "cutout": 0.0, **only})
    wanted = [formula(x.astype("float64"), u[used]) for x, u in zip(images, numbers)]
    np.testing.assert_allclose(disturbed(technique, images, numbers), wanted, atol=1e-6)


def test_shifts_are_uniform_and_reach_both_ends():
    """A lone pixel is found after its shift; chi-square of the counts of 5 x 5 shifts."""
    import scipy.stats

    rows = 20_000
    images = np.zeros((rows, 16, 16, 1), "float32")
    images[:, 8, 8] = 1
    numbers = np.random.default_rng(0).uniform(size=(rows, 7))
    moved = disturbed(techniques.DiffAugment(color=False, cutout=0.0), images, numbers)
    found = np.argwhere(moved[..., 0] == 1)[:, 1:] - 8
    assert len(found) == rows and found.min() == -2 and found.max() == 2
    counts = np.unique(found, axis=0, return_counts=True)[1]
    assert len(counts) == 25 and scipy.stats.chisquare(counts).pvalue > 0.01


def test_a_grey_image_keeps_its_saturation_and_alpha_its_value():
    images, rng = some((6, 6, 1))
    numbers = np.full((6, 7), 0.5)
    numbers[:, 1] = rng.uniform(size=6)
    only_color = techniques.DiffAugment(translation=0.0, cutout=0.0)
    np.testing.assert_allclose(disturbed(only_color, images, numbers), images, atol=1e-6)
    images, rng = some((6, 6, 4))
    got = disturbed(only_color, images, rng.uniform(size=(6, 7)))
    np.testing.assert_array_equal(got[..., 3], images[..., 3])
    assert np.abs(got[..., :3] - images[..., :3]).max() > 0.1


def test_every_image_of_every_batch_has_its_own_numbers_and_the_model_draws_them_again():
    gan = model([techniques.DiffAugment()], (8, 8, 3))
    like = next(gan.minibatches(tf.zeros([64, 8, 8, 3])))
    [technique] = gan.techniques

    def drawn(*purpose):
        return technique.disturb(gan, like._replace(images=tf.zeros([64, 8, 8, 3])), *purpose).images.numpy()

    first = drawn("real", 0)
    np.testing.assert_array_equal(first, drawn("real", 0))
    assert len(np.unique(first[:, 4, 4, 0])) > 20
    assert np.abs(first - drawn("fake", "critic", 0)).max() > 0.1
    gan.step.assign(1)
    assert np.abs(first - drawn("real", 0)).max() > 0.1


def test_a_penalty_on_gradients_has_its_derivative():
    check_second_derivative(techniques.DiffAugment(cutout=0.2), np.random.default_rng(4).uniform(size=(3, 7)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"translation": 1.5}, r"translation: expected a number in \[0, 1\]; got 1.5"),
        ({"cutout": float("nan")}, r"cutout: expected a number in \[0, 1\]; got nan"),
        ({"cutout": "half"}, r"cutout: expected a number in \[0, 1\]; got 'half'"),
        ({"color": "color,cutout"}, "color: expected True or False; got 'color,cutout'"),
        ({"color": False, "translation": 0.0, "cutout": 0.0}, "expected at least one of them; all are off"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        techniques.DiffAugment(**arguments)


def test_a_model_of_points_is_refused():
    plain = points.gan("SGAN")
    with pytest.raises(ValueError, match=r"DiffAugment expected a model of images \[H, W, C\]; it makes \(2,\)"):
        type(plain)(plain.generator, plain.critic, techniques=[techniques.DiffAugment()])
