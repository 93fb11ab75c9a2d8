"""The auxiliary classifier with any objective, against cross-entropies written out; and AC-WGAN-GP as one of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

import kerasgan
from kerasgan import techniques
from kerasgan.models import update
from kerasgan.models.batch import Batch
from kerasgan.networks import dcgan, improved_gan, mlp, resnet_cifar
from kerasgan.recipes import recipe
from tests import points

RNG = np.random.default_rng(0)
CLASSES = 3
OBJECTIVES = [name for name in kerasgan.objectives.__all__ if not getattr(kerasgan, name).pairwise_critic]


def model(objective, **arguments):
    """Return a model with `AuxiliaryClassifier` of the objective, whose critic tells classes."""
    keras.utils.set_random_seed(0)
    outputs = 8 if getattr(kerasgan, objective).feature_critic else 1
    critic = mlp.critic((2,), CLASSES, width=16, depth=1, activation="tanh", outputs=outputs, auxiliary=True)
    generator = mlp.generator((2,), 2, CLASSES, width=16, depth=1)
    if objective != "ACWGANGP":
        classifier = techniques.AuxiliaryClassifier(2.0, 0.3)
        arguments["techniques"] = [*arguments.get("techniques", []), classifier]
    return getattr(kerasgan, objective)(generator, critic, num_classes=CLASSES, **arguments)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_both_losses_are_the_objectives_and_the_cross_entropies(objective, monkeypatch):
    gan = model(objective)
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    weights = (1.0, 0.1) if objective == "ACWGANGP" else (2.0, 0.3)
    seen = {}
    for name in ("critic_loss", "generator_loss"):
        original = getattr(gan, name)

        def kept(real, *rest, name=name, original=original):
            seen[name] = original(real, *rest), real
            return seen[name][0]

        setattr(gan, name, kept)
    values, take = {}, update.take

    def taken(gan, name, loss, args, *rest):
        values[name] = loss(*args)
        return take(gan, name, loss, args, *rest)

    monkeypatch.setattr(update, "take", taken)
    real = RNG.normal(size=(12 * gan.batches_per_step, 2)).astype("float32")
    labels = RNG.integers(0, CLASSES, len(real)).astype("int32")
    gan.train_step((tf.constant(real), tf.constant(labels)))
    gan.step.assign(0)  # so that the same images are generated again

    def cross_entropy(batch):
        logits = gan.critic(batch.images)[1].numpy()
        return -log_softmax(logits, axis=1)[np.arange(len(logits)), batch.labels.numpy()].mean()

    loss, batch = seen["critic_loss"]
    np.testing.assert_allclose(values["critic_loss"], loss + weights[0] * cross_entropy(batch), rtol=1e-4, atol=1e-5)
    accuracy = (gan.critic(batch.images)[1].numpy().argmax(axis=1) == batch.labels.numpy()).mean()
    if gan.critic_steps == 1:
        np.testing.assert_allclose(gan.trackers["accuracy"].result(), accuracy, rtol=1e-6)
    loss, batch = seen["generator_loss"]
    fake = gan.fake(batch, "generator")
    np.testing.assert_allclose(values["generator_loss"], loss + weights[1] * cross_entropy(fake), rtol=1e-4, atol=1e-5)


def test_ac_wgan_gp_is_wgan_gp_with_the_technique():
    """The same steps, and files of either."""
    keras.utils.set_random_seed(0)
    one, other = model("ACWGANGP", critic_class_weight=2.0, generator_class_weight=0.3), model("WGANGP")
    data = points.data(one, 2)
    for gan in (one, other):
        gan.compile()
        gan.fit(data, verbose=0)
    for mine, theirs in zip(
        one.critic.variables + one.generator.variables, other.critic.variables + other.generator.variables
    ):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    assert one.get_config()["techniques"] == []
    again = type(one).from_config(one.get_config())
    assert len(again.techniques) == 1 and again.techniques[0].critic_weight == 2.0


def test_it_learns_to_make_points_of_the_class_asked_for():
    """With SGAN: three classes at three far corners, and a critic that is told no labels."""
    gan = model("SGAN", ema_decay=0.9)
    gan.compile(*(keras.optimizers.Adam(5e-3, beta_1=0.5) for _ in range(2)), steps_per_execution=50)
    corners = np.array([[2, 0], [-1, 1.7], [-1, -1.7]], "float32")
    labels = RNG.integers(0, CLASSES, 64 * 600)
    real = corners[labels] + 0.1 * RNG.normal(size=(len(labels), 2)).astype("float32")
    gan.fit(tf.data.Dataset.from_tensor_slices((real, labels)).batch(64), verbose=0)
    nearest = np.linalg.norm(gan.sample(300)[:, None] - corners[None], axis=2).argmin(axis=1)
    assert (nearest == np.arange(300) % CLASSES).mean() > 0.9


@pytest.mark.parametrize(
    ("build", "arguments"),
    [
        (dcgan.critic, {"filters": 4}),
        (dcgan.critic, {"filters": 4, "normalization": "virtual", "reference_size": 4}),
        (resnet_cifar.critic, {"filters": 4}),
        (improved_gan.critic, {"filters": 4, "minibatch_kernels": 3}),
    ],
)
def test_critics_of_images_may_tell_classes(build, arguments):
    network = build((32, 32, 3), 5, auxiliary=True, **arguments)
    logits, classes = network(np.zeros((2, 32, 32, 3), "float32"))
    assert len(network.inputs) == 1 and logits.shape == (2, 1) and classes.shape == (2, 5)
    generator = dcgan.generator((32, 32, 3), latent_dim=4, num_classes=5, filters=2)
    kerasgan.HingeGAN(generator, network, num_classes=5, techniques=[techniques.AuxiliaryClassifier()])
    with pytest.raises(ValueError, match="num_classes: expected a number of classes for the auxiliary classifier"):
        build((32, 32, 3), None, auxiliary=True, **arguments)


def test_it_goes_with_other_techniques_and_saves(tmp_path):
    gan = model("SGAN", techniques=[techniques.InstanceNoise(0.1), techniques.FeatureMatching(add=True)])
    gan.compile()
    gan.fit(points.data(gan, 1), verbose=0)
    gan.save(tmp_path / "ac.keras")
    again = kerasgan.load(tmp_path / "ac.keras")
    assert [type(one).__name__ for one in again.techniques][-1] == "AuxiliaryClassifier"
    for model_ in (gan, again):
        model_.fit(points.data(gan, 2).skip(1), verbose=0)
    for mine, theirs in zip(gan.variables, again.variables, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), atol=1e-7)


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="critic_weight: expected a number of at least 0; got -1"):
        techniques.AuxiliaryClassifier(critic_weight=-1)
    plain = mlp.critic((2,), CLASSES, width=4)
    with pytest.raises(ValueError, match="critic: expected to take images alone, as it classifies; it takes labels"):
        kerasgan.SGAN(
            mlp.generator((2,), 2, CLASSES, width=4),
            plain,
            num_classes=CLASSES,
            techniques=[techniques.AuxiliaryClassifier()],
        )
    with pytest.raises(ValueError, match="num_classes: expected a number, as the critic classifies; got None"):
        kerasgan.SGAN(
            mlp.generator((2,), 2, width=4), mlp.critic((2,), width=4), techniques=[techniques.AuxiliaryClassifier()]
        )
    with pytest.raises(ValueError, match="num_classes: expected None"):
        gan = points.gan("TSGAN")
        kerasgan.TSGAN(gan.generator, gan.critic, num_classes=2, techniques=[techniques.AuxiliaryClassifier()])


def test_a_recipe_names_it_with_any_objective():
    text = (recipe._ZOO / "hinge_fashion_mnist.yaml").read_text()
    assert "techniques" not in text
    plan = recipe.parse(text + "\ntechniques: {AuxiliaryClassifier: {generator_weight: 0.2}}\n")
    assert plan.techniques == {"AuxiliaryClassifier": {"critic_weight": 1.0, "generator_weight": 0.2}}


def test_classes_are_told_of_what_the_critic_sees():
    gan = model("SGAN", techniques=[techniques.InstanceNoise(0.5)])
    real = Batch(tf.zeros((5, 2)), tf.zeros(5, tf.int32), purpose=("real", 0))
    noisy = gan.seen(real).images
    assert np.abs(noisy).max() > 0.5
    np.testing.assert_allclose(gan.class_logits(real), gan.critic(noisy, training=True)[1], rtol=1e-6)


def test_batches_keep_their_labels():
    gan = model("HingeGAN")
    real = Batch(tf.zeros([4, 2]), tf.constant([0, 1, 2, 2]))
    np.testing.assert_array_equal(gan.fake(real, "generator").labels, [0, 1, 2, 2])
