"""Gradients accumulated over parts of a batch are those of the whole batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import layers, techniques
from kerasgan.networks.pairwise import PairwiseCritic

CLASSES = 3
ROWS = 8


def model(objective, parts, conditional=False, eagerly=True):
    """Networks in which no row depends on another, after `compile`."""
    keras.utils.set_random_seed(2)
    kind = getattr(kerasgan, objective)
    z, points, labels = keras.Input((4,)), keras.Input((2,)), keras.Input((), dtype="int32")
    x, y = z, points
    if conditional:
        x = keras.layers.Concatenate()([z, keras.layers.Embedding(CLASSES, 2)(labels)])
        y = keras.layers.Concatenate()([points, keras.layers.Embedding(CLASSES, 2)(labels)])
    x = keras.layers.Dense(16, activation="tanh")(x)
    y = layers.SpectralNormalization(keras.layers.Dense(16, activation="tanh"))(y)
    generator = keras.Model([z, labels] if conditional else z, keras.layers.Dense(2)(x))
    outputs = keras.layers.Dense(4 if kind.feature_critic else 1, use_bias=False)(y)
    critic = keras.Model([points, labels] if conditional else points, outputs)
    gan = kind(
        generator,
        PairwiseCritic(critic) if kind.pairwise_critic else critic,
        latent=kerasgan.latents.GaussianMixture(4, components=3, by_slot=True),
        num_classes=CLASSES if conditional else None,
        techniques=[techniques.InstanceNoise(0.1)],
        seed=1,
    )
    gan.compile(
        keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.01), gradient_accumulation_steps=parts, run_eagerly=eagerly
    )
    return gan


def trained(gan, steps=2):
    rng = np.random.default_rng(0)
    rows = ROWS * gan.batches_per_step
    data = rng.normal(size=(steps * rows, 2)).astype("float32")
    labels = rng.integers(0, CLASSES, steps * rows).astype("int32")
    dataset = tf.data.Dataset.from_tensor_slices((data, labels) if gan.num_classes else data)
    logs = gan.fit(dataset.batch(rows, drop_remainder=True), verbose=0).history
    return gan.get_weights(), logs


@pytest.mark.parametrize(
    ("objective", "conditional", "eagerly"),
    [
        ("SGAN", True, False),
        ("WGANGP", False, True),
        ("CramerGAN", False, True),
        pytest.param("TSGAN", False, True, marks=pytest.mark.slow),
    ],
)
def test_four_parts_take_the_step_of_the_whole(objective, conditional, eagerly):
    before = model(objective, 1, conditional).get_weights()
    whole, whole_logs = trained(model(objective, 1, conditional, eagerly))
    parts, parts_logs = trained(model(objective, 4, conditional, eagerly))
    for start, one, other in zip(before, whole, parts, strict=True):
        if start.dtype.kind == "f" and start.ndim:
            assert np.abs(one - start).max() > 1e-4
            np.testing.assert_allclose(other, one, atol=1e-5)
    for name, values in whole_logs.items():
        np.testing.assert_allclose(parts_logs[name], values, rtol=1e-4, err_msg=name)


def test_batch_norm_sees_the_part(small_gan, images):
    moments = {}
    for parts in (1, 2):
        gan = small_gan(ema_decay=None)
        gan.compile(gradient_accumulation_steps=parts)
        gan.fit(images[:8], batch_size=8, verbose=0)
        norm = next(layer for layer in gan.generator.layers if isinstance(layer, keras.layers.BatchNormalization))
        moments[parts] = norm.moving_mean.numpy()
    assert np.abs(moments[1] - moments[2]).max() > 1e-4


def test_it_is_saved_with_the_model(tmp_path):
    gan = model("SGAN", 2)
    gan.save(tmp_path / "gan.keras")
    assert kerasgan.load(tmp_path / "gan.keras").gradient_accumulation_steps == 2


@pytest.mark.parametrize("eagerly", [True, False])
def test_parts_need_not_be_equal(eagerly):
    """Three parts of eight rows have two or three of them, and count as much."""
    whole, whole_logs = trained(model("SGAN", 1, eagerly=eagerly))
    parts, parts_logs = trained(model("SGAN", 3, eagerly=eagerly))
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5)
    for name, values in whole_logs.items():
        np.testing.assert_allclose(parts_logs[name], values, rtol=1e-4, err_msg=name)


def test_a_number_that_is_no_number_of_parts_is_named():
    with pytest.raises(ValueError, match="training data: expected at least 9 rows a batch, 9 for each of 1 m.*got 8"):
        trained(model("SGAN", 9))
    with pytest.raises(ValueError, match="gradient_accumulation_steps: expected an integer of at least 1, got 0"):
        model("SGAN", 0)


@pytest.mark.parametrize("clip", [{"clipvalue": 5e-4}, {"clipnorm": 1e-3}, {"global_clipnorm": 1e-3}])
def test_gradients_of_embeddings_are_clipped_as_others(clip):
    """With SGD of rate 1 no weight moves further than the clip; an embedding's gradient has a row a label."""
    moved = []
    for parts in (1, 2):
        gan = model("SGAN", parts, conditional=True)
        gan.compile(*(keras.optimizers.SGD(1.0, **clip) for _ in range(2)), gradient_accumulation_steps=parts)
        before = [variable.numpy() for variable in gan.critic.trainable_variables]
        trained(gan, steps=1)
        moved.append([new.numpy() - old for new, old in zip(gan.critic.trainable_variables, before)])
    for one, two in zip(*moved, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)
    [most] = clip.values()
    size = np.max if "clipvalue" in clip else np.linalg.norm
    assert all(size(np.abs(step)) <= most * 1.001 for step in moved[0])


@pytest.mark.parametrize("parts", [1, 2])
def test_adams_first_step_moves_embeddings_by_its_rate(parts):
    """As it moves all; Keras's own squares an embedding's rows one by one, and moves it sqrt(N) times as far."""
    gan = model("SGAN", parts, conditional=True)
    gan.compile(*(keras.optimizers.Adam(0.01, epsilon=1e-12) for _ in range(2)), gradient_accumulation_steps=parts)
    before = [variable.numpy() for variable in gan.trainable_variables]
    trained(gan, steps=1)
    for variable, old in zip(gan.trainable_variables, before):
        moved = np.abs(variable.numpy() - old)
        np.testing.assert_allclose(moved[moved > 0], 0.01, rtol=2e-3, err_msg=variable.path)
