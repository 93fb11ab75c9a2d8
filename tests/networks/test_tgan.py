"""T-GAN's networks: counts of the author's, the functions they compute, spectral normalization."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.layers import UnitGain
from kerasgan.networks import tgan
from tests.networks import numpy_layers as np_layers

RNG = np.random.default_rng(0)
COUNTS = {  # size: encoder, head, generator
    32: (708_416, 16_896, 978_627),
    64: (4_308_352, 263_168, 5_150_723),
    128: (17_218_304, 525_312, 19_103_235),
    256: (69_653_248, 1_049_600, 73_222_659),
}


@pytest.mark.parametrize("size", COUNTS)
def test_parameter_counts_of_the_authors_networks(size):
    shape = (size, size, 3)
    encoder = tgan.encoder(shape)
    features = encoder.output_shape[-1]
    head = tgan.head(features, width=256, negative_slope=0.1) if size == 32 else tgan.head(features)
    generator = tgan.generator(shape, latent_dim=64 if size == 32 else 100)
    assert tuple(np_layers.parameters(network) for network in (encoder, head, generator)) == COUNTS[size]
    assert features == (64 if size == 32 else 8 * size)
    assert generator.output_shape == (None, *shape)
    if size > 32:
        assert encoder.layers[-3].output.shape[1] == (4 if size == 64 else 8)  # before the average over positions


def test_encoder_computes_the_authors_function_at_64_pixels():
    network = np_layers.randomize(tgan.encoder((64, 64, 3)), kernels=0.03)
    images = RNG.uniform(-1, 1, (2, 64, 64, 3))
    convs, norms = (np_layers.weights_of(network, kind) for kind in (np_layers.CONV, np_layers.BATCH_NORM))
    x = np_layers.leaky_relu(np_layers.conv2d(images, *next(convs), stride=2), 0.3)
    for _ in range(3):
        x = np_layers.conv2d(x, *next(convs), stride=2)
        x = np_layers.leaky_relu(np_layers.batch_norm(x, *next(norms), epsilon=1e-3), 0.3)
    np.testing.assert_allclose(network(images), x.mean((1, 2)), rtol=1e-3, atol=1e-3)


def test_encoder_computes_the_authors_function_at_32_pixels():
    network = np_layers.randomize(tgan.encoder((32, 32, 3)))
    images = RNG.uniform(-1, 1, (2, 32, 32, 3))
    convs, norms = (np_layers.weights_of(network, kind) for kind in (np_layers.CONV, np_layers.BATCH_NORM))
    x = images
    for stride in (1, 2, 1, 2):
        x = np_layers.conv2d(x, *next(convs), stride=stride, padding="valid")
        x = np_layers.leaky_relu(np_layers.batch_norm(x, *next(norms), epsilon=1e-3), 0.3)
    expected = np_layers.conv2d(x, *next(convs)).mean((1, 2))
    np.testing.assert_allclose(network(images), expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("size", [32, 64])
def test_a_unit_gain_divides_batch_norms_gain_by_its_norm(size):
    """The plain encoder with the gains that come out computes the same; there are as many parameters."""
    plain, unit = tgan.encoder((size, size, 3)), tgan.encoder((size, size, 3), unit_gain=True)
    assert np_layers.parameters(plain) == np_layers.parameters(unit) == COUNTS[size][0]
    np_layers.randomize(unit, kernels=0.03)
    convs = [[layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)] for network in (plain, unit)]
    for ours, theirs in zip(*convs, strict=True):
        ours.set_weights(theirs.get_weights())
    norms = [
        [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
        for network in (plain, unit)
    ]
    gains = [layer for layer in unit.layers if isinstance(layer, UnitGain)]
    for ours, theirs, gain in zip(*norms, gains, strict=True):
        gamma = gain.gain.numpy() / np.linalg.norm(gain.gain.numpy())
        ours.set_weights([gamma, gain.bias.numpy(), theirs.moving_mean.numpy(), theirs.moving_variance.numpy()])
    images = RNG.uniform(-1, 1, (4, size, size, 3)).astype("float32")
    for training in (False, True):
        wanted = plain(images, training=training).numpy()
        np.testing.assert_allclose(unit(images, training=training), wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())


def test_the_gradient_of_a_unit_gain_is_orthogonal_to_it():
    layer, x = UnitGain(), RNG.normal(size=(5, 6)).astype("float32")
    layer.build(x.shape)
    layer.gain.assign(RNG.normal(size=6))
    gain = layer.gain.numpy().astype("float64")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x) ** 2)
    unit = gain / np.linalg.norm(gain)
    plain = (2 * x * (x * unit)).sum(axis=0)
    expected = (plain - (plain @ unit) * unit) / np.linalg.norm(gain)
    np.testing.assert_allclose(tape.gradient(loss, layer.gain), expected, rtol=1e-4, atol=1e-5)


def test_head_computes_a_perceptron_without_last_bias():
    network = np_layers.randomize(tgan.head(6, width=5, negative_slope=0.1))
    x = RNG.normal(size=(4, 6))
    (kernel, bias), (last,) = np_layers.weights_of(network, np_layers.DENSE)
    expected = np_layers.leaky_relu(x @ kernel + bias, 0.1) @ last
    np.testing.assert_allclose(network(x), expected, rtol=1e-4, atol=1e-5)


def test_generator_computes_the_authors_function_at_64_pixels():
    network = np_layers.randomize(tgan.generator((64, 64, 3), latent_dim=5), kernels=0.03)
    z = RNG.normal(size=(2, 5))
    norms, transposes = (np_layers.weights_of(network, kind) for kind in (np_layers.BATCH_NORM, np_layers.TRANSPOSE))
    [dense] = np_layers.weights_of(network, np_layers.DENSE)
    x = np_layers.relu(np_layers.batch_norm(np_layers.dense(z, *dense), *next(norms), epsilon=1e-3))
    x = x.reshape(2, 4, 4, 512)
    for _ in range(3):
        x = np_layers.conv2d_transpose(x, *next(transposes))
        x = np_layers.relu(np_layers.batch_norm(x, *next(norms), epsilon=1e-3))
    expected = np.tanh(np_layers.conv2d_transpose(x, *next(transposes)))
    images = network(z).numpy()
    assert np.abs(images).max() <= 1 and images.std() > 0.01
    np.testing.assert_allclose(images, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("size", [32, 64])
def test_pairwise_critic_is_the_head_of_the_difference_of_features(size):
    critic = tgan.critic((size, size, 1))
    first, second = RNG.uniform(-1, 1, (2, 2, size, size, 1))
    hidden = [layer.units for layer in critic.head.layers if type(layer) is keras.layers.Dense]
    assert hidden == [256 if size == 32 else 512, 1]
    expected = critic.head(critic.encoder(first) - critic.encoder(second))
    np.testing.assert_allclose(critic([first, second]), expected, rtol=1e-5, atol=1e-6)


def test_batch_norm_behind_the_first_convolution_hides_how_bright_a_batch_is():
    """Without padding c adds the same to all places of a channel, which batch norm takes off: E(x + c) = E(x)."""
    real, fake = RNG.uniform(-0.5, 0.5, (2, 8, 32, 32, 1)).astype("float32")
    moved = {}
    for first_norm in (True, False):
        critic = tgan.critic((32, 32, 1), first_norm=first_norm)
        plain, brighter = (critic.both_orders(real, fake + c, training=True)[0].numpy() for c in (0.0, 0.3))
        moved[first_norm] = np.abs(brighter - plain).max() / np.abs(plain).max()
        assert len(critic.encoder.layers) == 15 + first_norm
    assert moved[True] < 1e-3 and moved[False] > 0.1, moved


def test_spectral_normalization_wraps_all_kernels_of_encoder_and_head():
    from kerasgan.layers import SpectralNormalization

    for size in (32, 64):
        networks = tgan.encoder((size, size, 3), spectral=True), tgan.head(512, spectral=True)
        for network, plain in zip(networks, (tgan.encoder((size, size, 3)), tgan.head(512))):
            kinds = (keras.layers.Conv2D, keras.layers.Dense)
            wrapped = [layer for layer in network.layers if type(layer) is SpectralNormalization]
            assert not [layer for layer in network.layers if type(layer) in kinds]
            assert [type(layer.layer) for layer in wrapped] == [type(x) for x in plain.layers if type(x) in kinds]
            assert np_layers.parameters(network) == np_layers.parameters(plain)
    kernel = wrapped[0].kernel.numpy()
    x = RNG.normal(size=(3, 512)).astype("float32")
    expected = x @ kernel / np.linalg.norm(kernel, 2)
    np.testing.assert_allclose(wrapped[0](x), expected, rtol=0.05, atol=1e-2)


@pytest.mark.parametrize("shape", [(48, 48, 3), (64, 32, 3), (64, 64), (512, 512, 3)])
def test_wrong_shapes_are_named(shape):
    for build in (tgan.encoder, tgan.critic, tgan.generator):
        with pytest.raises(ValueError, match="image_shape: expected .* size one of 32, 64, 128, 256; got"):
            build(shape)


def test_wrong_numbers_are_named():
    for name in ("feature_dim", "width"):
        with pytest.raises(ValueError, match=f"{name}: expected an integer of at least 1, got 0"):
            tgan.head(**{name: 0})
    for name in ("latent_dim", "num_classes"):
        with pytest.raises(ValueError, match=f"{name}: expected an integer of at least 1, got 0"):
            tgan.generator(**{name: 0})
    with pytest.raises(ValueError, match="num_classes: expected None, as T-GANs are unconditional; got 10"):
        tgan.critic(num_classes=10)
