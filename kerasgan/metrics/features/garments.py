"""`garments`: a small classifier of Fashion-MNIST for grey images of 28 or 32 pixels.

Its weights are in the zoo, `features/garments.weights.h5`, with what is known about them in `garments.json`;
`kerasgan study classifier` trains them anew. Its distances and scores are on a scale of their own.
"""

import pathlib

import keras
import tensorflow as tf
from keras import layers

from kerasgan import data
from kerasgan.data import fashion_mnist_arrays, fingerprints
from kerasgan.metrics.features import garment_classifier
from kerasgan.metrics.features.network import FeatureNetwork
from kerasgan.metrics.features.published import Published

_SIDE = 32
_CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def of(classifier, name: str = "garments") -> FeatureNetwork:
    """Make the network of a trained classifier of 32x32 grey images, as `garment_classifier.train` returns it.

    The features are the means over places of the last convolution after batch norm and ReLU, 128 numbers.
    """
    last = [layer.output for layer in classifier.layers if isinstance(layer, layers.ReLU)][-1]
    outputs = {"features": layers.GlobalAveragePooling2D()(last), "probabilities": classifier.output}
    model = keras.Model(classifier.input, outputs, name="garments")
    how = "grey, bilinear to 32 x 32, x / 127.5 - 1"
    return FeatureNetwork(name, model, _prepare, how, 1, (28, 32), class_names=_CLASSES)


PUBLISHED = Published("garments", garment_classifier.build, of, "kerasgan study classifier")


def load(name: str, weights: pathlib.Path | None) -> FeatureNetwork:
    """Make the network: see `kerasgan.metrics.features.load`."""
    return PUBLISHED.load(name, weights)


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
    sets = {f"fashion_mnist {split}": fashion_mnist_arrays.arrays(split, data_dir) for split in ("train", "test")}
    images, labels = sets["fashion_mnist train"]
    classifier = garment_classifier.train(images, labels, epochs, seed)
    facts = {
        "trained_on": f"fashion_mnist train, 32 x 32 ({fingerprints.of_arrays(images)})",
        "protocol": f"Adam, 2e-3 to 0 along a cosine, batches of 128, {epochs} epochs, seed {seed}",
        "licence": "Apache-2.0; Fashion-MNIST is MIT",
    }
    return PUBLISHED.write(pathlib.Path(folder), classifier, sets, facts)


def _prepare(images):
    if images.shape[1:3] == (_SIDE, _SIDE):
        return data.to_float(images)
    # rounded, as the training images were when they were made 32 x 32 from 28 x 28
    larger = tf.image.resize(tf.cast(images, tf.float32), (_SIDE, _SIDE), method="bilinear")
    return tf.floor(larger + 0.5) / 127.5 - 1.0
