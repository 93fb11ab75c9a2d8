"""`cifar10`: a classifier of CIFAR-10 that judges colour images of 32 pixels.

It does not judge a Projected GAN whose critic looks through it; no other method trains against it.

Its weights are in the zoo, `features/cifar10.weights.h5`, with what is known about them in `cifar10.json`;
`kerasgan study cifar10-classifier` trains them anew. Its distances and scores are on a scale of their own.
"""

import hashlib
import json
import pathlib

import keras

from kerasgan import data
from kerasgan.data import fingerprints, splits
from kerasgan.metrics.features import cifar10_classifier
from kerasgan.metrics.features.network import FeatureNetwork
from kerasgan.metrics.features.published import Published
from kerasgan.networks.cifar10_classifier import SIDE, build

_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def of(classifier: keras.Model, name: str = "cifar10") -> FeatureNetwork:
    """Make the network of a trained classifier, as `cifar10_classifier.train` returns it; 256 features."""
    return FeatureNetwork(name, classifier, data.to_float, "x / 127.5 - 1", 3, (SIDE,), class_names=_CLASSES)


PUBLISHED = Published("cifar10", build, of, "kerasgan study cifar10-classifier")


def load(name: str, weights: pathlib.Path | None) -> FeatureNetwork:
    """Make the network: see `kerasgan.metrics.features.load`."""
    return PUBLISHED.load(name, weights)


def train(folder, real="cifar10", epochs: int = cifar10_classifier.EPOCHS, seed: int = 0, data_dir=None) -> dict:
    """Train the classifier, and write `cifar10.weights.h5` and `cifar10.json`.

    An interrupted training of the same settings goes on at its last whole epoch; its weights are then others than those
    of one that never stopped, see `cifar10_classifier.train`.

    Args:
        folder: where to.
        real: as for `kerasgan.data.splits.arrays`.
        epochs: passes over the images.
        seed: integer seed of weights, order, crops and flips.
        data_dir: TFDS's folder.

    Returns:
        The content of `cifar10.json`: accuracy on the test images, protocol, command, versions.

    Raises:
        ValueError, OSError: as `kerasgan.data.splits.arrays`.
    """
    folder = pathlib.Path(folder)
    sets = {f"cifar10 {split}": splits.arrays(real, split, SIDE, data_dir) for split in ("train", "test")}
    images, labels = sets["cifar10 train"]
    facts = {
        "trained_on": f"cifar10 train ({fingerprints.of_arrays(images)})",
        "protocol": f"{cifar10_classifier.PROTOCOL}, {epochs} epochs, seed {seed}, "
        f"{keras.mixed_precision.dtype_policy().name}",
        "licence": "Apache-2.0; CIFAR-10 states none: cite Krizhevsky 2009",
    }
    settings = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
    classifier = cifar10_classifier.train(images, labels, epochs, seed, backup=folder / "backup" / settings)
    return PUBLISHED.write(folder, classifier, sets, facts)
