"""A classifier of CIFAR-10: a residual network of eight convolutions.

It judges colour images (the feature network `cifar10`), and the critic of a Projected GAN may look through it: `trunk`.
Its weights are in the zoo, `features/cifar10.weights.h5`.
"""

import functools

import h5py
import keras
import numpy as np
from keras import layers, ops

from kerasgan.layers.add import add_branches
from kerasgan.networks import _frozen
from kerasgan.utils import known_weights
from kerasgan.utils.zoo_folder import FOLDER

CLASSES = 10
SIDE = 32
CHANNELS = (32, 64, 128, 256)  # of the trunk's maps
SHA256 = "e27cc37d10e06d8d1e393ebc9c130e035feed0e39770e6a279afe98d897d3ae2"
_STAGES = ((2, True), (4, False), (8, True))  # width in units of `filters`, whether residual


def build(filters: int = 32) -> keras.Model:
    """Build the classifier, after the ResNet-9 that DAWNBench's fastest entries shared, of half its width.

    Args:
        filters: channels of the first layer; eight times as many come out of the last.

    Returns:
        `keras.Model` from images, float32 [N, 32, 32, 3] in [-1, 1], to a dict of "features", float32
        [N, 8 * filters], the means over places of the last activation, and "probabilities", float32 [N, 10].
    """
    images = keras.Input((SIDE, SIDE, 3), name="images")
    x = _convolved(images, filters)
    for width, residual in _STAGES:
        x = layers.MaxPooling2D()(_convolved(x, width * filters))
        if residual:
            x = layers.Add()([x, _convolved(_convolved(x, width * filters), width * filters)])
    features = layers.GlobalAveragePooling2D(dtype="float32")(x)
    probabilities = layers.Dense(CLASSES, activation="softmax", dtype="float32")(features)
    return keras.Model(images, {"features": features, "probabilities": probabilities}, name="cifar10_classifier")


def trunk():
    """Return the published classifier's convolutions, with batch norm of inference, as a function without variables.

    Of images float32 [N, H, W, 3] in [-1, 1], sides multiples of 8, it makes the maps after each size: of 32, 64, 128
    and 256 channels at strides 1, 2, 4 and 8. It is the same one each time, and belongs to no model: nothing of it is
    saved, trained or counted.

    Raises:
        FileNotFoundError, ValueError: if its weights are not there, or are others.
    """
    path = FOLDER / "features" / "cifar10.weights.h5"
    return _trunk(known_weights.checked(path, SHA256, "the classifier of kerasgan's zoo"))


@functools.cache
def _trunk(path):
    with h5py.File(path) as file:  # no model is built for it: that would draw from Keras's seeds
        convolutions = [_stored(file["layers"], "" if index == 0 else f"_{index}") for index in range(8)]

    def maps(images):
        first, *remaining = convolutions
        outputs = [first(images)]
        for _, residual in _STAGES:
            convolution, *remaining = remaining
            x = ops.max_pool(convolution(outputs[-1]), 2, padding="valid", data_format="channels_last")
            if residual:
                before, after, *remaining = remaining
                x = add_branches([x, after(before(x))])
            outputs.append(x)
        return outputs

    return maps


def _stored(layers_of_file, suffix):
    """The function of a convolution of the file, and of the batch norm and ReLU behind it."""
    kernel, *norm = (
        np.asarray(layers_of_file[f"{name}{suffix}/vars/{index}"], "float32")
        for name, count in (("conv2d", 1), ("batch_normalization", 4))
        for index in range(count)
    )
    return _frozen.convolution(kernel, norm, ops.relu)


def _convolved(x, filters):
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
