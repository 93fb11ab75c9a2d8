"""Activity regularizers and `add_loss` count, those of the network that is trained, in each of its calls."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import kerasgan
from kerasgan import layers
from kerasgan.models import added_losses

RATE, WEIGHT = 0.1, 0.7
POINTS = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")


@keras.saving.register_keras_serializable(package="tests")
class Adding(keras.layers.Layer):
    """A layer of a user's own that adds a loss."""

    def call(self, inputs):
        self.add_loss(WEIGHT * ops.mean(ops.square(inputs)))
        return inputs


def networks(kind):
    """Return a generator and a critic, the same at each call, that add losses in one of several ways, or none."""
    keras.utils.set_random_seed(0)
    z, x = keras.Input((2,)), keras.Input((2,))

    def dense(units, inputs):
        kept = {"activity_regularizer": keras.regularizers.L2(WEIGHT)} if kind in ("activity", "spectral") else {}
        layer = keras.layers.Dense(units, "tanh", **kept)
        made = (layers.SpectralNormalization(layer) if kind == "spectral" else layer)(inputs)
        return Adding()(made) if kind == "layer" else made

    return keras.Model(z, dense(2, z)), keras.Model(x, keras.layers.Dense(1)(dense(4, x)))


def step(kind, objective=kerasgan.SGAN, parts=1, **arguments):
    """Return a model after one step."""
    gan = objective(*networks(kind), **arguments)
    gan.compile(keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE), gradient_accumulation_steps=parts)
    rows = np.concatenate([POINTS] * gan.batches_per_step)
    gan.fit(tf.data.Dataset.from_tensors(rows), verbose=0)
    return gan


@pytest.mark.parametrize("kind", ["activity", "layer"])
def test_the_step_is_down_the_gradient_of_the_loss_and_what_each_call_added(kind):
    """By hand, with `losses` of plain Keras after each call."""
    found = step(kind)
    gan = kerasgan.SGAN(*networks(kind))
    gan.compile(keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE))
    [real] = gan.minibatches(tf.constant(POINTS))
    fake = gan.fake(real, "critic", 0)

    def descend(network, tape, loss):
        for variable, gradient in zip(network.trainable_variables, tape.gradient(loss, network.trainable_variables)):
            variable.assign_sub(RATE * gradient)

    with tf.GradientTape() as tape:
        loss = 0.0
        for images, sign in ((real.images, -1.0), (fake.images, 1.0)):
            loss += ops.mean(ops.softplus(sign * gan.critic(images, training=True))) + sum(gan.critic.losses)
        assert gan.critic.losses
    descend(gan.critic, tape, loss)
    with tf.GradientTape() as tape:
        made = gan.fake(real, "generator").images
        loss = sum(gan.generator.losses) + ops.mean(ops.softplus(-gan.critic(made, training=True)))
    descend(gan.generator, tape, loss)
    for one, two in zip(found.trainable_variables, gan.trainable_variables, strict=True):
        np.testing.assert_allclose(one.numpy(), two.numpy(), atol=1e-6)
    plain = step("none")
    assert max(np.abs(a - b).max() for a, b in zip(found.get_weights()[:6], plain.get_weights()[:6])) > 0.01


@pytest.mark.parametrize("objective", ["WGANGP", "RaSGAN", "HingeGAN"])
def test_a_regularizer_of_weight_0_changes_nothing_and_another_does(objective, monkeypatch):
    kind = getattr(kerasgan, objective)
    monkeypatch.setattr(f"{__name__}.WEIGHT", 0.0)
    none = step("activity", kind).get_weights()
    for one, two in zip(none, step("none", kind).get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-7)
    monkeypatch.setattr(f"{__name__}.WEIGHT", 1.0)
    assert max(np.abs(a - b).max() for a, b in zip(none, step("activity", kind).get_weights())) > 1e-3


def test_of_a_layer_with_spectral_normalization():
    gan = kerasgan.SGAN(*networks("spectral"))
    with added_losses.collected([gan.critic]) as added:
        gan.critic(POINTS, training=True)
        gan.critic(POINTS, training=True)
        gan.generator(POINTS, training=True)
    wrapped = gan.critic.layers[1]
    wanted = WEIGHT * float(ops.sum(ops.square(wrapped(POINTS)))) / len(POINTS)
    assert [float(one) for one in added] == pytest.approx([wanted, wanted])


def test_parts_of_a_batch_add_what_the_whole_adds():
    for one, two in zip(step("activity").get_weights(), step("activity", parts=3).get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_layers_are_left_as_they_were():
    gan = step("activity")
    assert all("add_loss" not in vars(layer) for layer in gan._flatten_layers())
    gan.critic(POINTS, training=True)
    assert len(gan.critic.losses) == 1
