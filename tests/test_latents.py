"""Priors against SciPy's distributions."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import kerasgan
from kerasgan import latents
from kerasgan.utils import keyed_random


@tf.function
def uniforms(n, columns):
    return keyed_random.uniform_rows(tf.range(n, dtype=tf.int64), columns, ("test",))


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


@pytest.mark.parametrize("position", [0.0, 0.1, 0.5, 0.77, 1.0])
def test_numbers_on_the_way_are_uniform_too(position):
    starts, ends = uniforms(400, 50), 1.0 - uniforms(900, 50)[500:]
    mixed = latents.between(starts, ends, tf.fill([400], position)).numpy()
    x, y = scipy.stats.norm.ppf(starts.numpy()), scipy.stats.norm.ppf(ends.numpy())
    angle = position * np.pi / 2
    np.testing.assert_allclose(mixed, scipy.stats.norm.cdf(np.cos(angle) * x + np.sin(angle) * y), atol=1e-7)
    assert scipy.stats.kstest(mixed.ravel(), "uniform").pvalue > 1e-3
    extreme = tf.fill([1, 1], tf.constant(2.0**-33, tf.float64))
    assert 0 < latents.between(extreme, extreme, tf.constant([0.5])).numpy()[0, 0] < 1e-6


def test_normal_is_normal_and_infinite_truncation_changes_nothing():
    u = uniforms(400, 50)
    z = latents.Normal(50)(u).numpy()
    np.testing.assert_allclose(z, scipy.stats.norm.ppf(u.numpy()), rtol=1e-5, atol=1e-6)
    bounded = latents.Normal(50)(u, truncation=tf.fill([400], np.float32(np.inf))).numpy()
    np.testing.assert_array_equal(z, bounded)
    assert scipy.stats.kstest(z.ravel(), "norm").pvalue > 1e-3


def test_normal_is_finite_at_the_ends_of_the_uniform_numbers():
    ends = keyed_random._unit(tf.constant([[-(2**31), 2**31 - 1, 0]]))
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
    together = keyed_random.uniform_rows(tf.constant([5, -3, 2**40], tf.int64), 16, ("a",)).numpy()
    alone = [keyed_random.uniform_rows(tf.constant([s], tf.int64), 16, ("a",)).numpy()[0] for s in (5, -3, 2**40)]
    np.testing.assert_array_equal(together, alone)
    assert len(np.unique(together)) == together.size
    other = keyed_random.uniform_rows(tf.constant([5], tf.int64), 16, ("b",)).numpy()[0]
    assert not np.isin(other, together).any()


def test_keys_of_training_noise_differ_by_seed_step_and_purpose():
    keys = [(0, 0, "a"), (1, 0, "a"), (0, 1, "a"), (0, 0, "b")]
    draws = [keyed_random.uniform([100], s, tf.constant(t, tf.int64), (p,)).numpy() for s, t, p in keys]
    assert len(np.unique(draws)) == 400
    again = keyed_random.uniform([100], 0, tf.constant(1, tf.int64), ("a",)).numpy()
    np.testing.assert_array_equal(draws[2], again)


def test_xla_draws_the_same_numbers():
    def draw(step):
        return keyed_random.uniform([64, 8], 3, step, ("a", 1))

    step = tf.constant(7, tf.int64)
    plain, compiled = tf.function(draw)(step), tf.function(draw, jit_compile=True)(step)
    np.testing.assert_array_equal(plain, compiled)
    assert scipy.stats.kstest(plain.numpy().ravel(), "uniform").pvalue > 1e-3


def test_wrong_dim_is_named():
    with pytest.raises(ValueError, match="dim: expected an integer of at least 1, got 0"):
        latents.Normal(0)


def test_mixture_draws_each_component_and_scales_its_noise():
    mixture = latents.GaussianMixture(4, components=3, initial_scale=0.01)
    means = mixture.means.numpy()
    u = uniforms(3000, mixture.uniforms)
    z = mixture(u).numpy()
    nearest = np.abs(z[:, None] - means).max(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, np.floor(u.numpy()[:, 0] * 3))
    assert scipy.stats.chisquare(np.bincount(nearest)).pvalue > 1e-3
    noise = (z - means[nearest]) / 0.01
    np.testing.assert_allclose(noise, scipy.stats.norm.ppf(u.numpy()[:, 1:]), atol=1e-3)
    bounded = mixture(u, truncation=tf.fill([3000], 0.5)).numpy()
    assert np.abs(bounded - means[nearest]).max() <= 0.01 * 0.5001


def test_a_mixture_starts_as_its_paper_says():
    mixture = latents.GaussianMixture(40, components=50)
    assert scipy.stats.kstest(mixture.means.numpy().ravel(), scipy.stats.uniform(-1, 2).cdf).pvalue > 1e-3
    np.testing.assert_allclose(mixture.scales, 0.2)


def test_mixture_by_slot_takes_components_in_turn_in_training_alone():
    mixture = latents.GaussianMixture(4, components=3, by_slot=True, initial_scale=1e-6)
    u = uniforms(7, mixture.uniforms)
    z = mixture(u, rows=tf.range(2, 9)).numpy()
    np.testing.assert_allclose(z, mixture.means.numpy()[np.arange(2, 9) % 3], atol=1e-5)
    drawn = np.floor(u.numpy()[:, 0] * 3).astype(int)
    np.testing.assert_allclose(mixture(u).numpy(), mixture.means.numpy()[drawn], atol=1e-5)


def test_mixture_trains_with_the_generator_and_its_scales_are_drawn_to_one(small_gan, images):
    def trained(penalty):
        gan = small_gan(latent=latents.GaussianMixture(8, components=3, scale_penalty=penalty))
        gan.compile(keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.0))
        before = gan.latent.means.numpy()
        gan.fit(tf.data.Dataset.from_tensor_slices(images).batch(16), verbose=0)
        assert (gan.latent.means.numpy() != before).any()
        assert (gan.ema_latent.means.numpy() != gan.latent.means.numpy()).any()
        return gan.latent.scales.numpy()

    # d penalty / d scale = 2 weight (scale - 1) / count: three steps of rate 0.5 from 0.2
    pulled = 1 - 0.8 * (1 - 0.5 * 2 * 12 / 24) ** 3
    np.testing.assert_allclose(trained(12.0) - trained(0.0), pulled - 0.2, atol=0.05)


def test_learned_weights_start_even_and_draw_with_their_probabilities():
    mixture = latents.GaussianMixture(4, components=3, initial_scale=0.01, learned_weights=True)
    plain = latents.GaussianMixture(4, components=3, initial_scale=0.01)
    plain.set_weights([mixture.means, mixture.scales])
    u = uniforms(6000, mixture.uniforms)
    np.testing.assert_allclose(mixture(u), plain(u), atol=1e-6)  # an even mixture is DeLiGAN's
    shares = np.array([0.5, 0.2, 0.3])
    mixture.weights_of_components.assign(np.log(shares) + 7.0)
    z, means = mixture(u).numpy(), mixture.means.numpy()
    nearest = np.abs(z[:, None] - means).max(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, np.searchsorted(np.cumsum(shares), u.numpy()[:, 0]))
    assert scipy.stats.chisquare(np.bincount(nearest), 6000 * shares).pvalue > 1e-3
    noise = (z - means[nearest]) / 0.01
    np.testing.assert_allclose(noise, scipy.stats.norm.ppf(u.numpy()[:, 1:]), atol=1e-3)
    ends = keyed_random._unit(tf.constant([[2**31 - 1] * 5, [-(2**31)] * 5]))
    mixture.weights_of_components.assign([50.0, 0.0, -50.0])  # rounding must not lead past the last component
    assert np.isfinite(mixture(ends)).all()


class Patches(kerasgan.WGAN):
    """A critic of two logits an image."""

    patch_critic = True


@pytest.mark.parametrize("objective", ["SGAN", "WGAN", "Patches"])
def test_the_gradient_of_learned_weights_is_the_score_functions(objective):
    """-(1/N) sum_i (D_i - mean D) (1[i = k] - p_k), written out; the loss keeps its value, the means their gradient."""
    from kerasgan.models.batch import Batch

    keras.utils.set_random_seed(0)
    prior = latents.GaussianMixture(2, components=3, scale_penalty=0.0, learned_weights=True)
    prior.weights_of_components.assign([0.3, -0.2, 0.5])
    z = keras.Input((2,))
    critic = kerasgan.networks.mlp.critic((2,), width=8, depth=1, activation="tanh")
    kind = Patches if objective == "Patches" else getattr(kerasgan, objective)
    if kind.patch_critic:
        critic = keras.Sequential([critic, keras.layers.Dense(2)])
    gan = kind(keras.Model(z, keras.layers.Identity()(z)), critic, latent=prior)
    real = Batch(tf.zeros([50, 2]), None)
    with tf.GradientTape(persistent=True) as tape:
        loss = prior.generator_loss(gan, gan.generator_loss)(real, 1)
        plain = gan.generator_loss(real, 1)
    np.testing.assert_allclose(loss, plain, rtol=1e-6)
    means, scales = (prior.means.value, prior.scales.value)
    for one, other in zip(tape.gradient(loss, [means, scales]), tape.gradient(plain, [means, scales])):
        np.testing.assert_allclose(tf.convert_to_tensor(one), tf.convert_to_tensor(other), atol=1e-6)
    assert tape.gradient(plain, prior.weights_of_components.value) is None
    shares = np.exp([0.3, -0.2, 0.5]) / np.exp([0.3, -0.2, 0.5]).sum()
    u = gan.uniform(real, (prior.uniforms,), "latents", "generator", 1).numpy()
    drawn = np.eye(3)[np.searchsorted(np.cumsum(shares), u[:, 0])]
    scores = critic(prior(tf.constant(u))).numpy().mean(axis=1, keepdims=True)
    expected = -((scores - scores.mean()) * (drawn - shares)).mean(axis=0)
    np.testing.assert_allclose(tape.gradient(loss, prior.weights_of_components.value), expected, rtol=1e-3, atol=1e-7)


def test_critics_that_score_no_image_are_refused():
    from tests import points

    for objective in ("CramerGAN", "TSGAN"):
        gan = points.gan(objective)
        with pytest.raises(ValueError, match=f"latent: expected learned_weights=False with {objective}"):
            type(gan)(gan.generator, gan.critic, latent=latents.GaussianMixture(4, 3, learned_weights=True))


def test_learned_weights_find_how_often_the_data_has_each_mode():
    """Two points, one three times as likely: the generator can only copy z, whose component decides."""
    keras.utils.set_random_seed(0)
    z = keras.Input((1,))
    prior = latents.GaussianMixture(1, components=2, initial_scale=0.05, scale_penalty=0.0, learned_weights=True)
    prior.means.assign([[-1.0], [1.0]])
    critic = kerasgan.networks.mlp.critic((1,), width=16, depth=2, activation="tanh")
    gan = kerasgan.SGAN(keras.Model(z, keras.layers.Identity()(z)), critic, latent=prior, ema_decay=None)
    prior.means.trainable = prior.scales.trainable = False
    gan.compile(keras.optimizers.Adam(0.01, beta_1=0.5), keras.optimizers.Adam(0.01, beta_1=0.5))
    rng = np.random.default_rng(0)
    real = np.where(rng.uniform(size=(128 * 300, 1)) < 0.25, -1.0, 1.0) + rng.normal(0, 0.05, (128 * 300, 1))
    gan.fit(tf.data.Dataset.from_tensor_slices(real.astype("float32")).batch(128), verbose=0)
    assert 0.15 < (gan.sample(4000) < 0).mean() < 0.35


def test_wrong_mixtures_are_named():
    with pytest.raises(ValueError, match="learned_weights: expected False with by_slot=True"):
        latents.GaussianMixture(4, by_slot=True, learned_weights=True)
    with pytest.raises(ValueError, match="components: expected an integer of at least 1, got 0"):
        latents.GaussianMixture(4, components=0)
    for scale in (-0.2, float("nan"), "0.2"):
        with pytest.raises(ValueError, match="initial_scale: expected a number of at least 0; got"):
            latents.GaussianMixture(4, initial_scale=scale)
    with pytest.raises(ValueError, match="scale_penalty: expected a number of at least 0; got -1"):
        latents.GaussianMixture(4, scale_penalty=-1)


@pytest.fixture
def under(request):
    """A policy that the test is under."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("under", ["mixed_float16", "mixed_bfloat16", "bfloat16"], indirect=True)
@pytest.mark.parametrize("prior", ["Normal", "Uniform", "ScaledTruncatedNormal", "GaussianMixture"])
def test_latents_are_those_of_float32_whatever_the_policy(prior, under):
    one = getattr(latents, prior)(6)
    keras.config.set_dtype_policy("float32")
    other = getattr(latents, prior)(6)
    other.set_weights(one.get_weights())
    u = uniforms(5, one.uniforms)
    np.testing.assert_array_equal(one(u, truncation=tf.fill([5], 0.5)), other(u, truncation=tf.fill([5], 0.5)))
    assert {weight.dtype for weight in one.weights} <= {"float32"}


@pytest.mark.parametrize("under", ["mixed_float16", "mixed_bfloat16"], indirect=True)
def test_a_mixture_trains_and_samples_in_mixed_precision(small_gan, images, under):
    gan = small_gan(latent=latents.GaussianMixture(8, components=3))
    before = gan.latent.means.numpy()
    gan.fit(tf.data.Dataset.from_tensor_slices(images).batch(4), verbose=0)  # the first steps find float16's scale
    assert (gan.latent.means.numpy() != before).any() and gan.sample(2).shape == (2, 32, 32, 1)


@pytest.mark.parametrize("prior", [kerasgan.latents.Normal(4), kerasgan.latents.GaussianMixture(4, components=2)])
def test_a_frozen_prior_is_frozen_when_it_is_made_again(prior):
    for trainable in (False, True):
        prior.trainable = trainable
        again = type(prior).from_config(prior.get_config())
        assert len(again.trainable_variables) == len(prior.trainable_variables)
        assert again.get_config() == prior.get_config()


def test_a_frozen_prior_trains_on_as_it_did(small_gan, images, tmp_path):
    gan = small_gan(latent=kerasgan.latents.GaussianMixture(8, components=2))
    gan.latent.trainable = False
    gan.compile()
    gan.fit(images, batch_size=16, verbose=0)
    gan.save(tmp_path / "gan.keras")
    again = kerasgan.load(tmp_path / "gan.keras")
    assert int(again.generator_optimizer.iterations) == int(gan.generator_optimizer.iterations) == 3
    before = again.latent.means.numpy()
    again.fit(images, batch_size=16, verbose=0)
    np.testing.assert_array_equal(again.latent.means, before)
