"""Weights of brownvc/R3GAN: images, logits, losses, penalties and gradients are those recorded of that code."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import save_file

import kerasgan
from kerasgan.models.batch import Batch
from kerasgan.training import run_folder
from kerasgan.zoo.convert import r3gan
from tests.end_to_end.test_cli import command
from tests.networks.numpy_layers import parameters
from tests.zoo.convert.test_biggan_pytorch import part

RECORDINGS = pathlib.Path(__file__).parents[2] / "data"
KINDS = ("uncond", "cond")


def recorded(kind):
    return np.load(RECORDINGS / f"r3gan_16_{kind}.npz")


def images_of(array):
    return tf.constant(array.transpose(0, 2, 3, 1))


@pytest.fixture(scope="module", params=KINDS)
def both(request):
    """(recording, GAN of the converted networks, real batch, generated batch)."""
    recording = recorded(request.param)
    generator, critic = r3gan.generator(part(recording, "G")), r3gan.critic(part(recording, "D"))
    classes = 5 if request.param == "cond" else None
    gan = kerasgan.R3GAN(generator, critic, num_classes=classes, gamma=float(recording["gamma"]))
    labels = tf.constant(recording["y"], tf.int32) if classes else None
    z = tf.constant(recording["z"])
    real = Batch(images_of(recording["real"]), labels, purpose=("real", 0))
    fake = Batch(generator([z, labels] if classes else z), labels, purpose=("fake", 0))
    return recording, gan, real, fake


def test_images_and_logits_are_those_recorded(both):
    recording, gan, real, fake = both
    np.testing.assert_allclose(fake.images, images_of(recording["image"]), atol=1e-4, rtol=1e-4)
    for batch, name in ((real, "real_logit"), (fake, "fake_logit")):
        np.testing.assert_allclose(gan.score(batch)[:, 0], recording[name], atol=1e-4, rtol=1e-4)
    assert np.abs(recording["image"]).max() > 0.5


def check_gradients(recording, prefix, convert, network, gradients):
    """Convert the recorded gradients as if they were weights, and compare them with ours variable by variable."""
    tensors = part(recording, prefix)
    kernels = {name: value for name, value in tensors.items() if name.endswith("Resampler.Kernel")}
    wanted = convert(
        {
            **kernels,
            **{
                name.removeprefix(f"{prefix}_grad/"): recording[name]
                for name in recording.files
                if name.startswith(f"{prefix}_grad/")
            },
        }
    )
    for variable, gradient, value in zip(
        network.trainable_variables, gradients, wanted.trainable_variables, strict=True
    ):
        largest = np.abs(value.numpy()).max()
        assert largest > 0, variable.path
        gradient = tf.convert_to_tensor(gradient).numpy()
        np.testing.assert_allclose(
            gradient, value.numpy(), atol=1e-4 * max(largest, 1e-2), rtol=1e-4, err_msg=variable.path
        )


def test_the_critics_loss_penalties_and_gradients_are_those_recorded(both):
    recording, gan, real, fake = both
    with tf.GradientTape() as tape:
        loss = gan.critic_loss(real, fake)
    r1, r2 = (float(gan.trackers[name].result()) for name in ("r1", "r2"))
    np.testing.assert_allclose([r1, r2], [recording["r1"].mean(), recording["r2"].mean()], rtol=1e-4)
    expected = recording["d_loss"].mean() + recording["gamma"] / 2 * (recording["r1"] + recording["r2"]).mean()
    np.testing.assert_allclose(loss, expected, atol=1e-5, rtol=1e-4)
    gradients = tape.gradient(loss, gan.critic.trainable_variables)
    check_gradients(recording, "D", r3gan.critic, gan.critic, gradients)


def test_the_generators_loss_and_gradients_are_those_recorded(both):
    recording, gan, real, fake = both
    z = tf.constant(recording["z"])
    gan.fake = lambda like, *purpose: like._replace(
        images=gan.generator(z if like.labels is None else [z, like.labels], training=True)
    )
    with tf.GradientTape() as tape:
        loss = gan.generator_loss(real)
    np.testing.assert_allclose(loss, recording["g_loss"].mean(), atol=1e-5, rtol=1e-4)
    check_gradients(
        recording, "G", r3gan.generator, gan.generator, tape.gradient(loss, gan.generator.trainable_variables)
    )


def test_names_of_the_training_code_and_samplers():
    tensors = {f"Model.{name}": value for name, value in part(recorded("cond"), "G").items()}
    sampler = r3gan.sampler(tensors)
    assert sampler.num_classes == 5 and sampler.sample(2, labels=3).shape == (2, 16, 16, 3)
    assert parameters(sampler.generator) == sum(
        value.size for name, value in tensors.items() if not name.endswith("Resampler.Kernel")
    )


def test_the_command_makes_a_preset_of_it(tmp_path, monkeypatch, capsys):
    recording = recorded("uncond")
    save_file(
        {name: np.ascontiguousarray(value) for name, value in part(recording, "G").items()}, tmp_path / "G.safetensors"
    )
    preset = tmp_path / "r3gan"
    arguments = ("convert", "r3gan", tmp_path / "G.safetensors", preset)
    status, _, err = command(monkeypatch, capsys, *arguments, "--epsilon", "1e-5")
    assert status == 1 and err == "error: --epsilon: expected none for r3gan, which has no batch norm; got 1e-05\n"
    status, out, err = command(monkeypatch, capsys, *arguments)
    assert (status, err) == (0, "") and out == f"preset: {preset}\n"
    loaded, wanted = run_folder.load_model(preset), images_of(recording["image"])
    np.testing.assert_allclose(loaded.generator(recording["z"]), wanted, atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(loaded(recording["z"]), np.clip(wanted, -1, 1), atol=1e-4, rtol=1e-4)
    assert "with 3 channels, converted by" in (preset / "README.md").read_text()


def test_what_does_not_fit_is_named():
    tensors = part(recorded("uncond"), "G")
    name = "MainLayers.1.Layers.1.LinearLayer2.Layer.weight"
    with pytest.raises(ValueError, match=f"R3GAN generator: expected a tensor {name}; there is none"):
        r3gan.generator({key: value for key, value in tensors.items() if key != name})
    with pytest.raises(ValueError, match=r"R3GAN generator: expected no tensor extra.weight"):
        r3gan.generator({**tensors, "extra.weight": np.zeros(3)})
    with pytest.raises(ValueError, match=r"expected .*NonLinearity1.Bias of shape \(32,\); got \(5,\)"):
        r3gan.generator({**tensors, "MainLayers.1.Layers.1.NonLinearity1.Bias": np.zeros(5)})
    with pytest.raises(ValueError, match=r"expected MainLayers.1.Layers.0.Resampler.Kernel of \[1, 3, 3, 1\]"):
        r3gan.generator({**tensors, "MainLayers.1.Layers.0.Resampler.Kernel": np.ones((4, 4)) / 16})
    with pytest.raises(ValueError, match="R3GAN critic: expected tensors MainLayers.0 to MainLayers.2 at least"):
        r3gan.critic({"x": np.zeros(3)})
