"""Checks of what else `fit` and `compile` are told: arguments of Keras's own, numbers, precision, the model's parts."""

import contextlib
import inspect
import warnings

import keras

from kerasgan.models import checks
from kerasgan.models.callback_checks import MEASURE
from kerasgan.utils import initial_values, validation

_NO_VALIDATION = f"a GAN's losses say nothing on held-out data. {MEASURE}"
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
                stacklevel=4,
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
                stacklevel=4,
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


@contextlib.contextmanager
def ending_quietly(steps_per_epoch):
    """Silence Keras's warning that data ran out, where nobody has said how many steps there are."""
    with warnings.catch_warnings():
        if steps_per_epoch is None:
            warnings.filterwarnings("ignore", message="Your input ran out of data", category=UserWarning)
        yield
