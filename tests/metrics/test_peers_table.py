"""The table of what other packages say: its numbers are theirs, and what is not installed is said so."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import linalg

from benchmarks import metric_peers


@pytest.fixture(scope="module")
def printed():
    """The cells of each row, by title and name."""
    command = [sys.executable, "-m", "benchmarks.metrics", "--peers"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    rows, title = {}, None
    for line in lines:
        if line.startswith("| ") and not line.startswith("| ---"):
            name, *cells = (cell.strip() for cell in line.strip("| ").split("|"))
            title = title or name
            rows[title, name] = cells
        elif not line:
            title = None
    return rows


@pytest.mark.slow
@pytest.mark.parity
def test_the_table_has_what_each_package_says(printed):
    real, generated = metric_peers.feature_sets()["unequal scales"]
    covariances = [np.cov(rows.astype(float), rowvar=False) for rows in (real, generated)]
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    means = real.astype(float).mean(0) - generated.astype(float).mean(0)
    wanted = means @ means + np.trace(covariances[0] + covariances[1] - 2.0 * root)
    for name in ("truth", "kerasgan", "pytorch-fid"):
        assert float(printed["Frechet distance", name][1]) == pytest.approx(wanted, rel=1e-5), name
    title = f"precision / recall / density / coverage, k = {metric_peers.NEIGHBOURS}"
    assert printed[title, "kerasgan"] == printed[title, "prdc"]
    assert "none" not in "".join(printed[title, "prdc"])


def test_what_is_not_installed_is_said():
    def needs():
        import no_such_package  # noqa: F401

    assert metric_peers.said_of(" ± ", needs) == "not installed (no_such_package)"
    assert metric_peers.said_of(" ± ", lambda: 1 / 0) == "ZeroDivisionError: division by zero"
    assert metric_peers.said_of(" / ", lambda: (0.25, None)) == "0.25 / none"
