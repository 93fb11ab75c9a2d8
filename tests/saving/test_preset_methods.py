"""`from_preset` and `save_to_preset` of the classes, and `list_presets`."""

import json
import math
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.metrics.evaluation.evaluator import batch_norm_note, sampler_of
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


def test_the_generator_of_a_preset_is_trained_on(tmp_path):
    """Of a moving average, too, which itself is frozen."""
    gan = make_gan()
    gan.generator.layers[1].trainable = False
    frozen = len(gan.generator.non_trainable_variables)
    kerasgan.from_preset(gan.save_to_preset(tmp_path / "gan")).export_keras(tmp_path / "generator.keras")
    for model in (kerasgan.from_preset(tmp_path / "gan"), kerasgan.standing_statistics(gan, passes=1)):
        assert len(model.generator.non_trainable_variables) == frozen
        again = type(gan)(model.generator, make_gan().critic, latent=model.latent)
        again.compile()
        before = [variable.numpy() for variable in again.generator.trainable_variables]
        again.fit(np.random.default_rng(0).integers(0, 256, (16, 32, 32, 1), "uint8"), batch_size=8, verbose=0)
        moved = [
            np.abs(variable.numpy() - old).max() for variable, old in zip(again.generator.trainable_variables, before)
        ]
        assert min(moved) > 0


def test_a_preset_of_before_whose_generator_was_written_frozen_is_trained_on():
    generator = kerasgan.from_preset("hinge_fashion_mnist").generator
    known = kerasgan.list_presets()["hinge_fashion_mnist"].parameters
    assert sum(math.prod(variable.shape) for variable in generator.trainable_variables) == known


def test_a_model_says_whose_weights_it_has_wherever_it_goes(tmp_path):
    gan = make_gan()
    sampler = kerasgan.from_preset(gan.save_to_preset(tmp_path / "preset"))
    sampler.save(tmp_path / "sampler.keras")
    copies = [sampler, kerasgan.load(tmp_path / "sampler.keras"), kerasgan.Sampler.from_config(sampler.get_config())]
    copies.append(kerasgan.standing_statistics(gan, passes=2, batch_size=8))
    for index, copy in enumerate(copies):
        assert copy.averaged
        folder = copy.save_to_preset(tmp_path / f"again {index}")
        assert json.loads((folder / "metadata.json").read_text())["weights"] == {"which": "moving average"}
    assert batch_norm_note(copies[-1], "moving average") == "batch norm with standing statistics (2 batches of 8)"
    assert batch_norm_note(sampler, "moving average").startswith("batch norm with the moving average's own statistics")
    trained, weights = sampler_of(gan, "trained")
    assert weights == "trained" and not trained.averaged


@keras.saving.register_keras_serializable(package="mine")
class Twice(keras.layers.Layer):
    """A layer of a user's own."""

    def call(self, inputs):
        return 2 * inputs


def test_a_preset_that_could_not_be_loaded_is_not_written(tmp_path):
    gan = make_gan()
    own = keras.Model(gan.generator.inputs, keras.ops.tanh(Twice()(gan.generator.outputs[0])))
    with pytest.raises(ValueError, match="sampler: names '.*Twice'.* no class of kerasgan.*`save` writes files"):
        kerasgan.Sampler(own).save_to_preset(tmp_path / "own")
    assert not (tmp_path / "own").exists()
    critic = keras.Model(gan.critic.inputs, Twice()(gan.critic.outputs[0]))
    mixed = type(gan)(gan.generator, critic)
    mixed.compile()
    with pytest.warns(UserWarning, match="critic and optimizers: names '.*Twice'.*The preset has the generator alone"):
        folder = mixed.save_to_preset(tmp_path / "generator alone")
    np.testing.assert_array_equal(kerasgan.from_preset(folder).sample(2), mixed.sample(2))


def test_a_folder_of_keras_is_no_preset(tmp_path):
    gan = make_gan()
    for _ in range(2):  # it is replaced
        gan.save(tmp_path / "model", zipped=False)
    with pytest.raises(FileExistsError, match="folder: expected a preset, to replace it"):
        gan.save_to_preset(tmp_path / "model", overwrite=True)
    assert type(keras.saving.load_model(tmp_path / "model")) is type(gan)
    gan.save_to_preset(tmp_path / "preset")
    with pytest.raises(FileExistsError, match="filepath: expected a model saved by Keras, to replace it"):
        gan.save(tmp_path / "preset", zipped=False)
