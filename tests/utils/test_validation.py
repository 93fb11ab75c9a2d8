"""Checks of single arguments."""

import numpy as np
import pytest

import kerasgan
from kerasgan import callbacks, techniques
from kerasgan.utils import validation


@pytest.mark.parametrize("value", [0, 0.5, np.float32(0.25), np.int64(0)])
def test_a_number_is_given_back(value):
    assert validation.below_one("rate", value) is value


@pytest.mark.parametrize("value", [1, -0.1, float("nan"), "0.5", None, True, [0.5], np.array([0.1, 0.2])])
def test_what_is_no_such_number_is_named(value):
    with pytest.raises(ValueError, match=r"^rate: expected a number in \[0, 1\); got "):
        validation.below_one("rate", value)


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (callbacks.RollBack, "factor"),
        (techniques.AveragedCritic, "decay"),
        (techniques.FeatureMatching, "weight"),
        (techniques.OrthogonalRegularization, "weight"),
        (kerasgan.latents.ScaledTruncatedNormal, "bound"),
    ],
)
def test_a_text_is_no_number(make, argument):
    with pytest.raises(ValueError, match=f"^{argument}: expected a.* number.*; got '0.5'"):
        make(**{argument: "0.5"})
