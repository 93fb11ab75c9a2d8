"""Batch norm with statistics for each truncation threshold."""

import keras
import numpy as np
import pytest

from kerasgan.layers import StoredBatchNormalization

RNG = np.random.default_rng(0)


def filled(thresholds, affine=False):
    layer = StoredBatchNormalization(thresholds, epsilon=1e-3, affine=affine)
    layer.build([(None, 2, 2, 3), (None,)])
    layer.set_weights([RNG.uniform(0.5, 2.0, weight.shape) for weight in layer.weights])
    return layer


@pytest.mark.parametrize("affine", [False, True])
def test_each_row_is_normalized_with_interpolated_statistics(affine):
    layer = filled(6, affine)
    thresholds = np.array([0.0, 0.2, 0.27, 0.99, 1.0, 3.0, np.inf], "float32")
    features = RNG.normal(size=(len(thresholds), 2, 2, 3)).astype("float32")
    made = layer([features, thresholds]).numpy()
    grid = np.linspace(0, 1, 6)
    for row, threshold in enumerate(np.minimum(thresholds, 1.0)):
        means, variances = (
            np.array([np.interp(threshold, grid, table.numpy()[:, channel]) for channel in range(3)])
            for table in (layer.means, layer.variances)
        )
        wanted = (features[row] - means) / np.sqrt(variances + 1e-3)
        if affine:
            wanted = wanted * layer.gamma.numpy() + layer.beta.numpy()
        np.testing.assert_allclose(made[row], wanted, atol=1e-5)


def test_statistics_are_no_trainable_weights_and_the_layer_round_trips():
    layer = filled(4, affine=True)
    assert [weight.name for weight in layer.trainable_weights] == ["gamma", "beta"]
    again = StoredBatchNormalization.from_config(layer.get_config())
    again.build([(None, 2, 2, 3), (None,)])
    again.set_weights(layer.get_weights())
    inputs = [RNG.normal(size=(2, 2, 2, 3)).astype("float32"), np.array([0.3, 0.9], "float32")]
    np.testing.assert_array_equal(again(inputs), layer(inputs))
    assert keras.saving.get_registered_name(StoredBatchNormalization) == "kerasgan>StoredBatchNormalization"


def test_one_threshold_is_too_few():
    with pytest.raises(ValueError, match="thresholds: expected an integer of at least 2, got 1"):
        StoredBatchNormalization(1)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_in_mixed_precision_statistics_are_not_rounded(policy):
    """Of means around 1,000, a half precision has no digit after the point."""
    exact, mixed = (StoredBatchNormalization(3, affine=True, dtype=dtype) for dtype in ("float32", policy))
    for layer in (exact, mixed):
        layer.build([(None, 2, 2, 3), (None,)])
        layer.gamma.assign(np.ones(3))
        layer.beta.assign(np.full(3, 1000.3))
        layer.means.assign(np.full((3, 3), 1000.3))
    features, thresholds = np.zeros((2, 2, 2, 3), "float32"), np.array([0.2, 0.7], "float32")
    np.testing.assert_allclose(exact([features, thresholds]), 0.0, atol=0.1)
    np.testing.assert_allclose(keras.ops.cast(mixed([features, thresholds]), "float32"), 0.0, atol=0.1)
