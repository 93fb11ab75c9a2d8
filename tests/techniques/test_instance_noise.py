"""Instance noise: its distribution, its schedule, and that the critic sees it on all images."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from kerasgan import techniques
from kerasgan.models.batch import Batch
from tests import points


def noisy(stddev, objective="SGAN", seed_of_step=0):
    gan = points.gan(objective)
    gan.techniques = [techniques.InstanceNoise(stddev)]
    gan.step.assign(seed_of_step)
    return gan


def test_noise_on_real_images_is_normal_and_independent():
    gan = noisy(0.3)
    real = np.full((4000, 2), 0.25, "float32")
    [batch] = gan.minibatches(tf.constant(real))
    seen = gan.seen(batch).images.numpy()
    noise = (seen - real) / 0.3
    assert scipy.stats.kstest(noise.ravel(), "norm").pvalue > 0.01
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.05 and abs(np.corrcoef(noise[:-1, 0], noise[1:, 0])[0, 1]) < 0.05
    gan.step.assign(1)
    [later] = gan.minibatches(tf.constant(real))
    assert abs(np.corrcoef(gan.seen(later).images.numpy()[:, 0], seen[:, 0])[0, 1]) < 0.05


def test_generated_images_get_noise_of_their_own():
    like = Batch(tf.zeros([2000, 2]), None)
    gan = noisy(0.3)
    fake = gan.fake(like, "critic", 0)
    noise = (gan.seen(fake).images - fake.images).numpy() / 0.3
    assert scipy.stats.kstest(noise.ravel(), "norm").pvalue > 0.01
    [real] = gan.minibatches(like.images)
    assert abs(np.corrcoef(noise[:, 0], gan.seen(real).images.numpy()[:, 0])[0, 1]) < 0.06


def test_a_schedule_gives_the_size_at_the_step():
    schedule = keras.optimizers.schedules.PolynomialDecay(0.4, 100, 0.0)
    for step, size in ((0, 0.4), (25, 0.3), (100, 0.0)):
        gan = noisy(schedule, seed_of_step=step)
        [batch] = gan.minibatches(tf.zeros([4000, 2]))
        np.testing.assert_allclose(gan.seen(batch).images.numpy().std(), size, rtol=0.05)


def test_pairwise_critics_see_it_too():
    gan = noisy(0.5, "TSGAN")
    gan.compile()
    seen = []
    original = gan.critic.both_orders
    gan.critic.both_orders = lambda a, b, training: (seen.extend([a, b]), original(a, b, training=training))[1]
    gan.train_step(tf.zeros([3000, 2]))
    assert len(seen) == 6  # a critic step and two of the generator
    for images in (seen[0], seen[3], seen[5]):  # the real ones
        np.testing.assert_allclose(images.numpy().std(), 0.5, rtol=0.05)


def test_wrong_sizes_are_named():
    with pytest.raises(ValueError, match="stddev: expected a number of at least 0, or a schedule; got -1"):
        techniques.InstanceNoise(-1)
