"""Shared by all tests: quiet TensorFlow, and small models."""

import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the commands have it, so that numbers are comparable

from importlib import metadata

import keras
import numpy as np
import pytest
from packaging.requirements import Requirement

import kerasgan
from kerasgan.data import fashion_mnist

PREPARED = pathlib.Path.home() / "tensorflow_datasets" / "fashion_mnist"
needs_fashion_mnist = pytest.mark.skipif(
    not PREPARED.is_dir() and not fashion_mnist.available(), reason="needs Fashion-MNIST: make data"
)


def pytest_addoption(parser):
    """`--no-skips`, for runs that have all they need: a test that is skipped was meant to run."""
    parser.addoption("--no-skips", action="store_true", help="fail where a test is skipped")


def pytest_collection_modifyitems(items):
    """Skip the tests marked `parity` unless all that the extra installs is there."""
    missing = [name for name in parity_packages() if not installed(name)]
    if missing:
        skip = pytest.mark.skip(reason=f"needs {', '.join(missing)}: make parity")
        for item in items:
            if item.get_closest_marker("parity"):
                item.add_marker(skip)


def pytest_sessionfinish(session):
    """With `--no-skips`, end as a failed run does."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--no-skips") and reporter and reporter.stats.get("skipped"):
        reporter.write_line("error: with --no-skips no test may be skipped", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def parity_packages():
    """Names of the distributions that the extra `parity` asks for."""
    wanted = map(Requirement, metadata.requires("kerasgan"))
    return sorted(one.name for one in wanted if one.marker and one.marker.evaluate({"extra": "parity"}))


def installed(name):
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


@pytest.fixture(autouse=True)
def seeded():
    """Each test draws the same weights in each run: with others, units of a small network may all be dead."""
    keras.utils.set_random_seed(0)


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


def raise_contrast(gan):
    """Scale the sampling generator's weights until its images differ by tens of levels from seed to seed.

    Those of an untrained generator differ by less than one, so that any image would pass for any other.
    """
    kernels = [layer for layer in gan.sampling_generator.layers if layer.weights and "norm" not in layer.name]
    for layer in kernels:
        layer.set_weights([4 * weights for weights in layer.get_weights()])
    labels = None if gan.num_classes is None else 0
    for _ in range(20):
        if gan.sample(8, labels=labels).std(axis=0).mean() > 20:
            return
        kernels[-1].set_weights([2 * weights for weights in kernels[-1].get_weights()])
    raise AssertionError("the generator's images do not depend on the seed")


@pytest.fixture
def small_gan():
    """Return the function `make_gan(objective, num_classes, **arguments)`."""
    return make_gan
