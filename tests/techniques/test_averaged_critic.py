"""The critic's average against the recurrence written out, and that the training is the same."""

import numpy as np
import pytest

import kerasgan
from kerasgan import techniques
from tests import points


def trained(averaged, steps=3, critic_steps=2):
    gan = points.gan("HingeGAN", critic_steps=critic_steps)
    if averaged is not None:
        gan = kerasgan.HingeGAN(
            gan.generator,
            gan.critic,
            gan.latent,
            critic_steps=critic_steps,
            ema_decay=0.9,
            seed=5,
            techniques=[averaged],
        )
    gan.compile()
    history = [[v.numpy() for v in gan.critic.trainable_variables]]
    original = gan.update_critic

    def update(*arguments):
        original(*arguments)
        history.append([v.numpy() for v in gan.critic.trainable_variables])

    gan.update_critic = update
    gan.run_eagerly = True
    gan.fit(points.data(gan, steps), verbose=0)
    return gan, history


def test_the_average_is_the_recurrence_over_the_critics_updates():
    averaged = techniques.AveragedCritic(0.8)
    gan, history = trained(averaged)
    assert len(history) == 1 + 3 * 2
    expected = history[0]
    for weights in history[1:]:
        expected = [0.8 * old + 0.2 * new for old, new in zip(expected, weights)]
    copy = averaged.critic_of(gan)
    for variable, wanted, now in zip(copy.trainable_variables, expected, history[-1], strict=True):
        np.testing.assert_allclose(variable, wanted, atol=1e-6)
        assert np.abs(wanted - now).max() > 1e-6
    assert copy is not gan.critic
    for mine, theirs in zip(copy.non_trainable_variables, gan.critic.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    plain, _ = trained(None)
    for mine, theirs in zip(
        gan.critic.variables + gan.generator.variables, plain.critic.variables + plain.generator.variables
    ):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


def test_it_starts_from_the_weights_that_the_first_step_finds():
    networks = points.gan("HingeGAN")
    averaged = techniques.AveragedCritic(0.5)
    gan = kerasgan.HingeGAN(networks.generator, networks.critic, techniques=[averaged])
    gan.compile("sgd", "sgd")
    kernel = gan.critic.trainable_variables[0]
    kernel.assign(np.full(kernel.shape, 7.0))  # as a preset's, or those fitted to the data
    gan.fit(points.data(gan, 1), verbose=0)
    np.testing.assert_allclose(averaged.critic_of(gan).trainable_variables[0], (7.0 + kernel) / 2, rtol=1e-5)
    gan.fit(points.data(gan, 1), verbose=0)  # which goes on, and does not begin again
    assert np.abs(averaged.critic_of(gan).trainable_variables[0] - kernel).max() > 1e-6


@pytest.mark.parametrize("objective", ["SGAN", "TSGAN"])
def test_it_is_saved(objective, tmp_path):
    plain = points.gan(objective)
    averaged = techniques.AveragedCritic(0.5)
    gan = type(plain)(plain.generator, plain.critic, latent=plain.latent, techniques=[averaged])
    gan.compile()
    gan.fit(points.data(gan, 2), verbose=0)
    gan.save(tmp_path / "averaged.keras")
    again = kerasgan.load(tmp_path / "averaged.keras")
    copy, wanted = again.techniques[0].critic_of(again), averaged.critic_of(gan)
    for mine, theirs in zip(copy.variables, wanted.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


def test_a_wrong_decay_is_named():
    with pytest.raises(ValueError, match=r"decay: expected a number in \[0, 1\); got 1"):
        techniques.AveragedCritic(1)


@pytest.mark.parametrize("technique", [techniques.AveragedCritic(0.5), techniques.HistoricalAveraging(0.1)])
def test_layers_that_are_thawed_later_are_averaged_too(technique):
    gan = points.gan("SGAN")
    layer = next(layer for layer in gan.critic.layers if layer.trainable_variables)
    layer.trainable = False
    gan = kerasgan.SGAN(gan.generator, gan.critic, gan.latent, techniques=[technique])
    gan.compile()
    gan.fit(points.data(gan, 2), verbose=0)
    layer.trainable = True
    gan.compile()
    before = layer.trainable_variables[0].numpy()
    gan.fit(points.data(gan, 2), verbose=0)
    after = layer.trainable_variables[0].numpy()
    assert not np.array_equal(before, after)
    if isinstance(technique, techniques.AveragedCritic):
        copied = technique.critic_of(gan).get_layer(layer.name).trainable_variables[0].numpy()
        assert np.abs(copied - before).max() > 0
        assert np.abs(copied - after).max() > 0
