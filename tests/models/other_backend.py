"""Run with KERAS_BACKEND: python -m tests.models.other_backend FOLDER; prints JSON of levels of difference.

FOLDER has weights and images, of TensorFlow, of families of generators and of presets.
"""

import json
import pathlib
import sys

import keras
import numpy as np

import kerasgan
from tests.networks import families


def made_of(sampler):
    """Samples and a walk of a sampler."""
    truncation = 0.7 if sampler.takes_truncation else None
    label = {} if sampler.num_classes is None else {"labels": 1}
    return {
        "samples": sampler.sample(
            10, seed=[0, 1, 2**32, 2**63 - 1, -5, *range(5)], truncation=truncation, batch_size=7
        ),
        "truncated": sampler.sample(4, seed=7, truncation=0.5),
        "walk": sampler.interpolate(3, 9, 5, **label, truncation=truncation),
    }


def difference(sampler, path):
    """The largest difference from a file's arrays: of levels, or for what is no image of numbers."""
    wanted, made = np.load(path), made_of(sampler)
    assert all(made[name].dtype == wanted[name].dtype for name in made)
    return max(float(np.abs(made[name].astype(float) - wanted[name]).max()) for name in made)


def main(folder):
    found = {"backend": keras.config.backend()}
    for path in sorted(folder.glob("*.npz")):
        if path.stem in families.FAMILIES:
            generator, classes = families.generator(path.stem)
            sampler = kerasgan.Sampler(generator, num_classes=classes)
            sampler.load_weights(path.with_suffix(".weights.h5"))
        else:
            sampler = kerasgan.from_preset(path.stem)
        found[path.stem] = difference(sampler, path)
    print(json.dumps(found))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
