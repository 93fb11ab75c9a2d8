"""Modes covered, high-quality samples and shares, by hand and by the distribution of real samples."""

import numpy as np
import pytest
from scipy import stats

from kerasgan import data
from kerasgan.metrics import modes

CENTRES = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def test_by_hand():
    points = [[0.0, 2.9], [2.0, 2.0], [0.0, 3.1], [13.0, 0.0], [4.9, 0.0], [50.0, 50.0], [10.0, 0.1], [9.0, -1.0]]
    found = modes.modes(points, CENTRES, std=1.0)
    assert found.covered == 2
    assert found.high_quality == 5 / 8
    np.testing.assert_array_equal(found.shares, [2 / 8, 3 / 8, 0.0])
    assert found.kl == pytest.approx(stats.entropy([2, 3, 0], [1, 1, 1]))
    assert modes.modes(points, CENTRES, std=1.0, radius=2.0).high_quality == 2 / 8
    assert modes.modes(points, CENTRES, std=2.0).high_quality == 7 / 8


def test_without_a_good_sample_no_mode_is_covered_and_kl_is_unknown():
    found = modes.modes([[5.0, 5.0]], CENTRES, std=1.0)
    assert (found.covered, found.high_quality) == (0, 0.0)
    assert np.isnan(found.kl) and np.isnan(found.js)


@pytest.mark.parametrize("mixture", [data.eight_gaussians(), data.twenty_five_gaussians()], ids=lambda m: m.name)
def test_real_samples_have_the_share_of_a_round_normal_distribution(mixture):
    found = modes.modes(mixture.sample(20_000), mixture.centres, mixture.std)
    expected = 1 - np.exp(-4.5)
    assert found.high_quality == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 20_000))
    assert found.covered == len(mixture.centres)
    assert 0 < found.js < found.kl < 0.01
    far = modes.modes(mixture.sample(2500) + np.float32(mixture.std * 3), mixture.centres, mixture.std)
    assert far.high_quality < 0.3


def test_nearest_modes_are_found_by_distance_as_brute_force_finds_them():
    rng = np.random.default_rng(0)
    points, centres = rng.normal(size=(500, 3)), rng.normal(size=(20, 3))
    distances = np.sqrt(np.square(points[:, None] - centres).sum(-1))
    good = distances.min(axis=1) <= 0.6
    found = modes.modes(points, centres, std=0.3, radius=2.0)
    np.testing.assert_array_equal(found.shares * 500, np.bincount(distances.argmin(1)[good], minlength=20))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.0, 0.0, 0.0]], CENTRES, 1.0), r"points: expected \[N, D\] as centres \[K, D\] are; got \(1, 3\) and"),
        (([[0.0, np.nan]], CENTRES, 1.0), "points: expected finite numbers; got NaN or infinity"),
        (([[0.0, 0.0]], CENTRES, 0.0), "std: expected a positive number; got 0.0"),
        (([[0.0, 0.0]], CENTRES, 1.0, -1.0), "radius: expected a positive number; got -1.0"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        modes.modes(*arguments)
