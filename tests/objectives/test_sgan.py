"""SGAN's losses against SciPy, and its step against NumPy."""

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf

import kerasgan
from kerasgan.models.batch import Batch


class Fixed:
    """Stands in for the critic: gives the logits it is told, whatever the image."""

    def __init__(self, gan, real, fake):
        self.real, self.fake = Batch(tf.constant(real), None), Batch(tf.constant(fake), None)
        gan.score = lambda batch: batch.images
        gan.fake = lambda like, *purpose: self.fake


@pytest.mark.parametrize("scale", [1.0, 30.0, 100.0])
def test_losses_are_the_papers(small_gan, scale):
    rng = np.random.default_rng(0)
    real, fake = rng.uniform(-scale, scale, (2, 64, 1))
    real[0], fake[0] = 100.0, -100.0
    real[1], fake[1] = -100.0, 100.0
    log_d, log_1_d = scipy.special.log_expit, lambda x: scipy.special.log_expit(-x)
    for minimax in (False, True):
        gan = small_gan(minimax=minimax)
        fixed = Fixed(gan, real, fake)
        expected = -np.mean(log_d(real)) - np.mean(log_1_d(fake))
        np.testing.assert_allclose(gan.critic_loss(fixed.real, fixed.fake), expected, rtol=1e-6)
        expected = np.mean(log_1_d(fake)) if minimax else -np.mean(log_d(fake))
        np.testing.assert_allclose(gan.generator_loss(fixed.real), expected, rtol=1e-6)


def test_one_sided_label_smoothing_is_cross_entropy_with_a_softer_target(small_gan):
    rng = np.random.default_rng(0)
    real, fake = rng.uniform(-5, 5, (2, 64, 1))
    real[0] = 100.0
    gan = small_gan(label_smoothing=0.1)
    fixed = Fixed(gan, real, fake)
    log_d, log_1_d = scipy.special.log_expit, lambda x: scipy.special.log_expit(-x)
    expected = -np.mean(0.9 * log_d(real) + 0.1 * log_1_d(real)) - np.mean(log_1_d(fake))
    np.testing.assert_allclose(gan.critic_loss(fixed.real, fixed.fake), expected, rtol=1e-6)
    with pytest.raises(ValueError, match=r"label_smoothing: expected a number in \[0, 1\); got 1"):
        small_gan(label_smoothing=1)


@pytest.mark.parametrize(("smoothing", "fake_smoothing"), [(0.1, 0.1), (0.0, 0.3), (0.1, 0.0)])
def test_label_smoothing_of_both_sides_is_cross_entropy_with_soft_targets(small_gan, smoothing, fake_smoothing):
    rng = np.random.default_rng(0)
    real, fake = rng.uniform(-5, 5, (2, 64, 1))
    real[0], fake[0] = 100.0, -100.0
    gan = small_gan(label_smoothing=smoothing, fake_label_smoothing=fake_smoothing)
    fixed = Fixed(gan, real, fake)
    log_d, log_1_d = scipy.special.log_expit, lambda x: scipy.special.log_expit(-x)
    expected = -np.mean((1 - smoothing) * log_d(real) + smoothing * log_1_d(real))
    expected -= np.mean(fake_smoothing * log_d(fake) + (1 - fake_smoothing) * log_1_d(fake))
    np.testing.assert_allclose(gan.critic_loss(fixed.real, fixed.fake), expected, rtol=1e-6)
    np.testing.assert_allclose(gan.generator_loss(fixed.real), -np.mean(log_d(fake)), rtol=1e-6)  # is not smoothed
    assert kerasgan.SGAN.from_config(gan.get_config()).get_config() == gan.get_config()


def test_smoothings_that_cannot_be_meant_are_named(small_gan):
    with pytest.raises(ValueError, match=r"fake_label_smoothing: expected a number in \[0, 1\); got -0.1"):
        small_gan(fake_label_smoothing=-0.1)
    with pytest.raises(
        ValueError, match="fake_label_smoothing: expected a target of generated images below .* 0.5; got 0.5"
    ):
        small_gan(label_smoothing=0.5, fake_label_smoothing=0.5)


@pytest.mark.parametrize("minimax", [False, True])
def test_gradients_at_extreme_logits_are_the_closed_form(small_gan, minimax):
    gan = small_gan(minimax=minimax)
    logits = tf.Variable([[-100.0], [-3.0], [0.0], [3.0], [100.0]])
    fixed = Fixed(gan, logits.numpy(), logits.numpy())
    with tf.GradientTape(persistent=True) as tape:
        fixed.fake = Batch(tf.identity(logits), None)
        loss = gan.generator_loss(fixed.real)
        critic_loss = gan.critic_loss(Batch(tf.identity(logits), None), fixed.real)
    sigmoid = scipy.special.expit(logits.numpy().astype("float64"))
    expected = -sigmoid / 5 if minimax else -(1 - sigmoid) / 5
    np.testing.assert_allclose(tape.gradient(loss, logits), expected, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(tape.gradient(critic_loss, logits), -(1 - sigmoid) / 5, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("generator_steps", [1, 3])
def test_a_step_is_sgd_updates_written_out(generator_steps):
    """Linear networks, SGD: algorithm 1 in NumPy gives the same weights."""
    keras.utils.set_random_seed(0)
    dim, size, rate = 2, 32, 1.0
    latents = keras.Input((dim,))
    made = keras.layers.Reshape((size, size, 1))(keras.layers.Dense(size * size, use_bias=False)(latents))
    generator = keras.Model(latents, made)
    images = keras.Input((size, size, 1))
    critic = keras.Model(images, keras.layers.Dense(1, use_bias=False)(keras.layers.Flatten()(images)))
    gan = kerasgan.SGAN(generator, critic, ema_decay=None, generator_steps=generator_steps)
    gan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    assert gan.batches_per_step == 1
    weights_g, weights_c = generator.get_weights()[0], critic.get_weights()[0][:, 0]
    real = np.random.default_rng(0).uniform(-1, 1, (6, size, size, 1)).astype("float32")
    batch = Batch(tf.constant(real), None)
    z_critic = gan.latent(gan.uniform(batch, (dim,), "latents", "critic", 0)).numpy()
    purposes = [("generator",), ("generator", 1), ("generator", 2)][:generator_steps]
    z_generator = [gan.latent(gan.uniform(batch, (dim,), "latents", *purpose)).numpy() for purpose in purposes]
    drawn = np.concatenate([z_critic, *z_generator])
    assert len(np.unique(drawn)) == drawn.size  # fresh for every update

    flat, fake = real.reshape(6, -1), z_critic @ weights_g
    sigmoid = scipy.special.expit
    gradient_c = (-(1 - sigmoid(flat @ weights_c)) @ flat + sigmoid(fake @ weights_c) @ fake) / 6
    new_c = weights_c - rate * gradient_c
    new_g = weights_g
    for z in z_generator:
        logits = z @ new_g @ new_c
        new_g = new_g - rate * z.T @ (-(1 - sigmoid(logits))[:, None] * new_c) / 6

    gan.fit(tf.data.Dataset.from_tensors(real), verbose=0)
    np.testing.assert_allclose(critic.get_weights()[0][:, 0], new_c, atol=1e-5)
    np.testing.assert_allclose(generator.get_weights()[0], new_g, atol=1e-5)
    assert np.abs(new_g - weights_g).max() > 1e-3 and np.abs(new_c - weights_c).max() > 1e-3
