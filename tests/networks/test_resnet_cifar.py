"""WGAN-GP's CIFAR-10 ResNet: published counts, the function it computes, initial weights."""

import keras
import numpy as np
import pytest

from kerasgan.layers.conditional_batch_norm import ConditionalBatchNormalization
from kerasgan.networks import resnet_cifar
from tests.networks import numpy_layers as np_layers

RNG = np.random.default_rng(0)


def test_parameter_counts_of_the_authors_networks():
    assert np_layers.parameters(resnet_cifar.generator()) == 1_204_483
    assert np_layers.parameters(resnet_cifar.generator(num_classes=10)) == 1_218_307
    assert np_layers.parameters(resnet_cifar.critic()) == 1_053_825
    assert np_layers.parameters(resnet_cifar.critic(num_classes=10, auxiliary=True)) == 1_053_825 + 1_290
    assert np_layers.parameters(resnet_cifar.critic(num_classes=10)) == 1_053_825 + 10 * 128


def residual_weights(network):
    """Weights of the shortcuts, of the residual convolutions in order, and of the dense layers in order."""
    kinds = (np_layers.CONV, {"kernel_size": (1, 1)}), (np_layers.CONV, {"kernel_size": (3, 3)}), (np_layers.DENSE, {})
    return [np_layers.weights_of(network, kind, **which) for kind, which in kinds]


@pytest.mark.parametrize("num_classes", [None, 3])
def test_generator_computes_the_papers_function(num_classes):
    network = np_layers.randomize(resnet_cifar.generator((32, 32, 2), latent_dim=5, num_classes=num_classes, filters=4))
    z, labels = RNG.normal(size=(3, 5)), np.array([2, 0, 2], "int32")
    shortcuts, convs, dense = residual_weights(network)
    plain_norms = np_layers.weights_of(network, np_layers.BATCH_NORM)
    class_norms = np_layers.weights_of(network, ConditionalBatchNormalization)

    def norm(x):
        if num_classes is None:
            return np_layers.batch_norm(x, *next(plain_norms))
        gain, bias, mean, variance = next(class_norms)
        return np_layers.batch_norm(x, gain[labels][:, None, None], bias[labels][:, None, None], mean, variance)

    x = np_layers.dense(z, *next(dense)).reshape(3, 4, 4, 4)
    for _ in range(3):
        shortcut = np_layers.conv2d(np_layers.upsample(x), *next(shortcuts))
        x = np_layers.conv2d(np_layers.upsample(np_layers.relu(norm(x))), *next(convs))
        x = shortcut + np_layers.conv2d(np_layers.relu(norm(x)), *next(convs))
    x = np_layers.relu(np_layers.batch_norm(x, *next(plain_norms)))
    expected = np.tanh(np_layers.conv2d(x, *next(convs)))

    images = network(z if num_classes is None else [z, labels]).numpy()
    assert images.shape == (3, 32, 32, 2) and np.abs(images).max() <= 1 and images.std() > 0.1
    np.testing.assert_allclose(images, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("auxiliary", [False, True])
def test_critic_computes_the_papers_function(auxiliary):
    classes = 3 if auxiliary else None
    network = resnet_cifar.critic((32, 32, 2), num_classes=classes, filters=4, auxiliary=auxiliary)
    np_layers.randomize(network)
    images = RNG.uniform(-1, 1, (3, 32, 32, 2))
    shortcuts, convs, _ = residual_weights(network)

    shortcut = np_layers.conv2d(np_layers.mean_pool(images), *next(shortcuts))
    x = np_layers.relu(np_layers.conv2d(images, *next(convs)))
    x = shortcut + np_layers.mean_pool(np_layers.conv2d(x, *next(convs)))
    for down in (True, False, False):
        shortcut = np_layers.mean_pool(np_layers.conv2d(x, *next(shortcuts))) if down else x
        x = np_layers.conv2d(np_layers.relu(x), *next(convs))
        x = np_layers.conv2d(np_layers.relu(x), *next(convs))
        x = shortcut + (np_layers.mean_pool(x) if down else x)
    features = np_layers.relu(x).mean((1, 2))
    assert features.std() > 0.1

    outputs = network(images)
    logits, *class_logits = outputs if auxiliary else [outputs]
    expected = np_layers.dense(features, *network.get_layer("logit").get_weights())
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4)
    if auxiliary:
        [head] = [layer for layer in network.layers if type(layer) is keras.layers.Dense and layer.units == 3]
        expected = np_layers.dense(features, *head.get_weights())
        np.testing.assert_allclose(class_logits[0], expected, rtol=1e-3, atol=1e-4)
        assert network.output_names == ["logits", "class_logits"]


def test_projection_adds_the_inner_product_of_features_and_class():
    network = np_layers.randomize(resnet_cifar.critic((32, 32, 1), num_classes=3, filters=4))
    images, labels = RNG.uniform(-1, 1, (3, 32, 32, 1)), np.array([2, 0, 2], "int32")
    features = keras.Model(network.inputs[0], network.get_layer("logit").input)(images).numpy()
    table = network.get_layer("class_projection").get_weights()[0]
    expected = np_layers.dense(features, *network.get_layer("logit").get_weights())
    expected += (features * table[labels]).sum(1, keepdims=True)
    np.testing.assert_allclose(network([images, labels]), expected, rtol=1e-3, atol=1e-4)


def test_initial_weights_are_uniform_he_in_residual_branches_and_glorot_elsewhere():
    shortcuts, convs, _ = residual_weights(resnet_cifar.generator())
    *residual, last = [kernel for kernel, _ in convs]
    fans = 9 * (128 + 128)
    for kernel in residual:
        assert kernel.std() == pytest.approx((4 / fans) ** 0.5, rel=0.02)
        assert 0.99 < np.abs(kernel).max() / (12 / fans) ** 0.5 < 1.00001
    assert last.std() == pytest.approx((2 / (9 * (128 + 3))) ** 0.5, rel=0.05)
    critic_shortcuts, critic_convs, _ = residual_weights(resnet_cifar.critic())
    (first, _), *others = critic_shortcuts
    assert first.std() == pytest.approx((2 / (3 + 128)) ** 0.5, rel=0.15)
    for kernel, bias in [*shortcuts, *others]:
        assert kernel.std() == pytest.approx((2 / 256) ** 0.5, rel=0.03)
        assert not bias.any()
    (first, _), *others = critic_convs
    assert first.std() == pytest.approx((4 / (9 * (3 + 128))) ** 0.5, rel=0.05)
    for kernel, _ in others:
        assert kernel.std() == pytest.approx((4 / fans) ** 0.5, rel=0.02)


def test_batch_norm_has_the_authors_epsilon_and_is_synchronized():
    network = resnet_cifar.generator(filters=2, num_classes=3)
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    norms += [layer.normalization for layer in network.layers if type(layer) is ConditionalBatchNormalization]
    assert len(norms) == 7
    assert {(norm.epsilon, norm.momentum, norm.synchronized) for norm in norms} == {(1e-5, 0.9, True)}


def test_auxiliary_without_classes_is_named():
    with pytest.raises(ValueError, match="num_classes: expected a number of classes for the auxiliary classifier"):
        resnet_cifar.critic(auxiliary=True)


@pytest.mark.parametrize("shape", [(64, 64, 3), (32, 16, 3), (32, 32), (32, 32, 0)])
def test_wrong_shapes_are_named(shape):
    for build in (resnet_cifar.generator, resnet_cifar.critic):
        with pytest.raises(ValueError, match=r"image_shape: expected \(size, size, channels\) with size 32; got"):
            build(shape)


@pytest.mark.parametrize("name", ["filters", "num_classes"])
def test_numbers_that_are_not_positive_are_named(name):
    for build in (resnet_cifar.generator, resnet_cifar.critic):
        with pytest.raises(ValueError, match=f"{name}: expected an integer of at least 1, got 0"):
            build(**{name: 0})
    with pytest.raises(ValueError, match="num_classes: expected an integer of at least 1, got 0"):
        resnet_cifar.critic(num_classes=0, auxiliary=True)
    with pytest.raises(ValueError, match="latent_dim: expected an integer of at least 1, got 0"):
        resnet_cifar.generator(latent_dim=0)
