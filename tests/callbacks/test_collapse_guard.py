"""The collapse guard on small trainings: what it measures, saves and logs, and what its actions do."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial import distance

import kerasgan
from kerasgan import callbacks, layers, techniques
from kerasgan.callbacks import CollapseRule, collapse_guard
from kerasgan.callbacks.collapse_actions import FreezeCritic
from kerasgan.callbacks.collapse_rule import Verdict

RNG = np.random.default_rng(0)

ROWS = 12


class Planned(CollapseRule):
    """Judges by plan: alarm at the given looks, counted from 1, whatever is seen."""

    def __init__(self, *alarms):
        super().__init__()
        object.__setattr__(self, "alarms", alarms)
        object.__setattr__(self, "count", [0])

    def judge(self, look, healthy, low_before=0, real=None):
        self.count[0] += 1
        return Verdict(("as planned",) if self.count[0] in self.alarms else ()), 0


class Seen(callbacks.EverySteps):
    """Remembers at which steps it acted, and the model's own count there."""

    def __init__(self, every):
        super().__init__(every)
        self.steps, self.counts = [], []

    def act(self, step, logs):
        self.steps.append(step)
        self.counts.append(int(self.model.step.numpy()))


@keras.saving.register_keras_serializable(package="tests")
class Drifting(kerasgan.HingeGAN):
    """Takes optimizer steps down a gradient of ones, without a game; the critic's loss of step t (from 0) is t."""

    def train_step(self, data):
        for optimizer, networks in (
            (self.critic_optimizer, [self.critic]),
            (self.generator_optimizer, [self.generator, self.latent]),
        ):
            variables = [variable for network in networks for variable in network.trainable_variables]
            optimizer.apply([tf.ones(variable.shape) for variable in variables], variables)
            for technique in self.techniques:
                technique.after_update(variables)
        weight = tf.reduce_sum(self.critic.trainable_variables[0])
        self.track(critic_loss=tf.cast(self.step.value, "float32") + 0.0 * weight, generator_loss=weight)
        return self.end_step()


def model(kind=Drifting, rate=1e-2, num_classes=None, plug_ins=()):
    """A model of points with spectral norm, batch norm and a learned prior, the same at each call; trains eagerly."""
    keras.utils.set_random_seed(1)
    z, labels, x = keras.Input((4,)), keras.Input((), dtype="int32"), keras.Input((2,))
    hidden = z
    if num_classes:
        hidden = keras.layers.Concatenate()([z, keras.layers.Embedding(num_classes, 2)(labels)])
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(8)(hidden))
    generator = keras.Model([z, labels] if num_classes else z, keras.layers.Dense(2)(hidden))
    features = keras.layers.LeakyReLU()(layers.SpectralNormalization(keras.layers.Dense(16))(x))
    critic = keras.Model([x, labels] if num_classes else x, keras.layers.Dense(1)(features))
    latent = kerasgan.latents.GaussianMixture(4, components=3)
    made = kind(generator, critic, latent, num_classes, ema_decay=0.9, seed=5, techniques=plug_ins)
    made.compile(keras.optimizers.Adam(rate), keras.optimizers.Adam(2 * rate), run_eagerly=True)
    return made


def points(gan, steps):
    numbers = np.random.default_rng(3)
    rows = numbers.normal(size=(steps * ROWS, 2)).astype("float32")
    labels = numbers.integers(0, 3, len(rows))
    return tf.data.Dataset.from_tensor_slices((rows, labels) if gan.num_classes else rows).batch(ROWS)


def fit(gan, guard, steps=6, extra=(), epochs=1):
    gan.fit(points(gan, steps), epochs=epochs, verbose=0, callbacks=[guard, *extra])
    return guard


def lines(folder):
    return [json.loads(line) for line in (folder / collapse_guard.LOG).read_text().splitlines()]


def values(gan):
    """Everything that training changes, without Keras's means."""
    parts = [gan.generator, gan.latent, gan.critic, gan.ema_generator, gan.ema_latent, *gan.techniques]
    parts += [gan.generator_optimizer, gan.critic_optimizer]
    return [variable.numpy() for part in parts for variable in part.variables]


def test_measured_are_loss_singular_values_and_distances(tmp_path):
    gan = model(num_classes=3)
    guard = fit(gan, callbacks.CollapseGuard(tmp_path, every=3, images=9), 6)
    line = guard.looks[-1]
    assert [look["step"] for look in lines(tmp_path)] == [3, 6] and line == lines(tmp_path)[-1]
    assert [look["critic_loss"] for look in guard.looks] == [1.0, 4.0]
    matrices = [v for v in gan.generator.trainable_variables + gan.critic.trainable_variables if len(v.shape) > 1]
    exact = [np.linalg.svd(matrix, compute_uv=False)[0] for matrix in matrices]
    assert sorted(line["sigma0"].values()) == pytest.approx(sorted(exact), rel=1e-3)
    assert sorted(name.split()[0] for name in line["sigma0"]) == ["critic"] * 2 + ["generator"] * 3
    made = guard._make().numpy()  # of the same latents and of two classes, as four images a class are asked for
    labels = np.arange(9) % 2
    pairs = distance.squareform(distance.pdist(made))
    same = (labels[:, None] == labels) & ~np.eye(9, dtype=bool)
    assert line["variety"]["variety"] == pytest.approx(pairs.sum() / 72, rel=1e-5)
    assert line["variety"]["variety within a class"] == pytest.approx(pairs[same].mean(), rel=1e-5)


def test_variety_is_of_the_generator_that_trains(tmp_path):
    gan = model()
    guard = callbacks.CollapseGuard(tmp_path)
    guard.set_model(gan)
    guard.on_train_begin()
    before = guard._variety()["variety"]
    gan.generator.layers[-1].kernel.assign(3 * gan.generator.layers[-1].kernel)
    assert guard._variety()["variety"] == pytest.approx(3 * before, rel=1e-5)


def test_only_healthy_looks_are_saved_and_the_last_of_them_kept(tmp_path):
    for keep, expected in ((2, ["healthy-00000002.keras", "healthy-00000004.keras"]), (1, ["healthy-00000004.keras"])):
        folder = tmp_path / str(keep)
        fit(model(), callbacks.CollapseGuard(folder, every=1, rule=Planned(3, 5), keep=keep), 5)
        assert [path.name for path in sorted(folder.glob("*.keras"))] == expected
        assert [look["healthy"] for look in lines(folder)] == [True, True, False, True, False]


def test_a_roll_back_leaves_steps_and_logs_in_order(tmp_path):
    gan, seen = model(), Seen(2)
    log = callbacks.MetricsLog(tmp_path / "log.jsonl", ROWS, every=1)
    guard = callbacks.CollapseGuard(tmp_path, every=1, rule=Planned(5), action=callbacks.RollBack(0.25))
    fit(gan, guard, 8, [seen, log, callbacks.StopAt(6)])
    assert guard.looks[4]["action"] == "rolled back to step 3, learning rates 0.0025 and 0.005"
    assert seen.steps == seen.counts == [2, 4, 6] and int(gan.step.numpy()) == 6
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [look["step"] for look in guard.looks] == [1, 2, 3, 4, 5, 6]
    for lines_of_losses in (rows, guard.looks):
        assert [line["critic_loss"] for line in lines_of_losses] == pytest.approx([0, 1, 2, 3, 4, 5], abs=1e-5)


def test_what_is_restored_is_what_the_file_holds(tmp_path):
    gan = model(plug_ins=[techniques.HistoricalAveraging(0.5)])
    guard = callbacks.CollapseGuard(tmp_path, every=1, keep=2, rule=Planned())
    fit(gan, guard, 3)
    means = [float(mean.result()) for mean in gan.trackers.values()]
    changed = values(gan)
    assert guard.restore() == 2
    saved = kerasgan.load(tmp_path / "healthy-00000002.keras")
    assert [path.name for path in tmp_path.glob("*.keras")] == ["healthy-00000002.keras"]
    for mine, wanted in zip(values(gan), values(saved), strict=True):
        np.testing.assert_array_equal(mine, wanted)
    assert sum(not np.array_equal(mine, other) for mine, other in zip(values(gan), changed)) > 20
    assert int(gan.step.numpy()) == 3 and int(saved.step.numpy()) == 2
    assert [float(mean.result()) for mean in gan.trackers.values()] == means


def test_a_damaged_checkpoint_is_not_restored(tmp_path):
    gan = model()
    guard = callbacks.CollapseGuard(tmp_path, every=1, keep=3, rule=Planned())
    fit(gan, guard, 3)
    oldest = tmp_path / "healthy-00000001.keras"
    oldest.write_bytes(oldest.read_bytes()[:-100])
    assert guard.restore() == 2
    saved = kerasgan.load(tmp_path / "healthy-00000002.keras")
    for mine, wanted in zip(values(gan), values(saved), strict=True):
        np.testing.assert_array_equal(mine, wanted)


def test_steps_after_a_roll_back_are_those_of_the_restored_model_at_the_later_step(tmp_path):
    """A roll-back with an unchanged rate = the checkpoint's model whose step is set to now, on the same data."""
    gan = model(kerasgan.HingeGAN)
    guard = callbacks.CollapseGuard(tmp_path, every=1, rule=Planned(2), action=callbacks.RollBack(1.0), keep=1)
    data = list(points(gan, 3))
    gan.fit(tf.data.Dataset.from_tensor_slices(data), verbose=0, callbacks=[guard])
    other = model(kerasgan.HingeGAN)
    other.fit(tf.data.Dataset.from_tensors(data[0]), verbose=0)
    other.step.assign(2)
    other.fit(tf.data.Dataset.from_tensors(data[2]), verbose=0)
    for mine, wanted in zip(values(gan), values(other), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-6, atol=1e-7)


def test_rates_fall_with_each_roll_back_until_the_last(tmp_path, capsys):
    gan = model(rate=1e-2)
    action = callbacks.RollBack(0.5, max_rollbacks=2)
    guard = fit(gan, callbacks.CollapseGuard(tmp_path, every=1, rule=Planned(2, 3, 4), action=action), 8)
    actions = [look["action"] for look in guard.looks]
    assert actions == [
        "",
        "rolled back to step 1, learning rates 0.005 and 0.01",
        "rolled back to step 1, learning rates 0.0025 and 0.005",
        "training stops after 2 roll-backs",
    ]
    assert float(gan.generator_optimizer.learning_rate) == pytest.approx(2.5e-3)
    assert int(gan.step.numpy()) == 4 and action.rollbacks == 2
    assert f"step 2: alarm: as planned; {actions[1]}\n" in capsys.readouterr().out


def test_nothing_to_roll_back_to_ends_training(tmp_path):
    gan = model()
    guard = fit(gan, callbacks.CollapseGuard(tmp_path, every=1, rule=Planned(1), action=callbacks.RollBack()), 4)
    assert [look["action"] for look in guard.looks] == [
        "training stops, as there is no healthy checkpoint to roll back to"
    ]


@pytest.mark.parametrize("side", ["generator", "critic"])
def test_a_frozen_side_stays_and_the_other_moves(side, tmp_path):
    gan = model()
    action = {"generator": callbacks.FreezeGenerator(), "critic": callbacks.FreezeCritic()}[side]
    trained = {}

    class Weights(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            networks = {"generator": gan.generator, "critic": gan.critic}
            trained[batch] = {
                name: [variable.numpy() for variable in network.trainable_variables]
                for name, network in networks.items()
            }

    guard = fit(gan, callbacks.CollapseGuard(tmp_path, every=1, rule=Planned(2, 3), action=action), 4, [Weights()])
    assert [look["action"] for look in guard.looks] == ["", f"froze the {side}: its learning rate is 0", "", ""]
    for name in ("generator", "critic"):
        moved = any(not np.array_equal(mine, other) for mine, other in zip(trained[1][name], trained[3][name]))
        assert moved == (name != side)


def test_warning_leaves_the_training_as_it_is_and_stopping_ends_it(tmp_path, capsys):
    plain, warned, stopped = model(), model(), model()
    plain.fit(points(plain, 4), verbose=0)
    fit(warned, callbacks.CollapseGuard(tmp_path / "a", every=1, rule=Planned(2, 3)), 4)
    for mine, other in zip(values(warned), values(plain), strict=True):
        np.testing.assert_array_equal(mine, other)
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["step 2: alarm: as planned", "step 4: healthy again"]
    fit(stopped, callbacks.CollapseGuard(tmp_path / "b", every=1, rule=Planned(2), action=callbacks.Stop()), 4)
    assert int(stopped.step.numpy()) == 2


def test_nan_is_an_alarm_at_once_and_rolled_back_logs_are_finite_again(tmp_path):
    gan = model()

    class Poison(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 4:
                gan.critic.trainable_variables[0].assign(np.full((2, 16), np.nan))

    logged = {}

    class Logs(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            logged[batch] = logs["critic_loss"]

    guard = callbacks.CollapseGuard(tmp_path, every=4, action=callbacks.RollBack())
    fit(gan, guard, 8, [Poison(), Logs()])
    assert [look["step"] for look in guard.looks] == [4, 5, 8]
    assert guard.looks[1]["critic_loss"] is None and "critic's loss is nan" in guard.looks[1]["alarms"]
    assert guard.looks[1]["action"].startswith("rolled back to step 4")
    assert np.isnan(logged[4]) and np.isfinite([logged[5], logged[7]]).all()
    assert logged[7] == pytest.approx((5 * 1.5 + 5 + 6 + 7) / 8)  # the steps lost count as the healthy mean
    assert guard.looks[2]["critic_loss"] == pytest.approx(6.0)
    assert all(np.isfinite(value).all() for value in values(gan))


def test_lines_after_a_roll_back_at_a_line_are_of_their_own_steps(tmp_path):
    gan = model()

    class Poison(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 4:
                gan.critic.trainable_variables[0].assign(np.full((2, 16), np.nan))

    log = callbacks.MetricsLog(tmp_path / "log.jsonl", ROWS, every=1)
    fit(gan, callbacks.CollapseGuard(tmp_path, every=4, action=callbacks.RollBack()), 8, [Poison(), log])
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["critic_loss"] for row in rows] == pytest.approx([0, 1, 2, 3, np.nan, 5, 6, 7], nan_ok=True, abs=1e-5)
    assert np.isfinite([row["generator_loss"] for row in rows[5:]]).all()


class Infinite(Drifting):
    """Its generator's loss is infinite in the step 2 alone, and no weight is."""

    def track(self, counting=True, **values):
        infinite = tf.where(tf.equal(self.step.value, 2), np.inf, values["generator_loss"])
        super().track(counting, **{**values, "generator_loss": infinite})


def test_any_loss_that_is_infinite_is_one_alarm_at_once(tmp_path, capsys):
    guard = fit(model(Infinite), callbacks.CollapseGuard(tmp_path, every=4), 8)
    assert [look["step"] for look in guard.looks] == [3, 4, 8]  # the mean is infinite to the epoch's end
    assert guard.looks[0]["alarms"] == ["generator_loss is inf"]
    assert capsys.readouterr().out == "step 3: alarm: generator_loss is inf\n"


def test_what_is_not_finite_is_told_at_once_in_a_second_fit_too(tmp_path):
    gan, guard = model(), callbacks.CollapseGuard(tmp_path, every=100)
    gan.critic.trainable_variables[0].assign(np.full((2, 16), np.nan))
    fit(gan, guard, 2)
    fit(gan, guard, 3)
    assert [look["step"] for look in guard.looks] == [1, 2, 3, 5]


class Silent(Drifting):
    """Its steps return logs without the critic's loss."""

    def train_step(self, data):
        logs = super().train_step(data)
        return {"generator_loss": logs["generator_loss"]}


def test_logs_without_the_critics_loss_are_refused_after_the_first_step(tmp_path):
    gan = model(Silent)
    with pytest.raises(
        ValueError, match=r"steps that log critic_loss, .* got logs of generator_loss: .*track\(critic_loss"
    ):
        fit(gan, callbacks.CollapseGuard(tmp_path, every=4), 8)
    assert int(gan.step.numpy()) == 1


def test_nan_before_the_first_look_after_a_resume_is_rolled_back_too(tmp_path):
    fit(model(), callbacks.CollapseGuard(tmp_path, every=2), 4)
    gan = kerasgan.load(tmp_path / "healthy-00000004.keras")
    gan.run_eagerly = True
    gan.critic.trainable_variables[0].assign(np.full((2, 16), np.nan))
    guard = fit(gan, callbacks.CollapseGuard(tmp_path, every=2, action=callbacks.RollBack()), 1)
    assert guard.looks[-1]["action"].startswith("rolled back to step 2")
    assert all(np.isfinite(value).all() for value in values(gan))
    assert np.isfinite(float(gan.trackers["critic_loss"].result()))


def test_doubts_before_a_restart_count(tmp_path):
    line = {"healthy": False, "critic_loss": 0.1, "variety": {}, "sigma0": {}, "alarms": [], "action": ""}
    doubts = [[], ["low for 1 of 3 looks"], ["low for 2 of 3 looks"]]
    written = [json.dumps({**line, "step": step, "doubts": doubt}) + "\n" for step, doubt in enumerate(doubts, 1)]
    gan = model()
    gan.step.assign(3)
    (tmp_path / collapse_guard.LOG).write_text("".join(written))
    guard = callbacks.CollapseGuard(tmp_path, every=1)
    guard.set_model(gan)
    guard.on_train_begin()
    assert guard._low == 2


def test_a_resumed_training_goes_on_with_its_own_lines(tmp_path):
    fit(model(), callbacks.CollapseGuard(tmp_path, every=1), 4)
    with (tmp_path / collapse_guard.LOG).open("a") as file:
        file.write('{"step": 5, "hea')  # killed while it wrote
    gan = kerasgan.load(tmp_path / "healthy-00000003.keras")
    guard = callbacks.CollapseGuard(tmp_path, every=1, rule=CollapseRule(warmup=3))
    guard.set_model(gan)
    guard.on_train_begin()
    assert [look["step"] for look in guard.looks] == [1, 2, 3] == [look["step"] for look in lines(tmp_path)]
    assert len(guard._healthy) == 3 and guard.restore() == 3  # step 4 is not its own
    fresh = callbacks.CollapseGuard(tmp_path, every=1)
    fresh.set_model(model())
    with pytest.raises(FileExistsError, match="expected no lines of another training; it has some up to step 3"):
        fresh.on_train_begin()


def test_looks_go_on_over_epochs(tmp_path):
    guard = fit(model(), callbacks.CollapseGuard(tmp_path, every=2), 3, epochs=3)
    assert [look["step"] for look in guard.looks] == [2, 4, 6, 8, 9]
    assert np.isfinite([look["critic_loss"] for look in guard.looks]).all()


def test_real_images_are_the_measure_of_variety(tmp_path):
    real = np.random.default_rng(0).normal(size=(30, 2)).astype("float32")
    guard = callbacks.CollapseGuard(tmp_path, every=1, real=1e3 * real, rule=CollapseRule(warmup=1))
    fit(model(), guard, 2)
    exact = 1e3 * distance.pdist(real).mean()
    assert guard._real_variety == {"variety": pytest.approx(exact, rel=1e-5)}
    assert guard.looks[1]["alarms"][-1].endswith(f"of real images' {exact:.3g}")


def test_wrong_arguments_are_named_before_training(tmp_path):
    with pytest.raises(ValueError, match="every: expected an integer of at least 1, got 0"):
        callbacks.CollapseGuard(tmp_path, every=0)
    with pytest.raises(ValueError, match="images: expected an integer of at least 2, got 1"):
        callbacks.CollapseGuard(tmp_path, images=1)
    with pytest.raises(ValueError, match="action: expected one such as Warn.*; got 'stop'"):
        callbacks.CollapseGuard(tmp_path, action="stop")
    with pytest.raises(ValueError, match="rule: expected a CollapseRule; got 0.5"):
        callbacks.CollapseGuard(tmp_path, rule=0.5)
    for factor in (0.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match=r"factor: expected a number in \(0, 1\]; got"):
            callbacks.RollBack(factor)
    with pytest.raises(ValueError, match="max_rollbacks: expected an integer of at least 1, got 0"):
        callbacks.RollBack(max_rollbacks=0)
    with pytest.raises(ValueError, match=r"real: expected images of shape \(2,\), .*; got \(3,\)"):
        fit(model(), callbacks.CollapseGuard(tmp_path, real=np.zeros((4, 3))), 1)
    with pytest.raises(ValueError, match="real: expected a pair of images and labels, as the model has num_classes=3"):
        fit(model(num_classes=3), callbacks.CollapseGuard(tmp_path, real=np.zeros((4, 2))), 1)


def test_learning_rates_that_are_schedules_are_refused_where_they_would_be_changed(tmp_path):
    gan = model()
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-3, 10, 0.9)
    gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(schedule), run_eagerly=True)
    for action in (callbacks.RollBack(), callbacks.FreezeCritic()):
        with pytest.raises(ValueError, match="critic_optimizer: expected a learning rate .*; got a ExponentialDecay"):
            fit(gan, callbacks.CollapseGuard(tmp_path, action=action), 1)
    assert int(gan.step.numpy()) == 0
    for action in (callbacks.FreezeGenerator(), callbacks.Stop()):
        fit(gan, callbacks.CollapseGuard(tmp_path, action=action), 1)


@pytest.mark.parametrize(
    ("real", "message"),
    [
        (RNG.uniform(0, 1, (16, 8, 8, 1)), r"floats must be in \[-1, 1\]"),
        (RNG.uniform(0, 255, (16, 8, 8, 1)), r"floats must be finite and in \[-1, 1\]; got values from"),
        (RNG.integers(0, 2, (16, 8, 8, 1)).astype("uint8"), "expected values from 0 to 255; got 0 and 1 alone"),
        (RNG.integers(0, 256, (16, 8, 8, 1)), "expected uint8, or floats"),
        (np.full((16, 8, 8, 1), np.nan), "expected finite values"),
        (np.zeros((1, 8, 8, 1)), "at least 2; got 1"),
        (np.zeros((0, 8, 8, 1)), "expected at least one image; got none"),
    ],
)
def test_real_images_of_another_range_are_no_measure_of_variety(real, message, tmp_path):
    generator = keras.Sequential([keras.Input((4,)), keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))])
    critic = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    gan = kerasgan.SGAN(generator, critic)
    gan.compile()
    images = tf.data.Dataset.from_tensors(tf.zeros((8, 8, 8, 1)))
    with pytest.raises(ValueError, match=f"^real: .*{message}"):
        gan.fit(images, verbose=0, callbacks=[callbacks.CollapseGuard(tmp_path, real=real)])


def test_what_is_frozen_does_not_go_on_by_its_momentum():
    gan = model()
    gan.compile(keras.optimizers.SGD(0.01, momentum=0.9), keras.optimizers.SGD(0.01, momentum=0.9))
    gan.fit(points(gan, 3), verbose=0)

    class Guard:
        model = gan

    assert "froze the critic" in FreezeCritic().act(Guard())
    before = [variable.numpy() for variable in gan.critic.trainable_variables]
    gan.fit(points(gan, 2), verbose=0)
    for old, variable in zip(before, gan.critic.trainable_variables, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())
