"""Weight norm against NumPy and PyTorch, and its data-dependent start."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import networks
from kerasgan.layers import WeightNormalization
from kerasgan.models import adapting
from kerasgan.networks import improved_gan
from kerasgan.utils import workers
from tests.networks import numpy_layers as np_layers

RNG = np.random.default_rng(0)
LAYERS = {  # layer, shape of its inputs, axes of the kernel that are no outputs
    "dense": (lambda: keras.layers.Dense(5), (7,), (0,)),
    "conv": (lambda: keras.layers.Conv2D(5, 3, strides=2), (8, 8, 3), (0, 1, 2)),
    "conv1d": (lambda: keras.layers.Conv1D(5, 3), (8, 3), (0, 1)),
    "transposed": (lambda: keras.layers.Conv2DTranspose(5, 3, strides=2), (4, 4, 3), (0, 1, 3)),
}


def built(kind, rows=64, **arguments):
    make, shape, axes = LAYERS[kind]
    keras.utils.set_random_seed(0)
    layer = WeightNormalization(make(), **arguments)
    layer.build((None, *shape))
    layer.gain.assign(RNG.uniform(0.5, 2, 5))
    return layer, RNG.normal(1.0, 2.0, (rows, *shape)).astype("float32"), axes


@pytest.mark.parametrize("kind", LAYERS)
def test_it_computes_with_a_gain_times_the_direction_of_each_outputs_kernel(kind):
    layer, x, axes = built(kind)
    plain = LAYERS[kind][0]()
    plain.build(x.shape)
    kernel = layer.layer.kernel.numpy()
    gain = np.expand_dims(layer.gain.numpy(), axes)
    plain.kernel.assign(gain * kernel / np.sqrt((kernel**2).sum(axis=axes, keepdims=True)))
    plain.bias.assign(layer.layer.bias)
    np.testing.assert_allclose(layer(x), plain(x), rtol=1e-4, atol=1e-4)
    assert layer.compute_output_shape(x.shape) == plain(x).shape


@pytest.mark.parity
@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_gradients_are_those_of_pytorchs_weight_norm(kind):
    torch = pytest.importorskip("torch", reason="needs PyTorch: make parity")
    layer, x, _ = built(kind, rows=4)
    kernel = layer.layer.kernel.numpy().astype("float64")
    theirs = torch.nn.Linear(7, 5) if kind == "dense" else torch.nn.Conv2d(3, 5, 3, stride=2)
    theirs = torch.nn.utils.parametrizations.weight_norm(theirs.double(), dim=0)
    swap = (lambda v: v.T) if kind == "dense" else (lambda v: v.transpose(3, 2, 0, 1))
    with torch.no_grad():
        parts = theirs.parametrizations.weight
        parts.original1.copy_(torch.tensor(np.ascontiguousarray(swap(kernel))))
        gain = torch.tensor(layer.gain.numpy().astype("float64"))
        parts.original0.copy_(gain.reshape(parts.original0.shape))
        theirs.bias.zero_()
    inputs = torch.tensor(x.astype("float64"))
    made = theirs(inputs if kind == "dense" else inputs.permute(0, 3, 1, 2))
    (made**3).sum().backward()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x) ** 3)
    of_kernel, of_gain = tape.gradient(loss, [layer.layer.kernel.value, layer.gain.value])
    wanted = parts.original1.grad.numpy()
    np.testing.assert_allclose(swap(of_kernel.numpy()), wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())
    np.testing.assert_allclose(of_gain, parts.original0.grad.numpy().ravel(), rtol=1e-3)
    # which never changes the length of V at first order
    assert abs((of_kernel.numpy() * kernel).sum()) < 1e-3 * np.abs(wanted).max()


@pytest.mark.parametrize("stddev", [1.0, 0.1])
@pytest.mark.parametrize("kind", LAYERS)
def test_adapted_outputs_have_mean_0_and_the_deviation_asked_for(kind, stddev):
    layer, x, _ = built(kind, stddev=stddev)
    layer.layer.bias.assign(RNG.normal(size=5))
    kernel = layer.layer.kernel.numpy()
    layer.adapt(x)
    made = layer(x).numpy().reshape(-1, 5)
    np.testing.assert_allclose(made.mean(axis=0), 0, atol=1e-3 * stddev)
    np.testing.assert_allclose(made.std(axis=0), stddev, rtol=1e-3)
    np.testing.assert_array_equal(layer.layer.kernel.numpy(), kernel)
    assert bool(layer.adapted.numpy())


def test_without_a_bias_the_outputs_are_scaled_alone():
    layer = WeightNormalization(keras.layers.Dense(3, use_bias=False), stddev=0.5)
    layer.build((None, 4))
    x = RNG.normal(1.0, 2.0, (64, 4)).astype("float32")
    before = layer(x).numpy()
    layer.adapt(x)
    np.testing.assert_allclose(layer(x), 0.5 * before / before.std(axis=0), rtol=1e-4, atol=1e-5)
    layer.adapt(np.ones((8, 4), "float32"))  # outputs that do not differ have no deviation to divide by
    assert np.isfinite(layer.gain.numpy()).all()


def improved(**arguments):
    keras.utils.set_random_seed(0)
    return improved_gan.critic((32, 32, 3), filters=4, minibatch_kernels=6, **arguments)


def test_the_improved_critic_has_the_authors_layers():
    """nn.py and train_cifar10.py: 96, 96, 96/2, 192, 192, 192/2, 192 valid, 192, 192, mean, minibatch, 1."""
    network = improved_gan.critic()
    sizes = [(3, 3, 96), (3, 96, 96), (3, 96, 96), (3, 96, 192), (3, 192, 192), (3, 192, 192), (3, 192, 192)]
    sizes += [(1, 192, 192)] * 2
    trained = sum(k * k * i * o + o for k, i, o in sizes) + 192 * 500 + (292 + 1 + 1)
    assert np_layers.parameters(network) == trained == 1_501_158
    outputs = [layer.output.shape[1] for layer in network.layers if isinstance(layer, WeightNormalization)]
    assert outputs == [32, 32, 16, 16, 16, 8, 6, 6, 6, 1]
    rates = [layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)]
    [noise] = [layer for layer in network.layers if isinstance(layer, keras.layers.GaussianNoise)]
    assert rates == [0.5, 0.5] and noise.stddev == 0.2
    trainable = [layer.train_gain for layer in network.layers if isinstance(layer, WeightNormalization)]
    assert trainable == [False] * 9 + [True]


@pytest.mark.parametrize("classes", [pytest.param(None, marks=pytest.mark.slow), 3])
def test_fit_adapts_layer_by_layer_to_the_first_images_once(classes, tmp_path):
    """Without noise and dropout the outputs before each activation are then as `stddev` says."""
    critic = improved(num_classes=classes, input_noise=0.0, dropout=0.0)
    generator = networks.dcgan.generator((32, 32, 3), latent_dim=4, num_classes=classes, filters=2)
    gan = kerasgan.SGAN(generator, critic, num_classes=classes)
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    images = RNG.integers(0, 256, (24, 32, 32, 3), dtype=np.uint8)
    labels = (np.arange(24) % 3) if classes else None
    data = tf.data.Dataset.from_tensor_slices(images if labels is None else (images, labels)).batch(12)
    gan.fit(data, verbose=0)
    layers = [layer for layer in critic.layers if isinstance(layer, WeightNormalization)]
    inputs = images[:12] / 127.5 - 1
    made = keras.Model(critic.inputs, [layer.output for layer in layers])(
        inputs if labels is None else [inputs, labels[:12]]
    )
    for values, layer in zip(made, layers, strict=True):
        rows = values.numpy().reshape(-1, values.shape[-1])
        np.testing.assert_allclose(rows.mean(axis=0), 0, atol=2e-3)
        np.testing.assert_allclose(rows.std(axis=0), layer.stddev, rtol=5e-3)
    gains = [layer.gain.numpy() for layer in layers]
    gan.save(tmp_path / "improved.keras")
    again = kerasgan.load(tmp_path / "improved.keras")
    for model in (gan, again):
        model.fit(data.map(lambda *rows: (rows[0] // 2, *rows[1:]) if classes else rows[0] // 2), verbose=0)
        found = [layer for layer in model.critic.layers if isinstance(layer, WeightNormalization)]
        for layer, gain in zip(found, gains, strict=True):
            np.testing.assert_array_equal(layer.gain.numpy(), gain)


def test_a_critic_that_compares_images_is_adapted_too():
    x, features = keras.Input((2,)), keras.Input((6,))
    encoder = keras.Model(x, WeightNormalization(keras.layers.Dense(6))(x))
    head = keras.Model(features, WeightNormalization(keras.layers.Dense(1))(features))
    gan = kerasgan.TSGAN(networks.mlp.generator((2,), width=4), networks.PairwiseCritic(encoder, head))
    gan.compile()
    gan.fit(RNG.normal(size=(24, 2)).astype("float32"), batch_size=4, verbose=0)
    assert all(bool(network.layers[-1].adapted.numpy()) for network in (encoder, head))


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="layer: expected one of Dense, Conv1D, .*; got Embedding"):
        WeightNormalization(keras.layers.Embedding(2, 3))
    with pytest.raises(ValueError, match="layer: expected no activation, which is to come after; dense.* has one"):
        WeightNormalization(keras.layers.Dense(2, activation="relu"))
    with pytest.raises(ValueError, match="stddev: expected a positive number or None; got 0"):
        WeightNormalization(keras.layers.Dense(2), stddev=0)
    with pytest.raises(ValueError, match="stddev: expected a positive number or None; got 'x'"):
        WeightNormalization(keras.layers.Dense(2), stddev="x")
    for name, value in (("dropout", 1.0), ("input_dropout", -0.1), ("input_noise", -1)):
        with pytest.raises(ValueError, match=f"{name}: expected a number"):
            improved_gan.critic(**{name: value})
    with pytest.raises(ValueError, match="num_classes: expected a number of classes for the auxiliary classifier"):
        improved_gan.critic(auxiliary=True)


def test_a_mask_is_the_layers():
    words = keras.Input((4,), dtype="int32")
    embedded = keras.layers.Embedding(5, 3, mask_zero=True)(words)
    wanted, found = (
        layer(embedded)._keras_mask for layer in (keras.layers.Dense(2), WeightNormalization(keras.layers.Dense(2)))
    )
    assert wanted is not None and found is not None


def test_data_of_which_each_worker_sees_its_own_rows_are_refused(monkeypatch):
    """Each would begin with a norm of its own, and gradients alone are the same on all."""
    x = keras.Input((2,))
    critic = keras.Model(x, WeightNormalization(keras.layers.Dense(1))(x))
    gan = kerasgan.SGAN(networks.mlp.generator((2,), width=4), critic)
    data = tf.data.Dataset.from_tensor_slices(RNG.normal(size=(24, 2)).astype("float32")).batch(8)
    shared = tf.distribute.MirroredStrategy(["CPU:0"]).experimental_distribute_dataset(data)
    monkeypatch.setattr(workers, "are_several", lambda strategy: True)
    with pytest.raises(ValueError, match="x: expected a tf.data.Dataset, of which every worker .*DistributedDataset"):
        adapting.critic_to_data(gan, shared)
    assert not bool(critic.layers[-1].adapted.numpy())
    adapting.critic_to_data(gan, data)
    assert bool(critic.layers[-1].adapted.numpy())
