"""What else `fit`, `compile` and the constructor refuse before the first step, with words that say what to use."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.models import fit_checks
from kerasgan.networks import mlp
from tests.models.sgan_of_points import POINTS, fit, points_gan


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"optimizer": "adam"}, "optimizer: expected none; a GAN has two: generator_optimizer and critic_optimizer"),
        ({"loss": "mse"}, "loss: expected none; the objective has its own"),
        ({"metrics": ["mae"]}, "metrics: expected none; images are measured by kerasgan.callbacks.EvaluateGAN"),
    ],
)
def test_an_argument_of_keras_compile_that_means_nothing_is_refused(arguments, message):
    gan = points_gan()
    with pytest.raises(ValueError, match=message):
        gan.compile(**arguments)
    gan.compile(**dict.fromkeys(arguments))
    with pytest.raises(TypeError, match="unexpected keyword argument 'optimiser'"):
        gan.compile(optimiser="adam")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"validation_data": POINTS}, "validation_data: expected none; .*EvaluateGAN"),
        ({"validation_split": 0.1}, "validation_split: expected none; .*EvaluateGAN"),
        ({"class_weight": {0: 2.0}}, "class_weight: expected none; the losses of a GAN weigh all samples the same"),
        ({"sample_weight": np.ones(64)}, "sample_weight: expected none"),
        ({"shuffle": False}, "shuffle: expected none; arrays are shuffled"),
        ({"epochs": 1.5}, "epochs: expected an integer"),
        ({"epochs": -1}, "epochs: expected an integer"),
        ({"steps_per_epoch": 0}, "steps_per_epoch: expected an integer of at least 1"),
        ({"initial_epoch": "1"}, "initial_epoch: expected an integer of at least 0, got '1'"),
    ],
)
def test_an_argument_of_keras_that_means_nothing_is_refused(arguments, message):
    gan = points_gan()
    with pytest.raises(ValueError, match=message):
        fit(gan, **arguments)
    assert int(gan.step.numpy()) == 0


def test_arguments_of_keras_that_ask_for_nothing_are_taken_and_others_are_unknown():
    gan = points_gan()
    fit(gan, validation_data=None, validation_split=0.0, class_weight=None, shuffle=True, validation_freq=1)
    assert int(gan.step.numpy()) == 4
    with pytest.raises(TypeError, match="unexpected keyword argument 'epoch'"):
        fit(gan, epoch=2)


@pytest.mark.parametrize("epochs", [1, 2])
def test_epochs_that_are_over_before_they_begin_are_warned_of(epochs):
    gan = points_gan()
    with pytest.warns(UserWarning, match=f"epochs: expected more than initial_epoch=2, .*; got {epochs}, so nothing"):
        fit(gan, epochs=epochs, initial_epoch=2)
    assert int(gan.step.numpy()) == 0


def test_steps_that_keras_would_exceed_are_refused():
    """Of 10 steps an epoch, 4 at a time, Keras takes 12."""
    gan = points_gan(steps_per_execution=4)
    data = tf.data.Dataset.from_tensor_slices(POINTS).batch(8).repeat()
    with pytest.raises(ValueError, match="steps_per_epoch: expected a multiple of steps_per_execution=4.*got 10"):
        gan.fit(data, steps_per_epoch=10, verbose=0)
    gan.fit(data, steps_per_epoch=8, epochs=2, verbose=0)
    assert int(gan.step.numpy()) == 16


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda gan: gan.train_on_batch(POINTS), "train_on_batch: a GAN trains with fit.*from_tensors"),
        (lambda gan: gan.test_on_batch(POINTS), "test_on_batch: .*kerasgan.metrics.evaluate"),
        (lambda gan: gan.evaluate(POINTS), "evaluate: .*kerasgan.metrics.evaluate"),
        (lambda gan: kerasgan.Sampler(gan.generator).fit(POINTS), "fit: a Sampler is a generator alone"),
    ],
)
def test_what_needs_targets_is_refused(call, message):
    with pytest.raises(NotImplementedError, match=message):
        call(points_gan())


def test_predict_is_the_sampling_generator_on_latents():
    gan, z = points_gan(), np.random.default_rng(0).normal(size=(5, 2)).astype("float32")
    wanted = gan.ema_generator(z, training=False).numpy()
    np.testing.assert_allclose(gan.predict(z, verbose=0), wanted, atol=1e-6)
    np.testing.assert_allclose(gan.predict_on_batch(z), wanted, atol=1e-6)


@pytest.mark.parametrize("x", [np.zeros((0, 2), "float32"), [np.zeros((0, 2)), np.zeros(0, int)], []])
def test_predict_of_no_rows_is_named(x):
    with pytest.raises(ValueError, match="^x: expected latents, a row at least; got "):
        points_gan().predict(x, verbose=0)


@pytest.mark.parametrize("seed", ["x", 1.5, None, True, 2**63, -(2**63) - 1])
def test_a_seed_that_is_no_integer_of_64_bits_is_refused(seed):
    with pytest.raises(ValueError, match="seed: expected an integer from -9223372036854775808 to 9223372036854775807"):
        kerasgan.SGAN(mlp.generator((2,), 2, width=8), mlp.critic((2,), width=8), seed=seed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ema_decay": "0.9"}, r"ema_decay: expected a number in \[0, 1\), a schedule or None; got '0.9'"),
        ({"ema_decay": float("nan")}, "ema_decay: expected a number"),
        ({"techniques": None}, "techniques: expected a list of kerasgan.techniques.Technique; got None"),
        ({"techniques": ["noise"]}, "techniques: expected a list of kerasgan.techniques.Technique"),
        ({"techniques": kerasgan.techniques.InstanceNoise()}, "techniques: expected a list"),
        ({"latent": "normal"}, "latent: expected a kerasgan.latents.Prior or None; got normal"),
    ],
)
def test_arguments_of_a_model_of_another_kind_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        kerasgan.SGAN(mlp.generator((2,), 2, width=8), mlp.critic((2,), width=8), **arguments)


def test_numbers_of_numpy_are_kept_as_python_has_them(tmp_path):
    networks = mlp.generator((2,), 2, num_classes=3, width=8), mlp.critic((2,), num_classes=3, width=8)
    counts = {"num_classes": np.int64(3), "critic_steps": np.int32(2), "seed": np.uint8(4)}
    kerasgan.SGAN(*networks, **counts).save(tmp_path / "a.keras")
    config = kerasgan.load(tmp_path / "a.keras").get_config()
    assert [config[name] for name in counts] == [3, 2, 4]


@pytest.mark.parametrize("steps", [0, -1, 2.5, "auto", None, True])
def test_steps_at_a_time_are_a_positive_integer(steps):
    with pytest.raises(ValueError, match="steps_per_execution: expected an integer of at least 1"):
        points_gan(steps_per_execution=steps)


def test_replicas_take_one_step_at_a_time():
    with pytest.raises(ValueError, match="steps_per_execution: expected 1 .* on 2 replicas; got 4"):
        fit_checks.numbers(1, None, 4, replicas=2)
    fit_checks.numbers(1, None, 1, replicas=2)


def test_an_epoch_that_gets_longer_is_told_of():
    with pytest.warns(UserWarning, match="steps_per_execution: an epoch has 6 steps, where 4 go through the rows"):
        fit(points_gan(steps_per_execution=3))


def test_a_loss_of_each_row_is_refused():
    class Summed(kerasgan.SGAN):
        def critic_loss(self, real, fake):
            return keras.ops.softplus(-self.score(real)) + keras.ops.softplus(self.score(fake))

    gan = Summed(mlp.generator((2,), 2, width=8), mlp.critic((2,), width=8))
    gan.compile()
    with pytest.raises(ValueError, match="critic_loss: expected a scalar of Summed.critic_loss.*keras.ops.mean"):
        fit(gan)
    assert int(gan.step.numpy()) == 0
