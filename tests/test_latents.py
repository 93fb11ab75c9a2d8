"""Priors against SciPy's distributions."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from kerasgan import latents, random


def uniforms(n, columns):
    return random.uniform_rows(tf.range(n, dtype=tf.int64), columns, ("test",))


@pytest.mark.parametrize("bound", [0.04, 0.5, 2.0])
def test_truncated_normal_is_scipys_truncnorm(bound):
    z = latents.Normal(50)(uniforms(400, 50), truncation=tf.fill([400], bound)).numpy()
    assert np.abs(z).max() <= bound
    assert scipy.stats.kstest(z.ravel(), scipy.stats.truncnorm(-bound, bound).cdf).pvalue > 1e-3


def test_truncation_equals_resampling_inside_the_bound():
    """The paper's procedure, written out: draw again every number that falls outside."""
    rng = np.random.default_rng(0)
    resampled = rng.standard_normal(20000)
    while (outside := np.abs(resampled) > 0.7).any():
        resampled[outside] = rng.standard_normal(outside.sum())
    z = latents.Normal(50)(uniforms(400, 50), truncation=tf.fill([400], 0.7)).numpy()
    assert scipy.stats.ks_2samp(z.ravel(), resampled).pvalue > 1e-3


def test_normal_is_normal_and_infinite_truncation_changes_nothing():
    u = uniforms(400, 50)
    z = latents.Normal(50)(u).numpy()
    np.testing.assert_allclose(z, scipy.stats.norm.ppf(u.numpy()), rtol=1e-5, atol=1e-6)
    bounded = latents.Normal(50)(u, truncation=tf.fill([400], np.float32(np.inf))).numpy()
    np.testing.assert_array_equal(z, bounded)
    assert scipy.stats.kstest(z.ravel(), "norm").pvalue > 1e-3


def test_normal_is_finite_at_the_ends_of_the_uniform_numbers():
    ends = random._unit(tf.constant([[-(2**31), 2**31 - 1, 0]]))
    z = latents.Normal(3)(ends).numpy()
    assert np.isfinite(z).all() and z[0, 0] == -z[0, 1] < -6 and abs(z[0, 2]) < 1e-9


def test_bounds_are_by_row():
    z = latents.Normal(2000)(uniforms(2, 2000), truncation=tf.constant([0.1, 3.0])).numpy()
    assert 0.09 < np.abs(z[0]).max() <= 0.1 and 1.0 < np.abs(z[1]).max() <= 3.0


def test_uniform_prior():
    z = latents.Uniform(50)(uniforms(400, 50)).numpy()
    assert scipy.stats.kstest(z.ravel(), scipy.stats.uniform(-1, 2).cdf).pvalue > 1e-3
    z = latents.Uniform(50)(uniforms(400, 50), truncation=tf.fill([400], 0.25)).numpy()
    assert scipy.stats.kstest(z.ravel(), scipy.stats.uniform(-0.25, 0.5).cdf).pvalue > 1e-3


def test_a_row_depends_on_its_own_seed_alone():
    together = random.uniform_rows(tf.constant([5, -3, 2**40], tf.int64), 16, ("a",)).numpy()
    alone = [random.uniform_rows(tf.constant([s], tf.int64), 16, ("a",)).numpy()[0] for s in (5, -3, 2**40)]
    np.testing.assert_array_equal(together, alone)
    assert len(np.unique(together)) == together.size
    other = random.uniform_rows(tf.constant([5], tf.int64), 16, ("b",)).numpy()[0]
    assert not np.isin(other, together).any()


def test_keys_of_training_noise_differ_by_seed_step_and_purpose():
    keys = [(0, 0, "a"), (1, 0, "a"), (0, 1, "a"), (0, 0, "b")]
    draws = [random.uniform([100], s, tf.constant(t, tf.int64), (p,)).numpy() for s, t, p in keys]
    assert len(np.unique(draws)) == 400
    again = random.uniform([100], 0, tf.constant(1, tf.int64), ("a",)).numpy()
    np.testing.assert_array_equal(draws[2], again)


def test_xla_draws_the_same_numbers():
    def draw(step):
        return random.uniform([64, 8], 3, step, ("a", 1))

    step = tf.constant(7, tf.int64)
    plain, compiled = tf.function(draw)(step), tf.function(draw, jit_compile=True)(step)
    np.testing.assert_array_equal(plain, compiled)
    assert scipy.stats.kstest(plain.numpy().ravel(), "uniform").pvalue > 1e-3


def test_wrong_dim_is_named():
    with pytest.raises(ValueError, match="dim: expected an integer of at least 1, got 0"):
        latents.Normal(0)
