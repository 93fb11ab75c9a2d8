"""DCGAN's generator and critic for square images of 32 to 256 pixels.

Radford, Metz and Chintala 2016, "Unsupervised representation learning with deep convolutional generative
adversarial networks", arXiv:1511.06434. Weights start from N(0, 0.02), LeakyReLU has slope 0.2, batch norm has
momentum 0.9 and epsilon 1e-5, and is synchronized between replicas.
"""

from typing import Literal

import keras
from keras import layers

from kerasgan.layers import (
    DropReference,
    MinibatchDiscrimination,
    ReferenceBatch,
    SampleNormalization,
    SpectralNormalization,
    VirtualBatchNormalization,
)
from kerasgan.networks import _parts
from kerasgan.utils import validation

_SIZES = (32, 64, 128, 256)


def generator(
    image_shape: tuple[int, int, int] = (32, 32, 1),
    latent_dim: int = 128,
    num_classes: int | None = None,
    filters: int = 64,
    kernel_size: int = 4,
    max_filters: int = 1024,
    normalization: Literal["batch", "virtual"] | None = "batch",
    reference_size: int = 64,
) -> keras.Model:
    """Build the DCGAN generator.

    A dense layer to 4x4, then transposed convolutions of stride 2, each halving the channels, up to the image.
    With `filters=64, kernel_size=4, latent_dim=100` at 64 pixels it has the layers of PyTorch's DCGAN example
    (3,576,704 trainable parameters).

    Args:
        image_shape: (size, size, channels); size one of 32, 64, 128, 256.
        latent_dim: length of z.
        num_classes: number of classes for a conditional generator, else `None`. The class enters as a learned
            embedding appended to z.
        filters: channels before the last layer; doubled towards 4x4.
        kernel_size: of every convolution.
        max_filters: upper bound on the channels of a layer.
        normalization: `"batch"`, `"virtual"` (Salimans et al. 2016, arXiv:1606.03498: with a fixed batch of latents)
            or `None`.
        reference_size: rows of that fixed batch.

    Returns:
        `keras.Model` from z, float32 [N, latent_dim] (or the pair of z and labels, int32 [N]), to images,
        float32 [N, size, size, channels] in [-1, 1].

    Raises:
        ValueError: if `image_shape` is not a square of one of the sizes, a number is not a positive integer, or
            `normalization` is none of the above, or is virtual for a conditional generator.
    """
    size, channels = _parts.check_square(image_shape, _SIZES)
    validation.integer("kernel_size", kernel_size, 1)
    _parts.check_option("normalization", normalization, ("batch", "virtual", None))
    _check_virtual(normalization, num_classes)
    inputs, x = _parts.latents_input(latent_dim, num_classes)
    norm = _norms(reference_size)[normalization]
    virtual = normalization == "virtual"
    widths = _widths(size, filters, max_filters)[::-1]
    if virtual:
        x = ReferenceBatch(reference_size)(x)
    x = layers.Dense(4 * 4 * widths[0], use_bias=False, kernel_initializer=_weights())(x)
    x = layers.Reshape((4, 4, widths[0]))(x)
    x = layers.ReLU()(norm()(x))
    for width in widths[1:]:
        x = _upsample(width, kernel_size)(x)
        x = layers.ReLU()(norm()(x))
    if virtual:
        x = DropReference(reference_size)(x)
    x = _upsample(channels, kernel_size)(x)
    return keras.Model(inputs, layers.Activation("tanh", dtype="float32")(x), name="dcgan_generator")


def critic(
    image_shape: tuple[int, int, int] = (32, 32, 1),
    num_classes: int | None = None,
    filters: int = 64,
    kernel_size: int = 4,
    max_filters: int = 1024,
    normalization: Literal["batch", "layer", "instance", "virtual", "spectral"] | None = "batch",
    minibatch_kernels: int = 0,
    reference_size: int = 64,
    outputs: int = 1,
    auxiliary: bool = False,
) -> keras.Model:
    """Build the DCGAN critic (discriminator).

    Convolutions of stride 2, each doubling the channels, down to 4x4, then a dense layer to one logit. With
    `filters=64, kernel_size=4` at 64 pixels and 3 channels it has the layers of PyTorch's DCGAN example
    (2,765,568 trainable parameters).

    Args:
        image_shape: (size, size, channels); size one of 32, 64, 128, 256.
        num_classes: number of classes for a conditional critic, else `None`. The class enters by projection
            (Miyato and Koyama 2018, arXiv:1802.05637): the inner product of the features and a class embedding
            is added to the logit.
        filters: channels of the first layer.
        kernel_size: of every convolution.
        max_filters: upper bound on the channels of a layer.
        normalization: `"batch"`, `"layer"` (over height, width and channels, as WGAN-GP recommends in place of
            batch norm, which couples the rows of a batch), `"instance"`, `"virtual"` (Salimans et al. 2016,
            arXiv:1606.03498: with a fixed batch of real images), `"spectral"` (Miyato et al. 2018, arXiv:1802.05957:
            all layers, the class embedding included) or `None`. All but spectral leave the first layer out.
        minibatch_kernels: features of minibatch discrimination (arXiv:1606.03498) before the last layer; 0 for none.
        reference_size: rows of the fixed batch of virtual batch norm.
        outputs: numbers for an image: 1 logit, or the features of an objective that asks for some (`CramerGAN`).
        auxiliary: whether the critic tells classes (for the technique `AuxiliaryClassifier`) instead of taking labels.

    Returns:
        `keras.Model` from images, float32 [N, size, size, channels] (or the pair of images and labels,
        int32 [N]), to logits, float32 [N, outputs]; with `auxiliary` from images to the list of that and class logits,
        float32 [N, num_classes].

    Raises:
        ValueError: if `image_shape` is not a square of one of the sizes, a number is not a positive integer,
            `normalization` is none of the above, a conditional critic is to have virtual batch norm or features, or
            `auxiliary` is given without `num_classes`.
    """
    size, channels = _parts.check_square(image_shape, _SIZES)
    validation.integer("kernel_size", kernel_size, 1)
    entering = _parts.check_auxiliary(auxiliary, num_classes)
    _parts.check_outputs(outputs, entering)
    validation.integer("minibatch_kernels", minibatch_kernels, 0)
    norms = _norms(reference_size)
    _parts.check_option("normalization", normalization, norms)
    _check_virtual(normalization, entering)
    norm = norms[normalization]
    wrap = SpectralNormalization if normalization == "spectral" else lambda layer: layer
    use_bias = normalization in ("spectral", None)
    images = keras.Input((size, size, channels), name="images")

    x = ReferenceBatch(reference_size)(images) if normalization == "virtual" else images
    for index, width in enumerate(_widths(size, filters, max_filters)):
        convolution = layers.Conv2D(
            width, kernel_size, strides=2, padding="same", use_bias=use_bias, kernel_initializer=_weights()
        )
        x = wrap(convolution)(x)
        x = layers.LeakyReLU(0.2)(norm()(x) if index else x)
    if normalization == "virtual":
        x = DropReference(reference_size)(x)
    features = layers.Flatten()(x)
    if minibatch_kernels:
        features = MinibatchDiscrimination(minibatch_kernels)(features)
    logits = wrap(layers.Dense(outputs, use_bias=use_bias, kernel_initializer=_weights(), name="logit"))(features)

    inputs = images
    if entering is not None:
        labels = _parts.labels_input(entering)
        inputs = [images, labels]
        embedding = wrap(layers.Embedding(entering, features.shape[-1], name="class_projection"))(labels)
        logits = layers.Add()([logits, layers.Dot(axes=1)([features, embedding])])
    made = layers.Activation("linear", dtype="float32")(logits)
    if auxiliary:
        made = _parts.with_class_logits(made, features, num_classes, _weights())
    return keras.Model(inputs, made, name="dcgan_critic")


def _check_virtual(normalization, num_classes):
    if normalization == "virtual" and num_classes is not None:
        raise ValueError(
            f"normalization: expected another than virtual for a conditional network (num_classes={num_classes}), as "
            "the reference batch has no labels"
        )


def _norms(reference_size):
    """The layer that each normalization puts after a convolution."""
    return {
        "batch": _batch_norm,
        "layer": SampleNormalization,
        "instance": lambda: SampleNormalization(per_channel=True),
        "virtual": lambda: VirtualBatchNormalization(reference_size),
        "spectral": layers.Identity,
        None: layers.Identity,
    }


def _widths(size, filters, max_filters):
    """Channels of the layers between the image and 4x4, from the image inwards."""
    validation.integer("filters", filters, 1)
    validation.integer("max_filters", max_filters, 1)
    halvings = (size // 4).bit_length() - 1
    return [min(filters * 2**k, max_filters) for k in range(halvings)]


def _weights():
    return keras.initializers.RandomNormal(stddev=0.02)


def _upsample(width, kernel_size):
    return layers.Conv2DTranspose(
        width, kernel_size, strides=2, padding="same", use_bias=False, kernel_initializer=_weights()
    )


def _batch_norm():
    gamma = keras.initializers.RandomNormal(mean=1.0, stddev=0.02)
    return _parts.synchronized(momentum=0.9, epsilon=1e-5, gamma_initializer=gamma)
