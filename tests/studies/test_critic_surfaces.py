"""The study of critic surfaces: the fixed generator, the measures, and the paper's statement."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from kerasgan import data
from kerasgan.models.batch import Batch
from kerasgan.networks import mlp
from kerasgan.studies import critic_surfaces


def test_the_fixed_generator_adds_fresh_standard_normal_noise():
    gan = critic_surfaces.ClippedCritic(mlp.generator(width=1), mlp.critic(width=4), ema_decay=None)
    real = Batch(tf.constant(data.swiss_roll().sample(4000)), None)
    noise = [(gan.fake(real, "critic", k).images - real.images).numpy() for k in range(2)]
    for one in noise:
        assert stats.kstest(one.ravel(), "norm").pvalue > 1e-3
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.05


def test_training_moves_the_critic_alone():
    gan = critic_surfaces.ClippedCritic(mlp.generator(width=3), mlp.critic(width=16), ema_decay=None, clip=0.02)
    gan.compile(critic_optimizer=keras.optimizers.RMSprop(1e-3))
    before = gan.generator.get_weights()
    critic_before = gan.critic.get_weights()
    critic_surfaces.train("test", gan, data.swiss_roll(), 3, batch_size=16)
    for old, new in zip(before, gan.generator.get_weights()):
        np.testing.assert_array_equal(old, new)
    assert int(gan.step.numpy()) == 3
    assert max(np.abs(weight).max() for weight in gan.critic.get_weights()) <= 0.02 + 1e-8
    assert max(np.abs(weight).max() for weight in critic_before) > 0.1


def test_any_number_of_steps_is_taken():
    critics = critic_surfaces._critics(steps=52, seed=0, width=4)
    assert {gan.steps_per_execution for gan in critics.values()} == {2}
    critic_surfaces.train("test", critics["clipping"], data.swiss_roll(), 52, batch_size=4)
    assert critics["clipping"].step == 52


def columns(gan):
    layers = [getattr(layer, "layer", layer) for layer in gan.critic.layers]
    return [layer.kernel.numpy() for layer in layers if isinstance(layer, keras.layers.Dense)]


def test_norms_are_clipped_or_divided_by_and_nothing_else_is():
    """Exact: after training no unit's weights have a norm above 1, some have 1; weight norm's function has norm 1."""
    critics = critic_surfaces._critics(steps=20, seed=0, width=16)
    clipped, normalized = critics["L2 norm clipping"], critics["weight normalization"]
    assert max(np.linalg.norm(kernel, axis=0).max() for kernel in columns(clipped)) <= 1 + 1e-6
    before = [kernel.copy() for kernel in columns(clipped)]
    for gan in (clipped, normalized):
        critic_surfaces.train("test", gan, data.swiss_roll(), 20, batch_size=32)
    norms = np.concatenate([np.linalg.norm(kernel, axis=0) for kernel in columns(clipped)])
    assert norms.max() == pytest.approx(1, abs=1e-5) and norms.max() <= 1 + 1e-6
    assert max(np.abs(old - new).max() for old, new in zip(before, columns(clipped))) > 1e-3
    assert max(np.abs(kernel).max() for kernel in columns(clipped)) > critic_surfaces.CLIP  # that is not clipped
    x = np.random.default_rng(0).normal(size=(50, 2))
    wanted, layers = x, [layer for layer in normalized.critic.layers if hasattr(layer, "gain")]
    for index, layer in enumerate(layers):
        kernel = layer.layer.kernel.numpy()
        assert np.abs(np.linalg.norm(kernel, axis=0) - 1).max() > 1e-3
        wanted = wanted @ (kernel / np.linalg.norm(kernel, axis=0)) + layer.layer.bias.numpy()
        wanted = np.maximum(wanted, 0) if index < len(layers) - 1 else wanted
    np.testing.assert_allclose(normalized.critic(x), wanted, rtol=1e-4, atol=1e-5)
    assert all((layer.gain.numpy() == 1).all() for layer in layers)


def test_matched_normal_points_have_the_moments_of_the_data_and_are_normal():
    points = data.eight_gaussians().sample(3000)[:2000] * [1.0, 0.5] + [0.3, -1.0]
    normal = critic_surfaces.matched_normal(points)
    np.testing.assert_allclose(normal.mean(axis=0), points.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(np.cov(normal.T), np.cov(points.T), atol=1e-5)
    for axis in (0, 1):
        assert stats.kstest(stats.zscore(normal[:, axis]), "norm").pvalue > 1e-3
    assert stats.kurtosis(normal[:, 0]) == pytest.approx(0.0, abs=0.4)


@pytest.mark.parametrize(("power", "sign"), [(2, 0), (4, -1)])
def test_a_quadratic_critic_sees_no_higher_moments_and_another_does(power, sign, monkeypatch):
    monkeypatch.setattr(critic_surfaces, "_MEASURED", 400)
    gan = critic_surfaces.ClippedCritic(mlp.generator(width=1), mlp.critic(width=4), ema_decay=None)
    inputs = keras.Input((2,))
    gan.critic = keras.Model(inputs, -keras.ops.sum(inputs**power, axis=1, keepdims=True))
    found = critic_surfaces.measure(gan, data.eight_gaussians())
    if sign == 0:
        assert found["higher_moments"] == pytest.approx(0.0, abs=1e-4)
    else:  # E x^4 of 8 points on a circle of radius 2 / 1.414 is 1.5, of the normal distribution 3: it prefers the data
        assert found["higher_moments"] > 0.1
    assert found["critic_gap"] > 0


def test_values_and_norms_of_a_known_critic():
    inputs = keras.Input((2,))
    critic = keras.Model(inputs, keras.ops.sum(keras.ops.square(inputs), axis=1, keepdims=True))
    points = np.array([[3.0, 4.0], [0.0, 1.0]], "float32")
    values, norms = critic_surfaces.values_and_norms(critic, points)
    np.testing.assert_allclose(values, [25.0, 1.0])
    np.testing.assert_allclose(norms, [10.0, 2.0])


def test_surface_has_y_in_rows_and_x_in_columns():
    inputs = keras.Input((2,))
    surface = critic_surfaces.surface(keras.Model(inputs, inputs[:, :1] + 10.0 * inputs[:, 1:]))
    np.testing.assert_allclose(surface[0, -1], -9 * critic_surfaces.SIDE, rtol=1e-5)
    np.testing.assert_allclose(surface[-1, 0], 9 * critic_surfaces.SIDE, rtol=1e-5)


@pytest.mark.usefixtures("numbers_first")
def test_a_short_study_already_tells_the_critics_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(critic_surfaces, "_TOYS", (data.eight_gaussians,))
    monkeypatch.setattr(critic_surfaces, "_MEASURED", 300)
    monkeypatch.setattr(critic_surfaces, "PENALTY_WEIGHTS", (10.0,))
    critic_surfaces.run(steps=150, out=tmp_path, width=32)
    found = json.loads((tmp_path / "result.json").read_text())["result"]["eight_gaussians"]
    clipped, penalised = found["clipping"], found["gradient penalty, weight 10"]
    assert clipped["gradient_norms"]["mean"] < 1e-2
    assert 0.6 < penalised["gradient_norms"]["mean"] < 1.3
    assert penalised["critic_gap"] > 0.1
    assert clipped["w1"] == penalised["w1"] > 0.2
    assert set(found) == {"clipping", "L2 norm clipping", "weight normalization", "gradient penalty, weight 10"}
    assert (tmp_path / "surfaces.png").stat().st_size > 10_000
