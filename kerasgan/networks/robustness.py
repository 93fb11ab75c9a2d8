"""The architectures on which the WGAN-GP study compares objectives, at 64 pixels.

Gulrajani et al. 2017, "Improved training of Wasserstein GANs", arXiv:1704.00028, section 5.2 and figure 2. `VARIANTS`
holds the arguments of the paper's first five and of its baseline; the sixth is `resnet_bottleneck`.

As in the authors' code, all layers have biases and weights are uniform: with standard deviation 0.02, but with
constant filters or gates the convolutions have variance 4 / (fan_in + fan_out) and the dense layers Glorot's
2 / (fan_in + fan_out); the perceptron has He's in its hidden layers. Batch norm has epsilon 1e-5, and its moving
statistics, which the authors do not keep, have momentum 0.9.
"""

from typing import Literal

import keras
from keras import layers, ops

from kerasgan.networks import _parts
from kerasgan.utils import validation

VARIANTS = {  # name: (arguments of the generator, arguments of the critic)
    "baseline": ({}, {}),
    "constant_filters": ({"normalization": None, "constant_filters": True}, {}),
    "mlp": ({"normalization": None, "mlp": True}, {}),
    "no_normalization": ({"normalization": None}, {"normalization": None}),
    "gated": ({"nonlinearity": "gated"}, {"nonlinearity": "gated"}),
    "tanh": ({"nonlinearity": "tanh"}, {"nonlinearity": "tanh"}),
}
_SIZES = (32, 64, 128)
_NONLINEARITIES = {
    "relu": layers.ReLU,
    "leaky_relu": lambda: layers.LeakyReLU(0.2),
    "tanh": lambda: layers.Activation("tanh"),
    "gated": lambda: _gate,
}


def generator(
    image_shape: tuple[int, int, int] = (64, 64, 3),
    latent_dim: int = 128,
    num_classes: int | None = None,
    filters: int = 64,
    nonlinearity: Literal["relu", "leaky_relu", "tanh", "gated"] = "relu",
    normalization: Literal["batch"] | None = "batch",
    constant_filters: bool = False,
    mlp: bool = False,
) -> keras.Model:
    """Build a generator: DCGAN's with 5x5 transposed convolutions, or a perceptron.

    Args:
        image_shape: (size, size, channels); size one of 32, 64, 128 (64 in the paper).
        latent_dim: length of z.
        num_classes: number of classes for a conditional generator, else `None`. The class enters as a learned
            embedding appended to z.
        filters: channels before the last layer; doubled towards 4x4.
        nonlinearity: after each hidden layer. `"gated"` doubles the layer's channels and multiplies the sigmoid of
            one half with the tanh of the other.
        normalization: `"batch"` or `None`, before each nonlinearity.
        constant_filters: whether all layers have `filters` channels.
        mlp: whether to build a perceptron of four hidden layers of 512 units instead; `filters` is then unused.

    Returns:
        `keras.Model` from z, float32 [N, latent_dim] (or the pair of z and labels, int32 [N]), to images,
        float32 [N, size, size, channels] in [-1, 1].

    Raises:
        ValueError: if `image_shape` is not a square of one of the sizes, an option is none of the above, a number is
            not a positive integer, or `mlp` and `constant_filters` are given together.
    """
    size, channels = _parts.check_square(image_shape, _SIZES)
    _parts.check_option("nonlinearity", nonlinearity, _NONLINEARITIES)
    _parts.check_option("normalization", normalization, ("batch", None))
    if mlp and constant_filters:
        raise ValueError("constant_filters: expected False for a perceptron (mlp=True); got True")
    norm = _parts.NORMALIZATIONS[normalization]
    inputs, x = _parts.latents_input(latent_dim, num_classes)
    halves = 2 if nonlinearity == "gated" else 1
    if mlp:
        for _ in range(4):
            x = layers.Dense(512 * halves, kernel_initializer="he_uniform")(x)
            x = _NONLINEARITIES[nonlinearity]()(norm()(x))
        x = layers.Reshape((size, size, channels))(layers.Dense(size * size * channels)(x))
        return keras.Model(inputs, _parts.output(x, "tanh"), name="robustness_generator")

    widths = _widths(size, filters)[::-1]
    if constant_filters:
        widths = [filters] * len(widths)
    stddev = None if constant_filters or nonlinearity == "gated" else 0.02
    x = layers.Dense(4 * 4 * widths[0] * halves, kernel_initializer=_dense_weights(stddev))(x)
    x = layers.Reshape((4, 4, widths[0] * halves))(x)
    x = _NONLINEARITIES[nonlinearity]()(norm()(x))
    for width in widths[1:]:
        x = _parts.conv_transpose(x, width * halves, 5, stddev=stddev)
        x = _NONLINEARITIES[nonlinearity]()(norm()(x))
    x = _parts.conv_transpose(x, channels, 5, stddev=stddev)
    return keras.Model(inputs, _parts.output(x, "tanh"), name="robustness_generator")


def critic(
    image_shape: tuple[int, int, int] = (64, 64, 3),
    num_classes: int | None = None,
    filters: int = 64,
    nonlinearity: Literal["relu", "leaky_relu", "tanh", "gated"] = "leaky_relu",
    normalization: Literal["batch", "layer"] | None = "layer",
) -> keras.Model:
    """Build a critic (discriminator): DCGAN's with 5x5 convolutions.

    Args:
        image_shape: (size, size, channels); size one of 32, 64, 128 (64 in the paper).
        num_classes: number of classes for a conditional critic, else `None`. The class enters by projection.
        filters: channels of the first layer; doubled towards 4x4.
        nonlinearity: after each hidden layer; `"gated"` as in `generator`.
        normalization: before each nonlinearity but the first: `"layer"`, as the study uses for WGAN-GP; `"batch"`,
            as it uses for the other objectives; or `None`.

    Returns:
        `keras.Model` from images, float32 [N, size, size, channels] (or the pair of images and labels, int32 [N]),
        to logits, float32 [N, 1].

    Raises:
        ValueError: if `image_shape` is not a square of one of the sizes, an option is none of the above, or a number
            is not a positive integer.
    """
    size, channels = _parts.check_square(image_shape, _SIZES)
    _parts.check_option("nonlinearity", nonlinearity, _NONLINEARITIES)
    _parts.check_option("normalization", normalization, _parts.NORMALIZATIONS)
    norm = _parts.NORMALIZATIONS[normalization]
    halves = 2 if nonlinearity == "gated" else 1
    stddev = None if nonlinearity == "gated" else 0.02
    images = keras.Input((size, size, channels), name="images")
    x = images
    for index, width in enumerate(_widths(size, filters)):
        x = _parts.conv(x, width * halves, 5, strides=2, stddev=stddev)
        x = _NONLINEARITIES[nonlinearity]()(norm()(x) if index else x)
    inputs, logits = _parts.logit(images, layers.Flatten()(x), num_classes, _dense_weights(stddev))
    return keras.Model(inputs, _parts.output(logits, "linear"), name="robustness_critic")


def _widths(size, filters):
    """Channels of the layers between the image and 4x4, from the image inwards."""
    validation.integer("filters", filters, 1)
    return [filters * 2**k for k in range((size // 4).bit_length() - 1)]


def _dense_weights(stddev):
    return "glorot_uniform" if stddev is None else _parts.uniform(stddev)


def _gate(x):
    """PixelCNN's multiplicative nonlinearity (van den Oord et al. 2016, arXiv:1606.05328): half the channels."""
    first, second = ops.split(x, 2, axis=-1)
    return ops.sigmoid(first) * ops.tanh(second)
