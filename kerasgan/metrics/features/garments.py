"""`garments`: a small classifier of Fashion-MNIST for grey images of 28 or 32 pixels.

Its weights are in the zoo, `features/garments.weights.h5`, with what is known about them in `garments.json`;
`kerasgan study classifier` trains them anew. Its distances and scores are on a scale of their own.
"""

import json
import pathlib

import keras
import tensorflow as tf
from keras import layers

from kerasgan import data
from kerasgan.data import fashion_mnist_arrays
from kerasgan.metrics.evaluation import result
from kerasgan.metrics.features import garment_classifier
from kerasgan.metrics.features.network import FeatureNetwork
from kerasgan.saving import registry
from kerasgan.utils import atomic_files
from kerasgan.utils.messages import shortened

_FOLDER = registry.FOLDER / "features"
WEIGHTS, FACTS = "garments.weights.h5", "garments.json"
_SIDE = 32


def load(name: str, weights: pathlib.Path | None) -> FeatureNetwork:
    """Make the network: see `kerasgan.metrics.features.load`.

    The features are the means over places of the last convolution after batch norm and ReLU, 128 numbers.
    """
    kept = weights is None
    weights = _FOLDER / WEIGHTS if kept else weights
    if not weights.is_file():
        raise FileNotFoundError(f"no such file: {weights}; `kerasgan study classifier` trains one")
    classifier = garment_classifier.build()
    try:
        classifier.load_weights(weights)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"{weights}: expected weights of the garment classifier ({shortened(error)})") from error
    network = of(classifier, name)
    if kept and network.digest != json.loads((_FOLDER / FACTS).read_text())["weights"]:
        raise ValueError(f"{weights}: expected the weights that {FACTS} tells of; they are others")
    return network


def of(classifier, name: str = "garments") -> FeatureNetwork:
    """Make the network of a trained classifier of 32x32 grey images, as `garment_classifier.train` returns it."""
    last = [layer.output for layer in classifier.layers if isinstance(layer, layers.ReLU)][-1]
    outputs = {"features": layers.GlobalAveragePooling2D()(last), "probabilities": classifier.output}
    model = keras.Model(classifier.input, outputs, name="garments")
    return FeatureNetwork(name, model, _prepare, "grey, bilinear to 32 x 32, x / 127.5 - 1", 1, (28, 32))


def train(folder, epochs: int = garment_classifier.EPOCHS, seed: int = 0, data_dir=None) -> dict:
    """Train the classifier on Fashion-MNIST's training split, and write `garments.weights.h5` and `garments.json`.

    Args:
        folder: where to.
        epochs: passes over the images.
        seed: integer seed of weights, order and dropout.
        data_dir: TFDS's folder.

    Returns:
        The content of `garments.json`: accuracy on the 10,000 test images, protocol, command, versions.

    Raises:
        ConnectionError: as `kerasgan.data.tfds`.
    """
    folder = pathlib.Path(folder)
    images, labels = fashion_mnist_arrays.arrays("train", data_dir)
    test_images, test_labels = fashion_mnist_arrays.arrays("test", data_dir)
    classifier = garment_classifier.train(images, labels, epochs, seed)
    network = of(classifier)
    facts = {
        "network": network.name,
        "weights": network.digest,
        "parameters": classifier.count_params(),
        "trained_on": f"fashion_mnist train, 32 x 32 ({result.fingerprint(images)})",
        "protocol": f"Adam, 2e-3 to 0 along a cosine, batches of 128, {epochs} epochs, seed {seed}",
        "accuracy": {
            "fashion_mnist train": garment_classifier.accuracy(classifier, images, labels),
            "fashion_mnist test": garment_classifier.accuracy(classifier, test_images, test_labels),
        },
        "licence": "Apache-2.0; Fashion-MNIST is MIT",
        "command": result.command(),
        "versions": result.versions(),
    }
    plain = garment_classifier.build()  # without an optimizer, which would be saved too
    plain.set_weights(classifier.get_weights())
    with atomic_files.written_whole(folder / WEIGHTS) as beside:
        plain.save_weights(beside)
    with atomic_files.written_whole(folder / FACTS) as beside:
        beside.write_text(json.dumps(facts, indent=2) + "\n")
    return facts


def _prepare(images):
    if images.shape[1:3] == (_SIDE, _SIDE):
        return data.to_float(images)
    # rounded, as the training images were when they were made 32 x 32 from 28 x 28
    larger = tf.image.resize(tf.cast(images, tf.float32), (_SIDE, _SIDE), method="bilinear")
    return tf.floor(larger + 0.5) / 127.5 - 1.0
