"""`efficientnet-lite0`: EfficientNet-Lite0 of ImageNet as a feature network, where Inception's weights cannot be had.

A distance measured with it is no FID. Images are made 96 pixels wide, which is quick and enough for 32-pixel ones; the
name `efficientnet-lite0-224` stands for the 224 pixels that it was trained with.
"""

import pathlib

import tensorflow as tf

from kerasgan.metrics.features.network import FeatureNetwork
from kerasgan.networks import efficientnet_lite0
from kerasgan.utils import checkpoint_tensors

SIDES = {"efficientnet-lite0": 96, "efficientnet-lite0-224": 224}


def load(name: str, weights: pathlib.Path | None) -> FeatureNetwork:
    """Make the network: see `kerasgan.metrics.features.load`. The weights are the package's file."""
    path = efficientnet_lite0.weights_file(weights)
    side = SIDES[name]
    model = efficientnet_lite0.convert(checkpoint_tensors.read(path), side)
    how = f"bilinear (antialiased where they shrink) to {side} x {side}, (x - 127) / 128"
    return FeatureNetwork(name, model, lambda images: _prepare(images, side), how)


def _prepare(images, side):
    larger = tf.image.resize(tf.cast(images, tf.float32), (side, side), method="bilinear", antialias=True)
    return (larger - 127.0) / 128.0
