"""What the critic sees: techniques disturb images where it looks at them, the same batch in the same way in a step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import techniques
from kerasgan.models.batch import Batch
from kerasgan.models.gradient_penalty import gradient_penalty, interpolate
from kerasgan.techniques.technique import Technique
from tests import points


class Shift(Technique):
    """Adds 100 to every value, so that what the critic sees can be told from what it does not."""

    def disturb(self, gan, batch, *purpose):
        assert purpose, "whatever the critic sees has a purpose"
        return batch._replace(images=batch.images + 100.0)


class Stretch(Technique):
    """Multiplies each image by a random number of its own, from 1 to 2."""

    def disturb(self, gan, batch, *purpose):
        factors = 1.0 + gan.uniform(batch, (1,), "stretch", *purpose)
        return batch._replace(images=batch.images * tf.cast(factors, "float32"))


def given_to_the_critic(gan, monkeypatch):
    """Return the list to which all points are added that the critic or its encoder computes with."""
    seen = []
    network = gan.critic.encoder if gan.pairwise_critic else gan.critic
    first = network.layers[1]
    call = first.call
    monkeypatch.setattr(first, "call", lambda x, *rest, **named: (seen.append(x.numpy()), call(x, *rest, **named))[1])
    return seen


@pytest.mark.parametrize("matching", [False, True])
@pytest.mark.parametrize("objective", kerasgan.objectives.__all__)
def test_no_objective_shows_the_critic_an_image_that_is_not_disturbed(objective, matching, monkeypatch):
    gan = points.gan(objective)
    gan.techniques = [Shift(), *([techniques.FeatureMatching()] if matching else [])]
    for technique in gan.techniques:
        technique.attach(gan)
    gan.compile(run_eagerly=True)
    seen = given_to_the_critic(gan, monkeypatch)
    data = next(iter(points.data(gan, 1)))
    gan.train_step(data)
    assert len(seen) >= 3  # real and generated ones for the critic, generated ones for the generator
    for images in seen:
        assert 90 < images.min() and images.max() < 110


def test_a_batch_is_seen_in_the_same_way_within_a_step_and_otherwise_in_another():
    gan = points.gan("WGANGP", critic_steps=1)
    gan.techniques = [techniques.InstanceNoise(0.5)]
    real = next(gan.minibatches(tf.ones([60, 2])))
    fake, other = gan.fake(real, "critic", 0), gan.fake(real, "critic", 0, "other")
    between = interpolate(gan, real, fake, 0)
    noises = {}
    for batch in (real, fake, other, between, gan.fake(real, "generator")):
        noise = (gan.seen(batch).images - batch.images).numpy()
        np.testing.assert_array_equal(noise, (gan.seen(batch).images - batch.images).numpy())
        noises[batch.purpose] = noise
    assert len(noises) == 5
    gan.step.assign(1)
    noises["later"] = (gan.seen(real).images - real.images).numpy()
    correlations = np.corrcoef([noise.ravel() for noise in noises.values()])
    assert np.abs(correlations - np.eye(6)).max() < 0.4  # of 120 numbers: four standard deviations


def test_parts_of_a_batch_are_seen_as_in_the_whole():
    gan = points.gan("SGAN")
    gan.techniques = [techniques.InstanceNoise(0.5)]
    [real] = gan.minibatches(tf.ones([7, 2]))
    whole = gan.seen(real).images.numpy()
    gan.compile(gradient_accumulation_steps=3)
    parts = [gan.seen(part).images.numpy() for part in real.parts(gan.gradient_accumulation_steps)]
    assert [len(part) for part in parts] == [2, 2, 3]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert gan.fake(real, "critic", 0).purpose == ("fake", "critic", 0)


def test_a_penalty_is_of_the_gradient_before_the_disturbance():
    """D(x) = w x and an image stretched by s: the gradient is s w, so the penalty is the mean of (s ||w|| - 1)^2."""
    x, z = keras.Input((2,)), keras.Input((2,))
    critic = keras.Model(x, keras.layers.Dense(1, use_bias=False)(x))
    gan = kerasgan.WGANGP(keras.Model(z, keras.layers.Dense(2)(z)), critic, techniques=[Stretch()])
    weights = np.array([[3.0], [4.0]], "float32")
    critic.set_weights([weights])
    batch = Batch(tf.ones([6, 2]), None, purpose=("between", 0))
    factors = gan.seen(batch).images.numpy()[:, 0]
    assert np.ptp(factors) > 0.3
    np.testing.assert_allclose(gradient_penalty(gan.score, batch), np.mean((factors * 5.0 - 1.0) ** 2), rtol=1e-5)


def test_a_technique_may_replace_the_critics_loss_and_log():
    class Doubled(Technique):
        tracked = ("rows",)

        def critic_loss(self, gan, loss):
            def doubled(real, fake, *rest):
                assert (real.purpose[0], fake.purpose[0]) == ("real", "fake")
                gan.track(rows=tf.shape(real.images)[0])
                return 2.0 * loss(real, fake, *rest)

            return doubled

    logs = []
    for plug_ins in ([], [Doubled()]):
        keras.utils.set_random_seed(0)
        networks = kerasgan.networks.mlp.generator(width=4), kerasgan.networks.mlp.critic(width=4)
        gan = kerasgan.CramerGAN(*networks, critic_steps=1, techniques=plug_ins)
        gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
        logs.append(gan.fit(points.data(gan, 1), verbose=0).history)
    plain, doubled = logs
    assert doubled["critic_loss"][0] == pytest.approx(2 * plain["critic_loss"][0], rel=1e-5)
    assert doubled["generator_loss"] == plain["generator_loss"]
    assert doubled["rows"] == [12.0] and "rows" not in plain
