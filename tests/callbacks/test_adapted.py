"""Callbacks that expect one optimizer, adapted: which optimizer, which names, and that all else is the model's."""

import keras
import pytest

from kerasgan import callbacks
from tests.models.sgan_of_points import fit, points_gan


@pytest.mark.parametrize("player", ["generator", "critic"])
def test_a_schedule_of_keras_sets_the_rate_of_one_player(player):
    gan = points_gan()  # both rates are 0.05
    halving = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    fit(gan, callbacks.Adapted(halving, player), epochs=3)
    rates = {name: float(getattr(gan, f"{name}_optimizer").learning_rate.numpy()) for name in ("generator", "critic")}
    assert rates == {"generator": pytest.approx(0.05), "critic": pytest.approx(0.05)} | {
        player: pytest.approx(0.05 / 8)
    }


class Seen(keras.callbacks.Callback):
    """Remembers what Keras tells it, and stops in the second epoch."""

    def __init__(self):
        super().__init__()
        self.calls, self.names, self.steps = [], set(), []

    def on_train_begin(self, logs=None):
        self.calls.append("train begin")
        assert self.model.optimizer is self.model.critic_optimizer and isinstance(self.model, keras.Model)

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(("epoch begin", epoch))

    def on_batch_begin(self, batch, logs=None):  # Keras calls it from on_train_batch_begin
        self.calls.append(("batch begin", batch))

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(("batch end", batch))
        self.steps.append(int(self.model.step.numpy()))

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(("epoch end", epoch))
        self.names |= set(logs)
        self.model.stop_training = epoch == 1

    def on_train_end(self, logs=None):
        self.calls.append("train end")


class Logging(keras.callbacks.Callback):
    """Logs a number under two names, as EvaluateGAN does, and another under one."""

    def on_epoch_end(self, epoch, logs=None):
        logs.update({"fd[garments]": 1.0, "fd_garments": 1.0, "mine/one": 2.0})


def test_all_is_handed_on_and_names_are_plain_where_there_are_two():
    seen = Seen()
    gan = points_gan()
    history = fit(gan, Logging(), callbacks.Adapted(seen, "critic"), epochs=9)
    epoch = [step for batch in range(4) for step in (("batch begin", batch), ("batch end", batch))]
    assert seen.calls == [
        "train begin",
        *[("epoch begin", 0), *epoch, ("epoch end", 0), ("epoch begin", 1), *epoch, ("epoch end", 1)],
        "train end",
    ]
    assert seen.names == {"critic_loss", "generator_loss", "fd_garments", "mine/one"}
    assert seen.steps == list(range(1, 9)) and seen.params["epochs"] == 9
    assert len(history.history["fd[garments]"]) == 2  # it stopped the model itself
    assert gan.optimizer is None


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="callback: expected an object of keras.callbacks.Callback; got 'csv'"):
        callbacks.Adapted("csv")
    with pytest.raises(ValueError, match="player: expected one of generator, critic; got 'both'"):
        callbacks.Adapted(keras.callbacks.History(), "both")


@pytest.mark.parametrize(
    "callback",
    [
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.1),
        keras.callbacks.ReduceLROnPlateau("critic_loss", mode="min", patience=1),
    ],
)
def test_a_rate_that_is_a_schedule_is_told_before_the_first_step(callback):
    gan = points_gan()
    gan.compile(keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.05, 100)), keras.optimizers.SGD(0.05))
    name = type(callback).__name__
    with pytest.raises(ValueError, match=f"generator_optimizer: expected a learning rate .* {name} can.*CosineDecay"):
        fit(gan, callbacks.Adapted(callback))
    assert int(gan.step.numpy()) == 0
    fit(gan, callbacks.Adapted(callback, "critic"))


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (keras.callbacks.TerminateOnNaN(), "TerminateOnNaN looks for `loss`, which a GAN does not log"),
        (keras.callbacks.SwapEMAWeights(), "SwapEMAWeights swaps weights with an optimizer's average"),
        (keras.callbacks.BackupAndRestore("unused"), "BackupAndRestore sets the model's step"),
    ],
)
def test_what_one_optimizer_does_not_help_is_refused_as_without_it(callback, message):
    gan = points_gan()
    with pytest.raises(ValueError, match=f"callbacks: {message}"):
        fit(gan, callbacks.Adapted(callback))
    assert int(gan.step.numpy()) == 0


@pytest.mark.parametrize("name", ["WandbMetricsLogger", pytest.param("MlflowCallback", marks=pytest.mark.slow)])
def test_what_would_fail_after_an_epoch_is_refused_before_the_first(name):
    gan = points_gan()
    foreign = type(name, (keras.callbacks.Callback,), {})
    with pytest.raises(ValueError, match=f"callbacks: {name} asks for `model.optimizer`.*kerasgan.callbacks.Adapted"):
        fit(gan, type("Mine", (foreign,), {})())
    fit(gan, callbacks.Adapted(foreign()))
    assert int(gan.step.numpy()) == 4
