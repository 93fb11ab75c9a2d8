"""Every objective, saved and loaded, goes on as if it had never stopped."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.networks.pairwise import PairwiseCritic


def points_gan(objective):
    """Return a compiled model of points in the plane, its latents a learned mixture; the same at each call."""
    keras.utils.set_random_seed(0)
    kind = getattr(kerasgan, objective)
    z, x = keras.Input((4,)), keras.Input((2,))
    hidden = keras.layers.BatchNormalization(synchronized=True)(keras.layers.Dense(8)(z))
    features = kerasgan.layers.SpectralNormalization(keras.layers.Dense(8, activation="tanh"))(x)
    critic = keras.Model(x, keras.layers.Dense(4 if kind.feature_critic else 1)(features))
    gan = kind(
        keras.Model(z, keras.layers.Dense(2)(hidden)),
        PairwiseCritic(critic) if kind.pairwise_critic else critic,
        latent=kerasgan.latents.GaussianMixture(4, components=3),
    )
    gan.compile()
    return gan


@pytest.mark.slow
@pytest.mark.parametrize("objective", kerasgan.objectives.__all__)
def test_saved_and_loaded_model_goes_on_as_if_never_stopped(objective, tmp_path):
    straight, stopped = points_gan(objective), points_gan(objective)
    rows = 8 * straight.batches_per_step
    points = np.random.default_rng(0).standard_normal((2 * rows, 2)).astype("float32")
    straight.fit(tf.data.Dataset.from_tensor_slices(points).batch(rows), verbose=0)
    stopped.fit(tf.data.Dataset.from_tensors(points[:rows]), verbose=0)
    stopped.save(tmp_path / "model.keras")
    resumed = kerasgan.load(tmp_path / "model.keras")
    assert type(resumed) is type(straight)
    left, right = (
        {k: v for k, v in gan.get_config().items() if k not in ("generator", "critic")} for gan in (resumed, stopped)
    )
    assert left == right
    resumed.fit(tf.data.Dataset.from_tensors(points[rows:]), verbose=0)
    for one, other in zip(straight.variables, resumed.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-7, err_msg=one.path)
    np.testing.assert_allclose(straight.sample(5, seed=3), resumed.sample(5, seed=3), atol=1e-6)
    assert straight.sample(5).dtype == np.float32
