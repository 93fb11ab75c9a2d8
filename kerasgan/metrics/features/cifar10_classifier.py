"""The training of the classifier of CIFAR-10 by which generated colour images are judged."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from kerasgan import data
from kerasgan.networks.cifar10_classifier import SIDE, build
from kerasgan.utils import validation

EPOCHS = 16
PROTOCOL = "SGD with Nesterov's momentum 0.9, rate 0 to 0.2 to 0, decay 5e-4, batches of 128, crops and flips"
_BATCH = 128
_PADDING = 4


def train(
    images,
    labels,
    epochs: int = EPOCHS,
    seed: int = 0,
    filters: int = 32,
    backup: pathlib.Path | None = None,
    verbose=2,
) -> keras.Model:
    """Train a classifier with SGD on batches of 128 crops, each flipped or not.

    The rate rises to 0.2 in a fifth of the steps and falls to 0 along a cosine; momentum is Nesterov's, 0.9; weights
    decay by 5e-4 times the rate. Crops are of images with 4 black pixels added on each side. Sets Keras's global seed.

    Args:
        images: uint8 [N, 32, 32, 3].
        labels: integers [N] in 0 to 9.
        epochs: passes over the images.
        seed: integer seed of weights, order, crops and flips.
        filters: as in `build`.
        backup: folder from which an interrupted training goes on at its last whole epoch. Order, crops and flips begin
            anew there, so that its weights are others than those of a training that never stopped.
        verbose: as in `keras.Model.fit`.

    Returns:
        The trained `keras.Model`.
    """
    keras.utils.set_random_seed(validation.integer_within("seed", seed, np.uint32))
    classifier = build(filters)
    steps = epochs * -(-len(images) // _BATCH)
    warmup = steps // 5
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps - warmup, warmup_target=0.2, warmup_steps=warmup)
    trained = keras.Model(classifier.input, classifier.output["probabilities"])
    trained.compile(
        keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=5e-4),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=17,
    )
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images), seed=seed)
    batches = batches.map(_augmented).batch(_BATCH).prefetch(2)
    callbacks = [] if backup is None else [keras.callbacks.BackupAndRestore(backup, delete_checkpoint=False)]
    trained.fit(batches, epochs=epochs, shuffle=False, callbacks=callbacks, verbose=verbose)
    return classifier


def _augmented(image, label):
    padded = tf.pad(image, [[_PADDING, _PADDING], [_PADDING, _PADDING], [0, 0]])
    image = tf.image.random_flip_left_right(tf.image.random_crop(padded, (SIDE, SIDE, 3)))
    return data.to_float(image), label
