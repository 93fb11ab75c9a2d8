"""Losses and their gradients against the papers' formulas in float64 NumPy, differentiated numerically."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_expit

import kerasgan
from kerasgan.models.batch import Batch
from kerasgan.utils import keyed_random
from tests import points as tests_points

REAL, FAKE = np.random.default_rng(0).uniform(-3, 3, (2, 6, 1))


def relu(x):
    return np.maximum(x, 0)


def average(penalty):
    """Return the relativistic average losses with a penalty on the margin, written out."""

    def critic(real, fake):
        return (penalty(real - fake.mean()).mean() + penalty(-(fake - real.mean())).mean()) / 2

    return critic, lambda real, fake: critic(fake, real)


# (critic's loss, generator's loss) of the logits of real and generated images
FORMULAS = {
    "SGAN": (lambda r, f: -log_expit(r).mean() - log_expit(-f).mean(), lambda r, f: -log_expit(f).mean()),
    "LSGAN": (lambda r, f: (((r - 1) ** 2).mean() + (f**2).mean()) / 2, lambda r, f: ((f - 1) ** 2).mean() / 2),
    "HingeGAN": (lambda r, f: relu(1 - r).mean() + relu(1 + f).mean(), lambda r, f: -f.mean()),
    "BigGAN": (lambda r, f: relu(1 - r).mean() + relu(1 + f).mean(), lambda r, f: -f.mean()),
    "WGAN": (lambda r, f: f.mean() - r.mean(), lambda r, f: -f.mean()),
    "RSGAN": (lambda r, f: -log_expit(r - f).mean(), lambda r, f: -log_expit(f - r).mean()),
    "RaSGAN": average(lambda m: -log_expit(m)),
    "RaLSGAN": average(lambda m: (m - 1) ** 2),
    "RaHinge": average(lambda m: relu(1 - m)),
    # of T(real, fake) and T(fake, real)
    "TSGAN": (
        lambda rf, fr: (-log_expit(rf) - log_expit(-fr)).mean(),
        lambda rf, fr: (-log_expit(-rf) - log_expit(fr)).mean(),
    ),
    "TWGAN": (lambda rf, fr: -(rf - fr).mean(), lambda rf, fr: -(fr - rf).mean()),
}


def points(objective, **arguments):
    """Return a model of `objective` on points in the plane."""
    z = keras.Input((2,))
    x = keras.Input((2,))
    critic = keras.Model(x, keras.layers.Dense(1)(x))
    if getattr(kerasgan, objective).pairwise_critic:
        critic = kerasgan.networks.pairwise.PairwiseCritic(critic)
    gan = getattr(kerasgan, objective)(keras.Model(z, keras.layers.Dense(2)(z)), critic, **arguments)
    gan.compile()
    return gan


def losses(objective, real, fake):
    """Return both losses of the objective where the critic gives the values `real` and `fake`, TensorFlow variables."""
    gan = points(objective)
    batches = Batch(tf.identity(real), None), Batch(tf.identity(fake), None)
    gan.fake = lambda like, *purpose: batches[1]
    if gan.pairwise_critic:
        values = {id(batches[0].images): real, id(batches[1].images): fake}
        gan.critic.both_orders = lambda a, b, training: (tf.identity(values[id(a)]), tf.identity(values[id(b)]))
        return gan.critic_loss(*batches), gan.generator_loss(batches[0], 1)
    gan.score = lambda batch: batch.images
    return gan.critic_loss(*batches), gan.generator_loss(batches[0])


def numeric_gradient(formula, values, which):
    gradient = np.zeros_like(values[which])
    for index in np.ndindex(gradient.shape):
        ends = []
        for step in (1e-6, -1e-6):
            moved = [value.copy() for value in values]
            moved[which][index] += step
            ends.append(formula(*moved))
        gradient[index] = (ends[0] - ends[1]) / 2e-6
    return gradient


@pytest.mark.parametrize("objective", FORMULAS)
def test_losses_and_gradients_are_the_papers(objective):
    real, fake = tf.Variable(REAL, dtype=tf.float32), tf.Variable(FAKE, dtype=tf.float32)
    values = [real.numpy().astype("float64"), fake.numpy().astype("float64")]
    with tf.GradientTape(persistent=True) as tape:
        computed = losses(objective, real, fake)
    for loss, formula in zip(computed, FORMULAS[objective]):
        np.testing.assert_allclose(loss, formula(*values), rtol=1e-5, atol=1e-6)
        for which, variable in enumerate((real, fake)):
            gradient = tape.gradient(loss, variable, unconnected_gradients="zero")
            np.testing.assert_allclose(gradient, numeric_gradient(formula, values, which), atol=1e-5)


@pytest.mark.parametrize("objective", FORMULAS)
def test_extreme_logits_give_finite_losses_and_gradients(objective):
    ends = [[100.0], [100.0], [-100.0], [-100.0]]
    real, fake = tf.Variable(ends), tf.Variable(ends[::2] + ends[1::2])
    with tf.GradientTape(persistent=True) as tape:
        computed = losses(objective, real, fake)
    values = [real.numpy().astype("float64"), fake.numpy().astype("float64")]
    for loss, formula in zip(computed, FORMULAS[objective]):
        np.testing.assert_allclose(loss, formula(*values), rtol=1e-5)
        for variable in (real, fake):
            assert np.isfinite(tape.gradient(loss, variable, unconnected_gradients="zero")).all()


def test_t_sgan_with_a_difference_critic_is_twice_rsgan():
    t_losses = losses("TSGAN", tf.Variable(REAL - FAKE), tf.Variable(FAKE - REAL))
    r_losses = losses("RSGAN", tf.Variable(REAL), tf.Variable(FAKE))
    for t_loss, r_loss in zip(t_losses, r_losses):
        np.testing.assert_allclose(t_loss, 2 * r_loss, rtol=1e-6)


def test_pairwise_critic_is_the_head_of_the_difference_of_features():
    x, features = keras.Input((3,)), keras.Input((4,))
    encoder = keras.Model(x, keras.layers.Dense(4, activation="tanh")(x))
    head = keras.Model(features, keras.layers.Dense(1)(keras.layers.Dense(5, activation="relu")(features)))
    critic = kerasgan.networks.pairwise.PairwiseCritic(encoder, head)
    a, b = np.random.default_rng(0).standard_normal((2, 6, 3)).astype("float32")
    wanted = head(encoder(a) - encoder(b)).numpy()
    np.testing.assert_allclose(critic([a, b]), wanted, rtol=1e-5, atol=1e-6)
    forward, backward = critic.both_orders(a, b)
    np.testing.assert_allclose(forward, wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(backward, critic([b, a]), rtol=1e-5, atol=1e-6)
    again = kerasgan.networks.pairwise.PairwiseCritic.from_config(critic.get_config())
    again.set_weights(critic.get_weights())
    np.testing.assert_allclose(again([a, b]), wanted, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="head: expected to take features"):
        kerasgan.networks.pairwise.PairwiseCritic(head, encoder)


@pytest.mark.parametrize("objective", ["TSGAN", "TWGAN"])
def test_shuffled_pairs_are_those_of_random_orders_of_the_batch(objective):
    """The loss is the mean over (1 + K) N pairs, written out with the orders that the keyed numbers give."""
    keras.utils.set_random_seed(0)
    x, features, z = keras.Input((2,)), keras.Input((3,)), keras.Input((2,))
    encoder = keras.Model(x, keras.layers.Dense(3, activation="tanh")(x))
    head = keras.Model(features, keras.layers.Dense(1)(keras.layers.Dense(5, activation="tanh")(features)))
    critic = kerasgan.networks.PairwiseCritic(encoder, head)
    gan = getattr(kerasgan, objective)(keras.Model(z, keras.layers.Dense(2)(z)), critic, pair_shuffles=2, seed=3)
    real, fake = (
        Batch(tf.constant(rows, tf.float32), None, purpose=purpose)
        for rows, purpose in zip(np.random.default_rng(0).normal(size=(2, 8, 2)), (("real", 0), ("fake", "critic", 0)))
    )
    keys = [("pairs", k, "fake", "critic", 0) for k in range(2)]
    orders = [np.argsort(keyed_random.uniform([8], 3, tf.constant(0, tf.int64), key).numpy()) for key in keys]
    assert all(sorted(order) == list(range(8)) for order in orders) and (orders[0] != orders[1]).any()
    pairs = [np.arange(8), *orders]
    ahead = np.concatenate([real.images] * 3)
    behind = np.concatenate([fake.images.numpy()[order] for order in pairs])
    forward, backward = critic([ahead, behind]).numpy(), critic([behind, ahead]).numpy()
    np.testing.assert_allclose(gan.critic_loss(real, fake), FORMULAS[objective][0](forward, backward), rtol=1e-5)
    gan.fake = lambda like, *purpose: real._replace(purpose=("fake", *purpose))
    like = fake._replace(purpose=("real", 1))
    keys = [("pairs", k, "real", 1) for k in range(2)]
    orders = [np.argsort(keyed_random.uniform([8], 3, tf.constant(0, tf.int64), key).numpy()) for key in keys]
    behind = np.concatenate([fake.images.numpy()[order] for order in [np.arange(8), *orders]])
    forward, backward = critic([ahead, behind]).numpy(), critic([behind, ahead]).numpy()
    np.testing.assert_allclose(gan.generator_loss(like), FORMULAS[objective][0](forward, backward), rtol=1e-5)
    assert type(gan).from_config(gan.get_config()).pair_shuffles == 2
    with pytest.raises(ValueError, match="pair_shuffles: expected an integer of at least 0, got -1"):
        type(gan)(gan.generator, critic, pair_shuffles=-1)


def test_cramer_losses_are_the_papers():
    """Features, two fakes and a linear critic: every term of the energy distance and the surrogate written out."""
    z, x = keras.Input((2,)), keras.Input((2,))
    critic = keras.Model(x, keras.layers.Dense(3, use_bias=False)(x))
    gan = kerasgan.CramerGAN(keras.Model(z, keras.layers.Dense(2)(z)), critic, penalty_weight=0.0)
    matrix = critic.get_weights()[0].astype("float64")
    real, fake, other = np.random.default_rng(0).standard_normal((3, 5, 2))
    batches = [Batch(tf.constant(v, tf.float32), None) for v in (real, fake, other)]

    def norm(v):
        return np.linalg.norm(v @ matrix, axis=1)

    surrogate = [norm(v - other) - norm(v) for v in (fake, real)]
    np.testing.assert_allclose(
        gan.critic_loss(*batches, batches[0]), surrogate[0].mean() - surrogate[1].mean(), rtol=1e-5
    )
    gan.fake = lambda like, *purpose: batches[2] if purpose[-1] == "other" else batches[1]
    energy = (norm(real - fake) + norm(real - other) - norm(fake - other)).mean()
    np.testing.assert_allclose(gan.generator_loss(batches[0]), energy, rtol=1e-5)
    assert int(gan.critic_steps) == 5 and gan.batches_per_step == 6


def test_wgan_clips_after_each_critic_update():
    gan = points("WGAN", clip=0.02, critic_steps=2)
    assert max(np.abs(v.numpy()).max() for v in gan.critic.trainable_variables) > 0.02
    before = [v.numpy() for v in gan.generator.trainable_variables]
    gan.fit(tf.data.Dataset.from_tensors(np.random.default_rng(0).standard_normal((8, 2)).astype("float32")), verbose=0)
    weights = np.concatenate([v.numpy().ravel() for v in gan.critic.trainable_variables])
    assert np.abs(weights).max() == np.float32(0.02)
    assert any((v.numpy() != old).any() for v, old in zip(gan.generator.trainable_variables, before))
    with pytest.raises(ValueError, match="clip: expected a positive number; got 0"):
        points("WGAN", clip=0)


def test_an_optimizer_step_waits_for_its_loss():
    """WGAN's gradient does not need the loss: without an order of its own, its last kernel could change too early."""
    gan = points("WGAN", critic_steps=1)
    made = []
    original = gan.critic_loss
    gan.critic_loss = lambda *batches: (made.append(original(*batches)), made[-1])[1]
    step = tf.function(gan.train_step).get_concrete_function(tf.zeros([4, 2]))
    kernel = gan.critic.trainable_variables[0].value.handle
    [captured] = [inside for outside, inside in step.graph.captures if outside is kernel]
    assigns = [op for op in step.graph.get_operations() if op.type.startswith("Assign") and op.inputs[0] is captured]
    assert len(assigns) == 2  # the optimizer's and the clipping
    before, pending = set(), [assigns[0].inputs[1].op]  # of the new value; TensorFlow orders reads of the kernel itself
    while pending:
        op = pending.pop()
        if op not in before:
            before.add(op)
            pending += [tensor.op for tensor in op.inputs] + list(op.control_inputs)
    assert made[0].op in before


@pytest.mark.parametrize(
    ("objective", "generator_steps", "batches"),
    [("RSGAN", 1, 2), ("RSGAN", 3, 4), ("RaHinge", 1, 2), ("TSGAN", 2, 3), ("SGAN", 1, 1), ("SGAN", 3, 1)],
)
def test_each_update_sees_fresh_real_data(objective, generator_steps, batches):
    gan = points(objective, generator_steps=generator_steps)
    assert gan.batches_per_step == batches
    seen = []
    for name in ("critic_loss", "generator_loss"):
        original = getattr(gan, name)
        setattr(
            gan,
            name,
            lambda real, *rest, f=original: (seen.append(real.images.numpy()[:, 0].tolist()), f(real, *rest))[1],
        )
    real = np.arange(12, dtype="float32")[:, None] * np.ones((1, 2), "float32")
    gan.train_step(tf.constant(real))
    expected = [list(range(k, 12, batches)) for k in range(batches)]
    assert seen == (expected if batches > 1 else expected * (1 + generator_steps))


@pytest.mark.parametrize(
    "objective",
    [
        name if name in ("SGAN", "TSGAN", "CramerGAN") else pytest.param(name, marks=pytest.mark.slow)
        for name in kerasgan.objectives.__all__
    ],
)
def test_several_generator_steps_count_and_differ(objective):
    """Exact counts of both optimizers' steps, and fresh latents in each of the generator's."""
    gan = tests_points.gan(objective, generator_steps=3, critic_steps=2)
    gan.compile()
    assert gan.batches_per_step == (5 if gan.generator_sees_real else 2)
    drawn, original = [], gan.uniform
    gan.uniform = lambda like, shape, *purpose: (drawn.append(purpose), original(like, shape, *purpose))[1]
    gan.fit(tests_points.data(gan, 2), verbose=0)
    assert (gan.step, gan.generator_optimizer.iterations, gan.critic_optimizer.iterations) == (2, 6, 4)
    of_generator = {purpose for purpose in drawn if purpose[:2] == ("latents", "generator")}
    assert len(of_generator) == (6 if objective == "CramerGAN" else 3)  # which draws two batches for a step
    assert gan.get_config()["generator_steps"] == 3
    assert type(gan).from_config(gan.get_config()).generator_steps == 3


def test_critics_of_the_wrong_kind_are_refused():
    single, pairwise = points("SGAN").critic, points("TSGAN").critic
    generator = points("SGAN").generator
    with pytest.raises(ValueError, match="critic: expected a PairwiseCritic, as the objective compares two images"):
        kerasgan.TSGAN(generator, single)
    with pytest.raises(ValueError, match="critic: expected a critic of one image.*it compares two"):
        kerasgan.SGAN(generator, pairwise)
    with pytest.raises(ValueError, match="num_classes: expected None"):
        kerasgan.TSGAN(generator, pairwise, num_classes=2)
    with pytest.raises(ValueError, match="generator_steps: expected an integer of at least 1, got 0"):
        kerasgan.TWGAN(generator, pairwise, generator_steps=0)
    with pytest.raises(ValueError, match="penalty_weight: expected a number of at least 0; got -1"):
        kerasgan.CramerGAN(generator, single, penalty_weight=-1)


def test_all_generator_steps_of_a_long_critic_phase_wait():
    gan = points("WGAN", critic_steps=5, long_critic_steps=10, generator_steps=3)
    step = tf.function(gan.train_step)
    for iterations in (0, 3, 3, 6):
        step(tf.zeros([10, 2]))
        assert gan.generator_optimizer.iterations == iterations


def test_wgans_long_critic_phases_are_those_of_the_authors_code():
    """20 critic updates before each of the first 25 generator updates and every 500th, else critic_steps (5)."""
    gan = points("WGAN", critic_steps=5, long_critic_steps=20)
    step = tf.function(gan.train_step)
    critic_updates, updates = 0, []
    for _ in range(25 * 4 + 40):
        before = [v.numpy() for v in (*gan.generator.variables, *gan.generator_optimizer.variables)]
        step(tf.zeros([10, 2]))
        critic_updates += 5
        after = [v.numpy() for v in (*gan.generator.variables, *gan.generator_optimizer.variables)]
        changed = [not np.array_equal(old, new) for old, new in zip(before, after)]
        assert all(changed[:2]) or not any(changed)  # all of an update or nothing
        if any(changed):
            updates.append(critic_updates)
            critic_updates = 0
    assert updates == [20] * 25 + [5] * 40
    assert int(gan.generator_updates.numpy()) == int(gan.generator_optimizer.iterations.numpy()) == 65
    gan.generator_updates.assign(500)
    for expected in (500, 500, 500, 501, 502):
        step(tf.zeros([10, 2]))
        assert int(gan.generator_updates.numpy()) == expected
    with pytest.raises(ValueError, match="long_critic_steps: expected an integer of at least 5, got 4"):
        points("WGAN", critic_steps=5, long_critic_steps=4)


# Learning rate and betas of both optimizers' Adam; BigGAN's and ProjectedGAN's are in their own files
ADAM = {
    **dict.fromkeys(("SGAN", "LSGAN", "RSGAN", "RaSGAN", "RaLSGAN", "RaHinge", "TSGAN", "TWGAN"), (2e-4, 0.5, 0.999)),
    "HingeGAN": (2e-4, 0.0, 0.9),
    "WGANGP": (1e-4, 0.0, 0.9),
    "ACWGANGP": (1e-4, 0.0, 0.9),
    "CramerGAN": (1e-4, 0.5, 0.9),
    "R3GAN": (2e-4, 0.0, 0.99),
}


@pytest.mark.parametrize("objective", ADAM)
def test_optimizers_by_default_are_those_that_the_docstring_names(objective):
    gan = tests_points.gan(objective)
    gan.compile()
    for optimizer in (gan.generator_optimizer, gan.critic_optimizer):
        assert type(optimizer) is kerasgan.optimizers.Adam
        assert (float(optimizer.learning_rate), optimizer.beta_1, optimizer.beta_2) == pytest.approx(ADAM[objective])
        assert optimizer.epsilon == (1e-8 if objective == "R3GAN" else 1e-7)


def test_numbers_by_default_are_the_papers():
    wgan, wgan_gp, cramer = (tests_points.gan(name) for name in ("WGAN", "WGANGP", "CramerGAN"))
    wgan.compile()
    for optimizer in (wgan.generator_optimizer, wgan.critic_optimizer):
        assert type(optimizer) is keras.optimizers.RMSprop and float(optimizer.learning_rate) == pytest.approx(5e-5)
    assert (wgan.clip, wgan.critic_steps, wgan.long_critic_steps) == (0.01, 5, None)
    assert (wgan_gp.penalty_weight, wgan_gp.critic_steps, wgan_gp.one_sided) == (10.0, 5, False)
    assert (cramer.penalty_weight, cramer.critic_steps) == (10.0, 5)
    penalties = kerasgan.techniques.R1(), kerasgan.techniques.R2(), kerasgan.techniques.GradientPenalty()
    assert [getattr(one, "gamma", None) or one.weight for one in penalties] == [10.0, 10.0, 10.0]
    assert [one.every for one in penalties] == [1, 1, 1]
