"""What studies leave behind, and find there."""

import functools

import pytest

from kerasgan.studies import (
    collapse,
    critic_surfaces,
    deligan,
    freeze,
    gradient_norms,
    objectives,
    overfitting,
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
