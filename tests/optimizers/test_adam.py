"""Adam in one operation beside Keras's, which has thirty, and beside the paper's algorithm in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.optimizers import Adam, Cosine, ScheduledAdam

SHAPES = (3, 4), (5,), ()


def trained(optimizer, steps=6, dtype="float32", compiled=False):
    """The variables after steps with given gradients, those of both moments, and the function of a step."""
    rng = np.random.default_rng(0)
    variables = [keras.Variable(rng.normal(size=shape), dtype=dtype) for shape in SHAPES]
    gradients = [[tf.constant(rng.normal(size=shape), dtype) for shape in SHAPES] for _ in range(steps)]
    optimizer.build(variables)

    @tf.function(jit_compile=compiled)
    def step(gradients):
        optimizer.apply(gradients, variables)

    for some in gradients:
        step(some)
    return [variable.numpy() for variable in [*variables, *optimizer.variables]], step


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"learning_rate": 0.1, "beta_1": 0.0, "beta_2": 0.9, "epsilon": 0.3},
        {"learning_rate": Cosine(0.1, 0.01, 4)},
        {"amsgrad": True},
        {"weight_decay": 0.1, "clipnorm": 0.5},
        {"gradient_accumulation_steps": 2},
        {"use_ema": True},
    ],
)
def test_its_numbers_are_keras_ones(arguments):
    """To 2e-5: TensorFlow takes 1 - beta_2 in float32, where 1 - 0.999 is 0.00099999."""
    for ours, theirs in zip(trained(Adam(**arguments))[0], trained(keras.optimizers.Adam(**arguments))[0], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-6)


def test_its_numbers_are_the_papers():
    rate, beta_1, beta_2, epsilon, steps = 0.1, 0.6, 0.9, 0.02, 6
    (w, *_), _ = trained(Adam(rate, beta_1, beta_2, epsilon), steps, "float64")
    rng = np.random.default_rng(0)
    wanted, *_ = [rng.normal(size=shape) for shape in SHAPES]
    m = v = np.zeros(SHAPES[0])
    for t in range(1, steps + 1):
        g, *_ = [rng.normal(size=shape) for shape in SHAPES]
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g**2
        wanted -= rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (np.sqrt(v) + epsilon)
    np.testing.assert_allclose(w, wanted, rtol=1e-6)  # Keras keeps the learning rate in float32


def test_compiled_by_xla_its_numbers_are_the_same():
    for compiled, plain in zip(trained(Adam(0.1), compiled=True)[0], trained(Adam(0.1))[0], strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("kind", [Adam, ScheduledAdam])
def test_each_variable_has_one_operation(kind):
    _, step = trained(kind(0.1))
    graph = step.get_concrete_function([tf.TensorSpec(shape) for shape in SHAPES]).graph
    names = [operation.type for operation in graph.get_operations()]
    assert names.count("ResourceApplyAdam") == len(SHAPES)
    assert "Sqrt" not in names


def test_an_embedding_moves_by_its_whole_gradient():
    """Adam's first step moves a weight by the learning rate, however many rows of the batch have its label."""
    embedding, optimizer = keras.Variable(np.zeros((3, 2))), Adam(0.1, epsilon=1e-12)
    with tf.GradientTape() as tape:
        loss = keras.ops.sum(keras.ops.take(embedding, [1, 1, 1, 1], axis=0))
    optimizer.apply([tape.gradient(loss, embedding.value)], [embedding])
    np.testing.assert_allclose(embedding.numpy(), [[0, 0], [-0.1, -0.1], [0, 0]], rtol=1e-5)


def test_float16_skips_a_step_that_is_not_finite():
    weight = keras.Variable([1.0, 2.0])
    optimizer = keras.optimizers.LossScaleOptimizer(Adam(0.1))
    optimizer.build([weight])
    optimizer.apply([tf.constant([np.inf, 1.0])], [weight])
    np.testing.assert_array_equal(weight.numpy(), [1, 2])
    optimizer.apply([optimizer.scale_loss(tf.constant([1.0, 1.0]))], [weight])
    np.testing.assert_allclose(weight.numpy(), [0.9, 1.9], rtol=1e-5)


def test_it_goes_on_from_what_kerass_has_saved(tmp_path):
    def model(optimizer):
        keras.utils.set_random_seed(3)
        made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        made.compile(optimizer, "mse")
        return made

    x, y = np.random.default_rng(1).normal(size=(2, 8, 4)).astype("float32")
    theirs, ours = model(keras.optimizers.Adam(0.1)), model(Adam(0.1))
    theirs.fit(x, y[:, :2], verbose=0)
    theirs.save_weights(tmp_path / "of.weights.h5")
    ours.optimizer.build(ours.trainable_variables)
    ours.load_weights(tmp_path / "of.weights.h5")
    for both in (theirs, ours):
        both.fit(x, y[:, :2], verbose=0)
    assert int(ours.optimizer.iterations) == 2
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)
    assert Adam.from_config(ours.optimizer.get_config()).get_config() == ours.optimizer.get_config()
