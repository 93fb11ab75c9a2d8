"""What is asked of a file for a runtime, where no package of the runtime is needed."""

import pytest

from kerasgan.models import checks
from kerasgan.models.runtimes import check


@pytest.mark.parametrize("wrong", [0, 2.5, "2", True])
def test_a_number_of_images_that_is_none_is_named(wrong):
    with pytest.raises(ValueError, match="^batch: expected a positive number of images, or None for any; got"):
        checks.batch(wrong)


@pytest.mark.parametrize("wrong", [-1, 256, float("nan"), "2", True])
def test_allowed_levels_that_are_none_are_named(wrong):
    with pytest.raises(ValueError, match="^allowed_levels: expected a number in .0, 255., or None; got"):
        check.allowed(levels=wrong)
