"""Shared by all tests: quiet TensorFlow, and small models."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest

import kerasgan


@pytest.fixture
def images():
    """uint8 [48, 32, 32, 1], of no meaning."""
    return np.random.default_rng(0).integers(0, 256, (48, 32, 32, 1), dtype=np.uint8)


def make_gan(objective=None, num_classes=None, **arguments):
    """Return a small compiled GAN, the same at each call."""
    keras.utils.set_random_seed(0)
    generator = kerasgan.networks.dcgan.generator((32, 32, 1), latent_dim=8, num_classes=num_classes, filters=4)
    critic = kerasgan.networks.dcgan.critic((32, 32, 1), num_classes=num_classes, filters=4, normalization="layer")
    gan = (objective or kerasgan.SGAN)(generator, critic, num_classes=num_classes, **arguments)
    gan.compile()
    return gan


@pytest.fixture
def small_gan():
    """Return the function `make_gan(objective, num_classes, **arguments)`."""
    return make_gan
