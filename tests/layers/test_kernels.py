"""Kernels of networks, and their singular values against `numpy.linalg.svd`."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from kerasgan import layers
from kerasgan.layers import kernels

RNG = np.random.default_rng(0)


def kernel(values):
    """Return the `Kernel` of a dense layer whose W, with a row an output, has these values."""
    return kernels.Kernel("dense", keras.Variable(np.asarray(values, "float32").T), -1)


def exact(matrix, k=3):
    return np.linalg.svd(np.asarray(matrix, "float64"), compute_uv=False)[:k]


class Pair(keras.layers.Layer):
    """Two dense layers of one name."""

    def build(self, input_shape):
        self.first, self.second = keras.layers.Dense(3, name="same"), keras.layers.Dense(3, name="same")
        self.first.build(input_shape)
        self.second.build(input_shape)

    def call(self, inputs):
        return self.first(inputs) + self.second(inputs)


def test_kernels_are_found_once_in_order_with_the_names_of_their_layers():
    images = keras.Input((8, 8, 2))
    points = keras.Input((6,))
    x = keras.layers.Dense(5, name="first")(points)
    inner = keras.Model(points, keras.layers.Dense(4, name="b")(x), name="inner")
    labels = keras.Input((), dtype="int32")
    shared = keras.layers.Conv2D(2, 3, padding="same", name="shared")
    x = shared(shared(images))
    x = layers.SpectralNormalization(keras.layers.Conv2DTranspose(3, 4, strides=2), name="up")(x)
    x = keras.layers.Dense(6, name="b")(keras.layers.GlobalAveragePooling2D()(x))
    x = keras.layers.Concatenate()([inner(x), keras.layers.Embedding(7, 4, name="classes")(labels)])
    network = keras.Model([images, labels], Pair(name="pair")(x[:, :4]))
    found = kernels.kernels(network)
    assert {(k.name, k.shape, k.is_embedding) for k in found} == {
        ("shared", (2, 18), False),
        ("up", (3, 32), False),
        ("b", (6, 3), False),
        ("inner/first", (5, 6), False),
        ("inner/b", (4, 5), False),
        ("pair/same", (3, 4), False),
        ("pair/same_2", (3, 4), False),
        ("classes", (7, 4), True),
    }
    order = ["shared", "up", "b", "inner/first", "inner/b", "pair/same", "pair/same_2"]
    assert [k.name for k in found if k.name != "classes"] == order
    assert [k.name for k in kernels.kernels(network.from_config(network.get_config(), {"Pair": Pair}))] == [
        k.name for k in found
    ]


def test_a_matrix_has_what_one_output_channel_sums_up_in_its_row():
    """Each row of W times the patch of inputs must be the layer's own output."""
    dense, conv = keras.layers.Dense(3), keras.layers.Conv2D(4, (2, 3))
    up = keras.layers.Conv2DTranspose(3, 2, strides=2)
    for layer, inputs in ((dense, [5]), (conv, [2, 3, 2]), (up, [1, 1, 5])):
        network = keras.Sequential([keras.Input(inputs), layers.SpectralNormalization(layer)])
        [found] = kernels.kernels(network)
        x = RNG.normal(size=(1, *inputs)).astype("float32")
        outputs = np.asarray(layer(x))[0]
        if layer is up:  # one input pixel: an output channel's 2x2 values and that input's channel sums
            matrix = found.matrix().numpy().reshape(3, 2, 2, 5)
            np.testing.assert_allclose(np.einsum("rhwc,c->hwr", matrix, x[0, 0, 0]), outputs, rtol=1e-4, atol=1e-6)
        else:
            np.testing.assert_allclose(
                found.matrix().numpy().dot(x.reshape(-1)), outputs.reshape(-1), rtol=1e-4, atol=1e-6
            )
        np.testing.assert_array_equal(found.unfold(found.wide()), found.variable)


@pytest.mark.parametrize("shape", [(3, 3, 64, 128), (4, 4, 32, 8), (1, 1, 96, 96), (3, 3, 256, 256)])
@pytest.mark.parametrize("initializer", ["random_normal", "orthogonal", "zeros"])
def test_the_first_call_gives_numpys_values(shape, initializer):
    """Random normal values lie close together, and those of an orthogonal kernel are all the same."""
    keras.utils.set_random_seed(0)
    layer = keras.layers.Conv2D(shape[-1], shape[:2], kernel_initializer=initializer)
    network = keras.Sequential([keras.Input((8, 8, shape[2])), layer])
    found = kernels.kernels(network)
    [values] = kernels.TopSingularValues(found)()
    np.testing.assert_allclose(values, exact(layer.kernel.numpy().reshape(-1, shape[-1])), rtol=1e-3, atol=1e-12)


@pytest.mark.parametrize("noise", [1e-3, 1e-2, 5e-2])
def test_nearly_orthogonal_kernels_which_the_power_method_cannot_tell_apart(noise):
    matrix = scipy.stats.ortho_group.rvs(256, random_state=1)[:128] + noise * RNG.normal(size=(128, 256)) / 16
    [values] = kernels.TopSingularValues([kernel(matrix)], 5)()
    np.testing.assert_allclose(values, exact(matrix, 5), rtol=1e-3)


def test_values_are_followed_along_moving_weights():
    shapes = [(3, 3, 3, 16), (3, 3, 16, 24), (1, 1, 24, 2), (40, 50), (50, 1)]
    found = [kernels.Kernel(str(shape), keras.Variable(RNG.normal(size=shape)), -1) for shape in shapes]
    top = kernels.TopSingularValues(found)
    directions = [RNG.normal(size=k.shape) for k in found]
    for step in range(5):
        values = top()
        for k, direction, row in zip(found, directions, values):
            wanted = exact(k.matrix())
            np.testing.assert_allclose(row[: len(wanted)], wanted, rtol=1e-3)
            assert np.isnan(row[len(wanted) :]).all()
            jump = 4.0 ** (step - 3)  # from drifting to being replaced
            k.variable.assign(k.variable + k.unfold(_wide(jump * direction / np.linalg.norm(direction, 2))))


def test_what_grows_outside_of_the_followed_directions_is_found():
    """A diagonal matrix: no rounding error leads from some of its singular vectors to another."""
    sizes = np.linspace(2, 1, 60)
    sizes[:8] = np.linspace(9, 8, 8)
    followed = kernel(np.diag(sizes))
    top = kernels.TopSingularValues([followed])
    for _ in range(5):
        np.testing.assert_allclose(top()[0], sizes[:3], rtol=1e-3)
    sizes[40] = 10
    followed.variable.assign(np.diag(sizes))
    np.testing.assert_allclose(top()[0], [10, *sizes[:2]], rtol=1e-3)


def test_later_calls_need_fewer_rounds():
    matrix = RNG.normal(size=(128, 576)).astype("float32")
    left = np.linalg.qr(RNG.normal(size=(128, 8)))[0].astype("float32")
    left, _, _ = kernels.settle(matrix, left, 3)
    nearby = matrix + 0.01 * RNG.normal(size=matrix.shape).astype("float32")
    _, values, _ = kernels.improve(nearby, left, 1)
    np.testing.assert_allclose(values[:3], exact(nearby), rtol=1e-3)


def test_improved_vectors_are_singular_vectors():
    matrix = RNG.normal(size=(20, 50)).astype("float32")
    left, values, right = kernels.settle(matrix, np.eye(20, 8, dtype="float32"), 3)
    np.testing.assert_allclose(matrix @ right[:, :3], left[:, :3] * values[:3], atol=1e-4)
    np.testing.assert_allclose(matrix.T @ left[:, :3], right[:, :3] * values[:3], atol=0.02 * values[0])
    np.testing.assert_allclose(tf.transpose(left) @ left, np.eye(8), atol=1e-5)


def test_kernels_that_are_not_finite_give_nan_and_are_taken_up_again():
    found = kernel(RNG.normal(size=(9, 7)))
    good = found.variable.numpy()
    top = kernels.TopSingularValues([found])
    top()
    found.variable.assign(np.full(good.shape, np.nan))
    assert np.isnan(top()).all()
    found.variable.assign(good)
    np.testing.assert_allclose(top()[0], exact(good), rtol=1e-3)
    with pytest.raises(ValueError, match="k: expected an integer of at least 1, got 0"):
        kernels.TopSingularValues([found], 0)


@pytest.mark.parametrize("shape", [(30, 80), (1, 40)])
def test_two_vectors_follow_a_matrix_that_moves_a_little_each_step(shape):
    matrix = RNG.normal(size=shape)
    drift = RNG.normal(size=shape)
    right = kernels.first_right(matrix.astype("float32"), min(2, shape[0]))
    np.testing.assert_allclose(np.linalg.norm(matrix @ right, axis=0), exact(matrix, 2), rtol=1e-3)
    step = tf.function(kernels.follow)
    for _ in range(100):
        matrix += 0.006 * drift
        left, values, right = step(tf.constant(matrix, "float32"), right)
    u, s, vt = np.linalg.svd(matrix)
    np.testing.assert_allclose(values[0], s[0], rtol=1e-3)
    np.testing.assert_allclose(values[1:], s[1:2], rtol=1e-2)  # it is close to the third, which is not followed
    np.testing.assert_allclose(np.abs(np.sum(left[:, 0] * u[:, 0])), 1, atol=0.02)
    np.testing.assert_allclose(np.abs(np.sum(right[:, 0] * vt[0])), 1, atol=0.02)


def test_two_vectors_survive_a_matrix_of_zeros():
    right = np.eye(9, 2, dtype="float32")
    _, values, right = kernels.follow(np.zeros([5, 9], "float32"), right)
    np.testing.assert_allclose(values, 0, atol=1e-9)
    matrix = RNG.normal(size=(5, 9)).astype("float32")
    step = tf.function(kernels.follow)
    for _ in range(100):
        _, values, right = step(tf.constant(matrix), tf.constant(right))
    np.testing.assert_allclose(values, exact(matrix, 2), rtol=1e-4)


def _wide(matrix):
    return (matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T).astype("float32")
