"""Arguments of a model, its techniques and optimizers that are set between two fits count, or are refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from tests import points
from tests.models.sgan_of_points import POINTS, fit, moved_by, points_gan


def test_an_argument_that_is_changed_counts_from_the_next_fit_on():
    """Keras keeps the step that it has built, whatever is set afterwards, where `save` writes the new value."""
    gan = points_gan()
    fit(gan)
    gan.ema_decay = 0.0
    fit(gan)
    for average, weight in zip(gan.ema_generator.get_weights(), gan.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(average, weight)
    gan.ema_decay = None
    with pytest.raises(ValueError, match="^ema_decay: expected None just where .*it has one, .* is now None"):
        fit(gan)


def test_a_techniques_argument_that_is_changed_counts_from_the_next_fit_on():
    """Of a square's gradient alone, a step of SGD leaves the share 1 - 2 * rate * weight of a kernel."""

    @keras.saving.register_keras_serializable()
    class Decay(kerasgan.techniques.Technique):
        def __init__(self, weight, name=None):
            super().__init__(name)
            self.weight = weight

        def generator_loss(self, gan, loss):
            return lambda real, *rest: 0.0 * loss(real, *rest)

        def penalty(self, variables):
            return self.weight * sum(keras.ops.sum(keras.ops.square(variable)) for variable in variables)

        def get_config(self):
            return {**super().get_config(), "weight": self.weight}

    gan = points_gan()
    gan = kerasgan.SGAN(gan.generator, gan.critic, techniques=[Decay(1.0)])
    gan.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.0))
    kernel = gan.generator.trainable_variables[0]
    before = kernel.numpy()
    for weight in (1.0, 2.0):
        gan.techniques[0].weight = weight
        gan.fit(tf.data.Dataset.from_tensors(POINTS), verbose=0)
        np.testing.assert_allclose(kernel.numpy(), before * (1 - 0.02 * weight), rtol=1e-6)
        before = kernel.numpy()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("critic_steps", 0),
        ("critic_steps", 2.5),
        ("generator_steps", 0),
        ("ema_decay", 1.5),
        ("seed", "a"),
        ("label_smoothing", 3.0),
    ],
)
@pytest.mark.parametrize("steps", [0, 4])
def test_an_argument_that_is_set_is_checked_by_the_next_fit(name, value, steps):
    """Otherwise no generator was trained, for one, or `save` wrote what no model can be loaded of."""
    gan = points_gan()
    if steps:
        fit(gan)
    before = getattr(gan, name)
    setattr(gan, name, value)
    for _ in range(2):
        with pytest.raises(ValueError, match=f"^{name}: expected"):
            fit(gan)
    assert int(gan.step.numpy()) == steps
    setattr(gan, name, before)
    fit(gan)
    assert int(gan.step.numpy()) == steps + 4


def test_a_techniques_argument_that_is_set_is_checked_by_the_next_fit():
    gan = points_gan()
    averaging = kerasgan.techniques.HistoricalAveraging(0.1)
    gan = kerasgan.SGAN(gan.generator, gan.critic, techniques=[averaging])
    gan.compile()
    fit(gan)
    averaging.weight = -1.0
    with pytest.raises(ValueError, match="^weight: expected"):
        fit(gan)
    averaging.weight = 0.2
    fit(gan)
    assert int(gan.step.numpy()) == 8


@pytest.mark.parametrize("objective", ["ACWGANGP", "BigGAN", "TSGAN"])
def test_objectives_whose_constructor_takes_other_arguments_are_checked_too(objective):
    gan = points.named(objective)
    gan.compile()
    gan.generator_steps = 2
    gan.fit(points.data(gan, 1), verbose=0)
    gan.generator_steps = 0
    with pytest.raises(ValueError, match="^generator_steps: expected"):
        gan.fit(points.data(gan, 1), verbose=0)


CANNOT_BE_SET = [
    (lambda: kerasgan.techniques.FeatureMatching(), "layer", "logit"),
    (lambda: kerasgan.techniques.OrthogonalRegularization(), "critic", True),
    (lambda: kerasgan.techniques.SingularValuePenalty(target=1.0), "generator", False),
    (lambda: kerasgan.techniques.SingularValuePenalty(target=1.0), "ratio", 1.5),
    (lambda: kerasgan.techniques.SingularValueClamp(ratio=1.5), "ratio", None),
    (lambda: kerasgan.techniques.AdaptiveAugmentation(), "probability", 0.5),
    (lambda: kerasgan.techniques.AdaptiveAugmentation(0.5), "probability", None),
    (lambda: kerasgan.latents.GaussianMixture(2, components=4), "components", 2),
    (lambda: kerasgan.latents.GaussianMixture(2), "initial_scale", 0.5),
    (lambda: kerasgan.latents.GaussianMixture(2), "learned_weights", True),
    (lambda: points_gan({"player_threshold": 0.7}), "player_threshold", 0.1),
    (lambda: points_gan({"player_threshold": 0.7}), "least_player_threshold", 0.1),
    (lambda: points_gan(), "player_threshold", 0.1),
]


@pytest.mark.parametrize(("made", "name", "value"), CANNOT_BE_SET)
def test_an_argument_that_only_the_constructor_heeds_cannot_be_set_anew(made, name, value):
    """It had no effect in training, though `save` wrote it."""
    part = made()
    before = getattr(part, name)
    setattr(part, name, before)
    with pytest.raises(ValueError, match=f"^{name}: expected .*, as this .* was made with it; got .*: make a new one"):
        setattr(part, name, value)
    assert getattr(part, name) == part.get_config()[name] == before


def test_bounds_of_singular_values_that_are_set_count():
    """The gradient of (sigma - target)^2 is 2 (sigma - target) u v^T, that of another target differs by u v^T."""
    penalty = kerasgan.techniques.SingularValuePenalty(0.5, target=1.0)
    clamp = kerasgan.techniques.SingularValueClamp(clamp=100.0, generator=False, critic=True)
    gan = points_gan({"techniques": [penalty, clamp]})
    kernel = next(variable for variable in gan.generator.trainable_variables if len(variable.shape) == 2)
    moves, start = [], gan.get_weights()
    for target in (1.0, 3.0):
        penalty.target = target
        gan.set_weights(start)
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
        moves.append(moved_by(gan, kernel))
    u, _, vt = np.linalg.svd(start[[id(one) for one in gan.weights].index(id(kernel))])
    apart = np.sign(np.sum((moves[1] - moves[0]) * np.outer(u[:, 0], vt[0]))) * np.outer(u[:, 0], vt[0])
    np.testing.assert_allclose(moves[1] - moves[0], 0.1 * 2 * 0.5 * 2.0 * apart, atol=1e-4)
    clamp.clamp = 0.01
    for _ in range(3):  # the first value alone is lowered in an update
        fit(gan)
    kernels = [variable.numpy() for variable in gan.critic.trainable_variables if len(variable.shape) == 2]
    assert max(np.linalg.norm(kernel, 2) for kernel in kernels) < 0.3
    assert (penalty.get_config()["target"], clamp.get_config()["clamp"]) == (3.0, 0.01)


def test_feature_matching_that_is_added_later_leaves_what_other_techniques_add():
    matching = kerasgan.techniques.FeatureMatching()
    gan = points_gan({"techniques": [matching]})
    assert matching.replaces_loss
    matching.add = True
    assert not matching.replaces_loss
    fit(gan)


def test_the_weights_of_a_classifier_count_when_they_are_set():
    """At weight 0 of the critic's cross-entropy the layer of class logits does not move."""
    gan = points.named("ACWGANGP")
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    classes = gan.critic.layers[-1].kernel
    assert classes.shape[-1] == points.CLASSES
    for weight in (1.0, 0.0):
        gan.critic_class_weight = weight
        before = classes.numpy()
        gan.fit(points.data(gan, 1), verbose=0)
        assert (np.abs(classes.numpy() - before).max() > 0) == (weight > 0)
    assert gan.get_config()["critic_class_weight"] == 0.0
    gan.generator_class_weight = -1.0
    with pytest.raises(ValueError, match="generator_weight: expected"):
        gan.fit(points.data(gan, 1), verbose=0)


def test_the_penalty_of_scales_counts_when_it_is_set():
    """weight * mean((sigma - 1)^2) with 4 x 2 scales of 2 has the gradient weight / 4."""
    prior = kerasgan.latents.GaussianMixture(2, components=4, scale_penalty=0.0)
    gan = points_gan({"latent": prior})
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    moves, start = [], gan.get_weights()
    for weight in (0.0, 4.0):
        prior.scale_penalty = weight
        gan.set_weights(start)
        prior.scales.assign(np.full((4, 2), 2.0))
        moves.append(moved_by(gan, prior.scales))
    np.testing.assert_allclose(moves[1] - moves[0], -0.1, rtol=1e-4)


def test_what_is_set_of_an_optimizer_or_of_compile_counts_from_the_next_fit_on():
    """Keras keeps the step that it has built. A clipped gradient of at most 1e-6 moves a weight by 1e-7 at most."""
    gan = points_gan()
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    kernel = gan.generator.trainable_variables[0]
    assert np.abs(moved_by(gan, kernel)).max() > 1e-4
    built = gan.train_function
    gan.generator_optimizer.learning_rate = 0.2  # a variable, which the step reads
    moved_by(gan, kernel)
    assert gan.train_function is built
    gan.generator_optimizer.clipvalue = 1e-6
    assert np.abs(moved_by(gan, kernel)).max() < 3e-7
    gan.generator_optimizer.clipvalue = None
    gan.generator_optimizer.learning_rate = keras.optimizers.schedules.ExponentialDecay(0.0, 1, 1.0)
    np.testing.assert_array_equal(moved_by(gan, kernel), 0.0)
    gan.gradient_accumulation_steps = 0
    with pytest.raises(ValueError, match="^gradient_accumulation_steps: expected"):
        fit(gan)
    gan.gradient_accumulation_steps = 2
    built = gan.train_function
    fit(gan)
    assert gan.train_function is not built
