"""`keras-inception-v3`: Inception v3 of keras.applications, of 2016. It is not the network of the FID.

Its weights are those of Keras, downloaded once, or the path of its file
`inception_v3_weights_tf_dim_ordering_tf_kernels.h5` is given.
"""

import pathlib

import keras
import tensorflow as tf

from kerasgan.metrics.features.network import FeatureNetwork
from kerasgan.utils import known_weights as files_of_weights
from kerasgan.utils.messages import shortened

_SIDE = 299
_FILE = "inception_v3_weights_tf_dim_ordering_tf_kernels.h5"
URL = f"https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/{_FILE}"
MD5 = "9a0d58056eeedaa3f26cb7ebd46da564"  # which Keras checks


def load(name: str, weights: pathlib.Path | None) -> FeatureNetwork:
    """Make the network: see `kerasgan.metrics.features.load`."""
    if weights is None:
        weights = files_of_weights.downloaded(URL, MD5, f"the weights of keras-inception-v3, {_FILE}", "md5")
    elif not weights.is_file():
        raise FileNotFoundError(f"no such file: {weights}")
    network = keras.applications.InceptionV3(weights=None)
    try:
        network.load_weights(weights)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(
            f"{weights}: expected weights of keras.applications.InceptionV3 ({shortened(error)})"
        ) from error
    outputs = {"features": network.get_layer("avg_pool").output, "probabilities": network.output}
    model = keras.Model(network.input, outputs, name="keras_inception_v3")
    return FeatureNetwork(name, model, _prepare, "bilinear (antialiased where they shrink) to 299 x 299, x / 127.5 - 1")


def _prepare(images):
    resized = tf.image.resize(tf.cast(images, tf.float32), (_SIDE, _SIDE), method="bilinear", antialias=True)
    return resized / 127.5 - 1.0
