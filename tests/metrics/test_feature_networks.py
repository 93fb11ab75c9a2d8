"""Feature networks: what they make of images against arithmetic of our own and other implementations."""

import json
import pathlib

import keras
import numpy as np
import pytest

from kerasgan import data
from kerasgan.data import fashion_mnist
from kerasgan.metrics import features
from kerasgan.metrics.features import garments as garments_network
from kerasgan.studies import garment_classifier, garments

RNG = np.random.default_rng(0)
HERE = pathlib.Path(features.__file__).parent


def test_a_network_that_there_is_not_is_named():
    with pytest.raises(ValueError, match="features: expected one of garments.*; got 'vgg'"):
        features.load("vgg")


def test_garments_are_judged_by_the_kept_classifier():
    network = features.load("garments")
    facts = json.loads((HERE / "garments.json").read_text())
    assert (network.features, network.classes, network.digest) == (128, 10, facts["weights"])
    assert (HERE / "garments.weights.h5").stat().st_size < 2**20
    classifier = garment_classifier.build()
    classifier.load_weights(HERE / "garments.weights.h5")
    images = RNG.integers(0, 256, (30, 32, 32, 1), dtype="uint8")
    found = network(images)
    np.testing.assert_allclose(found["probabilities"], garment_classifier.probabilities(classifier, images), atol=1e-6)
    np.testing.assert_allclose(found["features"], garment_classifier.features(classifier, images), atol=1e-5)


def test_garments_of_28_pixels_are_those_of_the_data_pipeline():
    network = features.load("garments")
    images = RNG.integers(0, 256, (12, 28, 28, 1), dtype="uint8")
    [(larger, _)] = data.in_order(data.arrays(images), 32)
    found, wanted = network(images), network(larger.numpy())
    np.testing.assert_allclose(found["features"], wanted["features"], atol=1e-5)
    for wrong, message in [
        (images[:, :20], "expected 28 or 32 pixels a side, as garments takes; got 20 x 28"),
        (np.repeat(images, 3, -1), "expected grey images, as garments takes; got 3 channels"),
        (images / 255.0, "expected uint8 images .* got float64 .* with numbers from 0 to 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            network(wrong)


def test_weights_that_are_another_networks_are_named(tmp_path):
    path = tmp_path / "other.weights.h5"
    garment_classifier.build(filters=4).save_weights(path)
    with pytest.raises(ValueError, match=f"{path}: expected weights of the garment classifier"):
        features.load("garments", path)
    garment_classifier.build().save_weights(path)
    assert features.load("garments", path).digest != features.load("garments").digest
    path.write_bytes(b"no file of HDF5")
    with pytest.raises(ValueError, match=f"{path}: expected weights of the garment classifier"):
        features.load("garments", path)


def test_networks_compute_in_float32_whatever_the_policy():
    images = RNG.integers(0, 256, (3, 32, 32, 1), dtype="uint8")
    wanted = features.load("garments")(images)
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        found = features.load("garments")(images)
        assert keras.mixed_precision.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.mixed_precision.set_global_policy("float32")
    np.testing.assert_array_equal(found["features"], wanted["features"])


@pytest.mark.slow
@pytest.mark.skipif(not fashion_mnist.available(), reason="needs Debian's package dataset-fashion-mnist")
def test_garments_json_tells_the_truth():
    facts = json.loads((HERE / "garments.json").read_text())
    network = features.load("garments")
    for split in ("train", "test"):
        images, labels = garments.arrays(split)
        parts = [network(images[first : first + 1000])["probabilities"] for first in range(0, len(images), 1000)]
        accuracy = np.mean(np.concatenate(parts).argmax(axis=1) == labels)
        assert accuracy == pytest.approx(facts["accuracy"][f"fashion_mnist {split}"], abs=2e-4)
    assert accuracy > 0.9


@pytest.mark.slow
@pytest.mark.skipif(not fashion_mnist.available(), reason="needs Debian's package dataset-fashion-mnist")
def test_the_command_that_trains_it_makes_it_again(tmp_path):
    facts = garments_network.train(tmp_path)
    kept = json.loads((HERE / "garments.json").read_text())
    for split, accuracy in kept["accuracy"].items():
        assert facts["accuracy"][split] == pytest.approx(accuracy, abs=0.01)
    assert features.load("garments", tmp_path / garments_network.WEIGHTS).digest == facts["weights"]
