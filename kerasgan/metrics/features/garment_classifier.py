"""A small classifier of Fashion-MNIST, by which the studies score generated garments."""

import pathlib

import keras
import numpy as np
from keras import layers

from kerasgan import data
from kerasgan.data import fashion_mnist_arrays
from kerasgan.saving import keras_file
from kerasgan.utils import atomic_files, validation

FILE = "garment_classifier.keras"
EPOCHS = 4
_CLASSES = 10
_BATCH = 128


def build(image_shape: tuple[int, int, int] = (32, 32, 1), num_classes: int = _CLASSES, filters: int = 32):
    """Build the classifier: three convolutions of stride 2 with batch norm, a dense layer, a softmax.

    Args:
        image_shape: (height, width, channels).
        num_classes: number of classes.
        filters: channels of the first layer; doubled with each.

    Returns:
        `keras.Model` from images, float32 [N, *image_shape] in [-1, 1], to probabilities, float32 [N, num_classes].
    """
    images = x = keras.Input(image_shape, name="images")
    for width in (filters, 2 * filters, 4 * filters):
        x = layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Dropout(0.4)(layers.Flatten()(x))
    x = layers.Dense(num_classes, activation="softmax", dtype="float32")(x)
    return keras.Model(images, x, name="garment_classifier")


def train(images, labels, epochs: int = EPOCHS, seed: int = 0, verbose=2):
    """Train a classifier with Adam, whose rate falls from 2e-3 to 0 along a cosine, on batches of 128.

    Sets Keras's global seed.

    Args:
        images: uint8 [N, H, W, C].
        labels: integers [N] in 0 to 9.
        epochs: passes over the images.
        seed: integer seed of weights, order and dropout.
        verbose: as in `keras.Model.fit`.

    Returns:
        The trained `keras.Model`.
    """
    keras.utils.set_random_seed(validation.integer_within("seed", seed, np.uint32))
    classifier = build(images.shape[1:])
    steps = epochs * -(-len(images) // _BATCH)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    classifier.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"], steps_per_execution=20
    )
    classifier.fit(np.asarray(data.to_float(images)), labels, batch_size=_BATCH, epochs=epochs, verbose=verbose)
    return classifier


def probabilities(classifier, images):
    """Return the class probabilities, float32 [N, K], of images uint8 [N, H, W, C]."""
    return _by_parts(classifier, images)


def features(classifier, images):
    """Return what the last convolution makes of images uint8 [N, H, W, C], its mean over places: float32 [N, F].

    128 features, after batch norm and ReLU; for distances between sets of images, such as
    `kerasgan.metrics.frechet.frechet_distance`.
    """
    [last] = [layer.output for layer in classifier.layers if isinstance(layer, layers.ReLU)][-1:]
    return _by_parts(keras.Model(classifier.input, layers.GlobalAveragePooling2D()(last)), images)


def _by_parts(network, images):
    rows = [network(data.to_float(images[first : first + 500])) for first in range(0, len(images), 500)]
    return np.concatenate([np.asarray(row) for row in rows])


def accuracy(classifier, images, labels):
    """Return the share of images, uint8 [N, H, W, C], whose most probable class is their label."""
    return float(np.mean(probabilities(classifier, images).argmax(axis=1) == labels))


def load_or_train(folder, data_dir=None):
    """Return the classifier of a folder, trained on Fashion-MNIST's training images first where there is none yet.

    Training takes about a minute on two cores.

    Args:
        folder: where `garment_classifier.keras` lies or will lie.
        data_dir: TFDS's folder, as for `kerasgan.data.tfds`.

    Returns:
        (classifier, accuracy on Fashion-MNIST's 10,000 test images).

    Raises:
        ValueError: if the file is there and is no such classifier.
        ConnectionError: as `kerasgan.data.tfds`.
    """
    path = pathlib.Path(folder) / FILE
    if path.is_file():
        classifier = _load(path)
    else:
        print(f"{path}: not there yet, training it", flush=True)
        classifier = train(*fashion_mnist_arrays.arrays("train", data_dir))
        with atomic_files.written_whole(path) as beside:
            classifier.save(beside)
    return classifier, accuracy(classifier, *fashion_mnist_arrays.arrays("test", data_dir))


def _load(path):
    try:
        classifier = keras_file.read(path, compile=False)
    except ValueError as error:
        raise ValueError(f"{error}; delete it to train it again") from error
    shapes = classifier.input_shape, classifier.output_shape
    if shapes != ((None, 32, 32, 1), (None, _CLASSES)):
        raise ValueError(f"{path}: expected a model from [N, 32, 32, 1] to [N, {_CLASSES}]; it maps {shapes}")
    return classifier
