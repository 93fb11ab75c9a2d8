"""Training in half precision: float32 weights, losses and images, nearly the step of float32."""

import keras
import numpy as np
import pytest

import kerasgan
from kerasgan.layers import SpectralNormalization
from kerasgan.networks import biggan
from kerasgan.networks.pairwise import PairwiseCritic
from kerasgan.techniques import R1, FeatureMatching, GradientPenalty, InstanceNoise

CLASSES = 3


def model(policy, plug_ins=()):
    """A small BigGAN built under a policy, with techniques."""
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy(policy)
    try:
        keras.utils.set_random_seed(3)
        gan = kerasgan.BigGAN(
            biggan.generator(
                (32, 32, 1), latent_dim=8, num_classes=CLASSES, filters=2, shared_dim=4, attention_size=16
            ),
            biggan.critic((32, 32, 1), num_classes=CLASSES, filters=2, attention_size=16),
            num_classes=CLASSES,
            critic_steps=1,
            techniques=[plug_in() for plug_in in plug_ins],
        )
        gan.compile(*(optimizer(policy) for _ in range(2)), run_eagerly=True)
    finally:
        keras.mixed_precision.set_global_policy(before)
    return gan


def optimizer(policy):
    """SGD, for float16 with a scale that does not overflow and so skip the first steps."""
    inner = keras.optimizers.SGD(0.05)
    return keras.optimizers.LossScaleOptimizer(inner, initial_scale=256) if policy == "mixed_float16" else inner


def step(gan, images):
    gan.fit(images[:16], np.arange(16) % CLASSES, batch_size=16, verbose=0)
    return gan


def moves(before, after, network):
    """How far the kernels of a network have moved; biases are left out, whose bfloat16 gradient TensorFlow adds up
    wrongly on a CPU: 16,384 times 1.01 is 512.
    """
    pairs = zip(getattr(before, network).trainable_variables, getattr(after, network).trainable_variables, strict=True)
    return np.concatenate([(b.numpy() - a.numpy()).ravel() for a, b in pairs if len(a.shape) > 1])


@pytest.mark.parametrize(
    ("policy", "tolerance"),
    [
        pytest.param("mixed_float16", 0.05, marks=pytest.mark.slow),
        pytest.param("mixed_bfloat16", 0.3, marks=pytest.mark.slow),
    ],
)
def test_a_step_is_nearly_that_of_float32(policy, tolerance, images, tmp_path):
    before = model("float32")
    exact, half = step(model("float32"), images), step(model(policy), images)
    inner = half.critic.get_layer("block_0_conv_1")
    assert inner.compute_dtype == policy.removeprefix("mixed_")
    assert {weight.dtype for weight in half.trainable_variables} == {"float32"}
    wanted, made = moves(before, exact, "critic"), moves(before, half, "critic")
    assert np.linalg.norm(made - wanted) < tolerance * np.linalg.norm(wanted)
    half.save(tmp_path / "half.keras")
    again = kerasgan.load(tmp_path / "half.keras")
    assert again.critic.get_layer("block_0_conv_1").compute_dtype == inner.compute_dtype
    np.testing.assert_array_equal(again.sample(2), half.sample(2))


@pytest.mark.slow
def test_a_step_with_a_penalty_on_gradients_is_nearly_that_of_float32(images):
    plug_ins = [lambda: R1(10.0), lambda: GradientPenalty(1.0)]
    before = model("float32")
    plain = moves(before, step(model("float32"), images), "critic")
    exact, half = (step(model(policy, plug_ins), images) for policy in ("float32", "mixed_float16"))
    wanted, made = moves(before, exact, "critic"), moves(before, half, "critic")
    assert np.linalg.norm(wanted - plain) > 0.3 * np.linalg.norm(plain)
    assert np.linalg.norm(made - wanted) < 0.05 * np.linalg.norm(wanted)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float32"])
def test_losses_are_scaled_for_float16_alone(policy):
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy(policy)
    try:
        gan = kerasgan.SGAN(kerasgan.networks.mlp.generator(), kerasgan.networks.mlp.critic())
    finally:
        keras.mixed_precision.set_global_policy(before)
    gan.compile()
    for scaled in (gan.generator_optimizer, gan.critic_optimizer):
        assert isinstance(scaled, keras.optimizers.LossScaleOptimizer) == (policy == "mixed_float16")


def test_sigma_is_taken_in_float32():
    layer = SpectralNormalization(keras.layers.Dense(64, dtype="mixed_bfloat16"), power_iterations=1000)
    inputs = np.eye(32, dtype="float32")
    layer(inputs)
    layer.update()
    outputs = np.asarray(keras.ops.cast(layer(inputs) - layer.layer.bias, "float32"))
    assert np.linalg.svd(outputs, compute_uv=False)[0] == pytest.approx(1.0, abs=2e-3)
    assert float(layer.sigma) == pytest.approx(np.linalg.svd(layer.kernel, compute_uv=False)[0], rel=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("objective", ["SGAN", "LSGAN", "RaSGAN", "WGANGP", "CramerGAN", "R3GAN", "TSGAN"])
def test_losses_of_networks_of_ones_own_are_float32(policy, objective):
    """Networks that end in half precision, as any of Keras does under a policy."""
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy(policy)
    try:
        keras.utils.set_random_seed(0)
        kind = getattr(kerasgan, objective)
        generator = keras.Sequential([keras.Input((4,)), keras.layers.Dense(64, activation="tanh")])
        generator = keras.Sequential([generator, keras.layers.Reshape((8, 8, 1))])
        flat = [keras.Input((8, 8, 1)), keras.layers.Flatten()]
        critic = keras.Sequential([*flat, keras.layers.Dense(5 if kind.feature_critic else 1)])
        if kind.pairwise_critic:
            encoder = keras.Sequential([*flat, keras.layers.Dense(5)])
            critic = PairwiseCritic(encoder, keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)]))
        plug_ins = [] if kind.pairwise_critic else [R1(0.1), InstanceNoise(0.1), FeatureMatching(order=2, add=True)]
        plug_ins = plug_ins[objective == "R3GAN" :]
        gan = kind(generator, critic, techniques=plug_ins if not kind.feature_critic else [])
        losses = {}
        for name in ("critic_loss", "generator_loss"):
            whole = getattr(gan, name)

            def noted(*args, name=name, whole=whole):
                losses[name] = whole(*args)
                return losses[name]

            setattr(gan, name, noted)
        gan.compile(optimizer(policy), optimizer(policy), run_eagerly=True)
        gan.fit(np.random.default_rng(0).integers(0, 256, (96, 8, 8, 1), "uint8"), batch_size=16, verbose=0)
    finally:
        keras.mixed_precision.set_global_policy(before)
    assert losses
    assert {keras.backend.standardize_dtype(loss.dtype) for loss in losses.values()} == {"float32"}
