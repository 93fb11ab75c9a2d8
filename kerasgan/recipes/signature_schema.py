"""What a recipe may say of a class or function: its signature as a pydantic model."""

import functools
import inspect
import types
from typing import Annotated, Any

import keras
import numpy as np
import pydantic

from kerasgan import latents, networks, objectives, techniques
from kerasgan.callbacks import collapse_actions
from kerasgan.optimizers import adam, scheduled_adam, schedules
from kerasgan.utils import outside
from kerasgan.utils.messages import shortened

CONFIG = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

_GIVEN = {  # arguments that kerasgan fills in
    "latent": {"name"},
    "generator": {"image_shape", "latent_dim", "num_classes"},
    "critic": {"image_shape", "num_classes"},
    "objective": {"generator", "critic", "latent", "num_classes", "class_names", "seed", "techniques", "name"},
    "techniques": {"name"},
    "generator_optimizer": {"name"},
    "critic_optimizer": {"name"},
    "collapse_action": set(),
}
_ALL_OPTIMIZERS = types.SimpleNamespace(
    **{**vars(keras.optimizers), "Adam": adam.Adam, "ScheduledAdam": scheduled_adam.ScheduledAdam}
)
HOMES = {
    "latent": latents,
    "generator": networks,
    "critic": networks,
    "objective": objectives,
    "techniques": techniques,
    "generator_optimizer": _ALL_OPTIMIZERS,
    "critic_optimizer": _ALL_OPTIMIZERS,
    "collapse_action": collapse_actions,
}
_BASES = {  # of the classes that a part may name; networks are functions
    "latent": latents.Prior,
    "objective": keras.Model,
    "techniques": techniques.technique.Technique,
    "generator_optimizer": keras.optimizers.Optimizer,
    "critic_optimizer": keras.optimizers.Optimizer,
    "collapse_action": collapse_actions.Action,
}

_KerasSchedule = keras.optimizers.schedules.LearningRateSchedule


def _check_rate(value):
    """Return a number, or `{name: arguments}` of a Keras schedule; `ValueError` if it is neither."""
    homes = "keras.optimizers.schedules or kerasgan.schedules"
    wanted = f"expected a number, or a schedule of {homes}, finite and at least 0"
    if isinstance(value, bool) or not isinstance(value, (int, float, dict)):
        raise ValueError(wanted)
    try:
        made = scheduled(value)
        rates = [made] if made is value else [float(made(step)) for step in (0, 1)]
    except Exception as error:  # Keras and TensorFlow each raise their own
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{wanted} ({type(error).__name__}: {shortened(reason)})") from None
    if not all(0 <= number <= _LARGEST for number in (*_numbers(value), *rates)):
        raise ValueError(wanted)
    return float(value) if made is value else value  # Keras takes no integer


def _check_plain(value):
    """Return what an argument without a type may be; `ValueError` if it is a mapping or a number is not finite."""
    if isinstance(value, dict) or not all(abs(number) <= _LARGEST for number in _numbers(value)):
        raise ValueError("expected a finite number, text, a list or null")
    return value


_LARGEST = float(np.finfo(np.float32).max)
_Rate = Annotated[Any, pydantic.AfterValidator(_check_rate)]
_RateOrNone = Annotated[Any, pydantic.AfterValidator(lambda value: None if value is None else _check_rate(value))]
_Plain = Annotated[Any, pydantic.AfterValidator(_check_plain)]


def _numbers(value):
    """All numbers in a value of YAML."""
    if isinstance(value, (dict, list)):
        parts = value.values() if isinstance(value, dict) else value
        return [number for part in parts for number in _numbers(part)]
    return [value] if isinstance(value, (int, float)) else []


def scheduled(value):
    """Make the Keras schedule that a mapping names; anything else is returned as it is."""
    if not isinstance(value, dict):
        return value
    [(name, arguments)] = value.items()
    schedule = getattr(schedules, name, None) or getattr(keras.optimizers.schedules, name)
    if not issubclass(schedule, _KerasSchedule):
        raise TypeError(f"{name} is no schedule")
    return schedule(**arguments)


def call(part, name, arguments, given):
    """Call what `name` names with a recipe's arguments, whose schedules are made, and those that kerasgan gives."""
    return find(part, name)(**{key: scheduled(value) for key, value in arguments.items()}, **given)


def find(part, name):
    """What `name` names for a part, such as `dcgan.critic` in `kerasgan.networks`, or `MODULE.NAME` of a user's module.

    Raises:
        LookupError: if it names nothing, or nothing that may be such a part.
        ImportError: see `outside.find`.
    """
    home = HOMES[part]
    if name not in names(part, home):
        found = outside.find(name)
        if not (callable(found) if part not in _BASES else inspect.isclass(found) and issubclass(found, _BASES[part])):
            raise LookupError(name)
        return found
    return functools.reduce(getattr, name.split("."), home)


def names(part, home):
    """Return the names that a part may have in a home of ours, sorted."""
    if home is networks:
        return sorted(f"{family}.{part}" for family in networks.__all__ if hasattr(getattr(networks, family), part))
    base = _BASES[part]
    return sorted(
        name
        for name, value in vars(home).items()
        if inspect.isclass(value) and issubclass(value, base) and value is not base and not name.startswith("_")
    )


def parameters(made):
    """The named parameters of a function, or of a class's `__init__` and of those that it passes `**kwargs` on to.

    `inspect.signature` of a class with a `__new__` shows that one, on Python 3.11.2 (Debian 12) even an inherited one,
    and Keras's takes anything.
    """
    if not inspect.isclass(made):
        return [argument for argument in inspect.signature(made).parameters.values() if _is_named(argument)]
    found = {}
    for each in made.__mro__:
        if "__init__" in vars(each):
            arguments = list(inspect.signature(each.__init__).parameters.values())[1:]  # without self
            found = {argument.name: argument for argument in arguments if _is_named(argument)} | found
            if all(argument.kind is not argument.VAR_KEYWORD for argument in arguments):
                break
    return list(found.values())


def _is_named(argument):
    return argument.kind not in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD)


def schema(part, name):
    """A pydantic model of the arguments that a recipe may give to what `name` names."""
    fields = {}
    for argument in parameters(find(part, name)):
        if argument.name in _GIVEN[part]:
            continue
        annotation = argument.annotation
        if annotation is argument.empty:  # Keras's own classes: the default tells the type
            annotation = {bool: bool, int: float, float: float}.get(type(argument.default), _Plain)
        if argument.name == "learning_rate" or annotation == float | _KerasSchedule:
            annotation = _Rate
        if annotation == float | _KerasSchedule | None:
            annotation = _RateOrNone
        if annotation in (int, int | None):  # a count
            annotation = Annotated[annotation, pydantic.Field(ge=0 if argument.default == 0 else 1)]
        default = ... if argument.default is argument.empty else argument.default
        fields[argument.name] = (annotation, default)
    return pydantic.create_model(name, __config__=CONFIG, **fields)
