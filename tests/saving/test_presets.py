"""Presets made of runs: what they give, and that training goes on with them."""

import json
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

import kerasgan
from kerasgan.models import standing_statistics
from kerasgan.saving import manifest, presets, registry
from kerasgan.zoo import publish, verify
from tests.end_to_end.test_cli import command
from tests.saving.conftest import newest, rewrite_metadata


def test_a_published_run_samples_under_its_name(published, run):
    sampler = kerasgan.from_preset("tiny")
    assert type(sampler) is kerasgan.Sampler
    wide = newest(run).sample(64, seed=5, labels=1, truncation=0.7).astype(int)
    images = sampler.sample(64, seed=5, labels=1, truncation=0.7).astype(int)
    assert np.abs(images - wide).mean() <= 1
    folder = published / "presets" / "tiny"
    asked_for = {manifest.TRUNCATION, manifest.NEAREST, manifest.CURVE, "critic.weights.h5"}
    assert {path.name for path in folder.iterdir()} == set(manifest.NAMES) - asked_for
    entry = registry.load(published)["tiny"]
    assert (entry.objective, entry.steps, entry.num_classes, entry.recipe) == ("SGAN", 4, 2, "tiny")
    for name, file in entry.files.items():
        assert manifest.problem(folder / name, file) is None
    grid = Image.open(folder / "samples.png")
    expected = kerasgan.pictures.grid(sampler.sample(16, seed=0), columns=2)
    assert np.abs(np.asarray(grid, int) - np.asarray(expected, int)).max() <= 1


def test_classes_keep_their_names(published, run, monkeypatch, capsys):
    folder = published / "presets" / "tiny"
    assert newest(run).class_names == ("boots", "coats")
    for whole in (False, True):
        model = kerasgan.from_preset("tiny", training=whole)
        assert model.class_names == ("boots", "coats")
        np.testing.assert_array_equal(model.sample(2, labels="coats"), model.sample(2, labels=1))
    status, out, err = command(monkeypatch, capsys, "sample", "tiny", "--labels", "boot", "--out", folder / "a.png")
    assert status == 1 and "no class is named 'boot'; did you mean 'boots'? The classes are 'boots', 'coats'" in err
    data = json.loads((folder / "metadata.json").read_text())["data"]
    rewrite_metadata(folder, data=data | {"classes": ["coats", "boots"]})
    publish.renew_card("tiny", published)
    with pytest.raises(
        verify.NotReproduced, match="class names: 'boots', 'coats' in the model, 'coats', 'boots' in metadata"
    ):
        verify.verify(folder, metrics=False)


def test_a_preset_of_before_class_names_takes_those_of_its_metadata(published):
    folder = published / "presets" / "tiny"
    config = json.loads((folder / "config.json").read_text())
    del config["config"]["class_names"]
    (folder / "config.json").write_text(json.dumps(config))
    data = json.loads((folder / "metadata.json").read_text())["data"]
    for classes, names in (
        (["boots", "coats"], ("boots", "coats")),
        (["boots"], None),
        (["boots", "boots"], None),
        (["boots", "\x1b[2J"], None),
        ("ab", None),
        (None, None),
    ):
        rewrite_metadata(folder, data=data | {"classes": classes})
        assert presets.load(folder).class_names == names
    rewrite_metadata(folder, data=7)
    assert presets.load(folder).class_names is None


def states(model):
    """Return all variables of a GAN and its optimizers, by path."""
    return [
        (variable.path, variable.numpy())
        for part in (model, model.generator_optimizer, model.critic_optimizer)
        for variable in part.variables
    ]


def test_the_training_state_is_that_of_the_run(published, run):
    ours, theirs = kerasgan.from_preset("tiny", training=True), newest(run)
    assert type(ours) is kerasgan.SGAN and int(ours.step.numpy()) == 4
    assert ours.get_config() == theirs.get_config() and ours.get_compile_config() == theirs.get_compile_config()
    for (_, one), (path, other) in zip(states(ours), states(theirs), strict=True):
        np.testing.assert_array_equal(one, other, err_msg=path)


@pytest.mark.slow
def test_training_goes_on_as_if_it_had_never_stopped(published, run, images):
    labels = np.arange(len(images)) % 2
    models = newest(run), kerasgan.from_preset("tiny", training=True)
    for model in models:
        model.fit(images, labels, batch_size=8, epochs=1, verbose=0)
        assert int(model.step.numpy()) == 10
    for (_, one), (path, other) in zip(*map(states, models), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6, err_msg=path)


def test_orthogonal_kernels_are_loaded_not_drawn(tmp_path, monkeypatch):
    latents = keras.Input((8,))
    kernel = keras.layers.Dense(16, activation="tanh", kernel_initializer=keras.initializers.Orthogonal(seed=1))
    sampler = kerasgan.Sampler(keras.Model(latents, keras.layers.Reshape((4, 4, 1))(kernel(latents))))
    presets.save(sampler, tmp_path / "it", {}, "# it\n")
    monkeypatch.setattr(keras.ops, "qr", None)
    monkeypatch.setattr("keras.src.initializers.random_initializers.ops.qr", None)
    loaded = kerasgan.from_preset(tmp_path / "it")
    np.testing.assert_array_equal(loaded.sample(4), sampler.sample(4))
    named = [json.dumps(model.get_config()).count('"Orthogonal"') for model in (loaded, sampler)]
    assert named[0] == named[1] > 0
    with pytest.raises(TypeError):
        keras.initializers.Orthogonal()((4, 4))


def test_a_preset_without_training_state_says_so(made, tmp_path):
    presets.save(standing_statistics.copied(made[1]), tmp_path / "generator", {"name": "generator"}, "# it\n")
    with pytest.raises(ValueError, match="published without critic and optimizers; only its generator loads"):
        kerasgan.from_preset(tmp_path / "generator", training=True)
    assert kerasgan.from_preset(tmp_path / "generator").sample(1).shape == (1, 32, 32, 1)


def test_what_a_stranger_wrote_does_not_command_the_terminal(published, monkeypatch, capsys):
    folder = published / "presets" / "tiny"
    rewrite_metadata(folder, summary="\x1b[2J\x1b]0;owned\x07Nice.")
    status, out, _ = command(monkeypatch, capsys, "zoo", "info", folder)
    assert status == 0 and "tiny: ?[2J?]0;owned?Nice." in out and "\x1b" not in out


def test_what_is_known_of_a_preset_is_told_in_words(published, monkeypatch, capsys):
    """A stranger's numbers too, whatever they are."""
    folder = published / "presets" / "tiny"
    weights = {"which": "trained", "dtype": "float16", "levels": 0.00854134}
    training = {"command": "kerasgan train tiny", "steps": 25000, "seconds": 3782.247}
    rewrite_metadata(folder, weights=weights, training=training, objective=[None, True])
    status, out, _ = command(monkeypatch, capsys, "zoo", "info", folder)
    assert status == 0 and "{}" not in out
    told = "weights: trained, stored in float16, which changes the picture by 0.008541 of 255 levels"
    for line in (
        told,
        "steps: 25,000",
        "seconds: 3,782",
        "objective: None, True",
        "critic: yes, --start-from goes on with it",
    ):
        assert line in out.splitlines()


def test_the_classes_in_turn_have_a_column_each(published, tmp_path, monkeypatch, capsys):
    assert [kerasgan.pictures.class_columns(count) for count in (None, 2, 16, 17, 1000)] == [None, 2, 16, None, None]
    for labels, columns in (([], 2), (["--labels", "1"], 3)):
        arguments = ["sample", "tiny", "-n", 6, *labels, "--out", tmp_path / "a.png"]
        assert command(monkeypatch, capsys, *arguments)[0] == 0
        images = kerasgan.from_preset("tiny").sample(6, seed=0, labels=1 if labels else None)
        expected = kerasgan.pictures.grid(images, columns)
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), np.asarray(expected))


def test_commands_take_names(published, run, tmp_path, monkeypatch, capsys):
    status, out, _ = command(monkeypatch, capsys, "zoo", "list")
    assert status == 0 and "tiny  32x32x1  2" in out
    status, out, _ = command(monkeypatch, capsys, "zoo", "info", "tiny")
    assert status == 0 and "licence none: noise" in out and "model.weights.h5: " in out
    status, out, _ = command(monkeypatch, capsys, "zoo", "pull", "tiny", "--training")
    assert status == 0 and out == f"preset: {published / 'presets' / 'tiny'}\n"
    assert command(monkeypatch, capsys, "sample", "tiny", "-n", 4, "--out", tmp_path / "a.png")[0] == 0
    for arguments in (["sample", "tinny"], ["zoo", "info", "tinny"], ["zoo", "verify", "tinny"]):
        status, _, err = command(monkeypatch, capsys, *arguments)
        assert status == 1 and "no preset 'tinny'" in err and "did you mean tiny?" in err and err.count("\n") == 1


def test_what_is_to_be_converted_says_how(zoo, monkeypatch, capsys):
    path = zoo / "registry.json"
    values = json.loads(path.read_text())
    values["presets"]["deep"] = {
        "summary": "Deep.",
        "data": {"name": "imagenet", "licence": "none"},
        "image_shape": [128, 128, 3],
        "num_classes": 1000,
        "parameters": 1,
        "convert": {
            "layout": "pytorch-pretrained-biggan",
            "file": "deep.bin",
            "url": "https://example.com/deep.bin",
        },
    }
    path.write_text(json.dumps(values))
    with pytest.raises(
        ValueError, match="deep: cannot be hosted here.*kerasgan convert pytorch-pretrained-biggan deep.bin deep"
    ):
        kerasgan.from_preset("deep")
    status, out, _ = command(monkeypatch, capsys, "zoo", "info", "deep")
    assert status == 0 and "curl -L -o deep.bin https://example.com/deep.bin" in out
    status, out, _ = command(monkeypatch, capsys, "zoo", "list")
    assert status == 0 and "convert" in out


def test_a_training_state_must_be_one(published):
    folder = published / "presets" / "tiny"
    for one, other in zip(manifest.TRAINING, manifest.GENERATOR):
        shutil.copy(folder / other, folder / one)
    rewrite_metadata(folder)
    with pytest.raises(ValueError, match="training.json: expected a GAN with its critic; it holds a Sampler"):
        kerasgan.from_preset(folder, training=True)
