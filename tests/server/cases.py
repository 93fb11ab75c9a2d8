"""Expectations ported from TensorFlow Serving's own tests (tests/data/tf_serving_cases.json), as data."""

import json
import pathlib

import numpy as np
import pytest

FILE = pathlib.Path(__file__).parents[1] / "data" / "tf_serving_cases.json"

_NOT_COVERED = {}  # reason: cases
SKIP = {case: reason for reason, cases in _NOT_COVERED.items() for case in cases.split()}


def cases(kind=None, level=None):
    """The cases of a kind and level that are covered, as parameters of a test."""
    everything = json.loads(FILE.read_text())
    chosen = [case for case in everything if level in (None, case["level"]) and kind in (None, case["kind"])]
    return [pytest.param(case, id=case["id"]) for case in chosen if case["id"] not in SKIP]


def dtype_of(name):
    """NumPy's name of a dtype such as DT_FLOAT."""
    return {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16"}.get(
        name, name.removeprefix("DT_").lower()
    )


def tensor_of(spec):
    """The array that a case writes as dtype, shape and values."""
    dtype = dtype_of(spec["dtype"])
    values = [value.encode() if isinstance(value, str) and dtype == "string" else value for value in spec["values"]]
    return np.array(values, object if dtype == "string" else dtype).reshape(spec["shape"])
