"""The networks of the WGAN-GP study's random architectures, at 32 pixels.

Gulrajani et al. 2017, "Improved training of Wasserstein GANs", arXiv:1704.00028, section 5.1 and table 1: DCGANs that
differ in nonlinearity, depth, batch norm and number of filters. The paper does not say how more than DCGAN's layers are
arranged, and its code is not public. Here `depth` convolutions form four groups of the same length, three of which
change the resolution by a transposed or strided 4x4 convolution; all others are 3x3. The critic mirrors the generator.

All layers have biases. Weights are uniform, with variance 4 / (fan_in + fan_out) in convolutions, as in the ResNets of
the authors' code, and Glorot's 2 / (fan_in + fan_out) in dense layers: with DCGAN's N(0, 0.02) the signal would vanish
in 20 narrow layers without batch norm. LeakyReLU has slope 0.2, batch norm momentum 0.9 and epsilon 1e-5.
"""

from typing import Literal

import keras
from keras import layers, ops

from kerasgan.networks import _parts
from kerasgan.utils import validation

_GROUPS = 4
_NONLINEARITIES = {
    "relu": layers.ReLU,
    "leaky_relu": lambda: layers.LeakyReLU(0.2),
    "softplus": lambda: _centred_softplus,
    "tanh": lambda: layers.Activation("tanh"),
}


def generator(
    image_shape: tuple[int, int, int] = (32, 32, 3),
    latent_dim: int = 128,
    num_classes: int | None = None,
    filters: int = 64,
    depth: int = 4,
    nonlinearity: Literal["relu", "leaky_relu", "softplus", "tanh"] = "relu",
    normalization: Literal["batch"] | None = "batch",
) -> keras.Model:
    """Build a generator of the set.

    A dense layer to 4x4 with 4 * filters channels, and `depth // 4` convolutions there; then three times
    `depth // 4 - 1` convolutions and one that doubles the resolution, to 2 * filters, `filters` and the image.

    Args:
        image_shape: (32, 32, channels).
        latent_dim: length of z.
        num_classes: number of classes for a conditional generator, else `None`. The class enters as a learned
            embedding appended to z.
        filters: channels before the last layer; 32, 64 or 128 in the paper.
        depth: number of convolutions, a multiple of 4; 4, 8, 12 or 20 in the paper.
        nonlinearity: after each hidden layer; `"softplus"` is softplus(2x + 2) / 2 - 1.
        normalization: `"batch"` or `None`, before each nonlinearity.

    Returns:
        `keras.Model` from z, float32 [N, latent_dim] (or the pair of z and labels, int32 [N]), to images,
        float32 [N, 32, 32, channels] in [-1, 1].

    Raises:
        ValueError: if `image_shape` is not (32, 32, channels), an option is none of the above, or a number is not a
            positive integer, or `depth` no multiple of 4.
    """
    _, channels = _parts.check_square(image_shape, (32,))
    activate = _activation(nonlinearity, normalization, ("batch", None))
    group = _group(depth)
    width = 4 * validation.integer("filters", filters, 1)
    inputs, x = _parts.latents_input(latent_dim, num_classes)
    x = activate(layers.Reshape((4, 4, width))(layers.Dense(4 * 4 * width)(x)))
    x = _convolutions(x, group, activate)
    for width in (2 * filters, filters):
        x = activate(_parts.conv_transpose(_convolutions(x, group - 1, activate), width, 4))
    x = _parts.conv_transpose(_convolutions(x, group - 1, activate), channels, 4)
    return keras.Model(inputs, _parts.output(x, "tanh"), name="random_generator")


def critic(
    image_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int | None = None,
    filters: int = 64,
    depth: int = 4,
    nonlinearity: Literal["relu", "leaky_relu", "softplus", "tanh"] = "leaky_relu",
    normalization: Literal["batch", "layer"] | None = "batch",
) -> keras.Model:
    """Build a critic of the set.

    Three times a convolution that halves the resolution, to `filters`, 2 * filters and 4 * filters channels, and
    `depth // 4 - 1` convolutions there; then `depth // 4` convolutions at 4x4, and a dense layer.

    Args:
        image_shape: (32, 32, channels).
        num_classes: number of classes for a conditional critic, else `None`. The class enters by projection.
        filters: channels of the first layer; 32, 64 or 128 in the paper.
        depth: number of convolutions, a multiple of 4; 4, 8, 12 or 20 in the paper.
        nonlinearity: after each convolution; `"softplus"` is softplus(2x + 2) / 2 - 1.
        normalization: before each nonlinearity but the first: `"batch"`, `"layer"` (which the study has in its place
            for WGAN-GP) or `None`.

    Returns:
        `keras.Model` from images, float32 [N, 32, 32, channels] (or the pair of images and labels, int32 [N]),
        to logits, float32 [N, 1].

    Raises:
        ValueError: if `image_shape` is not (32, 32, channels), an option is none of the above, or a number is not a
            positive integer, or `depth` no multiple of 4.
    """
    _, channels = _parts.check_square(image_shape, (32,))
    activate = _activation(nonlinearity, normalization, _parts.NORMALIZATIONS)
    group = _group(depth)
    validation.integer("filters", filters, 1)
    x = images = keras.Input((32, 32, channels), name="images")
    for width in (filters, 2 * filters, 4 * filters):
        x = _parts.conv(x, width, 4, strides=2)
        x = activate(x) if width > filters else _NONLINEARITIES[nonlinearity]()(x)
        x = _convolutions(x, group - 1, activate)
    x = _convolutions(x, group, activate)
    inputs, logits = _parts.logit(images, layers.Flatten()(x), num_classes)
    return keras.Model(inputs, _parts.output(logits, "linear"), name="random_critic")


def _group(depth):
    if validation.integer("depth", depth, _GROUPS) % _GROUPS:
        raise ValueError(f"depth: expected a multiple of {_GROUPS}; got {depth}")
    return depth // _GROUPS


def _convolutions(x, count, activate):
    """Return x after `count` 3x3 convolutions that keep its shape, each activated."""
    for _ in range(count):
        x = activate(_parts.conv(x, x.shape[-1], 3))
    return x


def _activation(nonlinearity, normalization, normalizations):
    """Return the function that normalizes a tensor and applies the nonlinearity, with new layers at each call."""
    _parts.check_option("nonlinearity", nonlinearity, _NONLINEARITIES)
    _parts.check_option("normalization", normalization, normalizations)
    norm = _parts.NORMALIZATIONS[normalization]
    return lambda x: _NONLINEARITIES[nonlinearity]()(norm()(x))


def _centred_softplus(x):
    """softplus(2x + 2) / 2 - 1, a smooth function close to max(x, -1)."""
    return ops.softplus(2.0 * x + 2.0) / 2.0 - 1.0
