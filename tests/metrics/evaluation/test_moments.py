"""Streamed moments against NumPy's of all rows at once."""

import numpy as np
import pytest

from kerasgan.metrics.evaluation.moments import Moments

RNG = np.random.default_rng(0)


def streamed(rows, sizes):
    moments = Moments(rows.shape[1])
    for part in np.split(rows, np.cumsum(sizes)[:-1]):
        moments.update(part)
    return moments


@pytest.mark.parametrize("sizes", [[50], [1] * 50, [7, 30, 0, 13], [49, 1]])
def test_batches_give_what_all_rows_give(sizes):
    rows = RNG.gamma(0.5, size=(50, 6)) @ RNG.normal(size=(6, 6))
    moments = streamed(rows, sizes)
    assert moments.count == 50
    np.testing.assert_allclose(moments.mean, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.covariance, np.cov(rows, rowvar=False), rtol=1e-11, atol=1e-14)


def test_features_far_from_zero_keep_their_digits():
    rows = RNG.normal(size=(1000, 3))
    far = streamed(rows + 1e6, [100] * 10)
    # the sum of squares less the square of the sum, as it is often streamed, is wrong in the third digit
    naive = (np.square(rows + 1e6).sum(0) - 1000 * (rows + 1e6).mean(0) ** 2) / 999
    assert np.abs(naive / rows.var(0, ddof=1) - 1).max() > 1e-5
    np.testing.assert_allclose(far.covariance, np.cov(rows, rowvar=False), rtol=1e-8, atol=1e-10)


def test_float16_and_float32_are_summed_in_float64():
    rows = (1000 + RNG.normal(size=(5000, 2))).astype("float32")
    exact = rows.astype("float64")
    moments = streamed(rows, [1000] * 5)
    np.testing.assert_allclose(moments.mean, exact.mean(0), rtol=1e-14)
    np.testing.assert_allclose(moments.covariance, np.cov(exact, rowvar=False), rtol=1e-10, atol=1e-12)


def test_what_is_given_out_is_a_copy_and_restores():
    rows = RNG.normal(size=(20, 3))
    moments = Moments.of(rows[:12])
    restored = Moments.restored(moments.count, moments.mean, moments.scatter)
    moments.mean[:] = 9.0
    moments.scatter[:] = 9.0
    np.testing.assert_allclose(restored.update(rows[12:]).covariance, moments.update(rows[12:]).covariance)
    np.testing.assert_allclose(moments.mean, rows.mean(0))


def test_a_bad_batch_is_named_and_changes_nothing():
    rows = RNG.normal(size=(5, 3))
    moments = Moments.of(rows)
    spoilt = rows.copy()
    spoilt[[2, 4], 1] = np.nan, np.inf
    for wrong, message in [
        (spoilt, "features: expected finite numbers; got NaN or infinity in 2 of 5 rows, first in row 2"),
        (rows[:, :2], "features: expected 3 numbers a row; got 2"),
        (rows[0], r"features: expected numbers \[N, D\]; got float64 of shape \(3,\)"),
        (rows.astype(complex), r"features: expected numbers \[N, D\]; got complex128"),
    ]:
        with pytest.raises(ValueError, match=message):
            moments.update(wrong)
    np.testing.assert_array_equal(moments.mean, Moments.of(rows).mean)
    with pytest.raises(ValueError, match="expected at least 2 rows for a covariance; got 1"):
        _ = Moments.of(rows[:1]).covariance
    with pytest.raises(ValueError, match="dim: expected an integer of at least 1, got 0"):
        Moments(0)
    with pytest.raises(ValueError, match="mean, scatter: expected finite"):
        Moments.restored(3, [np.nan], [[1.0]])
