"""Networks that cannot be trained as they are, or were changed since `compile`, are told of before the first step."""

import keras
import numpy as np
import pytest

import kerasgan
from kerasgan.models import fit_checks
from kerasgan.networks import mlp
from tests.models.sgan_of_points import POINTS, fit, points_gan


@pytest.mark.parametrize("frozen_before", [False, True])
def test_layers_frozen_or_thawed_since_compile_are_told_of(frozen_before):
    """Keras would train what is frozen, and fail in the optimizer on what is thawed."""
    gan = points_gan()
    layer = next(layer for layer in gan.critic.layers if layer.weights)
    layer.trainable = not frozen_before
    gan.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.05))
    fit(gan)
    layer.trainable = frozen_before
    with pytest.raises(ValueError, match="^critic: expected the trainable variables that it had in `compile`.*again"):
        fit(gan)
    gan.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.05))
    before = layer.weights[0].numpy()
    fit(gan)
    assert np.array_equal(layer.weights[0].numpy(), before) is not frozen_before


def test_a_replaced_network_is_told_of():
    gan = points_gan()
    gan.critic = mlp.critic((2,), width=4)
    with pytest.raises(ValueError, match="^critic: expected the trainable variables .* replaced since.* compile again"):
        fit(gan)
    gan.compile()
    gan.generator = mlp.generator((2,), 2, width=4)
    with pytest.raises(ValueError, match="^generator: expected the variables .* when the GAN was made.* make a GAN"):
        fit(gan)


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_weights_of_another_type_than_float32_are_refused(dtype):
    critic = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, dtype=dtype)])
    with pytest.raises(ValueError, match=f"critic: expected weights of float32.*kernel is {dtype}"):
        kerasgan.SGAN(mlp.generator((2,), 2, width=8), critic)


def test_a_network_that_is_wholly_frozen_is_told_of():
    gan = points_gan()
    gan.generator.trainable = False
    gan.compile()
    with pytest.warns(UserWarning, match="generator: all its layers are frozen, so it is not trained"):
        gan.fit(POINTS, batch_size=8, verbose=0)


def test_a_generator_of_two_outputs_is_refused():
    z = keras.Input((2,))
    two = keras.Model(z, [keras.layers.Dense(2)(z), keras.layers.Dense(2)(z)])
    with pytest.raises(ValueError, match="generator: expected one output, the images; it gives 2"):
        kerasgan.SGAN(two, mlp.critic((2,), width=8))


def test_batch_norm_that_each_replica_computes_for_itself_is_told_of(recwarn):
    def gan(**arguments):
        z, points = keras.Input((2,)), keras.Input((2,))
        made = keras.layers.Dense(2)(keras.layers.BatchNormalization(name="norm", **arguments)(z))
        return kerasgan.SGAN(keras.Model(z, made), keras.Model(points, keras.layers.Dense(1)(points)))

    with pytest.warns(UserWarning, match="generator: batch norm is not synchronized in norm, .* of 2 replicas"):
        fit_checks.batch_norm(gan(), replicas=2)
    frozen = gan()
    frozen.generator.get_layer("norm").trainable = False
    recwarn.clear()
    fit_checks.batch_norm(gan(), replicas=1)
    fit_checks.batch_norm(gan(synchronized=True), replicas=2)
    fit_checks.batch_norm(frozen, replicas=2)
    assert not recwarn
