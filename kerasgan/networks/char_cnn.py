"""The one-dimensional convolutional networks of the WGAN-GP study's character language model.

Gulrajani et al. 2017, "Improved training of Wasserstein GANs", arXiv:1704.00028, section 5.4 and appendix. A line of
text is [length, vocabulary]: a one-hot row for each character of real text, and a row of probabilities for each of
generated text, which the critic sees as they are. As in the authors' code there is no normalization, the residual
branch is multiplied by 0.3, and weights are uniform, with variance 4 / (fan_in + fan_out) in convolutions and Glorot's
2 / (fan_in + fan_out) in dense layers.
"""

import keras
from keras import layers

from kerasgan.networks import _parts
from kerasgan.utils import validation
from kerasgan.utils.messages import quoted


def generator(
    image_shape: tuple[int, int],
    latent_dim: int = 128,
    num_classes: int | None = None,
    filters: int = 512,
    blocks: int = 5,
) -> keras.Model:
    """Build the generator: a dense layer to all positions, residual blocks, a softmax over the characters.

    Args:
        image_shape: (length, vocabulary); the paper's length is 32.
        latent_dim: length of z.
        num_classes: number of classes for a conditional generator, else `None`. The class enters as a learned
            embedding appended to z.
        filters: channels of every block.
        blocks: number of residual blocks.

    Returns:
        `keras.Model` from z, float32 [N, latent_dim] (or the pair of z and labels, int32 [N]), to probabilities,
        float32 [N, length, vocabulary], whose rows sum to 1.

    Raises:
        ValueError: if `image_shape` is not (length, vocabulary), or a number is not a positive integer.
    """
    length, vocabulary = _check_image_shape(image_shape)
    validation.integer("filters", filters, 1)
    inputs, x = _parts.latents_input(latent_dim, num_classes)
    x = layers.Reshape((length, filters))(layers.Dense(length * filters)(x))
    for _ in range(validation.integer("blocks", blocks, 1)):
        x = _block(x, filters)
    return keras.Model(inputs, _parts.output(_conv(x, vocabulary, 1), "softmax"), name="char_cnn_generator")


def critic(
    image_shape: tuple[int, int], num_classes: int | None = None, filters: int = 512, blocks: int = 5
) -> keras.Model:
    """Build the critic: residual blocks, then a dense layer on all positions.

    Args:
        image_shape: (length, vocabulary); the paper's length is 32.
        num_classes: number of classes for a conditional critic, else `None`. The class enters by projection.
        filters: channels of every block.
        blocks: number of residual blocks.

    Returns:
        `keras.Model` from probabilities or one-hot rows, float32 [N, length, vocabulary] (or the pair of these and
        labels, int32 [N]), to logits, float32 [N, 1].

    Raises:
        ValueError: if `image_shape` is not (length, vocabulary), or a number is not a positive integer.
    """
    characters = keras.Input(_check_image_shape(image_shape), name="images")
    x = _conv(characters, validation.integer("filters", filters, 1), 1)
    for _ in range(validation.integer("blocks", blocks, 1)):
        x = _block(x, filters)
    inputs, logits = _parts.logit(characters, layers.Flatten()(x), num_classes)
    return keras.Model(inputs, _parts.output(logits, "linear"), name="char_cnn_critic")


def _check_image_shape(image_shape):
    shape = _parts.whole_numbers(image_shape, 2)
    if shape is None:
        raise ValueError(f"image_shape: expected (length, vocabulary); got {quoted(image_shape)}")
    return shape


def _block(x, filters):
    residual = _conv(layers.ReLU()(x), filters, 5)
    residual = _conv(layers.ReLU()(residual), filters, 5)
    return layers.Add()([x, layers.Rescaling(0.3)(residual)])


def _conv(x, filters, kernel_size):
    weights = keras.initializers.VarianceScaling(2.0, mode="fan_avg", distribution="uniform")
    return layers.Conv1D(filters, kernel_size, padding="same", kernel_initializer=weights)(x)
