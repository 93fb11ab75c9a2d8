"""Callbacks that would fail, do nothing or break a training are refused before the first step."""

import json

import keras
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import callbacks
from kerasgan.models import callback_checks
from tests.models.sgan_of_points import POINTS, fit, points_gan

Keras = keras.callbacks


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


def test_names_of_measures_may_stand_in_file_names():
    names = ["fd[garments]", "fid[inception-2015]", "w1"]
    assert [callback_checks.plain_name(name) for name in names] == ["fd_garments", "fid_inception_2015", "w1"]


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


def test_two_callbacks_do_not_write_to_one_place(tmp_path):
    logs = [callbacks.MetricsLog(tmp_path / name, 16) for name in ("a.jsonl", "a.jsonl", "b.jsonl")]
    with pytest.raises(ValueError, match="callbacks: expected one MetricsLog that writes to .*a.jsonl; got two"):
        points_gan().fit(POINTS, callbacks=logs[:2], verbose=0)
    points_gan().fit(POINTS, callbacks=logs[1:], verbose=0)
    assert (tmp_path / "a.jsonl").exists() and (tmp_path / "b.jsonl").exists()
