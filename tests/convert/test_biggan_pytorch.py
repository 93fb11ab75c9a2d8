"""Weights of ajbrock/BigGAN-PyTorch: the converted networks compute what that code was recorded to compute."""

import pathlib

import numpy as np
import pytest

from kerasgan.convert import biggan_pytorch

RECORDINGS = pathlib.Path(__file__).parents[1] / "data"
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
