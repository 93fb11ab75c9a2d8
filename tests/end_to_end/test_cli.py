"""The command line as a user runs it, on a folder of small pictures."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import yaml
from PIL import Image

import kerasgan
from kerasgan.cli import app
from kerasgan.models import standing_statistics
from kerasgan.saving import presets
from kerasgan.training import run_folder

QUIET = {
    name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"
}  # as a user's shell has it
RECIPE = """\
name: tiny
data: {{folder: {folder}, channels: 1, batch_size: 8, labels: {labels}}}
latent: {{Normal: {{dim: 8}}}}
generator: {{dcgan.generator: {{filters: 4}}}}
critic: {{dcgan.critic: {{filters: 4}}}}
objective: {{SGAN: {{}}}}
train: {{steps: {steps}, log_every: 2, sample_every: 2, sample_count: 4, checkpoint_every: 2}}
"""


def command(monkeypatch, capsys, *arguments):
    """Run `kerasgan ARGUMENTS` in this process; returns exit status, standard output, standard error."""
    monkeypatch.setattr(sys, "argv", ["kerasgan", *map(str, arguments)])
    try:
        app.main()
        status = 0
    except SystemExit as end:
        status = end.code or 0
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Return a folder of 2 classes of 16 grey pictures."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for name in ("boots", "coats"):
        (folder / name).mkdir()
        for index in range(16):
            Image.fromarray(rng.integers(0, 256, (32, 32), dtype=np.uint8)).save(folder / name / f"{index}.png")
    return folder


def write_recipe(path, photos, steps=5, labels="false"):
    path.write_text(RECIPE.format(folder=photos, steps=steps, labels=labels))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory, photos):
    """Return the folder of a conditional run of 5 steps."""
    from kerasgan.training import runner

    folder = tmp_path_factory.mktemp("trained")
    return runner.train(write_recipe(folder / "tiny.yaml", photos, labels="true"), folder / "runs")


def test_a_run_folder_holds_everything(trained, photos):
    assert trained.name == "00000-tiny"
    names = {path.relative_to(trained).as_posix() for path in trained.rglob("*") if "tfevents" not in path.name}
    assert names == {
        "recipe.yaml",
        "run.json",
        ".train.lock",
        "metrics.jsonl",
        "losses.png",
        "tensorboard",
        "samples",
        *(f"samples/step-0000000{step}.png" for step in (2, 4, 5)),
        "checkpoints",
        *(f"checkpoints/step-0000000{step}.keras" for step in (4, 5)),
    }
    facts = json.loads((trained / "run.json").read_text())
    assert facts["data"] == {"name": photos.name, "images": 32, "classes": ["boots", "coats"]}
    # critic: 3 convolutions 4x4 without bias, 2 batch norms, a logit without bias and a projection from 4x4x16
    critic = 16 * (1 * 4 + 4 * 8 + 8 * 16) + 2 * (8 + 16) + 256 + 2 * 256
    assert facts["trainable_parameters"]["critic"] == critic
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 5]
    assert set(lines[0]) == {"step", "seconds", "fit_from", "images_per_second", "critic_loss", "generator_loss"}


def test_sample_writes_the_models_images(trained, tmp_path, monkeypatch, capsys):
    arguments = ["-n", 3, "--seed", 5, "--labels", "1,0,1", "--truncation", 0.5, "--out", tmp_path / "single"]
    assert command(monkeypatch, capsys, "sample", trained, *arguments)[0] == 0
    gan = kerasgan.load(trained / "checkpoints" / "step-00000005.keras")
    expected = gan.sample(3, seed=5, labels=[1, 0, 1], truncation=0.5)[:, :, :, 0].astype(int)
    images = [np.asarray(Image.open(tmp_path / "single" / f"0000{i}.png")).astype(int) for i in range(3)]
    assert np.abs(np.array(images) - expected).max() <= 1
    status, out, _ = command(monkeypatch, capsys, "sample", trained, "-n", 4, "--out", tmp_path / "grid.png")
    assert status == 0 and f"picture: {tmp_path / 'grid.png'}" in out and Image.open(tmp_path / "grid.png").width >= 512


def test_evaluate_says_a_number_and_its_protocol(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    arguments = ["evaluate", trained, "--metrics", "fid,is", "-n", 40, "--truncation", 0.5, "--seed", 3]
    status, out, err = command(monkeypatch, capsys, *arguments, "--out", tmp_path / "result.json")
    assert status == 0, err
    assert "40 samples of" in out and "step-00000005.keras of moving average weights" in out
    assert "against 32 of photos" in out and "CAUTION: 32 samples of 128 features" in out
    found = {r["name"]: r for r in json.loads((tmp_path / "result.json").read_text())["results"]}
    assert list(found) == ["fd[garments]", "score[garments]"]
    gan = kerasgan.load(trained / "checkpoints" / "step-00000005.keras")
    network = kerasgan.metrics.features.load("garments")
    real = [np.asarray(Image.open(file)) for file in sorted((trained_photos(trained)).glob("*/*.png"))]
    made = network(gan.sample(40, seed=3, truncation=0.5))
    wanted = kerasgan.metrics.frechet.frechet_distance(made["features"], network(np.array(real)[..., None])["features"])
    assert found["fd[garments]"]["value"] == pytest.approx(wanted, rel=1e-3)
    facts = found["fd[garments]"]["protocol"]
    typed = " ".join(map(str, ["kerasgan", *arguments, "--out", tmp_path / "result.json"]))
    assert (facts["samples"], facts["seed"], facts["command"]) == (40, 3, typed)
    again = ["evaluate", trained / "checkpoints" / "step-00000005.keras", "-n", 40, "--truncation", 0.5, "--seed", 3]
    assert f"{found['fd[garments]']['value']:.6g}" in command(monkeypatch, capsys, *again)[1]  # from the kept moments


def test_a_preset_of_a_run_is_measured_against_its_data(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    gan = kerasgan.load(trained / "checkpoints" / "step-00000005.keras")
    facts = {"recipe": yaml.safe_load((trained / "recipe.yaml").read_text())}
    presets.save(standing_statistics.copied(gan), tmp_path / "with", facts, "card")
    presets.save(standing_statistics.copied(gan), tmp_path / "without", {}, "card")
    numbers = []
    for model in (trained, tmp_path / "with"):
        out = tmp_path / "result.json"
        assert command(monkeypatch, capsys, "evaluate", model, "-n", 20, "--out", out)[0] == 0
        numbers.append(json.loads(out.read_text())["results"][0]["value"])
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-4)
    status, _, err = command(monkeypatch, capsys, "evaluate", tmp_path / "without", "-n", 20)
    assert status == 1 and "--data: expected a dataset, a folder, a recipe or a run" in err
    photos = ["--data", trained_photos(trained)]  # which are read in colour, as a folder without a recipe is
    status, _, err = command(monkeypatch, capsys, "evaluate", tmp_path / "without", "-n", 20, *photos)
    assert status == 0, err


def trained_photos(run):
    return pathlib.Path(yaml.safe_load((run / "recipe.yaml").read_text())["data"]["folder"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--metrics", "fid,mode"], "--metrics: expected some of fid"),
        (["--features", "vgg"], "--features: expected one of garments"),
        (["--data", "no_such_dataset"], "--data: TFDS has no dataset 'no_such_dataset'"),
        (["--data", "./nowhere"], "--data: nothing is at nowhere"),
        (["--data", __file__], "--data: expected a folder of pictures, an .npz file, a recipe .* or a run; got .*py"),
        (["--split", "test"], "--split: expected none, as .* is no dataset of TFDS; got 'test'"),
        (["--features-weights", "none.h5"], "no such file: none.h5"),
        (["--truncation", "0"], "--truncation: expected a positive number or None; got 0.0"),
    ],
)
def test_evaluate_names_what_is_wrong(arguments, message, trained, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "result.json"
    status, _, err = command(monkeypatch, capsys, "evaluate", trained, "-n", 20, *arguments, "--out", out)
    assert status == 1 and re.match(f"error: {message}", err) and err.count("\n") == 1 and not out.exists()


def test_evaluate_gives_no_number_of_what_are_no_images(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    rng, folder = np.random.default_rng(0), tmp_path / "folder"
    folder.mkdir()
    Image.fromarray(rng.integers(0, 256, (32, 32), dtype="uint8")).save(folder / "one.png")
    np.savez(tmp_path / "floats.npz", x=rng.random((8, 32, 32, 1)))
    np.savez(tmp_path / "bits.npz", x=rng.integers(0, 2, (8, 32, 32, 1), dtype="uint8"))
    np.savez(tmp_path / "wide.npz", x=rng.integers(0, 256, (8, 32, 32, 5), dtype="uint8"))
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs)))
    model.layers[-1].bias.assign([0.0, np.nan, 0.0])
    model.save(tmp_path / "nan.keras")
    out = tmp_path / "result.json"
    for option, name, message in [
        (
            "--data",
            "floats.npz",
            r"floats must be in .-1, 1., but these go from \S+ to 0.99\d+; of images in .0, 1. give 2 x - 1",
        ),
        ("--data", "bits.npz", "bits.npz: images: expected values from 0 to 255; got 0 and 1 alone"),
        ("--data", "wide.npz", r"expected shape .N, H, W. or .N, H, W, C. with C of 1, 3 or 4 .*got .8, 32, 32, 5."),
        ("--data", "folder", "reference: expected at least 2 images; folder at 32 x 32 has 1"),
        ("--features", "nan.keras", ".*nan.keras: expected finite weights; got NaN or infinity"),
    ]:
        status, _, err = command(
            monkeypatch, capsys, "evaluate", trained, "-n", 20, option, tmp_path / name, "--out", out
        )
        assert status == 1 and re.match(f"error: .*{message}", err), (name, err)
        assert err.count("\n") == 1 and not out.exists(), name
    assert command(monkeypatch, capsys, "evaluate", trained, "-n", 1)[0] == 2


def test_a_recipe_that_measures_while_it_trains(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    recipe = write_recipe(tmp_path / "tiny.yaml", photos, steps=4)
    text = recipe.read_text()
    recipe.write_text(
        text.replace("steps: 4,", "steps: 4, evaluate_every: 2, evaluate_metrics: 'kid,is', evaluate_n: 20,")
    )
    status, out, err = command(monkeypatch, capsys, "train", recipe, "--out", tmp_path)
    assert status == 0, err
    run = tmp_path / "00000-tiny"
    assert "kd[garments]" in out and "20 samples of step 2 of moving average weights" in out
    lines = [json.loads(line) for line in (run / "evaluation.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert [result["name"] for result in lines[0]["results"]] == ["kd[garments]", "score[garments]"]
    assert (run / "best.keras").is_file() and Image.open(run / "evaluation.png").width > 500
    best = min(lines, key=lambda line: line["results"][0]["value"])
    again = ["evaluate", run / "best.keras", "--metrics", "kid", "-n", 20, "--out", tmp_path / "again.json"]
    assert command(monkeypatch, capsys, *again)[0] == 0
    [found] = json.loads((tmp_path / "again.json").read_text())["results"]
    assert found["value"] == pytest.approx(best["results"][0]["value"], rel=1e-3, abs=1e-6)


def test_seeds_and_walks_of_the_command_are_those_of_the_model(trained, tmp_path, monkeypatch, capsys):
    gan = run_folder.load_model(trained)
    lines = {
        "some": (["--seeds", "3-5,9"], gan.sample(4, seed=[3, 4, 5, 9])),
        "walk": (["-n", 3, "--seed", 3, "--to-seed", 9, "--labels", 1], gan.interpolate(3, 9, 3, labels=1)),
    }
    for name, (arguments, images) in lines.items():
        assert command(monkeypatch, capsys, "sample", trained, *arguments, "--out", tmp_path / name)[0] == 0
        shown = np.stack([np.asarray(Image.open(path)) for path in sorted((tmp_path / name).iterdir())])
        assert np.abs(shown.astype(int) - images[..., 0]).max() <= 1
    status, _, err = command(monkeypatch, capsys, "sample", trained, "--seeds", "1-2", "--to-seed", 4)
    assert status == 1 and err.startswith("error: --seeds: expected alone")
    assert command(monkeypatch, capsys, "sample", trained, "--to-seed", 4, "--out", tmp_path / "a.gif")[0] == 1


def test_what_cannot_be_measured_fails_before_a_run_is_made(photos, tmp_path, monkeypatch, capsys):
    recipe = write_recipe(tmp_path / "tiny.yaml", photos)
    text = (
        recipe.read_text()
        .replace("channels: 1", "channels: 3")
        .replace("steps: 5,", "steps: 5, evaluate_every: 2, evaluate_features: garments,")
    )
    recipe.write_text(text)
    status, _, err = command(monkeypatch, capsys, "train", recipe, "--out", tmp_path)
    assert status == 1 and "expected grey images, as garments takes; got 3 channels" in err
    assert not (tmp_path / "00000-tiny").exists()


def test_export_refuses_to_replace_a_version(trained, tmp_path, monkeypatch, capsys):
    assert command(monkeypatch, capsys, "export", trained, tmp_path / "m" / "1")[0] == 0
    status, _, err = command(monkeypatch, capsys, "export", trained, tmp_path / "m" / "1")
    assert status == 1 and err.startswith("error: ") and "overwrite" in err and err.count("\n") == 1
    assert command(monkeypatch, capsys, "export", trained, tmp_path / "m" / "1", "--overwrite")[0] == 0


def test_resumed_run_equals_one_that_never_stopped(trained, photos, tmp_path, monkeypatch, capsys):
    recipe = write_recipe(tmp_path / "tiny.yaml", photos, steps=9, labels="true")
    assert command(monkeypatch, capsys, "train", recipe, "--steps", 3, "--out", tmp_path)[0] == 0
    status, out, _ = command(monkeypatch, capsys, "train", "--resume", tmp_path / "00000-tiny", "--steps", 5)
    assert status == 0 and "step 5/5" in out
    straight, resumed = (
        kerasgan.load(run / "checkpoints" / "step-00000005.keras") for run in (trained, tmp_path / "00000-tiny")
    )
    for one, other in zip(straight.variables, resumed.variables):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-6, err_msg=one.path)
    rows = [
        [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()][-1]
        for run in (trained, tmp_path / "00000-tiny")
    ]
    assert rows[0]["step"] == rows[1]["step"] == 5
    status, _, err = command(monkeypatch, capsys, "train", "--resume", tmp_path / "00000-tiny")
    assert status == 1 and "already at step 5 of 5" in err


@pytest.fixture
def stopped(trained, photos, tmp_path):
    """Return a copy of the conditional run whose recipe takes its pictures from a copy of theirs, and that copy."""
    pictures = shutil.copytree(photos, tmp_path / "elsewhere" / "moved")
    run = shutil.copytree(trained, tmp_path / "run")
    text = (run / "recipe.yaml").read_text()
    (run / "recipe.yaml").write_text(text.replace(str(photos), str(pictures)))
    return run, pictures


def test_a_run_goes_on_with_a_copy_of_its_data(stopped, monkeypatch, capsys, recwarn):
    run, _ = stopped
    status, out, err = command(monkeypatch, capsys, "train", "--resume", run, "--steps", 6)
    assert status == 0 and "step 6/6" in out, err
    assert not [warning for warning in recwarn if "fingerprint" in str(warning.message)]


def test_a_run_goes_on_with_other_data_only_if_that_is_said(stopped, monkeypatch, capsys):
    run, pictures = stopped
    image = np.asarray(Image.open(pictures / "boots" / "3.png")).copy()
    image[5, 5] ^= 1
    Image.fromarray(image).save(pictures / "boots" / "3.png")
    before = (run / "run.json").read_text()
    status, _, err = command(monkeypatch, capsys, "train", "--resume", run, "--steps", 6)
    assert status == 1 and "moved has 32 examples, fingerprint " in err and "--data-changed" in err, err
    assert (run / "run.json").read_text() == before and not (run / "checkpoints" / "step-00000006.keras").exists()
    assert command(monkeypatch, capsys, "train", "--resume", run, "--steps", 6, "--data-changed")[0] == 0
    about, earlier = json.loads((run / "run.json").read_text()), json.loads(before)
    told = ("data", "data_fingerprint", "data_settings")
    assert about["earlier_data"] == [{"until_step": 5, **{key: earlier[key] for key in told}}]
    assert about["data_fingerprint"] != earlier["data_fingerprint"]
    assert command(monkeypatch, capsys, "train", "x.yaml", "--data-changed")[0] == 2


def test_a_run_of_before_class_names_and_fingerprints_goes_on_with_a_warning(stopped, monkeypatch, capsys):
    run, pictures = stopped
    checkpoint = run / "checkpoints" / "step-00000005.keras"
    gan = kerasgan.load(checkpoint)
    assert gan.class_names == ("boots", "coats")
    gan.class_names = None
    gan.save(checkpoint)
    facts = json.loads((run / "run.json").read_text())
    del facts["data_fingerprint"]
    (run / "run.json").write_text(json.dumps(facts))
    with pytest.warns(UserWarning, match="no fingerprint of the data, .*: only their number and classes were compared"):
        assert command(monkeypatch, capsys, "train", "--resume", run, "--steps", 6)[0] == 0
    assert kerasgan.load(run / "checkpoints" / "step-00000006.keras").class_names == ("boots", "coats")
    (pictures / "boots").rename(pictures / "shoes")  # run.json told the names
    status, _, err = command(monkeypatch, capsys, "train", "--resume", run, "--steps", 7)
    assert status == 1 and "have other classes: 'coats', 'shoes' instead of 'boots', 'coats'" in err


def test_classes_are_sampled_by_their_names(trained, tmp_path, monkeypatch, capsys):
    gan = kerasgan.load(trained / "checkpoints" / "step-00000005.keras")
    for labels, numbers in (("coats", 1), ("coats,0, boots", [1, 0, 0]), ('"coats","boots",1', [1, 0, 1])):
        out = tmp_path / "single"
        assert command(monkeypatch, capsys, "sample", trained, "-n", 3, "--labels", labels, "--out", out)[0] == 0
        images = [np.asarray(Image.open(out / f"0000{i}.png")).astype(int) for i in range(3)]
        assert np.abs(np.array(images) - gan.sample(3, labels=numbers)[:, :, :, 0].astype(int)).max() <= 1
    status, _, err = command(monkeypatch, capsys, "sample", trained, "--labels", "coat", "--out", tmp_path / "a.png")
    assert status == 1 and "no class is named 'coat'; did you mean 'coats'? The classes are 'boots', 'coats'" in err
    status, out, _ = command(monkeypatch, capsys, "sample", trained, "-n", 4, "--out", tmp_path / "a.png")
    assert status == 0 and "columns: boots, coats" in out


def test_a_guard_watches_and_its_roll_back_is_not_cut_off_by_losses_that_are_not_finite(photos, tmp_path):
    from kerasgan.training import runner

    recipe = write_recipe(tmp_path / "tiny.yaml", photos)
    guarded = recipe.read_text().replace("checkpoint_every: 2", "checkpoint_every: 2, collapse_guard_every: 1")
    guarded += "critic_optimizer: {SGD: {learning_rate: 1e30}}\n"  # infinite after a step
    recipe.write_text(guarded)
    with pytest.raises(FloatingPointError):
        runner.train(recipe, tmp_path)
    recipe.write_text(guarded + "collapse_action: {RollBack: {}}\n")
    run = runner.train(recipe, tmp_path)
    looks = [json.loads(line) for line in (run / "collapse_guard" / "collapse_guard.jsonl").read_text().splitlines()]
    assert [look["action"] for look in looks] == ["training stops, as there is no healthy checkpoint to roll back to"]


def test_the_precision_of_a_recipe_is_not_that_of_other_models(photos, tmp_path):
    import keras

    from kerasgan.training import runner

    recipe = write_recipe(tmp_path / "tiny.yaml", photos, steps=1)
    recipe.write_text(recipe.read_text().replace("steps: 1", "steps: 1, precision: float16"))
    run = runner.train(recipe, tmp_path)
    assert keras.mixed_precision.dtype_policy().name == "float32"
    gan = kerasgan.load(run / "checkpoints" / "step-00000001.keras")
    assert {layer.compute_dtype for layer in gan.critic.layers if layer.weights} == {"float16"}


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
def test_an_interrupted_run_leaves_a_checkpoint_that_resumes(photos, tmp_path, number):
    write_recipe(tmp_path / "tiny.yaml", photos, steps=1_000_000)
    # a shell that starts the tests in the background has them ignore SIGINT, and children inherit that; not by
    # preexec_fn, which forks: gRPC, where this process has used it, may end the child before it begins
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    line = [sys.executable, "-c", f"{code}from kerasgan.cli import app; app.main()", "train", "tiny.yaml"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(line, cwd=tmp_path, text=True, env=QUIET, **pipes) as run:
        log = tmp_path / "runs" / "00000-tiny" / "metrics.jsonl"
        until = time.monotonic() + 120
        while not (log.exists() and log.read_text().count("\n") >= 2):
            assert run.poll() is None and time.monotonic() < until, run.stderr.read()
            time.sleep(0.1)
        run.send_signal(number)
        _, err = run.communicate(timeout=60)
    assert run.returncode == 130
    assert err.startswith("interrupted at step ") and "go on with: kerasgan train --resume" in err
    step = int(err.split()[3].rstrip(";"))
    names = [path.name for path in (tmp_path / "runs" / "00000-tiny" / "checkpoints").iterdir()]
    assert f"step-{step:08d}.keras" in names and not [name for name in names if name.startswith(".tmp")]
    from kerasgan.training import runner

    runner.resume(tmp_path / "runs" / "00000-tiny", steps=step + 1)
    assert (
        int(kerasgan.load(tmp_path / "runs" / "00000-tiny" / "checkpoints" / f"step-{step + 1:08d}.keras").step)
        == step + 1
    )


def mistakes(photos, tmp_path):
    """Make what can be wrong with a training; returns (arguments, what the message must hold)."""
    good = write_recipe(tmp_path / "good.yaml", photos)
    bad = tmp_path / "bad.yaml"
    bad.write_text(good.read_text().replace("filters", "filtres"))
    big = tmp_path / "big.yaml"
    big.write_text(good.read_text().replace("batch_size: 8", "batch_size: 64"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "runs").mkdir()
    empty = write_recipe(tmp_path / "empty.yaml", tmp_path / "empty")
    unknown = tmp_path / "unknown.yaml"
    unknown.write_text(good.read_text().replace(f"folder: {photos}", "tfds: fashon_mnist"))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.png").write_bytes(b"no picture")
    broken = write_recipe(tmp_path / "broken.yaml", tmp_path / "broken")
    shutil.copytree(photos, tmp_path / "cut")
    whole = (photos / "boots" / "3.png").read_bytes()
    (tmp_path / "cut" / "boots" / "3.png").write_bytes(whole[: len(whole) // 2])
    cut = write_recipe(tmp_path / "cut.yaml", tmp_path / "cut")
    (tmp_path / "file").write_text("")
    odd = tmp_path / "odd.yaml"
    odd.write_text(good.read_text().replace("channels: 1", "channels: 1, image_size: 48"))
    return [
        (["train", bad], "bad.yaml:4: generator.dcgan.generator.filtres: unknown key"),
        (["train", tmp_path / "absent.yaml"], "no such recipe"),
        (["train", big], "has 32 images"),
        (["train", empty], f"empty.yaml:2: data.folder: no images in {tmp_path / 'empty'}"),
        (["train", empty, "--set", "data.folder=x"], "--set data.folder=x: data.folder: no folder at x"),
        (["train", empty, "--data", "x"], "error: --data: no folder at x"),
        (["train", good, "--data", tmp_path / "file"], "error: --data: expected a folder of pictures or an .npz file"),
        (["train", unknown], "fashion_mnist"),
        (["train", broken], "a.png"),
        (["train", cut], str(tmp_path / "cut" / "boots" / "3.png")),
        (["train", odd], "image_shape: expected"),
        (["train", good, "--out", tmp_path / "file"], f"Not a directory, but a file: {tmp_path / 'file'}"),
        (["train", good, "--out", "/proc/runs"], "/proc/runs"),
        (["train", "--resume", tmp_path / "empty"], "expected a run folder"),
    ]


def test_each_mistake_ends_in_one_line_and_leaves_nothing(photos, tmp_path, monkeypatch, capsys):
    for arguments, message in mistakes(photos, tmp_path):
        before = sorted(tmp_path.rglob("*"))
        if "--out" not in arguments and "--resume" not in arguments:
            arguments += ["--out", tmp_path / "runs"]
        status, _, err = command(monkeypatch, capsys, *arguments)
        assert status == 1 and err.startswith("error: ") and message in err and err.count("\n") == 1, (arguments, err)
        assert sorted(tmp_path.rglob("*")) == before, arguments


def test_a_damaged_checkpoint_is_named(trained, tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "recipe.yaml").write_text((trained / "recipe.yaml").read_text())
    whole = (trained / "checkpoints" / "step-00000005.keras").read_bytes()
    (run / "checkpoints" / "step-00000005.keras").write_bytes(whole[:-2000])
    for arguments in (["train", "--resume", run, "--steps", 9], ["sample", run, "--out", tmp_path / "a.png"]):
        status, _, err = command(monkeypatch, capsys, *arguments)
        assert status == 1 and "no checkpoint that is whole" in err and err.count("\n") == 1
        assert "step-00000005.keras is damaged" in err
    assert not (tmp_path / "a.png").exists()


def test_wrong_options_end_in_usage_errors(monkeypatch, capsys, trained, tmp_path):
    assert command(monkeypatch, capsys, "train")[0] == 2
    assert command(monkeypatch, capsys, "train", "x.yaml", "--steps", 0)[0] == 2
    assert command(monkeypatch, capsys, "sample", trained, "-n", 0)[0] == 2
    status, _, err = command(monkeypatch, capsys, "sample", trained, "--labels", "a", "--out", tmp_path / "a.png")
    assert status == 1 and "error: --labels: no class is named 'a'. The classes are 'boots', 'coats'" in err


def test_a_disk_that_fills_up_leaves_no_half_file(trained, tmp_path):
    """A limit on the size of files stands in for a full disk: writes beyond it fail as they would there."""
    script = (
        "import resource, sys; from kerasgan.cli import app;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500));"
        "sys.argv = ['kerasgan', *sys.argv[1:]]; app.main()"
    )
    for arguments in (
        ["sample", trained, "-n", "64", "--out", tmp_path / "full" / "grid.png"],
        ["export", trained, tmp_path / "full" / "1"],
    ):
        line = [sys.executable, "-c", script, *map(str, arguments)]
        done = subprocess.run(line, capture_output=True, text=True, env=QUIET)
        assert done.returncode == 1 and done.stderr.startswith("error: ") and str(tmp_path / "full") in done.stderr, (
            done.stderr
        )
        assert done.stderr.count("\n") == 1, done.stderr
        assert list((tmp_path / "full").iterdir()) == []


def test_help_is_quick_because_it_imports_no_tensorflow():
    script = "import sys; sys.argv = ['kerasgan', '--help']\nimport kerasgan, kerasgan.cli.app\n"
    script += "try: kerasgan.cli.app.main()\n"
    script += "except SystemExit: pass\nassert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules), 'heavy import'"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for word in ("train", "sample", "export", "serve", "query"):
        assert word in done.stdout


def test_module_and_command_are_the_same():
    done = subprocess.run([sys.executable, "-m", "kerasgan", "train", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "--resume" in done.stdout
