"""Keras's `quantize` and `enable_lora` change layers after a model was made: right results, or words that say so."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.networks import mlp


def small(**options):
    keras.utils.set_random_seed(0)
    gan = kerasgan.SGAN(mlp.generator((2,), 4, width=8), mlp.critic((2,), width=8), **options)
    gan.compile()
    return gan


def points():
    values = np.random.default_rng(0).uniform(-1, 1, (32, 2)).astype("float32")
    return tf.data.Dataset.from_tensor_slices(values).batch(8)


def dense(network):
    return next(layer for layer in network.layers if isinstance(layer, keras.layers.Dense))


def test_samples_after_quantize_are_the_quantized_networks(tmp_path):
    z = keras.Input((4,))
    model = kerasgan.Sampler(keras.Model(z, keras.layers.Dense(2)(keras.layers.Dense(64, activation="relu")(z))))
    before = model.sample(64)
    model.generator.quantize("int8")
    after = model.sample(64)
    assert 0 < np.abs(after - before).max() < 0.2
    fresh = kerasgan.Sampler(model.generator)
    np.testing.assert_allclose(after, fresh.sample(64), atol=1e-6)
    model.save(tmp_path / "quantized.keras")
    np.testing.assert_allclose(kerasgan.load(tmp_path / "quantized.keras").sample(64), after, atol=1e-6)


def test_samples_after_lora_are_the_adapted_networks():
    model = kerasgan.Sampler(small().generator)
    before = model.sample(8)
    layer = dense(model.generator)
    layer.enable_lora(2)
    layer.lora_kernel_b.assign(np.ones(layer.lora_kernel_b.shape))
    assert np.abs(model.sample(8) - before).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("change", ["quantize", "enable_lora"])
def test_a_generator_that_its_average_does_not_follow_is_named(tmp_path, change):
    gan = small()
    gan.generator.quantize("int8") if change == "quantize" else dense(gan.generator).enable_lora(2)
    said = "generator: expected the variables that it had when the GAN was made.*ema_decay=None"
    with pytest.raises(ValueError, match=said):
        gan.fit(points(), verbose=0)
    with pytest.raises(ValueError, match=said):
        gan.save(tmp_path / "gan.keras")
    with pytest.raises(ValueError, match=said):
        gan.sample(4)
    assert not list(tmp_path.iterdir())


def test_lora_before_the_gan_is_made_trains_and_is_averaged(tmp_path):
    keras.utils.set_random_seed(0)
    generator = mlp.generator((2,), 4, width=8)
    dense(generator).enable_lora(2)
    gan = kerasgan.SGAN(generator, mlp.critic((2,), width=8), ema_decay=0.5)
    gan.compile()
    frozen, adapted = dense(generator)._kernel.numpy(), dense(generator).lora_kernel_b.numpy()
    gan.fit(points(), epochs=2, verbose=0)
    np.testing.assert_array_equal(dense(generator)._kernel.numpy(), frozen)
    assert (dense(generator).lora_kernel_b.numpy() != adapted).any()
    assert (dense(gan.ema_generator).lora_kernel_b.numpy() != adapted).any()
    gan.save(tmp_path / "lora.keras")
    again = kerasgan.load(tmp_path / "lora.keras")
    np.testing.assert_allclose(again.sample(8), gan.sample(8), atol=1e-6)


def test_a_quantized_network_is_not_trained():
    gan = small(ema_decay=None)
    gan.critic.quantize("int8")
    with pytest.raises(
        ValueError, match="critic: expected kernels of floats.*quantized to int8: quantize after training"
    ):
        gan.fit(points(), verbose=0)


@pytest.mark.parametrize("change", ["model", "generator", "layer", "lora", "attention"])
def test_spectral_normalization_refuses_what_changes_its_kernel(change):
    z = keras.Input((4,))
    layer = kerasgan.layers.SpectralNormalization(keras.layers.Dense(32, name="inner"), name="outer")
    x = keras.layers.Reshape((2, 2, 8))(layer(z))
    if change == "attention":
        x = kerasgan.layers.SelfAttention(name="attention")(x)
    model = kerasgan.Sampler(keras.Model(z, keras.layers.Flatten()(x)))
    before = model.sample(4)
    with pytest.raises(ValueError, match="expected no LoRA and no quantization under spectral normalization"):
        {
            "model": lambda: model.quantize("int8"),
            "generator": lambda: model.generator.quantize("int4"),
            "layer": lambda: layer.layer.quantize("int8"),
            "lora": lambda: layer.layer.enable_lora(2),
            "attention": lambda: model.generator.get_layer("attention").query.layer.quantize("int8"),
        }[change]()
    np.testing.assert_array_equal(model.sample(4), before)
