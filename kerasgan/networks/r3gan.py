"""R3GAN's generator and critic, for square images whose size is a power of two from 16 up.

Huang, Gokaslan, Kuleshov and Tompkin 2024, "The GAN is dead; long live the GAN! A modern GAN baseline",
arXiv:2501.05441, section 4. Residual blocks of 1x1, grouped 3x3 and 1x1 convolutions, whose last weights start at 0, so
that a block starts as the identity; no normalization; leaky ReLU of slope 0.2. Weights start from
N(0, gain^2 / fan_in): in blocks the gain is sqrt(2 / (1 + 0.2^2)) L^(-1/4) with L blocks in the network (Fixup, Zhang
et al. 2019, arXiv:1901.09321), elsewhere 1. Sizes change by the smoothing kernel [1, 3, 3, 1].
"""

import math

import keras
from keras import layers

from kerasgan.layers import Add, Downsampling, GroupedConv2D, PlaceWeights, Upsampling
from kerasgan.networks import _parts
from kerasgan.utils import validation
from kerasgan.utils.messages import quoted

_SLOPE = 0.2
_WIDEST = 768
_A_GROUP = 8  # channels of a stage for each group
_SIZES = tuple(2**k for k in range(4, 13))


def generator(
    image_shape: tuple[int, int, int] = (32, 32, 3),
    latent_dim: int = 64,
    num_classes: int | None = None,
    widths: list[int] | None = None,
    blocks: list[int] | int = 2,
    groups: list[int] | None = None,
    expansion: int = 2,
    embedding_dim: int = 64,
) -> keras.Model:
    """Build the generator.

    A learned image of 4x4 places for each channel, times a linear map of z; then residual blocks, with the size doubled
    between the stages, and a 1x1 convolution to the image, without a last activation. The defaults at 32 pixels are the
    paper's for CIFAR-10: 20,732,160 trainable parameters, 20,781,952 with 10 classes.

    Args:
        image_shape: (size, size, channels); size a power of two from 16 up.
        latent_dim: length of z.
        num_classes: number of classes for a conditional generator, else `None`. The class enters as a learned
            embedding appended to z.
        widths: channels of the stages at 4x4, 8x8, ... up to the image's size; by default the paper's, 768 up to 32x32
            and half as many at each further size.
        blocks: residual blocks of each stage, in the same order, or one number for all.
        groups: groups of the 3x3 convolutions of each stage, in the same order; each divides the stage's channels
            times `expansion`. By default one for every 8 channels.
        expansion: channels inside a block for each of the stage's.
        embedding_dim: length of the class embedding.

    Returns:
        `keras.Model` from z, float32 [N, latent_dim] (or the pair of z and labels, int32 [N]), to images, float32
        [N, size, size, channels], which may leave [-1, 1].

    Raises:
        ValueError: if an argument is none of the above.
    """
    channels, stages = _stages(image_shape, widths, blocks, groups, expansion)
    depth = sum(count for _, count, _ in stages)
    z = inputs = keras.Input((validation.integer("latent_dim", latent_dim, 1),), name="latents")
    if num_classes is not None:
        labels = _parts.labels_input(num_classes)
        embedding = _embedding(num_classes, embedding_dim, 1.0, "class_embedding")(labels)
        z, inputs = layers.Concatenate()([z, embedding]), [z, labels]
    x = layers.Dense(stages[0][0], use_bias=False, kernel_initializer=_weights(z.shape[-1]), name="dense")(z)
    x = PlaceWeights((4, 4), name="basis")(layers.Reshape((1, 1, stages[0][0]))(x))
    for stage, (width, count, cardinality) in enumerate(stages):
        if stage:
            if width != x.shape[-1]:
                x = _conv(x, width, name=f"stage_{stage}_width")
            x = Upsampling(name=f"stage_{stage}_up")(x)
        for block in range(count):
            x = _block(x, cardinality, expansion, depth, f"stage_{stage}_block_{block}")
    x = _conv(x, channels, name="image")
    return keras.Model(inputs, _parts.output(x, "linear"), name="r3gan_generator")


def critic(
    image_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int | None = None,
    widths: list[int] | None = None,
    blocks: list[int] | int = 2,
    groups: list[int] | None = None,
    expansion: int = 2,
    embedding_dim: int | None = None,
) -> keras.Model:
    """Build the critic (discriminator), the generator's mirror image.

    The defaults at 32 pixels are the paper's for CIFAR-10: 20,683,776 trainable parameters, 21,280,512 with 10 classes.

    Args:
        image_shape: (size, size, channels); size a power of two from 16 up.
        num_classes: number of classes for a conditional critic, else `None`. The logit is then the inner product of the
            features and a class embedding.
        widths: channels of the stages at 4x4, 8x8, ... up to the image's size, as the generator has them.
        blocks: see `generator`; in the same order.
        groups: see `generator`; in the same order.
        expansion: see `generator`.
        embedding_dim: length of features and class embedding of a conditional critic; the channels at the image's size
            by default, as in the paper.

    Returns:
        `keras.Model` from images, float32 [N, size, size, channels] (or the pair of images and labels, int32 [N]), to
        logits, float32 [N, 1].

    Raises:
        ValueError: if an argument is none of the above.
    """
    channels, stages = _stages(image_shape, widths, blocks, groups, expansion)
    depth = sum(count for _, count, _ in stages)
    size = 2 ** (len(stages) + 1)
    images = inputs = keras.Input((size, size, channels), name="images")
    x = _conv(images, stages[-1][0], name="channels")
    for stage, (width, count, cardinality) in reversed(list(enumerate(stages))):
        if stage < len(stages) - 1:
            x = Downsampling(name=f"stage_{stage}_down")(x)
            if width != x.shape[-1]:
                x = _conv(x, width, name=f"stage_{stage}_width")
        for block in range(count):
            x = _block(x, cardinality, expansion, depth, f"stage_{stage}_block_{block}")
    x = layers.DepthwiseConv2D(4, use_bias=False, depthwise_initializer=_weights(16), name="basis")(x)
    x = layers.Flatten()(x)
    outputs = 1
    if num_classes is not None:
        outputs = stages[-1][0] if embedding_dim is None else validation.integer("embedding_dim", embedding_dim, 1)
    x = layers.Dense(outputs, use_bias=False, kernel_initializer=_weights(x.shape[-1]), name="dense")(x)
    if num_classes is not None:
        labels = _parts.labels_input(num_classes)
        embedding = _embedding(num_classes, outputs, outputs**-0.5, "class_embedding")(labels)
        x, inputs = layers.Dot(axes=1)([x, embedding]), [images, labels]
    return keras.Model(inputs, _parts.output(x, "linear"), name="r3gan_critic")


def _stages(image_shape, widths, blocks, groups, expansion):
    """Return the image's channels and the stages from 4x4 up: lists of (channels, blocks, groups)."""
    size, channels = _parts.check_square(image_shape, _SIZES)
    count = size.bit_length() - 2
    if widths is None:
        widths = [max(_WIDEST // 2 ** max(0, k - 3), 1) for k in range(count)]
    _check_numbers("widths", widths, size)
    if isinstance(blocks, int):
        blocks = [blocks] * count
    _check_numbers("blocks", blocks, size)
    if groups is None:
        groups = [max(width // _A_GROUP, 1) for width in widths]
    _check_numbers("groups", groups, size)
    validation.integer("expansion", expansion, 1)
    for width, cardinality in zip(widths, groups):
        if width * expansion % cardinality:
            raise ValueError(
                f"groups: expected divisors of the channels times expansion={expansion}, {width * expansion}; got "
                f"{cardinality}"
            )
    return channels, list(zip(widths, blocks, groups))


def _check_numbers(name, given, size):
    """Raise `ValueError` unless there is a positive integer for each stage."""
    count = size.bit_length() - 2
    if not isinstance(given, (list, tuple)) or len(given) != count:
        raise ValueError(
            f"{name}: expected {count} numbers for images of {size} pixels, at 4x4, 8x8, ... up to {size}x{size}; got "
            f"{quoted(given)}"
        )
    for number in given:
        validation.integer(name, number, 1)


def _block(x, groups, expansion, depth, name):
    """Add a residual block to x [N, H, W, C]."""
    width, inner = x.shape[-1], x.shape[-1] * expansion
    gain = math.sqrt(2 / (1 + _SLOPE**2)) * depth**-0.25
    y = _conv(x, inner, gain, use_bias=True, name=f"{name}_conv_1")
    fan_in = 9 * inner // groups
    y = GroupedConv2D(
        inner, 3, groups=groups, padding="same", kernel_initializer=_weights(fan_in, gain), name=f"{name}_conv_2"
    )(layers.LeakyReLU(_SLOPE)(y))
    y = _conv(layers.LeakyReLU(_SLOPE)(y), width, 0.0, name=f"{name}_conv_3")
    return Add()([x, y])


def _conv(x, filters, gain=1.0, use_bias=False, name=None):
    """A 1x1 convolution; its bias is the one that the paper puts before a leaky ReLU."""
    weights = _weights(x.shape[-1], gain)
    return layers.Conv2D(filters, 1, use_bias=use_bias, kernel_initializer=weights, name=name)(x)


def _embedding(num_classes, dim, gain, name):
    """A linear map of one-hot classes, whose fan-in is the number of classes."""
    validation.integer("embedding_dim", dim, 1)
    return layers.Embedding(num_classes, dim, embeddings_initializer=_weights(num_classes, gain), name=name)


def _weights(fan_in, gain=1.0):
    return keras.initializers.RandomNormal(stddev=gain / math.sqrt(fan_in))
