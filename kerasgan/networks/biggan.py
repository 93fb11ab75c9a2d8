"""BigGAN's generator and critic for square images of 32 to 512 pixels.

Brock, Donahue and Simonyan 2019, "Large scale GAN training for high fidelity natural image synthesis",
arXiv:1809.11096, appendix B, tables 4 to 6, with the widths of the authors' second implementation
(ajbrock/BigGAN-PyTorch) where google/compare_gan differs: the critic at 32 and 64 pixels, and its last block, which
has an identity shortcut. Weights start orthogonal; every convolution and dense layer, and the critic's class
embedding, is spectrally normalized, the generator's shared class embedding is not.
"""

from typing import Literal

import keras
from keras import layers

from kerasgan.layers import Add, ModulatedBatchNormalization, SelfAttention, SpectralNormalization
from kerasgan.networks import _parts
from kerasgan.utils import validation
from kerasgan.utils.tensors import Tensor

_GENERATOR_WIDTHS = {  # in units of `filters`, from 4x4 outwards
    32: (4, 4, 4, 4),
    64: (16, 16, 8, 4, 2),
    128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1),
    512: (16, 16, 8, 8, 4, 2, 1, 1),
}
_CRITIC_WIDTHS = {  # the output of each block, from the image inwards
    32: (4, 4, 4, 4),
    64: (1, 2, 4, 8, 16),
    128: (1, 2, 4, 8, 16, 16),
    256: (1, 2, 4, 8, 8, 16, 16),
    512: (1, 1, 2, 4, 8, 8, 16, 16),
}


def generator(
    image_shape: tuple[int, int, int] = (128, 128, 3),
    latent_dim: int = 120,
    num_classes: int | None = 1000,
    filters: int = 96,
    shared_dim: int = 128,
    attention_size: int | list[int] | Literal["auto"] | None = "auto",
    epsilon: float = 1e-5,
    spectral_epsilon: float = 1e-12,
) -> keras.Model:
    """Build the generator.

    z is split into equal chunks, the first for the 4x4 features and one for each block, where it joins the shared
    class embedding as the condition of batch norm. At 128 pixels with 1,000 classes and the defaults it has 70,433,988
    trainable parameters.

    Args:
        image_shape: (size, size, channels); size one of 32, 64, 128, 256, 512.
        latent_dim: length of z, a multiple of the number of chunks: 4 at 32 pixels, 5 at 64, and so on to 8 at 512.
        num_classes: number of classes, or `None` for an unconditional generator, which its chunks of z alone modulate.
        filters: channels of the widest image; 96 in the paper.
        shared_dim: length of the shared class embedding.
        attention_size: size of the image that self-attention is applied to, or a list of sizes; `None` for none, and
            "auto" for 64 where a block makes that size.
        epsilon: of batch norm.
        spectral_epsilon: of spectral normalization.

    Returns:
        `keras.Model` from z, float32 [N, latent_dim] (or the pair of z and labels, int32 [N]), to images,
        float32 [N, size, size, channels] in [-1, 1].

    Raises:
        ValueError: if `image_shape` is not a square of one of the sizes, `latent_dim` no multiple of the chunks, or no
            block has `attention_size`.
    """
    size, channels = _parts.check_square(image_shape, _GENERATOR_WIDTHS)
    validation.positive("epsilon", epsilon)
    validation.positive("spectral_epsilon", spectral_epsilon)
    widths = [validation.integer("filters", filters, 1) * width for width in _GENERATOR_WIDTHS[size]]
    blocks = len(widths) - 1
    if validation.integer("latent_dim", latent_dim, 1) % (blocks + 1):
        raise ValueError(f"latent_dim: expected a multiple of {blocks + 1} at {size} pixels; got {latent_dim}")
    sizes = [8 * 2**index for index in range(blocks)]
    attended, attentions = _parts.attention_sizes(attention_size, sizes), _parts.attention_names()
    inputs, latents, embedding = _parts.shared_embedding(latent_dim, num_classes, shared_dim)
    chunk = latent_dim // (blocks + 1)

    x = dense(4 * 4 * widths[0], spectral_epsilon, name="dense")(latents[:, :chunk])
    x = layers.Reshape((4, 4, widths[0]))(x)
    for index, width in enumerate(widths[1:]):
        condition = latents[:, chunk * (index + 1) : chunk * (index + 2)]
        if embedding is not None:
            condition = layers.Concatenate()([embedding, condition])
        x = _up_block(x, condition, width, epsilon, spectral_epsilon, f"block_{index}")
        if sizes[index] in attended:
            x = SelfAttention(epsilon=spectral_epsilon, name=next(attentions))(x)
    x = layers.ReLU()(batch_norm(epsilon, name="last_norm")(x))
    x = conv(channels, 3, spectral_epsilon, name="image")(x)
    return keras.Model(inputs, _parts.output(x, "tanh"), name="biggan_generator")


def critic(
    image_shape: tuple[int, int, int] = (128, 128, 3),
    num_classes: int | None = 1000,
    filters: int = 96,
    attention_size: int | list[int] | Literal["auto"] | None = "auto",
    spectral_epsilon: float = 1e-12,
) -> keras.Model:
    """Build the critic, with projection of the classes (Miyato and Koyama 2018, arXiv:1802.05637).

    Features are summed over places. At 128 pixels with 1,000 classes and the defaults it has 87,982,370 trainable
    parameters.

    Args:
        image_shape: (size, size, channels); size one of 32, 64, 128, 256, 512.
        num_classes: number of classes, or `None` for an unconditional critic.
        filters: channels of the first block (a quarter of them all at 32 pixels); 96 in the paper.
        attention_size: size of the features after each block of which self-attention comes, or a list of sizes; `None`
            for none, and "auto" for 64 where a block has that size.
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
    validation.integer("filters", filters, 1)
    widths = _CRITIC_WIDTHS[size]
    halvings = 2 if size == 32 else len(widths) - 1
    sizes = [size // 2 ** min(index + 1, halvings) for index in range(len(widths))]
    attended, attentions = _parts.attention_sizes(attention_size, sizes), _parts.attention_names()
    x = images = keras.Input((size, size, channels), name="images")
    for index, width in enumerate(widths):
        x = _down_block(x, filters * width, index < halvings, index == 0, spectral_epsilon, f"block_{index}")
        if sizes[index] in attended:
            x = SelfAttention(epsilon=spectral_epsilon, name=next(attentions))(x)
    features = sum_over_places(layers.ReLU()(x))
    return projection(images, features, num_classes, spectral_epsilon, "biggan_critic")


def _up_block(x, condition, filters, epsilon, spectral_epsilon, name):
    """Double the size, by nearest neighbours before the first convolution and after the shortcut's.

    Before the shortcut's, as the paper's code has it, would be the same function at four times the cost.
    """
    shortcut = layers.UpSampling2D()(conv(filters, 1, spectral_epsilon, name=f"{name}_shortcut")(x))
    x = layers.ReLU()(modulated(epsilon, spectral_epsilon, f"{name}_norm_1")([x, condition]))
    x = conv(filters, 3, spectral_epsilon, name=f"{name}_conv_1")(layers.UpSampling2D()(x))
    x = layers.ReLU()(modulated(epsilon, spectral_epsilon, f"{name}_norm_2")([x, condition]))
    return Add()([conv(filters, 3, spectral_epsilon, name=f"{name}_conv_2")(x), shortcut])


def _down_block(x, filters, down, first, spectral_epsilon, name):
    """Keep or halve the size by mean pooling; the first block has no ReLU in front, and its shortcut pools first."""
    shortcut = x
    if first and down:
        shortcut = layers.AveragePooling2D(2)(shortcut)
    if down or x.shape[-1] != filters:
        shortcut = conv(filters, 1, spectral_epsilon, name=f"{name}_shortcut")(shortcut)
    if down and not first:
        shortcut = layers.AveragePooling2D(2)(shortcut)
    x = conv(filters, 3, spectral_epsilon, name=f"{name}_conv_1")(x if first else layers.ReLU()(x))
    x = conv(filters, 3, spectral_epsilon, name=f"{name}_conv_2")(layers.ReLU()(x))
    return Add()([layers.AveragePooling2D(2)(x) if down else x, shortcut])


# What BigGAN-deep shares


def conv(filters: int, kernel_size: int, epsilon: float, name: str) -> SpectralNormalization:
    """Return a spectrally normalized convolution of stride 1."""
    layer = layers.Conv2D(filters, kernel_size, padding="same", kernel_initializer="orthogonal")
    return SpectralNormalization(layer, epsilon=epsilon, name=name)


def dense(units: int, epsilon: float, name: str) -> SpectralNormalization:
    """Return a spectrally normalized dense layer."""
    return SpectralNormalization(layers.Dense(units, kernel_initializer="orthogonal"), epsilon=epsilon, name=name)


def modulated(
    epsilon: float, spectral_epsilon: float, name: str, thresholds: int | None = None
) -> ModulatedBatchNormalization:
    """Return batch norm with a condition."""
    return ModulatedBatchNormalization(
        epsilon=epsilon, spectral_epsilon=spectral_epsilon, thresholds=thresholds, name=name
    )


def batch_norm(epsilon: float, name: str) -> keras.layers.BatchNormalization:
    """Return batch norm without one."""
    return _parts.synchronized(momentum=0.9, epsilon=epsilon, name=name)


def sum_over_places(x: Tensor) -> Tensor:
    """Sum features [N, H, W, C] over places: [N, C]."""
    places = x.shape[1] * x.shape[2]
    return layers.Rescaling(float(places))(layers.GlobalAveragePooling2D()(x))


def projection(images: Tensor, features: Tensor, num_classes: int | None, epsilon: float, name: str) -> keras.Model:
    """Return the critic that ends in a logit and the inner product of features and class embedding."""
    logits = dense(1, epsilon, name="logit")(features)
    inputs = images
    if num_classes is not None:
        labels = _parts.labels_input(num_classes)
        embedding = layers.Embedding(num_classes, features.shape[-1], embeddings_initializer="orthogonal")
        projected = SpectralNormalization(embedding, epsilon=epsilon, name="class_projection")(labels)
        logits = layers.Add()([logits, layers.Dot(axes=1)([features, projected])])
        inputs = [images, labels]
    return keras.Model(inputs, _parts.output(logits, "linear"), name=name)
