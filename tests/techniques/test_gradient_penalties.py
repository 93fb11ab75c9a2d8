"""R1, R2 and WGAN-GP's penalty: closed forms, finite differences, every objective, lazy steps, replicas' numbers."""

import functools
import threading
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.layers import BatchNormalization
from kerasgan.models import gradient_penalty
from kerasgan.models.batch import Batch
from kerasgan.optimizers import schedules
from kerasgan.techniques import R1, R2, GradientPenalty, InstanceNoise
from kerasgan.techniques.technique import Technique
from tests import points

REAL, FAKE = np.random.default_rng(0).normal(size=(2, 7, 2)).astype("float32")
BATCHES = Batch(tf.constant(REAL), None, purpose=("real", 0)), Batch(tf.constant(FAKE), None, purpose=("fake", 0))


def bilinear(objective="SGAN", plug_ins=(), dims=1):
    """Return a model with the critic D(x) = x A x^T (a row for each of `dims` outputs), and A."""
    kind = getattr(kerasgan, objective)
    dims = 3 if kind.feature_critic else dims
    matrices = np.random.default_rng(1).normal(size=(dims, 2, 2)).astype("float32")
    x, z = keras.Input((2,)), keras.Input((2,))
    outer = keras.layers.Flatten()(keras.ops.expand_dims(x, 2) * keras.ops.expand_dims(x, 1))
    critic = keras.Model(x, keras.layers.Dense(dims, use_bias=False, name="forms")(outer))
    critic.set_weights([matrices.reshape(dims, 4).T])
    if kind.pairwise_critic:
        critic = kerasgan.networks.PairwiseCritic(critic)
    gan = kind(keras.Model(z, keras.layers.Dense(2)(z)), critic, techniques=list(plug_ins))
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    return gan, matrices


def slopes(x, matrices):
    """Gradients [rows, outputs, 2] of the quadratic forms."""
    return np.einsum("nj,kij->nki", x, matrices + matrices.transpose(0, 2, 1))


def added(gan):
    """What the techniques add to a critic's loss that is 0."""
    loss = lambda real, fake, *rest: tf.constant(0.0)  # noqa: E731
    for technique in gan.techniques:
        loss = technique.critic_loss(gan, loss)
    return loss(*BATCHES)


def test_r1_and_r2_are_half_gamma_times_the_mean_squared_gradient():
    gan, matrices = bilinear(plug_ins=[R1(3.0), R2(0.5)])
    on_real, on_fake = (np.mean(np.sum(slopes(x, matrices) ** 2, axis=(1, 2))) for x in (REAL, FAKE))
    np.testing.assert_allclose(added(gan), 1.5 * on_real + 0.25 * on_fake, rtol=1e-5)
    np.testing.assert_allclose(gan.trackers["r1"].result(), on_real, rtol=1e-5)
    np.testing.assert_allclose(gan.trackers["r2"].result(), on_fake, rtol=1e-5)


@pytest.mark.parametrize("one_sided", [False, True])
def test_wgan_gps_penalty_is_of_points_between(one_sided):
    gan, matrices = bilinear(plug_ins=[GradientPenalty(5.0, one_sided)])
    eps = gan.uniform(BATCHES[0], (1,), "interpolation", "fake", 0).numpy()
    excess = np.linalg.norm(slopes(eps * REAL + (1 - eps) * FAKE, matrices)[:, 0], axis=1) - 1
    assert excess.min() < 0 < excess.max()
    expected = 5 * np.mean((np.maximum(excess, 0) if one_sided else excess) ** 2)
    np.testing.assert_allclose(added(gan), expected, rtol=1e-5)
    np.testing.assert_allclose(gan.trackers["gradient_penalty"].result(), expected / 5, rtol=1e-5)


def test_critics_that_compare_are_penalised_against_the_other_batch():
    """T(a, b) = D(a) - D(b) has D's gradients; Cramer's f(a) = ||h(a) - h(b)|| - ||h(a)|| those of the chain rule."""
    gan, matrices = bilinear("TSGAN", [R1(2.0), R2(2.0)])
    expected = sum(np.mean(np.sum(slopes(x, matrices) ** 2, axis=(1, 2))) for x in (REAL, FAKE))
    np.testing.assert_allclose(added(gan), expected, rtol=1e-5)
    gan, matrices = bilinear("CramerGAN", [R1(2.0)])
    h, h_other = (np.einsum("ni,kij,nj->nk", x, matrices, x) for x in (REAL, FAKE))
    unit = lambda v: v / np.linalg.norm(v, axis=1, keepdims=True)  # noqa: E731
    gradient = np.einsum("nk,nki->ni", unit(h - h_other) - unit(h), slopes(REAL, matrices))
    np.testing.assert_allclose(added(gan), np.mean(np.sum(gradient**2, axis=1)), rtol=1e-4)


def test_a_penalty_is_on_the_pairs_of_the_same_row_however_many_are_compared():
    networks, _ = bilinear("TSGAN")
    gan = kerasgan.TSGAN(networks.generator, networks.critic, pair_shuffles=3, techniques=[R1(2.0), R2(2.0)])
    _, matrices = bilinear("TSGAN")
    expected = sum(np.mean(np.sum(slopes(x, matrices) ** 2, axis=(1, 2))) for x in (REAL, FAKE))
    np.testing.assert_allclose(added(gan), expected, rtol=1e-5)


@pytest.mark.parametrize("technique", [R1(2.0), R2(2.0), GradientPenalty(2.0), GradientPenalty(2.0, True)])
@pytest.mark.parametrize("objective", ["SGAN", "RSGAN", "HingeGAN", "RaLSGAN", "TSGAN", "BigGAN"])
def test_the_critics_step_descends_it_with_any_objective(objective, technique):
    """The step's change of the weights, less the objective's own, is the penalty's gradient by finite differences."""
    steps = []
    for plug_ins in ([], [type(technique).from_config(technique.get_config())]):
        gan, matrices = bilinear(objective, plug_ins)
        before = gan.critic.get_weights()[0]
        gan.update_critic(gan.critic_loss, *BATCHES)
        steps.append(gan.critic.get_weights()[0] - before)
    forms = next(v for v in gan.critic.trainable_variables)
    for place in ((0, 0), (1, 0), (3, 0)):
        ends = []
        for move in (1e-2, -1e-2):
            moved = before.copy()
            moved[place] += move
            forms.assign(moved)
            ends.append(float(added(gan)))
        numeric = (ends[0] - ends[1]) / 2e-2
        np.testing.assert_allclose((steps[1] - steps[0])[place], -0.1 * numeric, rtol=5e-3, atol=2e-3)
        assert abs(numeric) > 1e-3


def test_lazily_it_counts_every_k_steps_and_as_much_in_all():
    logs = {}
    for every in (1, 3):
        gan = points.gan("SGAN")
        gan = kerasgan.SGAN(gan.generator, gan.critic, techniques=[R1(2.0, every)], seed=1)
        gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
        data = next(iter(points.data(gan, 1)))
        step = tf.function(gan.train_step)
        losses = []
        for _ in range(7):
            for tracker in gan.trackers.values():
                tracker.reset_state()
            found = {name: float(value) for name, value in step(data).items()}
            losses.append(found)
        logs[every] = losses
    plain = [one["critic_loss"] - one["r1"] for one in logs[1]]
    for k, (always, lazily) in enumerate(zip(logs[1], logs[3])):
        extra = 3 * always["r1"] if k % 3 == 0 else 0.0
        np.testing.assert_allclose(lazily["critic_loss"], plain[k] + extra, rtol=1e-4)
        np.testing.assert_allclose(lazily["r1"], always["r1"] if k % 3 == 0 else 0.0, rtol=1e-5)


def test_what_layers_add_in_a_step_that_is_due_counts():
    """Inside the part of the graph that may not run; activity regularizers count in each of the critic's calls."""
    losses = {}
    for every, regularizer in ((1, None), (1, keras.regularizers.L2(1.0)), (2, keras.regularizers.L2(1.0))):
        keras.utils.set_random_seed(0)
        x, z = keras.Input((2,)), keras.Input((2,))
        hidden = keras.layers.Dense(3, activity_regularizer=regularizer)(x)
        gan = kerasgan.SGAN(
            keras.Model(z, keras.layers.Dense(2)(z)), keras.Model(x, keras.layers.Dense(1)(hidden)),
            techniques=[R1(2.0, every)],
        )  # fmt: skip
        gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(1.0))
        before = gan.critic.get_weights()
        tf.function(lambda gan=gan: gan.update_critic(gan.critic_loss, *BATCHES))()
        losses[every, regularizer is None] = before[1] - gan.critic.get_weights()[1]  # the bias of the hidden layer
    mean = REAL.mean(axis=0) @ before[0], FAKE.mean(axis=0) @ before[0]  # L2 over a batch is a mean of sums
    np.testing.assert_allclose(losses[1, False] - losses[1, True], 2 * (2 * mean[0] + mean[1]), rtol=1e-4)
    np.testing.assert_allclose(losses[2, False], losses[1, False], rtol=1e-4)


def test_gamma_may_follow_a_schedule():
    gan, matrices = bilinear(plug_ins=[R1(schedules.Cosine(4.0, 2.0, 10))])
    on_real = np.mean(np.sum(slopes(REAL, matrices) ** 2, axis=(1, 2)))
    for step, gamma in ((0, 4.0), (5, 3.0), (10, 2.0), (99, 2.0)):
        gan.step.assign(step)
        np.testing.assert_allclose(added(gan), gamma / 2 * on_real, rtol=1e-5)


def test_the_gradient_is_of_the_image_before_noise_and_runs_through_what_the_critic_sees():
    class Doubled(Technique):
        def disturb(self, gan, batch, *purpose):
            return batch._replace(images=2.0 * batch.images)

    gan, matrices = bilinear(plug_ins=[Doubled(), R1(2.0)])
    expected = np.mean(np.sum((2 * slopes(2 * REAL, matrices)) ** 2, axis=(1, 2)))
    np.testing.assert_allclose(added(gan), expected, rtol=1e-5)
    gan, matrices = bilinear(plug_ins=[InstanceNoise(0.5), R1(2.0)])
    seen = gan.seen(BATCHES[0]).images.numpy()
    assert np.abs(seen - REAL).max() > 0.5
    np.testing.assert_allclose(added(gan), np.mean(np.sum(slopes(seen, matrices) ** 2, axis=(1, 2))), rtol=1e-5)


def test_wrong_arguments_and_penalties_given_twice_are_named():
    with pytest.raises(ValueError, match="gamma: expected a number of at least 0, or a schedule; got -1"):
        R1(-1)
    with pytest.raises(ValueError, match="gamma: expected a number of at least 0, or a schedule; got 'x'"):
        R2("x")
    with pytest.raises(ValueError, match="every: expected an integer of at least 1, got 0"):
        R1(every=0)
    with pytest.raises(ValueError, match="weight: expected a number of at least 0; got -2"):
        GradientPenalty(-2)
    with pytest.raises(ValueError, match="techniques: expected one that logs gradient_penalty; got two, or one beside"):
        bilinear("WGANGP", [GradientPenalty()])
    with pytest.raises(ValueError, match="techniques: expected one that logs r1; got two"):
        bilinear("SGAN", [R1(), R1(name="another")])


def test_batch_norm_in_the_critic_is_warned_of():
    x, z = keras.Input((2,)), keras.Input((2,))
    critic = keras.Model(x, keras.layers.Dense(1)(keras.layers.BatchNormalization()(x)))
    for technique in (R1(), R2(), GradientPenalty()):
        with pytest.warns(UserWarning, match="critic: has batch norm"):
            kerasgan.SGAN(keras.Model(z, keras.layers.Dense(2)(z)), critic, techniques=[technique])


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (keras.layers.BatchNormalization, True),
        (functools.partial(keras.layers.BatchNormalization, synchronized=True), False),
        (BatchNormalization, False),
    ],
)
def test_batch_norm_whose_second_derivative_is_wrong_is_told_of(kind, wrong):
    """`findings/keras_batch_norm_second_derivative.sh` shows it."""
    critic = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), kind(), keras.layers.Dense(1)])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        gradient_penalty.check_critic(critic)
    assert any("whose second derivative is wrong" in str(one.message) for one in told) is wrong


def test_scores_are_unwatched_for_one_replica_alone():
    """Replicas' steps are built by threads that take turns, also in the middle of a penalty."""

    class Watching(Technique):
        def scored(self, gan, batch, logits):
            seen.append(threading.current_thread())

    seen = []
    gan = points.gan("SGAN")
    gan = kerasgan.SGAN(gan.generator, gan.critic, gan.latent, techniques=[Watching()])
    batch = Batch(tf.zeros((2, 2)), None)
    other = threading.Thread(target=gan.score, args=(batch,))
    with gan.unwatched():
        gan.score(batch)
        other.start()
        other.join()
    assert seen == [other]


class Resized(keras.layers.Layer):
    """Images at half their size, bilinear."""

    def call(self, images):
        return tf.image.resize(images, (16, 16))


@pytest.mark.parametrize(
    "layer",
    [
        lambda: keras.layers.Resizing(16, 16),
        lambda: keras.layers.UpSampling2D(interpolation="bilinear"),
        lambda: Resized(),
    ],
)
@pytest.mark.parametrize("technique", [None, R1, R2])
def test_what_has_no_second_derivative_is_refused_before_the_first_step(layer, technique, images):
    """Of |J^T w|^2, for the layer's Jacobian J, the gradient in w is 2 J J^T w; TensorFlow gives none."""
    resize, picture = layer(), tf.random.normal((1, 32, 32, 1))
    with tf.GradientTape() as outer:
        w = tf.ones_like(resize(picture))
        outer.watch(w)
        with tf.GradientTape() as tape:
            tape.watch(picture)
            value = tf.reduce_sum(resize(picture) * w)
        squared_slope = tf.reduce_sum(tape.gradient(value, picture) ** 2)
    assert squared_slope > 0 and outer.gradient(squared_slope, w) is None

    critic = keras.Sequential([keras.Input((32, 32, 1)), layer(), keras.layers.Flatten(), keras.layers.Dense(1)])
    generator = kerasgan.networks.dcgan.generator((32, 32, 1), 4, filters=4)
    kind = kerasgan.WGANGP if technique is None else kerasgan.SGAN
    gan = kind(generator, critic, techniques=[] if technique is None else [technique()])
    gan.compile()
    before = gan.critic.get_weights()
    with pytest.raises(ValueError, match="critic: expected layers with a second derivative"):
        gan.fit(images, batch_size=8, verbose=0)
    assert all(np.array_equal(old, new) for old, new in zip(before, gan.critic.get_weights(), strict=True))
