"""The pictures of a model card."""

import numpy as np
import pytest
from PIL import Image

import kerasgan
from kerasgan import metrics
from kerasgan.visualization import image_grid
from kerasgan.zoo import card, card_pictures


@pytest.fixture(scope="module")
def sampler():
    generator = kerasgan.networks.dcgan.generator((32, 32, 1), latent_dim=8, num_classes=3, filters=8)
    return kerasgan.Sampler(generator, num_classes=3)


def test_a_walk_goes_through_the_seeds_of_each_column_and_back(sampler, tmp_path):
    told = card_pictures.save_walk(tmp_path, sampler)
    assert told == {"columns": 3, "frames": 24}
    with Image.open(tmp_path / "walk.gif") as walk:
        assert walk.n_frames == 24
        walk.seek(8)  # where the second leg begins
        shown = np.asarray(walk.convert("L"))
    images = sampler.sample(3, seed=3, labels=[0, 1, 2])  # seeds 3, 4, 5
    strip = np.concatenate([images[0], np.full((32, 2, 1), 255, "uint8"), images[1]], axis=1)
    wanted = np.asarray(
        image_grid.grid(np.concatenate([strip, np.full((32, 2, 1), 255, "uint8"), images[2]], axis=1)[None], 1)
    )
    assert np.abs(shown.astype(int) - wanted).max() <= 1


def test_truncations_are_rows_of_the_same_seeds(sampler, tmp_path):
    told = card_pictures.save_truncations(tmp_path, sampler, [1.0, 0.1])
    assert told == {"columns": 3, "bounds": [1.0, 0.1]}
    rows = [sampler.sample(3, truncation=bound) for bound in (None, 1.0, 0.1)]
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / "truncation.png")), np.asarray(image_grid.grid(np.concatenate(rows), 3))
    )


def test_nearest_training_images_are_shown_under_the_generated_ones(sampler, tmp_path):
    network = metrics.features.load("garments")
    copies = sampler.sample(40)  # a model that has learned its data by heart
    told = card_pictures.save_nearest(tmp_path, sampler, metrics.Reference.of_arrays(copies, network, name="copies"))
    assert (told["n"], told["reference"], told["reference_samples"], told["network"]) == (40, "copies", 40, "garments")
    assert told["median"] == pytest.approx(0.0, abs=1e-3) and told["between_real"] > 0
    wanted = np.concatenate([copies[:3], copies[:3], copies[3:6], copies[3:6]])
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / "nearest.png")), np.asarray(image_grid.grid(wanted, 3))
    )


def test_a_card_says_what_its_pictures_show():
    told = {
        "walk": {"columns": 3, "frames": 36},
        "truncation": {"columns": 3, "bounds": [1.0, 0.5]},
        "nearest": {"n": 500, "reference_samples": 60000, "network": "garments", "median": 2.5, "between_real": 2.1},
        "curve": {},
    }
    text = "\n".join(card._pictures(told, card._KINDS[3]))
    for said in (
        "![A walk between seeds](walk.gif)",
        "with |z| at most 1, 0.5: a row each",
        "the nearest of 60,000 training images by the features of garments. The median distance of 500 generated "
        "images is 2.5; that of as many training images to the nearest other one is 2.1.",
        "](curve.png)",
    ):
        assert said in text, said
    assert card._pictures({}, card._KINDS[3]) == []
