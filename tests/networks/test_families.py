"""What every family keeps to: inputs, outputs, classes, copies from a configuration, synchronized batch norm."""

import inspect
import typing

import keras
import numpy as np
import pytest

from kerasgan import networks
from kerasgan.networks import char_cnn, dcgan, fastgan, mlp, r3gan, resnet_bottleneck, resnet_cifar, robustness, tgan
from tests.networks import numpy_layers as np_layers

RNG = np.random.default_rng(0)
SMALL = {  # family: image shape, arguments of both networks
    char_cnn: ((6, 5), {"filters": 4, "blocks": 1}),
    dcgan: ((32, 32, 1), {"filters": 2}),
    fastgan: ((16, 16, 1), {"filters": 2}),
    mlp: ((2,), {"width": 8}),
    r3gan: ((16, 16, 1), {"widths": (8, 6, 4), "groups": (2, 3, 1), "blocks": 1}),
    resnet_bottleneck: ((64, 64, 1), {"filters": 4, "blocks": 1}),
    resnet_cifar: ((32, 32, 1), {"filters": 4}),
    robustness: ((32, 32, 1), {"filters": 2, "nonlinearity": "gated"}),
    tgan: ((32, 32, 1), {}),
}


def small(family, part, num_classes=None):
    shape, arguments = SMALL[family]
    given = {"latent_dim": 3} if part == "generator" else {}
    network = getattr(family, part)(image_shape=shape, num_classes=num_classes, **given, **arguments)
    for weight in network.trainable_variables:  # no two classes alike
        weight.assign_add(RNG.normal(0, 0.1, weight.shape))
    return network


def inputs_of(network, rows=4):
    """Random inputs, with labels 0, 1, 2, 2 where the network takes labels."""
    labels = np.array([0, 1, 2, 2] * rows)[:rows].astype("int32")
    arrays = [
        labels if tensor.dtype == "int32" else RNG.uniform(-1, 1, (rows, *tensor.shape[1:])).astype("float32")
        for tensor in network.inputs
    ]
    return arrays if len(arrays) > 1 else arrays[0]


CASES = [
    (family, part, classes)
    for family in SMALL
    for part in ("generator", "critic")
    for classes in (None, 3)
    if hasattr(family, part) and (family, part, classes) != (tgan, "critic", 3)
]


def test_all_families_are_here():
    with_networks = {getattr(networks, name) for name in networks.__all__}
    assert {family for family in with_networks if family in SMALL} == set(SMALL)


@pytest.mark.parametrize(("family", "part"), [case[:2] for case in CASES if case[2] or case[:2] == (tgan, "critic")])
def test_copies_compute_the_same(family, part, tmp_path):
    network = small(family, part, None if (family, part) == (tgan, "critic") else 3)
    given = inputs_of(network)
    out = network(given).numpy()
    copy = type(network).from_config(network.get_config())
    assert not np.allclose(copy(given), out)
    copy.set_weights(network.get_weights())
    np.testing.assert_array_equal(copy(given), out)
    network.save(tmp_path / "network.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "network.keras")(given), out)
    if part == "generator":  # as for the moving average
        copy = keras.models.clone_model(network)
        copy.set_weights(network.get_weights())
        np.testing.assert_array_equal(copy(given), out)


@pytest.mark.parametrize(("family", "part"), [case[:2] for case in CASES if case[2]])
def test_the_class_matters_and_nothing_else_of_the_label_input(family, part):
    network = small(family, part, 3)
    first = inputs_of(network)[0]
    out = [network([first, np.full(4, label, "int32")]).numpy() for label in (0, 1)]
    assert np.abs(out[0] - out[1]).reshape(4, -1).max(1).min() > 1e-6
    mixed = network([first, np.array([0, 1, 1, 0], "int32")]).numpy()
    np.testing.assert_allclose(mixed, np.where(np.reshape([0, 1, 1, 0], (-1, *[1] * (mixed.ndim - 1))), out[1], out[0]),
                               rtol=1e-4, atol=1e-5)  # fmt: skip


@pytest.mark.parametrize(("family", "part", "classes"), CASES)
def test_shapes_and_all_weights_learn_and_batch_norm_is_synchronized(family, part, classes):
    import tensorflow as tf

    network = small(family, part, classes)
    given = inputs_of(network, rows=8)
    out = network(given).numpy()
    assert out.shape == (8, *(SMALL[family][0] if part == "generator" else (1,))) and out.std() > 0
    assert [tensor.shape[0] for tensor in network.inputs] == [None] * len(network.inputs)
    weights = network.trainable_variables
    with tf.GradientTape() as tape:
        loss = keras.ops.sum(network(given, training=True) ** 3)
    gradients = tape.gradient(loss, weights)
    assert [weight.path for weight, gradient in zip(weights, gradients) if gradient is None] == []
    norms = [layer for layer in network._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    assert all(norm.synchronized for norm in norms)
    assert norms or part == "critic" or family in (mlp, char_cnn, r3gan)


@pytest.mark.parametrize("family", SMALL)
def test_arguments_are_typed_and_named_alike(family):
    for part, first in (
        ("generator", ["image_shape", "latent_dim", "num_classes"]),
        ("critic", ["image_shape", "num_classes"]),
    ):
        function = getattr(family, part, None)
        if function is None:  # another family's goes with it
            continue
        assert list(inspect.signature(function).parameters)[: len(first)] == first
        assert set(typing.get_type_hints(function)) == {*inspect.signature(function).parameters, "return"}


def test_outputs_are_float32_under_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        for family, part, classes in CASES:
            if family is resnet_bottleneck or classes is None:  # many layers, but of the others' kinds
                continue
            network = small(family, part, classes)
            out = network(inputs_of(network)).numpy()
            assert out.dtype == "float32" and np.isfinite(out).all(), (family, part, classes)
    finally:
        keras.config.set_dtype_policy(before)


def test_parameters_helper_counts_trainable_ones_only():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()])
    assert np_layers.parameters(model) == 3 * 2 + 2 + 4


@pytest.mark.parametrize(("family", "part", "num_classes"), CASES)
def test_a_frozen_network_is_frozen_when_it_is_made_again(family, part, num_classes):
    network = small(family, part, num_classes)
    assert network.trainable_variables
    for layer in network.layers:
        layer.trainable = False
    for again in (keras.models.clone_model(network), network.from_config(network.get_config())):
        assert not again.trainable_variables


@pytest.mark.parametrize("make", [dcgan.generator, dcgan.critic, resnet_cifar.critic, fastgan.generator])
def test_networks_are_of_images_with_channels_last(make, monkeypatch):
    monkeypatch.setattr(keras.config, "image_data_format", lambda: "channels_first")
    with pytest.raises(ValueError, match="image_data_format: expected .channels_last.*got .channels_first"):
        make(image_shape=(32, 32, 3))
