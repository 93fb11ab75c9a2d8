"""What several network families share: inputs, class conditioning, checks, and WGAN-GP's initial weights."""

import itertools
import math
import numbers
from collections.abc import Iterable

import keras
from keras import layers

from kerasgan.layers import BatchNormalization, SampleNormalization
from kerasgan.utils import backend, validation
from kerasgan.utils.messages import quoted


def check_channels_last():
    """Raise `ValueError` if Keras is set to make layers for images [N, C, H, W]."""
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            'image_data_format: expected "channels_last", as images are [N, H, W, C]; got '
            f'{quoted(keras.config.image_data_format())}: keras.config.set_image_data_format("channels_last"), or '
            "~/.keras/keras.json, sets it"
        )


def whole_numbers(shape, count):
    """A shape as a tuple, if it has `count` sides that are integers of at least 1; else `None`."""
    sides = tuple(shape) if isinstance(shape, Iterable) else ()
    good = len(sides) == count and all(isinstance(side, numbers.Integral) and int(side) >= 1 for side in sides)
    return sides if good else None


def check_square(image_shape, sizes):
    """(size, channels) of an image shape, whose size must be one of `sizes`; raises `ValueError`."""
    check_channels_last()
    shape = whole_numbers(image_shape, 3)
    if shape is None or shape[0] != shape[1] or shape[0] not in sizes:
        allowed = ", ".join(map(str, sizes))
        one_of = "one of " if len(sizes) > 1 else ""
        raise ValueError(
            f"image_shape: expected (size, size, channels) with size {one_of}{allowed}; got {quoted(image_shape)}"
        )
    return shape[0], shape[2]


def check_option(name, value, allowed):
    """Raise `ValueError` unless the value is allowed."""
    if value not in allowed:
        known = ", ".join(f'"{option}"' if isinstance(option, str) else str(option) for option in allowed)
        raise ValueError(f"{name}: expected one of {known}; got {quoted(value)}")


def attention_sizes(attention_size, sizes):
    """The sizes at which a network attends, a set, of its argument and of the sizes that its blocks have.

    Args:
        attention_size: a size, several, `None` for no attention, or "auto" for 64 where a block has that size.
        sizes: those of the blocks.

    Raises:
        ValueError: if no block has a size that is asked for.
    """
    if attention_size == "auto":
        return {64} & set(sizes)
    several = attention_size if isinstance(attention_size, (list, tuple)) else [attention_size]
    for size in several:
        check_option("attention_size", size, (*dict.fromkeys(sizes), None, "auto"))
    return set(several) - {None}


def attention_names():
    """Yield the names of a network's attention layers: attention, attention_1, attention_2 and so on."""
    yield "attention"
    yield from (f"attention_{index}" for index in itertools.count(1))


def latents_input(latent_dim, num_classes):
    """(inputs, z): with classes the inputs are [latents, labels] and z has a learned embedding of the class appended.

    The embedding has 32 numbers.
    """
    latents = keras.Input((validation.integer("latent_dim", latent_dim, 1),), name="latents")
    if num_classes is None:
        return latents, latents
    labels = labels_input(num_classes)
    embedding = layers.Embedding(num_classes, 32, name="class_embedding")(labels)
    return [latents, labels], layers.Concatenate()([latents, embedding])


def shared_embedding(latent_dim, num_classes, shared_dim):
    """(inputs, z, class embedding): BigGAN's, which all conditional batch norms share; `None` without classes."""
    latents = keras.Input((validation.integer("latent_dim", latent_dim, 1),), name="latents")
    if num_classes is None:
        return latents, latents, None
    labels = labels_input(num_classes)
    validation.integer("shared_dim", shared_dim, 1)
    embedding = layers.Embedding(num_classes, shared_dim, embeddings_initializer="orthogonal", name="class_embedding")(
        labels
    )
    return [latents, labels], latents, embedding


def labels_input(num_classes):
    """Input of labels, int32 [N]."""
    validation.integer("num_classes", num_classes, 1)
    return keras.Input((), dtype="int32", name="labels")


def logit(images, features, num_classes, kernel_initializer="glorot_uniform", outputs=1):
    """(inputs, logits [N, outputs]) of features [N, F]: a dense layer, and with classes the projection of these.

    Projection (Miyato and Koyama 2018, arXiv:1802.05637) adds the inner product of features and a class embedding.
    """
    check_outputs(outputs, num_classes)
    logits = layers.Dense(outputs, kernel_initializer=kernel_initializer, name="logit")(features)
    if num_classes is None:
        return images, logits
    labels = labels_input(num_classes)
    embedding = layers.Embedding(num_classes, features.shape[-1], name="class_projection")(labels)
    return [images, labels], layers.Add()([logits, layers.Dot(axes=1)([features, embedding])])


def check_auxiliary(auxiliary, num_classes):
    """Raise `ValueError` where classes are to be told and there are none; return the classes that enter the critic."""
    if validation.boolean("auxiliary", auxiliary) and num_classes is None:
        raise ValueError("num_classes: expected a number of classes for the auxiliary classifier; got None")
    return None if auxiliary else num_classes


def with_class_logits(logits, features, num_classes, kernel_initializer="glorot_uniform"):
    """The outputs of a critic that classifies: logits, and class logits of the features, float32 [N, num_classes]."""
    validation.integer("num_classes", num_classes, 1)
    classes = layers.Dense(num_classes, kernel_initializer=kernel_initializer)(features)
    return [logits, output(classes, "linear", name="class_logits")]


def check_outputs(outputs, num_classes):
    """Check how many numbers a critic gives for an image: features are not conditional."""
    validation.integer("outputs", outputs, 1)
    if outputs > 1 and num_classes is not None:
        raise ValueError(f"outputs: expected 1 for a conditional critic (num_classes={num_classes}); got {outputs}")


def output(x, activation, name=None):
    """The last activation of a network, in float32 also under mixed precision."""
    return layers.Activation(activation, dtype="float32", name=name)(x)


def batch_norm():
    """Batch norm of the WGAN-GP study (epsilon 1e-5), synchronized, with DCGAN's momentum 0.9 for inference."""
    return synchronized(momentum=0.9, epsilon=1e-5)


def synchronized(**arguments):
    """Batch norm whose statistics are those of all replicas, which Keras has with TensorFlow alone."""
    return BatchNormalization(synchronized=backend.is_tensorflow(), **arguments)


def layer_norm():
    """Layer norm over all but the batch axis, with a gain and a bias for each channel."""
    return SampleNormalization()


NORMALIZATIONS = {"batch": batch_norm, "layer": layer_norm, None: layers.Identity}


def uniform(stddev):
    """Uniform weights with mean 0 and this standard deviation."""
    return keras.initializers.RandomUniform(-math.sqrt(3) * stddev, math.sqrt(3) * stddev)


def conv(x, filters, kernel_size, strides=1, he=True, use_bias=True, stddev=None):
    """Convolution with the weights of the WGAN-GP study's code.

    Their variance is 4 / (fan_in + fan_out), or 2 / (fan_in + fan_out) (Glorot's) where `he` is False; the fan-out
    counts the outputs that an input reaches, hence the strides. `stddev` replaces it.
    """
    area = kernel_size**2
    stddev = stddev or _stddev(x.shape[-1] * area, filters * area / strides**2, he)
    if kernel_size == 1 and strides > 1:  # the same; TensorFlow 2.21's gradient of a strided 1x1 can crash on a CPU
        x, strides = x[:, ::strides, ::strides], 1
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=uniform(stddev),
    )(x)


def conv_transpose(x, filters, kernel_size, stddev=None):
    """Transposed convolution of stride 2; weights as in `conv`."""
    area = kernel_size**2
    stddev = stddev or _stddev(x.shape[-1] * area / 4, filters * area, he=True)
    return layers.Conv2DTranspose(filters, kernel_size, strides=2, padding="same", kernel_initializer=uniform(stddev))(
        x
    )


def _stddev(fan_in, fan_out, he):
    return math.sqrt((4 if he else 2) / (fan_in + fan_out))
