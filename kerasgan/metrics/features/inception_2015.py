"""`inception-2015`: the network of the FID, in three ways of resizing that give different numbers.

- `inception-2015`: TensorFlow 1's bilinear resize, as the FID's own code and torch-fidelity do it.
- `inception-2015-pytorch-fid`: PyTorch's bilinear resize, as pytorch-fid does it.
- `inception-2015-clean`: Pillow's antialiased bicubic resize in floats, as clean-fid does it (Parmar, Zhang and Zhu
  2022, arXiv:2104.11222).

The weights are downloaded once, or their path is given; see `kerasgan.metrics.features.inception_2015_network`.
"""

import pathlib

import keras
import tensorflow as tf
from keras import layers

from kerasgan.metrics.features import inception_2015_network
from kerasgan.metrics.features.network import FeatureNetwork
from kerasgan.utils import known_weights as files_of_weights

URL = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
_WHAT = "the Inception weights of 2015, pt_inception-2015-12-05-6726825d.pth"


def load(name: str, weights: pathlib.Path | None) -> FeatureNetwork:
    """Make the network: see `kerasgan.metrics.features.load`. The weights are the file of either PyTorch port."""
    if weights is None:
        path = files_of_weights.downloaded(URL, SHA256, _WHAT)
    else:
        path = files_of_weights.checked(weights, SHA256, _WHAT)
    return of(inception_2015_network.load(path), name)


def of(network: keras.Model, name: str = "inception-2015") -> FeatureNetwork:
    """Make the feature network of `kerasgan.metrics.features.inception_2015_network.build`'s network.

    The probabilities are the softmax of the logits without the last bias, as in the published inception scores.
    """
    taps = network.output
    outputs = {"features": taps["2048"], "probabilities": layers.Softmax()(taps["logits_unbiased"])}
    prepare, preparation = _PREPARATIONS[name]
    return FeatureNetwork(name, keras.Model(network.input, outputs, name="inception_2015"), prepare, preparation)


def _clean(images):
    larger = tf.image.resize(
        tf.cast(images, tf.float32),
        (inception_2015_network.SIZE, inception_2015_network.SIZE),
        method="bicubic",
        antialias=True,
    )
    return (tf.clip_by_value(larger, 0.0, 255.0) - 128.0) / 128.0


_PREPARATIONS = {
    "inception-2015": (
        inception_2015_network.scaled,
        "bilinear to 299 x 299 as TensorFlow 1, not antialiased, (x - 128) / 128",
    ),
    "inception-2015-pytorch-fid": (
        lambda images: inception_2015_network.scaled(images, half_pixel_centers=True),
        "bilinear to 299 x 299 as PyTorch, not antialiased, 2 x / 255 - 1",
    ),
    "inception-2015-clean": (_clean, "bicubic to 299 x 299 as Pillow in floats, antialiased, (x - 128) / 128"),
}
