"""The residual networks for CIFAR-10 of the WGAN-GP study.

Gulrajani et al. 2017, "Improved training of Wasserstein GANs", arXiv:1704.00028, appendix F. Pre-activation blocks
of two 3x3 convolutions; the generator has batch norm, the critic no normalization. As in the authors' code, weights
are uniform, with variance 4 / (fan_in + fan_out) in residual branches and Glorot's 2 / (fan_in + fan_out) elsewhere,
and batch norm has epsilon 1e-5. The authors sample with the statistics of the batch and keep no moving ones; here
inference uses moving statistics, with momentum 0.9.
"""

import keras
from keras import layers

from kerasgan.layers.add import Add
from kerasgan.layers.conditional_batch_norm import ConditionalBatchNormalization
from kerasgan.networks import _parts
from kerasgan.utils import validation


def generator(
    image_shape: tuple[int, int, int] = (32, 32, 3),
    latent_dim: int = 128,
    num_classes: int | None = None,
    filters: int = 128,
) -> keras.Model:
    """Build the generator: a dense layer to 4x4 and three residual blocks, each doubling the size.

    It has 1,204,483 trainable parameters, and 1,218,307 with 10 classes.

    Args:
        image_shape: (32, 32, channels).
        latent_dim: length of z.
        num_classes: number of classes for a conditional generator, else `None`. The class chooses gain and bias of
            the batch norm in the blocks; the last batch norm is not conditional.
        filters: channels of every block.

    Returns:
        `keras.Model` from z, float32 [N, latent_dim] (or the pair of z and labels, int32 [N]), to images,
        float32 [N, 32, 32, channels] in [-1, 1].

    Raises:
        ValueError: if `image_shape` is not (32, 32, channels), or a number is not a positive integer.
    """
    _, channels = _parts.check_square(image_shape, (32,))
    validation.integer("filters", filters, 1)
    inputs, latents = _parts.latents_input(latent_dim, None)
    labels = None
    if num_classes is not None:
        labels = _parts.labels_input(num_classes)
        inputs = [latents, labels]

    x = layers.Reshape((4, 4, filters))(layers.Dense(4 * 4 * filters)(latents))
    for _ in range(3):
        x = _up_block(x, filters, labels, num_classes)
    x = layers.ReLU()(_parts.batch_norm()(x))
    x = _parts.conv(x, channels, 3, he=False)
    return keras.Model(inputs, _parts.output(x, "tanh"), name="resnet_cifar_generator")


def critic(
    image_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int | None = None,
    filters: int = 128,
    auxiliary: bool = False,
) -> keras.Model:
    """Build the critic: four residual blocks, the first two halving the size, and a dense layer on the mean features.

    It has 1,053,825 trainable parameters; the auxiliary classifier of 10 classes has 1,290 more.

    Args:
        image_shape: (32, 32, channels).
        num_classes: number of classes for a conditional critic, else `None`. The class enters by projection, or with
            `auxiliary` leaves through a second output.
        filters: channels of every block.
        auxiliary: whether the critic also classifies (AC-GAN, as in the paper: Odena, Olah and Shlens 2017,
            arXiv:1610.09585) instead of taking labels.

    Returns:
        `keras.Model` from images, float32 [N, 32, 32, channels] (or the pair of images and labels, int32 [N]), to
        logits, float32 [N, 1]. With `auxiliary`: from images to the list of logits, float32 [N, 1], and class
        logits, float32 [N, num_classes].

    Raises:
        ValueError: if `image_shape` is not (32, 32, channels), a number is not a positive integer, or `auxiliary` is
            given without `num_classes`.
    """
    _, channels = _parts.check_square(image_shape, (32,))
    validation.integer("filters", filters, 1)
    entering = _parts.check_auxiliary(auxiliary, num_classes)
    images = keras.Input((32, 32, channels), name="images")
    x = _first_block(images, filters)
    x = _block(x, filters, down=True)
    x = _block(x, filters)
    x = _block(x, filters)
    features = layers.GlobalAveragePooling2D()(layers.ReLU()(x))

    inputs, logits = _parts.logit(images, features, entering)
    outputs = _parts.output(logits, "linear", name="logits")
    if auxiliary:
        outputs = _parts.with_class_logits(outputs, features, num_classes)
    return keras.Model(inputs, outputs, name="resnet_cifar_critic")


def _up_block(x, filters, labels, num_classes):
    """Double the size by nearest neighbours, before the first convolution and after the shortcut's.

    Before the shortcut's, as the paper's code has it, would be the same function at four times the cost.
    """
    shortcut = layers.UpSampling2D()(_parts.conv(x, filters, 1, he=False))
    x = layers.ReLU()(_norm(x, labels, num_classes))
    x = _parts.conv(layers.UpSampling2D()(x), filters, 3)
    x = layers.ReLU()(_norm(x, labels, num_classes))
    return Add()([shortcut, _parts.conv(x, filters, 3)])


def _norm(x, labels, num_classes):
    if labels is None:
        return _parts.batch_norm()(x)
    return ConditionalBatchNormalization(num_classes, momentum=0.9, epsilon=1e-5)([x, labels])


def _first_block(images, filters):
    """Halve the size of the image itself: no ReLU before the first convolution, and a shortcut that pools first."""
    shortcut = _parts.conv(layers.AveragePooling2D(2)(images), filters, 1, he=False)
    x = layers.ReLU()(_parts.conv(images, filters, 3))
    x = layers.AveragePooling2D(2)(_parts.conv(x, filters, 3))
    return Add()([shortcut, x])


def _block(x, filters, down=False):
    """Keep the size, or halve it by mean pooling after the second convolution and after the shortcut's."""
    shortcut = _parts.conv(x, filters, 1, he=False) if down else x
    x = _parts.conv(layers.ReLU()(x), filters, 3)
    x = _parts.conv(layers.ReLU()(x), filters, 3)
    if down:
        shortcut, x = layers.AveragePooling2D(2)(shortcut), layers.AveragePooling2D(2)(x)
    return Add()([shortcut, x])
