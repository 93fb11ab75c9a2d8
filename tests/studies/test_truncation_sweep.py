"""The truncation sweep: what it measures at each threshold, and that thresholds differ in nothing else."""

import json
import math

import keras
import numpy as np
import pytest
from PIL import Image
from scipy import linalg, stats

import kerasgan
from kerasgan.metrics import inception_score
from kerasgan.studies import garment_classifier, garments
from kerasgan.studies import truncation_sweep as study

RNG = np.random.default_rng(0)


class Identity:
    """Samples whose images are the latents: `sample` gives truncated normal numbers, keyed by seed."""

    num_classes = None
    image_shape = (1, 1, 64)

    def __init__(self):
        self.prior = kerasgan.latents.Normal(64)

    def sample(self, n, seed=0, labels=None, truncation=None, batch_size=64):
        uniforms = np.random.default_rng(seed).random((n, 64))
        return np.asarray(self.prior(uniforms, truncation=np.full(n, truncation, "float32"))).reshape(n, 1, 1, 64)


def test_a_metric_follows_the_truncated_normal_distribution():
    bounds = [0.1, 0.5, 1.0, 2.0, math.inf]
    rows = study.truncation_sweep(Identity(), bounds, {"std": lambda images, labels: images.std()}, n=2000)
    for row, bound in zip(rows, bounds, strict=True):
        assert row["truncation"] == bound
        assert row["std"] == pytest.approx(stats.truncnorm(-bound, bound).std(), rel=0.01)


def test_only_the_threshold_differs(small_gan):
    seen = []

    def metric(images, labels):
        seen.append((images, labels))
        return images.mean()

    gan = small_gan(num_classes=3)
    rows = study.truncation_sweep(gan, [0.5, 2.0], {"mean": metric}, n=7, seed=4)
    for (images, labels), row in zip(seen, rows, strict=True):
        assert labels == [0, 1, 2, 0, 1, 2, 0]
        expected = gan.sample(7, seed=4, labels=labels, truncation=row["truncation"])
        assert np.abs(images.astype(int) - expected).max() <= 1 and row["mean"] == pytest.approx(images.mean())
    assert not np.array_equal(seen[0][0], seen[1][0])


def test_what_cannot_be_swept_is_named():
    for wrong in ([], [0.5, 0.0], [-1.0], [math.nan]):
        with pytest.raises(ValueError, match="truncations: expected at least one positive number"):
            study.truncation_sweep(Identity(), wrong, {"std": np.std})
    with pytest.raises(ValueError, match="metrics: expected a dict of names to functions; got none"):
        study.truncation_sweep(Identity(), [1.0], {})


def test_features_are_the_classifiers_last_convolution_averaged_over_places():
    network = garment_classifier.build(filters=2)
    images = RNG.integers(0, 256, (510, 32, 32, 1), "uint8")
    made = garment_classifier.features(network, images)
    dense = network.layers[-1]
    [flat] = [layer for layer in network.layers if isinstance(layer, keras.layers.Flatten)]
    places = np.asarray(keras.Model(network.input, flat.output)(images / np.float32(127.5) - 1)).reshape(510, 16, 8)
    np.testing.assert_allclose(made, places.mean(axis=1), atol=1e-5)
    assert made.shape == (510, 8) and dense.units == 10 and made.std() > 0


@pytest.fixture
def small(monkeypatch, tmp_path, small_gan):
    """Garments of noise, an untrained classifier, and a model; the folder that holds them."""
    noise = {split: RNG.integers(0, 256, (40, 32, 32, 1), "uint8") for split in ("train", "test")}
    monkeypatch.setattr(garments, "arrays", lambda split, data_dir=None: (noise[split], np.arange(40) % 10))
    garment_classifier.build(filters=2).save(tmp_path / garment_classifier.FILE)
    small_gan(num_classes=10).save(tmp_path / "model.keras")
    return tmp_path, noise


def test_a_study_in_small_leaves_picture_and_numbers(small):
    folder, noise = small
    path = study.run(folder / "model.keras", folder / "out", [2.0, 0.1], n=40, seed=3, classifier=folder)
    content = json.loads(path.read_text())
    assert content["settings"]["truncations"] == [0.1, 2.0] and content["settings"]["seed"] == 3
    network = keras.saving.load_model(folder / garment_classifier.FILE)
    gan = kerasgan.load(folder / "model.keras")
    wanted = garment_classifier.features(network, noise["test"]).astype("float64")
    for row in [*content["result"]["thresholds"], {"truncation": None, **content["result"]["real"]}]:
        real = row["truncation"] is None
        images = noise["train"] if real else gan.sample(40, seed=3, truncation=row["truncation"])
        features = garment_classifier.features(network, images).astype("float64")
        covariances = np.cov(features, rowvar=False), np.cov(wanted, rowvar=False)
        root = linalg.sqrtm(covariances[0] @ covariances[1]).real
        distance = np.square(features.mean(0) - wanted.mean(0)).sum() + np.trace(sum(covariances) - 2 * root)
        assert row["Frechet distance"] == pytest.approx(distance, rel=1e-2)
        score = inception_score.inception_score(garment_classifier.probabilities(network, images)).mean
        assert row["inception score"] == pytest.approx(score, rel=1e-3)
    assert "test split" in content["result"]["protocol"]
    assert np.asarray(Image.open(folder / "out" / "truncation.png")).std() > 10


def test_colour_and_a_single_threshold_are_drawn(tmp_path):
    images = RNG.integers(0, 256, (1, 5, 16, 16, 3), "uint8")
    path = study.draw(tmp_path / "one.png", [{"truncation": math.inf, "a": 1.0, "b": 2.0}], "a", "b", images)
    assert np.ptp(np.asarray(Image.open(path).convert("RGB")).astype(int), axis=-1).max() > 100


def test_wrong_arguments_are_named_before_any_work(small, small_gan):
    folder, _ = small
    out = folder / "new"
    with pytest.raises(ValueError, match="n: expected an integer of at least 10, got 9"):
        study.run(folder / "model.keras", out, n=9)
    with pytest.raises(FileNotFoundError, match="no such file: .*other.keras"):
        study.run(folder / "other.keras", out)
    points = kerasgan.SGAN(kerasgan.networks.mlp.generator(width=4), kerasgan.networks.mlp.critic(width=4))
    points.compile()
    points.save(folder / "points.keras")
    with pytest.raises(ValueError, match=r"model: expected one that makes images of shape \(32, 32, 1\); .* \(2,\)"):
        study.run(folder / "points.keras", out)
    assert not out.exists()
