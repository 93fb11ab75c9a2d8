"""`kerasgan.precision`: what it takes, and what is bfloat16 and what is not in steps on a processor."""

import functools
import os
import pathlib
import subprocess
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.layers import kernels
from kerasgan.models.batch import Batch
from kerasgan.networks import mlp
from kerasgan.networks.pairwise import PairwiseCritic
from kerasgan.techniques import affine
from kerasgan.techniques.transformations import Numbers, inverse_map
from kerasgan.utils import bfloat16_graphs, precision

HAS_BFLOAT16 = any(
    name in subprocess.run(["lscpu"], capture_output=True, text=True).stdout for name in precision._INSTRUCTIONS
)
needs_bfloat16 = pytest.mark.skipif(not HAS_BFLOAT16, reason="this processor has no instructions for bfloat16")


def small(seed=0):
    """A compiled GAN of 32 pixels with biases and spectral norms."""
    keras.utils.set_random_seed(seed)
    generator = kerasgan.networks.dcgan.generator((32, 32, 1), latent_dim=8, filters=4)
    gan = kerasgan.SGAN(generator, kerasgan.networks.dcgan.critic((32, 32, 1), filters=4, normalization="spectral"))
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    return gan


def trained(name, images):
    with kerasgan.precision(name):
        gan = small()
        gan.fit(images[:32], batch_size=16, verbose=0)
    return gan


def weights(gan):
    return np.concatenate([np.ravel(value) for value in gan.get_weights()])


@tf.function
def convolved(x, kernel, bias):
    """The result of a convolution with a bias, and the gradients of the sum of all 1.0078125 times it."""
    with tf.GradientTape() as tape:
        tape.watch([kernel, bias])
        y = tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias)
        loss = tf.reduce_sum(y * 1.0078125)
    return y, *tape.gradient(loss, [kernel, bias])


@needs_bfloat16
def test_the_convolution_is_bfloat16_and_the_gradient_of_its_bias_is_exact():
    rng = np.random.default_rng(0)
    x, kernel, bias = (
        tf.constant(rng.normal(size=shape), tf.float32) for shape in ((4, 64, 64, 8), (3, 3, 8, 8), (8,))
    )
    exact = convolved(x, kernel, bias)
    made = precision.rewritten(convolved)(x, kernel, bias)
    rounded = [tf.cast(tf.cast(value, tf.bfloat16), tf.float32) for value in (x, kernel)]
    wanted = tf.nn.conv2d(*rounded, 1, "SAME")
    np.testing.assert_allclose(made[0], wanted + bias, rtol=2**-8, atol=2e-2)
    assert 1e-4 < np.linalg.norm(made[0] - exact[0]) / np.linalg.norm(exact[0]) < 2**-7
    np.testing.assert_array_equal(made[2], 16512)  # 16,384 times 1.0078125; TensorFlow alone gives 512
    np.testing.assert_array_equal(convolved(x, kernel, bias)[0], exact[0])


@needs_bfloat16
def test_pooling_adds_up_in_float32():
    @tf.function
    def pooled(x, kernel):
        return tf.nn.avg_pool2d(tf.nn.conv2d(x, kernel, 1, "SAME"), 64, 64, "VALID")

    x, kernel = tf.ones((1, 64, 64, 8)), tf.eye(8)[None, None] * 1.0078125
    np.testing.assert_array_equal(precision.rewritten(pooled)(x, kernel), np.full((1, 1, 1, 8), 1.0078125, "float32"))


@needs_bfloat16
@pytest.mark.parametrize(("add", "wanted"), [(kerasgan.layers.Add, 256.0), (keras.layers.Add, 258.0)])
def test_a_sum_of_branches_is_bfloat16_between_convolutions_and_other_sums_are_not(add, wanted):
    """256 + 1 is 256 there, and so is 256 + 1 + 1."""

    @tf.function
    def summed(x, kernel):
        return tf.nn.conv2d(add()([tf.nn.conv2d(x, kernel, 1, "SAME"), x, x]), kernel / 256.0, 1, "SAME")

    ones, kernel = tf.ones((1, 4, 4, 8)), tf.eye(8)[None, None] * 256.0
    np.testing.assert_array_equal(precision.rewritten(summed)(ones, kernel), np.full(ones.shape, wanted, "float32"))


@needs_bfloat16
def test_augmented_images_are_where_they_are_in_float32():
    """A shift by whole pixels is exact, and any map the same; columns of 600 from the centre are not all bfloat16."""

    @tf.function
    def shifted(images):
        return affine.resampled(images, affine.shifting(tf.constant([-7.0]), 0.0))

    @tf.function
    def moved(images, uniforms):
        return affine.resampled(images, inverse_map(Numbers(uniforms, 1.0), 16, 16, 1.0, 1.0, 1.0, 1.0))

    rng = np.random.default_rng(0)
    wide = rng.normal(size=(1, 2, 600, 1)).astype("float32")
    np.testing.assert_array_equal(precision.rewritten(shifted)(wide)[:, :, 7:], wide[:, :, :-7])
    given = rng.normal(size=(4, 16, 16, 1)).astype("float32"), tf.constant(rng.uniform(size=(4, 29)))
    np.testing.assert_array_equal(precision.rewritten(moved)(*given), moved(*given))


@needs_bfloat16
def test_gradients_are_accumulated_in_float32():
    kernel, total = tf.Variable(tf.zeros((1, 1, 4, 4))), tf.Variable(tf.fill((1, 1, 4, 4), 256.0))

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.nn.conv2d(x, kernel, 1, "SAME"))
        total.assign(total + tape.gradient(loss, kernel))

    precision.rewritten(step)(tf.ones((1, 1, 1, 4)))
    np.testing.assert_array_equal(total, np.full((1, 1, 4, 4), 257.0, "float32"))  # in bfloat16 it stays at 256


@needs_bfloat16
def test_training_is_near_that_of_float32_and_the_networks_stay_float32(images):
    exact, made, start = trained("float32", images), trained("bfloat16", images), small()
    moved, wanted = weights(made) - weights(start), weights(exact) - weights(start)
    assert 1e-5 < np.linalg.norm(moved - wanted) < 0.05 * np.linalg.norm(wanted)
    assert {layer.compute_dtype for layer in made._flatten_layers()} == {"float32"}


@pytest.mark.slow
def test_the_same_model_goes_on_in_float32_outside_the_block(images):
    twice, alone = small(), small()
    with kerasgan.precision("bfloat16"):
        twice.fit(images[:16], batch_size=16, verbose=0)
    alone.set_weights(twice.get_weights())
    for gan in (twice, alone):
        gan.fit(images[16:32], batch_size=16, verbose=0)
    np.testing.assert_array_equal(weights(twice), weights(alone))


@needs_bfloat16
def test_sigma_is_that_of_float32():
    layer = kerasgan.layers.SpectralNormalization(keras.layers.Dense(64))
    layer.build((None, 256))

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            sigma = layer.sigma
        return sigma, tape.gradient(sigma, layer.kernel)

    for made, wanted in zip(precision.rewritten(step)(), step(), strict=True):
        np.testing.assert_array_equal(made, wanted)


@needs_bfloat16
def test_singular_values_that_are_followed_are_those_of_float32():
    """Of a kernel whose vectors are known: an iteration of the power method stays at them."""
    matrix = np.random.default_rng(0).normal(size=(64, 96)).astype("float32")
    u, s, vt = np.linalg.svd(matrix.astype("float64"))
    left, values, right = precision.rewritten(tf.function(kernels.follow))(
        tf.constant(matrix), tf.constant(vt[:2].T, tf.float32)
    )
    np.testing.assert_allclose(values, s[:2], rtol=1e-6)
    for made, wanted in ((left, u[:, :2]), (right, vt[:2].T)):
        np.testing.assert_allclose(np.abs(np.sum(made * wanted, axis=0)), 1.0, rtol=1e-6)


@needs_bfloat16
def test_the_orthogonal_penalty_is_that_of_nearly_orthogonal_kernels():
    """Whose gradient, 2 (W W^T (.) (1 - I)) W, is a difference of nearly equal numbers."""
    dense = keras.layers.Dense(65, use_bias=False, kernel_initializer="orthogonal")
    z, points = keras.Input((64,)), keras.Input((65,))
    critic = keras.Model(points, keras.layers.Dense(1)(points))
    penalty = kerasgan.techniques.OrthogonalRegularization(1.0)
    gan = kerasgan.SGAN(keras.Model(z, dense(z)), critic, techniques=[penalty])

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            value = penalty.penalty(gan.generator.trainable_variables)
        return value, tape.gradient(value, dense.kernel.value)

    w = dense.kernel.numpy().T.astype("float64")
    apart = w @ w.T * (1 - np.eye(65))
    value, gradient = precision.rewritten(step)()
    np.testing.assert_allclose(value, np.sum(apart**2) / 2, rtol=1e-5)
    wanted = (2 * apart @ w).T
    assert np.linalg.norm(gradient - wanted) < 1e-5 * np.linalg.norm(wanted)


@needs_bfloat16
def test_shuffled_features_are_those_that_the_encoder_gave():
    """With T(a, b) = E(a) - E(b) the mean over all pairs is that over the batch's own, however they are shuffled."""
    images = keras.Input((8, 8, 1))
    critic = PairwiseCritic(keras.Model(images, keras.layers.GlobalAveragePooling2D()(images)))
    z = keras.Input((2,))
    generator = keras.Model(z, keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64)(z)))
    rng = np.random.default_rng(0)
    real, fake = (
        Batch(tf.constant(0.8 + 0.1 * rng.normal(size=(16, 8, 8, 1)), tf.float32), None, purpose=purpose)
        for purpose in (("real", 0), ("fake", "critic", 0))
    )
    losses = []
    for shuffles in (0, 2):
        gan = kerasgan.TWGAN(generator, critic, pair_shuffles=shuffles)
        losses.append(precision.rewritten(tf.function(functools.partial(gan.critic_loss, real, fake)))())
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)


def test_other_threads_are_left_alone():
    seen = []

    def look(*_):
        thread = threading.Thread(target=lambda: seen.append(precision.is_rewriting() or rewrites()))
        thread.start()
        thread.join()
        return rewrites()

    def rewrites():
        config = tf.compat.v1.ConfigProto.FromString(
            precision.context.context().function_call_options.config_proto_serialized
        )
        return config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 == 1

    with kerasgan.precision("bfloat16"):
        assert precision.rewritten(look)()
    assert seen == [False] and not rewrites() and not precision.is_rewriting()


@pytest.mark.parametrize(
    ("made_in", "name", "expected", "other"),
    [
        ("mixed_bfloat16", "bfloat16", "float32", "bfloat16"),  # as of a run that goes on here after a GPU
        ("float32", "float16", "float16", "float32"),
        ("mixed_float16", "float32", "float32", "float16"),
    ],
)
def test_networks_that_were_made_in_another_precision_are_told_of(made_in, name, expected, other):
    gan = points(made_in)
    with kerasgan.precision(name), pytest.warns(UserWarning) as told:
        gan.fit(POINTS, batch_size=16, verbose=0)
    said = [str(one.message) for one in told if "made in the block" in str(one.message)]
    assert [text.partition(":")[0] for text in said] == ["generator", "critic"]
    assert all(f"compute in {expected};" in text and text.endswith(f"computing in {other}") for text in said)


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_networks_that_were_made_in_the_block_are_not_told_of(name, recwarn):
    with kerasgan.precision(name):
        points().fit(POINTS, batch_size=16, verbose=0)
    points("mixed_float16").fit(POINTS, batch_size=16, verbose=0)  # in no block
    assert not [one for one in recwarn if "made in the block" in str(one.message)]


POINTS = np.random.default_rng(0).normal(size=(16, 2)).astype("float32")


def points(policy=None):
    """A compiled GAN of points, of a policy of Keras or of that of the block."""
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy(policy or before)
    try:
        gan = kerasgan.SGAN(mlp.generator((2,), 2, width=8), mlp.critic((2,), width=8))
    finally:
        keras.mixed_precision.set_global_policy(before)
    gan.compile()
    return gan


@pytest.mark.parametrize("name", ["jit_compile", "run_eagerly"])
def test_what_is_not_rewritten_is_refused(name, images):
    gan = small()
    gan.compile(**{name: True})
    with kerasgan.precision("bfloat16"), pytest.raises(ValueError, match=f"^{name}: expected False"):
        gan.fit(images[:16], batch_size=16, verbose=0)
    assert int(gan.step.numpy()) == 0


def test_auto_takes_what_the_processor_has():
    with kerasgan.precision("auto") as taken:
        assert taken == ("bfloat16" if HAS_BFLOAT16 else "float32")
        assert precision.is_rewriting() == HAS_BFLOAT16
        assert keras.layers.Dense(1).compute_dtype == "float32"


@pytest.mark.parametrize(("capability", "wanted"), [((7, 5), "float32"), ((8, 0), "bfloat16")])
def test_a_gpu_gets_the_policy_of_keras(monkeypatch, capability, wanted):
    gpu = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [gpu] if kind == "GPU" else [])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda _: {"compute_capability": capability})
    with kerasgan.precision("auto") as taken:
        assert taken == wanted and not precision.is_rewriting()
        assert keras.layers.Dense(1).compute_dtype == wanted
    assert keras.layers.Dense(1).compute_dtype == "float32"


def test_a_processor_without_instructions_is_warned_of(monkeypatch):
    monkeypatch.setattr(pathlib.Path, "read_text", lambda path: "flags : sse avx2 bf16_of_others")
    with pytest.warns(UserWarning, match="no instructions for bfloat16"), kerasgan.precision("bfloat16"):
        pass
    with kerasgan.precision("auto") as taken:
        assert taken == "float32"


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="precision: expected one of auto, float32, bfloat16, float16; got 'half'"):
        with kerasgan.precision("half"):
            pass


def test_lists_of_the_user_are_kept(monkeypatch):
    monkeypatch.setenv(bfloat16_graphs.LIST, "Mul")
    precision.rewritten(print)
    assert os.environ[bfloat16_graphs.LIST] == "Mul"


def test_a_call_without_a_block_warns(recwarn):
    with pytest.warns(
        UserWarning, match=r"expected `with kerasgan.precision\('bfloat16'\):` .* changes nothing"
    ) as told:
        kerasgan.precision("bfloat16")
    assert told[0].filename == __file__
    recwarn.clear()
    with kerasgan.precision("float32") as taken:
        assert taken == "float32"

    @kerasgan.precision("float32")
    def decorated(depth):
        return decorated(depth - 1) if depth else keras.mixed_precision.dtype_policy().name

    assert decorated(2) == "float32"
    assert not list(recwarn)
