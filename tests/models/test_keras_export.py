"""The `.keras` file of a generator alone makes the images of the GAN that it was taken from."""

import zipfile

import numpy as np
import pytest
from typer.testing import CliRunner

import kerasgan
from kerasgan import latents, networks
from kerasgan.models.runtimes import keras
from tests.conftest import make_gan, raise_contrast
from tests.networks import families


@pytest.mark.slow
@pytest.mark.parametrize("name", families.FAMILIES)
def test_each_family_is_read_again(name, tmp_path):
    generator, classes = families.generator(name)
    sampler = kerasgan.Sampler(generator, num_classes=classes)
    rng = np.random.default_rng(0)
    for weight in generator.trainable_variables:
        weight.assign_add(rng.normal(0, 0.1, weight.shape))
    assert keras.export(sampler, tmp_path / "generator.keras") in (0, 1)
    read = kerasgan.load(tmp_path / "generator.keras")
    assert type(read) is kerasgan.Sampler
    np.testing.assert_array_equal(read.sample(3, seed=50), sampler.sample(3, seed=50))
    assert b'"synchronized": true' not in zipfile.ZipFile(tmp_path / "generator.keras").read("config.json")


def test_a_gan_s_average_prior_and_names_are_in_it(tmp_path):
    prior = latents.GaussianMixture(8, components=3)
    names = ["boot", "coat", "hat"]
    gan = make_gan(kerasgan.WGANGP, num_classes=3, critic_steps=1, ema_decay=0.9, latent=prior, class_names=names)
    images, labels = np.random.default_rng(0).integers(0, 256, (32, 32, 32, 1), dtype=np.uint8), np.arange(32) % 3
    gan.fit(images, labels, batch_size=16, verbose=0)
    raise_contrast(gan)
    assert gan.export_keras(tmp_path / "generator.keras") in (0, 1)
    read = kerasgan.load(tmp_path / "generator.keras")
    assert read.class_names == ("boot", "coat", "hat") and type(read.latent) is latents.GaussianMixture
    np.testing.assert_array_equal(read.sample(6, seed=9, truncation=0.8), gan.sample(6, seed=9, truncation=0.8))


def test_no_file_is_left_where_the_images_are_others(monkeypatch, tmp_path):
    gan, other = make_gan(), make_gan()
    raise_contrast(other)
    converted = keras._converted(other)
    monkeypatch.setattr(keras, "_converted", lambda gan: converted)
    with pytest.raises(RuntimeError, match="makes other images than TensorFlow"):
        keras.export(gan, tmp_path / "generator.keras")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_said(tmp_path):
    with pytest.raises(ValueError, match="^filepath: expected a path ending in .keras; got"):
        keras.export(None, tmp_path / "1")
    (tmp_path / "a.keras").touch()
    with pytest.raises(FileExistsError, match="exists; choose another path"):
        keras.export(None, tmp_path / "a.keras")
    points = kerasgan.Sampler(networks.mlp.generator((2,), width=4))
    with pytest.raises(ValueError, match="^gan: expected a generator of images"):
        keras.export(points, tmp_path / "points.keras")
    gan = make_gan()
    gan.generator.weights[0].assign(np.full(gan.generator.weights[0].shape, np.nan))
    with pytest.raises(ValueError, match="^gan: expected finite weights"):
        keras.export(gan, tmp_path / "nan.keras")


def test_the_command(tmp_path):
    from kerasgan.cli.app import app

    make_gan().save(tmp_path / "gan.keras")
    line = ["export", str(tmp_path / "gan.keras"), str(tmp_path / "generator.keras"), "--format", "keras"]
    assert CliRunner().invoke(app, line).stdout.startswith(f"keras: {tmp_path / 'generator.keras'}; its images differ")
    assert type(kerasgan.load(tmp_path / "generator.keras")) is kerasgan.Sampler
