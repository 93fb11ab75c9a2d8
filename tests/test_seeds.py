"""The latents of seeds with NumPy are those that `sample` draws with TensorFlow."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import latents, seeds
from kerasgan.models.runtimes import facts as told
from kerasgan.utils import keyed_random

SEEDS = np.array([0, 1, 7, -1, 2**31, 2**32, 2**63 - 1, -(2**63)], np.int64)
ROOT = pathlib.Path(__file__).parents[1]
PRESETS = sorted(path.parent.name for path in (ROOT / "zoo" / "presets").glob("*/config.json"))


@pytest.mark.parametrize("columns", [1, 3, 4, 5, 128, 129])
def test_uniform_numbers_are_tensorflows_bit_for_bit(columns):
    theirs = keyed_random.uniform_rows(tf.constant(SEEDS), columns, ("sample", "latents"))
    np.testing.assert_array_equal(seeds.uniform(SEEDS, columns), theirs)


def test_seeds_that_need_more_than_64_bits_with_a_sign_are_refused():
    for wrong in ([2**63], np.array([1, 2**64 - 1], np.uint64)):
        with pytest.raises(ValueError, match=r"seeds: expected integers of 64 bits, up to 2\^63 - 1; got \d+"):
            seeds.draw(facts(latents.Normal(4)), wrong)
    with pytest.raises(ValueError, match=r"seeds: expected integers \[N\] of 64 bits; got object"):
        seeds.draw(facts(latents.Normal(4)), [2**70])


def mixture(learned_weights=False):
    made = latents.GaussianMixture(dim=6, components=5, learned_weights=learned_weights)
    rng = np.random.default_rng(0)
    made.set_weights([rng.normal(size=value.shape).astype(np.float32) for value in made.get_weights()])
    return made


def facts(prior):
    return {
        "prior": type(prior).__name__,
        **prior.get_config(),
        **{variable.name: variable.numpy() for variable in prior.variables},
    }


@pytest.mark.parametrize("truncation", [None, 0.5, 1e-3, 2.0, float("inf")])
@pytest.mark.parametrize(
    "prior",
    [
        latents.Normal(128),
        latents.Uniform(9),
        latents.ScaledTruncatedNormal(16),
        latents.ScaledTruncatedNormal(16, bound=0.7),
        mixture(),
        mixture(learned_weights=True),
    ],
    ids=lambda prior: type(prior).__name__,
)
def test_priors_are_the_same_to_the_last_bit_of_float32(prior, truncation):
    many = np.concatenate([SEEDS, np.arange(200)])
    uniforms = keyed_random.uniform_rows(tf.constant(many), prior.uniforms, ("sample", "latents"))
    bounds = None if truncation is None else tf.fill([len(many)], tf.constant(truncation, tf.float32))
    theirs = prior(uniforms, truncation=bounds).numpy()
    ours = seeds.draw(facts(prior), many, truncation)
    assert ours.dtype == np.float32 and ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=3e-7, atol=1e-12)
    assert np.mean(ours == theirs) > 0.99


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_latents_of_each_preset(name):
    gan = kerasgan.from_preset(name)
    many = np.concatenate([SEEDS, np.arange(100)])
    uniforms = keyed_random.uniform_rows(tf.constant(many), gan.latent.uniforms, ("sample", "latents"))
    for truncation in (None, 0.7):
        bounds = None if truncation is None else tf.fill([len(many)], truncation)
        theirs = gan.sampling_latent(uniforms, truncation=bounds).numpy()
        ours = seeds.draw(told.facts(gan)["prior"], many, truncation)
        assert ours.shape == (len(many), gan.latent.dim)
        np.testing.assert_allclose(ours, theirs, rtol=3e-7, atol=1e-12)


@pytest.mark.parametrize("truncation", [None, 0.5])
@pytest.mark.parametrize("prior", [latents.Normal(64), latents.Uniform(9), mixture()], ids=lambda p: type(p).__name__)
def test_the_way_between_two_seeds_is_tensorflows(prior, truncation):
    starts = np.array([0, 1, 7, -1, 2**63 - 1, 5], np.int64)
    ends = np.array([3, 2**32, 8, -(2**63), 0, 5], np.int64)
    positions = np.array([0, 1, 0.25, 1 / 3, 0.9, 0.5], np.float32)
    uniforms = [
        keyed_random.uniform_rows(tf.constant(each), prior.uniforms, ("sample", "latents")) for each in (starts, ends)
    ]
    between = latents.between(*uniforms, np.where(starts == ends, 0, positions))
    bounds = None if truncation is None else tf.fill([6], truncation)
    theirs = prior(between, truncation=bounds).numpy()
    ours = seeds.draw_between(facts(prior), starts, ends, positions, truncation)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(ours[5], seeds.draw(facts(prior), [5], truncation)[0])


def test_bounds_of_each_row():
    bounds = np.array([0.1, 1.0, 3.0])
    rows = seeds.draw({"prior": "Normal", "dim": 64}, [5, 5, 5], bounds)
    for row, bound in zip(rows, bounds):
        np.testing.assert_array_equal(row, seeds.draw({"prior": "Normal", "dim": 64}, [5], bound)[0])
        assert np.abs(row).max() <= bound


@pytest.mark.parametrize(
    ("prior", "numbers", "truncation", "message"),
    [
        ("Normal", [1.5], None, r"seeds: expected integers \[N\] of 64 bits; got float64"),
        ("Normal", 3, None, r"seeds: expected integers \[N\]"),
        ("Normal", [1], 0.0, "truncation: expected positive numbers or None; got 0.0"),
        ("Normal", [1], float("nan"), "truncation: expected positive numbers or None; got nan"),
        ("Cauchy", [1], None, "prior: expected one of Normal, .*; got 'Cauchy'"),
    ],
)
def test_what_cannot_be_meant(prior, numbers, truncation, message):
    with pytest.raises(ValueError, match=message):
        seeds.draw({"prior": prior, "dim": 2}, numbers, truncation)


def test_a_position_beyond_the_ends_is_refused():
    with pytest.raises(ValueError, match=r"positions: expected numbers in \[0, 1\]; got 0.0 to 1.5"):
        seeds.draw_between({"prior": "Normal", "dim": 2}, [1, 1], [2, 2], [0, 1.5])


def test_nothing_is_drawn_of_no_seed():
    assert seeds.draw({"prior": "Normal", "dim": 2}, []).shape == (0, 2)


def test_without_tensorflow():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['tensorflow', 'keras', 'scipy'])); from kerasgan import seeds; "
        "print(seeds.draw({'prior': 'Normal', 'dim': 2}, [7]).shape)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "(1, 2)\n"


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        (None, "prior: expected what a file tells of its prior; got None: it is a class of its author's own"),
        ("Normal", "prior: expected a dict such as .*; got 'Normal'"),
        ({"dim": 8}, "prior: expected a dict such as .*; got .*dim"),
        ({"prior": "Normal"}, "prior: expected a dict such as .*; got .*prior"),
    ],
)
def test_what_is_no_prior_of_a_file_is_named(prior, message):
    """A file tells null of a prior of the author's own."""
    with pytest.raises(ValueError, match=message):
        seeds.draw(prior, [1])
    with pytest.raises(ValueError, match=message):
        seeds.draw_between(prior, [1], [2], positions=[0.5])
