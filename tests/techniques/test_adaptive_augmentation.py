"""Adaptive augmentation: each transformation against NumPy and SciPy, and the probability against its recursion."""

import keras
import numpy as np
import pytest
import scipy.ndimage
import scipy.spatial
import scipy.stats
import tensorflow as tf

import kerasgan
from kerasgan import techniques
from kerasgan.models.batch import Batch
from kerasgan.networks import dcgan
from kerasgan.techniques import affine
from kerasgan.techniques.transformations import Numbers
from tests.techniques.augmented import check_second_derivative, disturbed, model, some

COUNT = 29
GATES = {  # columns of the uniform numbers that say whether a transformation happens
    "flips": [0],
    "turns": [2],
    "shifts": [3],
    "scale": [6],
    "first turn": [8],
    "aspect": [10],
    "second turn": [12],
    "fraction": [14],
    "brightness": [17],
    "contrast": [19],
    "luma": [21],
    "hue": [22],
    "saturation": [24],
    "cutout": [26],
}
EVEN = dict.fromkeys(("color", "cutout"), 1.0)


def numbers_of(rng, rows, *happening):
    """Return uniform numbers of which only the named gates are open at p = 0.5."""
    numbers = rng.uniform(size=(rows, COUNT))
    numbers[:, sum(GATES.values(), [])] = 0.9
    numbers[:, sum((GATES[name] for name in happening), [])] = 0.01
    return numbers


def matrix(*rows):
    return np.array(rows, "float64")


def inverse(u, height, width, p):
    """The product of inverses, from (column, row, 1) of the result to the image's, in float64."""
    normal = scipy.stats.norm.ppf

    def scale(x, y):
        return matrix([1 / x, 0, 0], [0, 1 / y, 0], [0, 0, 1])

    def shift(x, y):
        return matrix([1, 0, -x], [0, 1, -y], [0, 0, 1])

    def turn(angle):
        return matrix([np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1])

    maps = scale(-1 if u[0] < p / 2 else 1, 1)
    quarters = np.floor(4 * u[1]) if height == width else 2 * np.floor(2 * u[1])
    maps = maps @ (turn(np.pi / 2 * quarters) if u[2] < p else np.eye(3))
    maps = maps @ (shift(*np.round((2 * u[4:6] - 1) * [width / 8, height / 8])) if u[3] < p else np.eye(3))
    maps = maps @ (scale(*[2 ** (0.2 * normal(u[7]))] * 2) if u[6] < p else np.eye(3))
    rotates = 1 - np.sqrt(1 - p)
    maps = maps @ (turn(np.pi * (2 * u[9] - 1)) if u[8] < rotates else np.eye(3))
    aspect = 2 ** (0.2 * normal(u[11]))
    maps = maps @ (scale(aspect, 1 / aspect) if u[10] < p else np.eye(3))
    maps = maps @ (turn(np.pi * (2 * u[13] - 1)) if u[12] < rotates else np.eye(3))
    return maps @ (shift(*normal(u[15:17]) / 8 * [width, height]) if u[14] < p else np.eye(3))


def moved(image, maps):
    """The image resampled by SciPy."""
    height, width, channels = image.shape
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    rows, columns = np.mgrid[:height, :width]
    places = np.stack([columns.ravel() - centre[0], rows.ravel() - centre[1], np.ones(rows.size)])
    x, y, _ = maps @ places
    found = [
        scipy.ndimage.map_coordinates(image[..., c], [y + centre[1], x + centre[0]], order=1, mode="mirror")
        for c in range(channels)
    ]
    return np.stack(found, -1).reshape(image.shape)


def colored(image, u, p):
    """The 4 x 4 matrices of the authors' code; a grey image is three equal channels."""
    normal = scipy.stats.norm.ppf
    axis = np.array([1, 1, 1, 0]) / np.sqrt(3)
    maps, grey = np.eye(4), np.outer(axis, axis)
    if u[17] < p:
        maps[:3, 3] = 0.2 * normal(u[18])
    if u[19] < p:
        maps = np.diag([*[2 ** (0.5 * normal(u[20]))] * 3, 1]) @ maps
    if u[21] < p / 2:
        maps = (np.eye(4) - 2 * grey) @ maps
    if u[22] < p:
        rotation = np.eye(4)
        rotation[:3, :3] = scipy.spatial.transform.Rotation.from_rotvec(axis[:3] * np.pi * (2 * u[23] - 1)).as_matrix()
        maps = rotation @ maps
    if u[24] < p:
        maps = (grey + (np.eye(4) - grey) * 2 ** normal(u[25])) @ maps
        maps[3, 3] = 1
    count = min(3, image.shape[-1])
    colors = np.broadcast_to(image[..., :count], (*image.shape[:2], 3))
    colors = colors @ maps[:3, :3].T + maps[:3, 3]
    return np.concatenate([colors[..., :count], image[..., 3:]], -1)


def cut_out(image, u, p):
    height, width, _ = image.shape
    rows, columns = np.mgrid[:height, :width] + 0.5
    hidden = (abs(rows / height - u[27]) < 0.25) & (abs(columns / width - u[28]) < 0.25) & (u[26] < p)
    return np.where(hidden[..., None], 0, image)


@pytest.mark.parametrize("shape", [(8, 8, 3), (12, 7, 1), (6, 9, 4)])
@pytest.mark.parametrize("p", [0.3, 1.0])
def test_the_whole_pipeline_equals_numpy_and_scipy(shape, p):
    images, rng = some(shape, rows=40)
    numbers = rng.uniform(size=(40, COUNT))
    got = disturbed(techniques.AdaptiveAugmentation(p, **EVEN), images, numbers)
    wanted = [
        cut_out(colored(moved(x.astype("float64"), inverse(u, *shape[:2], p)), u, p), u, p)
        for x, u in zip(images, numbers)
    ]
    np.testing.assert_allclose(got, wanted, atol=2e-4)
    assert sum(np.abs(one - other).max() > 0.1 for one, other in zip(got, images)) > (20 if p == 0.3 else 39)


def test_any_map_equals_scipy_far_beyond_the_borders_too():
    images, rng = some((9, 6, 2), rows=30)
    maps = rng.normal(size=(30, 3, 3)) * [[1, 1, 20], [1, 1, 20], [0, 0, 0]] + [[0, 0, 0], [0, 0, 0], [0, 0, 1]]
    got = affine.resampled(tf.constant(images), tf.constant(maps, tf.float32))
    np.testing.assert_allclose(got, [moved(x, m) for x, m in zip(images.astype("float64"), maps)], atol=2e-4)


def test_flips_quarter_turns_and_whole_shifts_are_exact():
    images, rng = some((8, 8, 3), rows=40)
    technique = techniques.AdaptiveAugmentation(0.5, color=0.0)
    np.testing.assert_array_equal(disturbed(technique, images, numbers_of(rng, 40, "flips")), images[:, :, ::-1])
    numbers = numbers_of(rng, 40, "turns")
    turns = [np.rot90(x, np.floor(4 * u[1])) for x, u in zip(images, numbers)]
    got = disturbed(technique, images, numbers)
    same = [np.abs(one - other).max() == 0 for one, other in zip(got, turns)]
    clockwise = [np.abs(one - np.rot90(x, -np.floor(4 * u[1]))).max() == 0 for one, x, u in zip(got, images, numbers)]
    assert all(same) or all(clockwise)
    numbers = numbers_of(rng, 40, "shifts")
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    right, down = np.round(2 * numbers[:, 4:6] - 1).astype(int).T
    wanted = [x[4 - d : 12 - d, 4 - r : 12 - r] for x, r, d in zip(padded, right, down)]
    np.testing.assert_array_equal(disturbed(technique, images, numbers), wanted)
    assert set(right) == set(down) == {-1, 0, 1}


def test_oblong_images_are_not_turned_on_their_side():
    images, rng = some((8, 6, 1), rows=40)
    got = disturbed(techniques.AdaptiveAugmentation(0.5, color=0.0), images, numbers_of(rng, 40, "turns"))
    half = [np.abs(one - np.rot90(x, 2)).max() == 0 for one, x in zip(got, images)]
    none = [np.abs(one - x).max() == 0 for one, x in zip(got, images)]
    assert any(half) and any(none) and all(np.logical_xor(half, none))


def test_nothing_happens_at_probability_0():
    images, rng = some((6, 9, 3))
    numbers = rng.uniform(size=(6, COUNT))
    np.testing.assert_allclose(disturbed(techniques.AdaptiveAugmentation(0.0), images, numbers), images, atol=1e-7)


def test_either_of_two_turns_happens_with_the_probability():
    rng = np.random.default_rng(0)
    numbers = Numbers(tf.constant(rng.uniform(size=(20_000, 2))), tf.constant(0.3))
    first, second = (numbers.happens_in_one_of_two(1.0).numpy() for _ in range(2))
    assert scipy.stats.binomtest(int((first | second).sum()), 20_000, 0.3).pvalue > 0.01


def test_a_schedule_gives_the_probability_of_the_step_and_it_is_logged():
    schedule = keras.optimizers.schedules.PolynomialDecay(1.5, 2, 0.25)
    gan = model([techniques.AdaptiveAugmentation(schedule)])
    gan.compile()
    images = some((8, 12, 3), rows=12)[0]
    logs = [gan.fit(images[4 * k : 4 * k + 4], batch_size=4, verbose=0).history for k in range(3)]
    np.testing.assert_allclose([log["augmentation_p"][0] for log in logs], [1.0, 0.875, 0.25], atol=1e-6)
    assert "r_t" not in gan.trackers


@pytest.mark.parametrize("parts", [1, 2])
def test_the_probability_follows_the_signs_of_real_images_logits(parts):
    """Against the recursion in NumPy, of the logits that the critic gave real images."""
    technique = techniques.AdaptiveAugmentation(target=0.1, images=100)
    gan = model([technique], critic_steps=2)
    gan.compile("sgd", "sgd", run_eagerly=True, gradient_accumulation_steps=parts)
    gan.critic_optimizer.learning_rate = 0.5
    seen, look = [], technique.scored

    def scored(gan, batch, logits):
        if batch.purpose[0] == "real":
            seen.extend(logits.numpy().ravel())
        look(gan, batch, logits)

    technique.scored = scored
    images = some((8, 12, 3), rows=10 * 2 * 12)[0]
    p, expected, found = 0.0, [], []
    for k in range(12):
        logs = gan.train_step(tf.constant(images[20 * k : 20 * k + 20]))
        assert len(seen) == 20 * (k + 1)
        if k % 2:
            p = np.clip(p + np.sign(np.sign(seen[-40:]).mean() - 0.1) * 40 / 100, 0, 1)
        expected.append(p)
        found.append(float(technique.variables[0]))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    moves = np.diff(expected)
    assert (moves > 0).any() and (moves < 0).any()
    np.testing.assert_allclose(logs["r_t"], np.sign(seen).mean(), atol=1e-5)
    assert 0 < logs["augmentation_p"] < 1


def test_a_critic_without_signs_is_refused():
    for objective in (kerasgan.WGANGP, kerasgan.RSGAN):
        with pytest.raises(ValueError, match=f"probability: expected a number or a sch.*{objective.__name__}'s logits"):
            model([techniques.AdaptiveAugmentation()], objective=objective)
        model([techniques.AdaptiveAugmentation(0.5)], objective=objective)


def test_a_penalty_on_gradients_has_its_derivative():
    numbers = np.random.default_rng(4).uniform(size=(3, COUNT))
    check_second_derivative(techniques.AdaptiveAugmentation(1.0, cutout=0.0), numbers)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"probability": 1.5}, r"probability: expected a number in \[0, 1\]; got 1.5"),
        ({"probability": "adaptive"}, r"probability: expected a number in \[0, 1\]; got 'adaptive'"),
        ({"target": 1.0}, r"target: expected a number in \(-1, 1\); got 1.0"),
        ({"images": 0}, "images: expected a positive number; got 0"),
        ({"flips": -1}, r"flips: expected a number in \[0, 1\]; got -1"),
        (dict.fromkeys(("flips", "turns", "shifts", "geometry", "color", "cutout"), 0.0), "a positive one; all are 0"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        techniques.AdaptiveAugmentation(**arguments)


def test_the_mean_sign_is_over_images_however_many_logits_each_has():
    technique = techniques.AdaptiveAugmentation()
    gan = model([technique])
    logits = np.random.default_rng(0).normal(size=(7, 5)).astype("float32")
    batch = Batch(tf.zeros((7, 8, 12, 3)), None, purpose=("real", 0))
    technique.scored(gan, batch, tf.constant(logits))
    assert float(technique._signs / technique._seen) == pytest.approx(np.sign(logits).mean(), abs=1e-6)
    assert float(gan.trackers["r_t"].result()) == pytest.approx(np.sign(logits).mean(), abs=1e-6)


def test_a_player_that_is_frozen_as_a_whole_is_no_error():
    gan = kerasgan.SGAN(
        dcgan.generator((32, 32, 1), 4, filters=2),
        dcgan.critic((32, 32, 1), filters=2),
        techniques=[techniques.AdaptiveAugmentation(images=100)],
    )
    gan.generator.trainable = False
    gan.compile()
    gan.fit(np.random.default_rng(0).integers(0, 256, (8, 32, 32, 1), "uint8"), batch_size=4, verbose=0)
    assert int(gan.step.numpy()) == 2


@pytest.mark.slow
def test_a_lazy_penalty_of_moved_images_is_computed_under_xla():
    """In a condition XLA fails on the gradient of the move."""

    def steps(jit_compile):
        keras.utils.set_random_seed(0)
        generator = dcgan.generator((32, 32, 1), 4, filters=2)
        critic = dcgan.critic((32, 32, 1), filters=2, normalization="layer")
        gan = kerasgan.SGAN(generator, critic, techniques=[techniques.DiffAugment(), techniques.R1(0.1, every=2)])
        gan.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01), jit_compile=jit_compile)
        images = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 1), "uint8")
        gan.fit(images, batch_size=4, verbose=0)
        return [variable.numpy() for variable in gan.critic.trainable_variables]

    for found, wanted in zip(steps(True), steps(False), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)
