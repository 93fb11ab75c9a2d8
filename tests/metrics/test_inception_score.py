"""Inception scores against double loops, SciPy and closed forms."""

import math

import numpy as np
import pytest
from scipy import special, stats

from kerasgan.metrics.inception_score import inception_score, modified_inception_score
from tests.data import peers

RNG = np.random.default_rng(0)


def softmax_rows(count, classes, scale=3.0):
    return special.softmax(RNG.normal(0, scale, (count, classes)), axis=1)


def by_scipy(rows, splits):
    """`numpy.array_split` spreads a remainder otherwise, so the bounds are written out."""
    scores = []
    for part in range(splits):
        mine = rows[part * len(rows) // splits : (part + 1) * len(rows) // splits]
        scores.append(math.exp(np.mean([stats.entropy(row, mine.mean(axis=0)) for row in mine])))
    return scores


@pytest.mark.parametrize(("count", "classes", "splits"), [(50, 10, 10), (53, 7, 4), (20, 3, 1), (9, 4, 9)])
def test_inception_score_equals_scipys_entropies(count, classes, splits):
    rows = softmax_rows(count, classes)
    expected = by_scipy(rows, splits)
    got = inception_score(rows, splits)
    assert got.mean == pytest.approx(np.mean(expected), rel=1e-12)
    assert got.std == pytest.approx(np.std(expected), rel=1e-9, abs=1e-12)


def test_inception_score_is_torch_fidelitys():
    wanted = np.load(peers.FILE)["inception_score"]
    found = inception_score(special.softmax(peers.logits(), axis=1), peers.SPLITS)
    assert found == pytest.approx(tuple(wanted), rel=1e-9)


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_certain_and_even_rows_score_the_number_of_classes(classes):
    rows = np.tile(np.eye(classes), (4, 1))
    assert inception_score(rows, 2) == pytest.approx((classes, 0.0))


def test_equal_rows_score_one():
    for row in ([0.25] * 4, [1.0, 0.0, 0.0, 0.0], [0.7, 0.2, 0.1, 0.0]):
        assert inception_score(np.tile(row, (20, 1))) == pytest.approx((1.0, 0.0))


def test_splits_are_consecutive():
    rows = np.repeat(np.eye(5), 4, axis=0)  # sorted by class: each part holds one class alone
    assert inception_score(rows, 5).mean == pytest.approx(1.0)
    assert inception_score(rows, 1).mean == pytest.approx(5.0)


def by_double_loop(rows, smallest=0.0):
    scores = {}
    for label in range(rows.shape[1]):
        mine = [row for row in rows if row.argmax() == label]
        total = 0.0
        for p in mine:
            for q in mine:
                for a, b in zip(p, q):
                    total += a * (math.log(max(a, smallest)) - math.log(max(b, smallest))) if a > 0 else 0.0
        if len(mine) > 1:
            scores[label] = math.exp(total / len(mine) ** 2)
    return scores


@pytest.mark.parametrize(("count", "classes"), [(60, 10), (25, 3), (4, 2)])
def test_modified_score_equals_a_double_loop_over_pairs(count, classes):
    rows = softmax_rows(count, classes)
    expected = by_double_loop(rows)
    got = modified_inception_score(rows)
    assert got.by_class == pytest.approx(expected, rel=1e-11)
    assert got.mean == pytest.approx(np.mean(list(expected.values())), rel=1e-11)
    assert got.std == pytest.approx(np.std(list(expected.values())), rel=1e-9)


def test_modified_score_of_two_samples_by_hand():
    a, b = np.array([0.9, 0.1]), np.array([0.6, 0.4])
    expected = math.exp((stats.entropy(a, b) + stats.entropy(b, a)) / 4)  # two of the four pairs are of one sample
    got = modified_inception_score(np.array([a, b]))
    assert got.by_class == pytest.approx({0: expected}) and got.std == 0.0


def test_hard_zeros_are_clipped_in_the_logarithm_alone():
    rows = np.array([[0.8, 0.2, 0.0], [0.6, 0.0, 0.4], [1.0, 0.0, 0.0]])
    for smallest in (1e-12, 1e-3):
        got = modified_inception_score(rows, smallest).by_class
        assert got == pytest.approx(by_double_loop(rows, smallest), rel=1e-11) and np.isfinite(got[0])
    assert modified_inception_score(rows).mean > modified_inception_score(rows, 1e-3).mean
    certain = np.repeat(np.eye(3), 5, axis=0)
    assert modified_inception_score(certain) == (1.0, 0.0, {0: 1.0, 1: 1.0, 2: 1.0}, ())


def test_a_class_with_a_single_sample_is_left_out_and_named():
    pair = [[0.9, 0.05, 0.05], [0.5, 0.3, 0.2]]
    got = modified_inception_score(np.array([*pair, [0.1, 0.1, 0.8]]))
    assert got.left_out == (2,) and list(got.by_class) == [0]
    assert got.mean == pytest.approx(modified_inception_score(np.array(pair)).mean)
    with pytest.raises(ValueError, match="expected at least two samples of some class; got 3, each alone"):
        modified_inception_score(np.eye(3))


def test_float32_and_float16_rows_are_made_to_sum_to_one():
    rows = softmax_rows(30, 10)
    for dtype, tolerance in (("float32", 1e-6), ("float16", 2e-2)):
        rounded = rows.astype(dtype)
        assert inception_score(rounded, 3).mean == pytest.approx(inception_score(rows, 3).mean, rel=tolerance)
        exact = rounded.astype("float64") / rounded.astype("float64").sum(axis=1, keepdims=True)
        assert inception_score(rounded, 3).mean == pytest.approx(np.mean(by_scipy(exact, 3)), rel=1e-12)


@pytest.mark.parametrize("score", [inception_score, modified_inception_score])
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.full(4, 0.25), r"floats \[N, K\]; got float64 \[4\]"),
        (np.zeros((0, 4)), r"got float64 \[0, 4\]"),
        (np.eye(4, dtype=int), r"got int64 \[4, 4\]"),
        (np.array([[0.5, 0.5], [0.5, 0.4]]), "row 1 has numbers from 0.4 to 0.5 and sums to 0.9"),
        (np.array([[1.5, -0.5]] * 20), "row 0 has numbers from -0.5 to 1.5 and sums to 1"),
        (np.array([[0.5, 0.5], [np.nan, 1.0]]), "row 1 has numbers from nan to nan and sums to nan"),
        (np.array([[0.5, 0.5], [np.inf, 0.0]]), "row 1 has numbers from 0 to inf"),
    ],
)
def test_what_are_no_probabilities_is_named(score, rows, message):
    with pytest.raises(ValueError, match="probabilities: expected .*" + message):
        score(rows)


def test_wrong_arguments_are_named():
    rows = softmax_rows(8, 3)
    with pytest.raises(ValueError, match="splits: expected at most the number of samples, 8; got 10"):
        inception_score(rows)
    with pytest.raises(ValueError, match="splits: expected an integer of at least 1, got 0"):
        inception_score(rows, splits=0)
    for smallest in (0.0, -1.0, 2.0, math.nan):
        with pytest.raises(ValueError, match=r"smallest: expected a number in \(0, 1\]"):
            modified_inception_score(rows, smallest)
