"""Where converted weights come from: facts for a preset's metadata, and its model card."""

import hashlib
import math
import pathlib

import keras

import kerasgan


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
    with open(source, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "source": {"file": pathlib.Path(source).name, "sha256": digest, "layout": str(layout), **options},
        "image_shape": list(sampler.image_shape),
        "num_classes": sampler.num_classes,
        "latent": {"prior": type(sampler.latent).__name__, "dim": sampler.latent.dim},
        "trainable_parameters": sum(math.prod(v.shape) for v in sampler.generator.trainable_variables),
        "versions": {"kerasgan": kerasgan.__version__, "keras": keras.__version__},
        "metrics": [],
    }


def card(facts):
    """Return the model card, Markdown."""
    height, width, channels = facts["image_shape"]
    source = facts["source"]
    return f"""# {pathlib.Path(source["file"]).stem}

A generator of {height} x {width} images with {channels} channels and {facts["num_classes"]} classes, converted by
kerasgan {facts["versions"]["kerasgan"]} from the file `{source["file"]}` ({source["layout"]}).

- SHA-256 of that file: `{source["sha256"]}`
- latents: {facts["latent"]["prior"]}, {facts["latent"]["dim"]} numbers
- trainable parameters: {facts["trainable_parameters"]:,}

No metric was measured here, and kerasgan does not know the file's licence: see where it came from.
"""
