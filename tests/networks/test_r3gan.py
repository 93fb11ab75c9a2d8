"""R3GAN's networks: published parameter counts, initial weights, sizes, and the layers they are made of."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.layers import Downsampling, GroupedConv2D, Upsampling
from kerasgan.networks import r3gan
from tests.networks.numpy_layers import parameters

SMALL = {"widths": (8, 6, 4), "blocks": (2, 1, 1), "groups": (4, 2, 1)}


@pytest.mark.parametrize(
    ("classes", "generator", "critic"), [(10, 20_781_952, 21_280_512), (None, 20_732_160, 20_683_776)]
)
def test_cifar_networks_have_the_papers_parameters(classes, generator, critic):
    assert parameters(r3gan.generator(num_classes=classes)) == generator
    assert parameters(r3gan.critic(num_classes=classes)) == critic


def test_larger_images_have_the_papers_widths_and_groups():
    for size, widths in ((64, [768] * 4 + [384]), (256, [768] * 4 + [384, 192, 96])):
        _, stages = r3gan._stages((size, size, 3), None, 2, None, 2)
        assert stages == [(width, 2, width // 8) for width in widths]  # 96, 48, 24 and 12 groups


@pytest.mark.parametrize("size", [16, 32, 64])
@pytest.mark.parametrize("classes", [None, 3])
def test_sizes_of_images(size, classes):
    widths = [16] * (size.bit_length() - 2)
    generator = r3gan.generator((size, size, 1), 5, classes, widths, blocks=1, embedding_dim=4)
    critic = r3gan.critic((size, size, 1), classes, widths, blocks=1)
    labels = [] if classes is None else [tf.constant([0, 2])]
    images = generator([tf.ones((2, 5)), *labels] if labels else tf.ones((2, 5)))
    assert images.shape == (2, size, size, 1)
    assert critic([images, *labels] if labels else images).shape == (2, 1)


def test_weights_start_as_in_the_paper_and_blocks_as_the_identity():
    keras.utils.set_random_seed(0)
    generator = r3gan.generator((16, 16, 3), 64, None, (256, 256, 256), blocks=(2, 1, 1))
    gain = np.sqrt(2 / 1.04) * 4**-0.25  # four blocks
    wanted = {
        "dense": 1 / 8,
        "basis": 1.0,
        "stage_0_block_1_conv_1": gain / 16,
        "stage_0_block_1_conv_2": gain / np.sqrt(9 * 16),
        "image": 1 / 16,
    }
    for name, stddev in wanted.items():
        [weights] = [weight for weight in generator.get_layer(name).get_weights() if weight.ndim > 1]
        np.testing.assert_allclose(weights.std(), stddev, rtol=0.06, err_msg=name)
    blocks = [layer for layer in generator.layers if layer.name.endswith("conv_3")]
    assert len(blocks) == 4 and not any(np.any(weight) for layer in blocks for weight in layer.get_weights())
    critic = r3gan.critic((16, 16, 3), 4, (64, 64, 64), embedding_dim=256)
    np.testing.assert_allclose(critic.get_layer("class_embedding").get_weights()[0].std(), 1 / 32, rtol=0.1)


@pytest.mark.parametrize(("channels", "groups"), [(8, 4), (32, 2), (12, 12), (6, 1), (96, 6)])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_grouped_convolution_is_kerass(channels, groups, padding):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 6, 6, channels)).astype("float32")
    ours = GroupedConv2D(2 * channels, 3, groups=groups, padding=padding, strides=2)
    theirs = keras.layers.Conv2D(2 * channels, 3, groups=groups, padding=padding, strides=2)
    ours.build(x.shape)
    theirs.build(x.shape)
    weights = [rng.normal(size=weight.shape) for weight in theirs.get_weights()]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    np.testing.assert_allclose(ours(x), tf.function(theirs)(x), atol=1e-4, rtol=1e-4)


def test_resampling_is_the_strided_convolution_with_1331():
    x = np.random.default_rng(0).normal(size=(2, 6, 4, 3)).astype("float32")
    kernel = np.zeros((4, 4, 3, 3), "float32")
    kernel[..., range(3), range(3)] = (np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64)[..., None]
    down = tf.nn.conv2d(x, kernel, 2, [[0, 0], [1, 1], [1, 1], [0, 0]])
    np.testing.assert_allclose(Downsampling()(x), down, atol=1e-5)
    up = tf.nn.conv2d_transpose(x, 4 * kernel, (2, 12, 8, 3), 2, [[0, 0], [1, 1], [1, 1], [0, 0]])
    np.testing.assert_allclose(Upsampling()(x), up, atol=1e-5)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="image_shape: expected .* with size one of 16, 32, .*; got"):
        r3gan.generator((48, 48, 3))
    with pytest.raises(ValueError, match="widths: expected 3 numbers for images of 16 pixels, at 4x4, .*; got .8, 4."):
        r3gan.critic((16, 16, 3), widths=(8, 4))
    with pytest.raises(ValueError, match="widths: expected 3 numbers .*; got 64"):
        r3gan.generator((16, 16, 3), widths=64)
    with pytest.raises(ValueError, match="groups: expected divisors of the channels times expansion=2, 16; got 3"):
        r3gan.generator((16, 16, 3), widths=(8, 8, 8), groups=(4, 3, 2))
    with pytest.raises(ValueError, match="blocks: expected an integer of at least 1, got 0"):
        r3gan.critic((16, 16, 3), widths=(8, 8, 8), blocks=(1, 0, 1))
    with pytest.raises(ValueError, match="groups: expected 3 numbers"):
        r3gan.critic((16, 16, 3), **{**SMALL, "groups": (1,)})
