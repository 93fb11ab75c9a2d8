import numpy as np
import pytest
import tensorflow as tf


@pytest.fixture(autouse=True)
def global_seed_left_alone():
    yield
    tf.random.set_seed(None)


@pytest.fixture
def noise():
    """uint8 [n, size, size, channels] noise."""

    def make(n, size=8, channels=3):
        return np.random.default_rng(n).integers(0, 256, (n, size, size, channels), dtype=np.uint8)

    return make


@pytest.fixture
def numbered():
    """uint8 [n, 4, 4, 1]: image i is filled with i."""

    def make(n):
        return np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 4, 4, 1)).copy()

    return make
