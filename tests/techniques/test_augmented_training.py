"""Both augmentations in training: parts, saving, resuming, export, recipes, and the penalties of other methods."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import techniques
from kerasgan.recipes import recipe
from kerasgan.techniques.technique import Technique
from tests.techniques.augmented import model, some

SCHEDULE = keras.optimizers.schedules.CosineDecay(0.0, 10, warmup_target=0.5, warmup_steps=5)
MAKE = {
    "DiffAugment": techniques.DiffAugment,
    "adaptive": lambda: techniques.AdaptiveAugmentation(target=-0.99, images=100, color=1.0),
    "scheduled": lambda: techniques.AdaptiveAugmentation(SCHEDULE, cutout=0.25),
}
ROWS, STEPS = 8, 4
IMAGES = some((8, 12, 3), rows=ROWS * STEPS)[0]


def trained(kind, first=0, last=STEPS, gan=None, parts=1, eagerly=False):
    if gan is None:
        gan = model([MAKE[kind]()])
        gan.compile("sgd", "sgd", gradient_accumulation_steps=parts, run_eagerly=eagerly)
        gan.critic_optimizer.learning_rate = gan.generator_optimizer.learning_rate = 0.3
    data = tf.data.Dataset.from_tensor_slices(IMAGES[first * ROWS : last * ROWS]).batch(ROWS)
    logs = gan.fit(data, verbose=0).history
    return gan, logs


@pytest.mark.parametrize(
    "kind", [kind if kind == "adaptive" else pytest.param(kind, marks=pytest.mark.slow) for kind in MAKE]
)
def test_a_saved_model_goes_on_as_if_never_stopped(kind, tmp_path):
    straight, _ = trained(kind)
    stopped, _ = trained(kind, last=2)
    stopped.save(tmp_path / "model.keras")
    resumed = kerasgan.load(tmp_path / "model.keras")
    assert resumed.techniques[0].get_config() == stopped.techniques[0].get_config()
    resumed, _ = trained(kind, first=2, gan=resumed)
    for one, other in zip(straight.variables, resumed.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-6, err_msg=one.path)
    if kind == "adaptive":
        assert float(resumed.techniques[0].variables[0]) == pytest.approx(4 * ROWS / 100)


@pytest.mark.parametrize("kind", MAKE)
def test_parts_of_a_batch_take_the_step_of_the_whole(kind):
    (whole, whole_logs), (parts, parts_logs) = (trained(kind, parts=parts, eagerly=True) for parts in (1, 3))
    for one, other in zip(whole.variables, parts.variables, strict=True):
        np.testing.assert_allclose(other.numpy(), one.numpy(), atol=2e-5, err_msg=one.path)
    for name, values in whole_logs.items():
        np.testing.assert_allclose(parts_logs[name], values, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("kind", MAKE)
def test_xla_takes_the_same_step(kind):
    weights = []
    for jit_compile in (False, True):
        gan = model([MAKE[kind]()])
        gan.compile("sgd", "sgd", jit_compile=jit_compile)
        weights.append(trained(kind, gan=gan, last=2)[0].get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


class Penalty(Technique):
    """The squared gradient of the critic with respect to real images, before augmentation."""

    def critic_loss(self, gan, loss):
        def penalised(real, *rest):
            with tf.GradientTape() as tape:
                tape.watch(real.images)
                scores = gan.score(real)
            gradient = tape.gradient(scores, real.images)
            return loss(real, *rest) + tf.reduce_sum(tf.square(gradient))

        return penalised


@pytest.mark.parametrize("kind", ["DiffAugment", "adaptive"])
def test_a_penalty_on_gradients_reaches_the_critic_through_them(kind):
    """One step of the critic's last kernel against the derivative by differences, in float32."""
    plug_in = MAKE[kind]() if kind == "DiffAugment" else techniques.AdaptiveAugmentation(0.8)
    gan = model([plug_in, Penalty()])
    gan.compile("sgd", "sgd", run_eagerly=True)
    real = next(gan.minibatches(tf.constant(IMAGES[:ROWS])))
    fake = gan.fake(real, "critic", 0)
    loss = gan.techniques[1].critic_loss(gan, gan.critic_loss)
    kernel = gan.critic.trainable_variables[0]
    with tf.GradientTape() as tape:
        value = loss(real, fake)
    exact = tape.gradient(value, kernel.value).numpy()
    before, direction = kernel.numpy(), np.random.default_rng(0).normal(size=kernel.shape).astype("float32")
    values = []
    for step in (-1e-2, 1e-2):
        kernel.assign(before + step * direction)
        values.append(float(loss(real, fake)))
    assert (values[1] - values[0]) / 2e-2 == pytest.approx(np.sum(exact * direction), rel=1e-2)


def test_half_precision_images_are_changed_in_single():
    for kind in MAKE:
        gan = model([MAKE[kind]()])
        real = next(gan.minibatches(tf.constant(IMAGES[:ROWS])))
        half = gan.seen(real._replace(images=tf.cast(real.images, tf.float16))).images
        assert half.dtype == tf.float32
        np.testing.assert_allclose(half, gan.seen(real).images, atol=1e-2)


def test_recipes_name_them():
    text = """
name: few
data: {tfds: fashion_mnist}
generator: {dcgan.generator: {}}
critic: {dcgan.critic: {}}
objective: {SGAN: {}}
techniques:
  DiffAugment: {color: false, cutout: 0.2}
  AdaptiveAugmentation: {probability: %s}
train: {steps: 1}
"""
    cosine = "{CosineDecay: {initial_learning_rate: 0.1, decay_steps: 5, alpha: 0.5}}"
    for written, step_0 in (("0.25", 0.25), (cosine, 0.1)):
        plain, augmentation = recipe.parse(text % written).make_all("techniques")
        assert not plain.color and plain.cutout == 0.2 and plain.translation == 0.125
        probability = augmentation.probability
        assert float(probability(0) if callable(probability) else probability) == pytest.approx(step_0)
    _, augmentation = recipe.parse(text % "null").make_all("techniques")
    assert augmentation.probability is None
    with pytest.raises(recipe.RecipeError, match="recipe:9: .*probability: expected a number, or a schedule"):
        recipe.parse(text % "-1")
