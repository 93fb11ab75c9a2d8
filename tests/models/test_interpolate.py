"""`Sampler.interpolate`: images on the way from one seed to another."""

import numpy as np
import pytest

import kerasgan
from kerasgan.models import finite
from tests.conftest import make_gan


def test_it_begins_and_ends_with_the_seeds_images():
    gan = make_gan()
    walk = gan.interpolate(3, 9, 5, truncation=1.5, batch_size=2)
    ends = gan.sample(2, seed=[3, 9], truncation=1.5)
    assert walk.shape == (5, *gan.image_shape) and walk.dtype == np.uint8
    assert np.abs(walk[[0, -1]].astype(int) - ends).max() <= 1
    assert (walk[1] != walk[0]).any() and (walk[2] != walk[1]).any()


def test_the_latents_are_those_of_latents_between():
    gan = make_gan()
    uniforms = gan._uniforms(np.array([3, 9]))
    positions = np.linspace(0, 1, 4, dtype="float32")
    ways = kerasgan.latents.between(uniforms.numpy()[[0] * 4], uniforms.numpy()[[1] * 4], positions)
    z = gan.sampling_latent(ways, truncation=np.full(4, np.inf, "float32"))
    assert np.abs(gan.interpolate(3, 9, 4).astype(int) - gan.images_from_latents(z).numpy()).max() <= 1


def test_a_way_from_a_seed_to_itself_stays():
    gan = make_gan()
    walk = gan.interpolate(4, 4, 3)
    assert (walk == walk[:1]).all()


def test_classes_are_chosen_not_taken_in_turn():
    gan = make_gan(num_classes=3)
    gan.class_names = ["a", "b", "c"]
    assert (gan.interpolate(1, 2, 4, labels="b") == gan.interpolate(1, 2, 4, labels=[1, 1, 1, 1])).all()
    with pytest.raises(
        ValueError, match="labels: expected a class, or 4 of them, .* conditional: one of 'a', 'b', 'c'; got None"
    ):
        gan.interpolate(1, 2, 4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n": 1}, "n: expected an integer of at least 2, got 1"),
        ({"seed": 0.5}, "seed"),
        ({"to_seed": 2**63}, "seed"),
        ({"truncation": -1.0}, "truncation: expected positive numbers"),
        ({"labels": 0}, "labels"),
        ({"batch_size": 0}, "batch_size: expected an integer of at least 1, got 0"),
    ],
)
def test_what_cannot_be_meant_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        make_gan().interpolate(**{"seed": 1, "to_seed": 2} | arguments)


def test_images_of_lost_weights_are_told_of():
    gan = make_gan()
    gan.interpolate(1, 2, 3)
    weights = gan.sampling_generator.weights[0]
    weights.assign(np.full(weights.shape, np.nan))
    with pytest.warns(finite.NotFiniteWarning):
        gan.interpolate(1, 2, 3)
