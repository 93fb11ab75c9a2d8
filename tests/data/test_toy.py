"""Toy data: the authors' constants, exact densities and cell masses, and points that depend on seed and step alone."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import integrate, stats

from kerasgan import data

ALL = [data.eight_gaussians(), data.twenty_five_gaussians(), data.swiss_roll()]
each = pytest.mark.parametrize("points", ALL, ids=lambda points: points.name)


def sklearn_swiss_roll(rng, n, noise):
    """Columns 0 and 2 of scikit-learn's make_swiss_roll, written from its formula."""
    t = 1.5 * np.pi * (1 + 2 * rng.uniform(size=n))
    height = 21 * rng.uniform(size=n)
    roll = np.stack([t * np.cos(t), height, t * np.sin(t)], axis=1) + noise * rng.standard_normal((n, 3))
    return roll[:, [0, 2]]


def reference(name, n, seed=0):
    """Points as in the data loop of the authors' code, by other random numbers."""
    rng = np.random.default_rng(seed)
    if name == "swiss_roll":
        return sklearn_swiss_roll(rng, n, 0.25) / 7.5
    if name == "twenty_five_gaussians":
        return (rng.standard_normal((n, 2)) * 0.05 + 2 * rng.integers(-2, 3, (n, 2))) / 2.828
    half = 1 / np.sqrt(2)
    circle = [(1, 0), (-1, 0), (0, 1), (0, -1), (half, half), (half, -half), (-half, half), (-half, -half)]
    return (rng.standard_normal((n, 2)) * 0.02 + 2 * np.array(circle)[rng.integers(8, size=n)]) / 1.414


@each
def test_points_are_distributed_as_the_authors_code_makes_them(points):
    made, expected = points.sample(20_000, seed=3), reference(points.name, 20_000)
    assert made.dtype == np.float32 and made.shape == (20_000, 2)
    for direction in ([1, 0], [0, 1], [0.6, 0.8], [0.8, -0.6]):
        assert stats.ks_2samp(made @ direction, expected @ direction).pvalue > 1e-3
    assert stats.ks_2samp(np.linalg.norm(made, axis=1), np.linalg.norm(expected, axis=1)).pvalue > 1e-3


@pytest.mark.parametrize("mixture", ALL[:2], ids=lambda points: points.name)
def test_modes_are_equally_likely_and_round(mixture):
    made = mixture.sample(40_000).astype("float64")
    offsets = made[:, None] - mixture.centres
    nearest = np.square(offsets).sum(-1).argmin(1)
    counts = np.bincount(nearest, minlength=len(mixture.centres))
    assert stats.chisquare(counts).pvalue > 1e-3
    around = offsets[np.arange(len(made)), nearest] / mixture.std
    assert stats.kstest(around.ravel(), "norm").pvalue > 1e-3
    assert abs(np.corrcoef(around.T)[0, 1]) < 0.02


def test_constants():
    eight, twenty_five, roll = ALL
    np.testing.assert_allclose(np.linalg.norm(eight.centres, axis=1), 2 / 1.414)
    assert (eight.std, twenty_five.std, roll.std) == (0.02 / 1.414, 0.05 / 2.828, 0.25 / 7.5)
    assert {tuple(centre) for centre in np.round(twenty_five.centres * 2.828, 9)} == {
        (x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)
    }


@pytest.mark.parametrize("mixture", ALL[:2], ids=lambda points: points.name)
def test_density_of_a_mixture_is_scipys(mixture):
    where = np.concatenate([mixture.sample(200), np.random.default_rng(0).uniform(-2, 2, (50, 2))])
    normals = [stats.multivariate_normal(centre, mixture.std**2) for centre in mixture.centres]
    np.testing.assert_allclose(mixture.density(where), np.mean([n.pdf(where) for n in normals], axis=0), 1e-9, 1e-290)


def test_density_of_the_swiss_roll_is_the_integral_along_it():
    roll = data.swiss_roll()
    t = np.linspace(1.5 * np.pi, 4.5 * np.pi, 100_001)
    for point in [*roll.sample(5), [0.0, 0.0], [1.9, 0.1]]:
        squares = (t * np.cos(t) / 7.5 - point[0]) ** 2 + (t * np.sin(t) / 7.5 - point[1]) ** 2
        normal = np.exp(-squares * 450) * 450 / np.pi  # 450 = 1 / (2 std^2)
        expected = integrate.simpson(normal, x=t) / (3 * np.pi)
        np.testing.assert_allclose(roll.density([point]), expected, rtol=1e-7, atol=1e-12)


@each
def test_cell_masses_are_integrals_of_the_density_and_frequencies_of_points(points):
    edges = np.concatenate([[-np.inf], np.linspace(-1.5, 1.5, 13), [np.inf]])
    masses = points.cell_masses(edges)
    assert masses.shape == (14, 14)
    assert masses.sum() == pytest.approx(1.0, abs=1e-12)
    sample = reference(points.name, 200_000, seed=5)
    x, y = (np.searchsorted(edges[1:-1], sample[:, axis]) for axis in (0, 1))
    counts = np.bincount(x * 14 + y, minlength=196)
    held = masses.ravel() > 1e-5
    rest = [counts[~held].sum(), masses.ravel()[~held].sum()]
    observed = np.append(counts[held], rest[0])
    expected = np.append(masses.ravel()[held], rest[1]) * 200_000
    if expected[-1] < 1:
        observed, expected = observed[:-1], expected[:-1] * observed[:-1].sum() / expected[:-1].sum()
    assert stats.chisquare(observed, expected).pvalue > 1e-3
    fine = (np.arange(120) + 0.5) / 120 * 0.6 + 0.9  # the middles of a fine grid in the cell [0.9, 1.5]^2
    grid = np.stack(np.meshgrid(fine, fine), axis=-1).reshape(-1, 2)
    cell = points.cell_masses([0.9, 1.5])[0, 0]
    np.testing.assert_allclose(points.density(grid).mean() * 0.6**2, cell, rtol=1e-4)
    assert cell > 0.01


@each
def test_a_dataset_goes_on_where_another_stopped_and_never_repeats(points):
    whole = list(points.dataset(8, 3, seed=2).take(5).as_numpy_iterator())
    resumed = list(points.dataset(8, 3, seed=2, start_step=3).take(2).as_numpy_iterator())
    np.testing.assert_array_equal(whole[3:], resumed)
    assert whole[0].shape == (24, 2) and whole[0].dtype == np.float32
    assert len(np.unique(np.concatenate(whole), axis=0)) == 5 * 24
    other = next(points.dataset(8, 3, seed=3).as_numpy_iterator())
    assert not np.isin(other, whole[0]).any()
    assert points.dataset(8).cardinality() == tf.data.INFINITE_CARDINALITY


def test_a_seed_that_is_no_integer_of_64_bits_is_named():
    roll = data.swiss_roll()
    for draw in (lambda seed: roll.sample(2, seed), lambda seed: roll.dataset(2, seed=seed)):
        for seed in (2**63, 0.5, True):
            with pytest.raises(ValueError, match=r"^seed: expected an integer from -9223\d+ to 9223\d+, got "):
                draw(seed)


def test_samples_depend_on_the_seed_alone():
    roll = data.swiss_roll()
    np.testing.assert_array_equal(roll.sample(7, seed=1), data.swiss_roll().sample(7, seed=1))
    assert not np.isin(roll.sample(50, seed=1), roll.sample(50, seed=2)).any()
    assert not np.isin(roll.sample(50, seed=1), next(roll.dataset(50, seed=1).as_numpy_iterator())).any()


def test_wrong_arguments_are_named():
    eight = data.eight_gaussians()
    with pytest.raises(ValueError, match="n: expected an integer of at least 1, got 0"):
        eight.sample(0)
    with pytest.raises(ValueError, match="batches_per_step: expected an integer of at least 1, got 0"):
        eight.dataset(4, 0)
    with pytest.raises(ValueError, match="start_step: expected an integer of at least 0, got -1"):
        eight.dataset(4, start_step=-1)
    with pytest.raises(ValueError, match=r"points: expected \[N, 2\]; got \(3,\)"):
        eight.density([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="edges: expected at least two increasing numbers"):
        eight.cell_masses([0.0, 1.0, 1.0])
