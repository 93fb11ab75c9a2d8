"""A recipe of seconds."""

import numpy as np
import pytest

RECIPE = """
name: tiny
data: {arrays: %s, image_size: 32, batch_size: 8}
latent: {Normal: {dim: 8}}
generator: {dcgan.generator: {filters: 4}}
critic: {dcgan.critic: {filters: 4}}
objective: {SGAN: {ema_decay: 0.9}}
generator_optimizer: {SGD: {learning_rate: 0.001, momentum: 0.5}}
critic_optimizer: {SGD: {learning_rate: 0.001, momentum: 0.5}}
train: {steps: %d, sample_every: 6, checkpoint_every: 4, log_every: 2}
"""


@pytest.fixture
def recipe(tmp_path):
    """Return a function that writes the recipe with so many steps."""
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).integers(0, 256, (64, 32, 32, 1), "uint8"))

    def write(steps, name="tiny.yaml", rate=0.001):
        path = tmp_path / name
        text = RECIPE % (tmp_path / "data.npz", steps)
        path.write_text(text.replace("0.001", str(rate)))
        return path

    return write
