"""The study of DeLiGAN: its data, its networks, and that what it reports is what it made."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy import optimize, stats
from scipy.spatial import distance

from kerasgan import latents
from kerasgan.data import fashion_mnist_arrays
from kerasgan.metrics import inception_score
from kerasgan.metrics.features import garment_classifier
from kerasgan.studies import deligan, training
from kerasgan.visualization import image_grid
from tests.conftest import needs_fashion_mnist
from tests.networks import numpy_layers as np_layers

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")


def test_points_have_the_papers_distributions():
    rng = np.random.default_rng(0)
    points = deligan.unimodal(rng, 4000)
    assert stats.kstest(points.ravel(), stats.norm(0, 0.3).cdf).pvalue > 0.01
    points = deligan.bimodal(rng, 4000)
    upper = points.sum(axis=1) > 0
    assert upper.sum() == 2000  # the modes are 11 standard deviations apart
    centred = np.concatenate([points[upper] - 0.6, points[~upper] + 0.6]).ravel()
    assert stats.kstest(centred, stats.norm(0, 0.15).cdf).pvalue > 0.01
    assert abs(np.corrcoef(points[upper].T)[0, 1]) < 0.1


def test_toy_networks_differ_in_the_prior_alone():
    plain, mixed = (deligan.toy_gan(mixture, True, seed=3) for mixture in (False, True))
    assert np_layers.parameters(plain.generator) == (2 + 1) * 32 + (32 + 1) * 2
    assert np_layers.parameters(plain.critic) == (2 + 1) * 32 + 32 + 1
    for mine, other in zip(plain.generator.get_weights() + plain.critic.get_weights(),
                           mixed.generator.get_weights() + mixed.critic.get_weights()):  # fmt: skip
        np.testing.assert_array_equal(mine, other)
    assert isinstance(plain.latent, latents.Normal) and np_layers.parameters(mixed.latent) == 2 * 50 * 2
    z = np.random.default_rng(0).normal(size=(5, 2)) * 3
    first, second = np_layers.weights_of(plain.generator, np_layers.DENSE)
    expected = np.tanh(np_layers.dense(np.tanh(np_layers.dense(z, *first)), *second))
    np.testing.assert_allclose(plain.generator(z), expected, rtol=1e-4, atol=1e-5)
    first, second = np_layers.weights_of(plain.critic, np_layers.DENSE)
    expected = np_layers.dense(np.tanh(np_layers.dense(z, *first)), *second)
    np.testing.assert_allclose(plain.critic(z), expected, rtol=1e-4, atol=1e-5)
    for gan in (plain, mixed):
        for optimizer in (gan.generator_optimizer, gan.critic_optimizer):
            assert float(optimizer.learning_rate) == pytest.approx(1e-4) and optimizer.beta_1 == 0.5


def test_image_networks_differ_in_the_prior_alone():
    plain, mixed = (deligan.image_gan(mixture, False, seed=1, filters=2) for mixture in (False, True))
    for mine, other in zip(plain.generator.get_weights() + plain.critic.get_weights(),
                           mixed.generator.get_weights() + mixed.critic.get_weights()):  # fmt: skip
        np.testing.assert_array_equal(mine, other)
    assert (plain.latent.dim, mixed.latent.dim, mixed.latent.components) == (30, 30, 50)
    np.testing.assert_allclose(mixed.latent.scales, 0.2)
    assert not mixed.latent.by_slot
    assert float(mixed.latent.scales.regularizer(mixed.latent.scales)) == pytest.approx(0.8**2 / 3)


@pytest.mark.usefixtures("eagerly")
def test_toy_distances_are_those_of_the_points_returned(monkeypatch):
    monkeypatch.setattr(deligan, "COMPARED", 300)
    monkeypatch.setattr(deligan, "DATA", {"bimodal": deligan.bimodal})
    numbers, points = deligan.toy(steps=2, seeds=1)
    for kind, draw in deligan.DATA.items():
        held_out = draw(np.random.default_rng([0, 1]), 300)
        training = draw(np.random.default_rng([0, 0]), 400)
        np.testing.assert_array_equal(points[kind]["real"], training)
        costs = distance.cdist(points[kind]["GAN"], held_out)
        expected = costs[optimize.linear_sum_assignment(costs)].mean()
        assert numbers[kind]["GAN"] == [pytest.approx(expected, rel=1e-5)]
        assert numbers[kind]["real"][0] < 0.2 < numbers[kind]["GAN"][0] != numbers[kind]["DeLiGAN"][0]


@pytest.fixture
def study_in_small(monkeypatch, tmp_path):
    """Garments of noise and an untrained classifier."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (600, 32, 32, 1), "uint8"), np.arange(600) % 10
    monkeypatch.setattr(fashion_mnist_arrays, "arrays", lambda split, data_dir=None: (images, labels))
    monkeypatch.setattr(deligan, "SAMPLES", 100)
    monkeypatch.setattr(deligan, "COMPARED", 300)
    garment_classifier.build(filters=2).save(tmp_path / garment_classifier.FILE)
    return images


def test_scores_are_those_of_the_images(study_in_small, tmp_path):
    network, _ = garment_classifier.load_or_train(tmp_path)
    rows = np.asarray(network(study_in_small / np.float32(127.5) - 1), "float64")
    got = deligan.scores(network, study_in_small)
    assert got["is"] == pytest.approx(inception_score.inception_score(rows).mean, rel=1e-5)
    modified = inception_score.modified_inception_score(rows)
    assert got["m_is"] == pytest.approx(modified.mean, rel=1e-4) and got["classes"] == len(modified.by_class)


@pytest.mark.slow
@pytest.mark.usefixtures("eagerly", "numbers_first")
def test_a_study_in_small_leaves_pictures_and_numbers(study_in_small, tmp_path, monkeypatch):
    trained = []

    def fit(gan, values, batch_size, steps, what, execution=25):
        trained.append((what, values.shape, batch_size, steps, type(gan.latent).__name__))

    monkeypatch.setattr(training, "fit", fit)
    path = deligan.run(tmp_path, steps=5, toy_steps=7, seeds=1)
    content = json.loads(path.read_text())
    assert content["settings"] == {"steps": 5, "toy_steps": 7, "seeds": 1, "by_slot": True, "samples": 100}
    assert [row[1:] for row in trained] == [
        ((400, 2), 50, 7, "Normal"),
        ((400, 2), 50, 7, "GaussianMixture"),
    ] * 2 + [
        ((500, 32, 32, 1), 50, 5, "Normal"),
        ((500, 32, 32, 1), 50, 5, "GaussianMixture"),
    ]
    result = content["result"]
    for name in deligan.PRIORS:
        assert len(result["low_data"][name]["m_is"]) == len(result["toy_w1"]["bimodal"][name]) == 1
    assert 0 <= result["classifier_accuracy"] <= 1 and result["low_data"]["training images"]["m_is"] >= 1
    for picture in ("toy.png", "low_data.png"):
        assert np.asarray(Image.open(tmp_path / picture)).std() > 10


def test_tiles_are_a_pixel_apart():
    images = np.stack([np.full((3, 2, 1), level, "uint8") for level in (10, 20, 30)])
    sheet = image_grid.tiles(images, 2)
    np.testing.assert_array_equal(sheet[0], [10, 10, 255, 20, 20])
    np.testing.assert_array_equal(sheet[3], [255] * 5)
    np.testing.assert_array_equal(sheet[4:], [[30, 30, 255, 255, 255]] * 3)


def test_wrong_numbers_are_named_before_any_work(tmp_path):
    for name in ("steps", "toy_steps", "seeds"):
        with pytest.raises(ValueError, match=f"{name}: expected an integer of at least 1, got 0"):
            deligan.run(tmp_path / "new", **{name: 0})
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_the_mixture_parts_the_two_modes_as_in_the_papers_figure(monkeypatch):
    """With the mixture fewer points lie between the modes (0.11 of them) than with normal latents (0.17)."""
    monkeypatch.setattr(deligan, "DATA", {"bimodal": deligan.bimodal})
    numbers, points = deligan.toy(steps=20000, seeds=1)
    between = {name: (np.abs(made.sum(axis=1)) < 0.6).mean() for name, made in points["bimodal"].items()}
    assert between["real"] < 0.01 and between["DeLiGAN"] < 0.8 * between["GAN"]
    assert numbers["bimodal"]["DeLiGAN"] < numbers["bimodal"]["GAN"]


@pytest.mark.slow
@needs_fashion_mnist
def test_low_data_learns_garments(tmp_path):
    images, labels = fashion_mnist_arrays.arrays("train")
    classifier, _ = garment_classifier.load_or_train(tmp_path)
    few = fashion_mnist_arrays.per_class(images, labels, 50)
    numbers, _ = deligan.low_data(few, classifier, steps=600, seeds=1, samples=1000)
    for name in deligan.PRIORS:
        assert numbers[name]["is"][0] > 2.5  # noise scores below 1.5
