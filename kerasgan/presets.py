"""Presets: a generator as a folder of a config, weights, and what is known about them. No pickle."""

import json
import pathlib

import keras

from kerasgan import files
from kerasgan.sampler import Sampler

_CONFIG, _WEIGHTS, _METADATA, _CARD = "config.json", "model.weights.h5", "metadata.json", "README.md"


def save(sampler, folder, metadata, card, overwrite=False):
    """Write a preset: `config.json`, `model.weights.h5`, `metadata.json` and the model card `README.md`.

    Args:
        sampler: `Sampler`; of a `GAN` in training, take `kerasgan.standing.copied(gan)`.
        folder: where to; it appears complete or not at all.
        metadata: dict that JSON can hold: where the weights come from, measured numbers and their protocol.
        card: text of the model card, Markdown.
        overwrite: whether an existing folder may be replaced.

    Returns:
        `pathlib.Path` of the folder.

    Raises:
        ValueError: if the model is not a plain `Sampler`.
        FileExistsError: if the folder exists and `overwrite` is false.
        OSError: if it cannot be written.
    """
    if type(sampler) is not Sampler:
        raise ValueError(f"sampler: expected a Sampler, without critic and optimizers; got {type(sampler).__name__}")
    folder = pathlib.Path(folder)
    if folder.exists() and not overwrite:
        raise FileExistsError(f"{folder} exists; choose another folder, or say that it may be replaced")
    with files.replace_folder(folder) as beside:
        beside.mkdir()
        config = keras.saving.serialize_keras_object(sampler)
        (beside / _CONFIG).write_text(json.dumps(config, indent=1) + "\n")
        (beside / _METADATA).write_text(json.dumps(metadata, indent=2) + "\n")
        (beside / _CARD).write_text(card)
        keras.Model.save_weights(sampler, beside / _WEIGHTS)
    return folder


def is_preset(folder):
    """Whether a folder holds a preset."""
    return (pathlib.Path(folder) / _CONFIG).is_file() and (pathlib.Path(folder) / _WEIGHTS).is_file()


def load(folder):
    """Load a preset.

    Args:
        folder: a folder written by `save`.

    Returns:
        `Sampler`.

    Raises:
        FileNotFoundError: if the folder is no preset.
        ValueError: if it is damaged.
    """
    from kerasgan import networks  # noqa: F401  registers the layers

    folder = pathlib.Path(folder)
    if not is_preset(folder):
        raise FileNotFoundError(f"{folder}: expected a preset, a folder with {_CONFIG} and {_WEIGHTS}")
    try:
        config = json.loads((folder / _CONFIG).read_text())
        sampler = keras.saving.deserialize_keras_object(config, safe_mode=True)
        sampler.load_weights(folder / _WEIGHTS)
    except Exception as error:  # json, h5py and Keras each raise their own
        raise ValueError(f"{folder}: not a readable preset ({type(error).__name__}: {error})") from error
    if not isinstance(sampler, Sampler):
        raise ValueError(f"{folder}: expected a kerasgan model; it holds a {type(sampler).__name__}")
    return sampler
