"""BigGAN-deep's generator and critic for square images of 32 to 512 pixels.

Brock, Donahue and Simonyan 2019, "Large scale GAN training for high fidelity natural image synthesis",
arXiv:1809.11096, appendix B, tables 7 to 9. Two bottleneck blocks a size, whose shortcuts keep the features as they
are: the generator drops channels, the critic appends some. Normalization and initial weights are as in `biggan`.
"""

from typing import Literal

import keras
from keras import layers

from kerasgan.layers import Add, SelfAttention, StoredBatchNormalization
from kerasgan.networks import _parts
from kerasgan.networks.biggan import batch_norm, conv, dense, modulated, projection, sum_over_places
from kerasgan.utils import validation

_GENERATOR_WIDTHS = {  # in units of `filters`, from 4x4 outwards; every second block doubles the size
    32: (4,) * 7,
    64: (16, 16, 16, 16, 8, 8, 4, 4, 2),
    128: (16, 16, 16, 16, 8, 8, 4, 4, 2, 2, 1),
    256: (16, 16, 16, 16, 8, 8, 8, 8, 4, 4, 2, 2, 1),
    512: (16, 16, 16, 16, 8, 8, 8, 8, 4, 4, 2, 2, 1, 1, 1),
}
_CRITIC_WIDTHS = {  # from the image inwards; the first, and then every second, block halves the size
    32: (2,) * 7,
    64: (2, 4, 4, 8, 8, 16, 16, 16, 16),
    128: (1, 2, 2, 4, 4, 8, 8, 16, 16, 16, 16),
    256: (1, 2, 2, 4, 4, 8, 8, 8, 8, 16, 16, 16, 16),
    512: (1, 1, 1, 2, 2, 4, 4, 8, 8, 8, 8, 16, 16, 16, 16),
}


def generator(
    image_shape: tuple[int, int, int] = (128, 128, 3),
    latent_dim: int = 128,
    num_classes: int | None = 1000,
    filters: int = 128,
    shared_dim: int = 128,
    attention_size: int | list[int] | Literal["auto"] | None = "auto",
    epsilon: float = 1e-5,
    spectral_epsilon: float = 1e-12,
    image_filters: int | None = None,
    thresholds: int | None = None,
) -> keras.Model:
    """Build the generator.

    z, joined with the shared class embedding, is the condition of every batch norm and makes the 4x4 features. At 128
    pixels with 1,000 classes and the defaults it has 50,244,484 trainable parameters.

    Args:
        image_shape: (size, size, channels); size one of 32, 64, 128, 256, 512.
        latent_dim: length of z.
        num_classes: number of classes, or `None` for an unconditional generator.
        filters: channels of the widest image; 128 in the paper.
        shared_dim: length of the shared class embedding.
        attention_size: size of the image that self-attention is applied to, or a list of sizes; `None` for none, and
            "auto" for 64 where a block makes that size.
        epsilon: of batch norm.
        spectral_epsilon: of spectral normalization.
        image_filters: channels of the last convolution, of which the image is the first; those of the image where
            `None`. The published weights have 128.
        thresholds: `None`, or the number of truncation thresholds from 0 to 1 for each of which batch norm has stored
            statistics. Such a generator takes the threshold as its last input and is for sampling alone. The published
            weights have 51.

    Returns:
        `keras.Model` from z, float32 [N, latent_dim] (or the list of z and labels, int32 [N], and thresholds, float32
        [N]), to images, float32 [N, size, size, channels] in [-1, 1].

    Raises:
        ValueError: if `image_shape` is not a square of one of the sizes, a number is not a positive integer, or no
            block has `attention_size`.
    """
    size, channels = _parts.check_square(image_shape, _GENERATOR_WIDTHS)
    validation.positive("epsilon", epsilon)
    validation.positive("spectral_epsilon", spectral_epsilon)
    widths = [validation.integer("filters", filters, 1) * width for width in _GENERATOR_WIDTHS[size]]
    image_filters = validation.integer("image_filters", channels if image_filters is None else image_filters, channels)
    sizes = [8 * 2**index for index in range(len(widths) // 2)]
    attended, attentions = _parts.attention_sizes(attention_size, sizes), _parts.attention_names()
    inputs, latents, embedding = _parts.shared_embedding(latent_dim, num_classes, shared_dim)
    condition = latents if embedding is None else layers.Concatenate()([latents, embedding])
    truncation = []
    if thresholds is not None:
        truncation = [keras.Input((), name="truncation")]
        inputs = [*(inputs if isinstance(inputs, list) else [inputs]), *truncation]

    x = dense(4 * 4 * widths[0], spectral_epsilon, name="dense")(condition)
    x = layers.Reshape((4, 4, widths[0]))(x)
    for index, width in enumerate(widths[1:]):
        up = index % 2 == 1
        x = _up_block(x, [condition, *truncation], width, up, epsilon, spectral_epsilon, f"block_{index}", thresholds)
        if up and x.shape[1] in attended:
            x = SelfAttention(epsilon=spectral_epsilon, name=next(attentions))(x)
    if thresholds is None:
        x = batch_norm(epsilon, name="last_norm")(x)
    else:
        x = StoredBatchNormalization(thresholds, epsilon, affine=True, name="last_norm")([x, *truncation])
    x = layers.ReLU()(x)
    x = conv(image_filters, 3, spectral_epsilon, name="image")(x)[..., :channels]
    return keras.Model(inputs, _parts.output(x, "tanh"), name="biggan_deep_generator")


def critic(
    image_shape: tuple[int, int, int] = (128, 128, 3),
    num_classes: int | None = 1000,
    filters: int = 128,
    attention_size: int | list[int] | Literal["auto"] | None = "auto",
    spectral_epsilon: float = 1e-12,
) -> keras.Model:
    """Build the critic, with projection of the classes (Miyato and Koyama 2018, arXiv:1802.05637).

    Features are summed over places. At 128 pixels with 1,000 classes and the defaults it has 34,590,210 trainable
    parameters.

    Args:
        image_shape: (size, size, channels); size one of 32, 64, 128, 256, 512.
        num_classes: number of classes, or `None` for an unconditional critic.
        filters: channels of the first convolution (half of them at 32 and 64 pixels); 128 in the paper.
        attention_size: size of the features that self-attention is applied to, or a list of sizes; `None` for none, and
            "auto" for 64 where a block has that size.
        spectral_epsilon: of spectral normalization.

    Returns:
        `keras.Model` from images, float32 [N, size, size, channels] (or the pair of images and labels,
        int32 [N]), to logits, float32 [N, 1].

    Raises:
        ValueError: if `image_shape` is not a square of one of the sizes, a number is not a positive integer, or no
            block has `attention_size`.
    """
    size, channels = _parts.check_square(image_shape, _CRITIC_WIDTHS)
    validation.positive("spectral_epsilon", spectral_epsilon)
    widths = [validation.integer("filters", filters, 1) * width for width in _CRITIC_WIDTHS[size]]
    sizes = [size // 2 ** (index + 1) for index in range(len(widths) // 2)]
    attended, attentions = _parts.attention_sizes(attention_size, sizes), _parts.attention_names()
    images = keras.Input((size, size, channels), name="images")
    x = conv(widths[0], 3, spectral_epsilon, name="first")(images)
    for index, width in enumerate(widths[1:]):
        x = _down_block(x, width, index % 2 == 0, spectral_epsilon, f"block_{index}")
        if index % 2 == 1 and x.shape[1] in attended:
            x = SelfAttention(epsilon=spectral_epsilon, name=next(attentions))(x)
    features = sum_over_places(layers.ReLU()(x))
    return projection(images, features, num_classes, spectral_epsilon, "biggan_deep_critic")


def _up_block(x, conditions, filters, up, epsilon, spectral_epsilon, name, thresholds):
    """Four normalized convolutions, 1x1, 3x3, 3x3, 1x1, in a quarter of the channels; the shortcut drops channels."""
    middle = x.shape[-1] // 4
    shortcut = x[..., :filters]
    plan = ((middle, 1, False), (middle, 3, up), (middle, 3, False), (filters, 1, False))
    for index, (width, kernel_size, upsample) in enumerate(plan):
        norm = modulated(epsilon, spectral_epsilon, f"{name}_norm_{index}", thresholds)
        x = layers.ReLU()(norm([x, *conditions]))
        x = layers.UpSampling2D()(x) if upsample else x
        x = conv(width, kernel_size, spectral_epsilon, name=f"{name}_conv_{index}")(x)
    return Add()([x, layers.UpSampling2D()(shortcut) if up else shortcut])


def _down_block(x, filters, down, spectral_epsilon, name):
    """The same without normalization, pooled before the last convolution; the shortcut appends channels."""
    middle = filters // 4
    shortcut = layers.AveragePooling2D(2)(x) if down else x
    if x.shape[-1] < filters:
        more = conv(filters - x.shape[-1], 1, spectral_epsilon, name=f"{name}_shortcut")(shortcut)
        shortcut = layers.Concatenate()([shortcut, more])
    plan = ((middle, 1, False), (middle, 3, False), (middle, 3, False), (filters, 1, down))
    for index, (width, kernel_size, pool) in enumerate(plan):
        x = layers.ReLU()(x)
        x = layers.AveragePooling2D(2)(x) if pool else x
        x = conv(width, kernel_size, spectral_epsilon, name=f"{name}_conv_{index}")(x)
    return Add()([x, shortcut])
