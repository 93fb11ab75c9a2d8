"""FastGAN's generator, for images of any size from 8 pixels, in the form of Projected GAN.

Liu, Zhu, Song and Elgammal 2021, "Towards faster and stabilized GAN training for high-fidelity few-shot image
synthesis", arXiv:2101.04775, as Sauer et al. 2021, arXiv:2111.01007, use it (autonomousvision/projected-gan): z is
scaled to the unit second moment, a spectrally normalized convolution follows each doubling of the size, and large
feature maps are weighed, channel by channel, by small ones (skip-layer excitation). There is no tanh at the end;
images are clipped to [-1, 1] where they leave the model.
"""

import keras
from keras import layers, ops

from kerasgan.layers import ModulatedBatchNormalization, NoiseInjection, SpectralNormalization
from kerasgan.networks import _parts
from kerasgan.utils import validation
from kerasgan.utils.messages import quoted

_WIDTHS = (16, 8, 4, 2, 2, 1, 1 / 2, 1 / 4, 1 / 8)  # in units of `filters`, of maps of 4, 8, ..., 1,024 pixels
_EXCITED_BY = {4: 0, 5: 1, 6: 2, 7: 3}  # numbers of doublings: maps of 64 pixels by those of 4, 128 by 8, and so on
_SMALLEST, _LARGEST = 8, 7 * 2 ** (len(_WIDTHS) - 1)


def generator(
    image_shape: tuple[int, int, int] = (256, 256, 3),
    latent_dim: int = 256,
    num_classes: int | None = None,
    filters: int = 128,
    lite: bool = False,
    epsilon: float = 1e-5,
) -> keras.Model:
    """Build the generator.

    The first feature map is 4 pixels wide where the size is a power of two; other sizes begin with 4 to 7 pixels a
    side, and what is over after the last doubling is cut off around the image: 28 is 7 doubled twice, 100 is the
    middle of 112. z is a direction, since it is scaled: truncation changes little.

    Args:
        image_shape: (height, width, channels), each side at least 8 pixels and the shorter at most 1,792.
        latent_dim: length of z.
        num_classes: number of classes, whose embedding, of `latent_dim` numbers, modulates batch norm; or `None`.
        filters: a sixteenth of the channels of the first map; the reference has 128, and 64 with classes.
        lite: whether a block is one convolution without noise, instead of two with noise.
        epsilon: of batch norm.

    Returns:
        `keras.Model` from z, float32 [N, latent_dim] (or the pair of z and labels, int32 [N]), to images,
        float32 [N, height, width, channels], not bounded.

    Raises:
        ValueError: if a number is not a positive integer, or the images are smaller or larger.
    """
    (rows, columns), doublings, channels = _start(image_shape)
    validation.integer("filters", filters, 1)
    validation.positive("epsilon", epsilon)
    widths = [max(1, int(filters * width)) for width in _WIDTHS]
    inputs, z, embedding = _inputs(latent_dim, num_classes)

    def norm(x, name):
        if embedding is None:
            layer = _parts.synchronized(momentum=0.9, epsilon=epsilon, name=name)
            return ops.glu(layer(x))
        layer = ModulatedBatchNormalization(epsilon=epsilon, use_bias=True, kernel_initializer=uniform(), name=name)
        return ops.glu(layer([x, embedding]))

    x = layers.Reshape((1, 1, latent_dim))(z * ops.rsqrt(ops.mean(ops.square(z), axis=-1, keepdims=True) + 1e-8))
    first = layers.Conv2DTranspose(2 * widths[0], (rows, columns), use_bias=False, kernel_initializer=uniform())
    x = SpectralNormalization(first, name="first")(x)
    x = ops.glu(_parts.synchronized(momentum=0.9, epsilon=epsilon, name="first_norm")(x))
    maps = [x]
    for level in range(1, doublings + 1):
        x = layers.UpSampling2D()(x)
        for part in ("a",) if lite else ("a", "b"):
            name = f"block_{level}{part}"
            x = conv(2 * widths[level], 3, name, use_bias=False)(x)
            x = x if lite else NoiseInjection(name=f"{name}_noise")(x)
            x = norm(x, f"{name}_norm")
        if level in _EXCITED_BY:
            x = layers.Multiply()([x, _excitation(maps[_EXCITED_BY[level]], widths[level], f"excitation_{level}")])
        maps.append(x)
    x = conv(channels, 3, "image")(x)
    over = [made - wanted for made, wanted in zip(x.shape[1:3], image_shape)]
    if any(over):
        x = layers.Cropping2D([(pixels // 2, pixels - pixels // 2) for pixels in over])(x)
    return keras.Model(inputs, _parts.output(x, "linear"), name="fastgan_generator")


# What the projected critic shares


def uniform() -> keras.initializers.Initializer:
    """Return PyTorch's first weights: uniform with variance 1 / (3 fan-in)."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def conv(
    filters: int, kernel_size: int, name: str, strides: int = 1, padding: str = "same", use_bias: bool = True
) -> SpectralNormalization:
    """Return a spectrally normalized convolution."""
    layer = layers.Conv2D(filters, kernel_size, strides, padding, use_bias=use_bias, kernel_initializer=uniform())
    return SpectralNormalization(layer, name=name)


def _start(image_shape):
    """((rows, columns) of the first map, doublings, channels) for an image shape; raises `ValueError`."""
    _parts.check_channels_last()
    shape = _parts.whole_numbers(image_shape, 3)
    if shape is None or min(shape[:2]) < _SMALLEST or min(shape[:2]) > _LARGEST:
        raise ValueError(
            f"image_shape: expected (height, width, channels) of at least {_SMALLEST} pixels a side, the shorter at "
            f"most {_LARGEST:,}; got {quoted(image_shape)}"
        )
    doublings = next(count for count in range(1, len(_WIDTHS)) if min(shape[:2]) <= 7 * 2**count)
    return [-(-side // 2**doublings) for side in shape[:2]], doublings, shape[2]


def _inputs(latent_dim, num_classes):
    """(inputs, z, class embedding); the embedding is `None` without classes."""
    z = keras.Input((validation.integer("latent_dim", latent_dim, 1),), name="latents")
    if num_classes is None:
        return z, z, None
    labels = _parts.labels_input(num_classes)
    normal = keras.initializers.RandomNormal(stddev=1.0)
    return [z, labels], z, layers.Embedding(num_classes, latent_dim, normal, name="class_embedding")(labels)


def _excitation(small, channels, name):
    """Weights in (0, 1) of the channels of a large map [N, 1, 1, channels], from a small map."""
    x = layers.AdaptiveAveragePooling2D(4)(small)
    x = conv(channels, 4, f"{name}_a", padding="valid", use_bias=False)(x)
    x = conv(channels, 1, f"{name}_b", use_bias=False)(layers.Activation("silu")(x))
    return layers.Activation("sigmoid")(x)
