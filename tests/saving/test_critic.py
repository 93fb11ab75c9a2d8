"""Presets that hold their critic without optimizers, and trainings that begin with a preset."""

import json

import h5py
import keras
import numpy as np
import pytest

import kerasgan
from kerasgan.models import standing_statistics
from kerasgan.saving import manifest, presets, weights_file
from kerasgan.training import runner, start_from
from tests.conftest import make_gan
from tests.saving.conftest import rewrite_metadata


def trained(num_classes=3, **arguments):
    """A GAN with weights of its own, whose kernels float16 holds."""
    gan = make_gan(num_classes=num_classes, ema_decay=0.5, **arguments)
    rng = np.random.default_rng(0)
    for network in (gan.generator, gan.ema_generator, gan.critic):
        for variable in network.variables:
            variable.assign(rng.uniform(0.1, 1.0, variable.shape).astype("float32"))
        weights_file.round_to_float16(network.variables)
    return gan


def saved(gan, folder, critic=True):
    sampler = standing_statistics.copied(gan)
    presets.write(sampler, folder, {"name": folder.name}, "# it\n", gan=gan if critic else None, critic=critic)
    return folder


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """A GAN, and the folder of a preset of it."""
    gan = trained()
    return gan, saved(gan, tmp_path_factory.mktemp("presets") / "small")


def same(mine, theirs):
    for a, b in zip(mine.variables, theirs.variables, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=a.path)


def test_training_begins_with_averaged_generator_and_critic(preset):
    gan, folder = preset
    assert {path.name for path in folder.iterdir()} == {*manifest.CRITIC, manifest.METADATA, manifest.CARD}
    again = kerasgan.from_preset(folder, training=True)
    assert type(again) is kerasgan.SGAN and again.compiled and int(again.step.numpy()) == 0
    sampler = kerasgan.from_preset(folder)
    same(again.critic, gan.critic)
    same(again.generator, sampler.generator)
    same(again.ema_generator, sampler.generator)
    np.testing.assert_array_equal(again.sample(3, labels=1), sampler.sample(3, labels=1))


def test_a_learned_prior_is_the_averaged_one_too(tmp_path):
    gan = trained(latent=kerasgan.latents.GaussianMixture(8, components=3))
    gan.ema_latent.set_weights([weight + 1.0 for weight in gan.ema_latent.get_weights()])
    again = kerasgan.from_preset(saved(gan, tmp_path / "mixture"), training=True)
    for prior in (again.latent, again.ema_latent):
        same(prior, gan.ema_latent)


def test_the_critics_kernels_take_half_the_bytes(preset):
    _, folder = preset
    kinds = set()
    with h5py.File(folder / "critic.weights.h5") as file:
        file.visititems(lambda _, item: kinds.add((item.ndim > 1, item.dtype)) if hasattr(item, "dtype") else None)
    assert kinds == {(True, np.dtype("float16")), (False, np.dtype("float32"))}


def test_a_strangers_critic_must_fit(preset, tmp_path):
    _, folder = preset
    other = saved(trained(num_classes=5), tmp_path / "other")
    config = json.loads((other / "training.json").read_text())
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "training.json").write_text(json.dumps(config))
    rewrite_metadata(copy)
    with pytest.raises(ValueError, match="not a readable preset"):
        kerasgan.from_preset(copy, training=True)
    (copy / "training.json").write_bytes((folder / "config.json").read_bytes())
    rewrite_metadata(copy)
    with pytest.raises(ValueError, match="training.json|expected a GAN with its critic; it holds a Sampler"):
        kerasgan.from_preset(copy, training=True)


def test_an_error_of_the_preset_to_start_from_names_the_argument(tmp_path):
    with pytest.raises(ValueError, match="^start_from: no preset 'nosuch': it is no folder here"):
        start_from.take(None, "nosuch")
    with pytest.raises(FileNotFoundError, match=f"^start_from: {tmp_path}: expected a preset"):
        start_from.take(None, tmp_path)


def test_a_model_starts_from_a_preset_and_says_what_begins_anew(preset, capsys):
    gan, folder = preset
    mine = make_gan(num_classes=2, ema_decay=0.5)
    before = {variable.path: variable.numpy() for variable in mine.critic.variables}
    start_from.take(mine, folder)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and all("begins anew, as there are other classes" in line for line in said)
    anew = [variable for variable in mine.critic.variables if np.array_equal(variable, before[variable.path])]
    assert [tuple(variable.shape)[0] for variable in anew if "embedding" in variable.path] == [2]
    taken = [layer for layer in mine.critic.layers if isinstance(layer, keras.layers.Conv2D)]
    for layer, known in zip(taken, (each for each in gan.critic.layers if isinstance(each, keras.layers.Conv2D))):
        np.testing.assert_array_equal(layer.kernel, known.kernel)


def test_classes_take_the_rows_of_the_same_name(tmp_path, capsys):
    gan = trained()
    sampler = standing_statistics.copied(gan)
    folder = tmp_path / "named"
    facts = {"name": "named", "data": {"classes": ["boot", "coat", "bag"]}}
    presets.write(sampler, folder, facts, "# it\n", gan=gan, critic=True)
    mine = make_gan(num_classes=3, ema_decay=0.5, class_names=["bag", "hat", "boot"])
    parts = [(mine.generator, gan.ema_generator), (mine.ema_generator, gan.ema_generator), (mine.critic, gan.critic)]
    tables = [[next(v for v in part.variables if "embeddings" in v.path) for part in pair] for pair in parts]
    before = [ours.numpy() for ours, _ in tables]
    start_from.take(mine, folder)
    for (ours, theirs), old in zip(tables, before):
        np.testing.assert_allclose(ours.numpy()[[0, 2]], theirs.numpy()[[2, 0]], atol=1e-3)  # float16 in the file
        np.testing.assert_array_equal(ours.numpy()[1], old[1])
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and all(line.endswith("begins anew for 'hat', which the preset has not") for line in said)
    turned = make_gan(num_classes=3, ema_decay=0.5, class_names=["coat", "bag", "boot"])
    start_from.take(turned, folder)
    table = next(v for v in turned.critic.variables if "embeddings" in v.path)
    np.testing.assert_allclose(table.numpy(), tables[2][1].numpy()[[1, 2, 0]], atol=1e-3)
    assert "has the rows of the preset's classes in another order" in capsys.readouterr().err


def test_a_critic_that_tells_classes_needs_the_same_ones(tmp_path):
    networks = kerasgan.networks.dcgan
    generator = networks.generator((32, 32, 1), latent_dim=8, num_classes=2, filters=4)
    critic = networks.critic((32, 32, 1), num_classes=2, filters=4, normalization="layer", auxiliary=True)
    gan = kerasgan.ACWGANGP(generator, critic, num_classes=2, class_names=["boot", "coat"])
    folder = tmp_path / "telling"
    facts = {"name": "telling", "data": {"classes": ["boot", "coat"]}}
    presets.write(standing_statistics.copied(gan), folder, facts, "# it\n", gan=gan, critic=True)
    turned = kerasgan.ACWGANGP(generator, critic, num_classes=2, class_names=["coat", "boot"])
    with pytest.raises(ValueError, match="start_from: expected the classes of .* in its order, as the critic tells"):
        start_from.take(turned, folder)


def test_without_a_critic_it_says_so(preset, tmp_path, capsys):
    gan, _ = preset
    folder = saved(gan, tmp_path / "generator", critic=False)
    mine = make_gan(num_classes=3, ema_decay=0.5)
    start_from.take(mine, folder)
    said = capsys.readouterr().err
    assert said.startswith(f"start_from: {folder} holds no critic: it begins anew, and the generator may forget")
    same(mine.generator, kerasgan.from_preset(folder).generator)


def test_other_networks_are_refused(preset):
    _, folder = preset
    dcgan = kerasgan.networks.dcgan
    critic = dcgan.critic(num_classes=3, filters=4)
    wide = kerasgan.SGAN(dcgan.generator(latent_dim=8, num_classes=3, filters=8), critic, num_classes=3)
    with pytest.raises(
        ValueError, match=r"start_from: expected .* of the generator of the shape that .*: take the recipe"
    ):
        start_from.take(wide, folder)
    for shape, way in (((64, 64, 1), "--set data.image_size=32$"), ((32, 32, 3), "--set data.channels=1$")):
        networks = dcgan.generator(shape, 8, 3, filters=4), dcgan.critic(shape, 3, filters=4)
        with pytest.raises(ValueError, match=rf"start_from: expected data of shape \(32, 32, 1\), as .*: {way}"):
            start_from.take(kerasgan.SGAN(*networks, num_classes=3), folder)


RECIPE = """
name: tiny
data: {arrays: %s, image_size: 32, batch_size: 8, labels: true}
latent: {Normal: {dim: 8}}
generator: {dcgan.generator: {filters: 4}}
critic: {dcgan.critic: {filters: 4, normalization: layer}}
objective: {SGAN: {ema_decay: 0.5}}
generator_optimizer: {SGD: {learning_rate: 0.0}}
critic_optimizer: {SGD: {learning_rate: 0.0}}
train: {steps: 2, start_from: %s, checkpoint_every: 1}
"""


def test_a_preset_that_is_not_there_is_told_of_before_the_data_are_opened(tmp_path):
    (tmp_path / "tiny.yaml").write_text(RECIPE % (tmp_path / "none.npz", "nosuch"))
    with pytest.raises(ValueError, match="^start_from: no preset 'nosuch'"):
        runner.train(tmp_path / "tiny.yaml", tmp_path / "runs")


@pytest.mark.slow
def test_a_recipe_starts_from_a_preset(preset, tmp_path):
    gan, folder = preset
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", x=rng.integers(0, 256, (16, 32, 32, 1), "uint8"), y=np.arange(16) % 3)
    (tmp_path / "tiny.yaml").write_text(RECIPE % (tmp_path / "data.npz", folder))
    run = runner.train(tmp_path / "tiny.yaml", tmp_path / "runs")
    ended = kerasgan.load(run / "checkpoints" / "step-00000002.keras")
    for mine, known in zip(ended.critic.trainable_variables, gan.critic.trainable_variables, strict=True):
        np.testing.assert_array_equal(mine, known, err_msg="at a rate of 0 nothing moves")
    assert f"start_from: {folder}" in (run / "recipe.yaml").read_text()
