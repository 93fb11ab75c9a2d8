"""The classifier that judges CIFAR-10, and how its weights are kept."""

import json

import keras
import numpy as np
import pytest

from kerasgan.data import splits
from kerasgan.metrics import features
from kerasgan.metrics.features import cifar10, cifar10_classifier
from kerasgan.metrics.features.published import FOLDER, Published, accuracy
from kerasgan.networks.cifar10_classifier import build
from tests.networks import numpy_layers as np_layers

RNG = np.random.default_rng(0)


def coloured(count, kinds=10):
    """Images of ten kinds that are told apart by their colours, and the labels."""
    rng = np.random.default_rng(count)
    labels = rng.integers(0, kinds, count)
    colours = np.random.default_rng(1).integers(0, 200, (10, 3))
    return (colours[labels][:, None, None] + rng.integers(0, 55, (count, 32, 32, 3))).astype("uint8"), labels


def test_the_function_computed():
    network = build(filters=2)
    np_layers.randomize(network)
    images = RNG.uniform(-1, 1, (2, 32, 32, 3))
    kernels = [weights for (weights,) in np_layers.weights_of(network, np_layers.CONV)]
    norms = list(np_layers.weights_of(network, np_layers.BATCH_NORM))
    assert [kernel.shape[2:] for kernel in kernels] == [
        (3, 2),
        (2, 4),
        (4, 4),
        (4, 4),
        (4, 8),
        (8, 16),
        (16, 16),
        (16, 16),
    ]
    blocks = iter(zip(kernels, norms, strict=True))

    def convolved(x):
        kernel, norm = next(blocks)
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        return np_layers.relu(
            np_layers.batch_norm(np_layers.conv2d(padded, kernel, padding="valid"), *norm, epsilon=1e-3)
        )

    def pooled(x):
        count, height, width, channels = x.shape
        return x.reshape(count, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))

    x = convolved(images)
    for residual in (True, False, True):
        x = pooled(convolved(x))
        if residual:
            x = x + convolved(convolved(x))
    expected = x.mean(axis=(1, 2))
    logits = np_layers.dense(expected, *next(np_layers.weights_of(network, np_layers.DENSE)))
    outputs = network(images)
    np.testing.assert_allclose(outputs["features"], expected, rtol=1e-3, atol=1e-4)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(
        outputs["probabilities"], exponentials / exponentials.sum(axis=1, keepdims=True), rtol=1e-2, atol=1e-5
    )


class Killed(Exception):
    pass


class Watch(keras.callbacks.BackupAndRestore):
    """Notes the epochs that begin, and ends the process, as it were, at the beginning of one."""

    epochs, killed_at = [], None

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch, logs)
        if epoch == Watch.killed_at:
            raise Killed
        Watch.epochs.append(epoch)


@pytest.mark.slow
def test_it_learns_and_goes_on_where_it_was_interrupted(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.callbacks, "BackupAndRestore", Watch)
    images, labels = coloured(1280, 2)

    def train():
        return cifar10_classifier.train(images, labels, 3, filters=2, backup=tmp_path / "backup", verbose=0)

    monkeypatch.setattr(Watch, "killed_at", 2)
    with pytest.raises(Killed):
        train()
    monkeypatch.setattr(Watch, "killed_at", None)
    classifier = train()
    assert Watch.epochs == [0, 1, 2]
    assert accuracy(cifar10.of(classifier), *coloured(200, 2)) > 0.9


def test_a_training_of_other_settings_begins_anew(tmp_path, monkeypatch):
    backups = []
    monkeypatch.setattr(splits, "arrays", lambda real, *_: coloured(real))
    monkeypatch.setattr(cifar10_classifier, "train", lambda *_, backup: backups.append(backup))
    monkeypatch.setattr(Published, "write", lambda *_: {})
    for settings in ((20, 3, 0), (20, 3, 0), (20, 4, 0), (20, 3, 1), (21, 3, 0)):
        cifar10.train(tmp_path, *settings)
    assert backups[0] == backups[1] and len(set(backups)) == 4


def small(classifier, name="small"):
    return cifar10.of(classifier, name)


def test_what_is_written_is_what_its_facts_tell_of(tmp_path, monkeypatch):
    published = Published("small", lambda: build(filters=2), small, "make it")
    trained = published.build()
    np_layers.randomize(trained)
    images, labels = coloured(40)
    told = published.write(tmp_path, trained, {"some": (images, labels)}, {"protocol": "none"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.json", "small.weights.h5"]
    assert json.loads((tmp_path / "small.json").read_text()) == told
    monkeypatch.setattr("kerasgan.metrics.features.published.FOLDER", tmp_path)
    network = published.load("small", None)
    assert network.digest == told["weights"]
    outputs = network(images)
    assert told["accuracy"]["some"] == np.mean(outputs["probabilities"].argmax(axis=1) == labels)
    np.testing.assert_allclose(outputs["features"], small(trained)(images)["features"], rtol=2e-2, atol=2e-3)
    np_layers.randomize(trained)
    trained.save_weights(tmp_path / "small.weights.h5")
    with pytest.raises(ValueError, match="small.weights.h5: expected the weights that small.json tells of"):
        published.load("small", None)
    assert published.load("small", tmp_path / "small.weights.h5").digest != told["weights"]


@pytest.mark.skipif(not (FOLDER / "cifar10.json").is_file(), reason="its weights are not in this zoo yet")
def test_the_kept_classifier():
    network = features.load("cifar10")
    facts = json.loads((FOLDER / "cifar10.json").read_text())
    assert facts["weights"] == network.digest and facts["accuracy"]["cifar10 test"] >= 0.9
    assert (network.features, network.classes) == (256, 10)
    outputs = network(RNG.integers(0, 256, (3, 32, 32, 3), "uint8"))
    np.testing.assert_allclose(outputs["probabilities"].sum(axis=1), 1.0, rtol=1e-5)
    with pytest.raises(ValueError, match="expected 32 pixels a side, as cifar10 takes; got 64 x 64"):
        network(RNG.integers(0, 256, (3, 64, 64, 3), "uint8"))


def test_splits_of_files_and_folders(tmp_path):
    from PIL import Image

    images, labels = coloured(20)
    names = np.array([f"kind {index}" for index in range(10)])
    np.savez(tmp_path / "train.npz", x=images, y=labels, classes=names)
    for index, (image, label) in enumerate(zip(images, labels)):
        folder = tmp_path / "test" / names[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{index:02d}.png")
    of_file, of_folder = (splits.arrays(tmp_path, split, 32) for split in ("train", "test"))
    np.testing.assert_array_equal(of_file[0], images)
    np.testing.assert_array_equal(of_file[1], labels)
    order = np.argsort(labels, kind="stable")
    np.testing.assert_array_equal(of_folder[0], images[order])
    np.testing.assert_array_equal(of_folder[1], np.unique(labels, return_inverse=True)[1][order])
    np.savez(tmp_path / "train.npz", x=images)
    with pytest.raises(ValueError, match="real: expected images with labels; train has none"):
        splits.arrays(tmp_path, "train", 32)
