"""Multilayer perceptrons for points: the toy generator and critic of the WGAN-GP study.

Gulrajani et al. 2017, "Improved training of Wasserstein GANs", arXiv:1704.00028, figure 1. As in
the authors' code, hidden layers start from He's uniform distribution, the output layer from Glorot's, biases from 0.
"""

import keras
from keras import layers

from kerasgan.networks import _parts
from kerasgan.utils import validation
from kerasgan.utils.messages import quoted


def generator(
    image_shape: tuple[int] = (2,),
    latent_dim: int = 2,
    num_classes: int | None = None,
    width: int = 512,
    depth: int = 3,
    activation: str = "relu",
) -> keras.Model:
    """Build a perceptron from latents to points.

    Args:
        image_shape: (D,), the numbers of a point.
        latent_dim: length of z.
        num_classes: number of classes for a conditional generator, else `None`. The class enters as a learned
            embedding appended to z.
        width: units of a hidden layer.
        depth: number of hidden layers.
        activation: name of the hidden layers' Keras activation.

    Returns:
        `keras.Model` from z, float32 [N, latent_dim] (or the pair of z and labels, int32 [N]), to points,
        float32 [N, D], not bounded.

    Raises:
        ValueError: if `image_shape` is not (D,), or a number is not a positive integer.
    """
    dim = _check_image_shape(image_shape)
    inputs, x = _parts.latents_input(latent_dim, num_classes)
    x = layers.Dense(dim)(_hidden(x, width, depth, activation))
    return keras.Model(inputs, _parts.output(x, "linear"), name="mlp_generator")


def critic(
    image_shape: tuple[int] = (2,),
    num_classes: int | None = None,
    width: int = 512,
    depth: int = 3,
    activation: str = "relu",
    outputs: int = 1,
    auxiliary: bool = False,
) -> keras.Model:
    """Build a perceptron from points to logits.

    With `depth=12` it is the critic of the study of gradient norms, figure 1b.

    Args:
        image_shape: (D,), the numbers of a point.
        num_classes: number of classes for a conditional critic, else `None`. The class enters by projection.
        width: units of a hidden layer.
        depth: number of hidden layers.
        activation: name of the hidden layers' Keras activation.
        outputs: numbers for a point: 1 logit, or the features of an objective that asks for some (`CramerGAN`).
        auxiliary: whether the critic tells classes (for the technique `AuxiliaryClassifier`) instead of taking labels.

    Returns:
        `keras.Model` from points, float32 [N, D] (or the pair of points and labels, int32 [N]), to logits,
        float32 [N, outputs]; with `auxiliary` from images to the list of that and class logits,
        float32 [N, num_classes].

    Raises:
        ValueError: if `image_shape` is not (D,), a number is not a positive integer, or `auxiliary` is given without
            `num_classes`.
    """
    points = keras.Input((_check_image_shape(image_shape),), name="images")
    features = _hidden(points, width, depth, activation)
    inputs, logits = _parts.logit(points, features, _parts.check_auxiliary(auxiliary, num_classes), outputs=outputs)
    made = _parts.output(logits, "linear")
    if auxiliary:
        made = _parts.with_class_logits(made, features, num_classes)
    return keras.Model(inputs, made, name="mlp_critic")


def _check_image_shape(image_shape):
    shape = _parts.whole_numbers(image_shape, 1)
    if shape is None:
        raise ValueError(f"image_shape: expected (D,), the shape of a point; got {quoted(image_shape)}")
    return shape[0]


def _hidden(x, width, depth, activation):
    validation.integer("width", width, 1)
    for _ in range(validation.integer("depth", depth, 1)):
        x = layers.Dense(width, activation=activation, kernel_initializer="he_uniform")(x)
    return x
