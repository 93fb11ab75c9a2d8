"""Every objective, saved and loaded, goes on as if it had never stopped."""

import numpy as np
import pytest

import kerasgan
from tests import points

NAMES = [*kerasgan.objectives.__all__, "RaSGAN+techniques", "TSGAN+techniques", *points.VARIANTS]


def compiled(name):
    gan = points.named(name)
    gan.compile()
    return gan


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_saved_and_loaded_model_goes_on_as_if_never_stopped(name, tmp_path):
    straight, stopped = compiled(name), compiled(name)
    straight.fit(points.data(straight, 2), verbose=0)
    stopped.fit(points.data(stopped, 2).take(1), verbose=0)
    stopped.save(tmp_path / "model.keras")
    resumed = kerasgan.load(tmp_path / "model.keras")
    assert type(resumed) is type(straight)
    left, right = (
        {k: v for k, v in gan.get_config().items() if k not in ("generator", "critic")} for gan in (resumed, stopped)
    )
    assert left == right
    resumed.fit(points.data(resumed, 2).skip(1), verbose=0)
    for one, other in zip(straight.variables, resumed.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-7, err_msg=one.path)
    np.testing.assert_allclose(straight.sample(5, seed=3), resumed.sample(5, seed=3), atol=1e-6)
    assert straight.sample(5).dtype == np.float32
