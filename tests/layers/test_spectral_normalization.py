"""Spectral normalization against NumPy's singular values, PyTorch and the paper's equations."""

import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasgan.layers import SpectralNormalization

# name: layer, shape of the inputs (`None`: the integers 0 to 6), and how its kernel becomes PyTorch's weight
CASES = {
    "dense": (lambda: layers.Dense(4), (6, 7), (1, 0)),
    "conv1d": (lambda: layers.Conv1D(4, 3, padding="same"), (2, 9, 5), (2, 1, 0)),
    "conv2d": (lambda: layers.Conv2D(4, 4, strides=2, padding="same"), (2, 8, 8, 5), (3, 2, 0, 1)),
    "conv2d_transpose": (lambda: layers.Conv2DTranspose(4, 4, strides=2, padding="same"), (2, 3, 3, 7), (3, 2, 0, 1)),
    "embedding": (lambda: layers.Embedding(7, 4), None, (0, 1)),
}
SCRIPT = pathlib.Path(__file__).with_name("spectral_two_replicas.py")


@pytest.fixture(params=CASES)
def case(request):
    return request.param


def inputs_of(name):
    shape = CASES[name][1]
    if shape is None:
        return np.arange(7, dtype="int32")
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def make(name, **arguments):
    """Return the wrapped layer, its kernel and bias filled with numbers, u and v as they were made from them."""
    numbers = np.random.default_rng(0)
    layer = CASES[name][0]()
    layer.build(CASES[name][1])
    for variable in layer.variables:
        variable.assign(numbers.normal(size=variable.shape))
    wrapped = SpectralNormalization(layer, u_initializer=keras.initializers.RandomNormal(seed=0), **arguments)
    wrapped.build(CASES[name][1])
    return wrapped


def start_at(wrapped, seed):
    """Give u a random direction, far from the singular vector, and v zeros."""
    u = np.random.default_rng(seed).normal(size=wrapped.u.shape).astype("float32")
    u /= np.linalg.norm(u)
    wrapped.u.assign(u)
    wrapped.v.assign(np.zeros(wrapped.v.shape))
    return u


def converge(wrapped, updates=300):
    update = tf.function(wrapped.update)
    for _ in range(updates):
        update()


def matrix_of(name, kernel):
    """The paper's W, written out: one row for each output channel."""
    if name == "embedding":
        return kernel
    if name == "conv2d_transpose":
        return np.stack([kernel[:, :, channel, :].ravel() for channel in range(4)])
    return np.stack([kernel[..., channel].ravel() for channel in range(4)])


def largest(matrix):
    return np.linalg.svd(matrix.astype("float64"), compute_uv=False)[0]


def test_sigma_is_the_largest_singular_value_of_the_matrix_with_output_channels_as_rows(case):
    wrapped = make(case)
    start_at(wrapped, 5)
    converge(wrapped)
    kernel = wrapped.kernel.numpy()
    sigma = largest(matrix_of(case, kernel))
    np.testing.assert_allclose(wrapped.sigma, sigma, rtol=1e-5)
    if kernel.ndim > 2:  # the matrices one may take by mistake have other singular values
        for axis in range(kernel.ndim):
            other = largest(np.moveaxis(kernel, axis, -1).reshape(-1, kernel.shape[axis]))
            right = kernel.ndim - (2 if case == "conv2d_transpose" else 1)
            assert (abs(other / sigma - 1) < 1e-6) == (axis == right)


@pytest.mark.parity
@pytest.mark.parametrize("power_iterations", [1, 3])
def test_outputs_and_gradients_equal_those_of_pytorch(case, power_iterations):
    import torch

    module, to_torch = {
        "dense": (lambda: torch.nn.Linear(7, 4), lambda x: x),
        "conv1d": (lambda: torch.nn.Conv1d(5, 4, 3, padding=1), lambda x: np.moveaxis(x, -1, 1)),
        "conv2d": (lambda: torch.nn.Conv2d(5, 4, 4, 2, padding=1), lambda x: np.moveaxis(x, -1, 1)),
        "conv2d_transpose": (lambda: torch.nn.ConvTranspose2d(7, 4, 4, 2, padding=1), lambda x: np.moveaxis(x, -1, 1)),
        "embedding": (lambda: torch.nn.Embedding(7, 4), lambda x: x),
    }[case]
    order = CASES[case][2]
    wrapped = make(case, power_iterations=power_iterations)
    # the older of PyTorch's two, whose iteration has the paper's order: v, then u
    theirs = torch.nn.utils.spectral_norm(module(), n_power_iterations=power_iterations)
    theirs.weight_orig.data = torch.tensor(np.transpose(wrapped.kernel.numpy(), order))
    theirs.weight_u.data = torch.tensor(start_at(wrapped, 2))
    if case != "embedding":
        theirs.bias.data = torch.tensor(wrapped.layer.bias.numpy())

    inputs = inputs_of(case)
    x = tf.constant(inputs)
    their_x = torch.tensor(to_torch(inputs).copy(), requires_grad=case != "embedding")
    probe = np.random.default_rng(3).normal(size=wrapped.compute_output_shape(inputs.shape)).astype("float32")
    for _ in range(3):  # steps, with the kernel moved in between: u goes on from where it was
        wrapped.update()
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = wrapped(x, training=True)
            loss = tf.reduce_sum(outputs * probe)
        wanted = [wrapped.kernel] + ([] if case == "embedding" else [wrapped.layer.bias, x])
        ours = tape.gradient(loss, wanted)

        theirs.zero_grad()
        their_x.grad = None
        their_outputs = theirs.train()(their_x)
        (their_outputs * torch.tensor(to_torch(probe).copy())).sum().backward()

        close = {"rtol": 1e-5, "atol": 1e-5}
        np.testing.assert_allclose(to_torch(outputs.numpy()), their_outputs.detach(), **close)
        np.testing.assert_allclose(np.transpose(ours[0].numpy(), order), theirs.weight_orig.grad, **close)
        np.testing.assert_allclose(wrapped.u, theirs.weight_u, **close)
        if case != "embedding":
            np.testing.assert_allclose(ours[1], theirs.bias.grad, **close)
            np.testing.assert_allclose(to_torch(ours[2].numpy()), their_x.grad, **close)
        theirs.eval()  # in inference neither moves u
        np.testing.assert_allclose(to_torch(wrapped(x, training=False).numpy()), theirs(their_x).detach(), **close)

        wrapped.kernel.assign_sub(0.3 * ours[0])
        theirs.weight_orig.data -= 0.3 * theirs.weight_orig.grad


def test_gradient_of_a_linear_functional_is_orthogonal_to_the_kernel(case):
    wrapped = make(case)
    converge(wrapped)
    x = inputs_of(case)
    probe = np.random.default_rng(3).normal(size=wrapped.compute_output_shape(x.shape)).astype("float32")

    def cosine(layer):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x) * probe)
        gradient = tf.convert_to_tensor(tape.gradient(loss, wrapped.kernel))
        kernel = wrapped.kernel.numpy()
        return float(tf.reduce_sum(gradient * kernel) / tf.norm(gradient) / np.linalg.norm(kernel))

    assert abs(cosine(wrapped)) < 1e-5
    assert abs(cosine(wrapped.layer)) > 1e-3  # that is not so without normalization


def test_gradient_is_the_papers_equation_12():
    wrapped = make("dense")
    converge(wrapped)
    x = inputs_of("dense")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(wrapped(x) ** 2)
    gradient = tape.gradient(loss, wrapped.kernel).numpy().T

    w = wrapped.kernel.numpy().T.astype("float64")
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    h = x @ w.T / s[0] + wrapped.layer.bias.numpy()
    delta = 2 * h  # the loss's gradient with respect to the outputs
    plain = delta.T @ x
    penalty = (plain * w / s[0]).sum()  # lambda = E[delta^T (W h)], the bias apart
    np.testing.assert_allclose(gradient, (plain - penalty * np.outer(u[:, 0], vt[0])) / s[0], rtol=1e-4, atol=1e-4)


def test_gradient_equals_finite_differences_of_a_numpy_layer():
    numbers = np.random.default_rng(0)
    x, probe = numbers.normal(size=(5, 6)), numbers.normal(size=(5, 4))
    wrapped = SpectralNormalization(layers.Dense(4, activation="tanh", dtype="float64"))
    wrapped.build(x.shape)
    wrapped.kernel.assign(numbers.normal(size=(6, 4)))
    wrapped.layer.bias.assign(numbers.normal(size=4))
    converge(wrapped)
    kernel, bias = wrapped.kernel.numpy(), wrapped.layer.bias.numpy()

    def loss(kernel):
        return (np.tanh(x @ (kernel / largest(kernel)) + bias) * probe).sum()

    with tf.GradientTape() as tape:
        ours = tf.reduce_sum(wrapped(x) * probe)
    gradient = tape.gradient(ours, wrapped.kernel).numpy()
    np.testing.assert_allclose(ours, loss(kernel), rtol=1e-12)
    step = 1e-5
    for index in np.ndindex(kernel.shape):
        up, down = kernel.copy(), kernel.copy()
        up[index] += step
        down[index] -= step
        np.testing.assert_allclose(gradient[index], (loss(up) - loss(down)) / (2 * step), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("power_iterations", [1, 2, 5])
def test_update_is_so_many_iterations_and_calls_move_nothing(case, power_iterations):
    wrapped = make(case, power_iterations=power_iterations)
    u = start_at(wrapped, 7).astype("float64")
    kernel = wrapped.kernel.numpy()
    x = inputs_of(case)

    wrapped.update()
    w = matrix_of(case, kernel)
    for _ in range(power_iterations):
        v = w.T @ u
        v /= np.linalg.norm(v)
        u = w @ v
        u /= np.linalg.norm(u)
    np.testing.assert_allclose(wrapped.u, u, atol=1e-6)
    np.testing.assert_allclose(wrapped.sigma, u @ w @ v, rtol=1e-6)
    if case != "conv2d_transpose":  # there v has another order
        np.testing.assert_allclose(wrapped.v, v, atol=1e-6)

    before = [variable.numpy() for variable in wrapped.variables]
    compiled = tf.function(wrapped)
    for training in (True, False):
        np.testing.assert_allclose(compiled(x, training=training), wrapped(x, training=training), atol=1e-6)
    for variable, old in zip(wrapped.variables, before, strict=True):
        np.testing.assert_array_equal(variable, old, err_msg=variable.path)
    np.testing.assert_array_equal(wrapped.kernel, kernel)

    compiled_update = tf.function(wrapped.update)
    compiled_update()
    assert np.abs(wrapped.u.numpy() - u).max() > 1e-5
    np.testing.assert_array_equal(wrapped.kernel, kernel)


def test_a_kernel_starts_close_to_norm_1_and_a_seed_names_its_u():
    seeded = keras.initializers.RandomNormal
    built = [
        SpectralNormalization(layers.Conv2D(64, 4, kernel_initializer=seeded(seed=1)), u_initializer=seeded(seed=seed))
        for seed in (2, 2, 3)
    ]
    built[1] = SpectralNormalization.from_config(built[1].get_config())
    for wrapped in built:
        wrapped.build((None, 8, 8, 32))
        np.testing.assert_allclose(np.linalg.norm(wrapped.u), 1, rtol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(wrapped.v), 1, rtol=1e-5)
        assert 1 - 1e-6 < largest(wrapped.kernel.numpy().reshape(-1, 64)) / wrapped.sigma < 1.06
    np.testing.assert_array_equal(built[0].u, built[1].u)
    assert np.abs(built[0].u.numpy() - built[2].u.numpy()).max() > 1e-3


def channels_first_runs():
    try:
        layers.Conv2D(1, 1, data_format="channels_first")(np.zeros((1, 1, 2, 2)))
    except tf.errors.OpError:
        return False
    return True


@pytest.mark.parametrize(
    "layer, shape",
    [
        (lambda: layers.Dense(4, activation="relu", use_bias=False), (2, 3, 5)),
        (lambda: layers.Conv2D(6, 3, groups=2, activation="tanh"), (2, 6, 6, 4)),
        (lambda: layers.Conv2D(6, 3, dilation_rate=2, use_bias=False), (2, 8, 8, 4)),
        (lambda: layers.Conv2D(6, 3, strides=(2, 1), data_format="channels_first"), (2, 4, 8, 8)),
        (lambda: layers.Conv1D(6, 3, padding="causal", dilation_rate=2), (2, 8, 4)),
        (lambda: layers.Conv2DTranspose(6, 3, strides=2, output_padding=1, activation="relu"), (2, 4, 4, 3)),
        (lambda: layers.Conv2DTranspose(6, (3, 2), use_bias=False, data_format="channels_first"), (2, 3, 4, 4)),
        (lambda: layers.Embedding(9, 4), None),
    ],
)
def test_the_layer_is_called_as_it_is_with_another_kernel(layer, shape):
    if getattr(layer(), "data_format", None) == "channels_first" and not channels_first_runs():
        pytest.skip("TensorFlow convolves channels last alone here, as it does with one thread")
    x = np.array([[0, 8], [3, 3]]) if shape is None else np.random.default_rng(0).normal(size=shape).astype("float32")
    keras.utils.set_random_seed(0)  # of some kernels sigma is nearly 1
    wrapped, plain = SpectralNormalization(layer()), layer()
    outputs = wrapped(x)
    plain(x)
    plain.set_weights(wrapped.layer.get_weights())
    plain.variables[0].assign(wrapped.kernel / wrapped.sigma)
    np.testing.assert_allclose(outputs, plain(x), atol=1e-6)
    assert np.abs(outputs - wrapped.layer(x)).max() > 1e-3
    assert tuple(wrapped.compute_output_shape(x.shape)) == tuple(outputs.shape)
    assert len(wrapped.trainable_variables) == len(plain.variables)


def network():
    """A functional model with a layer of each type."""
    images, labels = keras.Input((8, 8, 3)), keras.Input((), dtype="int32")
    x = SpectralNormalization(layers.Conv2D(4, 4, 2, padding="same", activation="relu"))(images)
    x = SpectralNormalization(layers.Conv2DTranspose(6, 4, 2, padding="same"), power_iterations=2)(x)
    x = layers.Reshape((64, 6))(x)
    x = SpectralNormalization(layers.Conv1D(5, 3))(x)
    x = SpectralNormalization(layers.Dense(4), epsilon=1e-6)(layers.GlobalAveragePooling1D()(x))
    x = layers.Dot(1)([x, SpectralNormalization(layers.Embedding(10, 4))(labels)])
    return keras.Model([images, labels], x)


def test_models_are_saved_cloned_and_exported_with_u(tmp_path):
    model = network()
    images, labels = np.random.default_rng(0).normal(size=(3, 8, 8, 3)).astype("float32"), np.array([0, 4, 9], "int32")
    normalized = [layer for layer in model._flatten_layers() if isinstance(layer, SpectralNormalization)]
    assert len(normalized) == 5
    for layer in normalized:
        start_at(layer, 3)
        layer.update()
    outputs = model([images, labels]).numpy()

    model.save(tmp_path / "model.keras")
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    for other in (keras.saving.load_model(tmp_path / "model.keras"), clone):
        np.testing.assert_allclose(other([images, labels]), outputs, atol=1e-6)
        assert [v.path.split("/")[-1] for v in other.variables] == [v.path.split("/")[-1] for v in model.variables]
        for ours, theirs in zip(model.variables, other.variables, strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)
        again = [layer for layer in other._flatten_layers() if isinstance(layer, SpectralNormalization)]
        assert [layer.power_iterations for layer in again] == [1, 2, 1, 1, 1]
        assert [layer.epsilon for layer in again] == [1e-12, 1e-12, 1e-12, 1e-6, 1e-12]
        for ours, theirs in zip(normalized, again, strict=True):
            ours_u = ours.u.numpy()
            theirs.update()  # its own variables, not shared ones
            np.testing.assert_array_equal(ours.u, ours_u)

    archive = keras.export.ExportArchive()
    archive.track(model)
    specs = [tf.TensorSpec((None, 8, 8, 3)), tf.TensorSpec((None,), tf.int32)]
    archive.add_endpoint("serve", lambda x, y: model([x, y], training=False), input_signature=specs)
    archive.write_out(str(tmp_path / "exported"), verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    np.testing.assert_allclose(exported.serve(images, labels), outputs, atol=1e-6)


def test_stateless_calls_use_the_given_values():
    wrapped = make("dense")
    x = inputs_of("dense")
    other = make("dense")
    for number, variable in enumerate(other.variables):
        variable.assign(np.random.default_rng(10 + number).normal(size=variable.shape))
    trainable, fixed = [[v.value for v in part] for part in (other.trainable_variables, other.non_trainable_variables)]
    outputs, _ = wrapped.stateless_call(trainable, fixed, x)
    np.testing.assert_allclose(outputs, other(x), rtol=1e-6)


def test_masks_and_activity_losses_of_the_layer_are_kept():
    tokens = keras.Input((None,), dtype="int32")
    embedding = SpectralNormalization(layers.Embedding(5, 4, mask_zero=True))
    embedded = embedding(tokens)
    np.testing.assert_array_equal(embedding.compute_mask(np.array([[1, 2, 0]])), [[True, True, False]])
    dense = SpectralNormalization(layers.Dense(2, activity_regularizer=keras.regularizers.L2(0.5)))
    model = keras.Model(tokens, layers.GlobalAveragePooling1D()(dense(embedded)))
    full = model(np.array([[1, 2, 0]])).numpy()
    assert len(model.losses) == 1 and model.losses[0] > 0
    np.testing.assert_allclose(model(np.array([[1, 2]])), full, rtol=1e-5)


def test_two_replicas_update_to_the_same_u_and_take_the_step_of_one(tmp_path):
    subprocess.run([sys.executable, SCRIPT, tmp_path / "out.npz"], check=True, timeout=120)
    out = np.load(tmp_path / "out.npz")
    for name in ("u", "v"):
        first, second = out[f"replicas {name}"]
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, out[f"one {name}"], atol=1e-5)
        assert np.abs(first - out[f"before {name}"]).max() > 1e-3
    assert out["replicas gradients"].shape[0] == 2
    np.testing.assert_allclose(out["replicas gradients"].sum(0), out["one gradient"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(out["replicas kernel"], np.stack([out["one kernel"]] * 2), atol=1e-5)
    assert np.abs(out["one kernel"] - out["before kernel"]).max() > 1e-3


@pytest.mark.parametrize("layer", [layers.BatchNormalization, lambda: layers.DepthwiseConv2D(3), layers.ReLU])
def test_other_layers_are_refused(layer):
    layer = layer()
    with pytest.raises(ValueError) as raised:
        SpectralNormalization(layer)
    for name in (type(layer).__name__, "Dense", "Conv1D", "Conv2D", "Conv2DTranspose", "Embedding"):
        assert name in str(raised.value)


@pytest.mark.parametrize("arguments", [{"power_iterations": n} for n in (0, -1, 1.5, True)] + [{"epsilon": 0.0}])
def test_numbers_that_are_not_positive_are_refused(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        SpectralNormalization(layers.Dense(2), **arguments)


@pytest.mark.slow
def test_lora_and_quantized_layers_are_refused():
    quantized = layers.Dense(4)
    quantized.build((None, 4))
    quantized.quantize("int8")
    for layer in (layers.Dense(4, lora_rank=2), quantized):
        with pytest.raises(ValueError, match="LoRA"):
            SpectralNormalization(layer)
