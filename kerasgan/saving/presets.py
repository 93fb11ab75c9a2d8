"""Presets: a generator as a folder of a config, weights, and what is known about them. No pickle.

config.json, model.weights.h5          the generator with its prior, for sampling
metadata.json                          where it comes from, its numbers, and size and SHA-256 of the other files
README.md, samples.png, ...            the model card and its pictures
training.json, training.weights.h5     the whole GAN with its optimizers, where training may go on as if never stopped
training.json, critic.weights.h5       or its critic alone, where training may go on with new optimizers
"""

import json
import math
import pathlib
import shutil
import warnings
from typing import TypeVar

import keras

from kerasgan.models import checks, standing_statistics
from kerasgan.models.gan import GAN
from kerasgan.models.sampler import Sampler
from kerasgan.saving import config_check, manifest, sources, variable_limit, weights_file
from kerasgan.saving.refused import Refused
from kerasgan.utils import atomic_files, backend, classes, destinations, initial_values, messages
from kerasgan.utils.annotations import Path
from kerasgan.utils.version import __version__

_Class = TypeVar("_Class", bound=Sampler)
_OPTIMIZED = 4  # variables of a GAN for each weight: its own, an average, two moments of Adam


def from_preset(source: Path, training: bool = False) -> Sampler:
    """Load a preset: of the registry by its name, of a folder, or of an address.

    Only the files that are needed are downloaded, into a cache (`$KERASGAN_CACHE`), each checked by its SHA-256; with
    `KERASGAN_OFFLINE=1` nothing is. A mirror of the registry's presets is named by `$KERASGAN_ZOO_URL`.

    Args:
        source: a name (`kerasgan zoo list`), a preset's folder, or the address of one: https://, hf://user/repo, gs://
            or s3://.
        training: whether to load the whole GAN, so that `fit` goes on: with critic and optimizers as they were, or
            where the preset holds its critic alone, with the critic, the averaged generator and new optimizers.

    Returns:
        `Sampler`; with `training` the `GAN`, compiled. With Keras on JAX or PyTorch the `Sampler` samples and is saved;
        training and exports need TensorFlow.

    Raises:
        ImportError: if `training` asks for a `GAN` where Keras computes without TensorFlow.
        ValueError: if there is no such name, if the preset is damaged, of a newer format, or names what no preset may
            name, or if it has no training state and `training` asks for it.
        FileNotFoundError, PermissionError, ConnectionError: if it cannot be fetched.
        OSError: if the cache cannot be written.

    Example:
        >>> sampler = kerasgan.from_preset("biggan_fashion_mnist")
        >>> images = sampler.sample(4, seed=7, labels=["Bag", "Coat", "Sneaker", "Shirt"], truncation=0.7)
        >>> kerasgan.pictures.save_grid("garments.png", images)
    """
    if training:
        backend.check("training")
    names = manifest.training(sources.metadata(source)["files"], source) if training else manifest.GENERATOR
    return load(sources.folder(source, names), training)


def of_class(cls: type[_Class], source: Path) -> _Class:
    """Load a preset of a class, `Sampler` or a `GAN`: see `kerasgan.Sampler.from_preset`.

    Raises:
        ValueError: as `from_preset`, or if the preset is of another class.
    """
    known = sources.metadata(source) if issubclass(cls, GAN) else None
    if known is not None and manifest.with_critic(known["files"]) is None:
        whose = f" of {known['objective']}" if known.get("objective") else ""
        raise ValueError(
            f"{source}: expected a preset of {cls.__name__} with its critic; it was published without critic and "
            f"optimizers: its generator{whose} is what kerasgan.from_preset loads"
        )
    model = from_preset(source, training=issubclass(cls, GAN))
    if not isinstance(model, cls):
        raise ValueError(
            f"{source}: expected a preset of {cls.__name__}; it is one of {type(model).__name__}: load it with "
            f"kerasgan.{type(model).__name__}.from_preset"
        )
    return model


def save_model(model: Sampler, folder: Path, overwrite: bool = False) -> pathlib.Path:
    """Write a model as a preset: see `kerasgan.Sampler.save_to_preset`."""
    name = pathlib.Path(folder).name
    gan = model if isinstance(model, GAN) and model.compiled else None
    if gan is not None:
        try:
            check_known("critic and optimizers", gan)
        except ValueError as error:
            warnings.warn(f"{error}. The preset has the generator alone", stacklevel=3)
            gan = None
    metadata = {
        "name": name,
        "objective": type(model).__name__ if isinstance(model, GAN) else None,
        "weights": {"which": "moving average" if model.averaged else "trained"},
        "image_shape": list(model.image_shape),
        "num_classes": model.num_classes,
        "versions": {"kerasgan": __version__, "keras": keras.__version__},
    }
    card = f'# {name}\n\n```python\nimport kerasgan\n\ngan = kerasgan.from_preset("{name}")\n```\n'
    sampler = standing_statistics.copied(model)
    return save(sampler, folder, metadata, card, overwrite, gan=gan)


def save(sampler, folder, metadata, card, overwrite=False, gan=None):
    """Write a preset.

    Args:
        sampler: `Sampler`; of a `GAN` in training, take `kerasgan.models.standing_statistics.copied(gan)`.
        folder: where to; it appears complete or not at all.
        metadata: dict that JSON can hold: where the weights come from, measured numbers and their protocol. The table
            of files and the format are added.
        card: text of the model card, Markdown.
        overwrite: whether an existing folder may be replaced.
        gan: compiled `GAN` to go on with, or `None`.

    Returns:
        `pathlib.Path` of the folder.

    Raises:
        ValueError: if the model is not a plain `Sampler`, or has weights that are not finite.
        FileExistsError: as `may_write`.
        OSError: if it cannot be written.
    """
    if type(sampler) is not Sampler:
        raise ValueError(f"sampler: expected a Sampler, without critic and optimizers; got {type(sampler).__name__}")
    folder = pathlib.Path(folder)
    may_write(folder, overwrite)
    with atomic_files.replace_folder(folder) as beside:
        write(sampler, beside, metadata, card, gan=gan)
    return folder


def may_write(folder, overwrite=False):
    """Raise `FileExistsError` if a folder exists and `overwrite` is false, or it holds something else than a preset."""
    destinations.folder_may_be_written("folder", folder, overwrite, manifest.is_preset, "a preset")


def write(sampler, folder, metadata, card, grid=None, gan=None, float16=False, pictures=None, critic=False):
    """Write the files of a preset into a new folder.

    Args:
        sampler: as of `save`.
        folder: where to; it must not be there.
        metadata: as of `save`.
        card: as of `save`.
        grid: `PIL.Image.Image` of its images, or `None`.
        gan: as of `save`.
        float16: whether the sampler's kernels, which `weights_file.round_to_float16` has rounded, take half the bytes.
        pictures: folder of further pictures of the card, or `None`.
        critic: whether of `gan` the critic alone is written, its kernels in half the bytes.
    """
    for name, model in (("sampler", sampler), ("gan", gan)):
        if model is not None:
            checks.finite_weights(model, name)
            check_known(name, model)
    folder.mkdir()
    _write_model(sampler, folder, manifest.GENERATOR, float16)
    if gan is not None and critic:
        _write_critic(gan, folder)
    elif gan is not None:
        _write_model(gan, folder, manifest.TRAINING)
    (folder / manifest.CARD).write_text(card)
    if grid is not None:
        grid.save(folder / manifest.GRID, format="PNG", optimize=True)
    for path in () if pictures is None else sorted(pathlib.Path(pictures).iterdir()):
        shutil.copyfile(path, folder / path.name)
    text = json.dumps({"format": manifest.FORMAT, **metadata, "files": manifest.describe(folder)}, indent=2) + "\n"
    manifest.read_metadata(text, folder)
    (folder / manifest.METADATA).write_text(text)


def check_known(name, model):
    """Raise `ValueError` where a preset of a model could not be loaded, as it would name a class of the user's own."""
    try:
        config_check.check(json.loads(_config(model)), name)
    except Refused as error:
        raise ValueError(f"{error}; `save` writes files that may name classes of your own") from None


def load(folder, training=False):
    """Load the preset of a folder.

    Args:
        folder: a folder written by `save`.
        training: whether to load the whole GAN.

    Returns:
        `Sampler`; with `training` the `GAN`, compiled.

    Raises:
        FileNotFoundError: if the folder is no preset.
        ValueError: if it is damaged, of a newer format, or names what no preset may name; or if it has no training
            state and `training` asks for it.
    """
    folder = pathlib.Path(folder)
    path = folder / manifest.METADATA
    if not path.is_file():
        if manifest.is_preset(folder):
            raise ValueError(f"{folder}: not a readable preset: it has no {manifest.METADATA}")
        raise FileNotFoundError(f"{folder}: expected a preset, a folder with {' and '.join(manifest.GENERATOR)}")
    facts = manifest.read_metadata(path.read_bytes(), folder)
    known = facts["files"]
    names = manifest.training(known, folder) if training else manifest.GENERATOR
    for name in names:
        if name not in known:
            raise ValueError(f"{folder}: no preset: {manifest.METADATA} lists no {name}")
        problem = manifest.problem(folder / name, known[name])
        if problem:
            raise ValueError(f"{folder / name}: damaged or incomplete: {problem}")
    model = _read_with_critic(folder) if names == manifest.CRITIC else _read_model(folder, names)
    if training and not isinstance(model, GAN):
        raise ValueError(f"{folder / names[0]}: expected a GAN with its critic; it holds a {type(model).__name__}")
    weights = facts.get("weights")
    if type(model) is Sampler and isinstance(weights, dict) and weights.get("which") == "moving average":
        model._averaged = True
        if not model.generator.trainable_variables:  # older presets hold their average as it was, wholly frozen
            # on TensorFlow `generator.trainable = True` does nothing, as the generator itself says True already
            for layer in model.generator._flatten_layers():
                layer.trainable = True
    if model.num_classes is not None and model.class_names is None:  # of a kerasgan before class names
        model.class_names = class_names(facts, model.num_classes)
    return model


def class_names(facts, count):
    """Return the names of `count` classes that a preset's metadata tell, a tuple, or `None`."""
    data = facts.get("data")
    return classes.known(data.get("classes") if isinstance(data, dict) else None, count)


def _write_model(model, folder, names, float16=False):
    model.prepare_sampling()
    config, weights = (folder / name for name in names)
    config.write_text(_config(model))
    _write_weights(model, weights, float16)


def _write_critic(gan, folder):
    *_, config, weights = (folder / name for name in manifest.CRITIC)
    config.write_text(_config(gan))
    _write_weights(gan.critic, weights, float16=True)


def _config(model):
    return json.dumps(keras.saving.serialize_keras_object(model), indent=1) + "\n"


def _write_weights(model, weights, float16):
    keras.Model.save_weights(model, weights)
    if float16:
        halved = weights.with_name(f"halved-{weights.name}")
        weights_file.store_as_float16(weights, halved)
        halved.replace(weights)


def _read_with_critic(folder):
    """The GAN of a preset with its critic: its generator is the averaged one, its optimizers are new."""
    sampler = _read_model(folder, manifest.GENERATOR)
    *_, config, weights = (folder / name for name in manifest.CRITIC)
    numbers = weights_file.check(weights) + sum(math.prod(variable.shape) for variable in sampler.variables)
    gan = _read_config(config, _OPTIMIZED * numbers, folder)
    if isinstance(gan, GAN):
        _load_weights(gan.critic, weights, folder)
        for mine, theirs in ((gan.generator, sampler.generator), (gan.ema_generator, sampler.generator),
                             (gan.latent, sampler.latent), (gan.ema_latent, sampler.latent)):  # fmt: skip
            if mine is not None:
                _take_weights(mine, theirs, folder)
        checks.finite_weights(gan, weights)
    return gan


def _take_weights(mine, theirs, folder):
    shapes = [[tuple(variable.shape) for variable in model.variables] for model in (mine, theirs)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"{folder}: not a readable preset: its two configs are of different models")
    for variable, known in zip(mine.variables, theirs.variables):
        variable.assign(known)


def _read_model(folder, names):
    config, weights = (folder / name for name in names)
    model = _read_config(config, weights_file.check(weights), folder)
    if not isinstance(model, Sampler):
        raise ValueError(f"{folder}: expected a kerasgan model; it holds a {type(model).__name__}")
    _load_weights(model, weights, folder)
    checks.finite_weights(model, weights)
    return model


def _read_config(config, numbers, folder):
    """The model of a config, of variables that its weights files, which hold so many numbers, can fill."""
    try:
        values = json.loads(config.read_text())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{config}: not JSON ({messages.shortened(error)})") from None
    config_check.check_read(values, config)
    if not backend.is_tensorflow():
        values = backend.without_replicas(values)
    try:
        with initial_values.skipped(), variable_limit.variables_within(numbers):
            return keras.saving.deserialize_keras_object(values, safe_mode=True)
    except Refused as error:
        raise ValueError(f"{folder}: {error}") from None
    except Exception as error:  # TensorFlow and Keras each raise their own
        raise ValueError(f"{folder}: not a readable preset ({messages.of(error)})") from error


def _load_weights(model, weights, folder):
    try:
        with warnings.catch_warnings():  # Keras warns of some weights that are not there
            warnings.simplefilter("error", UserWarning)
            model.load_weights(weights)
    except Refused as error:
        raise ValueError(f"{folder}: {error}") from None
    except Exception as error:  # h5py, TensorFlow and Keras each raise their own
        raise ValueError(f"{folder}: not a readable preset ({messages.of(error)})") from error
