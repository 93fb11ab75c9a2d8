"""A GAN's moving average samples with batch-norm statistics of its own weights, wherever it is used."""

import pathlib
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import metrics
from kerasgan.layers import VirtualBatchNormalization
from kerasgan.metrics.evaluation import evaluator
from kerasgan.models import standing_statistics
from kerasgan.models.sampler import Sampler
from kerasgan.networks import mlp
from kerasgan.saving import presets

OLD = pathlib.Path(__file__).parents[1] / "data" / "sgan_68f2a08.keras"  # 16 steps by that commit, 3 classes, 8 x 8


def trained(num_classes=None, steps=6, norm=keras.layers.BatchNormalization, **arguments):
    """An SGAN after some steps of a large rate, so that trained and averaged weights differ."""
    keras.utils.set_random_seed(0)
    z, x = keras.Input((4,)), keras.Input((8, 8, 1))
    inputs, seen, h, f = z, x, z, keras.layers.Flatten()(x)
    if num_classes:
        y, t = keras.Input((), dtype="int32"), keras.Input((), dtype="int32")
        inputs, seen = [z, y], [x, t]
        h = keras.layers.Concatenate()([h, keras.layers.Embedding(num_classes, 4)(y)])
        f = keras.layers.Concatenate()([f, keras.layers.Embedding(num_classes, 4)(t)])
    h = keras.layers.Dense(16, activation="relu")(h)
    if norm is not None:
        h = norm(name="norm")(h)
    generator = keras.Model(inputs, keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64, activation="tanh")(h)))
    gan = kerasgan.SGAN(generator, keras.Model(seen, keras.layers.Dense(1)(f)), num_classes=num_classes, **arguments)
    gan.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(0.1))
    if steps:
        fit(gan, steps)
    return gan


def fit(gan, steps):
    rng = np.random.default_rng(0)
    labels = None if gan.num_classes is None else rng.integers(0, gan.num_classes, steps * 16)
    gan.fit(rng.integers(0, 256, (steps * 16, 8, 8, 1), np.uint8), labels, batch_size=16, verbose=0)


def one_step_without_fit(gan, labels=None):
    real = tf.zeros((16, 8, 8, 1))
    gan.distribute_strategy.run(tf.function(gan.train_step), args=((real, labels) if gan.num_classes else real,))


def norm_of(generator):
    return generator.get_layer("norm")


def expected_statistics(gan):
    """Mean and variance of 16 batches of 64 latents before the average's norm, by NumPy."""
    generator = gan.ema_generator
    before = keras.Model(generator.inputs, norm_of(generator).input)
    passes = [standing_statistics._inputs(gan.ema_latent, gan.num_classes, None, 64, gan.seed, k) for k in range(16)]
    activations = [before(inputs).numpy().astype(np.float64) for inputs in passes]
    return np.mean([a.mean(0) for a in activations], 0), np.mean([a.var(0) for a in activations], 0)


@pytest.mark.parametrize("num_classes", [None, 3])
def test_the_average_has_the_moments_of_its_own_activations(num_classes):
    gan = trained(num_classes, ema_decay=0.9, seed=7)
    mean, variance = expected_statistics(gan)  # of latents that the model's seed draws
    norm, other = norm_of(gan.ema_generator), norm_of(gan.generator)
    np.testing.assert_allclose(norm.moving_mean, mean, atol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, variance, rtol=1e-4)
    assert np.abs(norm.moving_mean - other.moving_mean).max() > 0.01, "the trained network's are others"
    assert not norm.trainable and norm.momentum == 0.99
    np.testing.assert_array_equal(gan.sample(6), kerasgan.standing_statistics(gan, seed=7).sample(6))


def test_every_use_after_steps_without_fit_takes_them_anew(tmp_path):
    def used(use, gan=None):
        gan = trained(ema_decay=0.9) if gan is None else gan
        one_step_without_fit(gan)
        copied = norm_of(gan.ema_generator).moving_mean.numpy()
        use(gan)
        own = norm_of(gan.ema_generator).moving_mean.numpy()
        np.testing.assert_allclose(own, expected_statistics(gan)[0], atol=1e-5)
        assert np.abs(own - copied).max() > 1e-3

    gan = trained(ema_decay=0.9)
    used(lambda gan: gan.sample(1), gan)
    used(lambda gan: gan.save(tmp_path / "a.keras"), gan)
    used(lambda gan: gan.save_weights(tmp_path / "a.weights.h5"), gan)
    used(lambda gan: gan.export(tmp_path / "1"), gan)
    used(standing_statistics.copied, gan)
    used(lambda gan: presets.save(standing_statistics.copied(gan), tmp_path / "preset", {}, "card", gan=gan), gan)
    used(lambda gan: list(evaluator.generated(gan, 4)), gan)


def test_an_export_and_a_preset_give_the_same_images(tmp_path):
    gan = trained(3, ema_decay=0.9)
    one_step_without_fit(gan, tf.zeros(16, tf.int32))
    gan.export(tmp_path / "1")
    images = gan.sample(6)
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    seeds, labels = tf.range(6, dtype=tf.int64), tf.range(6, dtype=tf.int64) % 3
    exported = served(seed=seeds, truncation=tf.fill([6], np.inf), label=labels)["images"].numpy()
    assert np.abs(exported.astype(int) - images).max() <= 1
    folder = presets.save(standing_statistics.copied(gan), tmp_path / "preset", {"name": "it"}, "card")
    np.testing.assert_array_equal(presets.load(folder).sample(6), images)


def test_they_are_measured_and_the_protocol_says_so():
    gan = trained(ema_decay=0.9)
    real = np.random.default_rng(1).integers(0, 256, (40, 8, 8, 1), np.uint8)
    found = {}
    for weights in ("moving average", "trained"):
        sampler, _ = evaluator.sampler_of(gan, weights)
        found[weights] = evaluator.batch_norm_note(sampler, weights)
    assert found["moving average"] == "batch norm with the moving average's own statistics (16 batches of 64)"
    assert found["trained"] == "batch norm in inference"
    assert evaluator.batch_norm_note(trained(norm=None), "moving average") == "no batch norm"
    assert real.shape[1:] == gan.image_shape and metrics.evaluate is evaluator.evaluate


def test_a_loaded_model_samples_as_the_saved_one_without_taking_them_again(tmp_path, monkeypatch):
    gan = trained(3, ema_decay=0.9)
    images = gan.sample(6)
    gan.save(tmp_path / "gan.keras")
    gan.save_weights(tmp_path / "gan.weights.h5")
    monkeypatch.setattr(standing_statistics, "take", None)
    np.testing.assert_array_equal(kerasgan.load(tmp_path / "gan.keras").sample(6), images)
    again = trained(3, steps=0, ema_decay=0.9)
    again.load_weights(tmp_path / "gan.weights.h5")
    np.testing.assert_array_equal(again.sample(6), images)


def test_sampling_between_steps_does_not_change_the_training(tmp_path):
    through, looked = trained(ema_decay=0.9), trained(ema_decay=0.9)
    looked.sample(2)
    looked.save(tmp_path / "gan.keras")
    looked = kerasgan.load(tmp_path / "gan.keras")
    for gan in (through, looked):
        one_step_without_fit(gan)
        one_step_without_fit(gan)
    for one, other in zip(through.get_weights(), looked.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_files_with_copied_statistics_get_their_own():
    old = kerasgan.load(OLD)
    with zipfile.ZipFile(OLD) as archive, archive.open("model.weights.h5") as file:
        own = h5py.File(file)["vars"]
        assert list(own) == ["0"], "what this commit wrote has the step alone"
    copied = norm_of(old.ema_generator).moving_mean.numpy()
    np.testing.assert_array_equal(copied, norm_of(old.generator).moving_mean.numpy())
    old.sample(1)
    np.testing.assert_allclose(norm_of(old.ema_generator).moving_mean, expected_statistics(old)[0], atol=1e-5)
    fit(old, 1)
    assert int(old.step.numpy()) == 17


def test_weights_of_an_earlier_step_set_back_get_their_own():
    gan = trained(ema_decay=0.9)
    one_step_without_fit(gan)
    best = gan.get_weights()  # before anything sampled: statistics copied
    gan.sample(1)
    one_step_without_fit(gan)
    gan.set_weights(best)
    gan.sample(1)
    np.testing.assert_allclose(norm_of(gan.ema_generator).moving_mean, expected_statistics(gan)[0], atol=1e-5)


@pytest.mark.parametrize("norm", [None, VirtualBatchNormalization])
def test_no_pass_without_moving_statistics(norm, monkeypatch):
    if norm is None:
        gan = trained(norm=None, ema_decay=0.9)
    else:
        networks = kerasgan.networks.dcgan
        generator = networks.generator((32, 32, 1), 4, filters=2, normalization="virtual")
        gan = kerasgan.SGAN(generator, networks.critic((32, 32, 1), filters=2))
        gan.step.assign(1)
    monkeypatch.setattr(standing_statistics, "_inputs", None)
    before = [np.copy(value) for value in gan.ema_generator.get_weights()]
    gan.sample(2)
    for one, other in zip(before, gan.ema_generator.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_without_average_keeps_its_trained_statistics():
    gan = trained(ema_decay=None)
    before = norm_of(gan.generator).moving_mean.numpy()
    gan.sample(2)
    np.testing.assert_array_equal(norm_of(gan.generator).moving_mean, before)


def test_weights_set_by_hand_reach_the_average():
    pretrained = trained(ema_decay=0.9)
    gan = trained(steps=0, ema_decay=0.9)
    gan.sample(1)
    gan.generator.set_weights(pretrained.generator.get_weights())
    wanted = Sampler(gan.generator, gan.latent).sample(4)
    np.testing.assert_array_equal(gan.sample(4), wanted)  # before the first step, by itself
    gan.generator.set_weights(trained(steps=3, ema_decay=0.9).generator.get_weights())
    np.testing.assert_array_equal(gan.sample(4), Sampler(gan.generator, gan.latent).sample(4))
    other = trained(steps=0, ema_decay=0.9999)
    other.generator.set_weights(pretrained.generator.get_weights())
    fit(other, 1)  # the average begins there too: no weight of the random start is left in it
    start, now = pretrained.generator.get_weights()[0], other.generator.get_weights()[0]
    np.testing.assert_allclose(other.ema_generator.get_weights()[0], 0.1 * start + 0.9 * now, atol=1e-5)
    fit(gan, 2)
    gan.generator.set_weights(pretrained.generator.get_weights())
    gan.reset_average()
    kernel = pretrained.generator.get_weights()[0]
    np.testing.assert_array_equal(gan.ema_generator.get_weights()[0], kernel)


@pytest.mark.parametrize("sampled", [False, True])
def test_an_average_that_is_reset_after_training_has_statistics_of_its_own_in_every_order(sampled):
    gan = trained(ema_decay=0.9)
    one_step_without_fit(gan)
    if sampled:
        gan.sample(1)
    gan.reset_average()
    gan.sample(1)
    np.testing.assert_array_equal(gan.ema_generator.get_weights()[0], gan.generator.get_weights()[0])
    np.testing.assert_allclose(norm_of(gan.ema_generator).moving_mean, expected_statistics(gan)[0], atol=1e-5)


def test_the_protocol_of_a_model_before_training_says_that_statistics_are_copied():
    gan = trained(steps=0)
    assert evaluator.batch_norm_note(gan, "moving average") == "batch norm in inference"


def test_weights_set_by_hand_once_more_after_a_reset_reach_the_average():
    gan, first, second = (trained(steps=steps, ema_decay=0.9) for steps in (0, 2, 3))
    gan.generator.set_weights(first.generator.get_weights())
    gan.reset_average()
    gan.generator.set_weights(second.generator.get_weights())
    np.testing.assert_array_equal(gan.sample(4), Sampler(gan.generator, gan.latent).sample(4))


def test_weights_set_by_hand_after_set_weights_reach_the_average():
    gan, other = trained(steps=0, ema_decay=0.9), trained(steps=0, ema_decay=0.9)
    other.generator.set_weights([value + 0.5 for value in other.generator.get_weights()])
    other.reset_average()
    gan.set_weights(other.get_weights())
    gan.generator.set_weights(trained(steps=2, ema_decay=0.9).generator.get_weights())
    np.testing.assert_array_equal(gan.sample(4), Sampler(gan.generator, gan.latent).sample(4))


def test_an_average_of_its_own_that_set_weights_has_set_before_training_stays():
    gan, other = trained(steps=0, ema_decay=0.9), trained(steps=0, ema_decay=0.9)
    other.ema_generator.set_weights([value + 0.5 for value in other.ema_generator.get_weights()])
    gan.set_weights(other.get_weights())
    gan.sample(1)
    for one, two in zip(gan.ema_generator.get_weights(), other.ema_generator.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_an_average_set_by_hand_before_training_stays():
    gan = trained(steps=0, ema_decay=0.9)
    gan.ema_generator.set_weights([value + 0.5 for value in gan.ema_generator.get_weights()])
    wanted = gan.ema_generator.get_weights()
    gan.sample(1)
    for one, other in zip(wanted, gan.ema_generator.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_half_precision_and_conditional_norms(tmp_path):
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        keras.utils.set_random_seed(0)
        family = kerasgan.networks.biggan
        generator = family.generator((32, 32, 1), 8, 3, filters=2, shared_dim=4, attention_size=16)
        gan = kerasgan.BigGAN(generator, family.critic((32, 32, 1), 3, filters=2, attention_size=16), num_classes=3)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    gan.compile()
    before = [norm.moving_variance.numpy() for norm in standing_statistics.batch_norms(gan.ema_generator)]
    gan.step.assign(1)
    gan.sample(3)
    after = [norm.moving_variance.numpy() for norm in standing_statistics.batch_norms(gan.ema_generator)]
    assert len(before) == 7 and all(np.isfinite(value).all() for value in after)
    assert all(np.abs(old - new).max() > 1e-3 for old, new in zip(before, after))


def test_batch_norm_that_is_frozen_keeps_its_statistics():
    gan = trained(steps=0)
    norm = norm_of(gan.generator)
    norm.moving_mean.assign(np.full(16, 0.5))
    norm.moving_variance.assign(np.full(16, 4.0))
    norm.trainable = False
    gan.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(0.1))
    fit(gan, 3)
    for network in (gan.generator, gan.ema_generator):
        np.testing.assert_array_equal(norm_of(network).moving_mean, np.full(16, 0.5))
        np.testing.assert_array_equal(norm_of(network).moving_variance, np.full(16, 4.0))


@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
def test_weights_set_by_hand_reach_the_average_of_a_model_that_was_saved_before_training(ending, tmp_path):
    first = trained(steps=0)
    if ending == ".keras":
        first.save(tmp_path / "first.keras")
        gan = kerasgan.load(tmp_path / "first.keras")
    else:
        first.save_weights(tmp_path / "first.weights.h5")
        gan = trained(steps=0)
        gan.generator.set_weights([weight + 1 for weight in gan.generator.get_weights()])
        gan.load_weights(tmp_path / "first.weights.h5")
    gan.generator.set_weights([weight + 2 for weight in gan.generator.get_weights()])
    gan.sample(1)
    for average, weight in zip(gan.ema_generator.get_weights(), gan.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(average, weight)


@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
def test_an_average_set_by_hand_stays_when_it_is_saved_before_training(ending, tmp_path):
    gan = trained(steps=0)
    gan.ema_generator.set_weights([weight + 1 for weight in gan.ema_generator.get_weights()])
    wanted = gan.ema_generator.get_weights()
    if ending == ".keras":
        gan.save(tmp_path / "first.keras")
        again = kerasgan.load(tmp_path / "first.keras")
    else:
        gan.save_weights(tmp_path / "first.weights.h5")
        again = trained(steps=0)
        again.load_weights(tmp_path / "first.weights.h5")
    again.sample(1)
    for average, weight in zip(again.ema_generator.get_weights(), wanted, strict=True):
        np.testing.assert_array_equal(average, weight)


def test_a_schedule_is_of_the_training_step_where_averaging_starts_later_too():
    """After step 3 the decay is 0: the average is what is trained."""
    decay = keras.optimizers.schedules.PiecewiseConstantDecay([4], [0.0, 0.999])
    generator, critic = (make(image_shape=(2,), width=8) for make in (mlp.generator, mlp.critic))
    gan = kerasgan.BigGAN(generator, critic, ema_start=3, ema_decay=decay)
    gan.compile()
    values = np.random.default_rng(0).uniform(-1, 1, (16, 2)).astype("float32")
    for step, same in ((4, True), (9, False)):
        gan.fit(values, batch_size=8, epochs=step - int(gan.step.numpy()), verbose=0)
        averages = zip(gan.ema_generator.trainable_variables or gan.ema_generator.variables, gan.generator.variables)
        assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in averages) is same
