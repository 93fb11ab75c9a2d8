"""What a user does first, in a few minutes: fit, sample, save, preset, export, serve, query. For any versions.

python -m tests.smoke

It needs nothing but kerasgan, and no data: `make next` runs it with the libraries' nightly builds. Each step prints a
line; one that fails prints its error, and the next is tried all the same. It ends with 1 if one failed.
"""

import importlib.util
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import traceback
from importlib import metadata

import keras
import numpy as np
import tensorflow as tf

import kerasgan
from kerasgan import client
from kerasgan.zoo import verify

PRESET = "sgan_fashion_mnist"
LABELS = np.arange(10, dtype=np.int32)


def fit(folder):
    """A small conditional GAN learns from images of two kinds, bright and dark."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 256)
    images = (rng.integers(0, 40, (256, 32, 32, 1)) + 200 * labels[:, None, None, None]).astype(np.uint8)
    networks = kerasgan.networks.dcgan
    generator = networks.generator((32, 32, 1), latent_dim=8, num_classes=2, filters=8)
    critic = networks.critic((32, 32, 1), num_classes=2, filters=8)
    gan = kerasgan.SGAN(generator, critic, num_classes=2, ema_decay=0.9)
    gan.compile(keras.optimizers.Adam(1e-3, beta_1=0.5), keras.optimizers.Adam(1e-3, beta_1=0.5))
    history = gan.fit(images, labels, batch_size=32, epochs=20, verbose=0).history
    gan.save(folder / "trained.keras")
    assert all(np.isfinite(values).all() for values in history.values()), history
    dark, bright = (gan.sample(64, labels=label).mean() for label in (0, 1))
    assert bright - dark > 30, f"bright images have a mean of {bright:.0f}, dark ones of {dark:.0f}"
    return f"the mean of bright images is {bright:.0f}, of dark ones {dark:.0f}"


def save(folder):
    """The file makes the same images and goes on training."""
    path = folder / "trained.keras"
    gan, again = kerasgan.load(path), kerasgan.load(path)
    one, other = gan.sample(8, seed=3, labels=1), again.sample(8, seed=3, labels=1)
    assert (one == other).all() and one.dtype == np.uint8
    gan.fit(np.zeros((64, 32, 32, 1), np.uint8), np.zeros(64, int), batch_size=32, verbose=0)
    assert not (gan.sample(8, seed=3, labels=1) == one).all(), "training changed nothing"
    gan.save_to_preset(folder / "preset")
    return "the same images, and it trains on"


def preset(folder):
    """A preset of the repository makes the pictures of its card, which a released version made."""
    mine = kerasgan.from_preset(str(folder / "preset"))
    assert mine.sample(2, labels=[0, 1]).shape == (2, 32, 32, 1)
    return "; ".join(verify.verify(PRESET, metrics=False))


def export_and_serve(folder):
    """A server's images, over gRPC and REST, are those of `sample`."""
    gan = kerasgan.from_preset(PRESET)
    wanted = gan.sample(10, seed=7, labels=LABELS, truncation=1.5)
    gan.export(folder / "models" / "garments" / "1")
    command = [sys.executable, "-m", "kerasgan", "serve", str(folder / "models"), "--port", "0", "--rest-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            addresses = re.search(r"gRPC (\S+)  REST (\S+)", process.stdout.readline()).groups()
            found = [difference(asked(address), wanted) for address in addresses]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
    assert process.returncode == 0, f"the server ended with {process.returncode}"
    assert max(found) <= 1, f"levels of difference over gRPC and REST: {found}"
    return f"levels of difference over gRPC and REST: {found}"


def asked(address):
    """Images of the server."""
    with client.connect(address, model="garments", timeout=60) as garments:
        return garments.generate(seed=7, labels=LABELS.tolist(), truncation=1.5)


def runtimes(folder):
    """Files of the runtimes that are installed make the images of `sample`, or the export says that they do not."""
    gan = kerasgan.from_preset(PRESET)
    exports = {
        ("tf2onnx", "onnxruntime"): lambda: gan.export_onnx(folder / "garments.onnx"),
        ("ai_edge_litert",): lambda: gan.export_litert(folder / "garments.tflite"),
        ("tf2onnx", "openvino"): lambda: gan.export_openvino(folder / "garments.xml"),
        ("keras",): lambda: gan.export_keras(folder / "garments.keras"),
    }
    installed = {names: run for names, run in exports.items() if all(map(importlib.util.find_spec, names))}
    return ", ".join(f"{names[-1]} {run()}" for names, run in installed.items()) + " levels of difference"


def difference(images, wanted):
    """The largest, in levels of 255."""
    return int(np.abs(np.asarray(images).astype(int) - wanted).max())


def version_of(name):
    """A distribution's version; `None` where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def main():
    """Run all steps; returns the exit status."""
    names = ("numpy", "protobuf", "grpcio", "tensorflow-serving-api", "tf2onnx", "onnxruntime", "ai-edge-litert")
    versions = {"Python": sys.version.split()[0], "TensorFlow": tf.__version__, "Keras": keras.__version__}
    versions |= {name: version for name in (*names, "openvino") if (version := version_of(name))}
    print(", ".join(f"{name} {version}" for name, version in versions.items()), flush=True)
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for step in (fit, save, preset, export_and_serve, runtimes):
            try:
                print(f"{step.__name__}: {step(pathlib.Path(folder))}", flush=True)
            except Exception:
                failed.append(step.__name__)
                print(f"{step.__name__}: FAILED\n{traceback.format_exc()}", flush=True)
    print(f"failed: {', '.join(failed)}" if failed else "all passed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
