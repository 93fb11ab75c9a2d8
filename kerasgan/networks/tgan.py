"""T-GAN's networks for 32 (CIFAR-10), 64, 128 and 256 pixels (CelebA-HQ).

Su 2018, "Training generative adversarial networks via turing test", arXiv:1810.10948. T-GANs score pairs,
T(a, b) = D(E(a) - E(b)), with an encoder E and a head D. As in the author's code, weights and batch norm have Keras's
defaults (Glorot uniform; momentum 0.99, epsilon 1e-3). The author normalizes every kernel of E and D spectrally, and
the gain of E's batch norm likewise (gain / ||gain||); here `spectral=True` wraps the convolutions and dense layers,
and `unit_gain=True` normalizes the gain.
"""

from typing import Any

import keras
from keras import layers

from kerasgan.layers import SpectralNormalization, UnitGain
from kerasgan.networks import _parts
from kerasgan.networks.pairwise import PairwiseCritic
from kerasgan.utils import validation
from kerasgan.utils.messages import quoted

_SIZES = (32, 64, 128, 256)


def encoder(
    image_shape: tuple[int, int, int] = (64, 64, 3),
    spectral: bool = False,
    unit_gain: bool = False,
    first_norm: bool = True,
) -> keras.Model:
    """Build the encoder E.

    At 64 to 256 pixels: 5x5 convolutions of stride 2, doubling the channels up to 8 * size, averaged over positions.
    With 3 channels it has 4,308,352 (64 pixels), 17,218,304 (128) or 69,653,248 (256) trainable parameters. At 32
    pixels: the CIFAR-10 encoder, without padding, 708,416.

    Args:
        image_shape: (size, size, channels); size one of 32, 64, 128, 256.
        spectral: whether to normalize the convolutions spectrally.
        unit_gain: whether the gain of batch norm is divided by its norm.
        first_norm: at 32 pixels, whether batch norm follows the first convolution too, as in the author's code. It
            makes E(x + c) = E(x) for a number c that is added to all pixels of a batch. Real and generated images are
            normalized in separate batches, so T cannot see how bright the generated ones are as a whole, and their
            background drifts.

    Returns:
        `keras.Model` from images, float32 [N, size, size, channels], to features, float32 [N, F]; F is 64 at 32
        pixels, else 8 * size.

    Raises:
        ValueError: if `image_shape` is not a square of one of the sizes.
    """
    size, channels = _parts.check_square(image_shape, _SIZES)
    wrap, norm = _wrapper(spectral), _unit_gain_norm if unit_gain else _plain_norm
    images = keras.Input((size, size, channels), name="images")
    x = images
    if size == 32:
        for width, kernel_size, strides in ((32, 5, 1), (64, 4, 2), (128, 4, 1), (256, 4, 2)):
            x = wrap(layers.Conv2D(width, kernel_size, strides=strides))(x)
            x = layers.LeakyReLU(0.3)(norm(x) if first_norm or width > 32 else x)
        x = wrap(layers.Conv2D(64, 1))(x)
    else:
        width = min(size, 128)
        x = layers.LeakyReLU(0.3)(wrap(layers.Conv2D(width, 5, strides=2, padding="same"))(x))
        while width < 8 * size:
            width *= 2
            x = wrap(layers.Conv2D(width, 5, strides=2, padding="same"))(x)
            x = layers.LeakyReLU(0.3)(norm(x))
    features = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, _parts.output(features, "linear"), name="tgan_encoder")


def head(feature_dim: int = 512, width: int = 512, negative_slope: float = 0.3, spectral: bool = False) -> keras.Model:
    """Build the head D: a hidden layer, then a dense layer without bias.

    Args:
        feature_dim: length F of the encoder's features.
        width: units of the hidden layer; the paper's CIFAR-10 model has 256.
        negative_slope: of the hidden layer's LeakyReLU; 0.1 in the paper's CIFAR-10 model.
        spectral: whether to normalize the dense layers spectrally.

    Returns:
        `keras.Model` from differences of features, float32 [N, F], to logits, float32 [N, 1]; T-SGAN's sigmoid is
        left to the loss.

    Raises:
        ValueError: if a number is not a positive integer.
    """
    wrap = _wrapper(spectral)
    differences = keras.Input((validation.integer("feature_dim", feature_dim, 1),), name="differences")
    x = wrap(layers.Dense(validation.integer("width", width, 1)))(differences)
    logits = wrap(layers.Dense(1, use_bias=False))(layers.LeakyReLU(negative_slope)(x))
    return keras.Model(differences, _parts.output(logits, "linear"), name="tgan_head")


def critic(
    image_shape: tuple[int, int, int] = (64, 64, 3),
    num_classes: None = None,
    spectral: bool = False,
    unit_gain: bool = False,
    first_norm: bool = True,
) -> PairwiseCritic:
    """Build the critic T(a, b) = D(E(a) - E(b)) of the paper's encoder and head for the size.

    Args:
        image_shape: (size, size, channels); size one of 32, 64, 128, 256.
        num_classes: `None`; T-GANs are unconditional.
        spectral: whether to normalize convolutions and dense layers spectrally.
        unit_gain: whether the gain of the encoder's batch norm is divided by its norm, as in the author's code.
        first_norm: see `encoder`; False lets T see how bright the generated images are as a whole.

    Returns:
        `PairwiseCritic` from two batches of images, float32 [N, size, size, channels], to logits, float32 [N, 1].

    Raises:
        ValueError: if `image_shape` is not a square of one of the sizes, or `num_classes` is given.
    """
    if num_classes is not None:
        raise ValueError(f"num_classes: expected None, as T-GANs are unconditional; got {quoted(num_classes)}")
    features = encoder(image_shape, spectral=spectral, unit_gain=unit_gain, first_norm=first_norm)
    hidden: dict[str, Any] = {"width": 256, "negative_slope": 0.1} if image_shape[0] == 32 else {}
    return PairwiseCritic(features, head(features.output_shape[-1], **hidden, spectral=spectral), name="tgan_critic")


def generator(
    image_shape: tuple[int, int, int] = (64, 64, 3), latent_dim: int = 100, num_classes: int | None = None
) -> keras.Model:
    """Build the generator.

    At 64 to 256 pixels: a dense layer to 4x4 with 8 * size channels, then 5x5 transposed convolutions of stride 2,
    halving the channels down to 64. With 3 channels and `latent_dim=100` it has 5,150,723 (64 pixels), 19,103,235
    (128) or 73,222,659 (256) trainable parameters. At 32 pixels: the CIFAR-10 generator, without padding, 978,627
    with `latent_dim=64`.

    Args:
        image_shape: (size, size, channels); size one of 32, 64, 128, 256.
        latent_dim: length of z; 100 in the paper, and 64 for CIFAR-10.
        num_classes: number of classes for a conditional generator, else `None`. The class enters as a learned
            embedding appended to z (not in the paper).

    Returns:
        `keras.Model` from z, float32 [N, latent_dim] (or the pair of z and labels, int32 [N]), to images,
        float32 [N, size, size, channels] in [-1, 1].

    Raises:
        ValueError: if `image_shape` is not a square of one of the sizes, or a number is not a positive integer.
    """
    size, channels = _parts.check_square(image_shape, _SIZES)
    inputs, x = _parts.latents_input(latent_dim, num_classes)
    if size == 32:
        x = layers.Reshape((1, 1, x.shape[-1]))(x)
        for width, kernel_size, strides in ((256, 4, 1), (128, 4, 2), (64, 4, 1), (32, 4, 2), (32, 5, 1)):
            x = layers.Conv2DTranspose(width, kernel_size, strides=strides)(x)
            x = layers.LeakyReLU(0.1)(_batch_norm()(x))
        x = layers.LeakyReLU(0.1)(_batch_norm()(layers.Conv2D(32, 1)(x)))
        x = layers.Conv2D(channels, 1)(x)
    else:
        width = 8 * size
        x = layers.ReLU()(_batch_norm()(layers.Dense(4 * 4 * width)(x)))
        x = layers.Reshape((4, 4, width))(x)
        while width > 64:
            width //= 2
            x = layers.Conv2DTranspose(width, 5, strides=2, padding="same")(x)
            x = layers.ReLU()(_batch_norm()(x))
        x = layers.Conv2DTranspose(channels, 5, strides=2, padding="same")(x)
    return keras.Model(inputs, _parts.output(x, "tanh"), name="tgan_generator")


def _batch_norm():
    return _parts.synchronized()


def _plain_norm(x):
    return _batch_norm()(x)


def _unit_gain_norm(x):
    return UnitGain()(_parts.synchronized(center=False, scale=False)(x))


def _wrapper(spectral):
    if not spectral:
        return lambda layer: layer
    return SpectralNormalization
