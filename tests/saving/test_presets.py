"""Presets made of runs: what they give, that training goes on with them, and that they can be verified."""

import json
import os
import shutil
import time

import h5py
import keras
import numpy as np
import pytest
from PIL import Image

import kerasgan
from kerasgan.models import standing_statistics
from kerasgan.saving import manifest, presets, registry, weights_file
from kerasgan.training import runner
from kerasgan.visualization import image_grid
from kerasgan.zoo import card, publish, verify
from tests.conftest import make_gan
from tests.end_to_end.test_cli import command, photos, write_recipe  # noqa: F401  photos is a fixture
from tests.saving.conftest import rewrite_metadata


@pytest.fixture(scope="module")
def run(tmp_path_factory, photos):  # noqa: F811
    """Return a run folder of a conditional model, 4 steps."""
    folder = tmp_path_factory.mktemp("run")
    return runner.train(write_recipe(folder / "tiny.yaml", photos, steps=4, labels="true"), folder / "runs")


@pytest.fixture(scope="module")
def zoo_of_run(run, tmp_path_factory):
    """Return the zoo folder in which that run is published."""
    zoo = tmp_path_factory.mktemp("zoo")
    publish.publish(run, zoo, licence="none: noise", float16=True, training=True)
    return zoo


@pytest.fixture
def published(zoo_of_run, tmp_path, monkeypatch):
    """Return a copy of that zoo folder, where names are looked up."""
    zoo = shutil.copytree(zoo_of_run, tmp_path / "zoo")
    monkeypatch.setattr(registry, "FOLDER", zoo)
    return zoo


def newest(run):
    return kerasgan.load(run / "checkpoints" / "step-00000004.keras")


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


def test_the_card_is_made_of_the_runs_own_numbers(published, run):
    text = (published / "presets" / "tiny" / "README.md").read_text()
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    about = json.loads((run / "run.json").read_text())
    for said in (
        "# tiny",
        f"critic loss {last['critic_loss']:.3f}",
        f"critic {about['trainable_parameters']['critic']:,}",
        f"tensorflow {about['versions']['tensorflow']}",
        "objective: SGAN, 4 training steps of 8 images",
        "Licence: none: noise. Classes: boots, coats.",
        "kernels stored in float16, which changes the picture by 0",
        "- command: `kerasgan train ",
        "tiny.yaml --steps 4`",
        "ema_decay: 0.999",
        "None was measured.",
        "`kerasgan zoo verify tiny --data PATH` makes the grid anew",
        'gan = kerasgan.from_preset("tiny", training=True)  # critic and optimizers too: fit goes on',
    ):
        assert said in text, said


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


@pytest.mark.parametrize("prior", [None, kerasgan.latents.GaussianMixture(8, 5)])
def test_float16_halves_kernels_and_hardly_changes_images(tmp_path, prior):
    gan = make_gan(latent=prior)
    for variable in gan.generator.variables:  # images of full contrast, as those of a trained network
        if len(variable.shape) > 1:
            variable.assign(variable * 25)
    sampler = standing_statistics.copied(gan)
    sampler.generator.set_weights(gan.generator.get_weights())
    exact = sampler.sample(64).astype(int)
    assert exact.std() > 60
    presets.save(sampler, tmp_path / "whole", {}, "# it\n")
    weights_file.round_to_float16(sampler.generator.variables + sampler.latent.variables)
    presets.save(sampler, tmp_path / "half", {}, "# it\n", float16=True)
    rounded = kerasgan.from_preset(tmp_path / "half").sample(64).astype(int)
    assert 0 < np.abs(rounded - exact).mean() <= 1
    np.testing.assert_array_equal(rounded, sampler.sample(64))
    kinds = set()
    with h5py.File(tmp_path / "half" / "model.weights.h5") as file:
        file.visititems(
            lambda name, item: kinds.add((item.ndim > 1, item.dtype.name)) if isinstance(item, h5py.Dataset) else None
        )
    assert kinds - {(False, "int64"), (False, "uint32")} == {(True, "float16"), (False, "float32")}
    sizes = [(tmp_path / name / "model.weights.h5").stat().st_size for name in ("half", "whole")]
    assert sizes[0] < 0.75 * sizes[1]


def test_the_same_weights_give_the_same_bytes(small_gan, tmp_path):
    sampler = standing_statistics.copied(small_gan())
    sampler.save_weights(tmp_path / "a.weights.h5")
    for name in ("b", "c"):
        weights_file.store_as_float16(tmp_path / "a.weights.h5", tmp_path / name)
        time.sleep(1.1)  # HDF5 knows seconds
    assert (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()


def test_a_number_beyond_float16_keeps_its_kernel_whole(small_gan):
    sampler = standing_statistics.copied(small_gan())
    kernels = [variable for variable in sampler.generator.variables if len(variable.shape) > 1]
    large = kernels[0].numpy() + 1e-4
    large.flat[0] = 70000.0
    kernels[0].assign(large)
    before = kernels[1].numpy()
    weights_file.round_to_float16(sampler.generator.variables)
    np.testing.assert_array_equal(kernels[0].numpy(), large)
    np.testing.assert_array_equal(kernels[1].numpy(), before.astype(np.float16))


def test_verify_passes_what_was_published_and_fails_what_differs(published, monkeypatch, capsys):
    status, out, err = command(monkeypatch, capsys, "zoo", "verify", "tiny")
    assert (status, err) == (0, "") and "grid: " in out and out.endswith("verified: tiny\n")
    folder = published / "presets" / "tiny"
    picture = np.asarray(Image.open(folder / "samples.png"), int)
    for change, good in ((0, True), (1, True), (3, False)):
        shifted = np.clip(picture + np.where(picture > 127, -change, change), 0, 255)
        Image.fromarray(shifted.astype(np.uint8)).save(folder / "samples.png")
        rewrite_metadata(folder)
        status, out, err = command(monkeypatch, capsys, "zoo", "verify", folder)
        assert (status == 0) == good, (change, out, err)
        if not good:
            assert status == 1 and f"error: {folder}: grid: {change:.4f} of 255" in err and err.count("\n") == 1
    one = picture.copy()  # a sixteenth of the images is another: little in the mean of all
    left, top, right, bottom = image_grid.cells(16, 32, 32, 2)[0][5]
    one[top:bottom, left:right] = np.clip(one[top:bottom, left:right] - 3, 0, 255)
    assert 0 < np.abs(one - picture).mean() < 0.5
    Image.fromarray(one.astype(np.uint8)).save(folder / "samples.png")
    rewrite_metadata(folder, tolerance={"grid_levels": 255.0, "metrics": 99.0, "shares": 1.0})
    with pytest.raises(
        verify.NotReproduced, match=r"grid: [23]\.\d+ of 255 levels on average in image 6 of 16, at most 1"
    ):
        verify.verify(folder)
    Image.fromarray(picture[:-1].astype(np.uint8)).save(folder / "samples.png")
    rewrite_metadata(folder)
    with pytest.raises(verify.NotReproduced, match="grid: inf"):
        verify.verify(folder)


def test_the_numbers_of_the_card_are_measured_anew(run, photos, tmp_path, monkeypatch, capsys):  # noqa: F811
    scores, zoo = tmp_path / "scores.json", tmp_path / "zoo"
    measured = ["evaluate", run, "--metrics", "fid,prdc", "--features", "garments", "-n", 64, "--out", scores]
    assert command(monkeypatch, capsys, *measured)[0] == 0
    publish.publish(run, zoo, licence="none: noise", evaluation=scores)
    other = copied(run, tmp_path / "elsewhere")  # of the same name, and another model
    (checkpoint,) = (other / "checkpoints").glob("step-00000004.keras")
    newest(run).save(checkpoint)
    with pytest.raises(ValueError, match="evaluation: expected numbers of .*another file of that name"):
        publish.publish(other, tmp_path / "other", licence="none: noise", evaluation=scores)
    folder = zoo / "presets" / "tiny"
    results = json.loads(scores.read_text())["results"]
    published = json.loads((folder / "metadata.json").read_text())["metrics"]
    assert [number["value"] for number in published] == [number["value"] for number in results]
    typed = "kerasgan evaluate tiny --metrics fid,prdc --features garments -n 64"
    assert {(number["protocol"]["model"], number["protocol"]["command"]) for number in published} == {("tiny", typed)}
    text = (folder / "README.md").read_text()
    assert f"| fd[garments] | {results[0]['value']:.5g} | " in text and "`kerasgan evaluate " in text
    assert registry.load(zoo)["tiny"].metrics[0] == {
        "name": "fd[garments]",
        "value": results[0]["value"],
        "samples": 64,
    }
    status, _, err = command(monkeypatch, capsys, "zoo", "verify", folder)
    assert status == 1 and "expected --data, the path of its data" in err
    again = ["zoo", "verify", folder, "--data", photos]
    status, out, err = command(monkeypatch, capsys, *again)
    assert status == 0 and out.count(" on the card: 0.00%") == len(results) == 5, (out, err)

    def change(key, value, protocol=False):
        changed = json.loads(json.dumps(results))
        (changed[0]["protocol"] if protocol else changed[0])[key] = value
        facts = json.loads((folder / "metadata.json").read_text())
        (folder / "README.md").write_text(card.text({**facts, "metrics": changed}))
        rewrite_metadata(folder, metrics=changed)
        return command(monkeypatch, capsys, *again)

    status, _, err = change("value", results[0]["value"] * 1.1)
    assert status == 1 and f"{folder}: fd[garments]: " in err and "9.09%, at most 5%" in err
    assert command(monkeypatch, capsys, "zoo", "verify", folder, "--no-metrics")[0] == 0
    status, _, err = change("reference_samples", 123456, protocol=True)
    assert status == 1 and "fd[garments]: reference_samples: here 32, 123456 on the card" in err
    status, _, err = change("network_weights", "0" * 16, protocol=True)
    assert status == 1 and f"network_weights: here {results[0]['protocol']['network_weights']!r}, '0000" in err
    status, _, err = change("network", str(tmp_path / "mine.keras"), protocol=True)
    assert status == 1 and "fd[garments]: expected a feature network of garments, " in err
    status, _, err = change("value", float("nan"))
    assert status == 1 and "metadata.json: metrics.0.value: Input should be a finite number" in err


def test_shares_may_differ_by_a_few_samples_and_numbers_that_are_none_by_nothing():
    for name, old, new, good in (
        ("recall[x]", 0.0, 0.002, True),
        ("recall[x]", 0.0, 0.0021, False),
        ("recall[x]", 0.5, 0.524, True),
        ("recall[x]", 0.5, 0.526, False),
        ("fd[x]", 0.01, 0.0104, True),
        ("fd[x]", 0.01, 0.0106, False),
        ("fd[x]", 0.0, 0.0, True),
        ("fd[x]", 0.0, 1e-9, False),
        ("fd[x]", 0.01, float("nan"), False),
    ):
        assert verify._compared({"name": name, "value": old}, new)[1] is good, (name, old, new)


def test_verify_fails_on_a_card_and_files_that_say_something_else(published, run, tmp_path, monkeypatch, capsys):
    folder = published / "presets" / "tiny"
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    card_text = kept["README.md"].decode()

    def refused(said, stated=True, **files):
        for name, content in {**kept, **files}.items():
            (folder / name).write_bytes(content)
        if stated:
            rewrite_metadata(folder)
        status, out, err = command(monkeypatch, capsys, "zoo", "verify", folder)
        assert status == 1 and said in err and err.count("\n") == 1, (out, err)

    refused("README.md: expected ", stated=False, **{"README.md": b"# Trained by aliens\n"})
    refused("README.md: line 1: expected '---', as kerasgan", **{"README.md": b"# Trained by aliens\n"})
    for old, new in (("none: noise.", "MIT."), ("ema_decay: 0.999", "ema_decay: 0.9"), ("\n", "\r\n")):
        refused("README.md: line ", **{"README.md": card_text.replace(old, new).encode()})
    refused("; got 'Better than any other!'", **{"README.md": f"{card_text}Better than any other!".encode()})
    refused("README.md: line ", **{"README.md": b"\xff" * 2**20})
    refused(
        "samples.png: no PNG that can be read", **{"samples.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"}
    )
    (folder / "README.md").unlink()
    refused("samples.png: expected SHA-256", stated=False, **{"samples.png": kept["samples.png"][:-1] + b"x"})
    (folder / "samples.png").write_bytes(kept["samples.png"])
    facts = json.loads(kept["metadata.json"])
    (folder / "README.md").write_text(card.text({**facts, "metrics": [{**NUMBER, "value": 0.0001}]}))
    rewrite_metadata(folder, metrics=[NUMBER])
    status, _, err = command(monkeypatch, capsys, "zoo", "verify", folder, "--no-metrics")
    assert (
        status == 1
        and "README.md: line 18: expected '      value: 0.5', as" in err
        and "got '      value: 0.0001'" in err
    )


def test_metadata_of_which_no_card_can_be_made_are_no_crash(published):
    folder = published / "presets" / "tiny"
    for change in ({"data": {}}, {"image_shape": 3}, {"versions": None}, {"image_shape": [1] * 4}, {"weights": []}):
        kept = (folder / "metadata.json").read_bytes()
        rewrite_metadata(folder, **change)
        with pytest.raises(verify.NotReproduced, match="metadata.json: expected what `zoo publish` writes"):
            verify.verify(folder)
        (folder / "metadata.json").write_bytes(kept)


def test_a_card_whose_words_have_changed_is_written_anew(published, monkeypatch):
    folder = published / "presets" / "tiny"
    before = (folder / "README.md").read_text()
    (folder / "README.md").write_text(before.replace("## Training", "## How it was trained"))
    publish.renew_card("tiny", published)
    assert (folder / "README.md").read_text() == before
    assert verify.verify("tiny", metrics=False)[0].startswith("grid: ")
    entry = registry.load(published)["tiny"]
    assert all(manifest.problem(folder / name, file) is None for name, file in entry.files.items())


NUMBER = {
    "name": "fd[garments]",
    "value": 0.5,
    "std": None,
    "caveats": [],
    "protocol": {
        "network": "garments",
        "samples": 64,
        "reference": "photos",
        "reference_samples": 40,
        "features": 128,
        "seed": 0,
        "notes": [],
        "command": "kerasgan evaluate",
    },
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"training": 3}, "training: "),
        ({"metrics": [1]}, "metrics.0: "),
        ({"metrics": [{"name": "x"}]}, "metrics.0.value: Field required"),
        ({"grid": [1]}, "grid: "),
        ({"grid": {"n": 10**9, "seed": 0, "truncation": None, "columns": 8}}, "grid.n: Input should be less than"),
        ({"tolerance": {"grid_levels": float("nan"), "metrics": 0.05}}, "tolerance.grid_levels: "),
        ({"tolerance": None}, "needs a tolerance"),
        ({"recipe": 3}, "recipe: "),
        ({"name": ["a"]}, "name: "),
    ],
)
def test_metadata_that_say_something_else_are_refused(published, monkeypatch, capsys, change, said):
    folder = published / "presets" / "tiny"
    rewrite_metadata(folder, **change)
    for arguments in (["info", folder], ["verify", folder]):
        status, _, err = command(monkeypatch, capsys, "zoo", *arguments)
        assert status == 1 and f"{folder}: metadata.json: " in err and said in err and err.count("\n") == 1, err


def test_what_a_stranger_wrote_does_not_command_the_terminal(published, monkeypatch, capsys):
    folder = published / "presets" / "tiny"
    rewrite_metadata(folder, summary="\x1b[2J\x1b]0;owned\x07Nice.")
    status, out, _ = command(monkeypatch, capsys, "zoo", "info", folder)
    assert status == 0 and "tiny: ?[2J?]0;owned?Nice." in out and "\x1b" not in out


def test_publishing_refuses_before_anything_is_written(published, run, tmp_path, monkeypatch, capsys):
    before = {path: path.stat().st_mtime_ns for path in published.rglob("*")}
    bad = tmp_path / "bad.json"
    bad.write_text('{"results": [{"name": "fd[x]", "value": 1}]}')
    of_another, of_trained = tmp_path / "another.json", tmp_path / "trained.json"
    newest_of_run = str(run / "checkpoints" / "step-00000004.keras")
    of_split, narrow = tmp_path / "split.json", tmp_path / "narrow.json"
    for path, changes in (
        (of_another, {"model": "runs/1-a/checkpoints/x.keras"}),
        (of_trained, {"weights": "trained"}),
        (of_split, {"reference": "fashion_mnist test at 32 x 32"}),
        (narrow, {"notes": ["features in bfloat16"]}),
    ):
        own = {"model": newest_of_run, "weights": "moving average"}
        path.write_text(json.dumps({"results": [NUMBER | {"protocol": NUMBER["protocol"] | own | changes}]}))
    for arguments, said in (
        ([run, "--licence", "MIT"], "has a preset tiny; choose another name, or say --overwrite"),
        ([run, "--licence", " ", "--name", "b"], "licence: expected the licence of the data"),
        ([run, "--licence", "MIT", "--name", "../b"], "name: expected letters, digits"),
        ([run, "--licence", "MIT", "--name", "b", "--evaluation", bad], "expected what `kerasgan evaluate --out`"),
        ([run, "--licence", "MIT", "--name", "b", "--evaluation", tmp_path / "c"], "no such evaluation"),
        ([tmp_path, "--licence", "MIT", "--name", "b"], "expected a run folder"),
        ([run, "--licence", "MIT", "--name", "b\n"], "name: expected letters, digits"),
        ([run, "--licence", "MIT", "--name", "b", "--source", "ftp://there"], "ftp://there"),
        (
            [run, "--licence", "MIT", "--name", "b", "--evaluation", of_another],
            "has those of runs/1-a/checkpoints/x.keras",
        ),
        ([run, "--licence", "MIT", "--name", "b", "--evaluation", of_trained], "got one of 'trained'"),
        ([run, "--licence", "MIT", "--name", "b", "--evaluation", of_split], "which zoo verify measures anew; got one"),
        (
            [run, "--licence", "MIT", "--name", "b", "--evaluation", narrow],
            "was measured with features in another prec",
        ),
    ):
        status, _, err = command(monkeypatch, capsys, "zoo", "publish", *arguments, "--zoo", published)
        assert status == 1 and said in err and err.count("\n") == 1, err
    assert {path: path.stat().st_mtime_ns for path in published.rglob("*")} == before
    again = [run, "--licence", "MIT", "--overwrite", "--zoo", published, "--source", "hf://someone/tiny"]
    status, out, err = command(monkeypatch, capsys, "zoo", "publish", *again)
    assert (status, err) == (0, "") and f"preset: {published / 'presets' / 'tiny'}, " in out
    entry = registry.load(published)["tiny"]
    assert entry.source == "hf://someone/tiny" and "training.json" not in entry.files


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


def copied(run, to):
    """Return a copy of the run folder, to be changed."""
    return shutil.copytree(run, to / run.name)


def test_the_card_is_of_the_checkpoint_and_of_all_fits(run, tmp_path):
    changed = copied(run, tmp_path / "a")
    rows = [(2, 30.0), (3, 1.0), (4, 5.0), (9, 900.0)]  # stopped after 30 seconds, resumed, killed at step 9
    lines = [json.dumps({"step": step, "seconds": time, "critic_loss": float(step)}) for step, time in rows]
    (changed / "metrics.jsonl").write_text("\n".join(lines) + '\n{"step": 1')  # the last line torn
    facts = json.loads((publish.publish(changed, tmp_path / "zoo", licence="x") / "metadata.json").read_text())
    assert facts["training"]["last"] == {"critic_loss": 4.0} and facts["training"]["seconds"] == 35.0
    fits = [
        (0, 1, 5.0),
        (0, 2, 10.0),
        (2, 3, 15.0),
        (2, 4, 30.0),
    ]  # the second fit's first line took longer than the first
    lines = [json.dumps({"step": step, "seconds": time, "fit_from": first}) for first, step, time in fits]
    (changed / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    folder = publish.publish(changed, tmp_path / "zoo", licence="x", overwrite=True)
    assert json.loads((folder / "metadata.json").read_text())["training"]["seconds"] == 40.0
    (changed / "metrics.jsonl").write_text("")
    folder = publish.publish(changed, tmp_path / "zoo", licence="x", overwrite=True)
    assert "last logged means: none" in (folder / "README.md").read_text()
    (changed / "run.json").write_text('{"command": ')
    with pytest.raises(ValueError, match="run.json: expected what `kerasgan train` writes"):
        publish.publish(changed, tmp_path / "zoo", licence="x", overwrite=True)


def test_the_nearest_images_are_not_found_by_what_the_generator_was_trained_to_please(run, tmp_path, monkeypatch):
    monkeypatch.setattr(kerasgan.GAN, "trained_against", "garments")
    with pytest.raises(
        ValueError, match="nearest: expected a feature network other than garments, which the generator"
    ):
        publish.publish(run, tmp_path / "zoo", licence="x", nearest="garments")
    assert not (tmp_path / "zoo").exists()


def test_an_interrupted_publish_leaves_what_was_there(published, run, monkeypatch):
    before = {path.relative_to(published): path.read_bytes() for path in published.rglob("*") if path.is_file()}
    for function in ("picture", "_entry"):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(publish, function, interrupt)
            publish.publish(run, published, licence="other", overwrite=True)
    replace = os.replace

    def fail(source, target):
        if os.path.basename(target) == "tiny":
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(os, "replace", fail)
        publish.publish(run, published, licence="other", overwrite=True)
    assert {path.relative_to(published): path.read_bytes() for path in published.rglob("*") if path.is_file()} == before
    kerasgan.from_preset("tiny")


def interrupt(*arguments):
    raise KeyboardInterrupt


def test_two_publishers_at_once_both_reach_the_registry(published, run, monkeypatch):
    drawn = publish.picture

    def meanwhile(sampler, grid):
        monkeypatch.setattr(publish, "picture", drawn)
        publish.publish(run, published, name="first", licence="x")
        return drawn(sampler, grid)

    monkeypatch.setattr(publish, "picture", meanwhile)
    publish.publish(run, published, name="second", licence="x")
    assert set(registry.load(published)) == {"tiny", "first", "second"}


def test_rounding_that_shows_is_refused(run, tmp_path, monkeypatch):
    def spoil(variables):
        for variable in variables:
            variable.assign(variable * 3)

    monkeypatch.setattr(weights_file, "round_to_float16", spoil)
    with pytest.raises(ValueError, match="float16: expected to change the picture by at most 1 of 255 levels"):
        publish.publish(run, tmp_path / "zoo", licence="x", float16=True)
    assert not (tmp_path / "zoo").exists()


def test_a_training_state_must_be_one(published):
    folder = published / "presets" / "tiny"
    for one, other in zip(manifest.TRAINING, manifest.GENERATOR):
        shutil.copy(folder / other, folder / one)
    rewrite_metadata(folder)
    with pytest.raises(ValueError, match="training.json: expected a GAN with its critic; it holds a Sampler"):
        kerasgan.from_preset(folder, training=True)
