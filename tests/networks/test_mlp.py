"""Perceptrons for points: counts, the function they compute, their initial weights."""

import numpy as np
import pytest

from kerasgan.networks import mlp
from tests.networks import numpy_layers as np_layers

RNG = np.random.default_rng(0)


def count(sizes):
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in zip(sizes, sizes[1:]))


def test_parameter_counts():
    assert np_layers.parameters(mlp.generator()) == count([2, 512, 512, 512, 2]) == 527_874
    assert np_layers.parameters(mlp.critic()) == count([2, 512, 512, 512, 1]) == 527_361
    assert np_layers.parameters(mlp.critic(depth=12)) == count([2, *[512] * 12, 1])
    assert np_layers.parameters(mlp.generator((3,), latent_dim=5, width=7, depth=2)) == count([5, 7, 7, 3])
    assert np_layers.parameters(mlp.generator(num_classes=4, width=7)) == count([2 + 32, 7, 7, 7, 2]) + 4 * 32
    assert np_layers.parameters(mlp.critic(num_classes=4, width=7)) == count([2, 7, 7, 7, 1]) + 4 * 7


@pytest.mark.parametrize(
    ("network", "function"),
    [
        (mlp.generator(width=5, depth=2), np_layers.relu),
        (mlp.critic(width=5, depth=2), np_layers.relu),
        (mlp.critic(width=5, depth=2, activation="tanh"), np.tanh),
    ],
)
def test_computes_a_perceptron_with_linear_output(network, function):
    np_layers.randomize(network)
    points = RNG.normal(size=(6, 2)) * 5
    *hidden, last = np_layers.weights_of(network, np_layers.DENSE)
    x = points
    for weights in hidden:
        x = function(np_layers.dense(x, *weights))
    np.testing.assert_allclose(network(points), np_layers.dense(x, *last), rtol=1e-4, atol=1e-5)
    assert len(hidden) == 2


def test_hidden_layers_start_he_uniform_and_the_output_glorot_uniform():
    first, second, _, last = (weights[0] for weights in np_layers.weights_of(mlp.critic(), np_layers.DENSE))
    for kernel, bound in ((first, (6 / 2) ** 0.5), (second, (6 / 512) ** 0.5), (last, (6 / 513) ** 0.5)):
        assert 0.97 * bound < np.abs(kernel).max() < 1.00001 * bound
        assert kernel.std() == pytest.approx(bound / 3**0.5, rel=0.06)


@pytest.mark.parametrize("shape", [(), (2, 2), (32, 32, 1), (0,), 2, None, ("a",), (2.5,)])
def test_wrong_shapes_are_named(shape):
    for build in (mlp.generator, mlp.critic):
        with pytest.raises(ValueError, match=r"image_shape: expected \(D,\), the shape of a point; got"):
            build(shape)


@pytest.mark.parametrize("name", ["width", "depth", "latent_dim", "num_classes"])
def test_numbers_that_are_not_positive_are_named(name):
    builds = (mlp.generator,) if name == "latent_dim" else (mlp.generator, mlp.critic)
    for build in builds:
        with pytest.raises(ValueError, match=f"{name}: expected an integer of at least 1, got 0"):
            build(**{name: 0})


def test_critics_of_features_are_for_unconditional_objectives():
    assert mlp.critic((2,), width=4, outputs=6).output_shape == (None, 6)
    with pytest.raises(ValueError, match=r"outputs: expected 1 for a conditional critic \(num_classes=3\); got 6"):
        mlp.critic((2,), num_classes=3, outputs=6)
