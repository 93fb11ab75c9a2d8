"""Virtual batch norm against NumPy, and that it uncouples the rows of a batch."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import kerasgan
from kerasgan import latents
from kerasgan.layers import DropReference, ReferenceBatch, VirtualBatchNormalization
from kerasgan.networks import dcgan, mlp

RNG = np.random.default_rng(0)


def test_rows_are_normalized_with_the_reference_and_themselves():
    reference, live = RNG.normal(2, 3, (5, 4, 4, 3)), RNG.normal(-1, 2, (6, 4, 4, 3))
    layer = VirtualBatchNormalization(5)
    layer.build((None, 4, 4, 3))
    gain, bias = RNG.normal(size=(2, 3))
    layer.gain.assign(gain)
    layer.bias.assign(bias)
    made = layer(np.concatenate([reference, live]).astype("float32")).numpy()
    expected = [(row - reference.mean((0, 1, 2))) / np.sqrt(reference.var((0, 1, 2)) + 1e-5) for row in reference]
    for row in live:  # the batch norm of the reference with this row added
        batch = np.concatenate([reference, row[None]])
        expected.append((row - batch.mean((0, 1, 2))) / np.sqrt(batch.var((0, 1, 2)) + 1e-5))
    np.testing.assert_allclose(made, np.array(expected) * gain + bias, rtol=1e-4, atol=1e-4)


def critic():
    keras.utils.set_random_seed(0)
    return dcgan.critic((32, 32, 1), filters=4, normalization="virtual", reference_size=6)


def test_a_critic_scores_an_image_alike_in_any_batch_and_needs_its_reference():
    network = critic()
    images = RNG.uniform(-1, 1, (9, 32, 32, 1)).astype("float32")
    scores = network(images, training=True).numpy()
    np.testing.assert_allclose(network(images[3:5], training=True), scores[3:5], rtol=1e-4, atol=1e-5)
    [first] = [layer for layer in network.layers if isinstance(layer, ReferenceBatch)]
    first.adapt(images)
    np.testing.assert_array_equal(first.reference.numpy(), images[:6])
    assert np.abs(network(images, training=True) - scores).max() > 1e-3
    with pytest.raises(ValueError, match=r"data: expected at least 6 rows of shape \(32, 32, 1\); got shape \(5, 32"):
        first.adapt(images[:5])


def test_fit_takes_the_first_real_images_as_reference_once():
    generator = dcgan.generator((32, 32, 1), latent_dim=8, filters=4, normalization="virtual", reference_size=6)
    gan = kerasgan.SGAN(generator, critic())
    gan.compile()
    assert not [v for v in generator.variables if "moving" in v.path]
    references = [
        layer.reference for layer in gan.critic.layers + generator.layers if isinstance(layer, ReferenceBatch)
    ]
    drawn = references[1].numpy()
    assert references[1].shape == (6, 8) and 0.5 < drawn.std() < 1.5
    real = RNG.uniform(-1, 1, (16, 32, 32, 1)).astype("float32")
    gan.fit(tf.data.Dataset.from_tensor_slices(real).batch(8), verbose=0)
    np.testing.assert_array_equal(references[0].numpy(), real[:6])
    gan.fit(tf.data.Dataset.from_tensor_slices(real[::-1]).batch(8), verbose=0)
    np.testing.assert_array_equal(references[0].numpy(), real[:6])
    np.testing.assert_array_equal(references[1].numpy(), drawn)
    # a generated image depends on its own seed alone, though batch norm has no moving statistics
    np.testing.assert_allclose(gan.sample(4, seed=1)[2].astype(int), gan.sample(1, seed=3)[0], atol=1)


def conditional(num_classes):
    """A generator whose reference is in the middle: of latents and a class embedding."""
    z, labels = keras.Input((8,)), keras.Input((), dtype="int32")
    x = keras.layers.Concatenate()([z, keras.layers.Embedding(num_classes, 2)(labels)])
    x = keras.layers.Dense(4, use_bias=False)(ReferenceBatch(3000)(x))
    x = DropReference(3000)(VirtualBatchNormalization(3000)(x))
    return keras.Model([z, labels], keras.layers.Dense(2)(x))


def unconditional():
    z = keras.Input((8,))
    x = keras.layers.Dense(4, use_bias=False)(ReferenceBatch(3000)(z))
    return keras.Model(z, keras.layers.Dense(2)(DropReference(3000)(VirtualBatchNormalization(3000)(x))))


def reference_of(network):
    return next(layer for layer in network.layers if isinstance(layer, ReferenceBatch))


PRIORS = {
    "normal": (lambda: latents.Normal(8), scipy.stats.norm),
    "uniform": (lambda: latents.Uniform(8), scipy.stats.uniform(-1, 2)),
    "truncated": (lambda: latents.ScaledTruncatedNormal(8, bound=0.5), scipy.stats.truncnorm(-0.5, 0.5)),
}


@pytest.mark.parametrize("prior", PRIORS)
def test_the_generators_reference_is_drawn_from_the_prior_in_use(prior):
    make, distribution = PRIORS[prior]
    rows = []
    for seed in (0, 0, 1):
        gan = kerasgan.SGAN(unconditional(), mlp.critic((2,), width=4), latent=make(), seed=seed)
        rows.append(reference_of(gan.generator).reference.numpy())
        np.testing.assert_array_equal(reference_of(gan.ema_generator).reference.numpy(), rows[-1])
    np.testing.assert_array_equal(rows[0], rows[1])
    assert (rows[0] != rows[2]).all()
    assert scipy.stats.kstest(rows[0].ravel(), distribution.cdf).pvalue > 1e-3
    assert abs(np.corrcoef(rows[0].T)[0, 1]) < 0.06


def test_the_reference_of_a_mixture_has_its_components():
    prior = latents.GaussianMixture(8, components=3, initial_scale=1e-3)
    gan = kerasgan.SGAN(unconditional(), mlp.critic((2,), width=4), latent=prior)
    distances = np.abs(reference_of(gan.generator).reference.numpy()[:, None] - prior.means.numpy()).max(axis=2)
    assert distances.min(axis=1).max() < 6e-3
    assert scipy.stats.chisquare(np.bincount(distances.argmin(axis=1))).pvalue > 1e-3


def test_the_reference_of_a_conditional_generator_has_all_classes():
    generator = conditional(3)
    gan = kerasgan.SGAN(generator, mlp.critic((2,), 3, width=4), latent=latents.Uniform(8), num_classes=3)
    rows = reference_of(generator).reference.numpy()
    assert scipy.stats.kstest(rows[:, :8].ravel(), scipy.stats.uniform(-1, 2).cdf).pvalue > 1e-3
    [embedding] = [layer for layer in gan.generator.layers if isinstance(layer, keras.layers.Embedding)]
    np.testing.assert_allclose(rows[:, 8:], embedding.embeddings.numpy()[np.arange(3000) % 3])


def test_a_reference_in_a_network_inside_the_generator_stays_what_it_is():
    inner, z = unconditional(), keras.Input((8,))
    mine = reference_of(inner).reference.numpy()
    kerasgan.SGAN(keras.Model(z, inner(z)), mlp.critic((2,), width=4), latent=latents.Uniform(8))
    np.testing.assert_array_equal(reference_of(inner).reference.numpy(), mine)


def test_a_reference_that_is_there_stays(tmp_path):
    """What was adapted by hand, and that of an older file, which says that it was not adapted."""
    generator = unconditional()
    mine = RNG.normal(size=(3000, 8)).astype("float32")
    reference_of(generator).adapt(mine)
    gan = kerasgan.SGAN(generator, mlp.critic((2,), width=4), latent=latents.Uniform(8))
    np.testing.assert_array_equal(reference_of(gan.generator).reference.numpy(), mine)
    reference_of(generator).adapted.assign(False)
    gan.compile()
    gan.save(tmp_path / "older.keras")
    again = kerasgan.load(tmp_path / "older.keras")
    again.fit(RNG.normal(size=(16, 2)).astype("float32"), batch_size=8, verbose=0)
    for network in (again.generator, again.ema_generator):
        np.testing.assert_array_equal(reference_of(network).reference.numpy(), mine)


@pytest.mark.parametrize("rows", [4, 8])
def test_the_reference_may_be_several_batches(rows):
    gan = kerasgan.SGAN(dcgan.generator((32, 32, 1), latent_dim=8, filters=4), critic())
    gan.compile()
    levels = RNG.integers(0, 256, (16, 32, 32, 1)).astype("uint8")
    batches = tf.data.Dataset.from_tensor_slices(levels).batch(rows)
    gan.fit(batches, verbose=0, steps_per_epoch=1)
    [first] = [layer for layer in gan.critic.layers if isinstance(layer, ReferenceBatch)]
    np.testing.assert_allclose(first.reference.numpy(), levels[:6] / 127.5 - 1, atol=1e-6)


def test_gradients_go_through_the_reference():
    """With one weight before the norm, y = f(w x) does not change with w, and so neither does it without reference."""
    x = keras.Input((2,))
    w = keras.layers.Dense(2, use_bias=False)
    network = keras.Model(x, DropReference(4)(VirtualBatchNormalization(4, epsilon=0.0)(w(ReferenceBatch(4)(x)))))
    w.set_weights([np.diag([2.0, 3.0])])
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(network(RNG.normal(size=(5, 2)).astype("float32")) ** 2)
    gradient = tape.gradient(value, w.kernel).numpy()
    np.testing.assert_allclose(np.diag(gradient), 0, atol=1e-4)  # of scale; were the statistics constants it would not
    assert np.abs(gradient).max() > 1e-2


def test_what_cannot_work_is_named():
    with pytest.raises(ValueError, match="normalization: expected another than virtual for a conditional network"):
        dcgan.generator((32, 32, 1), num_classes=3, normalization="virtual")
    with pytest.raises(ValueError, match="size: expected an integer of at least 2, got 1"):
        ReferenceBatch(1)


@pytest.mark.parametrize("mean", [0.0, 1e3, 1e4])
def test_the_variance_of_numbers_of_a_large_mean_is_not_lost(mean):
    rows = RNG.normal(mean, 1, (70, 4)).astype("float32")
    layer = VirtualBatchNormalization(64)
    made = layer(rows).numpy()
    reference = rows[:64].astype("float64")
    expected = (reference - reference.mean(0)) / np.sqrt(reference.var(0) + 1e-5)
    np.testing.assert_allclose(made[:64], expected, atol=2e-3)
    for row, got in zip(rows[64:].astype("float64"), made[64:]):
        batch = np.concatenate([reference, row[None]])
        np.testing.assert_allclose(got, (row - batch.mean(0)) / np.sqrt(batch.var(0) + 1e-5), atol=2e-3)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_it_is_called_eagerly_in_mixed_precision(policy):
    rows = RNG.normal(size=(12, 5)).astype("float32")
    wanted, made = (VirtualBatchNormalization(8, dtype=dtype)(rows) for dtype in ("float32", policy))
    assert made.dtype == policy.removeprefix("mixed_")
    np.testing.assert_allclose(keras.ops.cast(made, "float32"), wanted, atol=0.05)


def test_shapes_are_told():
    shape = (None, 4, 4, 3)
    assert ReferenceBatch(6).compute_output_shape(shape) == shape
    assert ReferenceBatch(6).compute_output_shape((2, 3)) == (8, 3)
    assert DropReference(6).compute_output_shape((8, 3)) == (2, 3)
    assert VirtualBatchNormalization(6).compute_output_shape(shape) == shape
