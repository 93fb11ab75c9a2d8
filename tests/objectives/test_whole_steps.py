"""One whole training step of WGAN-GP and of T-SGAN against the same step in PyTorch, every weight compared.

Both start from the same weights, real images and noise. The rates are high, so that the weights move by far more than
the tolerance. Adam's epsilon is 1e-2 and not its usual 1e-7: with that its first step is the rate times the sign of
the gradient, which rounding decides where the gradient is 0 but for rounding (the biases before batch norm, for one).
"""

import copy

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import kerasgan
from kerasgan.layers import SpectralNormalization
from kerasgan.models.batch import Batch
from kerasgan.networks import dcgan
from kerasgan.networks.pairwise import PairwiseCritic

torch = pytest.importorskip("torch", reason="needs PyTorch: make parity")
from tests.objectives import torch_steps as steps  # noqa: E402

pytestmark = pytest.mark.parity

TOLERANCE = 1e-4
MOVED = 10 * TOLERANCE
SEEN = 10 * TOLERANCE  # by a mistake, in some weight
BETAS, EPSILON = (0.5, 0.9), 1e-2
ROWS = 6


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """For networks as small as these PyTorch is faster without threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def keras_optimizer(kind, rate):
    if kind == "sgd":
        return keras.optimizers.SGD(rate)
    return keras.optimizers.Adam(rate, beta_1=BETAS[0], beta_2=BETAS[1], epsilon=EPSILON)


def torch_optimizer(kind, weights, rate):
    return steps.SGD(weights, rate) if kind == "sgd" else steps.Adam(weights, rate, BETAS, EPSILON)


def uniforms(gan, shape, *purpose):
    """Return the uniform numbers of the model's next training step, float64."""
    return torch.tensor(gan.uniform(Batch(np.zeros((ROWS, 1)), None), shape, *purpose).numpy())


def latents(gan, *purpose):
    """Return z of the model's next training step, by PyTorch's inverse distribution function."""
    return torch.special.ndtri(uniforms(gan, (gan.latent.dim,), "latents", *purpose))


def assert_moved_alike(variables, before, expected, still=()):
    """Compare every weight with PyTorch's and see that it moved, but for those, by name, whose gradient is 0."""
    for variable, old, new in zip(variables, before, expected, strict=True):
        np.testing.assert_allclose(variable, new.detach(), rtol=0, atol=TOLERANCE, err_msg=variable.path)
        moved = np.abs(variable.numpy() - old).max()
        if any(variable is other for other in still):
            assert moved < TOLERANCE, f"{variable.path} moved by {moved}"
        else:
            assert moved > MOVED, f"{variable.path} moved by {moved}"


def largest_difference(variables, expected):
    """Return the largest difference in a trained weight."""
    pairs = [(v, e) for v, e in zip(variables, expected, strict=True) if v.trainable]
    return max(np.abs(v.numpy() - e.detach().numpy()).max() for v, e in pairs)


def noisy(network, rng, gain=None):
    """Add noise to all vectors, which start alike, and draw kernels with variance gain / fan-in, where it is given."""
    for variable in network.trainable_variables:
        value = variable.numpy()
        if value.ndim == 1:
            variable.assign(value + 0.2 * rng.standard_normal(value.shape))
        elif gain is not None:
            transposed = "transpose" in variable.path  # height, width, out, in; with stride 2 a quarter meet
            inputs = value.size / value.shape[-2] / 4 if transposed else value.size / value.shape[-1]
            variable.assign(rng.standard_normal(value.shape) * np.sqrt(gain / inputs))


# WGAN-GP: DCGAN's generator with batch norm, its critic with layer norm or none. "same" pads 5x5 kernels unevenly.

CRITIC_STEPS = 2
RATES = {"adam": (0.02, 0.02), "sgd": (0.2, 0.02)}  # the generator's, the critic's


def wgan_gp(kind, normalization):
    """Return a model, its real data, and the arguments with which `steps.wgan_gp_step` is the same step."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(1)
    generator = dcgan.generator((32, 32, 3), latent_dim=8, filters=4, kernel_size=5)
    critic = dcgan.critic((32, 32, 3), filters=4, kernel_size=5, normalization=normalization)
    noisy(generator, rng, gain=2.0)
    noisy(critic, rng, gain=1.0)
    gan = kerasgan.WGANGP(generator, critic, critic_steps=CRITIC_STEPS, seed=5)
    rates = RATES[kind]
    gan.compile(*(keras_optimizer(kind, rate) for rate in rates))
    real = rng.uniform(-1, 1, (ROWS * CRITIC_STEPS, 32, 32, 3))
    copies = steps.tensors(generator.weights), steps.tensors(critic.weights)
    step = {
        "generator": copies[0],
        "critic": copies[1],
        "reals": [torch.tensor(real[k::CRITIC_STEPS]) for k in range(CRITIC_STEPS)],
        "latents": [latents(gan, "critic", k) for k in range(CRITIC_STEPS)],
        "last_latents": latents(gan, "generator"),
        "eps": [uniforms(gan, (1, 1, 1), "interpolation", k) for k in range(CRITIC_STEPS)],
        "optimizers": [torch_optimizer(kind, *pair) for pair in zip(copies, rates)],
    }
    return gan, real, step


def trained(make, *arguments):
    """Return a model after one step, its networks' weights before it, and PyTorch's step, not yet taken."""
    gan, real, step = make(*arguments)
    networks = [gan.generator, gan.critic]
    if isinstance(gan, kerasgan.TSGAN):
        networks = [gan.generator, gan.critic.encoder, gan.critic.head]
    before = [v.numpy() for network in networks for v in network.weights]
    gan.fit(tf.data.Dataset.from_tensors(real.astype("float32")), verbose=0)
    assert gan.step == 1
    return gan, [v for network in networks for v in network.weights], before, step


@pytest.fixture(scope="module")
def adam_wgan_gp():
    return trained(wgan_gp, "adam", None)


def check_wgan_gp(gan, variables, before, step):
    step = copy.deepcopy(step)
    steps.wgan_gp_step(**step)
    # the critic's loss, a difference of two means, does not depend on its last bias
    still = [v for v in gan.critic.weights if v.path == "logit/bias"]
    assert_moved_alike(variables, before, step["generator"] + step["critic"], still)


def test_wgan_gp_step_is_pytorchs(adam_wgan_gp):
    check_wgan_gp(*adam_wgan_gp)


@pytest.mark.slow
def test_wgan_gp_step_by_gradient_descent_is_pytorchs():
    check_wgan_gp(*trained(wgan_gp, "sgd", None))


def test_wgan_gp_step_with_layer_norm_is_pytorchs():
    """With Keras's layer norm, whose second derivative is not exact, weights would be off by up to 2e-3 here."""
    check_wgan_gp(*trained(wgan_gp, "adam", "layer"))


def one_eps_a_batch(step):
    step["eps"] = [eps[:1].expand(ROWS, 1, 1, 1) for eps in step["eps"]]


def eps_the_other_way_round(step):
    step["eps"] = [1 - eps for eps in step["eps"]]


def same_real_batch_in_all_steps(step):
    step["reals"] = step["reals"][:1] * len(step["reals"])


def real_batches_one_after_the_other(step):
    rows = torch.stack(step["reals"], dim=1).flatten(0, 1)
    step["reals"] = rows.chunk(len(step["reals"]))


def same_latents_in_all_steps(step):
    step["latents"] = step["latents"][:1] * len(step["latents"])


def adam_with_pytorchs_epsilon(step):
    for optimizer in step["optimizers"]:
        optimizer.second = 0.0  # no correction of epsilon


@pytest.mark.parametrize(
    "mistake",
    [
        one_eps_a_batch,
        eps_the_other_way_round,
        same_real_batch_in_all_steps,
        real_batches_one_after_the_other,
        same_latents_in_all_steps,
        adam_with_pytorchs_epsilon,
    ],
)
def test_a_mistake_in_wgan_gp_would_be_seen(adam_wgan_gp, mistake):
    _, variables, _, step = adam_wgan_gp
    step = copy.deepcopy(step)
    mistake(step)
    steps.wgan_gp_step(**step)
    assert largest_difference(variables, step["generator"] + step["critic"]) > SEEN


# T-SGAN: the paper's networks at 32 pixels with few channels, batch norm everywhere, spectral normalization in encoder
# and head; and with SiLU in place of LeakyReLU, at whose kink rounding decides on the derivative: after three steps of
# batch norm on batch norm, one activation that falls on the other side moves many weights.

STEPS = 3  # one of the critic, two of the generator
T_RATES = {"adam": (0.05, 0.05), "sgd": (2.0, 2.0)}


def small_t_generator():
    z = x = keras.Input((8,))
    x = layers.Reshape((1, 1, 8))(x)
    for width, kernel_size, strides in ((16, 4, 1), (12, 4, 2), (8, 4, 1), (8, 4, 2), (8, 5, 1)):
        x = layers.Conv2DTranspose(width, kernel_size, strides=strides)(x)
        x = layers.Activation("silu")(layers.BatchNormalization()(x))
    return keras.Model(z, layers.Activation("tanh")(layers.Conv2D(3, 1)(x)))


def small_t_encoder():
    images = x = keras.Input((32, 32, 3))
    for width, kernel_size, strides in ((8, 5, 1), (8, 4, 2), (12, 4, 1), (16, 4, 2)):
        x = SpectralNormalization(layers.Conv2D(width, kernel_size, strides=strides))(x)
        x = layers.Activation("silu")(layers.BatchNormalization()(x))
    x = SpectralNormalization(layers.Conv2D(6, 1))(x)
    return keras.Model(images, layers.GlobalAveragePooling2D()(x))


def small_t_head():
    differences = keras.Input((6,))
    hidden = layers.Activation("silu")(SpectralNormalization(layers.Dense(8))(differences))
    return keras.Model(differences, SpectralNormalization(layers.Dense(1, use_bias=False))(hidden))


def t_sgan(kind):
    """Return a model, its real data, and the arguments with which `steps.t_sgan_step` is the same step."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(1)
    networks = small_t_generator(), small_t_encoder(), small_t_head()
    for network in networks:
        noisy(network, rng)
        for layer in network.layers:
            if isinstance(layer, SpectralNormalization):  # away from its limit, so that every iteration counts
                layer.u.assign(layer.u + 2.0 * rng.standard_normal(layer.u.shape) / np.sqrt(layer.u.shape[0]))
    gan = kerasgan.TSGAN(networks[0], PairwiseCritic(*networks[1:]), seed=5)
    rates = T_RATES[kind]
    gan.compile(*(keras_optimizer(kind, rate) for rate in rates))
    real = rng.uniform(-1, 1, (ROWS * STEPS, 32, 32, 3))
    generator, encoder, head = (steps.tensors(network.weights) for network in networks)
    step = {
        "generator": generator,
        "encoder": encoder,
        "head": head,
        "reals": [torch.tensor(real[k::STEPS]) for k in range(STEPS)],
        "latents": [latents(gan, *purpose) for purpose in (("critic", 0), ("generator",), ("generator", 1))],
        "optimizers": [torch_optimizer(kind, *pair) for pair in zip((generator, encoder + head), rates)],
    }
    return gan, real, step


def without_gradient(generator, encoder, head):
    """Return the weights that cannot move.

    Biases before batch norm, which takes the mean away; the encoder's last bias, as the head is given a difference;
    v of a kernel with one output, which is that kernel normalized.
    """
    still = [encoder.layers[-2].layer.bias, head.layers[-1].v]
    for network in (generator, encoder):
        for layer, after in zip(network.layers, network.layers[1:]):
            if isinstance(after, layers.BatchNormalization):
                still.append(getattr(layer, "layer", layer).bias)
    assert len(still) == 2 + 5 + 4
    return still


@pytest.fixture(scope="module")
def adam_t_sgan():
    return trained(t_sgan, "adam")


def check_t_sgan(gan, variables, before, step):
    step = copy.deepcopy(step)
    steps.t_sgan_step(**step)
    still = without_gradient(gan.generator, gan.critic.encoder, gan.critic.head)
    assert_moved_alike(variables, before, step["generator"] + step["encoder"] + step["head"], still)


def test_t_sgan_step_is_pytorchs(adam_t_sgan):
    check_t_sgan(*adam_t_sgan)


@pytest.mark.slow
def test_t_sgan_step_by_gradient_descent_is_pytorchs():
    check_t_sgan(*trained(t_sgan, "sgd"))


def generator_steps_on_the_critics_data(step):
    step["reals"] = step["reals"][:1] * STEPS


def sigma_as_a_constant(step):
    step["sigma"] = steps.constant_sigma


def no_power_iteration(step):
    step["iterations"] = 0


def two_power_iterations(step):
    step["iterations"] = 2


@pytest.mark.parametrize(
    "mistake",
    [
        generator_steps_on_the_critics_data,
        same_latents_in_all_steps,
        sigma_as_a_constant,
        no_power_iteration,
        two_power_iterations,
    ],
)
def test_a_mistake_in_t_sgan_would_be_seen(adam_t_sgan, mistake):
    _, variables, _, step = adam_t_sgan
    step = copy.deepcopy(step)
    mistake(step)
    steps.t_sgan_step(**step)
    assert largest_difference(variables, step["generator"] + step["encoder"] + step["head"]) > SEEN
