"""Gradients of training steps in bfloat16 against those in float32, for objectives of all kinds."""

import pytest

from benchmarks import gradients
from kerasgan.utils import precision


@pytest.mark.slow
@pytest.mark.skipif(precision.chosen("auto") == "float32", reason="this processor has no instructions for bfloat16")
@pytest.mark.parametrize("recipe", ["sgan", "wgan_gp", "rasgan", "cramer", "r3gan"])
def test_gradients_point_where_those_of_float32_do(recipe):
    exact, made = (gradients.of_a_step(f"{recipe}_fashion_mnist", name) for name in ("float32", "bfloat16"))
    for network in exact:
        kernels, vectors, cosine = gradients.compared(exact[network], made[network])
        assert 1e-4 < kernels < 0.15 and vectors < 0.15 and cosine > 0.99, network
