"""The random architectures' networks: counts, the functions they compute, initial weights."""

import keras
import numpy as np
import pytest

from kerasgan.networks import random_architectures
from tests.networks import numpy_layers as np_layers

RNG = np.random.default_rng(0)
FUNCTIONS = {
    "relu": np_layers.relu,
    "leaky_relu": lambda x: np_layers.leaky_relu(x, 0.2),
    "softplus": lambda x: np.logaddexp(0.0, 2 * x + 2) / 2 - 1,
    "tanh": np.tanh,
}


def generator_layers(depth):
    """What follows the dense layer: c, a 3x3 convolution; u, a transposed 4x4 one."""
    group = depth // 4
    return "c" * group + ("c" * (group - 1) + "u") * 3


def critic_layers(depth):
    """d: a strided 4x4 convolution."""
    return generator_layers(depth)[::-1].replace("u", "d")


def parameters(sequence, first, after):
    """(parameters of the convolutions, their outputs' channels); `after` are those of each change of resolution."""
    count, widths, after = 0, [first], list(after)
    for kind in sequence:
        widths.append(widths[-1] if kind == "c" else after.pop(0))
        count += ((9 if kind == "c" else 16) * widths[-2] + 1) * widths[-1]
    return count, widths[1:]


@pytest.mark.parametrize(("depth", "f"), [(4, 32), (12, 64), (20, 2)])
def test_parameter_counts(depth, f):
    count, widths = parameters(generator_layers(depth), 4 * f, [2 * f, f, 3])
    dense, norms = (128 + 1) * 16 * 4 * f, 2 * (4 * f + sum(widths[:-1]))
    plain = random_architectures.generator(filters=f, depth=depth, normalization=None)
    assert len(widths) == depth and np_layers.parameters(plain) == dense + count
    assert np_layers.parameters(random_architectures.generator(filters=f, depth=depth)) == dense + count + norms

    count, widths = parameters(critic_layers(depth), 3, [f, 2 * f, 4 * f])
    norms = 2 * sum(widths[1:])
    plain = random_architectures.critic(filters=f, depth=depth, normalization=None)
    assert len(widths) == depth and np_layers.parameters(plain) == count + 16 * 4 * f + 1
    assert np_layers.parameters(random_architectures.critic(filters=f, depth=depth)) == count + 16 * 4 * f + 1 + norms


def test_dcgan_at_depth_four_by_hand():
    built = random_architectures.critic(filters=64, depth=4, normalization=None)
    kernels = 16 * (3 * 64 + 64 * 128 + 128 * 256) + 9 * 256 * 256
    assert np_layers.parameters(built) == kernels + 64 + 128 + 256 + 256 + 4096 + 1
    assert [layer.output.shape[1:] for layer in built.layers if type(layer) is np_layers.CONV] == [
        (16, 16, 64),
        (8, 8, 128),
        (4, 4, 256),
        (4, 4, 256),
    ]


def walk(network, x, sequence, function, norm, last_is_bare=False, first_norm=True):
    """Apply the network's convolutions, norms and nonlinearities, in order."""
    convolutions = np_layers.weights_of(network, np_layers.CONV)
    transposes = np_layers.weights_of(network, np_layers.TRANSPOSE)
    for index, kind in enumerate(sequence):
        if kind == "u":
            x = np_layers.conv2d_transpose(x, *next(transposes))
        else:
            x = np_layers.conv2d(x, *next(convolutions), stride=2 if kind == "d" else 1)
        if last_is_bare and index == len(sequence) - 1:
            return x
        x = function(norm(x) if index or first_norm else x)
    return x


@pytest.mark.parametrize("nonlinearity", FUNCTIONS)
@pytest.mark.parametrize(("normalization", "depth"), [("batch", 8), (None, 4)])
def test_generator_computes_its_definition(nonlinearity, normalization, depth):
    network = random_architectures.generator((32, 32, 2), 5, None, 2, depth, nonlinearity, normalization)
    np_layers.randomize(network)
    norms = np_layers.weights_of(network, np_layers.BATCH_NORM)
    norm = (lambda x: np_layers.batch_norm(x, *next(norms))) if normalization else lambda x: x
    z = RNG.normal(size=(3, 5))
    x = np_layers.dense(z, *next(np_layers.weights_of(network, np_layers.DENSE))).reshape(3, 4, 4, 8)
    x = FUNCTIONS[nonlinearity](norm(x))
    x = walk(network, x, generator_layers(depth), FUNCTIONS[nonlinearity], norm, last_is_bare=True)
    np.testing.assert_allclose(network(z), np.tanh(x), rtol=1e-3, atol=1e-4)
    assert next(norms, None) is None


@pytest.mark.parametrize("nonlinearity", FUNCTIONS)
@pytest.mark.parametrize(("normalization", "depth"), [("batch", 8), ("layer", 8), (None, 4)])
def test_critic_computes_its_definition(nonlinearity, normalization, depth):
    network = random_architectures.critic((32, 32, 2), None, 2, depth, nonlinearity, normalization)
    np_layers.randomize(network)
    kind, function = {
        "batch": (np_layers.BATCH_NORM, np_layers.batch_norm),
        "layer": (np_layers.LAYER_NORM, np_layers.layer_norm),
        None: (None, lambda x: x),
    }[normalization]
    norms = np_layers.weights_of(network, kind)
    images = RNG.uniform(-1, 1, size=(3, 32, 32, 2))
    x = walk(
        network,
        images,
        critic_layers(depth),
        FUNCTIONS[nonlinearity],
        lambda x: function(x, *next(norms, ())),
        first_norm=normalization is None,
    )
    expected = np_layers.dense(x.reshape(3, -1), *next(np_layers.weights_of(network, np_layers.DENSE)))
    np.testing.assert_allclose(network(images), expected, rtol=1e-3, atol=1e-3)
    assert normalization is None or next(norms, None) is None


def test_the_signal_reaches_the_end_of_twenty_layers_without_norms():
    keras.utils.set_random_seed(0)
    for nonlinearity in FUNCTIONS:
        generator = random_architectures.generator(filters=8, depth=20, nonlinearity=nonlinearity, normalization=None)
        made = np.asarray(generator(RNG.normal(size=(16, 128))))
        assert made.std(axis=0).mean() > 1e-3  # of different latents
        critic = random_architectures.critic(filters=8, depth=20, nonlinearity=nonlinearity, normalization=None)
        assert np.asarray(critic(RNG.uniform(-1, 1, size=(16, 32, 32, 3)))).std() > 1e-3


def test_round_trip_through_a_keras_file(tmp_path):
    for build in (random_architectures.generator, random_architectures.critic):
        network = build(filters=2, nonlinearity="softplus")
        network.save(tmp_path / "network.keras")
        loaded = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True)
        values = RNG.normal(size=(2, *network.input_shape[1:]))
        np.testing.assert_array_equal(network(values), loaded(values))


def test_conditional_networks():
    labels = np.array([0, 2])
    generator = random_architectures.generator(num_classes=3, filters=2)
    assert generator([np.zeros((2, 128)), labels]).shape == (2, 32, 32, 3)
    assert random_architectures.critic(num_classes=3, filters=2)([np.zeros((2, 32, 32, 3)), labels]).shape == (2, 1)


def test_wrong_arguments_are_named():
    for build in (random_architectures.generator, random_architectures.critic):
        with pytest.raises(ValueError, match="depth: expected a multiple of 4; got 6"):
            build(depth=6)
        with pytest.raises(ValueError, match="depth: expected an integer of at least 4, got 0"):
            build(depth=0)
        with pytest.raises(ValueError, match="filters: expected an integer of at least 1, got 0"):
            build(filters=0)
        with pytest.raises(ValueError, match=r"image_shape: expected .* with size 32; got \(64, 64, 3\)"):
            build((64, 64, 3))
        with pytest.raises(ValueError, match='nonlinearity: expected one of "relu", .*; got "elu"|\'elu\''):
            build(nonlinearity="elu")
    with pytest.raises(ValueError, match='normalization: expected one of "batch", None'):
        random_architectures.generator(normalization="layer")
