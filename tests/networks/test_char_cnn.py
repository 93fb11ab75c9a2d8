"""The character language model's networks: counts, the functions they compute, initial weights."""

import numpy as np
import pytest

from kerasgan.networks import char_cnn
from tests.networks import numpy_layers as np_layers

RNG = np.random.default_rng(0)


def test_parameter_counts():
    blocks, vocabulary = 5 * 2 * (5 * 512 * 512 + 512), 97
    generator = 129 * 32 * 512 + blocks + (512 + 1) * vocabulary
    critic = (vocabulary + 1) * 512 + blocks + 32 * 512 + 1
    assert np_layers.parameters(char_cnn.generator((32, vocabulary))) == generator
    assert np_layers.parameters(char_cnn.critic((32, vocabulary))) == critic


def residual_blocks(x, convs, number):
    for _ in range(number):
        residual = np_layers.conv1d(np_layers.relu(x), *next(convs))
        x = x + 0.3 * np_layers.conv1d(np_layers.relu(residual), *next(convs))
    return x


def test_generator_computes_the_authors_function():
    network = np_layers.randomize(char_cnn.generator((7, 5), latent_dim=6, filters=4, blocks=3))
    z = RNG.normal(size=(2, 6))
    [dense], convs = np_layers.weights_of(network, np_layers.DENSE), np_layers.weights_of(network, np_layers.CONV1D)
    x = residual_blocks(np_layers.dense(z, *dense).reshape(2, 7, 4), convs, 3)
    scores = np.exp(np_layers.conv1d(x, *next(convs)))
    probabilities = network(z).numpy()
    assert probabilities.shape == (2, 7, 5) and probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(probabilities, scores / scores.sum(-1, keepdims=True), rtol=1e-3, atol=1e-5)


def test_critic_computes_the_authors_function():
    network = np_layers.randomize(char_cnn.critic((7, 5), filters=4, blocks=3))
    text = np.eye(5)[RNG.integers(0, 5, (2, 7))]
    convs = np_layers.weights_of(network, np_layers.CONV1D)
    x = residual_blocks(np_layers.conv1d(text, *next(convs)), convs, 3)
    expected = np_layers.dense(x.reshape(2, -1), *network.get_layer("logit").get_weights())
    np.testing.assert_allclose(network(text), expected, rtol=1e-3, atol=1e-4)


def test_convolutions_start_uniform_with_variance_4_over_the_fans():
    *residual, last = (kernel for kernel, _ in np_layers.weights_of(char_cnn.generator((32, 97)), np_layers.CONV1D))
    assert len(residual) == 10
    for kernel in residual:
        assert kernel.std() == pytest.approx((4 / (2 * 5 * 512)) ** 0.5, rel=0.01)
        assert 0.999 < np.abs(kernel).max() / (12 / (2 * 5 * 512)) ** 0.5 < 1.00001
    assert last.std() == pytest.approx((4 / (512 + 97)) ** 0.5, rel=0.02)


@pytest.mark.parametrize("shape", [(32,), (32, 32, 3), (0, 5), (5, 0), 32, "32", (8, "b")])
def test_wrong_shapes_are_named(shape):
    for build in (char_cnn.generator, char_cnn.critic):
        with pytest.raises(ValueError, match=r"image_shape: expected \(length, vocabulary\); got"):
            build(shape)


@pytest.mark.parametrize("name", ["filters", "blocks", "num_classes", "latent_dim"])
def test_numbers_that_are_not_positive_are_named(name):
    for build in (char_cnn.generator,) if name == "latent_dim" else (char_cnn.generator, char_cnn.critic):
        with pytest.raises(ValueError, match=f"{name}: expected an integer of at least 1, got 0"):
            build((7, 5), **{name: 0})
