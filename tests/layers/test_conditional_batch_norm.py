"""Class-conditional batch norm against NumPy."""

import keras
import numpy as np
import pytest

from kerasgan.layers import ConditionalBatchNormalization, ModulatedBatchNormalization

RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, (6, 4, 5, 3)).astype("float32")
LABELS = np.array([0, 1, 1, 3, 0, 2], "int32")


def layer_with_random_weights():
    layer = ConditionalBatchNormalization(4)
    layer.build([(None, 4, 5, 3), (None,)])
    layer.gain.assign(RNG.normal(size=(4, 3)))
    layer.bias.assign(RNG.normal(size=(4, 3)))
    return layer


def by_class(layer, normalized):
    gain, bias = layer.gain.numpy(), layer.bias.numpy()
    return np.stack([normalized[i] * gain[label] + bias[label] for i, label in enumerate(LABELS)])


def test_training_normalizes_the_whole_batch_then_scales_by_class():
    layer = layer_with_random_weights()
    normalized = (X - X.mean((0, 1, 2))) / np.sqrt(X.var((0, 1, 2)) + 1e-5)
    np.testing.assert_allclose(layer([X, LABELS], training=True), by_class(layer, normalized), rtol=1e-4, atol=1e-5)


def test_inference_uses_moving_statistics_with_momentum_0_9():
    layer = layer_with_random_weights()
    layer([X, LABELS], training=True)
    mean, variance = 0.1 * X.mean((0, 1, 2)), 0.9 + 0.1 * X.var((0, 1, 2))
    normalized = (X - mean) / np.sqrt(variance + 1e-5)
    np.testing.assert_allclose(layer([X, LABELS], training=False), by_class(layer, normalized), rtol=1e-4, atol=1e-4)


def test_starts_as_plain_batch_norm_with_gain_one():
    layer = ConditionalBatchNormalization(4)
    out = layer([X, LABELS], training=True).numpy()
    np.testing.assert_allclose(out.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(out.std((0, 1, 2)), 1, rtol=1e-4)
    assert [tuple(v.shape) for v in layer.trainable_variables] == [(4, 3), (4, 3)]


def test_vectors_too():
    layer = ConditionalBatchNormalization(2)
    assert layer([X[:, 0, 0], LABELS % 2]).shape == (6, 3)


def test_comes_back_from_its_configuration_in_a_model(tmp_path):
    inputs = [keras.Input((4, 5, 3)), keras.Input((), dtype="int32")]
    layer = ConditionalBatchNormalization(4, momentum=0.7, epsilon=1e-3, synchronized=False)
    model = keras.Model(inputs, layer(inputs))
    layer.gain.assign(RNG.normal(size=(4, 3)))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    again = [found for found in loaded.layers if type(found) is ConditionalBatchNormalization][0]
    assert again.get_config() == layer.get_config()
    assert (again.normalization.momentum, again.normalization.epsilon) == (0.7, 1e-3)
    assert again.normalization.synchronized is False and layer.get_config()["num_classes"] == 4
    np.testing.assert_array_equal(loaded([X, LABELS]), model([X, LABELS]))


@pytest.mark.parametrize("num_classes", [0, -1, 2.5, None])
def test_wrong_number_of_classes_is_named(num_classes):
    with pytest.raises(ValueError, match="num_classes: expected an integer of at least 1"):
        ConditionalBatchNormalization(num_classes)


@pytest.mark.parametrize("kind", ["by class", "modulated"])
def test_frozen_it_stays_frozen_when_it_is_loaded(kind, tmp_path):
    """Its statistics too, which the layer inside keeps."""
    features = keras.Input((4, 4, 3))
    if kind == "by class":
        condition = keras.Input((), dtype="int32")
        layer, value = ConditionalBatchNormalization(3, name="norm"), np.zeros(6, "int32")
    else:
        condition = keras.Input((5,))
        layer, value = ModulatedBatchNormalization(name="norm"), np.ones((6, 5), "float32")
    model = keras.Model([features, condition], layer([features, condition]))
    model.get_layer("norm").trainable = False
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for each in (model, again):
        each([np.random.default_rng(0).normal(3, 1, (6, 4, 4, 3)), value], training=True)
        np.testing.assert_array_equal(each.get_layer("norm").normalization.moving_mean, 0.0)
