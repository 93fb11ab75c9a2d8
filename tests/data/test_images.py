import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.data import to_float, to_uint8


def test_every_level_there_and_back():
    levels = np.arange(256, dtype=np.uint8)
    floats = np.asarray(to_float(levels))
    assert floats.dtype == np.float32
    np.testing.assert_allclose(floats, np.arange(256) / 127.5 - 1, atol=1e-7)
    assert floats[0] == -1 and floats[255] == 1
    back = np.asarray(to_uint8(floats))
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, levels)


def test_rounds_halves_up_and_clips():
    # -1 + 1.5 / 127.5 is half way between levels 1 and 2; 0 is half way between 127 and 128
    floats = np.array([-1 + 1.4 / 127.5, -1 + 1.6 / 127.5, 0.0, -1.5, 3.0, np.inf, -np.inf], np.float32)
    np.testing.assert_array_equal(to_uint8(floats), [1, 2, 128, 0, 255, 255, 0])


def test_pixels_are_not_taken_for_floats():
    with pytest.raises(ValueError, match=r"images: expected floats in \[-1, 1\]; got float64 from 0 to 200"):
        to_uint8(np.array([0.0, 7.0, 200.0]))


def test_traceable_and_half_precision():
    traced = tf.function(lambda x: to_uint8(to_float(x)))
    levels = tf.range(256) % 256
    np.testing.assert_array_equal(traced(tf.cast(levels, tf.uint8)), np.arange(256))
    assert keras.backend.standardize_dtype(to_uint8(tf.constant([0.5], tf.bfloat16)).dtype) == "uint8"
    np.testing.assert_array_equal(to_uint8(tf.constant([-1, 0, 1], tf.bfloat16)), [0, 128, 255])
