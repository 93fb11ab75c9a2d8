"""Standing statistics are the averages of what batches of truncated latents have."""

import keras
import numpy as np
import pytest

import kerasgan
from kerasgan import latents, networks
from kerasgan.models import standing_statistics
from kerasgan.models.sampler import Sampler


def sampler(num_classes=None):
    """Dense 6 -> 4, batch norm, dense -> 2 numbers."""
    inputs, z = networks._parts.latents_input(6, num_classes)
    x = keras.layers.Dense(4, kernel_initializer=keras.initializers.RandomNormal(seed=1))(z)
    x = keras.layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name="norm")(x)
    return Sampler(keras.Model(inputs, keras.layers.Dense(2)(x)), num_classes=num_classes)


def seen(model, monkeypatch, **arguments):
    """The copy with standing statistics, and the inputs of its passes."""
    inputs = []
    original = standing_statistics._inputs
    monkeypatch.setattr(standing_statistics, "_inputs", lambda *args: inputs.append(original(*args)) or inputs[-1])
    return standing_statistics.standing_statistics(model, **arguments), inputs


@pytest.mark.parametrize("num_classes", [None, 3])
def test_statistics_are_the_averages_of_the_batches_moments(monkeypatch, num_classes):
    model = sampler(num_classes)
    copy, passes = seen(model, monkeypatch, truncation=0.7, passes=5, batch_size=32)
    before_norm = keras.Model(model.generator.inputs, model.generator.get_layer("norm").input)
    activations = [before_norm(inputs).numpy().astype(np.float64) for inputs in passes]
    norm = copy.generator.get_layer("norm")
    np.testing.assert_allclose(norm.moving_mean, np.mean([a.mean(0) for a in activations], 0), atol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, np.mean([a.var(0) for a in activations], 0), rtol=1e-4)
    assert len(passes) == 5 and norm.momentum == 0.9
    z = np.concatenate([inputs if num_classes is None else inputs[0] for inputs in passes])
    assert 0.65 < np.abs(z).max() <= 0.7 and len(np.unique(z, axis=0)) == 5 * 32
    if num_classes is not None:
        assert set(np.concatenate([inputs[1] for inputs in passes])) == {0, 1, 2}


def test_the_model_is_left_alone_and_the_average_is_what_is_copied(small_gan):
    gan = small_gan(ema_decay=0.5, latent=latents.GaussianMixture(8, 3))
    for average in (gan.ema_generator, gan.ema_latent):
        average.set_weights([weight + 0.01 for weight in average.get_weights()])
    before = [np.copy(weight) for weight in gan.get_weights()]
    copy = standing_statistics.standing_statistics(gan, passes=2, batch_size=4)
    for old, new in zip(before, gan.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    moved = []
    for ours, average in zip(copy.generator.weights, gan.ema_generator.weights, strict=True):
        if not np.array_equal(ours, average):
            moved.append(ours.name)
    assert moved and set(moved) == {"moving_mean", "moving_variance"}
    assert copy.averaged and not standing_statistics.copied(Sampler(gan.generator, gan.latent)).averaged
    for ours, average in zip(copy.latent.get_weights(), gan.ema_latent.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, average)
    again = standing_statistics.standing_statistics(gan, passes=2, batch_size=4)
    for one, other in zip(copy.generator.get_weights(), again.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_seed_that_is_no_integer_of_64_bits_is_named():
    with pytest.raises(ValueError, match=r"^seed: expected an integer from -9223\d+ to 9223\d+, got 9223"):
        standing_statistics.standing_statistics(sampler(), passes=2, batch_size=4, seed=2**63)


def test_a_seed_names_the_latents():
    means = [
        standing_statistics.standing_statistics(sampler(), passes=2, batch_size=4, seed=seed)
        .generator.get_layer("norm")
        .moving_mean.numpy()
        for seed in (5, 5, 6)
    ]
    np.testing.assert_array_equal(means[0], means[1])
    assert np.abs(means[0] - means[2]).min() > 1e-4


def test_a_copy_is_saved_with_its_statistics(tmp_path, small_gan):
    copy = standing_statistics.standing_statistics(small_gan(), truncation=0.5, passes=2, batch_size=4)
    copy.save(tmp_path / "copy.keras")
    again = kerasgan.load(tmp_path / "copy.keras")
    assert type(again) is Sampler
    np.testing.assert_array_equal(again.sample(3, truncation=0.5), copy.sample(3, truncation=0.5))


def test_bad_arguments_are_named():
    plain = Sampler(keras.Sequential([keras.Input((6,)), keras.layers.Dense(2)]), latents.Normal(6))
    with pytest.raises(ValueError, match="model: expected a generator with batch norm"):
        standing_statistics.standing_statistics(plain)
    with pytest.raises(ValueError, match="truncation: expected a positive number or None; got 0"):
        standing_statistics.standing_statistics(sampler(), truncation=0)
    with pytest.raises(ValueError, match="truncation: expected a positive number or None; got 'half'"):
        standing_statistics.standing_statistics(sampler(), truncation="half")
    with pytest.raises(ValueError, match="passes: expected an integer of at least 1, got 0"):
        standing_statistics.standing_statistics(sampler(), passes=0)
