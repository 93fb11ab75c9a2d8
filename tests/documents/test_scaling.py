"""The table on paper in docs/scaling.md follows from its formulas, and its parameters are the recipe's."""

import pathlib
import re

import pytest

from kerasgan.training import dry_run

ROOT = pathlib.Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "scaling.md").read_text()
PAPER = TEXT[TEXT.index("## On paper") :]
ROWS = [
    [float(cell) for cell in line.strip("| ").split("|")] for line in PAPER.splitlines() if re.match(r"\| \d", line)
]
BANDWIDTHS = [450e9, 50e9, 3.125e9]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]:.0f} devices")
def test_a_row_follows_from_the_formulas(row):
    devices, rows, tera, compute, _, *sums = row
    generator, critic, stated = (
        int(number.replace(",", ""))
        for number in re.search(r"4 \(([\d,]+) \+ 2 × ([\d,]+)\) = ([\d,]+)", PAPER).groups()
    )
    assert devices * rows == 2048
    assert stated == 4 * (generator + 2 * critic)
    assert compute == pytest.approx(tera / 100, abs=6e-4)
    for seconds, bandwidth in zip(sums, BANDWIDTHS, strict=True):
        assert seconds == pytest.approx(2 * (devices - 1) / devices * stated / bandwidth, rel=0.02)


@pytest.mark.slow  # builds the model three times
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]:.0f} devices")
def test_what_a_row_counts_is_what_the_recipe_costs(row):
    recipe = ROOT / "zoo" / "recipes" / "full_size" / "biggan_imagenet128.yaml"
    cost = dry_run.run(recipe, changes=[f"data.batch_size={row[1]:.0f}"])
    assert f"4 ({cost.generator:,} + 2 × {cost.critic:,})" in PAPER
    assert row[2] == pytest.approx(cost.flops / 1e12, abs=6e-4)
    assert row[4] == pytest.approx((cost.state + cost.working) / 2**30, abs=6e-3)
