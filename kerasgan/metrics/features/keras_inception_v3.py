"""`keras-inception-v3`: Inception v3 of keras.applications, of 2016. It is not the network of the FID.

Its weights are downloaded by Keras once, or the path of its file
`inception_v3_weights_tf_dim_ordering_tf_kernels.h5` is given.
"""

import pathlib

import keras
import tensorflow as tf

from kerasgan.messages import shortened
from kerasgan.metrics.features.network import FeatureNetwork

_SIDE = 299


def load(name: str, weights: pathlib.Path | None) -> FeatureNetwork:
    """Make the network: see `kerasgan.metrics.features.load`."""
    if weights is not None and not weights.is_file():
        raise FileNotFoundError(f"no such file: {weights}")
    try:
        network = keras.applications.InceptionV3(weights="imagenet" if weights is None else None)
    except Exception as error:  # Keras makes an Exception of what urllib says
        raise ConnectionError(
            f"the weights of keras-inception-v3 cannot be downloaded ({shortened(error)}); download "
            "inception_v3_weights_tf_dim_ordering_tf_kernels.h5 elsewhere and give its path as the weights"
        ) from error
    if weights is not None:
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
