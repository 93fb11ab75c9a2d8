"""WGAN-GP with an auxiliary classifier: losses against the formulas, and what it refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

import kerasgan
from kerasgan.models.batch import Batch
from tests import points

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 6).astype("int32")


def linear():
    """Return a model with a linear critic, and its two outputs in NumPy."""
    x, z, y = keras.Input((2,)), keras.Input((2,)), keras.Input((), dtype="int32")
    critic = keras.Model(x, [keras.layers.Dense(1)(x), keras.layers.Dense(3)(x)])
    weights = [RNG.normal(size=w.shape) for w in critic.get_weights()]
    critic.set_weights(weights)
    embedded = keras.layers.Concatenate()([z, keras.layers.Embedding(3, 2)(y)])
    generator = keras.Model([z, y], keras.layers.Dense(2)(embedded))
    gan = kerasgan.ACWGANGP(generator, critic, num_classes=3, critic_class_weight=2.0, generator_class_weight=0.3)
    return gan, lambda p: p @ weights[0] + weights[1], lambda p: p @ weights[2] + weights[3], weights[0]


def test_losses_are_wgan_gps_and_the_cross_entropies():
    gan, logits, class_logits, kernel = linear()
    real, fake = RNG.normal(size=(2, 6, 2))
    batches = [Batch(tf.constant(values, "float32"), tf.constant(LABELS)) for values in (real, fake)]

    def cross_entropy(values):
        return -log_softmax(class_logits(values), axis=1)[np.arange(6), LABELS].mean()

    penalty = 10 * (np.linalg.norm(kernel) - 1) ** 2
    expected = logits(fake).mean() - logits(real).mean() + penalty + 2 * cross_entropy(real)
    [classifier] = gan.techniques
    critic_loss = classifier.critic_loss(gan, gan.critic_loss)
    np.testing.assert_allclose(critic_loss(*batches, batches[0]), expected, rtol=1e-5)
    gan.fake = lambda like, *purpose: batches[1]
    generator_loss = classifier.generator_loss(gan, gan.generator_loss)
    np.testing.assert_allclose(generator_loss(batches[0]), -logits(fake).mean() + 0.3 * cross_entropy(fake), rtol=1e-5)
    accuracy = (class_logits(real).argmax(axis=1) == LABELS).mean()
    np.testing.assert_allclose(gan.trackers["accuracy"].result(), accuracy, rtol=1e-6)


def test_it_learns_to_make_points_of_the_class_asked_for():
    """Three classes at three far corners; the generator must obey its label, and the classifier knows it."""
    keras.utils.set_random_seed(0)
    mlp = kerasgan.networks.mlp
    x = keras.Input((2,))
    hidden = keras.layers.Dense(32, activation="relu")(keras.layers.Dense(32, activation="relu")(x))
    critic = keras.Model(x, [keras.layers.Dense(1)(hidden), keras.layers.Dense(3)(hidden)])
    generator = mlp.generator((2,), latent_dim=2, num_classes=3, width=32, depth=2)
    gan = kerasgan.ACWGANGP(generator, critic, num_classes=3, critic_steps=2, generator_class_weight=1.0, ema_decay=0.9)
    gan.compile(*(keras.optimizers.Adam(2e-3, beta_1=0.5, beta_2=0.9) for _ in range(2)), steps_per_execution=50)
    corners = np.array([[2, 0], [-1, 1.7], [-1, -1.7]], "float32")
    labels = RNG.integers(0, 3, 64 * 2 * 600)
    real = corners[labels] + 0.1 * RNG.normal(size=(len(labels), 2)).astype("float32")
    history = gan.fit(tf.data.Dataset.from_tensor_slices((real, labels)).batch(128), verbose=0).history
    made = gan.sample(300)
    wanted = np.arange(300) % 3
    nearest = np.linalg.norm(made[:, None] - corners[None], axis=2).argmin(axis=1)
    assert (nearest == wanted).mean() > 0.95
    assert history["accuracy"][0] > 0.9


def test_the_cifar_critic_fits_and_others_are_refused():
    networks = kerasgan.networks.resnet_cifar
    generator = networks.generator(num_classes=10, filters=4)
    kerasgan.ACWGANGP(generator, networks.critic(num_classes=10, filters=4, auxiliary=True), num_classes=10)
    with pytest.raises(ValueError, match="critic: expected to take images alone, as it classifies; it takes labels"):
        kerasgan.ACWGANGP(generator, networks.critic(num_classes=10, filters=4), num_classes=10)
    with pytest.raises(ValueError, match=r"critic: expected one logit and the classes' logits .*\(10,\)\].*\(7,\)\]"):
        kerasgan.ACWGANGP(generator, networks.critic(num_classes=7, filters=4, auxiliary=True), num_classes=10)
    with pytest.raises(ValueError, match="num_classes: expected a number, as the critic classifies"):
        kerasgan.ACWGANGP(networks.generator(filters=4), networks.critic(filters=4))
    with pytest.raises(ValueError, match="critic: expected a network that takes one input"):
        kerasgan.WGANGP(networks.generator(filters=4), networks.critic(num_classes=10, filters=4))
    with pytest.raises(ValueError, match="generator_class_weight: expected a number of at least 0; got -1"):
        points.gan("ACWGANGP", generator_class_weight=-1)


def test_missing_labels_are_said_before_the_first_step():
    gan = points.gan("ACWGANGP")
    gan.compile()
    with pytest.raises(ValueError, match=r"expected \(images, labels\), as num_classes=3; got images alone"):
        gan.fit(tf.data.Dataset.from_tensors(tf.zeros([20, 2])), verbose=0)


def test_its_classifier_may_stand_anywhere_but_not_be_missing():
    gan = linear()[0]
    gan.compile()
    data = tf.data.Dataset.from_tensors((RNG.normal(size=(30, 2)).astype("float32"), np.tile(LABELS, 5)))
    gan.fit(data, verbose=0)
    (classifier,) = gan.techniques
    gan.techniques = []
    with pytest.raises(ValueError, match="techniques: expected the AuxiliaryClassifier that ACWGANGP was made with"):
        gan.fit(data, verbose=0)
    noise = kerasgan.techniques.InstanceNoise(0.1)
    both = kerasgan.ACWGANGP(gan.generator, gan.critic, num_classes=3, techniques=[noise])
    both.techniques = both.techniques[::-1]
    config = both.get_config()
    assert [one["config"]["name"] for one in config["techniques"]] == [noise.name]
    assert config["critic_class_weight"] == both.critic_class_weight == 1.0
    gan.techniques = [classifier]
    gan.fit(data, verbose=0)
    assert int(gan.step.numpy()) == 2
