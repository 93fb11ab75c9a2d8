"""Callbacks on a model that trains without work: exact steps, exact means, exact files."""

import io
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kerasgan
from kerasgan import callbacks
from kerasgan.utils import json_lines
from tests import points


@keras.saving.register_keras_serializable("tests of callbacks")
class Counter(keras.Model):
    """Counts its steps; the loss of step t (from 0) is t, logged as Keras does, as the mean of the epoch."""

    def __init__(self, first=0):
        super().__init__()
        self.step = self.add_weight(shape=(), dtype="int64", initializer="zeros", trainable=False)
        self.step.assign(first)
        self.tracker = keras.metrics.Mean(name="loss")
        self.trackers = {"loss": self.tracker}
        self.latent = kerasgan.latents.Normal(2)
        self.num_classes = self.vocabulary = self.class_names = None
        self.image_shape = (4, 4, 1)
        self.built = True
        self.compile(optimizer=None, jit_compile=False)

    def train_step(self, data):
        self.tracker.update_state(tf.cast(self.step.value, "float32"))
        self.step.assign(self.step + 1)
        return {"loss": self.tracker.result()}

    def get_config(self):
        return {"first": 0}

    def sample(self, n, seed, labels, truncation):
        return np.full((n, 4, 4, 1), int(self.step.numpy()) % 256, np.uint8)


def run(model, *used, steps=10, epochs=1):
    data = tf.data.Dataset.range(steps).batch(1)
    model.fit(data, epochs=epochs, verbose=0, callbacks=list(used))


class Steps(callbacks.EverySteps):
    """Remembers when it acted."""

    def __init__(self, every):
        super().__init__(every)
        self.seen = []

    def act(self, step, logs):
        self.seen.append(step)


def test_every_counts_on_across_epochs_and_resumptions_and_acts_at_the_end():
    used = Steps(4)
    run(Counter(), used, epochs=2)
    assert used.seen == [4, 8, 12, 16, 20]
    used = Steps(4)
    run(Counter(first=3), used)
    assert used.seen == [4, 8, 12, 13]
    with pytest.raises(ValueError, match="every: expected an integer of at least 1, got 0"):
        Steps(0)


@pytest.mark.parametrize("every", [1, 3, 5, 10])
def test_a_loss_that_is_not_finite_is_in_the_lines_of_its_epoch_alone(tmp_path, every):
    class Poison(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if int(self.model.step.numpy()) == 7:
                self.model.tracker.update_state(np.inf)

    log = callbacks.MetricsLog(tmp_path / "log.jsonl", 64, every=every)
    run(Counter(), Poison(), log, steps=10, epochs=3)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    finite = {row["step"] for row in rows if np.isfinite(row["loss"])}
    # means stay infinite until the epoch ends; the line across its end has steps of both
    assert finite == {row["step"] for row in rows if row["step"] < 8 or row["step"] - 10 >= every}
    wanted = {step: np.mean(range(max(step - every, 0), step)) for step in finite}
    assert {row["step"]: row["loss"] for row in rows if row["step"] in finite} == pytest.approx(wanted, rel=1e-5)


def test_what_is_written_at_the_end_is_of_the_step_that_the_weights_are_of(tmp_path):
    """EarlyStopping puts the weights of the best epoch back, and the step with them."""
    model = Counter()
    stopping = keras.callbacks.EarlyStopping("loss", mode="min", patience=2, restore_best_weights=True)
    grids, log = callbacks.SampleGrid(tmp_path, every=100, n=2), callbacks.MetricsLog(tmp_path / "log.jsonl", 64)
    run(model, stopping, callbacks.Checkpoint(tmp_path, every=100), grids, log, epochs=9)
    assert int(model.step.numpy()) == 10
    assert sorted(path.stem for path in tmp_path.glob("step-*")) == ["step-00000010"] * 2
    assert int(np.asarray(Image.open(tmp_path / "step-00000010.png")).min()) == 10
    assert [line["step"] for line in json_lines.read(tmp_path / "log.jsonl")] == [30]
    used = Steps(25)
    run(Counter(), stopping, used, epochs=9)
    assert used.seen == [25]


def test_log_lines_hold_the_mean_of_their_own_steps(tmp_path):
    log = callbacks.MetricsLog(tmp_path / "log.jsonl", 64, tmp_path / "board", every=3)
    run(Counter(), log, steps=5, epochs=2)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 6, 9, 10]
    assert [line["loss"] for line in lines] == pytest.approx([1, 4, 7, 9])
    assert all(line["images_per_second"] > 0 for line in lines)
    [events] = (tmp_path / "board").iterdir()
    summaries = list(tf.compat.v1.train.summary_iterator(str(events)))
    board = {(e.step, v.tag): float(tf.make_ndarray(v.tensor)) for e in summaries for v in e.summary.value}
    assert board[(6, "loss")] == pytest.approx(4)


def test_a_resumed_log_drops_the_lines_that_were_lost(tmp_path):
    path = tmp_path / "log.jsonl"
    run(Counter(), callbacks.MetricsLog(path, 64, every=2), steps=8)
    run(Counter(first=4), callbacks.MetricsLog(path, 64, every=2), steps=4)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [2, 4, 6, 8]


def test_stop_at_counts_steps_before_a_resumption():
    model = Counter(first=4)
    run(model, callbacks.StopAt(7), epochs=3)
    assert int(model.step.numpy()) == 7


def test_checkpoints_keep_the_newest(tmp_path):
    run(Counter(), callbacks.Checkpoint(tmp_path, every=3, keep=2))
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["step-00000009.keras", "step-00000010.keras"]


def test_checkpoints_keep_the_newest_also_where_steps_have_more_digits_than_before(tmp_path):
    (tmp_path / "step-best.keras").touch()  # a user's own
    run(Counter(first=10**8 - 7), callbacks.Checkpoint(tmp_path, every=5, keep=2))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"step-100000000.keras", "step-100000003.keras", "step-best.keras"}
    with pytest.raises(FileExistsError, match="has step-100000003.keras, and this model has taken 99,999,999 steps"):
        run(Counter(first=10**8 - 1), callbacks.Checkpoint(tmp_path, every=5))


def test_checkpoints_of_another_training_are_not_mixed_with(tmp_path):
    """They would be the newest, and what this training writes would be removed as too old."""
    run(Counter(), callbacks.Checkpoint(tmp_path, every=5, keep=2))
    with pytest.raises(FileExistsError, match="has step-00000010.keras, and this model has taken 0 steps"):
        run(Counter(), callbacks.Checkpoint(tmp_path, every=2, keep=2), steps=4)
    run(Counter(first=10), callbacks.Checkpoint(tmp_path, every=5, keep=2), steps=4)  # goes on
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000010.keras", "step-00000014.keras"]


def test_grids_are_of_the_model_at_that_step(tmp_path):
    run(Counter(), callbacks.SampleGrid(tmp_path, every=4, n=2))
    values = {path.name: int(np.asarray(Image.open(path)).min()) for path in tmp_path.iterdir()}
    assert values == {"step-00000004.png": 4, "step-00000008.png": 8, "step-00000010.png": 10}


def test_a_loss_that_is_no_number_ends_training():
    model = Counter()
    model.tracker.update_state(np.nan)
    model.reset_metrics = lambda: None
    with pytest.raises(FloatingPointError, match="loss became nan at step 1"):
        run(model, callbacks.FiniteLosses())


def test_progress_tells_steps_speed_and_time_to_go():
    stream = io.StringIO()
    run(Counter(first=5), callbacks.Progress(15, 64, seconds=0.0, stream=stream))
    lines = stream.getvalue().splitlines()
    assert lines[-1].startswith("step 15/15") and "ETA 0:00" in lines[-1]
    for word in ("steps/s", "images/s", "loss"):
        assert word in lines[-1]
    assert lines[1].startswith("step 7/15")


class Held(Steps):
    """Remembers the model's own count too."""

    def act(self, step, logs):
        self.seen.append((step, int(self.model.step.numpy())))


def test_steps_are_those_taken_where_several_are_taken_at_a_time(tmp_path):
    """Ten steps, four at a time, are taken in three calls; Keras counts twelve."""
    model, used = Counter(), Held(3)
    model.steps_per_execution = 4
    stream = io.StringIO()
    log = callbacks.MetricsLog(tmp_path / "log.jsonl", 64, every=4)
    watching = callbacks.Progress(20, 64, seconds=0.0, stream=stream)
    run(model, used, callbacks.Checkpoint(tmp_path, every=4, keep=9), log, watching, epochs=2)
    assert used.seen == [(4, 4), (8, 8), (10, 10), (14, 14), (18, 18), (20, 20)]
    names = sorted(path.stem for path in tmp_path.glob("*.keras"))
    assert names == [f"step-{step:08d}" for step in (4, 8, 14, 18, 20)]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [4, 8, 14, 18, 20]
    assert [line["loss"] for line in lines] == pytest.approx([1.5, 5.5, 10.5, 15.5, 18.5])
    assert stream.getvalue().splitlines()[-1].startswith("step 20/20")


def test_stop_at_does_not_stop_before_its_step():
    model = Counter()
    model.steps_per_execution = 4
    run(model, callbacks.StopAt(11), steps=10, epochs=5)
    assert int(model.step.numpy()) == 14


@pytest.mark.parametrize("keep", [0, -1, 1.5])
def test_a_checkpoint_is_kept_at_least(keep, tmp_path):
    with pytest.raises(ValueError, match="keep: expected an integer of at least 1"):
        callbacks.Checkpoint(tmp_path, keep=keep)


def test_a_penalty_that_is_not_in_every_step_is_logged_as_the_mean_of_what_there_was(tmp_path):
    class Known(kerasgan.techniques.Technique):
        tracked = ("known",)

        def penalty(self, variables):
            return 0.0

        def after_update(self, variables):
            if any(variable is gan.critic.trainable_variables[0] for variable in variables):
                gan.track(counting=keras.ops.equal(gan.step % 4, 0), known=keras.ops.cast(gan.step, "float32"))

    made = points.gan("SGAN")
    gan = kerasgan.SGAN(made.generator, made.critic, made.latent, techniques=[Known()])
    gan.compile()
    log = callbacks.MetricsLog(tmp_path / "log.jsonl", 12, every=3)
    gan.fit(points.data(gan, 5), epochs=4, verbose=0, callbacks=[log])
    lines = {line["step"]: line.get("known") for line in json_lines.read(tmp_path / "log.jsonl")}
    # steps 0, 4, 8, 12 and 16 count; a line is of the steps since the one before
    assert lines == {3: 0.0, 6: 4.0, 9: 8.0, 12: None, 15: 12.0, 18: 16.0, 20: None}


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"labels": 7}, ValueError, "labels: expected None"),
        ({"truncation": -1.0}, ValueError, "truncation: expected positive"),
        ({"n": 0}, ValueError, "n: expected"),
        ({"seed": 2**63}, ValueError, "seed: expected"),
        ({"folder": "file"}, OSError, "file"),
    ],
)
def test_a_grid_that_cannot_be_drawn_is_refused_before_the_first_step(wrong, error, message, tmp_path):
    (tmp_path / "file").touch()
    gan = points.gan("SGAN")
    gan.compile()
    folder = tmp_path / wrong.pop("folder", "samples")
    with pytest.raises(error, match=message):
        gan.fit(points.data(gan, 2), verbose=0, callbacks=[callbacks.SampleGrid(folder, **wrong)])
    assert int(gan.step.numpy()) == 0


def test_a_model_whose_checkpoints_could_not_be_loaded_is_refused_before_the_first_step(tmp_path):
    class Plain(kerasgan.SGAN):
        pass

    @keras.saving.register_keras_serializable("tests of checkpoints")
    class Weighted(kerasgan.SGAN):
        def __init__(self, *networks, gamma=1.0, **arguments):
            super().__init__(*networks, **arguments)
            self.gamma = gamma

    made = points.gan("SGAN")
    for kind, message in {Plain: "Plain.*register_keras_serializable", Weighted: "get_config.*argument gamma"}.items():
        gan = kind(made.generator, made.critic, made.latent)
        gan.compile()
        with pytest.raises(ValueError, match=message):
            gan.fit(points.data(gan, 2), verbose=0, callbacks=[callbacks.Checkpoint(tmp_path)])
        assert int(gan.step.numpy()) == 0
    with pytest.raises(ValueError, match=r"return \{\*\*super\(\).get_config\(\), 'gamma': self.gamma\}"):
        gan.save(tmp_path / "model.keras")
