"""DCGAN networks: exact parameter counts, shapes at every size, bad arguments."""

import numpy as np
import pytest

from kerasgan.layers import SpectralNormalization
from kerasgan.networks import dcgan


def trainable(network):
    return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


def test_parameter_counts_of_pytorchs_dcgan_example():
    """The printed counts of PyTorch's DCGAN tutorial: ngf = ndf = 64, nz = 100, 3x64x64."""
    assert trainable(dcgan.generator((64, 64, 3), latent_dim=100)) == 3_576_704
    assert trainable(dcgan.critic((64, 64, 3))) == 2_765_568


@pytest.mark.parametrize(("size", "channels"), [(32, 1), (64, 2), (128, 3), (256, 5)])
def test_every_size_and_any_channel_count(size, channels):
    shape = (size, size, channels)
    generator = dcgan.generator(shape, latent_dim=6, filters=2)
    critic = dcgan.critic(shape, filters=2)
    images = generator(np.random.default_rng(0).standard_normal((2, 6)))
    assert images.shape == (2, *shape)
    assert critic(images).shape == (2, 1)
    narrowest = [layer for layer in critic.layers if layer.name.startswith("conv2d")][-1]
    assert narrowest.output.shape[1:3] == (4, 4)


def test_channels_double_towards_4x4_up_to_the_bound():
    critic = dcgan.critic((256, 256, 3), filters=16, max_filters=100)
    widths = [layer.filters for layer in critic.layers if layer.name.startswith("conv2d")]
    assert widths == [16, 32, 64, 100, 100, 100]


def test_projection_adds_the_inner_product_of_features_and_class():
    critic = dcgan.critic((32, 32, 1), num_classes=3, filters=4)
    image = np.random.default_rng(1).uniform(-1, 1, (1, 32, 32, 1)).astype("float32")
    table = critic.get_layer("class_projection").get_weights()[0]
    shifted = table.copy()
    shifted[2] += 1.0
    before = critic([image, np.array([2])]).numpy()
    other = critic([image, np.array([1])]).numpy()
    critic.get_layer("class_projection").set_weights([shifted])
    import keras

    features = keras.Model(critic.inputs, critic.get_layer("logit").input)([image, np.array([2])]).numpy()
    np.testing.assert_allclose(critic([image, np.array([2])]).numpy() - before, features.sum(), rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(critic([image, np.array([1])]).numpy(), other)


@pytest.mark.parametrize(
    "shape", [32, "abc", (32, "32", 1), (48, 48, 3), (32, 64, 3), (16, 16, 1), (32, 32), (32, 32, 0), (512, 512, 3)]
)
def test_wrong_shapes_are_named(shape):
    for build in (dcgan.generator, dcgan.critic):
        with pytest.raises(ValueError, match="image_shape: expected .* 32, 64, 128, 256"):
            build(shape)


@pytest.mark.parametrize("name", ["filters", "kernel_size", "max_filters"])
@pytest.mark.parametrize("value", [0, 2.5, "3"])
def test_numbers_that_are_not_positive_are_named(name, value):
    for build in (dcgan.generator, dcgan.critic):
        with pytest.raises(ValueError, match=f"{name}: expected an integer of at least 1, got {value!r}"):
            build(**{name: value})


def test_unknown_normalization_is_named():
    with pytest.raises(ValueError, match='normalization: expected one of "batch", "layer", .*, None; got \'group\''):
        dcgan.critic((32, 32, 1), normalization="group")


def test_spectral_normalization_is_on_every_layer_with_a_kernel():
    critic = dcgan.critic((32, 32, 1), num_classes=3, filters=4, normalization="spectral")
    wrapped = [layer.layer.name for layer in critic.layers if isinstance(layer, SpectralNormalization)]
    assert len(wrapped) == 5 and {"logit", "class_projection"} <= set(wrapped)
    plain = dcgan.critic((32, 32, 1), num_classes=3, filters=4, normalization=None)
    assert trainable(critic) == trainable(plain)
