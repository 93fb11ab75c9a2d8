"""`from_preset` and `save_to_preset` of the classes, and `list_presets`."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from tests.conftest import make_gan


def test_a_compiled_gan_goes_on_from_its_preset(tmp_path):
    gan = make_gan()
    images = np.random.default_rng(0).integers(0, 256, (32, 32, 32, 1), "uint8")
    data = tf.data.Dataset.from_tensor_slices(images).batch(16)
    gan.fit(data, epochs=1, verbose=0)
    folder = gan.save_to_preset(tmp_path / "mine")
    again = type(gan).from_preset(folder)
    assert type(again) is type(gan) and again.compiled and int(again.step) == int(gan.step) > 0
    np.testing.assert_array_equal(again.sample(3, seed=5), gan.sample(3, seed=5))
    for one in (gan, again):
        one.fit(data, epochs=1, verbose=0)
    for mine, other in zip(gan.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def test_a_sampler_is_the_generator_alone(tmp_path):
    gan = make_gan()
    folder = gan.save_to_preset(tmp_path / "mine")
    for load in (kerasgan.Sampler.from_preset, kerasgan.from_preset):
        sampler = load(folder)
        assert type(sampler) is kerasgan.Sampler
        np.testing.assert_array_equal(sampler.sample(3, seed=5), gan.sample(3, seed=5))
    saved_again = sampler.save_to_preset(tmp_path / "sampler")
    np.testing.assert_array_equal(kerasgan.from_preset(saved_again).sample(2), gan.sample(2))
    with pytest.raises(ValueError, match="published without critic and optimizers"):
        kerasgan.GAN.from_preset(saved_again)


def test_another_class_is_refused(tmp_path):
    gan = make_gan()
    folder = gan.save_to_preset(tmp_path / "mine")
    assert type(kerasgan.GAN.from_preset(folder)) is type(gan)
    with pytest.raises(
        ValueError, match=f"mine: expected a preset of LSGAN; it is one of {type(gan).__name__}: load it with kerasgan."
    ):
        kerasgan.LSGAN.from_preset(folder)


def test_a_folder_is_replaced_only_where_that_is_said(tmp_path):
    gan = make_gan()
    gan.save_to_preset(tmp_path / "mine")
    with pytest.raises(FileExistsError, match="mine exists"):
        gan.save_to_preset(tmp_path / "mine")
    gan.save_to_preset(tmp_path / "mine", overwrite=True)
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="folder: expected a preset, to replace it; .*project is something else"):
        gan.save_to_preset(tmp_path / "project", overwrite=True)
    assert (tmp_path / "project" / "thesis.txt").read_text() == "mine"
    with pytest.raises(FileExistsError, match="thesis.txt is something else"):
        gan.save_to_preset(tmp_path / "project" / "thesis.txt", overwrite=True)


def test_the_list_has_what_can_be_loaded_and_takes_no_tensorflow():
    known = kerasgan.list_presets()
    assert known["biggan_fashion_mnist"].num_classes == 10 and known["biggan_fashion_mnist"].size > 10**5
    assert all(entry.files and entry.convert is None for entry in known.values())
    code = "import kerasgan, sys; kerasgan.list_presets(); print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "False"]
