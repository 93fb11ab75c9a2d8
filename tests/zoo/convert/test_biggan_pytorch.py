"""Weights of ajbrock/BigGAN-PyTorch: the converted networks compute what that code was recorded to compute."""

import pathlib

import numpy as np
import pytest

from kerasgan.zoo.convert import biggan_pytorch

RECORDINGS = pathlib.Path(__file__).parents[2] / "data"
SIZES = (32, 128)


def recorded(size):
    return np.load(RECORDINGS / f"biggan_pytorch_{size}_ch8.npz")


def part(recording, prefix):
    return {name[2:]: recording[name] for name in recording.files if name.startswith(f"{prefix}/")}


@pytest.mark.parametrize("size", SIZES)
def test_images_are_those_recorded(size):
    recording = recorded(size)
    network = biggan_pytorch.generator(part(recording, "G"))
    images = network([recording["z"], recording["y"]], training=False).numpy()
    np.testing.assert_allclose(images, recording["image"].transpose(0, 2, 3, 1), atol=1e-4)
    assert np.abs(images).max() > 0.05


@pytest.mark.parametrize("size", SIZES)
def test_logits_are_those_recorded(size):
    recording = recorded(size)
    network = biggan_pytorch.critic(part(recording, "D"))
    logits = network([recording["d_input"].transpose(0, 2, 3, 1), recording["y"]]).numpy()
    np.testing.assert_allclose(logits, recording["d_logit"], atol=1e-4, rtol=1e-5)


def test_what_does_not_fit_is_named():
    tensors = part(recorded(32), "G")
    missing = {name: value for name, value in tensors.items() if name != "blocks.1.0.conv2.weight"}
    with pytest.raises(ValueError, match=r"generator: expected a tensor blocks.1.0.conv2.weight; there is none"):
        biggan_pytorch.generator(missing)
    with pytest.raises(ValueError, match=r"generator: expected no tensor extra.weight"):
        biggan_pytorch.generator({**tensors, "extra.weight": np.zeros(3)})
    wrong = {**tensors, "blocks.0.0.conv1.bias": np.zeros(5)}
    with pytest.raises(ValueError, match=r"expected blocks.0.0.conv1.bias of shape \(32,\); got \(5,\)"):
        biggan_pytorch.generator(wrong)


@pytest.mark.parametrize(("build", "prefix"), [(biggan_pytorch.generator, "G"), (biggan_pytorch.critic, "D")])
def test_attention_at_several_sizes_is_taken_in_order(build, prefix):
    """A second attention beside the recorded one, with numbers of its own, in another block."""
    tensors, rng = part(recorded(128), prefix), np.random.default_rng(0)
    [block] = [int(name.split(".")[1]) for name in tensors if name.endswith(".1.gamma")]
    other = 1
    channels = len(tensors[f"blocks.{other}.0.conv2.weight"])
    shapes = {"theta": (channels // 8, channels), "phi": (channels // 8, channels)}
    shapes |= {"g": (channels // 2, channels), "o": (channels, channels // 2)}
    for name, (rows, columns) in shapes.items():
        tensors[f"blocks.{other}.1.{name}.weight"] = rng.normal(size=(rows, columns, 1, 1)).astype("float32")
        tensors[f"blocks.{other}.1.{name}.u0"] = rng.normal(size=(1, rows)).astype("float32")
    tensors[f"blocks.{other}.1.gamma"] = np.float32(0.3)
    network = build(tensors)
    names = ["attention", "attention_1"] if other < block else ["attention_1", "attention"]
    added, recorded_one = (network.get_layer(name) for name in names)
    assert float(added.gamma.numpy()) == pytest.approx(0.3)
    np.testing.assert_allclose(added.query.kernel.numpy()[0, 0].T, tensors[f"blocks.{other}.1.theta.weight"][..., 0, 0])
    np.testing.assert_allclose(recorded_one.gamma, tensors[f"blocks.{block}.1.gamma"])
