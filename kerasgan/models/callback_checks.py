"""Checks of callbacks: those that would do nothing in a GAN's `fit`, or fail once work is done, are refused."""

import string

import keras

_RATES = (
    "changes the learning rate of `model.optimizer`, and a GAN has two optimizers. Give `compile` optimizers with a "
    "schedule of keras.optimizers.schedules, or name one: kerasgan.callbacks.Adapted(CALLBACK, 'critic')"
)
_ONE_OPTIMIZER = "asks for `model.optimizer`, and a GAN has two optimizers. Give kerasgan.callbacks.Adapted(CALLBACK)"
_REFUSED = {
    "ReduceLROnPlateau": _RATES,
    "LearningRateScheduler": _RATES,
    "SwapEMAWeights": "swaps weights with an optimizer's average. A GAN keeps its own: see its argument ema_decay",
    "TerminateOnNaN": "looks for `loss`, which a GAN does not log. kerasgan.callbacks.FiniteLosses looks at all losses",
    "OrbaxCheckpoint": "saves the state of `model.optimizer`, and a GAN has two optimizers. "
    "kerasgan.callbacks.Checkpoint saves the whole model, and so does keras.callbacks.ModelCheckpoint",
}
_REFUSED_OF_OTHERS = {"WandbMetricsLogger": _ONE_OPTIMIZER, "MlflowCallback": _ONE_OPTIMIZER}
MEASURE = "kerasgan.callbacks.EvaluateGAN measures the generator while it trains, and keeps the best model"


def callbacks(given, logged, arrays=False):
    """Refuse callbacks that would do nothing, or fail once work is done.

    Args:
        given: as `callbacks` of `GAN.fit`.
        logged: names that the model logs.
        arrays: whether the data are arrays, whose order goes on at the model's step as `fit` begins.
    """
    given = [one for one in keras.tree.flatten(getattr(given, "callbacks", given)) if one is not None]
    _check_places(given)
    for callback in given:
        if not isinstance(callback, keras.callbacks.Callback):
            raise ValueError(f"callbacks: expected objects of keras.callbacks.Callback; got {str(callback)[:200]}")
        inner = getattr(callback, "callback", callback)  # of `Adapted`, which helps those that ask for one optimizer
        helped = () if inner is callback else (_RATES, _ONE_OPTIMIZER)
        for kind in type(inner).__mro__:
            why = _REFUSED.get(kind.__name__) if _is_keras(kind) else _REFUSED_OF_OTHERS.get(kind.__name__)
            if why is not None and why not in helped:
                raise ValueError(f"callbacks: {kind.__name__} {why}")
        if arrays and isinstance(inner, keras.callbacks.BackupAndRestore):
            raise ValueError(
                "callbacks: BackupAndRestore sets the model's step after `fit` has ordered an array's rows by it. "
                "kerasgan.callbacks.Checkpoint keeps files, and kerasgan.load(FILE).fit(images) goes on at the step"
            )
        if isinstance(callback, keras.callbacks.TensorBoard) and callback.write_steps_per_second:
            raise ValueError(
                "callbacks: TensorBoard's write_steps_per_second asks `model.optimizer` for steps, and a GAN has two "
                "optimizers. kerasgan.callbacks.MetricsLog writes images per second to TensorBoard"
            )
        before = given[: given.index(callback)]
        if isinstance(inner, keras.callbacks.BackupAndRestore):
            _check_comes_first(before)
        if hasattr(inner, "monitor") and hasattr(inner, "mode"):
            _check_monitor(inner, logged, before)
        if isinstance(inner, keras.callbacks.ModelCheckpoint):
            _check_path(inner, logged, before)


def plain_name(name):
    """Return a measure's name as it may stand in a format: `fd[garments]` becomes `fd_garments`."""
    return "".join(letter if letter.isalnum() else "_" for letter in name).strip("_")


def _is_keras(kind):
    return kind.__module__.partition(".")[0] == "keras"


def _check_places(given):
    """Refuse two of our callbacks of one kind that write to one place, where their lines and pictures would mix."""
    seen = set()
    for callback in given:
        kind, place = type(callback), getattr(callback, "path", None) or getattr(callback, "folder", None)
        if place is None or kind.__module__.partition(".")[0] != "kerasgan":
            continue
        if (kind, place) in seen:
            raise ValueError(f"callbacks: expected one {kind.__name__} that writes to {place}; got two")
        seen.add((kind, place))


def _check_comes_first(before):
    """Refuse callbacks that begin at the model's step before BackupAndRestore has set it: their files would not fit."""
    for callback in before:
        if any(kind.__name__ == "EverySteps" for kind in type(callback).__mro__):
            name = type(callback).__name__
            raise ValueError(
                f"callbacks: expected BackupAndRestore before {name}, which begins at the step that it sets; got them "
                "the other way round"
            )


def _check_monitor(callback, logged, before):
    """Refuse to wait for a value that nobody logs, or of which Keras does not know which is better."""
    name, kind = callback.monitor, type(callback).__name__
    watches = getattr(callback, "save_best_only", True)  # ModelCheckpoint looks only then
    if watches and not _may_be_logged(name, logged, before):
        raise ValueError(
            f"callbacks: {kind} monitors {name!r}, which is not logged: {', '.join(logged)} are. {MEASURE}; its "
            "numbers, such as fd[garments], may be monitored by callbacks after it"
        )
    if callback.mode == "auto" and name.removeprefix("val_") != "loss":
        raise ValueError(
            f"callbacks: expected {kind} with mode='min' or mode='max', as Keras does not know which {name} is better; "
            "got 'auto'"
        )


def _check_path(callback, logged, before):
    """Refuse a file name that cannot be made once an epoch is over."""
    for _, field, _, _ in string.Formatter().parse(callback.filepath):
        if field is None or field in ("epoch", "batch"):
            continue
        if "[" in field:
            raise ValueError(
                f"callbacks: ModelCheckpoint cannot write {{{field}}} into a file name; write "
                f"{{{plain_name(field)}}}, which is logged too"
            )
        if not _may_be_logged(field, logged, before):
            raise ValueError(
                f"callbacks: ModelCheckpoint's file name has {{{field}}}, which is not logged: epoch, batch, "
                f"{', '.join(logged)} are"
            )


def _may_be_logged(name, logged, before):
    """Whether a value is logged by the model, or perhaps by a callback before, whose logs are not known."""
    if name in logged:
        return True
    foreign = [one for one in before if not _is_keras(type(one)) or isinstance(one, keras.callbacks.LambdaCallback)]
    ours = [one for one in foreign if type(one).__module__.partition(".")[0] == "kerasgan"]
    if len(foreign) > len(ours):
        return True
    measured = any(type(one).__name__ == "EvaluateGAN" for one in ours)
    of_network = name.endswith("]") or "_" in name  # fd[garments] and fd_garments; there is no fid and no loss
    return measured and of_network and not name.startswith("val_")
