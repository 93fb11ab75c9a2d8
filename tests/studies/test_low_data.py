"""The study of few data: what it trains on, what it measures, and that it goes on where it stopped."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan import techniques
from kerasgan.data import fashion_mnist_arrays
from kerasgan.latents import GaussianMixture
from kerasgan.studies import low_data

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")

RNG = np.random.default_rng(0)


def test_methods_differ_in_what_they_are_called_after_alone():
    gans = {name: low_data.gan(name, 1, filters=2) for name in low_data.METHODS}
    plug_ins = {name: [type(one) for one in gan.techniques] for name, gan in gans.items()}
    assert plug_ins == {
        "plain": [],
        "DiffAugment": [techniques.DiffAugment],
        "ADA": [techniques.AdaptiveAugmentation],
        "DeLiGAN": [],
    }
    assert [type(gan.latent) is GaussianMixture for gan in gans.values()] == [False, False, False, True]
    first, *others = (gan.generator.get_weights() + gan.critic.get_weights() for gan in gans.values())
    for weights in others:
        for one, other in zip(first, weights, strict=True):
            np.testing.assert_array_equal(one, other)


def test_pictures_are_divided_without_overlap(tmp_path):
    images = RNG.integers(0, 256, (120, 32, 32, 4), "uint8")
    images[..., 3] = 255
    np.savez(tmp_path / "some.npz", x=images)
    sets, everything, name = low_data.of_pictures(tmp_path / "some.npz")
    assert name == "some" and {key: len(value) for key, value in sets.items()} == {"training": 96, "held-out": 24}
    found = np.concatenate([*sets.values()]).reshape(120, -1)
    np.testing.assert_array_equal(np.unique(found, axis=0), np.unique(everything.reshape(120, -1), axis=0))
    np.testing.assert_array_equal(everything, images[..., :3])
    np.savez(tmp_path / "few.npz", x=images[:99])
    with pytest.raises(ValueError, match="path: expected at least 100 pictures; .*few.npz' has 99"):
        low_data.of_pictures(tmp_path / "few.npz")


@pytest.mark.usefixtures("eagerly")
def test_a_study_in_small_leaves_numbers_and_pictures_and_goes_on(tmp_path, monkeypatch):
    def arrays(split, data_dir=None):
        count = 600 if split == "train" else 1000
        return RNG.integers(0, 256, (count, 32, 32, 1), "uint8"), np.arange(count) % 10

    monkeypatch.setattr(fashion_mnist_arrays, "arrays", arrays)
    small = {"steps": 2, "every": 2, "n": 20, "filters": 1}
    low_data.run(tmp_path, **small, methods=("plain",))
    before = json.loads((tmp_path / "result.json").read_text())["result"]["plain"]
    path = low_data.run(tmp_path, **small, methods=("plain", "ADA"))
    content = json.loads(path.read_text())
    assert content["settings"]["images"] == 500 and content["settings"]["features"] == "garments"
    result = content["result"]
    assert list(result) == ["plain", "ADA"] and result["plain"] == before
    for found in result.values():
        assert found["fd_steps"] == [2] and found["fd"][0] > 0 and found["logits_steps"] == [0, 1, 2]
        assert {name: len(values) for name, values in found["logits"].items()} == {
            "training": 3,
            "held-out": 3,
            "generated": 3,
        }
    with pytest.raises(ValueError, match="holds a result of other settings"):
        low_data.run(tmp_path, **small | {"n": 30}, methods=("plain",))
    assert json.loads(path.read_text()) == content
    assert result["ADA"]["p"] == 0 and "p" not in result["plain"]
    assert np.asarray(Image.open(tmp_path / "low_data.png")).std() > 10


def test_logits_are_the_critics_means(monkeypatch):
    monkeypatch.setattr(low_data.training, "fit", fit := Fit())
    sets = {name: RNG.integers(0, 256, (60, 32, 32, 1), "uint8") for name in ("training", "held-out")}
    monkeypatch.setattr(low_data.metrics, "evaluate", lambda *_: [type("", (), {"value": 1.5})])
    numbers, _ = low_data.trained("plain", sets, None, 1, 1, 2, filters=2)
    assert fit.given == (low_data.BATCH, 1)
    for name, images in sets.items():
        wanted = np.mean(fit.gan.critic(tf.cast(images, "float32") / 127.5 - 1, training=False))
        assert numbers["logits"][name] == [pytest.approx(wanted, abs=1e-5)]
    assert numbers["fd"] == [1.5]


class Fit:
    """Stands in for the training: lets the callbacks act once."""

    def __call__(self, gan, values, batch_size, steps, what, execution, extra):
        self.gan, self.given = gan, (batch_size, steps)
        watch, distance = extra
        for callback in extra:
            callback.set_model(gan)
        watch.on_train_begin()
        distance.act(1, None)


def test_wrong_arguments_are_named_before_any_work(tmp_path):
    with pytest.raises(ValueError, match="steps: expected an integer of at least 1, got 0"):
        low_data.run(tmp_path / "new", steps=0)
    with pytest.raises(ValueError, match="methods: expected some of plain, DiffAugment, ADA, DeLiGAN; got .'plane',"):
        low_data.run(tmp_path / "new", methods=("plane",))
    with pytest.raises(ValueError, match="seed: expected an integer from 0 to 4294967295, got -1"):
        low_data.run(tmp_path / "new", seed=-1)
    assert not (tmp_path / "new").exists()


def test_pictures_that_are_not_there_are_named_before_the_feature_network(tmp_path, monkeypatch):
    """Without the package of EfficientNet-Lite0 a mistyped folder asked for that package."""
    monkeypatch.setattr(low_data.metrics.features, "load", lambda name: pytest.fail("loaded"))
    with pytest.raises(FileNotFoundError, match="path: no folder at .*picture$"):
        low_data.run(tmp_path / "out", path=tmp_path / "picture")
