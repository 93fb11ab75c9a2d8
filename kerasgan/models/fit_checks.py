"""What else `fit` and `compile` refuse before the first step: callbacks, optimizers and arguments of Keras's own."""

import contextlib
import inspect
import string
import warnings

import keras

from kerasgan.models import checks
from kerasgan.utils import initial_values, validation
from kerasgan.utils.messages import quoted

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
_MEASURE = "kerasgan.callbacks.EvaluateGAN measures the generator while it trains, and keeps the best model"
_NO_VALIDATION = f"a GAN's losses say nothing on held-out data. {_MEASURE}"
_NO_WEIGHTS = "the losses of a GAN weigh all samples the same. Repeat or leave out samples in the data"
_ARGUMENTS = {
    "validation_data": _NO_VALIDATION,
    "validation_split": _NO_VALIDATION,
    "validation_steps": _NO_VALIDATION,
    "validation_batch_size": _NO_VALIDATION,
    "validation_freq": _NO_VALIDATION,
    "class_weight": _NO_WEIGHTS,
    "sample_weight": _NO_WEIGHTS,
    "shuffle": "arrays are shuffled in each epoch, and a tf.data.Dataset comes in its own order: its method shuffle",
}
_WITHOUT_EFFECT = {"validation_split": 0.0, "validation_freq": 1, "shuffle": True}

_OF_COMPILE = {
    "optimizer": "a GAN has two: generator_optimizer and critic_optimizer",
    "loss": "the objective has its own: kerasgan.LSGAN and others, or a subclass",
    "loss_weights": "the objective has its own losses",
    "metrics": "images are measured by kerasgan.callbacks.EvaluateGAN",
    "weighted_metrics": "images are measured by kerasgan.callbacks.EvaluateGAN",
    "auto_scale_loss": "the optimizers of networks in float16 scale the losses",
}


def arguments_of_compile(given):
    """Refuse arguments of `keras.Model.compile` that mean nothing for a GAN, unless they ask for nothing.

    Args:
        given: dict of the arguments that `GAN.compile` does not take itself.
    """
    _refuse_arguments("compile", given, _OF_COMPILE)


def arguments_of_keras(given):
    """Refuse arguments of `keras.Model.fit` that mean nothing for a GAN, unless they ask for nothing.

    Args:
        given: dict of the arguments that `GAN.fit` does not take itself.
    """
    _refuse_arguments("fit", given, _ARGUMENTS)


def _refuse_arguments(method, given, reasons):
    for name, value in given.items():
        if name not in reasons:
            raise TypeError(f"GAN.{method}() got an unexpected keyword argument {name!r}")
        if value is not None and not (name in _WITHOUT_EFFECT and value == _WITHOUT_EFFECT[name]):
            raise ValueError(f"{name}: expected none; {reasons[name]}")


def numbers(epochs, steps_per_epoch, steps_per_execution, replicas=1, initial_epoch=0):
    """Check the numbers of epochs and steps."""
    validation.integer("epochs", epochs, 0)
    validation.integer("initial_epoch", initial_epoch, 0)
    if 0 < epochs <= initial_epoch:
        warnings.warn(
            f"epochs: expected more than initial_epoch={initial_epoch}, as it is the number at which training ends; "
            f"got {epochs}, so nothing is trained",
            stacklevel=3,
        )
    if steps_per_execution > 1 and replicas > 1:
        raise ValueError(
            f"steps_per_execution: expected 1 in `compile`, as Keras cannot take several steps at a time on {replicas} "
            f"replicas; got {steps_per_execution}"
        )
    if steps_per_epoch is None:
        return
    validation.integer("steps_per_epoch", steps_per_epoch, 1)
    if steps_per_epoch % steps_per_execution:
        raise ValueError(
            f"steps_per_epoch: expected a multiple of steps_per_execution={steps_per_execution}, as Keras takes that "
            f"many steps at a time; got {steps_per_epoch}"
        )


def can_compute(rewrites, jit_compile, run_eagerly, replicas):
    """Refuse settings of `compile` that do not go together, or that TensorFlow cannot follow.

    Args:
        rewrites: whether TensorFlow is to rewrite graphs in bfloat16, which it does neither with XLA nor eagerly.
        jit_compile: whether XLA is to compile the step.
        run_eagerly: whether the step is to run eagerly.
        replicas: how many take a step together.
    """
    if jit_compile and replicas > 1:
        raise ValueError(
            f"jit_compile: expected False in `compile` on {replicas} replicas, which find out in each step how many "
            "rows all have together, where XLA wants a constant; got True"
        )
    for name, value in {"jit_compile": jit_compile, "run_eagerly": run_eagerly}.items():
        if rewrites and value:
            raise ValueError(
                f'{name}: expected False in `compile` with kerasgan.precision("bfloat16") on a processor, which '
                'rewrites the graphs that TensorFlow runs itself; got True. Keras\'s policy "mixed_bfloat16" goes '
                "with it"
            )


def layers_compute_in(gan, expected):
    """Warn of trained layers that were made in another precision than that of the block of `kerasgan.precision`.

    A run that goes on elsewhere has them too: its networks compute as they did where it began.

    Args:
        gan: `GAN`.
        expected: the type in which layers that are made in the block compute; `None` outside of one.
    """
    for name in ("generator", "critic") if expected is not None else ():
        trained = [layer for layer in getattr(gan, name)._flatten_layers() if layer._trainable_variables]
        other = sorted({layer.compute_dtype for layer in trained} - {expected})
        # a network for half precision may have layers in float32, its last for one
        if other and (expected == "float32" or len(other) == len({layer.compute_dtype for layer in trained})):
            warnings.warn(
                f"{name}: expected layers made in the block of kerasgan.precision, which compute in {expected}; these "
                f"were made outside of it, or on another kind of device, and go on computing in {', '.join(other)}",
                stacklevel=3,
            )


def batch_norm(gan, replicas):
    """Warn of trained batch norm that each replica would compute for itself.

    Args:
        gan: `GAN`.
        replicas: how many take a step together.
    """
    kind = keras.layers.BatchNormalization
    for name in ("generator", "critic") if replicas > 1 else ():
        layers = [layer for layer in getattr(gan, name)._flatten_layers() if isinstance(layer, kind)]
        alone = [layer.name for layer in layers if layer.trainable and not layer.synchronized]
        if alone:
            warnings.warn(
                f"{name}: batch norm is not synchronized in {alone[0]}{' and others' if alone[1:] else ''}, so that "
                f"each of {replicas} replicas takes the statistics of its own rows, and steps are not those of one "
                "replica; BatchNormalization(synchronized=True) takes those of all rows",
                stacklevel=3,
            )


def techniques(given):
    """Return techniques as a list.

    Raises:
        ValueError: if it is none of `kerasgan.techniques.Technique`.
    """
    parts = list(given) if isinstance(given, (list, tuple)) else [None]
    if not all(hasattr(one, "classifies") and isinstance(one, keras.layers.Layer) for one in parts):
        raise ValueError(f"techniques: expected a list of kerasgan.techniques.Technique; got {str(given)[:200]}")
    return parts


def arguments(gan, names):
    """Raise what the constructor says of arguments that were set since, as `gan.critic_steps = 0` is.

    Args:
        gan: `GAN`.
        names: of all that the constructors of its class and that class's bases take.
    """
    config = gan.get_config()
    try:
        checks.configs_are_whole(gan)
    except ValueError:  # a class of the user's own, which tells too little for another to be made
        return
    taken = inspect.signature(type(gan)).parameters
    if not any(one.kind is one.VAR_KEYWORD for one in taken.values()):
        names = names & set(taken)
    given = {name: value for name, value in config.items() if name in names}
    given |= {name: getattr(gan, name) for name in ("generator", "critic", "latent", "ema_decay") if name in given}
    try:
        parts = [type(part).from_config(part.get_config()) for part in (gan.latent, *gan.techniques)]
    except TypeError as error:  # Keras's, which has the part's own error in many lines
        raise error.__context__ or error from None
    if "techniques" in given:  # those that an objective adds itself are not among them
        given["techniques"] = parts[1 : 1 + len(given["techniques"])]
    with warnings.catch_warnings(), initial_values.skipped():
        warnings.simplefilter("ignore")  # the first time told
        type(gan)(**given)


def optimizer(name, given, variables):
    """Return the optimizer that is meant, `None` for `None`.

    Args:
        name: of the argument.
        given: `keras.optimizers.Optimizer`, a name of one, or its config.
        variables: that it is to train.

    Raises:
        ValueError: if it is none, or was built for other variables, as that of another model was.
    """
    try:
        found = keras.optimizers.get(given)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name}: expected an object of keras.optimizers.Optimizer, such as keras.optimizers.Adam(2e-4, "
            f"beta_1=0.5), or the name of one; got {quoted(given)}"
        ) from error
    inner = getattr(found, "inner_optimizer", found)  # of a LossScaleOptimizer
    if inner is not None and inner.built:
        wanted = {id(variable) for variable in variables}
        if wanted != {id(variable) for variable in inner._trainable_variables}:
            raise ValueError(f"{name}: expected a new optimizer; got one that has its places for other variables")
    return found


def optimizers(generator_optimizer, critic_optimizer, replicas):
    """Refuse optimizers that cannot be meant, or that Keras does not work with here.

    These are one optimizer for both networks, averages of weights, which only Keras's own training applies, and sums of
    gradients over steps on several replicas, which fail in the first step.
    """
    if generator_optimizer is critic_optimizer:
        raise ValueError("critic_optimizer: expected another object than generator_optimizer; got the same")
    given = {"generator_optimizer": generator_optimizer, "critic_optimizer": critic_optimizer}
    for name, optimizer in given.items():
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        every = (inner, *getattr(inner, "optimizers", ()))
        if replicas > 1 and any(getattr(one, "gradient_accumulation_steps", None) for one in every):
            raise ValueError(
                f"{name}: expected gradient_accumulation_steps=None of an optimizer on {replicas} replicas, where "
                "Keras cannot add up gradients over steps; gan.compile(gradient_accumulation_steps=...) divides batches"
            )
        if any(getattr(one, "use_ema", False) for one in every):
            raise ValueError(
                f"{name}: expected use_ema=False; got True, which would have no effect. The model's argument ema_decay "
                "keeps a moving average of the generator, with which `sample` and `export` work"
            )


def what_is_trained(gan):
    """Refuse variables other than in `compile`, as of frozen layers: optimizers have a place for each trained one.

    Warns where a network has weights and none is trained.
    """
    for name, networks in {"generator": (gan.generator, gan.latent), "critic": (gan.critic,)}.items():
        now = {id(variable): variable for network in networks for variable in network.trainable_variables}
        optimizer = getattr(gan, f"{name}_optimizer")
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        known = {id(variable): variable for variable in optimizer._trainable_variables}
        other = [variable.path for key, variable in {**now, **known}.items() if (key in now) != (key in known)]
        if other:
            raise ValueError(
                f"{name}: expected the trainable variables that it had in `compile`; {other[0]} "
                f"{'and others are' if len(other) > 1 else 'is'} frozen, thawed or replaced since, or the optimizer "
                "is: call compile again, with new optimizers"
            )
        if not now and getattr(gan, name).weights:
            warnings.warn(
                f"{name}: all its layers are frozen, so it is not trained; layer.trainable = True of each of "
                f"gan.{name}.layers, before compile, thaws them",
                stacklevel=3,
            )


def rate_can_be_set(player, gan, who):
    """Raise where a player's learning rate is a schedule: it is computed from the optimizer's step, and cannot be set.

    Args:
        player: "generator" or "critic".
        gan: a compiled `GAN`.
        who: is to set it, in words.
    """
    optimizer = getattr(gan, f"{player}_optimizer")
    rate = getattr(optimizer, "inner_optimizer", optimizer)._learning_rate  # of a LossScaleOptimizer the inner one's
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        raise ValueError(
            f"{player}_optimizer: expected a learning rate that is a number, which {who} can change; got a "
            f"{type(rate).__name__}"
        )


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


@contextlib.contextmanager
def ending_quietly(steps_per_epoch):
    """Silence Keras's warning that data ran out, where nobody has said how many steps there are."""
    with warnings.catch_warnings():
        if steps_per_epoch is None:
            warnings.filterwarnings("ignore", message="Your input ran out of data", category=UserWarning)
        yield


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
            f"callbacks: {kind} monitors {name!r}, which is not logged: {', '.join(logged)} are. {_MEASURE}; its "
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


def plain_name(name):
    """Return a measure's name as it may stand in a format: `fd[garments]` becomes `fd_garments`."""
    return "".join(letter if letter.isalnum() else "_" for letter in name).strip("_")
