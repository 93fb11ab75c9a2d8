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

import pathlib
from typing import Annotated, Any

import numpy as np
import pydantic
import yaml

from kerasgan.recipes import sections, signature_schema, yaml_reader
from kerasgan.saving import registry
from kerasgan.utils import atomic_files, outside, validation
from kerasgan.utils.messages import did_you_mean, quoted, shortened
from kerasgan.utils.tf_runtime import Precision

_ZOO = registry.FOLDER / "recipes"
_OPTIMIZERS = ("generator_optimizer", "critic_optimizer")


class RecipeError(ValueError):
    """A recipe that is wrong; the message names the file, the line and the key."""


class _Section(pydantic.BaseModel):
    model_config = signature_schema.CONFIG


class Train(_Section):
    """How long to train (`steps` training steps, in all), how often to write what, and how to compute.

    `precision` is that of `kerasgan.precision`; earlier versions called it `mixed_precision`. `collapse_guard_every` is
    the number of steps between two looks of a `CollapseGuard`, with its default thresholds. With `evaluate_every`,
    `EvaluateGAN` measures what the generator makes against the training data, by default with the metrics and the
    feature network that go with the kind of data. `start_from` is a preset, by its name, folder or address, whose
    weights the networks begin with.
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
    precision: Annotated[Precision, pydantic.BeforeValidator(lambda name: "float32" if name is None else name)] = (
        pydantic.Field("float32", validation_alias=pydantic.AliasChoices("precision", "mixed_precision"))
    )
    start_from: str | None = None

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
    """A whole recipe; the parts that name a class or function are `{name: {argument: value}}`.

    `imports` names modules of one's own, whose classes and functions may then be named as `MODULE.NAME`. Modules of
    `--import` that the recipe uses are added, so that a run folder remembers them.
    """

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
    imports: list[str] = []

    def make(self, part, **given):
        """Call what a part names with its arguments and those that kerasgan gives; `None` for an absent part."""
        made = self.make_all(part, **given)
        return made[0] if made else None

    def make_all(self, part, **given):
        """Return a list of what `make` makes, for a part that may have several names."""
        return [
            signature_schema.call(part, name, arguments, given)
            for name, arguments in (getattr(self, part) or {}).items()
        ]

    def with_optimizers(self, gan):
        """Return the recipe with the optimizers of a compiled GAN where it names none: its objective's own."""
        chosen = {part: getattr(self, part) or optimizer(getattr(gan, part)) for part in _OPTIMIZERS}
        return self.model_copy(update=chosen)

    def plain(self):
        """Return the recipe with all its defaults as a dict, as YAML has it."""
        parts = {key: value for key, value in self.model_dump().items() if value not in (None, [])}
        parts["data"] = sections.plain(self.data)
        return parts

    def save(self, path):
        """Write the recipe with all its defaults as YAML, whole or not at all."""
        with atomic_files.written_whole(path) as beside:
            beside.write_text(yaml.safe_dump(self.plain(), sort_keys=False))


def optimizer(made):
    """Return what a recipe says of a Keras optimizer: `{name: {argument: value}}`."""
    made = getattr(made, "inner_optimizer", made)  # of one that scales the loss
    known = {argument.name for argument in signature_schema.parameters(type(made))} - {"name"}
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


def _file(path):
    path = pathlib.Path(path)
    return _ZOO / f"{path}.yaml" if not path.exists() and str(path) in names() else path


def place(path, changes, *location):
    """Return where a key of a recipe stands, such as "mine.yaml:3"; see `load`."""
    path = _file(path)
    return yaml_reader.Document(path.read_text(), str(path), changes).place(location)


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
    validation.several("changes", changes)
    path = _file(path)
    if not path.is_file():
        way = did_you_mean(str(path).removesuffix(".yaml"), names()) or f"those of the zoo are in {_ZOO}"
        if (path / "recipe.yaml").is_file():
            way = f"it is a run: --resume {path} goes on with it, {path / 'recipe.yaml'} begins another"
        elif path.is_dir():
            way = f"it is a folder, and pictures are given as --data {path}"
        raise FileNotFoundError(f"no such recipe: {path}; {way}")
    if path.suffix == ".keras":
        raise ValueError(f"{path}: expected a recipe, a YAML file; it is a model: a run goes on with --resume RUN")
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
        imports = values.get("imports", ())
        outside.use(name for name in imports if isinstance(imports, list) and isinstance(name, str))
        recipe = Recipe.model_validate(values)
    except ImportError as error:
        raise RecipeError(f"{document.place(('imports',))}: imports: {error}") from None
    except pydantic.ValidationError as error:
        raise _error(document, Recipe, (), error) from None
    if recipe.collapse_action and recipe.train.collapse_guard_every is None:
        place = document.place(("collapse_action",))
        raise RecipeError(f"{place}: collapse_action: expected train.collapse_guard_every with it")
    measured = ("evaluate_metrics", "evaluate_features", "evaluate_n")
    if "evaluate_every" not in recipe.train.model_fields_set:  # a null in the text is meant: cards write every key
        for key in sorted(recipe.train.model_fields_set.intersection(measured)):
            raise RecipeError(f"{document.place(('train', key))}: train.{key}: expected train.evaluate_every with it")
    resolved = {}
    for part in signature_schema.HOMES:
        spec = getattr(recipe, part)
        if spec is None:
            continue
        if len(spec) != 1 and part != "techniques":
            place = document.place((part, *list(spec)[-1:]))  # the last one's: of a --set, if one came from there
            way = ""
            if place.startswith("--set") and spec:
                way = f"; for another in its place say --set '{part}={{{list(spec)[-1]}: {{}}}}'"
            raise RecipeError(f"{place}: {part}: expected one name; got {', '.join(spec) or 'none'}{way}")
        resolved[part] = {name: _checked(part, name, arguments, document) for name, arguments in spec.items()}
    named = [name for part in resolved.values() for name in part]
    named += [*sections.plain(recipe.data), *(recipe.train.evaluate_metrics or "").replace(" ", "").split(",")]
    imports = [*recipe.imports, *(name for name in outside.modules_of(named) if name not in recipe.imports)]
    return recipe.model_copy(update={**resolved, "imports": imports})


def _checked(part, name, arguments, document):
    """Return the arguments that a recipe gives to `name`, with the defaults filled in."""
    try:
        schema = signature_schema.schema(part, name)
    except LookupError:
        ours = signature_schema.names(part, signature_schema.HOMES[part])
        hint = did_you_mean(name, [*ours, *outside.names()])
        hint = f"; {hint}" if hint else ""
        known = ", ".join(ours)
        known += f", and MODULE.NAME of modules given with --import (now {', '.join(outside.known()) or 'none'})"
        place = document.place((part, name))
        raise RecipeError(f"{place}: {part}: unknown name {quoted(name)}; known: {known}{hint}") from None
    except ImportError as error:
        raise RecipeError(f"{document.place((part, name))}: {part}: {error}") from None
    try:
        checked = schema.model_validate(arguments)
    except pydantic.ValidationError as error:
        raise _error(document, schema, (part, name), error) from None
    return {key: value for key, value in checked.model_dump().items() if key in arguments or value is not None}


def _error(document, schema, prefix, error):
    """An unknown key, or else the first error of a validation, as a `RecipeError` with its place."""
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    path = tuple(first["loc"])
    if not prefix and path[0] == "data" and len(path) > 1:  # pydantic names the kind of data next
        kind = sections.BY_NAME.get(path[1])
        return _error_in(document, kind, ("data",), path[2:] if kind else (), first)
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
    if first["type"] == "dict_type" and location[0] in signature_schema.HOMES:
        names = first["input"] if isinstance(first["input"], list) else [first["input"]]
        example = ", ".join(f"{name}: {{}}" for name in names if isinstance(name, str))
        return RecipeError(
            f"{place}: {key}: expected a name with its arguments, such as {{{shortened(example) or 'NAME: {}'}}}; got "
            f"{quoted(first['input'])}"
        )
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return RecipeError(f"{place}: {key}: {message}; got {quoted(first['input'])}")
