"""DeLiGAN's choice of the player: who moves, and the threshold's rule against the authors' loop written out."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from tests import points


def model(threshold, least=None, **arguments):
    gan = points.gan("SGAN", player_threshold=threshold, least_player_threshold=least, **arguments)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    return gan


def values(*parts):
    return [variable.numpy() for part in parts for variable in part.variables]


@pytest.mark.parametrize(("threshold", "plays"), [(0.0, "generator"), (1e9, "critic")])
def test_the_player_that_is_not_chosen_stays_as_it_was(threshold, plays):
    gan = model(threshold, critic_steps=3)
    sides = {
        "generator": (gan.latent, gan.generator_optimizer),
        "critic": (gan.critic, gan.critic_optimizer),
    }
    before = {side: values(*parts) for side, parts in sides.items()}
    trained = [variable.numpy() for variable in gan.generator.trainable_variables]
    gan.fit(points.data(gan, 2), verbose=0)
    for side, parts in sides.items():
        changed = [(old != new).any() for old, new in zip(before[side], values(*parts))]
        assert any(changed) == (side == plays)
    moved = [(old != v.numpy()).any() for old, v in zip(trained, gan.generator.trainable_variables)]
    assert all(moved) if plays == "generator" else not any(moved)
    turns = {"generator": gan.generator_optimizer.iterations, "critic": gan.critic_optimizer.iterations}
    assert {side: int(count) for side, count in turns.items()} == {"generator": 0, "critic": 0, plays: 6}


def test_a_turn_is_the_update_that_plain_sgan_takes():
    """Of the critic, on fresh data: with a high threshold it moves as in a plain step of as many critic steps."""
    turns, plain = model(1e9, critic_steps=2), points.gan("SGAN", critic_steps=2)
    plain.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    for gan in (turns, plain):
        gan.fit(points.data(gan, 1), verbose=0)
    for one, other in zip(turns.critic.variables, plain.critic.variables, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def authors_rule(losses, threshold, least):
    """The loop of dg_toy.py, with five turns a batch: yields threshold and who plays."""
    most, count = threshold, 0
    for batch in losses:
        if count > 10:
            threshold, count = min(threshold + 0.01, most), 0
        if count < -150 and threshold > least:
            threshold, count = max(threshold - 0.001, least), 0
        turns = [loss > threshold for loss in batch]
        count += sum(1 if turn else -1 for turn in turns)
        yield threshold, turns


@pytest.mark.slow
def test_the_threshold_moves_as_in_the_authors_code():
    gan = model(1.0, 0.9955, critic_steps=5)
    losses = np.full((600, 5), 0.5)
    losses[200:320] = 2.0  # the generator's turns: back up, from 0.9955 to 1.0
    losses[400:600, ::2] = 0.9995
    loss, original = tf.Variable(np.zeros(5, "float32")), gan.generator_loss
    gan.generator_loss = lambda real, k: loss[k] + 0.0 * original(real, k)
    step = tf.function(gan.train_step)
    thresholds, counts = [], []
    for batch in losses:
        loss.assign(batch)
        step(tf.zeros([20, 2]))
        thresholds.append(float(gan.turns.threshold.numpy()))
        counts.append(int(gan.generator_optimizer.iterations.numpy()))
    wanted = list(authors_rule(losses, 1.0, 0.9955))
    np.testing.assert_allclose(thresholds, [threshold for threshold, _ in wanted], atol=1e-6)
    np.testing.assert_array_equal(counts, np.cumsum([sum(turns) for _, turns in wanted]))
    assert min(thresholds) == pytest.approx(0.9955) and thresholds[319] == pytest.approx(1.0)
    assert len(set(thresholds)) > 5 and counts[-1] > 600
    assert int(gan.critic_optimizer.iterations.numpy()) + counts[-1] == losses.size


def test_thresholds_are_kept_in_files(tmp_path):
    gan = model(0.9, 0.5, critic_steps=2)
    gan.turns.threshold.assign(0.7)
    gan.turns.ahead.assign(-3)
    gan.save(tmp_path / "turns.keras")
    again = kerasgan.load(tmp_path / "turns.keras")
    assert float(again.turns.threshold.numpy()) == pytest.approx(0.7) and int(again.turns.ahead.numpy()) == -3
    assert (again.player_threshold, again.least_player_threshold) == (0.9, 0.5)


def test_thresholds_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="least_player_threshold: expected at most 0.5; got 0.7"):
        model(0.5, 0.7)
    with pytest.raises(ValueError, match="least_player_threshold: expected player_threshold with it; got None"):
        model(None, 0.7)
    with pytest.raises(ValueError, match="player_threshold: expected a finite number or None; got nan"):
        model(float("nan"))
    with pytest.raises(ValueError, match="generator_steps: expected 1, as player_threshold says who plays; got 2"):
        model(0.5, generator_steps=2)
