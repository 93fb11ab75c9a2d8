"""The WGAN-GP study's set of architectures: counts, the functions they compute, initial weights."""

import numpy as np
import pytest

from kerasgan.networks import robustness
from tests.networks import numpy_layers as np_layers

RNG = np.random.default_rng(0)


def layers_count(widths, halves=1, size=25):
    """Parameters of 5x5 convolutions between these widths; gates double the outputs."""
    return sum((size * a + 1) * b * halves for a, b in zip(widths, widths[1:]))


def generator_count(widths, halves=1, norms=True):
    dense = (128 + 1) * 16 * widths[0] * halves
    return dense + layers_count(widths, halves) + (25 * widths[-1] + 1) * 3 + norms * 2 * halves * sum(widths)


def critic_count(halves=1, norms=True):
    widths = [64, 128, 256, 512]
    return layers_count([3, *widths], halves) + 16 * 512 + 1 + norms * 2 * halves * sum(widths[1:])


DCGAN = [512, 256, 128, 64]
PERCEPTRON = 129 * 512 + 3 * 513 * 512 + 513 * 64 * 64 * 3


@pytest.mark.parametrize(
    ("variant", "generator", "critic"),
    [
        ("baseline", generator_count(DCGAN), critic_count()),
        ("constant_filters", generator_count([64] * 4, norms=False), critic_count()),
        ("mlp", PERCEPTRON, critic_count()),
        ("no_normalization", generator_count(DCGAN, norms=False), critic_count(norms=False)),
        ("gated", generator_count(DCGAN, halves=2), critic_count(halves=2)),
        ("tanh", generator_count(DCGAN), critic_count()),
    ],
)
def test_parameter_counts(variant, generator, critic):
    generator_arguments, critic_arguments = robustness.VARIANTS[variant]
    assert np_layers.parameters(robustness.generator(**generator_arguments)) == generator
    assert np_layers.parameters(robustness.critic(**critic_arguments)) == critic


def test_the_formula_by_hand():
    kernels = 25 * (512 * 256 + 256 * 128 + 128 * 64 + 64 * 3)
    assert generator_count(DCGAN) == 129 * 8192 + kernels + (256 + 128 + 64 + 3) + 2 * (512 + 256 + 128 + 64)


def gate(x):
    half = x.shape[-1] // 2
    return np_layers.sigmoid(x[..., :half]) * np.tanh(x[..., half:])


FUNCTIONS = {
    "relu": np_layers.relu,
    "leaky_relu": lambda x: np_layers.leaky_relu(x, 0.2),
    "tanh": np.tanh,
    "gated": gate,
}


@pytest.mark.parametrize("nonlinearity", FUNCTIONS)
@pytest.mark.parametrize("normalization", ["batch", None])
@pytest.mark.parametrize("kind", ["dcgan", "constant_filters", "mlp"])
def test_generator_computes_the_authors_function(nonlinearity, normalization, kind):
    network = robustness.generator(
        (32, 32, 2),
        latent_dim=5,
        filters=3,
        nonlinearity=nonlinearity,
        normalization=normalization,
        constant_filters=kind == "constant_filters",
        mlp=kind == "mlp",
    )
    np_layers.randomize(network, kernels=0.06 if kind == "mlp" else 0.3)
    z = RNG.normal(size=(2, 5))
    dense, transposes, norms = (
        np_layers.weights_of(network, kind) for kind in (np_layers.DENSE, np_layers.TRANSPOSE, np_layers.BATCH_NORM)
    )

    def hidden(x):
        return FUNCTIONS[nonlinearity](x if normalization is None else np_layers.batch_norm(x, *next(norms)))

    if kind == "mlp":
        x = z
        for _ in range(4):
            x = hidden(np_layers.dense(x, *next(dense)))
        expected = np.tanh(np_layers.dense(x, *next(dense)).reshape(2, 32, 32, 2))
    else:
        x = hidden(np_layers.dense(z, *next(dense)).reshape(2, 4, 4, -1))
        assert x.shape[-1] == (3 if kind == "constant_filters" else 12)
        for _ in range(2):
            x = hidden(np_layers.conv2d_transpose(x, *next(transposes)))
        expected = np.tanh(np_layers.conv2d_transpose(x, *next(transposes)))
    images = network(z).numpy()
    assert np.abs(images).max() <= 1 and images.std() > 0.01
    np.testing.assert_allclose(images, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("nonlinearity", FUNCTIONS)
@pytest.mark.parametrize("normalization", ["batch", "layer", None])
def test_critic_computes_the_authors_function(nonlinearity, normalization):
    network = robustness.critic((32, 32, 2), filters=3, nonlinearity=nonlinearity, normalization=normalization)
    np_layers.randomize(network)
    images = RNG.uniform(-1, 1, (2, 32, 32, 2))
    kinds = {"batch": np_layers.BATCH_NORM, "layer": np_layers.LAYER_NORM}
    functions = {"batch": np_layers.batch_norm, "layer": np_layers.layer_norm}
    convs, norms = (
        np_layers.weights_of(network, np_layers.CONV),
        np_layers.weights_of(network, kinds.get(normalization)),
    )
    x = images
    for index in range(3):
        x = np_layers.conv2d(x, *next(convs), stride=2)
        if normalization and index:
            x = functions[normalization](x, *next(norms))
        x = FUNCTIONS[nonlinearity](x)
    assert x.shape == (2, 4, 4, 12)
    expected = np_layers.dense(x.reshape(2, -1), *network.get_layer("logit").get_weights())
    np.testing.assert_allclose(network(images), expected, rtol=1e-3, atol=1e-3)


def kernels(network, kind):
    return [weights[0] for weights in np_layers.weights_of(network, kind)]


@pytest.mark.parametrize("variant", ["baseline", "no_normalization", "tanh"])
def test_dcgan_variants_start_uniform_with_deviation_0_02(variant):
    generator_arguments, critic_arguments = robustness.VARIANTS[variant]
    generator, critic = robustness.generator(**generator_arguments), robustness.critic(**critic_arguments)
    found = kernels(generator, np_layers.DENSE) + kernels(generator, np_layers.TRANSPOSE)
    found += kernels(critic, np_layers.CONV) + kernels(critic, np_layers.DENSE)
    assert len(found) == 10
    for kernel in found:
        assert kernel.std() == pytest.approx(0.02, rel=0.03)
        assert 0.99 < np.abs(kernel).max() / (0.02 * 3**0.5) <= 1.00001


@pytest.mark.slow
def test_other_variants_start_with_variance_4_over_the_fans():
    constant = robustness.generator(**robustness.VARIANTS["constant_filters"][0])
    [dense], transposes = kernels(constant, np_layers.DENSE), kernels(constant, np_layers.TRANSPOSE)
    assert dense.std() == pytest.approx((2 / (128 + 16 * 64)) ** 0.5, rel=0.02)
    assert transposes[0].std() == pytest.approx((4 / (64 * 25 / 4 + 64 * 25)) ** 0.5, rel=0.02)
    gated = robustness.generator(**robustness.VARIANTS["gated"][0])
    [dense], transposes = kernels(gated, np_layers.DENSE), kernels(gated, np_layers.TRANSPOSE)
    assert dense.std() == pytest.approx((2 / (128 + 16 * 1024)) ** 0.5, rel=0.02)
    assert transposes[0].std() == pytest.approx((4 / (512 * 25 / 4 + 512 * 25)) ** 0.5, rel=0.02)
    gated = robustness.critic(**robustness.VARIANTS["gated"][1])
    kernel = kernels(gated, np_layers.CONV)[1]
    assert kernel.shape == (5, 5, 64, 256)
    assert kernel.std() == pytest.approx((4 / (64 * 25 + 256 * 25 / 4)) ** 0.5, rel=0.02)
    first, *_, last = kernels(robustness.generator(**robustness.VARIANTS["mlp"][0]), np_layers.DENSE)
    assert first.std() == pytest.approx((2 / 128) ** 0.5, rel=0.02)
    assert last.std() == pytest.approx((2 / (512 + 64 * 64 * 3)) ** 0.5, rel=0.02)


def test_wrong_arguments_are_named():
    for build in (robustness.generator, robustness.critic):
        with pytest.raises(ValueError, match="image_shape: expected .* size one of 32, 64, 128; got"):
            build((256, 256, 3))
        with pytest.raises(
            ValueError, match='nonlinearity: expected one of "relu", "leaky_relu", "tanh", "gated"; got'
        ):
            build(nonlinearity="elu")
        with pytest.raises(ValueError, match="filters: expected an integer of at least 1, got 0"):
            build(filters=0)
        with pytest.raises(ValueError, match="num_classes: expected an integer of at least 1, got 0"):
            build(num_classes=0, filters=1)
    with pytest.raises(ValueError, match="normalization: expected one of \"batch\", None; got 'layer'"):
        robustness.generator(normalization="layer")
    with pytest.raises(ValueError, match='normalization: expected one of "batch", "layer", None; got \'group\''):
        robustness.critic(normalization="group")
    with pytest.raises(ValueError, match="constant_filters: expected False for a perceptron"):
        robustness.generator(mlp=True, constant_filters=True)
