"""Feature matching against the formula in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import layers, techniques
from kerasgan.models.batch import Batch
from kerasgan.networks.pairwise import PairwiseCritic

REAL, FAKE = np.random.default_rng(0).normal(size=(2, 7, 2)).astype("float32")


def make(technique, objective="SGAN"):
    """Return a model whose critic has tanh features, and these as a function in NumPy."""
    keras.utils.set_random_seed(0)
    z, x = keras.Input((2,)), keras.Input((2,))
    hidden = keras.layers.Dense(5, activation="tanh", name="hidden")
    critic = keras.Model(x, keras.layers.Dense(1)(keras.layers.Dense(4, activation="relu", name="top")(hidden(x))))
    if getattr(kerasgan, objective).pairwise_critic:
        critic = PairwiseCritic(keras.Model(x, hidden(x)), keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)]))
    gan = getattr(kerasgan, objective)(keras.Model(z, keras.layers.Dense(2)(z)), critic, techniques=[technique])
    gan.fake = lambda like, *purpose: Batch(tf.constant(FAKE), None)
    kernel, bias = (value.astype("float64") for value in hidden.get_weights())
    return gan, lambda points: np.tanh(points @ kernel + bias)


def loss_of(gan, *rest):
    """Return the loss that the generator's update would use."""
    return gan.techniques[0].generator_loss(gan, gan.generator_loss)(Batch(tf.constant(REAL), None), *rest)


@pytest.mark.parametrize("order", [1, 2])
def test_the_loss_is_the_distance_of_mean_features(order):
    gan, features = make(techniques.FeatureMatching(order, layer="hidden", weight=3.0))
    difference = features(FAKE).mean(axis=0) - features(REAL).mean(axis=0)
    np.testing.assert_allclose(loss_of(gan), 3 * np.mean(np.abs(difference) ** order), rtol=1e-5)
    gan, _ = make(techniques.FeatureMatching(order, layer="hidden", weight=3.0, add=True))
    own = gan.generator_loss(Batch(tf.constant(REAL), None))
    np.testing.assert_allclose(loss_of(gan), own + 3 * np.mean(np.abs(difference) ** order), rtol=1e-5)


def test_by_default_the_features_enter_the_last_dense_layer():
    gan, features = make(techniques.FeatureMatching())
    kernel, bias = gan.critic.get_layer("top").get_weights()
    top = [np.maximum(features(points) @ kernel + bias, 0).mean(axis=0) for points in (FAKE, REAL)]
    np.testing.assert_allclose(loss_of(gan), np.abs(top[0] - top[1]).mean(), rtol=1e-5)


def test_by_default_the_last_dense_layer_may_be_normalized():
    image = keras.Input((2,))
    features = keras.layers.Dense(5, activation="tanh", name="hidden")(image)
    critic = keras.Model(image, layers.WeightNormalization(keras.layers.Dense(1))(features))
    z = keras.Input((2,))
    technique = techniques.FeatureMatching()
    gan = kerasgan.SGAN(keras.Model(z, keras.layers.Dense(2)(z)), critic, techniques=[technique])
    gan.fake = lambda like, *purpose: Batch(tf.constant(FAKE), None)
    kernel, bias = critic.get_layer("hidden").get_weights()
    means = [np.tanh(points @ kernel + bias).mean(axis=0) for points in (FAKE, REAL)]
    np.testing.assert_allclose(loss_of(gan), np.abs(means[0] - means[1]).mean(), rtol=1e-5)


class Seven(techniques.Technique):
    """Adds 7 to the generator's loss."""

    def generator_loss(self, gan, loss):
        return lambda *batches: loss(*batches) + 7.0


@pytest.mark.parametrize("first", [True, False])
def test_what_other_techniques_add_stays_in_either_order(first):
    gan, features = make(techniques.FeatureMatching(layer="hidden"))
    gan.techniques = [Seven(), *gan.techniques] if first else [*gan.techniques, Seven()]
    del gan.fake
    gan.compile("sgd", "sgd")
    real = Batch(tf.constant(REAL), None)
    made = gan.fake(real, "generator").images
    gan.update_generator(gan.generator_loss, real)
    distance = np.abs(features(made).mean(axis=0) - features(REAL).mean(axis=0)).mean()
    np.testing.assert_allclose(gan.trackers["generator_loss"].result(), distance + 7, rtol=1e-5)


def test_features_of_a_pairwise_critic_are_its_encoders():
    gan, features = make(techniques.FeatureMatching(2), "TSGAN")
    expected = np.mean((features(FAKE).mean(axis=0) - features(REAL).mean(axis=0)) ** 2)
    np.testing.assert_allclose(loss_of(gan, 1), expected, rtol=1e-5)


def test_features_are_of_the_images_that_the_critic_sees_and_their_labels():
    keras.utils.set_random_seed(0)
    x, z, label = keras.Input((2,)), keras.Input((2,)), keras.Input((), dtype="int32")
    table, hidden = keras.layers.Embedding(3, 2), keras.layers.Dense(5, activation="tanh")
    features = hidden(keras.layers.Concatenate()([x, table(label)]))
    critic = keras.Model([x, label], keras.layers.Dense(1)(features))
    made = keras.layers.Dense(2)(keras.layers.Concatenate()([z, keras.layers.Embedding(3, 2)(label)]))
    plug_ins = [techniques.InstanceNoise(0.5), techniques.FeatureMatching()]
    gan = kerasgan.SGAN(keras.Model([z, label], made), critic, num_classes=3, techniques=plug_ins)
    table.set_weights([10.0 * table.get_weights()[0]])
    labels = np.array([0, 1, 1, 2, 2, 2, 0], "int32")
    real = Batch(tf.constant(REAL), tf.constant(labels), purpose=("real", 0))
    kernel, bias = hidden.get_weights()
    means = []
    for batch in (real, gan.fake(real, "generator")):
        noisy = gan.seen(batch).images.numpy()
        assert np.abs(noisy - batch.images).max() > 0.5
        means.append(np.tanh(np.concatenate([noisy, table.get_weights()[0][labels]], 1) @ kernel + bias).mean(axis=0))
    loss = plug_ins[1].generator_loss(gan, gan.generator_loss)(real)
    np.testing.assert_allclose(loss, np.abs(means[0] - means[1]).mean(), rtol=1e-5)


def test_the_generators_update_descends_it_and_saves_no_second_critic():
    gan, _ = make(techniques.FeatureMatching(2, layer="hidden"))
    del gan.fake
    gan.compile(keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.0))
    before = gan.critic.get_weights()
    history = gan.fit(tf.data.Dataset.from_tensors(np.tile(REAL + 1, (40, 1))).repeat(60), epochs=5, verbose=0).history
    assert history["generator_loss"][-1] < 0.2 * history["generator_loss"][0]
    assert all((new == old).all() for new, old in zip(gan.critic.get_weights(), before))
    assert not gan.techniques[0].weights


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="layer: expected a layer of the critic, one of .*hidden.*; got 'x'"):
        make(techniques.FeatureMatching(layer="x"))
    with pytest.raises(ValueError, match="order: expected 1 or 2; got 3"):
        techniques.FeatureMatching(3)
    with pytest.raises(ValueError, match="weight: expected a positive number; got 0"):
        techniques.FeatureMatching(weight=0)


def test_features_of_the_label_alone_are_refused():
    """What enters the last dense layer of a critic may come from the label, and the distance would be 0."""
    image, label = keras.Input((8, 8, 1)), keras.Input((), dtype="int32")
    plane = keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64)(keras.layers.Embedding(3, 4)(label)))
    scored = keras.layers.Conv2D(1, 8, name="last")(keras.layers.Concatenate()([image, plane]))
    critic = keras.Model([image, label], keras.layers.Flatten()(scored))
    z, kind = keras.Input((4,)), keras.Input((), dtype="int32")
    made = keras.layers.Dense(64, "tanh")(keras.layers.Concatenate()([z, keras.layers.Embedding(3, 2)(kind)]))
    generator = keras.Model([z, kind], keras.layers.Reshape((8, 8, 1))(made))
    with pytest.raises(ValueError, match="layer: expected the name of a layer whose output depends on the image"):
        kerasgan.SGAN(generator, critic, num_classes=3, techniques=[techniques.FeatureMatching(add=True)])
    kerasgan.SGAN(generator, critic, num_classes=3, techniques=[techniques.FeatureMatching(layer="last", add=True)])
