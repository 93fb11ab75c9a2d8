"""Batch norm whose replicas send one message: the numbers of Keras's layer."""

import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from kerasgan.layers import BatchNormalization

ROOT = pathlib.Path(__file__).parents[2]


def test_two_replicas_compute_what_keras_does_in_fewer_messages(tmp_path):
    command = [sys.executable, "-m", "tests.layers.batch_norm_two_replicas", tmp_path / "out.npz"]
    subprocess.run(command, check=True, timeout=300, cwd=ROOT)
    found = np.load(tmp_path / "out.npz")
    for name in ("made", "gradients", "moving_mean", "moving_variance"):
        np.testing.assert_allclose(found[f"ours_{name}"], found[f"keras_{name}"], atol=2e-5, err_msg=name)
    np.testing.assert_allclose(found["ours_made"], found["one"], atol=2e-5)
    assert (found["keras_messages"], found["ours_messages"]) == (2 * 5, 2 * 2), "forth and back, of two replicas"


@pytest.mark.parametrize("synchronized", [False, True])
def test_alone_it_is_kerass_layer(synchronized):
    x = np.random.default_rng(0).normal(2.0, 3.0, (6, 3, 2, 4)).astype("float32")
    layers = [
        kind(momentum=0.7, synchronized=synchronized) for kind in (keras.layers.BatchNormalization, BatchNormalization)
    ]
    made = [layer(x, training=True) for layer in layers]
    np.testing.assert_array_equal(*made)
    for theirs, ours in zip(*(layer.weights for layer in layers), strict=True):
        np.testing.assert_array_equal(theirs, ours)


def test_files_are_those_of_kerass_layer(tmp_path):
    """Weights that were saved with it are found; so are checkpoints of runs from before."""
    before = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()])
    after = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), BatchNormalization()])
    before.layers[1].moving_mean.assign([3.0, 4.0])
    before.save_weights(tmp_path / "before.weights.h5")
    after.load_weights(tmp_path / "before.weights.h5")
    for theirs, ours in zip(before.weights, after.weights, strict=True):
        np.testing.assert_array_equal(theirs, ours)
    after.save(tmp_path / "after.keras")
    again = keras.models.load_model(tmp_path / "after.keras")
    assert type(again.layers[1]) is BatchNormalization
    np.testing.assert_array_equal(again.layers[1].moving_mean, [3.0, 4.0])
