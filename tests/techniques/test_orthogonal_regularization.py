"""Orthogonal regularization against ajbrock/BigGAN-PyTorch's gradient written out, and against an optimizer's step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import layers, techniques

RNG = np.random.default_rng(0)


def gan(**arguments):
    """Return a conditional model with a dense kernel, both convolutions (one normalized) and embeddings."""
    keras.utils.set_random_seed(0)
    z, labels = keras.Input((4,)), keras.Input((), dtype="int32")
    x = keras.layers.Concatenate()([z, keras.layers.Embedding(3, 4, name="classes")(labels)])
    x = keras.layers.Reshape((2, 2, 3))(keras.layers.Dense(12, name="dense")(x))
    x = layers.SpectralNormalization(keras.layers.Conv2DTranspose(5, 4, strides=2, padding="same"), name="up")(x)
    generator = keras.Model([z, labels], keras.layers.Conv2D(3, 3, padding="same", name="image")(x))
    images, labels = keras.Input((4, 4, 3)), keras.Input((), dtype="int32")
    x = keras.layers.Flatten()(keras.layers.Conv2D(6, 3)(images))
    x = keras.layers.Concatenate()([x, keras.layers.Embedding(3, 4)(labels)])
    critic = keras.Model([images, labels], keras.layers.Dense(1)(x))
    technique = techniques.OrthogonalRegularization(**arguments)
    return kerasgan.HingeGAN(generator, critic, num_classes=3, techniques=[technique])


def reference(weight, strength):
    """`utils.ortho` of BigGAN-PyTorch, whose weights have the output channels first: strength 2 (W W^T (1 - I)) W."""
    w = weight.reshape(len(weight), -1)
    return strength * (2 * (w @ w.T * (1 - np.eye(len(w)))) @ w).reshape(weight.shape)


@pytest.mark.parametrize("player", ["generator", "critic"])
def test_the_gradient_is_the_references(player):
    model = gan(weight=0.3, generator=player == "generator", critic=player == "critic")
    variables = getattr(model, player).trainable_variables
    with tf.GradientTape() as tape:
        penalty = model.techniques[0].penalty(variables)
    gradients = tape.gradient(penalty, variables)
    touched = {}
    for variable, gradient in zip(variables, gradients):
        if gradient is None:
            continue
        touched[variable.path.split("/")[0]] = True
        axis = -2 if variable.path.startswith("up") else -1  # of output channels; PyTorch has them first
        weight = np.moveaxis(variable.numpy().astype("float64"), axis, 0)
        np.testing.assert_allclose(np.moveaxis(gradient.numpy(), axis, 0), reference(weight, 0.3), rtol=1e-3, atol=1e-6)
    if player == "generator":
        assert set(touched) == {"dense", "up", "image"}  # neither biases nor the class embedding
    else:
        assert len(touched) == 2
    other = getattr(model, "critic" if player == "generator" else "generator")
    assert model.techniques[0].penalty(other.trainable_variables) == 0


def test_updates_make_filters_orthogonal_and_leave_their_norms_free():
    """With no other loss, W's rows become orthogonal; a row's squared norm may shrink, and is not drawn to 1."""
    model = gan(weight=1.0)
    model.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.0))
    dense = model.generator.get_layer("dense")
    dense.kernel.assign(3 * np.eye(8, 12) + 0.1 * RNG.normal(size=(8, 12)) * (np.arange(12) < 8))
    update = tf.function(lambda: model.update_generator(lambda real: 0.0 * tf.reduce_sum(dense.kernel), None))
    for _ in range(100):
        update()
    products = dense.kernel.numpy().T @ dense.kernel.numpy()
    assert np.abs(products - np.diag(np.diag(products))).max() < 1e-2
    assert np.diag(products)[:8].min() > 7


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="weight: expected a number of at least 0; got -1"):
        techniques.OrthogonalRegularization(-1)
    with pytest.raises(ValueError, match="generator, critic: expected at least one of them to be True; got neither"):
        techniques.OrthogonalRegularization(generator=False)
