"""Recipes: a training run as a YAML file, checked before anything runs.

    name: sgan_fashion_mnist
    data:      {tfds: fashion_mnist, image_size: 32, batch_size: 64}
    latent:    {Normal: {dim: 128}}
    generator: {dcgan.generator: {filters: 64}}
    critic:    {dcgan.critic: {filters: 64}}
    objective: {SGAN: {ema_decay: 0.999}}
    train:     {steps: 20000, seed: 0}

`latent`, `generator`, `critic`, `objective` and the optimizers each name a class or function and its arguments, which
are checked against its signature: a new objective or network needs no line here. `techniques` names any number of
plug-ins. With `collapse_guard_every` in `train`, `collapse_action: {RollBack: {factor: 0.5}}` says what the guard does
on an alarm. A rate, a noise or a penalty's weight may be one of Keras's schedules, or of `kerasgan.schedules`:
`learning_rate: {PolynomialDecay: {initial_learning_rate: 2e-4, decay_steps: 100000, end_learning_rate: 0}}`.

`data` may be `{text: brown, batch_size: 64}` or `{toy: eight_gaussians, batch_size: 256}` too, see
`kerasgan.recipes.sections`.

What one part decides is given to the others by kerasgan: the image's shape and the number of classes by `data`, the
latent's length by `latent`, the seed by `train`.
"""

import difflib
import inspect
import pathlib
import types
from typing import Annotated, Any, Literal

import keras
import numpy as np
import pydantic
import yaml

from kerasgan import latents, networks, objectives, techniques
from kerasgan.callbacks import collapse_actions
from kerasgan.optimizers import scheduled_adam, schedules
from kerasgan.recipes import sections, yaml_reader
from kerasgan.saving import registry
from kerasgan.utils import atomic_files
from kerasgan.utils.messages import quoted, shortened

_ZOO = registry.FOLDER / "recipes"
_OPTIMIZERS = ("generator_optimizer", "critic_optimizer")

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
_ALL_OPTIMIZERS = types.SimpleNamespace(**vars(keras.optimizers), ScheduledAdam=scheduled_adam.ScheduledAdam)
_HOMES = {
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


class RecipeError(ValueError):
    """A recipe that is wrong; the message names the file, the line and the key."""


class _Section(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Train(_Section):
    """How long to train (`steps` training steps, in all), how often to write what, and how to compute.

    `mixed_precision` names the type in which layers compute; weights and losses are float32. `collapse_guard_every` is
    the number of steps between two looks of a `CollapseGuard`, with its default thresholds. With `evaluate_every`,
    `EvaluateGAN` measures what the generator makes against the training data, by default with the metrics and the
    feature network that go with the kind of data.
    """

    steps: int = pydantic.Field(ge=1)
    seed: int = pydantic.Field(0, ge=0, lt=2**32)
    log_every: int = pydantic.Field(50, ge=1)
    sample_every: int = pydantic.Field(500, ge=1)
    sample_count: int = pydantic.Field(64, ge=1)
    checkpoint_every: int = pydantic.Field(1000, ge=1)
    singular_values_every: int | None = pydantic.Field(None, ge=1)
    collapse_guard_every: int | None = pydantic.Field(None, ge=1)
    evaluate_every: int | None = pydantic.Field(None, ge=1)
    evaluate_metrics: str | None = None
    evaluate_features: str | None = None
    evaluate_n: int = pydantic.Field(5000, ge=2)
    jit_compile: bool = False
    gradient_accumulation_steps: int = pydantic.Field(1, ge=1)
    mixed_precision: Literal["float16", "bfloat16"] | None = None

    @pydantic.field_validator("evaluate_metrics")
    @classmethod
    def _known_metrics(cls, value):
        from kerasgan.metrics.evaluation import measures  # when it is asked for: most recipes measure nothing

        if value is not None:
            measures.chosen(value)
        return value

    @pydantic.field_validator("evaluate_features")
    @classmethod
    def _known_features(cls, value):
        from kerasgan.metrics import features

        if value is not None:
            features.check(value)
        return value


class Recipe(_Section):
    """A whole recipe; the parts that name a class or function are `{name: {argument: value}}`."""

    name: str = pydantic.Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)
    data: sections.AnySection
    latent: dict[str, dict[str, Any]] = {"Normal": {}}
    generator: dict[str, dict[str, Any]]
    critic: dict[str, dict[str, Any]]
    objective: dict[str, dict[str, Any]]
    techniques: dict[str, dict[str, Any]] | None = None
    generator_optimizer: dict[str, dict[str, Any]] | None = None
    critic_optimizer: dict[str, dict[str, Any]] | None = None
    collapse_action: dict[str, dict[str, Any]] | None = None
    train: Train

    def make(self, part, **given):
        """Call what a part names with its arguments and those that kerasgan gives; `None` for an absent part."""
        made = self.make_all(part, **given)
        return made[0] if made else None

    def make_all(self, part, **given):
        """Return a list of what `make` makes, for a part that may have several names."""
        return [
            _find(part, name)(**{key: _scheduled(value) for key, value in arguments.items()}, **given)
            for name, arguments in (getattr(self, part) or {}).items()
        ]

    def with_optimizers(self, gan):
        """Return the recipe with the optimizers of a compiled GAN where it names none: its objective's own."""
        chosen = {part: getattr(self, part) or optimizer(getattr(gan, part)) for part in _OPTIMIZERS}
        return self.model_copy(update=chosen)

    def plain(self):
        """Return the recipe with all its defaults as a dict, as YAML has it."""
        parts = {key: value for key, value in self.model_dump().items() if value is not None}
        parts["data"] = {key: value for key, value in parts["data"].items() if value is not None}
        return parts

    def save(self, path):
        """Write the recipe with all its defaults as YAML, whole or not at all."""
        with atomic_files.written_whole(path) as beside:
            beside.write_text(yaml.safe_dump(self.plain(), sort_keys=False))


def optimizer(made):
    """Return what a recipe says of a Keras optimizer: `{name: {argument: value}}`."""
    made = getattr(made, "inner_optimizer", made)  # of one that scales the loss
    known = {argument.name for argument in _parameters(type(made))} - {"name"}
    arguments = {name: value for name, value in made.get_config().items() if name in known and value is not None}
    for argument, value in arguments.items():
        if isinstance(value, dict):  # a schedule
            values = {name: part for name, part in value["config"].items() if name != "name"}
            arguments[argument] = {value["class_name"]: values}
        elif argument == "learning_rate":
            arguments[argument] = float(str(np.float32(value)))  # 0.0002, not 0.00019999999494757503
    return {type(made).__name__: arguments}


def section(values):
    """Return the `sections.Section` of a recipe's `data`, a dict; pydantic's ValidationError if it is none."""
    return pydantic.TypeAdapter(sections.AnySection).validate_python(values)


def names():
    """Return the names of the zoo's recipes, such as "sgan_fashion_mnist" and "full_size/biggan_imagenet128"."""
    return sorted(str(path.relative_to(_ZOO).with_suffix("")) for path in _ZOO.rglob("*.yaml"))


def load(path, changes=()):
    """Read and check a recipe.

    Args:
        path: YAML file, or the name of one of the zoo's recipes.
        changes: values in place of those of the file, such as ["train.steps=100"]; see `yaml_reader.Document`.

    Returns:
        `Recipe`, with the defaults of every named class and function filled in.

    Raises:
        FileNotFoundError: if there is no such file.
        RecipeError: naming line and key, if it is no YAML, has an unknown key or a value that cannot be right: of
            another type, a count below 1 (0 where that is the default), a number that is not finite.
    """
    path = pathlib.Path(path)
    if not path.exists() and str(path) in names():
        path = _ZOO / f"{path}.yaml"
    if not path.is_file():
        near = difflib.get_close_matches(str(path), names())
        raise FileNotFoundError(f"no such recipe: {path}" + (f"; the zoo has {', '.join(near)}" if near else ""))
    content = path.read_bytes()
    try:
        return parse(content.decode(), str(path), changes)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RecipeError(f"{path}:{line}: not UTF-8: {shortened(error)}") from None


def parse(text, where="recipe", changes=()):
    """Check the text of a recipe; `where` names it in messages. See `load`."""
    try:
        document = yaml_reader.Document(text, where, changes)
        values = document.values()
    except yaml_reader.Unreadable as error:
        raise RecipeError(str(error)) from None
    if not isinstance(values, dict):
        raise RecipeError(f"{where}:1: expected keys such as name, data, generator; got {quoted(values)}")
    try:
        recipe = Recipe.model_validate(values)
    except pydantic.ValidationError as error:
        raise _error(document, Recipe, (), error) from None
    if recipe.collapse_action and recipe.train.collapse_guard_every is None:
        place = document.place(("collapse_action",))
        raise RecipeError(f"{place}: collapse_action: expected train.collapse_guard_every with it")
    resolved = {}
    for part in _HOMES:
        spec = getattr(recipe, part)
        if spec is None:
            continue
        if len(spec) != 1 and part != "techniques":
            raise RecipeError(f"{document.place((part,))}: {part}: expected one name; got {quoted(sorted(spec))}")
        resolved[part] = {name: _checked(part, name, arguments, document) for name, arguments in spec.items()}
    return recipe.model_copy(update=resolved)


def _checked(part, name, arguments, document):
    """Return the arguments that a recipe gives to `name`, with the defaults filled in."""
    try:
        schema = _schema(part, name)
    except LookupError:
        known = ", ".join(_names(part, _HOMES[part]))
        place = document.place((part, name))
        raise RecipeError(f"{place}: {part}: unknown name {quoted(name)}; known: {known}") from None
    try:
        checked = schema.model_validate(arguments)
    except pydantic.ValidationError as error:
        raise _error(document, schema, (part, name), error) from None
    return {key: value for key, value in checked.model_dump().items() if key in arguments or value is not None}


_KerasSchedule = keras.optimizers.schedules.LearningRateSchedule


def _check_rate(value):
    """Return a number, or `{name: arguments}` of a Keras schedule; `ValueError` if it is neither."""
    homes = "keras.optimizers.schedules or kerasgan.schedules"
    wanted = f"expected a number, or a schedule of {homes}, finite and at least 0"
    if isinstance(value, bool) or not isinstance(value, (int, float, dict)):
        raise ValueError(wanted)
    try:
        made = _scheduled(value)
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


def _scheduled(value):
    """Make the Keras schedule that a mapping names; anything else is returned as it is."""
    if not isinstance(value, dict):
        return value
    [(name, arguments)] = value.items()
    found = getattr(schedules, name, None) or getattr(keras.optimizers.schedules, name)
    if not issubclass(found, _KerasSchedule):
        raise TypeError(f"{name} is no schedule")
    return found(**arguments)


def _find(part, name):
    """What `name` names for a part, such as `dcgan.critic` in `kerasgan.networks`; `LookupError` if nothing."""
    home = _HOMES[part]
    found = home
    for piece in name.split("."):
        if piece.startswith("_") or not hasattr(found, piece):
            raise LookupError(name)
        found = getattr(found, piece)
    if name not in _names(part, home):
        raise LookupError(name)
    return found


def _names(part, home):
    if home is networks:
        return sorted(f"{family}.{part}" for family in networks.__all__ if hasattr(getattr(networks, family), part))
    base = _BASES[part]
    return sorted(
        name
        for name, value in vars(home).items()
        if inspect.isclass(value) and issubclass(value, base) and value is not base and not name.startswith("_")
    )


def _parameters(made):
    """The named parameters of a function, or of a class's `__init__`.

    `inspect.signature` of a class with a `__new__` shows that one, on Python 3.11.2 (Debian 12) even an inherited one,
    and Keras's takes anything.
    """
    first = 1 if inspect.isclass(made) else 0  # self
    found = list(inspect.signature(made.__init__ if first else made).parameters.values())[first:]
    return [argument for argument in found if argument.kind not in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD)]


def _schema(part, name):
    """A pydantic model of the arguments that a recipe may give to what `name` names."""
    fields = {}
    for argument in _parameters(_find(part, name)):
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
    return pydantic.create_model(name, __config__=_Section.model_config, **fields)


def _error(document, schema, prefix, error):
    """An unknown key, or else the first error of a validation, as a `RecipeError` with its place."""
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    path = tuple(first["loc"])
    if not prefix and path[0] == "data" and len(path) > 1:  # pydantic names the kind of data next
        return _error_in(document, sections.BY_NAME[path[1]], ("data",), path[2:], first)
    return _error_in(document, schema, prefix, path, first)


def _error_in(document, schema, prefix, path, first):
    """A pydantic error at `path` in a schema, which is at `prefix` in the recipe, as a `RecipeError`."""
    location = prefix + path
    key = shortened(".".join(map(str, location)))
    place = document.place(location)
    if first["type"] == "extra_forbidden":
        for piece in path[:-1]:
            schema = schema.model_fields[piece].annotation
        return RecipeError(f"{place}: {key}: unknown key; known: {', '.join(schema.model_fields)}")
    if first["type"] == "missing":
        return RecipeError(f"{place}: {key}: missing")
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return RecipeError(f"{place}: {key}: {message}; got {quoted(first['input'])}")
