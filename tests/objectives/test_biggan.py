"""BigGAN's two rates and its late moving average; its losses are in test_losses.py."""

import keras
import numpy as np
import pytest

import kerasgan


def points(**arguments):
    keras.utils.set_random_seed(0)
    gan = kerasgan.BigGAN(kerasgan.networks.mlp.generator(width=4), kerasgan.networks.mlp.critic(width=4), **arguments)
    gan.compile(run_eagerly=True)
    return gan


def test_optimizers_have_the_papers_rates():
    gan = points()
    for optimizer, rate in ((gan.generator_optimizer, 5e-5), (gan.critic_optimizer, 2e-4)):
        assert (float(optimizer.learning_rate), optimizer.beta_1, optimizer.beta_2) == (pytest.approx(rate), 0.0, 0.999)
    assert (gan.critic_steps, gan.ema_decay) == (2, 0.9999)


def test_the_average_is_a_copy_until_its_start_and_then_the_recurrence():
    gan = points(ema_start=2, ema_decay=0.3)
    gan.generator_optimizer.learning_rate = 0.1
    data = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")
    kernel, average = gan.generator.trainable_variables[0], gan.ema_generator.variables[0]
    expected = None
    for step in range(5):
        gan.train_step(data)
        value = kernel.numpy()
        if step < 2:
            expected = value
        else:
            decay = min(0.3, (1 + step - 2) / (10 + step - 2))
            assert np.abs(expected - value).max() > 1e-3
            expected = decay * expected + (1 - decay) * value
        np.testing.assert_allclose(average, expected, atol=1e-6)


def test_a_negative_start_is_named():
    with pytest.raises(ValueError, match="ema_start: expected an integer of at least 0, got -1"):
        points(ema_start=-1)
