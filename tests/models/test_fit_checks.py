"""What else `fit` and `compile` refuse before the first step, with words that say what to use."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import callbacks
from kerasgan.models import callback_checks, fit_checks, optimizer_checks
from kerasgan.networks import mlp
from tests import points

POINTS = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
Keras = keras.callbacks


def points_gan(of_gan=None, **arguments):
    keras.utils.set_random_seed(0)
    gan = kerasgan.SGAN(mlp.generator((2,), 2, width=8), mlp.critic((2,), width=8), **(of_gan or {}))
    gan.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.05), **arguments)
    return gan


def fit(gan, *given, **arguments):
    return gan.fit(POINTS, batch_size=16, verbose=0, callbacks=list(given), **arguments)


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (Keras.ReduceLROnPlateau(monitor="generator_loss", mode="min"), "two optimizers.*keras.optimizers.schedules"),
        (Keras.LearningRateScheduler(lambda epoch: 0.1), "two optimizers.*keras.optimizers.schedules"),
        (type("Mine", (Keras.LearningRateScheduler,), {})(lambda epoch: 0.1), "LearningRateScheduler changes"),
        (Keras.SwapEMAWeights(), "ema_decay"),
        (Keras.TerminateOnNaN(), "kerasgan.callbacks.FiniteLosses"),
        (Keras.TensorBoard("unused", write_steps_per_second=True), "write_steps_per_second.*MetricsLog"),
        (
            Keras.EarlyStopping(),
            "EarlyStopping monitors 'val_loss', which is not logged: critic_loss, gen.*EvaluateGAN",
        ),
        (Keras.EarlyStopping("loss"), "monitors 'loss', which is not logged"),
        (Keras.EarlyStopping("fid", mode="min"), "monitors 'fid', which is not logged"),
        (Keras.EarlyStopping("generator_loss"), "mode='min' or mode='max'"),
        (Keras.ModelCheckpoint("unused.keras", save_best_only=True), "ModelCheckpoint monitors 'val_loss'"),
        (Keras.ModelCheckpoint("unused.keras", monitor="critic_loss"), "mode='min' or mode='max'"),
        (Keras.ModelCheckpoint("{epoch}-{val_loss:.2f}.keras"), r"file name has \{val_loss\}, which is not logged"),
        (
            Keras.ModelCheckpoint("{epoch}-{fd[garments]:.2f}.keras"),
            r"cannot write \{fd\[garments\]\}.*\{fd_garments\}",
        ),
        (Keras.EarlyStopping, "expected objects of keras.callbacks.Callback; got <class"),
        ("csv", "expected objects of keras.callbacks.Callback; got csv"),
    ],
)
def test_a_callback_that_would_fail_or_do_nothing_is_refused(callback, message):
    gan = points_gan()
    with pytest.raises(ValueError, match=f"^callbacks: .*{message}"):
        fit(gan, callback)
    assert int(gan.step.numpy()) == 0


def test_callbacks_of_keras_that_work_are_taken(tmp_path):
    gan = points_gan()
    fit(
        gan,
        Keras.ModelCheckpoint(str(tmp_path / "{epoch}-{critic_loss:.3f}.keras")),
        Keras.ModelCheckpoint(
            str(tmp_path / "best.weights.h5"),
            monitor="generator_loss",
            mode="min",
            save_best_only=True,
            save_weights_only=True,
        ),
        Keras.EarlyStopping("generator_loss", mode="min", patience=9, restore_best_weights=True),
        Keras.TensorBoard(tmp_path / "board", histogram_freq=1),
        Keras.CSVLogger(tmp_path / "log.csv"),
        epochs=2,
    )
    [first, second] = sorted(tmp_path.glob("*-*.keras"))
    assert int(kerasgan.load(first).step.numpy()) == 4 and int(kerasgan.load(second).step.numpy()) == 8
    header = (tmp_path / "log.csv").read_text().splitlines()[0]
    assert header.startswith("epoch,critic_loss,generator_loss")


def test_a_value_that_a_callback_of_ones_own_logs_may_be_monitored():
    class Mine(Keras.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = float(epoch)

    history = fit(points_gan(), Mine(), Keras.EarlyStopping(patience=1), epochs=9)
    assert len(history.history["critic_loss"]) == 2


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


def test_an_optimizers_average_is_refused():
    average = {"use_ema": True, "ema_momentum": 0.9}
    for name in ("generator_optimizer", "critic_optimizer"):
        for wrap in (lambda one: one, keras.optimizers.LossScaleOptimizer):
            gan = kerasgan.SGAN(mlp.generator((2,), 2, width=8), mlp.critic((2,), width=8))
            with pytest.raises(ValueError, match=f"{name}: expected use_ema=False; .*ema_decay"):
                gan.compile(**{name: wrap(keras.optimizers.Adam(**average))})


def test_an_optimizer_that_adds_up_over_steps_is_for_one_replica():
    adds_up, plain = keras.optimizers.Adam(gradient_accumulation_steps=2), keras.optimizers.Adam()
    optimizer_checks.optimizers(adds_up, plain, replicas=1)
    for given in (adds_up, keras.optimizers.LossScaleOptimizer(adds_up)):
        with pytest.raises(ValueError, match="critic_optimizer: .* on 2 replicas.*gan.compile"):
            optimizer_checks.optimizers(plain, given, replicas=2)


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


def test_names_of_measures_may_stand_in_file_names():
    names = ["fd[garments]", "fid[inception-2015]", "w1"]
    assert [callback_checks.plain_name(name) for name in names] == ["fd_garments", "fid_inception_2015", "w1"]


def test_schedules_in_the_optimizers_are_the_way_to_change_the_rates():
    gan = points_gan()
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([2], [0.1, 0.0])
    gan.compile(keras.optimizers.SGD(schedule), keras.optimizers.SGD(0.1))
    seen = []

    class Weights(callbacks.EverySteps):
        def act(self, step, logs):
            seen.append(self.model.generator.trainable_variables[0].numpy())

    fit(gan, Weights(1))
    moved = [float(np.abs(after - before).max()) for before, after in zip(seen, seen[1:])]
    assert moved[0] > 0 and moved[-1] == 0


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


@pytest.mark.parametrize("frozen_before", [False, True])
def test_layers_frozen_or_thawed_since_compile_are_told_of(frozen_before):
    """Keras would train what is frozen, and fail in the optimizer on what is thawed."""
    gan = points_gan()
    layer = next(layer for layer in gan.critic.layers if layer.weights)
    layer.trainable = not frozen_before
    gan.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.05))
    fit(gan)
    layer.trainable = frozen_before
    with pytest.raises(ValueError, match="^critic: expected the trainable variables that it had in `compile`.*again"):
        fit(gan)
    gan.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.05))
    before = layer.weights[0].numpy()
    fit(gan)
    assert np.array_equal(layer.weights[0].numpy(), before) is not frozen_before


@pytest.mark.parametrize("given", ["adamm", 2e-4, keras.optimizers.Adam])
def test_what_is_no_optimizer_is_refused_by_its_argument(given):
    """And the model stays as it was: Keras counts it as compiled before the optimizers are looked at."""
    gan = points_gan(gradient_accumulation_steps=2)
    before = gan.critic_optimizer
    with pytest.raises(ValueError, match="^critic_optimizer: expected an object of .*Adam.*got"):
        gan.compile("sgd", given, gradient_accumulation_steps=4)
    assert gan.critic_optimizer is before and gan.gradient_accumulation_steps == 2
    gan = kerasgan.SGAN(gan.generator, gan.critic)
    with pytest.raises(ValueError, match="^generator_optimizer: expected an object"):
        gan.compile(given)
    assert not gan.compiled


def test_an_optimizer_of_another_model_is_refused():
    first, second = points_gan(), points_gan()
    with pytest.raises(ValueError, match="^critic_optimizer: expected a new optimizer; got one .* other variables"):
        second.compile("sgd", first.critic_optimizer)
    first.compile(first.generator_optimizer, first.critic_optimizer)  # its own go on


def test_an_argument_that_is_changed_counts_from_the_next_fit_on():
    """Keras keeps the step that it has built, whatever is set afterwards, where `save` writes the new value."""
    gan = points_gan()
    fit(gan)
    gan.ema_decay = 0.0
    fit(gan)
    for average, weight in zip(gan.ema_generator.get_weights(), gan.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(average, weight)
    gan.ema_decay = None
    with pytest.raises(ValueError, match="^ema_decay: expected None just where .*it has one, .* is now None"):
        fit(gan)


def test_a_techniques_argument_that_is_changed_counts_from_the_next_fit_on():
    """Of a square's gradient alone, a step of SGD leaves the share 1 - 2 * rate * weight of a kernel."""

    @keras.saving.register_keras_serializable()
    class Decay(kerasgan.techniques.Technique):
        def __init__(self, weight, name=None):
            super().__init__(name)
            self.weight = weight

        def generator_loss(self, gan, loss):
            return lambda real, *rest: 0.0 * loss(real, *rest)

        def penalty(self, variables):
            return self.weight * sum(keras.ops.sum(keras.ops.square(variable)) for variable in variables)

        def get_config(self):
            return {**super().get_config(), "weight": self.weight}

    gan = points_gan()
    gan = kerasgan.SGAN(gan.generator, gan.critic, techniques=[Decay(1.0)])
    gan.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.0))
    kernel = gan.generator.trainable_variables[0]
    before = kernel.numpy()
    for weight in (1.0, 2.0):
        gan.techniques[0].weight = weight
        gan.fit(tf.data.Dataset.from_tensors(POINTS), verbose=0)
        np.testing.assert_allclose(kernel.numpy(), before * (1 - 0.02 * weight), rtol=1e-6)
        before = kernel.numpy()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("critic_steps", 0),
        ("critic_steps", 2.5),
        ("generator_steps", 0),
        ("ema_decay", 1.5),
        ("seed", "a"),
        ("label_smoothing", 3.0),
    ],
)
@pytest.mark.parametrize("steps", [0, 4])
def test_an_argument_that_is_set_is_checked_by_the_next_fit(name, value, steps):
    """Otherwise no generator was trained, for one, or `save` wrote what no model can be loaded of."""
    gan = points_gan()
    if steps:
        fit(gan)
    before = getattr(gan, name)
    setattr(gan, name, value)
    for _ in range(2):
        with pytest.raises(ValueError, match=f"^{name}: expected"):
            fit(gan)
    assert int(gan.step.numpy()) == steps
    setattr(gan, name, before)
    fit(gan)
    assert int(gan.step.numpy()) == steps + 4


def test_a_techniques_argument_that_is_set_is_checked_by_the_next_fit():
    gan = points_gan()
    averaging = kerasgan.techniques.HistoricalAveraging(0.1)
    gan = kerasgan.SGAN(gan.generator, gan.critic, techniques=[averaging])
    gan.compile()
    fit(gan)
    averaging.weight = -1.0
    with pytest.raises(ValueError, match="^weight: expected"):
        fit(gan)
    averaging.weight = 0.2
    fit(gan)
    assert int(gan.step.numpy()) == 8


@pytest.mark.parametrize("objective", ["ACWGANGP", "BigGAN", "TSGAN"])
def test_objectives_whose_constructor_takes_other_arguments_are_checked_too(objective):
    gan = points.named(objective)
    gan.compile()
    gan.generator_steps = 2
    gan.fit(points.data(gan, 1), verbose=0)
    gan.generator_steps = 0
    with pytest.raises(ValueError, match="^generator_steps: expected"):
        gan.fit(points.data(gan, 1), verbose=0)


def test_a_replaced_network_is_told_of():
    gan = points_gan()
    gan.critic = mlp.critic((2,), width=4)
    with pytest.raises(ValueError, match="^critic: expected the trainable variables .* replaced since.* compile again"):
        fit(gan)
    gan.compile()
    gan.generator = mlp.generator((2,), 2, width=4)
    with pytest.raises(ValueError, match="^generator: expected the variables .* when the GAN was made.* make a GAN"):
        fit(gan)


def test_a_measure_is_monitored_by_its_whole_name_after_it_was_measured():
    class EvaluateGAN(Keras.Callback):
        __module__ = "kerasgan.callbacks"

    stopping = Keras.EarlyStopping("fd[garments]", mode="min")
    callback_checks.callbacks([EvaluateGAN(), stopping], ["critic_loss"])
    for wrong in ([stopping, EvaluateGAN()], [EvaluateGAN(), Keras.EarlyStopping("fid", mode="min")]):
        with pytest.raises(ValueError, match="which is not logged"):
            callback_checks.callbacks(wrong, ["critic_loss"])
    adapted = callbacks.Adapted(Keras.ReduceLROnPlateau(monitor="val_loss", mode="min"))
    with pytest.raises(ValueError, match="ReduceLROnPlateau monitors 'val_loss', which is not logged"):
        callback_checks.callbacks([adapted], ["critic_loss"])


def test_backup_and_restore_is_refused_with_arrays_whose_order_it_would_break(tmp_path):
    with pytest.raises(ValueError, match="BackupAndRestore .*kerasgan.callbacks.Checkpoint"):
        fit(points_gan(), Keras.BackupAndRestore(tmp_path))


class Interrupted(Exception):
    pass


def interrupted_in_its_third_epoch(tmp_path):
    """A model, and data, whose `fit` of five epochs ended with an error; Keras has kept two epochs."""

    def fail(epoch, logs):
        if epoch == 2:
            raise Interrupted

    gan, data = points_gan(), tf.data.Dataset.from_tensor_slices(POINTS).batch(16)
    with pytest.raises(Interrupted):
        keeping = [Keras.LambdaCallback(on_epoch_end=fail), Keras.BackupAndRestore(tmp_path / "kept")]
        gan.fit(data, epochs=5, verbose=0, callbacks=keeping)
    return gan, data


def test_fit_begins_with_the_first_epoch_after_one_that_was_restored(tmp_path):
    gan, data = interrupted_in_its_third_epoch(tmp_path)
    history = gan.fit(data, epochs=5, verbose=0, callbacks=[Keras.BackupAndRestore(tmp_path / "kept")])
    assert history.epoch == [2, 3, 4] and int(gan.step.numpy()) == 20
    assert gan.fit(data, epochs=2, verbose=0).epoch == [0, 1]
    assert int(gan.step.numpy()) == 28


def test_a_training_that_was_restored_at_its_end_is_no_lack_of_data(tmp_path):
    gan, data = points_gan(), tf.data.Dataset.from_tensor_slices(POINTS).batch(16)
    for epochs in ([0, 1], []):
        kept = Keras.BackupAndRestore(tmp_path, delete_checkpoint=False)
        assert gan.fit(data, epochs=2, verbose=0, callbacks=[kept]).epoch == epochs
    assert int(gan.step.numpy()) == 8


def test_backup_and_restore_comes_before_what_begins_at_the_step_that_it_sets(tmp_path):
    gan, data = interrupted_in_its_third_epoch(tmp_path)
    log, restoring = callbacks.MetricsLog(tmp_path / "log", 16, every=1), Keras.BackupAndRestore(tmp_path / "kept")
    with pytest.raises(ValueError, match="callbacks: expected BackupAndRestore before MetricsLog, which begins at"):
        gan.fit(data, epochs=5, verbose=0, callbacks=[log, restoring])
    gan.fit(data, epochs=5, verbose=0, callbacks=[restoring, log])
    lines = (tmp_path / "log").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(9, 21))


def test_orbax_is_refused_as_it_asks_for_one_optimizer():
    """Keras's class needs a package that is not here, so this is one of its name in its module."""
    orbax = type("OrbaxCheckpoint", (Keras.Callback,), {"__module__": "keras.src.callbacks.orbax_checkpoint"})
    gan = points_gan()
    with pytest.raises(AttributeError):
        gan.get_state_tree()  # what the callback saves
    for callback in (orbax(), callbacks.Adapted(orbax())):
        with pytest.raises(ValueError, match="callbacks: OrbaxCheckpoint saves .*kerasgan.callbacks.Checkpoint"):
            fit(gan, callback)


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


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_weights_of_another_type_than_float32_are_refused(dtype):
    critic = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, dtype=dtype)])
    with pytest.raises(ValueError, match=f"critic: expected weights of float32.*kernel is {dtype}"):
        kerasgan.SGAN(mlp.generator((2,), 2, width=8), critic)


def test_a_network_that_is_wholly_frozen_is_told_of():
    gan = points_gan()
    gan.generator.trainable = False
    gan.compile()
    with pytest.warns(UserWarning, match="generator: all its layers are frozen, so it is not trained"):
        gan.fit(POINTS, batch_size=8, verbose=0)


def test_a_generator_of_two_outputs_is_refused():
    z = keras.Input((2,))
    two = keras.Model(z, [keras.layers.Dense(2)(z), keras.layers.Dense(2)(z)])
    with pytest.raises(ValueError, match="generator: expected one output, the images; it gives 2"):
        kerasgan.SGAN(two, mlp.critic((2,), width=8))


def test_two_callbacks_do_not_write_to_one_place(tmp_path):
    logs = [callbacks.MetricsLog(tmp_path / name, 16) for name in ("a.jsonl", "a.jsonl", "b.jsonl")]
    with pytest.raises(ValueError, match="callbacks: expected one MetricsLog that writes to .*a.jsonl; got two"):
        points_gan().fit(POINTS, callbacks=logs[:2], verbose=0)
    points_gan().fit(POINTS, callbacks=logs[1:], verbose=0)
    assert (tmp_path / "a.jsonl").exists() and (tmp_path / "b.jsonl").exists()


def test_batch_norm_that_each_replica_computes_for_itself_is_told_of(recwarn):
    def gan(**arguments):
        z, points = keras.Input((2,)), keras.Input((2,))
        made = keras.layers.Dense(2)(keras.layers.BatchNormalization(name="norm", **arguments)(z))
        return kerasgan.SGAN(keras.Model(z, made), keras.Model(points, keras.layers.Dense(1)(points)))

    with pytest.warns(UserWarning, match="generator: batch norm is not synchronized in norm, .* of 2 replicas"):
        fit_checks.batch_norm(gan(), replicas=2)
    frozen = gan()
    frozen.generator.get_layer("norm").trainable = False
    recwarn.clear()
    fit_checks.batch_norm(gan(), replicas=1)
    fit_checks.batch_norm(gan(synchronized=True), replicas=2)
    fit_checks.batch_norm(frozen, replicas=2)
    assert not recwarn


CANNOT_BE_SET = [
    (lambda: kerasgan.techniques.FeatureMatching(), "layer", "logit"),
    (lambda: kerasgan.techniques.OrthogonalRegularization(), "critic", True),
    (lambda: kerasgan.techniques.SingularValuePenalty(target=1.0), "generator", False),
    (lambda: kerasgan.techniques.SingularValuePenalty(target=1.0), "ratio", 1.5),
    (lambda: kerasgan.techniques.SingularValueClamp(ratio=1.5), "ratio", None),
    (lambda: kerasgan.techniques.AdaptiveAugmentation(), "probability", 0.5),
    (lambda: kerasgan.techniques.AdaptiveAugmentation(0.5), "probability", None),
    (lambda: kerasgan.latents.GaussianMixture(2, components=4), "components", 2),
    (lambda: kerasgan.latents.GaussianMixture(2), "initial_scale", 0.5),
    (lambda: kerasgan.latents.GaussianMixture(2), "learned_weights", True),
    (lambda: points_gan({"player_threshold": 0.7}), "player_threshold", 0.1),
    (lambda: points_gan({"player_threshold": 0.7}), "least_player_threshold", 0.1),
    (lambda: points_gan(), "player_threshold", 0.1),
]


@pytest.mark.parametrize(("made", "name", "value"), CANNOT_BE_SET)
def test_an_argument_that_only_the_constructor_heeds_cannot_be_set_anew(made, name, value):
    """It had no effect in training, though `save` wrote it."""
    part = made()
    before = getattr(part, name)
    setattr(part, name, before)
    with pytest.raises(ValueError, match=f"^{name}: expected .*, as this .* was made with it; got .*: make a new one"):
        setattr(part, name, value)
    assert getattr(part, name) == part.get_config()[name] == before


def moved_by(gan, variable, data=POINTS):
    """How far a step of SGD at rate 0.1 has moved a variable."""
    before = variable.numpy()
    gan.fit(tf.data.Dataset.from_tensors(data), verbose=0)
    return variable.numpy() - before


def test_bounds_of_singular_values_that_are_set_count():
    """The gradient of (sigma - target)^2 is 2 (sigma - target) u v^T, that of another target differs by u v^T."""
    penalty = kerasgan.techniques.SingularValuePenalty(0.5, target=1.0)
    clamp = kerasgan.techniques.SingularValueClamp(clamp=100.0, generator=False, critic=True)
    gan = points_gan({"techniques": [penalty, clamp]})
    kernel = next(variable for variable in gan.generator.trainable_variables if len(variable.shape) == 2)
    moves, start = [], gan.get_weights()
    for target in (1.0, 3.0):
        penalty.target = target
        gan.set_weights(start)
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
        moves.append(moved_by(gan, kernel))
    u, _, vt = np.linalg.svd(start[[id(one) for one in gan.weights].index(id(kernel))])
    apart = np.sign(np.sum((moves[1] - moves[0]) * np.outer(u[:, 0], vt[0]))) * np.outer(u[:, 0], vt[0])
    np.testing.assert_allclose(moves[1] - moves[0], 0.1 * 2 * 0.5 * 2.0 * apart, atol=1e-4)
    clamp.clamp = 0.01
    for _ in range(3):  # the first value alone is lowered in an update
        fit(gan)
    kernels = [variable.numpy() for variable in gan.critic.trainable_variables if len(variable.shape) == 2]
    assert max(np.linalg.norm(kernel, 2) for kernel in kernels) < 0.3
    assert (penalty.get_config()["target"], clamp.get_config()["clamp"]) == (3.0, 0.01)


def test_feature_matching_that_is_added_later_leaves_what_other_techniques_add():
    matching = kerasgan.techniques.FeatureMatching()
    gan = points_gan({"techniques": [matching]})
    assert matching.replaces_loss
    matching.add = True
    assert not matching.replaces_loss
    fit(gan)


def test_the_weights_of_a_classifier_count_when_they_are_set():
    """At weight 0 of the critic's cross-entropy the layer of class logits does not move."""
    gan = points.named("ACWGANGP")
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    classes = gan.critic.layers[-1].kernel
    assert classes.shape[-1] == points.CLASSES
    for weight in (1.0, 0.0):
        gan.critic_class_weight = weight
        before = classes.numpy()
        gan.fit(points.data(gan, 1), verbose=0)
        assert (np.abs(classes.numpy() - before).max() > 0) == (weight > 0)
    assert gan.get_config()["critic_class_weight"] == 0.0
    gan.generator_class_weight = -1.0
    with pytest.raises(ValueError, match="generator_weight: expected"):
        gan.fit(points.data(gan, 1), verbose=0)


def test_the_penalty_of_scales_counts_when_it_is_set():
    """weight * mean((sigma - 1)^2) with 4 x 2 scales of 2 has the gradient weight / 4."""
    prior = kerasgan.latents.GaussianMixture(2, components=4, scale_penalty=0.0)
    gan = points_gan({"latent": prior})
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    moves, start = [], gan.get_weights()
    for weight in (0.0, 4.0):
        prior.scale_penalty = weight
        gan.set_weights(start)
        prior.scales.assign(np.full((4, 2), 2.0))
        moves.append(moved_by(gan, prior.scales))
    np.testing.assert_allclose(moves[1] - moves[0], -0.1, rtol=1e-4)


def test_what_is_set_of_an_optimizer_or_of_compile_counts_from_the_next_fit_on():
    """Keras keeps the step that it has built. A clipped gradient of at most 1e-6 moves a weight by 1e-7 at most."""
    gan = points_gan()
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    kernel = gan.generator.trainable_variables[0]
    assert np.abs(moved_by(gan, kernel)).max() > 1e-4
    built = gan.train_function
    gan.generator_optimizer.learning_rate = 0.2  # a variable, which the step reads
    moved_by(gan, kernel)
    assert gan.train_function is built
    gan.generator_optimizer.clipvalue = 1e-6
    assert np.abs(moved_by(gan, kernel)).max() < 3e-7
    gan.generator_optimizer.clipvalue = None
    gan.generator_optimizer.learning_rate = keras.optimizers.schedules.ExponentialDecay(0.0, 1, 1.0)
    np.testing.assert_array_equal(moved_by(gan, kernel), 0.0)
    gan.gradient_accumulation_steps = 0
    with pytest.raises(ValueError, match="^gradient_accumulation_steps: expected"):
        fit(gan)
    gan.gradient_accumulation_steps = 2
    built = gan.train_function
    fit(gan)
    assert gan.train_function is not built
