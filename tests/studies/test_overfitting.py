"""The study of overfitting: the losses it shows, and that watching does not change the training."""

import functools
import json

import numpy as np
import pytest
from PIL import Image

from kerasgan import objectives
from kerasgan.data import fashion_mnist_arrays
from kerasgan.studies import overfitting, training
from tests.conftest import needs_fashion_mnist
from tests.networks import numpy_layers as np_layers

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")

RNG = np.random.default_rng(0)


@pytest.fixture
def sets():
    """Noise under both names; 300 images make two parts."""
    return {name: RNG.integers(0, 256, (300, 32, 32, 1), "uint8") for name in overfitting.COLOURS}


def test_losses_are_the_means_of_the_critics_logits(small_gan, sets):
    watch = overfitting.CriticLoss(sets, every=5, fakes=260)
    gan = small_gan()
    watch.set_model(gan)
    watch.on_train_begin()
    rng = np.random.default_rng(0)
    z = gan.latent(rng.uniform(np.finfo("float64").tiny, 1, (260, 8)))
    fake = np.mean(gan.critic(gan.generator(z, training=False), training=False))
    for name, images in sets.items():
        real = np.mean(gan.critic(images / np.float32(127.5) - 1, training=False))
        assert watch.values[name] == [pytest.approx(real - fake, abs=1e-5)]
    assert watch.steps == [0]


def test_losses_follow_the_weights_and_the_sets_differ_by_their_own_means(small_gan, sets):
    watch = overfitting.CriticLoss(sets, every=5)
    gan = small_gan()
    watch.set_model(gan)
    watch.on_train_begin()
    for weight in gan.critic.layers[-2].weights:  # the last dense layer: logits are proportional to it
        weight.assign(3 * weight)
    watch.act(5, None)
    for values in watch.values.values():
        assert values[1] == pytest.approx(3 * values[0], rel=1e-4)
    gan.generator.weights[0].assign(-gan.generator.weights[0])
    watch.act(10, None)
    gap = [mine - other for mine, other in zip(watch.values["training"], watch.values["held-out"])]
    assert gap[2] == pytest.approx(gap[1], abs=1e-5) and watch.values["training"][2] != watch.values["training"][1]


@pytest.mark.usefixtures("eagerly")
def test_watching_does_not_change_the_training(small_gan, sets):
    weights = []
    for extra in ([], [overfitting.CriticLoss(sets, every=1, fakes=10)]):
        gan = small_gan()
        training.fit(gan, sets["training"], 4, 2, "watched", extra=extra, execution=1)
        weights.append(gan.get_weights())
    for mine, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert extra[0].steps == [0, 1, 2]


def test_gap_is_of_the_last_tenth():
    values = {"training": np.arange(30.0), "held-out": np.arange(30.0) - [*[0] * 27, 3, 4, 8]}
    assert overfitting.gap_at_end(values) == pytest.approx(5.0)
    assert overfitting.gap_at_end({"training": [1.0, 2.0], "held-out": [0.0, -1.0]}) == pytest.approx(3.0)


@pytest.mark.usefixtures("eagerly", "numbers_first")
def test_a_study_in_small_leaves_a_picture_and_numbers(tmp_path, monkeypatch):
    asked = []

    def arrays(split, data_dir=None):
        asked.append(split)
        return RNG.integers(0, 256, (30, 32, 32, 1), "uint8"), np.arange(30) % 10

    monkeypatch.setattr(fashion_mnist_arrays, "arrays", arrays)
    monkeypatch.setattr(overfitting, "PER_CLASS", 3)
    fewer = functools.partial(objectives.WGANGP, critic_steps=1)  # a fifth of the graph
    monkeypatch.setattr(overfitting.objectives, "WGANGP", fewer)
    path = overfitting.run(tmp_path, steps=4, every=2, filters=1, critic_filters=2)
    content = json.loads(path.read_text())
    assert asked == ["train", "test"]
    expected = {"steps": 4, "every": 2, "seed": 0, "filters": 1, "critic_filters": 2, "images": 30}
    assert content["settings"] == expected
    curves = content["result"]["negative_critic_loss"]
    assert content["result"]["steps"] == [0, 2, 4] and len(curves["training"]) == len(curves["held-out"]) == 3
    assert content["result"]["gap_at_end"] == pytest.approx(curves["training"][2] - curves["held-out"][2])
    assert np.asarray(Image.open(tmp_path / "overfitting.png")).std() > 10


def test_the_training_is_as_documented(monkeypatch):
    seen = {}

    def fit(gan, values, batch_size, steps, what, execution, extra):
        seen.update(gan=gan, values=values, batch_size=batch_size, steps=steps)

    monkeypatch.setattr(training, "fit", fit)
    images = {"training": "those", "held-out": "not those"}
    gan, _ = overfitting.train(images, steps=11, every=5, filters=2, critic_filters=3)
    assert seen == {"gan": gan, "values": "those", "batch_size": 50, "steps": 11}
    assert (gan.critic_steps, gan.penalty_weight) == (5, 10.0)
    layers = gan.critic.layers + gan.generator.layers
    assert not any(isinstance(layer, (np_layers.BATCH_NORM, np_layers.LAYER_NORM)) for layer in layers)
    assert [layer.filters for layer in gan.critic.layers if type(layer) is np_layers.CONV] == [3, 6, 12, 12]
    assert [layer.filters for layer in gan.generator.layers if type(layer) is np_layers.TRANSPOSE] == [4, 2, 1]
    for optimizer in (gan.generator_optimizer, gan.critic_optimizer):
        assert float(optimizer.learning_rate) == pytest.approx(5e-4)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.9)


def test_wrong_numbers_are_named_before_any_work(tmp_path):
    for name in ("steps", "every", "filters", "critic_filters"):
        with pytest.raises(ValueError, match=f"{name}: expected an integer of at least 1, got 0"):
            overfitting.run(tmp_path / "new", **{name: 0})
    with pytest.raises(ValueError, match="seed: expected an integer from 0 to 4294967295, got -1"):
        overfitting.run(tmp_path / "new", seed=-1)
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
@needs_fashion_mnist
def test_the_curves_part_where_images_are_few():
    images, labels = fashion_mnist_arrays.arrays("train")
    test_images, test_labels = fashion_mnist_arrays.arrays("test")
    sets = {
        "training": fashion_mnist_arrays.per_class(images, labels, 5),
        "held-out": fashion_mnist_arrays.per_class(test_images, test_labels, 100),
    }
    _, watch = overfitting.train(sets, steps=600, every=50)
    early = np.subtract(watch.values["training"], watch.values["held-out"])[1]
    assert overfitting.gap_at_end(watch.values) > max(0.5, 2 * early)
