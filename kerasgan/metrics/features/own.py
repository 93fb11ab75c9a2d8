"""A feature network of the user's own: a `.keras` file.

It takes images float32 [N, H, W, C] in [-1, 1], C of 1 or 3, and gives features [N, D], or a dict of "features" and
"probabilities" [N, K]. Its numbers are called after the file, `fd[file:NAME]`.
"""

import pathlib

import keras
import tensorflow as tf

from kerasgan.metrics.features.network import FeatureNetwork
from kerasgan.saving import keras_file
from kerasgan.utils import messages


def load(name: str, weights: pathlib.Path | None) -> FeatureNetwork:
    """Make the network of a file: see `kerasgan.metrics.features.load`."""
    path = pathlib.Path(name)
    if weights is not None:
        raise ValueError(f"weights: expected none, as {path} holds its own; got {weights}")
    network = keras_file.read(path, compile=False)
    try:
        outputs = network.output if isinstance(network.output, dict) else {"features": network.output}
        taken = tuple(network.input_shape)
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: expected a functional model ({messages.of(error)})") from error
    shapes = {key: tuple(getattr(value, "shape", ())) for key, value in outputs.items()}
    fits = set(shapes) in ({"features"}, {"features", "probabilities"}) and all(len(s) == 2 for s in shapes.values())
    if not fits or len(taken) != 4 or None in taken[1:] or taken[-1] not in (1, 3):
        raise ValueError(
            f"{path}: expected a model from images [N, H, W, C], C of 1 or 3, to features [N, D], or to a dict of "
            f"features and probabilities; it maps {taken} to {shapes}"
        )
    height, width, channels = taken[1:]

    def prepare(images):
        resized = tf.image.resize(tf.cast(images, tf.float32), (height, width), method="bilinear", antialias=True)
        return resized / 127.5 - 1.0

    how = f"bilinear (antialiased where they shrink) to {height} x {width}, x / 127.5 - 1"
    model = keras.Model(network.input, outputs)
    return FeatureNetwork(f"file:{path.stem}", model, prepare, how, channels, definition=network.to_json())
