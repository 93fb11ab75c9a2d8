"""Shared by the tests of the studies."""

import pytest
import tensorflow as tf


@pytest.fixture
def eagerly():
    """Run TensorFlow's functions eagerly: a test that takes two steps spends its time on graphs."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
