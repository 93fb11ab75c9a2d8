"""The critic's steps as a loop: those that a Python loop takes, and a graph that does not grow with them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.models import critic_loop
from kerasgan.utils import keyed_random
from tests import points

ROWS = 6


def model(objective, critic_steps, num_classes=None, techniques=(), parts=1, rate=0.01, **arguments):
    """A compiled GAN of 32 pixels with layer norm, and dropout, in the critic."""
    keras.utils.set_random_seed(3)
    outputs = {"outputs": 4} if objective is kerasgan.CramerGAN else {}
    generator = kerasgan.networks.dcgan.generator((32, 32, 1), latent_dim=4, filters=2, num_classes=num_classes)
    critic = kerasgan.networks.dcgan.critic(
        (32, 32, 1), filters=2, normalization="layer", num_classes=num_classes, **outputs
    )
    if num_classes is None:
        critic = keras.Model(critic.inputs, keras.layers.Dropout(0.2, seed=5)(critic.outputs[0]))
    gan = objective(
        generator, critic, critic_steps=critic_steps, num_classes=num_classes, techniques=techniques, seed=7
    )
    sgd = keras.optimizers.SGD
    gan.compile(sgd(rate), sgd(rate), gradient_accumulation_steps=parts, **arguments)
    return gan


def data(gan, steps=2):
    rng = np.random.default_rng(0)
    rows = ROWS * gan.batches_per_step * steps
    images = rng.uniform(-1, 1, (rows, *gan.image_shape)).astype("float32")
    return images if gan.num_classes is None else (images, rng.integers(0, gan.num_classes, rows))


def fitted(gan):
    given = data(gan)
    images, labels = (given, None) if gan.num_classes is None else given
    logs = gan.fit(images, labels, batch_size=ROWS, verbose=0).history
    return np.concatenate([np.ravel(value) for value in gan.get_weights()]), logs


def nodes(gan):
    """Nodes of a step's graph, each function's counted once."""
    spec = tf.TensorSpec((ROWS * gan.batches_per_step, *gan.image_shape))
    graph = tf.function(gan.train_step, autograph=False).get_concrete_function(spec).graph.as_graph_def()
    return len(graph.node) + sum(len(function.node_def) for function in graph.library.function)


CASES = [
    pytest.param(kerasgan.WGANGP, {}, marks=pytest.mark.slow),
    pytest.param(kerasgan.WGAN, {}, marks=pytest.mark.slow),
    pytest.param(kerasgan.CramerGAN, {"rate": 1e-5}, marks=pytest.mark.slow),
    pytest.param(kerasgan.HingeGAN, {"num_classes": 3, "parts": 2}, marks=pytest.mark.slow),
    pytest.param(kerasgan.RSGAN, {"techniques": [kerasgan.techniques.InstanceNoise()]}, marks=pytest.mark.slow),
    pytest.param(kerasgan.SGAN, {"techniques": [kerasgan.techniques.AdaptiveAugmentation()]}, marks=pytest.mark.slow),
    pytest.param(kerasgan.SGAN, {"jit_compile": True}, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("objective", "arguments"), CASES)
def test_the_loop_takes_the_steps_of_a_python_loop(objective, arguments):
    again = {name: value for name, value in arguments.items() if name != "techniques"}
    if "techniques" in arguments:
        again["techniques"] = [type(technique)() for technique in arguments["techniques"]]
    looped, logs = fitted(model(objective, 3, **arguments))
    with critic_loop.unrolled():
        one_by_one, wanted = fitted(model(objective, 3, **again))
    np.testing.assert_allclose(looped, one_by_one, rtol=1e-5, atol=1e-6)
    assert logs.keys() == wanted.keys()
    for name in logs:
        np.testing.assert_allclose(logs[name], wanted[name], rtol=1e-4, atol=1e-6)


def of_points(name, critic_steps):
    gan = points.named(name, critic_steps=critic_steps)
    gan.compile(keras.optimizers.SGD(1e-2), keras.optimizers.SGD(1e-2))
    return gan


@pytest.mark.parametrize(
    "name",
    [
        "WGANGP",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("WGANGP+techniques", "ACWGANGP", "CramerGAN", "RaSGAN+techniques", "TSGAN")
        ),
    ],
)
def test_the_loop_takes_the_steps_of_a_python_loop_with_points(name):
    def trained():
        gan = of_points(name, 3)
        logs = gan.fit(points.data(gan, 3), verbose=0).history
        return gan.get_weights(), logs

    looped, logs = trained()
    with critic_loop.unrolled():
        one_by_one, wanted = trained()
    for value, other in zip(looped, one_by_one, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-4, atol=1e-6)
    for key in wanted:
        np.testing.assert_allclose(logs[key], wanted[key], rtol=1e-4, atol=1e-6)


def test_the_graph_does_not_grow_with_the_critics_steps():
    """Each step more is a slice of the real data, and no critic."""
    three, eight = (nodes(of_points("WGANGP", steps)) for steps in (3, 8))
    assert eight - three < 15 * 5
    with critic_loop.unrolled():
        three, four = (nodes(of_points("WGANGP", steps)) for steps in (3, 4))
        assert four - three > 200


def test_a_loop_index_draws_the_numbers_of_the_integer():
    step = tf.constant(11, tf.int64)
    for k in range(3):
        index = keyed_random.LoopIndex(tf.constant(k), 3)
        drawn = keyed_random.uniform([5], 1, step, ("latents", "critic", index, "other"))
        np.testing.assert_array_equal(drawn, keyed_random.uniform([5], 1, step, ("latents", "critic", k, "other")))
