"""The penalty and the clamp on first singular values against NumPy's SVD.

That they are saved, go on, and do the same on two replicas is tested with the objectives (`tests/points.py` has them).
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import layers, techniques

BOUNDS = [{"fixed": 0.8}, {"ratio": 1.3}]


def gan(technique):
    """Return a model of 4x4 images whose generator's kernels, of several kinds, have singular values from 0.7 to 0.2.

    A singular vector is a function of the kernel only where values lie apart.
    """
    keras.utils.set_random_seed(0)
    z = keras.Input((4,))
    x = keras.layers.Reshape((2, 2, 3))(keras.layers.Dense(12, name="dense")(z))
    x = layers.SpectralNormalization(keras.layers.Conv2DTranspose(5, 4, strides=2, padding="same"), name="up")(x)
    generator = keras.Model(z, keras.layers.Conv2D(1, 3, padding="same", activation="tanh", name="image")(x))
    images = keras.Input((4, 4, 1))
    x = keras.layers.Flatten()(keras.layers.Conv2D(6, 3, activation="relu")(images))
    critic = keras.Model(images, keras.layers.Dense(1)(x))
    for variable, axis, matrix in matrices(generator):
        u, s, vt = np.linalg.svd(matrix, full_matrices=False)
        fold(variable, axis, u * np.linspace(0.7, 0.2, len(s)) @ vt)
    return kerasgan.HingeGAN(generator, critic, techniques=[technique])


def matrices(network):
    """Return the kernels as float64 matrices with a row an output channel, by NumPy alone, with their variables."""
    found = []
    for variable in network.trainable_variables:
        if variable.path.endswith("kernel"):
            axis = -2 if variable.path.startswith("up") else -1
            matrix = np.moveaxis(variable.numpy().astype("float64"), axis, 0)
            found.append((variable, axis, matrix.reshape(len(matrix), -1)))
    return found


def fold(variable, axis, matrix):
    """Give a variable the values of its matrix."""
    shape = list(variable.shape)
    variable.assign(np.moveaxis(matrix.reshape(shape.pop(axis), *shape), 0, axis))


def bound_of(values, fixed=None, ratio=None):
    """Return the bound for a spectrum; `None` where there is none."""
    if fixed is not None:
        return fixed
    return ratio * values[1] if len(values) > 1 else None


def penalty_of(weight, fixed=None, ratio=None, **arguments):
    return techniques.SingularValuePenalty(weight, target=fixed, ratio=ratio, **arguments)


def clamp_of(fixed=None, ratio=None, **arguments):
    return techniques.SingularValueClamp(clamp=fixed, ratio=ratio, **arguments)


@pytest.mark.parametrize("bound", BOUNDS)
def test_value_and_gradient_of_the_penalty_are_those_of_an_svd(bound):
    """At the start and after training steps, with the objective's gradients, that move the weights."""
    model = gan(penalty_of(0.7, **bound))
    model.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    images = np.random.default_rng(0).uniform(-1, 1, (8, 4, 4, 1)).astype("float32")
    for steps in (0, 40):
        if steps:
            model.fit(tf.data.Dataset.from_tensors(images).repeat(steps), verbose=0)
        variables = model.generator.trainable_variables
        with tf.GradientTape() as tape:
            penalty = model.techniques[0].penalty(variables)
        gradients = dict(zip(map(id, variables), tape.gradient(penalty, variables)))
        wanted = 0.0
        for variable, axis, matrix in matrices(model.generator):
            u, s, vt = np.linalg.svd(matrix, full_matrices=False)
            target = bound_of(s, **bound)
            gradient = gradients.pop(id(variable))
            if target is None:
                assert gradient is None
                continue
            wanted += 0.7 * (s[0] - target) ** 2
            gradient = np.moveaxis(gradient.numpy(), axis, 0).reshape(matrix.shape)
            expected = 1.4 * (s[0] - target) * np.outer(u[:, 0], vt[0])
            np.testing.assert_allclose(gradient, expected, atol=0.02 * np.abs(expected).max() + 1e-4)
        assert all(gradient is None for gradient in gradients.values())  # of biases
        np.testing.assert_allclose(penalty, wanted, rtol=5e-3)


def test_updates_bring_the_first_value_to_the_target():
    model = gan(penalty_of(1.0, fixed=0.9))
    model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.0))
    update = tf.function(
        lambda: model.update_generator(lambda real: 0.0 * tf.reduce_sum(model.generator.weights[0]), None)
    )
    for _ in range(40):
        update()
    for _, _, matrix in matrices(model.generator):
        np.testing.assert_allclose(np.linalg.svd(matrix, compute_uv=False)[0], 0.9, rtol=0.01)


@pytest.mark.parametrize("jit_compile, bound", list(zip((False, True), BOUNDS)))
def test_the_clamp_is_the_papers_update_at_every_step(bound, jit_compile):
    """A loss with a constant gradient pushes one direction up; the SVD of what the clamp gets says what it gives."""
    numbers = np.random.default_rng(1)
    model = gan(clamp_of(**bound))
    model.compile(keras.optimizers.SGD(0.02), keras.optimizers.SGD(0.0))
    variables, pushes = [], []
    for variable, axis, matrix in matrices(model.generator):
        u, s, vt = np.linalg.svd(matrix, full_matrices=False)
        push = keras.Variable(variable)
        fold(push, axis, np.outer(u[:, 0], vt[0]) + 0.1 * numbers.normal(size=matrix.shape) / np.sqrt(matrix.size))
        variables.append(variable)
        pushes.append(push.numpy())

    def loss(real):
        return -sum(tf.reduce_sum(variable * push) for variable, push in zip(variables, pushes))

    update = tf.function(lambda: model.update_generator(loss, None), jit_compile=jit_compile)
    clamped = 0
    for _ in range(40):
        before = matrices(model.generator)
        update()
        for (_, axis, old), push, (_, _, new) in zip(before, pushes, matrices(model.generator)):
            pushed = old + 0.02 * np.moveaxis(push, axis, 0).reshape(old.shape)
            u, s, vt = np.linalg.svd(pushed, full_matrices=False)
            limit = bound_of(s, **bound)
            if limit is None:
                np.testing.assert_allclose(new, pushed, atol=1e-6)
                continue
            excess = max(0.0, s[0] - limit)
            clamped += excess > 0.01
            np.testing.assert_allclose(new, pushed - excess * np.outer(u[:, 0], vt[0]), atol=2e-3)
            top = np.linalg.svd(new, compute_uv=False)[0]
            np.testing.assert_allclose(top, min(s[0], limit), rtol=2e-3)
    assert clamped > 40


@pytest.mark.parametrize("kind, name", [(penalty_of, "target"), (clamp_of, "clamp")])
def test_wrong_arguments_are_named(kind, name):
    first = [] if kind is clamp_of else [1.0]
    with pytest.raises(ValueError, match=f"{name}, ratio: expected one of them; got None and None"):
        kind(*first)
    with pytest.raises(ValueError, match=f"{name}, ratio: expected one of them; got 1.0 and 2.0"):
        kind(*first, fixed=1.0, ratio=2.0)
    with pytest.raises(ValueError, match=f"{name}: expected a positive number; got -1"):
        kind(*first, fixed=-1)
    with pytest.raises(ValueError, match="ratio: expected a positive number; got 0"):
        kind(*first, ratio=0)
    with pytest.raises(ValueError, match="generator, critic: expected at least one"):
        kind(*first, fixed=1.0, generator=False)


def test_a_ratio_below_one_and_a_negative_weight_are_named():
    with pytest.raises(ValueError, match="ratio: expected a number of at least 1; got 0.5"):
        techniques.SingularValueClamp(ratio=0.5)
    with pytest.raises(ValueError, match="weight: expected a number of at least 0; got -1"):
        techniques.SingularValuePenalty(-1, target=1.0)
