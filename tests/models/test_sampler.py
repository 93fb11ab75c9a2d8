"""A generator on its own: with a table of statistics for truncations, saved, as a preset, and exported."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import kerasgan
from kerasgan import latents
from kerasgan.layers import StoredBatchNormalization
from kerasgan.models import finite
from kerasgan.models.sampler import Sampler
from kerasgan.networks import mlp
from kerasgan.saving import presets

CLASSES, NAMES = 3, ["cat", "dog", "owl"]


def small(seed=0):
    """A conditional generator of 4x4 images whose statistics depend on the truncation."""
    keras.utils.set_random_seed(seed)
    z = keras.Input((6,), name="latents")
    labels = keras.Input((), dtype="int32", name="labels")
    truncation = keras.Input((), name="truncation")
    x = keras.layers.Concatenate()([z, keras.layers.Embedding(CLASSES, 4)(labels)])
    x = keras.layers.Reshape((4, 4, 2))(keras.layers.Dense(32)(x))
    norm = StoredBatchNormalization(3, name="norm")
    x = keras.layers.Conv2D(1, 3, padding="same", activation="tanh")(norm([x, truncation]))
    norm.means.assign(np.random.default_rng(1).normal(size=norm.means.shape))
    norm.variances.assign(np.random.default_rng(2).uniform(0.2, 2, norm.variances.shape))
    network = keras.Model([z, labels, truncation], x)
    return Sampler(network, latents.ScaledTruncatedNormal(6), CLASSES, NAMES)


def test_rows_depend_on_their_own_truncation_alone():
    model = small()
    together = model.sample(3, seed=[4, 4, 4], labels=1, truncation=[0.3, 1.0, 2.0])
    assert not np.array_equal(together[0], together[1])
    np.testing.assert_array_equal(together[1], together[2])  # more than 1 counts as 1, and so does none
    np.testing.assert_array_equal(together[1], model.sample(1, seed=4, labels=1)[0])
    np.testing.assert_array_equal(together[0], model.sample(1, seed=4, labels=1, truncation=0.3)[0])


def test_it_is_the_same_from_a_file_a_preset_and_an_export(tmp_path):
    model = small()
    wanted = model.sample(4, seed=1, truncation=[0.2, 0.5, 0.9, 1.0])
    model.save(tmp_path / "model.keras")
    presets.save(model, tmp_path / "preset", {"metrics": []}, "# small\n")
    model.export(tmp_path / "served" / "1")
    for again in (kerasgan.load(tmp_path / "model.keras"), presets.load(tmp_path / "preset")):
        np.testing.assert_array_equal(again.sample(4, seed=1, truncation=[0.2, 0.5, 0.9, 1.0]), wanted)
        assert again.class_names == tuple(NAMES)
    signatures = tf.saved_model.load(str(tmp_path / "served" / "1")).signatures
    inputs = {"truncation": tf.constant([0.2, 0.5, 0.9, 1.0]), "label": tf.constant([0, 1, 2, 0], tf.int64)}
    made = signatures["serving_default"](seed=tf.constant([1, 2, 3, 4], tf.int64), **inputs)["images"]
    assert np.abs(made.numpy().astype(int) - wanted).max() <= 1
    z = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
    made = signatures["latent"](z=tf.constant(z), **inputs)["images"].numpy()
    direct = model.images_from_latents(z, inputs["label"], inputs["truncation"])
    assert np.abs(made.astype(int) - direct.numpy()).max() <= 1
    with pytest.raises(FileExistsError, match="folder: .* exists; choose another path, or say overwrite=True"):
        presets.save(model, tmp_path / "preset", {}, "")


def test_labels_may_be_names():
    model = small()
    np.testing.assert_array_equal(model.sample(3, labels="owl"), model.sample(3, labels=2))
    np.testing.assert_array_equal(model.sample(3, labels=["dog", 0, "owl"]), model.sample(3, labels=[1, 0, 2]))
    for labels, message in (
        ("owls", "labels: no class is named 'owls'; did you mean 'owl'?"),
        (["cat", "dog"], "labels: expected one number or 3"),
        (["cat", 3, 0], r"labels: expected integers in \[0, 3\)"),
        (2**32 + 1, r"labels: expected integers in \[0, 3\)"),
    ):
        with pytest.raises(ValueError, match=message):
            model.sample(3, labels=labels)


def test_a_model_without_names_may_be_given_them():
    model = small()
    config = model.get_config()
    assert config.pop("class_names") == NAMES  # as older files are
    older = Sampler.from_config(config)
    assert older.class_names is None
    with pytest.raises(
        ValueError, match="labels: expected numbers, as the names of the classes are not known; got 'cat'"
    ):
        older.sample(1, labels="cat")
    with pytest.raises(ValueError, match="class_names: expected 3 names, one a class; got 1: 'cat'"):
        older.class_names = ["cat"]
    older.class_names = NAMES
    older.set_weights(model.get_weights())
    np.testing.assert_array_equal(older.sample(2, labels="dog"), model.sample(2, labels=1))
    with pytest.raises(ValueError, match="class_names: expected None, as the model is unconditional"):
        Sampler(keras.Sequential([keras.Input((6,)), keras.layers.Dense(2)]), class_names=["a"])


def test_latents_are_a_truncated_normal_times_the_truncation():
    uniforms = np.random.default_rng(0).uniform(size=(2000, 3))
    prior = latents.ScaledTruncatedNormal(3)
    drawn = prior(uniforms, truncation=np.full(2000, 0.4, "float32")).numpy()
    np.testing.assert_allclose(drawn, 0.4 * scipy.stats.truncnorm.ppf(uniforms, -2, 2), atol=1e-5)
    np.testing.assert_allclose(prior(uniforms), scipy.stats.truncnorm.ppf(uniforms, -2, 2), atol=1e-5)
    with pytest.raises(ValueError, match="bound: expected a positive number; got 0"):
        latents.ScaledTruncatedNormal(3, bound=0)


def test_what_does_not_fit_is_named(small_gan):
    model = small()
    with pytest.raises(ValueError, match=r"generator: expected a network that takes one input \(num_classes is None\)"):
        Sampler(model.generator)
    with pytest.raises(ValueError, match="latent: expected dim 6, as the generator takes; got 5"):
        Sampler(model.generator, latents.Normal(5), CLASSES)
    critic = kerasgan.networks.mlp.critic
    with pytest.raises(ValueError, match="generator: expected one that can train"):
        kerasgan.SGAN(model.generator, critic(), num_classes=CLASSES)
    with pytest.raises(ValueError, match="sampler: expected a Sampler, without critic and optimizers; got SGAN"):
        presets.save(small_gan(), "anywhere", {}, "")


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("kind", ["image", "points"])
def test_a_generator_that_gives_no_numbers_is_told_of(small_gan, kind, value):
    gan = small_gan()
    if kind == "points":
        mlp = kerasgan.networks.mlp
        gan = kerasgan.SGAN(mlp.generator((2,), 2, width=8), mlp.critic((2,), width=8))
    gan.sample(3)
    weights = gan.sampling_generator.weights[0]
    weights.assign(np.full(weights.shape, value))
    said = "these samples mean nothing: the generator gives NaN or infinity: its weights are not finite"
    with pytest.warns(finite.NotFiniteWarning, match=said):
        assert gan.sample(3).shape == (3, *gan.image_shape)
    with pytest.warns(finite.NotFiniteWarning, match=said):
        Sampler(gan.sampling_generator, gan.latent).sample(70)


def test_exports_have_no_operation_more(tmp_path):
    """The check is for `sample`: converters to other formats know no Assert beside those of the inputs."""
    small().export(tmp_path / "1")
    function = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    operations = [node.op for node in function.graph.as_graph_def().node]
    inner = [node.op for one in function.graph.as_graph_def().library.function for node in one.node_def]
    assert "IsFinite" not in operations + inner and "Assert" in operations + inner


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": 2**32 + 1}, r"labels: expected integers in \[0, 3\); got 4294967297"),
        ({"labels": [0, 2**70]}, "labels: expected integers from"),
        ({"labels": np.array([0, 2**40])}, r"labels: expected integers in \[0, 3\)"),
        ({"labels": -(2**32) + 1}, r"labels: expected integers in \[0, 3\)"),
        ({"seed": 2**63}, "seed: expected integers from -9223372036854775808 to 9223372036854775807"),
        ({"seed": np.uint64(2**63)}, "seed: expected integers from"),
        ({"seed": [1, 2**64]}, "seed: expected integers from"),
        ({"seed": -(2**63) - 1}, "seed: expected integers from"),
        ({"seed": 2**63 - 1}, "seed: expected at most 9223372036854775806, as image i has seed `seed . i`"),
        ({"labels": [0] * 1000}, "labels: expected one number or 2"),
        ({"labels": [None] * 1000}, r"labels: expected integers; got \[None, .{,190}None\]$"),
        ({"labels": ["0"] * 1000}, "labels: no class is named '0'"),
    ],
)
def test_numbers_that_no_integer_type_holds_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        small().sample(2, **arguments)


def test_the_last_seed_has_an_image():
    model = small()
    np.testing.assert_array_equal(model.sample(2, seed=2**63 - 2), model.sample(2, seed=[2**63 - 2, 2**63 - 1]))
    assert model.sample(1, seed=-(2**63)).shape[0] == 1


def test_another_prior_is_used_at_once():
    generator = mlp.generator((2,), 4, width=8)
    sampler = kerasgan.Sampler(generator)
    first = sampler.sample(3)
    sampler.latent = kerasgan.latents.Uniform(4)
    np.testing.assert_allclose(sampler.sample(3), kerasgan.Sampler(generator, sampler.latent).sample(3))
    assert np.abs(sampler.sample(3) - first).max() > 1e-3


def test_predict_uses_another_generator_at_once():
    """Keras keeps the function that it has built."""
    sampler = kerasgan.Sampler(mlp.generator((2,), 4, width=8))
    z = np.ones((3, 4), "float32")
    sampler.predict(z, verbose=0)
    sampler.generator = mlp.generator((2,), 4, width=8)
    np.testing.assert_allclose(sampler.predict(z, verbose=0), sampler.generator(z), rtol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_what_is_no_image_is_float32_of_any_network(policy):
    z = keras.Input((4,))
    points = kerasgan.Sampler(keras.Model(z, keras.layers.Dense(2, dtype=policy)(z)))
    assert points.sample(3).dtype == np.float32
    rows = keras.layers.Softmax(dtype=policy)(keras.layers.Reshape((2, 4))(keras.layers.Dense(8, dtype=policy)(z)))
    lines = kerasgan.Sampler(keras.Model(z, kerasgan.layers.Characters("ab", dtype=policy)(rows)))
    assert lines.generator(np.zeros((1, 4))).dtype == lines.sample(3).dtype == np.float32


def test_seeds_that_no_integer_holds_are_named():
    sampler = kerasgan.Sampler(mlp.generator((2,), 4, width=8))
    with pytest.raises(ValueError, match="seed: expected integers from -9223372036854775808 to 9223372036854775807"):
        sampler.sample(2, seed=[2**63 - 1, 2**63])


@pytest.mark.parametrize("averaged", [True, False])
@pytest.mark.parametrize("replaced", [True, False])
def test_a_prior_that_is_set_or_replaced_is_sampled_from_at_once(averaged, replaced, tmp_path):
    """Of latents within 0.01 a linear generator makes points within 0.01 times the sums of its kernel's columns."""
    z, points = keras.Input((2,)), keras.Input((2,))
    generator = keras.Model(z, keras.layers.Dense(2, use_bias=False)(z))
    critic = keras.Model(points, keras.layers.Dense(1)(points))
    gan = kerasgan.SGAN(
        generator, critic, kerasgan.latents.ScaledTruncatedNormal(2, 2.0), ema_decay=0.5 if averaged else None
    )
    gan.compile("sgd", "sgd")
    gan.fit(np.zeros((8, 2), "float32"), batch_size=8, verbose=0)
    assert np.abs(gan.sample(64)).max() > 0.1
    if replaced:
        gan.latent = kerasgan.latents.ScaledTruncatedNormal(2, 0.01)
    else:
        gan.latent.bound = 0.01
    made = gan.sample(64)
    bounds = 0.0101 * np.abs(gan.sampling_generator.get_weights()[0]).sum(axis=0)
    assert (np.abs(made) < bounds).all()
    gan.save(tmp_path / "set.keras")
    np.testing.assert_array_equal(kerasgan.load(tmp_path / "set.keras").sample(64), made)
    gan.fit(np.zeros((8, 2), "float32"), batch_size=8, verbose=0)


def test_the_average_of_a_priors_weights_outlasts_an_argument_that_is_set():
    z, points = keras.Input((2,)), keras.Input((2,))
    generator = keras.Model(z, keras.layers.Dense(2, use_bias=False)(z))
    critic = keras.Model(points, keras.layers.Dense(1)(points))
    gan = kerasgan.SGAN(generator, critic, kerasgan.latents.GaussianMixture(2, components=3), ema_decay=0.5)
    gan.compile("sgd", "sgd")
    gan.fit(np.zeros((32, 2), "float32"), batch_size=8, verbose=0)
    before, weights = gan.ema_latent.get_weights(), gan.get_weights()
    gan.latent.by_slot = True
    gan.prepare_sampling()
    assert gan.ema_latent.by_slot
    for old, new in zip(weights, gan.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    for old, new in zip(before, gan.ema_latent.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
