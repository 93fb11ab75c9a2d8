"""Historical averaging against the recursion written out."""

import keras
import numpy as np
import pytest
from keras import ops

import kerasgan
from kerasgan import techniques
from tests import points


def make(weight):
    networks = points.gan("SGAN")
    return kerasgan.SGAN(networks.generator, networks.critic, techniques=[techniques.HistoricalAveraging(weight)])


@pytest.mark.parametrize("player", ["generator", "critic"])
def test_updates_are_the_recursion_of_the_paper(player):
    """A loss with the constant gradient c: theta moves by -rate (c + 2 weight (theta - mean of its past))."""
    weight, rate = 0.7, 0.1
    gan = make(weight)
    gan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    variable = getattr(gan, player).trainable_variables[0]
    pull = np.random.default_rng(0).normal(size=variable.shape)
    past = [variable.numpy().astype("float64")]
    for _ in range(5):
        getattr(gan, f"update_{player}")(lambda real: ops.sum(variable * pull.astype("float32")), None)
        past.append(past[-1] - rate * (pull + 2 * weight * (past[-1] - np.mean(past, axis=0))))
        np.testing.assert_allclose(variable.numpy(), past[-1], atol=1e-5)


def test_the_past_begins_with_the_weights_that_the_first_step_finds():
    gan = make(weight=1e3)  # a pull to other weights would show
    gan.compile(keras.optimizers.SGD(1e-5), keras.optimizers.SGD(1e-5))
    for network in (gan.generator, gan.critic):
        for variable in network.trainable_variables:
            variable.assign(np.full(variable.shape, 0.7))
    history = gan.fit(points.data(gan, 1), verbose=0)
    assert np.isfinite(history.history["critic_loss"]).all()
    for network in (gan.generator, gan.critic):
        for variable in network.trainable_variables:
            np.testing.assert_allclose(variable, 0.7, atol=1e-3)


def test_one_object_belongs_to_one_model():
    averaging = techniques.HistoricalAveraging()
    networks = points.gan("SGAN")
    kerasgan.SGAN(networks.generator, networks.critic, techniques=[averaging])
    with pytest.raises(ValueError, match="techniques: expected historical_averaging.* for this model alone"):
        kerasgan.SGAN(networks.generator, networks.critic, techniques=[averaging])
    with pytest.raises(ValueError, match="weight: expected a number of at least 0; got -1"):
        techniques.HistoricalAveraging(-1)
