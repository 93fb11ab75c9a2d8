"""The Inception network of 2015 with random weights against what torch-fidelity was recorded to compute with them."""

import json

import numpy as np
import pytest

from kerasgan.metrics.features import inception_2015_network
from tests.data import peers

RNG = np.random.default_rng(0)
NAMES = (*inception_2015_network.TAPS, "logits", "logits_unbiased")
SIZES = [(32, 32), (28, 40), (299, 299), (400, 350)]


@pytest.fixture(scope="module")
def state():
    """The weights, by PyTorch's names."""
    return peers.inception_state(json.loads(str(np.load(peers.FILE)["inception/shapes"])))


@pytest.fixture(scope="module")
def network(state):
    return inception_2015_network.convert(state)


def assert_equal_taps(found, wanted):
    for name in NAMES:
        scale = np.std(wanted[name])  # of the differences between features and images, which a constant has not
        assert np.std(wanted[name], axis=0).mean() > 1e-3 * scale > 0
        np.testing.assert_allclose(found[name], wanted[name], rtol=0, atol=1e-4 * scale, err_msg=name)


def test_every_tap_is_torch_fidelitys_from_the_same_bytes(network):
    recorded = np.load(peers.FILE)
    found = network(inception_2015_network.scaled(peers.images(40, 32)))
    assert_equal_taps(found, {name: recorded[f"inception/{name}"] for name in NAMES})


def test_it_has_the_published_number_of_weights(network):
    # keras.applications' Inception v3 has 23,851,784; here batch norms have 17,216 scales and there are 8 more classes
    assert network.count_params() == 23_851_784 + 17_216 + 8 * 2049


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_resizing_is_that_of_tensorflow_1(height, width):
    images = RNG.integers(0, 256, (2, height, width, 3), dtype="uint8")
    # pixel i of the result is at i * scale of the image
    lines = []
    for size in (height, width):
        places = np.arange(299) * size / 299
        low = np.floor(places).astype(int)
        lines.append((low, np.minimum(low + 1, size - 1), places - low))
    rows = [np.take(images.astype("float64"), index, axis=1) for index in lines[0][:2]]
    mixed = rows[0] + (rows[1] - rows[0]) * lines[0][2][:, None, None]
    columns = [np.take(mixed, index, axis=2) for index in lines[1][:2]]
    expected = columns[0] + (columns[1] - columns[0]) * lines[1][2][:, None]
    np.testing.assert_allclose(inception_2015_network.scaled(images), (expected - 128) / 128, atol=2e-4)


def test_a_state_dict_that_is_another_is_named(state):
    missing = {name: value for name, value in state.items() if name != "Mixed_7c.branch_pool.bn.running_var"}
    with pytest.raises(ValueError, match="expected a tensor Mixed_7c.branch_pool.bn.running_var; there is none"):
        inception_2015_network.convert(missing)
    with pytest.raises(ValueError, match="expected no tensor AuxLogits.fc.weight"):
        inception_2015_network.convert({**state, "AuxLogits.fc.weight": state["fc.weight"]})
    with pytest.raises(ValueError, match=r"expected fc.weight of shape \(1008, 2048\); got \(1000, 2048\)"):
        inception_2015_network.convert({**state, "fc.weight": state["fc.weight"][:1000]})
