"""Penalties on gradients through every critic: their gradients in the weights are finite differences, in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import layers, networks
from kerasgan.models.batch import Batch
from kerasgan.models.gradient_penalty import gradient_penalty, zero_centred
from kerasgan.networks import (
    biggan,
    biggan_deep,
    char_cnn,
    dcgan,
    improved_gan,
    mlp,
    r3gan,
    random_architectures,
    resnet_bottleneck,
    resnet_cifar,
    robustness,
    tgan,
)

ROWS, CLASSES = 3, 3
CRITICS = {
    **{
        f"dcgan {norm}": lambda norm=norm: dcgan.critic((32, 32, 1), None, 2, normalization=norm, reference_size=2)
        for norm in ("batch", "layer", "instance", "virtual", "spectral", None)
    },
    "dcgan, minibatch discrimination": lambda: dcgan.critic(
        (32, 32, 1), None, 2, normalization=None, minibatch_kernels=2
    ),  # fmt: skip
    "dcgan, classes": lambda: dcgan.critic((32, 32, 1), CLASSES, 2, normalization="spectral"),
    "improved_gan": lambda: improved_gan.critic(
        (32, 32, 1), CLASSES, 2, input_noise=0.0, dropout=0.0, minibatch_kernels=0
    ),  # fmt: skip
    "mlp": lambda: mlp.critic((2,), CLASSES, width=8),
    "r3gan": lambda: r3gan.critic((16, 16, 3), CLASSES, (8, 6, 4), groups=(2, 3, 1)),
    "resnet_cifar": lambda: resnet_cifar.critic((32, 32, 1), CLASSES, 4),
    "resnet_cifar, auxiliary": lambda: resnet_cifar.critic((32, 32, 1), CLASSES, 4, auxiliary=True),
    "resnet_bottleneck": lambda: resnet_bottleneck.critic((64, 64, 1), CLASSES, 4, blocks=1),
    "robustness": lambda: robustness.critic((32, 32, 1), filters=2, nonlinearity="gated"),
    "tgan": lambda: tgan.critic((32, 32, 1), spectral=True),
    "char_cnn": lambda: char_cnn.critic((6, 5), CLASSES, filters=4, blocks=1),
    **{
        f"random_architectures {kind}": lambda kind=kind: random_architectures.critic(
            (32, 32, 1), None, 2, nonlinearity=kind
        )  # fmt: skip
        for kind in ("relu", "leaky_relu", "softplus", "tanh")
    },
    "biggan": lambda: biggan.critic((32, 32, 1), CLASSES, 2, attention_size=16),
    "biggan_deep": lambda: biggan_deep.critic((32, 32, 1), CLASSES, 4, attention_size=16),
}


def test_the_families_are_all_there_are():
    families = {name for name in networks.__all__ if hasattr(getattr(networks, name), "critic")}
    # Projected GAN's features are float32 whatever the policy; test_projected.py differentiates them twice
    assert families == {name.split()[0].rstrip(",") for name in CRITICS} | {"projected"}


@pytest.fixture
def exactly():
    """Build layers that compute in float64."""
    before = keras.config.dtype_policy(), keras.config.floatx()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before[1])
    keras.config.set_dtype_policy(before[0])


@pytest.mark.parametrize("name", CRITICS)
def test_a_penaltys_gradient_is_a_finite_difference(name, exactly):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    critic = CRITICS[name]()
    pairwise = isinstance(critic, networks.PairwiseCritic)
    for weight in critic.trainable_variables:
        weight.assign(rng.normal(0, 0.5 / np.sqrt(np.prod(weight.shape[:-1]) or 1), weight.shape))
    for layer in critic._flatten_layers():
        if isinstance(layer, layers.SpectralNormalization):
            layer.update()
        if isinstance(layer, layers.ReferenceBatch):
            layer.adapt(rng.uniform(-1, 1, (2, 32, 32, 1)))
    size = 1e-5 if pairwise else 1e-6  # the features that are compared are rounded to float32
    shape = critic.inputs[0].shape[1:]
    labels = tf.constant([0, 1, 2]) if len(critic.inputs) > 1 and not pairwise else None
    batch, other = (Batch(tf.constant(rng.uniform(-1, 1, (ROWS, *shape))), labels) for _ in range(2))

    def score(batch):
        if pairwise:
            return critic.both_orders(batch.images, other.images, training=True)[0]
        made = critic(batch.images if labels is None else [batch.images, labels], training=True)
        return made[0] if isinstance(made, list) else made

    for penalty in (zero_centred, gradient_penalty):
        weights = critic.trainable_variables
        with tf.GradientTape() as tape:
            value = penalty(score, batch)
        gradients = [
            np.zeros(weight.shape) if gradient is None else tf.convert_to_tensor(gradient).numpy()
            for weight, gradient in zip(weights, tape.gradient(value, weights), strict=True)
        ]
        values = [weight.numpy() for weight in weights]
        directions = [rng.standard_normal(weight.shape) * np.abs(weight).mean() for weight in values]
        ends = []
        for step in (size, -size):
            for weight, middle, direction in zip(weights, values, directions):
                weight.assign(middle + step * direction)
            ends.append(float(penalty(score, batch)))
        for weight, middle in zip(weights, values):
            weight.assign(middle)
        along = sum(np.sum(gradient * direction) for gradient, direction in zip(gradients, directions))
        assert value > 1e-7
        np.testing.assert_allclose(
            (ends[0] - ends[1]) / (2 * size), along, rtol=2e-2 if pairwise else 2e-3, atol=1e-6 * float(value)
        )
