"""Keras on PyTorch and JAX: what TensorFlow samples is sampled, and what needs TensorFlow says so."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import kerasgan
from tests.conftest import make_gan, raise_contrast
from tests.models.other_backend import made_of
from tests.models.test_runtimes import family
from tests.networks.families import FAMILIES

pytestmark = pytest.mark.parity

ROOT = pathlib.Path(__file__).parents[2]
PRESETS = sorted(path.parent.name for path in (ROOT / "zoo" / "presets").glob("*/config.json"))
BACKENDS = [
    "torch",
    pytest.param("jax", marks=pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="no jax")),
]


def run(backend, *arguments):
    """What Python prints with a backend."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def differences(backend, folder):
    found = json.loads(run(backend, "-m", "tests.models.other_backend", str(folder)))
    assert found.pop("backend") == backend
    return found


@pytest.fixture(scope="module")
def of_tensorflow(tmp_path_factory):
    """A folder of weights and images of all families and presets."""
    folder = tmp_path_factory.mktemp("of_tensorflow")
    for name in FAMILIES:
        sampler = family(name)
        sampler.save_weights(folder / f"{name}.weights.h5")
        np.savez(folder / f"{name}.npz", **made_of(sampler))
    for name in PRESETS:
        np.savez(folder / f"{name}.npz", **made_of(kerasgan.from_preset(name)))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_each_family_and_preset_makes_the_same_images(backend, of_tensorflow):
    found = differences(backend, of_tensorflow)
    assert set(found) == {*FAMILIES, *PRESETS}
    assert max(found.values()) <= 1, found
    assert found["wgan_gp_characters"] <= 1e-4  # which are no levels


def test_pytorch_makes_the_same_images(tmp_path):
    sampler = kerasgan.from_preset("sgan_fashion_mnist")
    np.savez(tmp_path / "sgan_fashion_mnist.npz", **made_of(sampler))
    assert differences("torch", tmp_path)["sgan_fashion_mnist"] <= 1
    assert made_of(sampler)["samples"].std(axis=0).mean() > 5


def test_pytorch_reads_an_exported_keras_file_and_no_gan(tmp_path):
    gan = make_gan(num_classes=3)
    raise_contrast(gan)
    gan.export_keras(tmp_path / "generator.keras")
    gan.save(tmp_path / "gan.keras")
    kerasgan.from_preset("sgan_fashion_mnist").save(tmp_path / "sampler.keras")  # its batch norms are synchronized
    code = """
import sys, numpy, kerasgan
numpy.save("images.npy", kerasgan.load("generator.keras").sample(4, seed=7))
try:
    kerasgan.load("gan.keras")
except ImportError as error:
    print(error)
try:
    kerasgan.load("sampler.keras")
except ValueError as error:
    print(error)
"""
    said = run("torch", "-c", f"import os; os.chdir({str(tmp_path)!r})\n{code}")
    assert "sampler.keras: not a readable .keras file" in said and said.endswith("writes a file for every backend\n")
    assert said.startswith("gan.keras, of a SGAN, needs Keras with TensorFlow")
    images = gan.sample(4, seed=7)
    assert np.abs(np.load(tmp_path / "images.npy").astype(int) - images).max() <= 1
    assert images.std(axis=0).mean() > 5


CODE = """
import sys, warnings
import numpy as np
import kerasgan

def said(call, kind):
    try:
        call()
    except kind as error:
        print(f"{kind.__name__}: {error}")

sampler = kerasgan.from_preset("sgan_fashion_mnist")
said(lambda: kerasgan.from_preset("sgan_fashion_mnist", training=True), ImportError)
said(lambda: sampler.export("1"), ImportError)
said(lambda: sampler.export_onnx("a.onnx"), ImportError)
said(lambda: sampler.export_keras("a.keras"), ImportError)
said(lambda: sampler.export_litert("a.tflite"), ImportError)
said(lambda: kerasgan.SGAN, ImportError)
class Own(kerasgan.latents.Normal):
    pass
said(lambda: kerasgan.Sampler(sampler.generator, Own(64), num_classes=10).sample(1), NotImplementedError)
sampler.save(sys.argv[1])
variable = sampler.generator.weights[0]
variable.assign(np.full(variable.shape, np.nan))
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    sampler.sample(1)
print([each.category.__name__ for each in told if issubclass(each.category, RuntimeWarning)])
"""


def test_what_needs_tensorflow_says_so(tmp_path):
    *refused, own, warned = run("torch", "-c", CODE, str(tmp_path / "sampler.keras")).splitlines()
    whats = ["training", "export", "export_onnx", "export_keras", "export_litert", "kerasgan.SGAN"]
    assert [line.split(" and KERAS_BACKEND")[0] for line in refused] == [
        f"ImportError: {what} needs Keras with TensorFlow," for what in whats
    ]
    assert own.startswith("NotImplementedError: latent: Own is not kerasgan's")
    assert warned == "['NotFiniteWarning']"
    saved = kerasgan.load(tmp_path / "sampler.keras")  # with TensorFlow again
    np.testing.assert_array_equal(saved.sample(4), kerasgan.from_preset("sgan_fashion_mnist").sample(4))
