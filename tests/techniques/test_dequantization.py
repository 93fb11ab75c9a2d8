"""Dequantization against the formula of WGAN-GP's code, its distribution, and who sees it."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import kerasgan
from kerasgan import networks, techniques
from tests import points


def model(objective="WGANGP", **arguments):
    generator = networks.dcgan.generator((32, 32, 1), latent_dim=4, filters=2)
    critic = networks.dcgan.critic((32, 32, 1), filters=2, normalization="layer")
    return getattr(kerasgan, objective)(generator, critic, techniques=[techniques.Dequantization()], **arguments)


def images(count=8):
    levels = np.arange(count * 1024) % 256
    return levels.reshape(count, 32, 32, 1).astype("uint8")


def test_each_level_is_spread_evenly_over_its_256th():
    gan = model(critic_steps=2)
    data = images(8)
    batches = list(gan.minibatches(tf.constant(data)))
    for k, batch in enumerate(batches):
        levels = data[k::2].astype("float64")
        noise = (batch.images.numpy() - 2 * (levels / 256 - 0.5)) * 128  # u of 2 * (x / 256 - .5) + U(0, 1 / 128)
        assert noise.min() > -1e-3 and noise.max() < 1 + 1e-3
        assert scipy.stats.kstest(noise.ravel(), "uniform").pvalue > 1e-3
        for level in (0, 255):
            assert scipy.stats.kstest(noise[levels == level], "uniform").pvalue > 1e-3
        assert -1 <= batch.images.numpy().min() and batch.images.numpy().max() <= 1
    first, second = (batch.images.numpy() - 2 * (data[k::2] / 256 - 0.5) for k, batch in enumerate(batches))
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.05
    gan.step.assign(1)
    later = next(gan.minibatches(tf.constant(data))).images.numpy()
    assert (later != batches[0].images.numpy()).mean() > 0.99


def test_objective_and_penalty_take_it_for_the_real_image_and_generated_ones_have_none():
    gan = model(critic_steps=1)
    gan.compile()
    seen, original = [], gan.critic_loss
    gan.critic_loss = lambda *batches: (seen.extend(batches), original(*batches))[1]
    gan.train_step(tf.constant(images()))
    real, fake, between = (batch.images.numpy() for batch in seen[:3])
    share = ((between - fake) / (real - fake)).reshape(len(real), -1)
    np.testing.assert_allclose(share, np.median(share, axis=1, keepdims=True) * np.ones_like(share), atol=0.05)
    levels = (real + 1) * 128
    assert np.abs(levels - np.round(levels)).mean() == pytest.approx(0.25, abs=0.02)  # of uniform numbers
    again = gan.fake(seen[0], "critic", 0).images.numpy()
    gan.techniques = []
    np.testing.assert_array_equal(gan.fake(seen[0], "critic", 0).images.numpy(), again)


def test_points_have_no_levels():
    with pytest.raises(ValueError, match=r"Dequantization expected a model of images \[H, W, C\]; it makes \(2,\)"):
        plain = points.gan("SGAN")
        kerasgan.SGAN(plain.generator, plain.critic, techniques=[techniques.Dequantization()])
