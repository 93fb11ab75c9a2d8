"""The 101-layer residual networks at 64 pixels of the WGAN-GP study's set of architectures.

Gulrajani et al. 2017, "Improved training of Wasserstein GANs", arXiv:1704.00028, section 5.2 and figure 2. As in the
authors' code: bottleneck blocks of 1x1, 3x3 and 1x1 convolutions, a ReLU before each, one normalization after the
last, and the residual branch times 0.3; weights are uniform, with variance 4 / (fan_in + fan_out) in residual branches
and Glorot's 2 / (fan_in + fan_out) elsewhere. Moving statistics of batch norm, which the authors do not keep, have
momentum 0.9.
"""

from typing import Literal

import keras
from keras import layers, ops

from kerasgan.networks import _parts
from kerasgan.utils import validation


def generator(
    image_shape: tuple[int, int, int] = (64, 64, 3),
    latent_dim: int = 128,
    num_classes: int | None = None,
    filters: int = 64,
    blocks: int = 6,
) -> keras.Model:
    """Build the generator: five stages at 4x4 to 64x64 with `8 * filters` to `filters // 2` channels, batch norm.

    Args:
        image_shape: (64, 64, channels).
        latent_dim: length of z.
        num_classes: number of classes for a conditional generator, else `None`. The class enters as a learned
            embedding appended to z.
        filters: channels at 32x32; a multiple of 4.
        blocks: residual blocks at each size, besides those that change the size; one fewer at 64x64. The network
            has 15 * blocks + 11 layers: 101 with 6.

    Returns:
        `keras.Model` from z, float32 [N, latent_dim] (or the pair of z and labels, int32 [N]), to images,
        float32 [N, 64, 64, channels] in [-1, 1].

    Raises:
        ValueError: if `image_shape` is not (64, 64, channels), `filters` is not a multiple of 4, or a number is not
            a positive integer.
    """
    _, channels = _parts.check_square(image_shape, (64,))
    widths = _widths(filters, blocks)[::-1]
    inputs, x = _parts.latents_input(latent_dim, num_classes)
    x = layers.Reshape((4, 4, widths[0]))(layers.Dense(4 * 4 * widths[0])(x))
    for stage, width in enumerate(widths):
        if stage:
            x = _block(x, width, _parts.batch_norm, "up")
        for _ in range(blocks if stage < 4 else blocks - 1):
            x = _block(x, width, _parts.batch_norm)
    x = layers.Rescaling(1 / 5)(_parts.conv(x, channels, 1, he=False))
    return keras.Model(inputs, _parts.output(x, "tanh"), name="resnet_bottleneck_generator")


def critic(
    image_shape: tuple[int, int, int] = (64, 64, 3),
    num_classes: int | None = None,
    filters: int = 64,
    blocks: int = 6,
    normalization: Literal["batch", "layer"] | None = "layer",
) -> keras.Model:
    """Build the critic (discriminator), the generator's mirror image.

    Args:
        image_shape: (64, 64, channels).
        num_classes: number of classes for a conditional critic, else `None`. The class enters by projection.
        filters: channels at 32x32; a multiple of 4.
        blocks: residual blocks at each size, besides those that change the size; one fewer at 64x64. The network
            has 15 * blocks + 11 layers: 101 with 6.
        normalization: `"layer"`, as the study uses for WGAN-GP; `"batch"`, as it uses for the other objectives; or
            `None`.

    Returns:
        `keras.Model` from images, float32 [N, 64, 64, channels] (or the pair of images and labels, int32 [N]), to
        logits, float32 [N, 1].

    Raises:
        ValueError: if `image_shape` is not (64, 64, channels), `filters` is not a multiple of 4, a number is not a
            positive integer, or `normalization` is none of the above.
    """
    _, channels = _parts.check_square(image_shape, (64,))
    _parts.check_option("normalization", normalization, _parts.NORMALIZATIONS)
    norm = _parts.NORMALIZATIONS[normalization]
    widths = _widths(filters, blocks)
    images = keras.Input((64, 64, channels), name="images")
    x = _parts.conv(images, widths[0], 1, he=False)
    for stage, width in enumerate(widths):
        if stage:
            x = _block(x, width, norm, "down")
        for _ in range(blocks if stage else blocks - 1):
            x = _block(x, width, norm)
    inputs, logits = _parts.logit(images, layers.Flatten()(x), num_classes)
    logits = layers.Rescaling(1 / 5)(logits)
    return keras.Model(inputs, _parts.output(logits, "linear"), name="resnet_bottleneck_critic")


def _widths(filters, blocks):
    """Channels of the stages, from 64x64 to 4x4."""
    validation.integer("blocks", blocks, 1)
    if validation.integer("filters", filters, 4) % 4:
        raise ValueError(f"filters: expected a multiple of 4; got {filters}")
    return [filters // 2, filters, 2 * filters, 4 * filters, 8 * filters]


def _block(x, width, norm, resample=None):
    """A bottleneck block; `resample` is "up", "down" or `None`."""
    shortcut = x
    if resample == "down":
        shortcut = _parts.conv(x, width, 1, strides=2, he=False)
    elif resample == "up":
        shortcut = ops.depth_to_space(_parts.conv(x, 4 * width, 1, he=False), 2)
    x = layers.ReLU()(_parts.conv(layers.ReLU()(x), x.shape[-1] // 2, 1))
    if resample == "up":
        x = _parts.conv_transpose(x, width // 2, 3)
    else:
        x = _parts.conv(x, width // 2, 3, strides=2 if resample == "down" else 1)
    x = norm()(_parts.conv(layers.ReLU()(x), width, 1, use_bias=False))
    return layers.Add()([shortcut, layers.Rescaling(0.3)(x)])
