"""WGAN-GP: the penalty in closed form and by finite differences, interpolation, algorithm 1's data."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import kerasgan
from kerasgan.models.batch import Batch
from kerasgan.models.gradient_penalty import gradient_penalty, interpolate


def tiny(critic, **arguments):
    latents = keras.Input((2,))
    shape = tuple(critic.inputs[0].shape[1:])
    made = keras.layers.Reshape(shape)(keras.layers.Dense(int(np.prod(shape)))(latents))
    gan = kerasgan.WGANGP(keras.Model(latents, made), critic, **arguments)
    gan.compile()
    return gan


def linear_critic(weights):
    images = keras.Input((4, 4, 1))
    critic = keras.Model(images, keras.layers.Dense(1)(keras.layers.Flatten()(images)))
    critic.set_weights([np.reshape(weights, (16, 1)), np.zeros(1)])
    return critic


def batch_of(array):
    return Batch(tf.constant(array, tf.float32), None)


def test_penalty_of_a_linear_critic_is_the_closed_form():
    weights = np.random.default_rng(0).standard_normal(16)
    gan = tiny(linear_critic(weights), penalty_weight=7.0)
    rng = np.random.default_rng(1)
    real, fake, between = (rng.standard_normal((5, 4, 4, 1)) for _ in range(3))
    penalty = (np.linalg.norm(weights) - 1) ** 2
    np.testing.assert_allclose(gradient_penalty(gan.score, batch_of(between)), penalty, rtol=1e-5)
    expected = (fake.reshape(5, 16) @ weights).mean() - (real.reshape(5, 16) @ weights).mean() + 7 * penalty
    loss = gan.critic_loss(batch_of(real), batch_of(fake), batch_of(between))
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_one_sided_penalty_spares_small_gradients():
    for scale in (0.5, 2.0):
        weights = np.full(16, scale / 4)  # of norm `scale`
        gan = tiny(linear_critic(weights), one_sided=True)
        x = batch_of(np.ones((3, 4, 4, 1)))
        expected = 10 * max(0.0, scale - 1) ** 2
        np.testing.assert_allclose(gan.critic_loss(x, x, x), expected, atol=1e-5)


def test_penalty_and_its_gradient_at_a_zero_gradient_are_finite():
    gan = tiny(linear_critic(np.zeros(16)))
    with tf.GradientTape() as tape:
        penalty = gradient_penalty(gan.score, batch_of(np.ones((3, 4, 4, 1))))
    gradient = tape.gradient(penalty, gan.critic.trainable_variables[0])
    np.testing.assert_allclose(penalty, 1.0, atol=1e-5)
    assert np.isfinite(gradient).all()


def test_penalty_is_by_sample_and_its_weight_gradient_is_a_finite_difference():
    """A smooth two-layer critic in float64 NumPy: gradient norms by sample, then d penalty / d weight numerically."""
    images = keras.Input((4, 4, 2))
    hidden = keras.layers.Dense(8, activation="tanh")(keras.layers.Flatten()(images))
    critic = keras.Model(images, keras.layers.Dense(1)(hidden))
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(w.shape) for w in critic.get_weights()]
    critic.set_weights(weights)
    x = rng.standard_normal((6, 4, 4, 2))

    def penalty(first):
        slopes = 1 - np.tanh(x.reshape(6, -1) @ first + weights[1]) ** 2
        norms = np.linalg.norm((slopes * weights[2][:, 0]) @ first.T, axis=1)
        return np.mean((norms - 1) ** 2)

    gan = tiny(critic)
    with tf.GradientTape() as tape:
        value = gradient_penalty(gan.score, batch_of(x))
    gradient = tape.gradient(value, critic.trainable_variables[0]).numpy()
    np.testing.assert_allclose(value, penalty(weights[0]), rtol=1e-4)
    for index in [(0, 0), (5, 3), (31, 7)]:
        step = np.zeros_like(weights[0])
        step[index] = 1e-5
        numeric = (penalty(weights[0] + step) - penalty(weights[0] - step)) / 2e-5
        np.testing.assert_allclose(gradient[index], numeric, rtol=1e-3, atol=1e-4)


def test_interpolation_is_uniform_and_one_number_a_sample():
    gan = tiny(linear_critic(np.ones(16)))
    real, fake = batch_of(np.ones((4000, 4, 4, 1))), batch_of(np.zeros((4000, 4, 4, 1)))
    eps = interpolate(gan, real, fake, 0).images.numpy().reshape(4000, 16)
    assert (eps == eps[:, :1]).all()
    assert 0 <= eps.min() < 0.01 and 0.99 < eps.max() <= 1
    assert abs(eps[:, 0].mean() - 0.5) < 0.02 and abs(eps[:, 0].var() - 1 / 12) < 0.005
    other = interpolate(gan, real, fake, 1).images.numpy()[:, 0, 0, 0]
    assert abs(np.corrcoef(eps[:, 0], other)[0, 1]) < 0.05


def test_each_critic_step_sees_fresh_real_data_and_fresh_noise():
    gan = tiny(linear_critic(np.ones(16)), critic_steps=3)
    seen = []
    original = gan.critic_loss

    def spy(real, fake, between):
        seen.append((real.images.numpy(), fake.images.numpy()))
        return original(real, fake, between)

    gan.critic_loss = spy
    real = np.arange(12, dtype="float32").reshape(12, 1, 1, 1) * np.ones((1, 4, 4, 1), "float32")
    gan.train_step(tf.constant(real))
    firsts = [batch[:, 0, 0, 0].tolist() for batch, _ in seen]
    assert firsts == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]
    assert len(np.unique([fake[:, 0, 0, 0] for _, fake in seen])) == 12
    assert gan.critic_optimizer.iterations.numpy() == 3 and gan.generator_optimizer.iterations.numpy() == 1


def test_the_critic_learns_the_distance_between_two_point_masses():
    """Real = a, fake = 0: the Wasserstein-1 distance is ||a||, and a penalised critic approaches it."""
    keras.utils.set_random_seed(0)
    images = keras.Input((2, 2, 1))
    hidden = keras.layers.Dense(64, activation="relu")(keras.layers.Flatten()(images))
    hidden = keras.layers.Dense(64, activation="relu")(hidden)
    gan = tiny(keras.Model(images, keras.layers.Dense(1)(hidden)))
    gan.compile(critic_optimizer=keras.optimizers.Adam(5e-4, beta_1=0.0, beta_2=0.9))
    real = batch_of(np.full((64, 2, 2, 1), 0.75))
    fake = batch_of(np.zeros((64, 2, 2, 1)))

    @tf.function
    def step(k):
        gan.step.assign(k)
        gan.update_critic(gan.critic_loss, real, fake, interpolate(gan, real, fake, 0))
        return ops.mean(gan.score(real)) - ops.mean(gan.score(fake))

    distances = [float(step(tf.constant(k, tf.int64))) for k in range(600)]
    distance = np.mean(distances[-100:])
    # with point masses the optimum of  L d - 10 (L - 1)^2  over the slope L is  1 + d / 20,  so L d = d + d^2 / 20
    d = 1.5
    np.testing.assert_allclose(distance, d + d * d / 20, rtol=0.03)


def test_what_cannot_work_is_said_at_construction():
    with pytest.raises(ValueError, match="penalty_weight: expected a number of at least 0; got -1"):
        tiny(linear_critic(np.ones(16)), penalty_weight=-1)
    images = keras.Input((4, 4, 1))
    features = keras.layers.BatchNormalization()(keras.layers.Flatten()(images))
    with pytest.warns(UserWarning, match="critic: has batch norm"):
        tiny(keras.Model(images, keras.layers.Dense(1)(features)))
