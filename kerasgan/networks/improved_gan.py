"""The critic of "Improved techniques for training GANs" for CIFAR-10, which DeLiGAN trains on few images too.

Salimans et al. 2016, arXiv:1606.03498, as in the authors' code: noise or dropout on the images, nine weight-normalized
convolutions that start from data, dropout, the mean over places, and minibatch discrimination. Kernels start from
N(0, 0.05), LeakyReLU has slope 0.2. DeLiGAN (arXiv:1706.02071) has Gaussian noise on the images, the CIFAR-10 model of
the paper dropout of 0.2.
"""

import keras
from keras import layers

from kerasgan.layers import MinibatchDiscrimination, WeightNormalization
from kerasgan.networks import _parts
from kerasgan.utils import validation

_SIZES = (32, 64, 128, 256)


def critic(
    image_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int | None = None,
    filters: int = 96,
    input_noise: float = 0.2,
    input_dropout: float = 0.0,
    dropout: float = 0.5,
    minibatch_kernels: int = 100,
    auxiliary: bool = False,
) -> keras.Model:
    """Build the critic.

    Gains of weight norm are fixed once `GAN.fit` has set them from data, but for the last layer's. With the defaults it
    has 1,501,158 trainable parameters.

    Args:
        image_shape: (size, size, channels); size one of 32, 64, 128, 256.
        num_classes: number of classes for a conditional critic, else `None`. The class enters by projection.
        filters: channels of the first three convolutions; the others have twice as many.
        input_noise: standard deviation of the noise on images, at least 0.
        input_dropout: share of the image's numbers that are dropped, in [0, 1).
        dropout: share of features dropped after each halving of the size, in [0, 1).
        minibatch_kernels: features of minibatch discrimination; 0 for none.
        auxiliary: whether the critic tells classes (for the technique `AuxiliaryClassifier`) instead of taking labels.

    Returns:
        `keras.Model` from images, float32 [N, size, size, channels] (or the pair of images and labels, int32 [N]), to
        logits, float32 [N, 1]; with `auxiliary` from images to the list of that and class logits,
        float32 [N, num_classes].

    Raises:
        ValueError: if `image_shape` is not a square of one of the sizes, a number is out of its range, or `auxiliary`
            is given without `num_classes`.
    """
    size, channels = _parts.check_square(image_shape, _SIZES)
    validation.integer("filters", filters, 1)
    validation.integer("minibatch_kernels", minibatch_kernels, 0)
    validation.not_negative("input_noise", input_noise)
    validation.below_one("input_dropout", input_dropout)
    validation.below_one("dropout", dropout)
    entering = _parts.check_auxiliary(auxiliary, num_classes)

    images = keras.Input((size, size, channels), name="images")
    x = layers.GaussianNoise(input_noise)(images) if input_noise else images
    x = layers.Dropout(input_dropout)(x) if input_dropout else x
    for width in (filters, 2 * filters):
        for strides in (1, 1, 2):
            x = _conv(x, width, 3, strides=strides, padding="same")
        x = layers.Dropout(dropout)(x) if dropout else x
    for kernel_size in (3, 1, 1):
        x = _conv(x, 2 * filters, kernel_size)
    features = layers.GlobalAveragePooling2D()(x)
    if minibatch_kernels:
        features = MinibatchDiscrimination(minibatch_kernels)(features)
    last = layers.Dense(1, kernel_initializer=_weights(), name="logit")
    logits = WeightNormalization(last, stddev=0.1)(features)

    inputs = images
    if entering is not None:
        labels = _parts.labels_input(entering)
        inputs = [images, labels]
        embedding = layers.Embedding(entering, features.shape[-1], name="class_projection")(labels)
        logits = layers.Add()([logits, layers.Dot(axes=1)([features, embedding])])
    made = _parts.output(logits, "linear")
    if auxiliary:
        made = _parts.with_class_logits(made, features, num_classes)
    return keras.Model(inputs, made, name="improved_gan_critic")


def _conv(x, filters, kernel_size, **arguments):
    convolution = layers.Conv2D(filters, kernel_size, kernel_initializer=_weights(), **arguments)
    return layers.LeakyReLU(0.2)(WeightNormalization(convolution, train_gain=False)(x))


def _weights():
    return keras.initializers.RandomNormal(stddev=0.05)
