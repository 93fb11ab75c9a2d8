"""The 101-layer ResNet: its layers and parameters counted, the function a small one computes, initial weights."""

import keras
import numpy as np
import pytest

import kerasgan
from kerasgan.networks import resnet_bottleneck
from tests.networks import numpy_layers as np_layers

RNG = np.random.default_rng(0)
WEIGHTED = (keras.layers.Conv2D, keras.layers.Conv2DTranspose, keras.layers.Dense)


def conv(fan_in, fan_out, size):
    return size * size * fan_in * fan_out + fan_out


def block(width_in, width_out, shortcut=0):
    """Parameters: 1x1, 3x3, 1x1 without bias, one normalization, and the shortcut's convolution."""
    inner, outer = width_in // 2, width_out // 2
    return conv(width_in, inner, 1) + conv(inner, outer, 3) + outer * width_out + 2 * width_out + shortcut


def plain_blocks(filters, blocks):
    stages = [(filters // 2, blocks - 1), *((filters * 2**k, blocks) for k in range(4))]
    return sum(number * block(width, width) for width, number in stages)


def generator_count(filters, blocks, latent_dim=128, channels=3):
    widths = [8 * filters, 4 * filters, 2 * filters, filters, filters // 2]
    ups = sum(block(a, b, conv(a, 4 * b, 1)) for a, b in zip(widths, widths[1:]))
    ends = (latent_dim + 1) * 16 * widths[0] + conv(widths[-1], channels, 1)
    return plain_blocks(filters, blocks) + ups + ends


def critic_count(filters, blocks, channels=3):
    widths = [filters // 2, filters, 2 * filters, 4 * filters, 8 * filters]
    downs = sum(block(a, b, conv(a, b, 1)) for a, b in zip(widths, widths[1:]))
    ends = conv(channels, widths[0], 1) + 16 * widths[-1] + 1
    return plain_blocks(filters, blocks) + downs + ends


def test_full_networks_have_101_layers_and_the_parameters_of_their_blocks():
    generator, critic = resnet_bottleneck.generator(), resnet_bottleneck.critic()
    for network in (generator, critic):
        weighted = [layer for layer in network.layers if isinstance(layer, WEIGHTED)]
        assert len(weighted) - sum(map(is_shortcut, weighted)) == 101
        assert sum(map(is_shortcut, weighted)) == 4
    assert np_layers.parameters(generator) == generator_count(64, 6)
    assert np_layers.parameters(critic) == critic_count(64, 6)


@pytest.mark.parametrize("blocks", [1, 2])
def test_small_networks_have_the_parameters_of_their_blocks(blocks):
    generator = resnet_bottleneck.generator((64, 64, 1), latent_dim=5, filters=4, blocks=blocks)
    critic = resnet_bottleneck.critic((64, 64, 1), filters=4, blocks=blocks)
    assert np_layers.parameters(generator) == generator_count(4, blocks, latent_dim=5, channels=1)
    assert np_layers.parameters(critic) == critic_count(4, blocks, channels=1)


def split(network):
    """Weights of the main path's layers and of the shortcuts' convolutions, both from input to output."""
    weighted = [layer for layer in network.layers if isinstance(layer, WEIGHTED)]
    main = [layer.get_weights() for layer in weighted if not is_shortcut(layer)]
    return iter(main), iter([layer.get_weights() for layer in weighted if is_shortcut(layer)])


def is_shortcut(layer):
    """Whether this is a 1x1 convolution to twice the channels, with a bias, which the others to so many lack."""
    if not isinstance(layer, keras.layers.Conv2D) or layer.kernel_size != (1, 1) or not layer.use_bias:
        return False
    return layer.filters == 2 * layer.input.shape[-1]


def depth_to_space(x):
    """Channel (2 a + b) C + c of a pixel becomes channel c of the pixel a below and b to the right."""
    n, rows, columns, channels = x.shape
    out = np.zeros((n, 2 * rows, 2 * columns, channels // 4))
    for a in range(2):
        for b in range(2):
            out[:, a::2, b::2] = x[..., (2 * a + b) * channels // 4 : (2 * a + b + 1) * channels // 4]
    return out


def residual(x, weights, norm, middle):
    x = np_layers.conv2d(np_layers.relu(x), *next(weights))
    x = middle(np_layers.relu(x), *next(weights))
    return 0.3 * norm(np_layers.conv2d(np_layers.relu(x), *next(weights)))


def test_generator_computes_the_authors_function():
    network = np_layers.randomize(resnet_bottleneck.generator((64, 64, 2), latent_dim=5, filters=4, blocks=1))
    main, shortcuts = split(network)
    norms = np_layers.weights_of(network, np_layers.BATCH_NORM)
    z = RNG.normal(size=(2, 5))

    def norm(x):
        return np_layers.batch_norm(x, *next(norms))

    x = np_layers.dense(z, *next(main)).reshape(2, 4, 4, 32)
    x = x + residual(x, main, norm, np_layers.conv2d)
    for stage in range(1, 5):
        shortcut = depth_to_space(np_layers.conv2d(x, *next(shortcuts)))
        x = shortcut + residual(x, main, norm, np_layers.conv2d_transpose)
        if stage < 4:
            x = x + residual(x, main, norm, np_layers.conv2d)
    expected = np.tanh(np_layers.conv2d(x, *next(main)) / 5)
    images = network(z).numpy()
    assert images.shape == (2, 64, 64, 2) and np.abs(images).max() <= 1 and images.std() > 0.02
    np.testing.assert_allclose(images, expected, rtol=1e-3, atol=1e-4)


def test_critic_computes_the_authors_function():
    network = np_layers.randomize(resnet_bottleneck.critic((64, 64, 2), filters=4, blocks=1))
    main, shortcuts = split(network)
    norms = np_layers.weights_of(network, np_layers.LAYER_NORM)
    images = RNG.uniform(-1, 1, (2, 64, 64, 2))

    def norm(x):
        return np_layers.layer_norm(x, *next(norms))

    def strided(x, kernel, bias):
        return np_layers.conv2d(x, kernel, bias, stride=2)

    x = np_layers.conv2d(images, *next(main))
    for _ in range(4):
        x = strided(x, *next(shortcuts)) + residual(x, main, norm, strided)
        x = x + residual(x, main, norm, np_layers.conv2d)
    expected = np_layers.dense(x.reshape(2, -1), *network.get_layer("logit").get_weights()) / 5
    np.testing.assert_allclose(network(images), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("normalization", ["batch", "layer", None])
def test_normalizations(normalization):
    network = resnet_bottleneck.critic((64, 64, 1), filters=4, blocks=1, normalization=normalization)
    kinds = {"batch": keras.layers.BatchNormalization, "layer": kerasgan.layers.SampleNormalization}
    found = {name: sum(isinstance(layer, kind) for layer in network.layers) for name, kind in kinds.items()}
    assert found == {"batch": 0, "layer": 0, **({normalization: 8} if normalization else {})}


def test_initial_weights_count_the_outputs_that_an_input_reaches():
    generator, critic = resnet_bottleneck.generator(blocks=1), resnet_bottleneck.critic(blocks=1)
    up = next(np_layers.weights_of(generator, np_layers.TRANSPOSE))[0]  # from 8x8 with 256 channels to 128
    assert up.shape == (3, 3, 128, 256)
    assert up.std() == pytest.approx((4 / (256 * 9 / 4 + 128 * 9)) ** 0.5, rel=0.02)
    *_, down = np_layers.weights_of(critic, np_layers.CONV, kernel_size=(3, 3), strides=(2, 2))
    assert down[0].shape == (3, 3, 128, 256)
    assert down[0].std() == pytest.approx((4 / (128 * 9 + 256 * 9 / 4)) ** 0.5, rel=0.02)
    *_, shortcut = split(critic)[1]
    assert shortcut[0].shape == (1, 1, 256, 512)
    assert shortcut[0].std() == pytest.approx((2 / (256 + 512 / 4)) ** 0.5, rel=0.02)


def test_wrong_arguments_are_named():
    for build in (resnet_bottleneck.generator, resnet_bottleneck.critic):
        with pytest.raises(ValueError, match=r"image_shape: expected \(size, size, channels\) with size 64; got"):
            build((32, 32, 3))
        with pytest.raises(ValueError, match="filters: expected a multiple of 4; got 6"):
            build(filters=6)
        with pytest.raises(ValueError, match="filters: expected an integer of at least 4, got 0"):
            build(filters=0)
        with pytest.raises(ValueError, match="blocks: expected an integer of at least 1, got 0"):
            build(blocks=0)
        with pytest.raises(ValueError, match="num_classes: expected an integer of at least 1, got 0"):
            build(num_classes=0, filters=4, blocks=1)
    with pytest.raises(ValueError, match='normalization: expected one of "batch", "layer", None; got \'group\''):
        resnet_bottleneck.critic(normalization="group")
