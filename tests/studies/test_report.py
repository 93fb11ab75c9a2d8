"""What studies leave behind, and find there."""

import functools

import pytest

from kerasgan.studies import (
    calibration,
    characters,
    collapse,
    critic_surfaces,
    deligan,
    freeze,
    gradient_norms,
    low_data,
    objectives,
    overfitting,
    random_architectures,
    report,
    toy,
    truncation_sweep,
)

STUDIES = {
    "collapse": collapse.run,
    "critic_surfaces": critic_surfaces.run,
    "deligan": deligan.run,
    "freeze": freeze.run,
    "gradient_norms": gradient_norms.run,
    "objectives": objectives.run,
    "overfitting": overfitting.run,
    "toy": toy.run,
    "truncation": functools.partial(truncation_sweep.run, "model.keras"),
}


@pytest.mark.parametrize("run", STUDIES.values(), ids=STUDIES)
def test_a_result_of_other_settings_is_not_replaced(run, tmp_path):
    path = report.write_result(tmp_path, {"seed": 7}, {"dear": 1})
    before = path.read_text()
    with pytest.raises(ValueError, match="out: .* holds a result of other settings, .*'seed': 7.*; give another"):
        run(out=tmp_path)
    assert [found.name for found in tmp_path.iterdir()] == ["result.json"]
    assert path.read_text() == before


SEEDED = {name: run for name, run in STUDIES.items() if name not in ("deligan", "objectives", "truncation")} | {
    "calibration": functools.partial(calibration.run, real="none"),
    "characters": characters.run,
    "low_data": low_data.run,
    "random_architectures": random_architectures.run,
}


@pytest.mark.parametrize("run", SEEDED.values(), ids=SEEDED)
def test_a_seed_beyond_numpys_is_named(run, tmp_path):
    with pytest.raises(ValueError, match="^seed: expected an integer from 0 to 4294967295, got 4294967296"):
        run(out=tmp_path, seed=2**32)
