"""Where converted weights come from: facts for a preset's metadata, and its model card."""

import math
import pathlib
import re

import keras

from kerasgan.saving import manifest
from kerasgan.utils.messages import quoted
from kerasgan.utils.version import __version__


def check(source, sha256):
    """Raise `ValueError` unless a file is the one that was published.

    Args:
        source: path of the file.
        sha256: its checksum, 64 hexadecimal digits.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    if not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise ValueError(f"--sha256: expected 64 hexadecimal digits; got {quoted(sha256)}")
    if not pathlib.Path(source).is_file():
        raise FileNotFoundError(f"no such file: {source}")
    digest = manifest.sha256(source)
    if digest != sha256.lower():
        raise ValueError(
            f"{source}: not the file that was published: expected SHA-256 {sha256.lower()}; it is {digest}"
        )


def facts(sampler, layout, source, options):
    """Return what is known about a converted model.

    Args:
        sampler: the converted `Sampler`.
        layout: name of the layout that was read.
        source: path of the file.
        options: dict of the converter's other arguments.

    Returns:
        dict that JSON can hold.
    """
    return {
        "source": {
            "file": pathlib.Path(source).name,
            "sha256": manifest.sha256(source),
            "layout": str(layout),
            **options,
        },
        "image_shape": list(sampler.image_shape),
        "num_classes": sampler.num_classes,
        "latent": {"prior": type(sampler.latent).__name__, "dim": sampler.latent.dim},
        "trainable_parameters": sum(math.prod(v.shape) for v in sampler.generator.trainable_variables),
        "versions": {"kerasgan": __version__, "keras": keras.__version__},
        "metrics": [],
    }


def card(facts):
    """Return the model card, Markdown."""
    height, width, channels = facts["image_shape"]
    source = facts["source"]
    classes = "" if facts["num_classes"] is None else f" and {facts['num_classes']} classes"
    return f"""# {pathlib.Path(source["file"]).stem}

A generator of {height} x {width} images with {channels} channels{classes}, converted by
kerasgan {facts["versions"]["kerasgan"]} from the file `{source["file"]}` ({source["layout"]}).

- SHA-256 of that file: `{source["sha256"]}`
- latents: {facts["latent"]["prior"]}, {facts["latent"]["dim"]} numbers
- trainable parameters: {facts["trainable_parameters"]:,}

No metric was measured here, and kerasgan does not know the file's licence: see where it came from.
"""
