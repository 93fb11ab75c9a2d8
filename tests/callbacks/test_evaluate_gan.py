"""Measuring during `fit`: the numbers of `evaluate`, the best model kept, a resumed run's lines."""

import json

import numpy as np
import pytest
from PIL import Image

import kerasgan
from kerasgan.callbacks import EvaluateGAN, evaluate_gan
from kerasgan.metrics import Reference, evaluate
from kerasgan.metrics.features import FeatureNetwork
from kerasgan.visualization import image_grid
from tests.metrics.images import network

REAL = np.random.default_rng(3).integers(0, 256, (60, 32, 32, 1), dtype="uint8")


def reference():
    """Random images, and a network that sees every fourth pixel."""
    judge = FeatureNetwork("toy", network().model, lambda x: x[:, ::4, ::4] / 255, "every fourth pixel", 1)
    return Reference.of_arrays(REAL, judge, name="noise")


class Watched(EvaluateGAN):
    """Remembers the model of every step at which it measured."""

    def act(self, step, logs):
        super().act(step, logs)
        self.model.save(self.folder / f"{step}.keras")


def lines(folder):
    return [json.loads(line) for line in (folder / "evaluation.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Return the folder and the history of a training of 5 steps, measured every second and at the end."""
    from tests.conftest import make_gan

    folder = tmp_path_factory.mktemp("measured")
    gan = make_gan()
    settings = dict(every=2, n=30, seed=4, truncation=1.5, grid=30)
    callback = Watched(reference(), folder, "is,fid,kid", **settings, verbose=False)
    history = gan.fit(REAL[:40], batch_size=8, epochs=1, verbose=0, callbacks=[callback])
    return folder, history.history


def test_the_numbers_are_those_of_evaluate_at_that_step(measured):
    folder, history = measured
    assert [line["step"] for line in lines(folder)] == [2, 4, 5]
    for line in lines(folder):
        model = kerasgan.load(folder / f"{line['step']}.keras")
        wanted = evaluate(model, reference(), "is,fid,kid", n=30, seed=4, truncation=1.5)
        assert [one["name"] for one in line["results"]] == ["score[toy]", "fd[toy]", "kd[toy]"]
        for one, other in zip(line["results"], wanted):
            assert one["value"] == pytest.approx(other.value, rel=1e-3, abs=1e-6)
            assert one["protocol"]["model"] == f"step {line['step']}" and one["protocol"]["weights"] == "moving average"
    # the last measurement comes after the last epoch's logs
    assert history["fd[toy]"] == [pytest.approx(lines(folder)[1]["results"][1]["value"])]


def test_the_best_model_by_the_first_metric_is_kept(measured):
    folder, _ = measured
    found = lines(folder)
    scores = [line["results"][0]["value"] for line in found]
    assert len(set(scores)) == 3
    assert [line["best"] for line in found] == [value == max(scores[: i + 1]) for i, value in enumerate(scores)]
    best = kerasgan.load(folder / "best.keras")
    assert int(best.step.numpy()) == found[int(np.argmax(scores))]["step"]
    assert Image.open(folder / "evaluation.png").size[0] >= 1200


def test_a_grid_shows_the_first_measured_images_at_every_measurement(measured):
    folder, _ = measured
    shown = sorted((folder / "samples").iterdir())
    assert [path.name for path in shown] == [f"step-{step:08d}.png" for step in (2, 4, 5)]
    images = kerasgan.load(folder / "4.keras").sample(30, seed=4, truncation=1.5)
    found = np.asarray(Image.open(shown[1])).astype(int)
    assert np.abs(found - np.asarray(image_grid.grid(images))).max() <= 1


def test_what_a_measure_notes_of_its_images_makes_them_no_other_measurement():
    """The modified inception score notes how many classes it saw."""
    protocol = {"model": "step 2", "samples": 30, "splits": 7, "notes": ["mean over the 7 classes"], "seed": 4}
    one = {"name": "mis[toy]", "protocol": protocol}
    other = {"name": "mis[toy]", "protocol": {**protocol, "splits": 9, "notes": ["mean over the 9 classes"]}}
    assert evaluate_gan._alike(one, other)
    assert not evaluate_gan._alike(one, {**other, "protocol": {**other["protocol"], "samples": 31}})
    assert not evaluate_gan._alike(one, {**other, "name": "fd[toy]"})
    truncated = {**protocol, "notes": [*protocol["notes"], "truncation 0.2"]}
    assert not evaluate_gan._alike(one, {**one, "protocol": truncated})


@pytest.mark.slow
def test_a_resumed_run_goes_on_with_the_lines_up_to_its_step(measured, tmp_path):
    folder, _ = measured
    (tmp_path / "evaluation.jsonl").write_text((folder / "evaluation.jsonl").read_text())
    gan = kerasgan.load(folder / "2.keras")
    callback = EvaluateGAN(reference(), tmp_path, "is,fid,kid", every=2, n=30, seed=4, truncation=1.5, grid=0)
    gan.fit(REAL[:16], batch_size=8, epochs=1, verbose=0, callbacks=[callback])
    assert [line["step"] for line in lines(tmp_path)] == [2, 4]
    assert lines(tmp_path)[0] == lines(folder)[0]
    assert not (tmp_path / "samples").exists()
    scores = [line["results"][0]["value"] for line in lines(tmp_path)]
    assert [line["best"] for line in lines(tmp_path)] == [True, scores[1] > scores[0]]
    # numbers of another protocol do not count for the best
    gan = kerasgan.load(folder / "4.keras")
    callback = EvaluateGAN(reference(), tmp_path, "is", every=1, n=25, seed=4, truncation=1.5, grid=0, verbose=False)
    gan.fit(REAL[:16], batch_size=8, epochs=1, verbose=0, callbacks=[callback])
    found = [(line["step"], line["results"][0]["protocol"]["samples"]) for line in lines(tmp_path)]
    assert found == [(2, 30), (4, 30), (5, 25), (6, 25)]
    best = [line for line in lines(tmp_path) if line["best"]][-1]
    assert lines(tmp_path)[2]["best"] and int(kerasgan.load(tmp_path / "best.keras").step.numpy()) == best["step"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(metrics="mode"), "metrics: expected some of fid"),
        (dict(every=0), "every: expected an integer of at least 1"),
        (dict(n=1), "n: expected an integer of at least 2"),
        (dict(batch_size=0), "batch_size: expected an integer of at least 1"),
        (dict(grid=-1), "grid: expected an integer of at least 0"),
        (dict(seed=0.5), "seed: expected an integer from 0 to 4294967295, got 0.5"),
    ],
)
def test_wrong_arguments_are_named(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        EvaluateGAN(reference(), tmp_path, **arguments)


def test_what_cannot_be_measured_is_named_before_training(tmp_path, small_gan):
    small = Reference.of_arrays(np.zeros((4, 8, 8, 1), "uint8"), network())
    bits = Reference.of_arrays(REAL // 128, reference().network)
    gan = small_gan()
    for other, arguments, message in [
        (small, {}, r"expected \w+ of shape \(32, 32, 1\), as the generated ones are"),
        (bits, {}, "arrays: expected values from 0 to 255; got 0 and 1 alone"),
        (reference(), dict(truncation=-1.0), "truncation: expected a positive number or None; got -1.0"),
        (reference(), dict(metrics="intra-fid"), "intra-fid needs labels"),
    ]:
        with pytest.raises(ValueError, match=message):
            gan.fit(REAL[:8], batch_size=8, epochs=1, verbose=0, callbacks=[EvaluateGAN(other, tmp_path, **arguments)])
    assert int(gan.step.numpy()) == 0 and not list(tmp_path.iterdir())


def test_a_checkpoint_of_keras_after_it_knows_the_numbers(tmp_path, small_gan):
    """Brackets in a format are an index: the numbers have a plain name too."""
    import keras

    measuring = EvaluateGAN(reference(), tmp_path, "fid", every=2, n=20, grid=0, verbose=False)
    named = keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}-{fd_toy:.4f}.keras"))
    best = keras.callbacks.ModelCheckpoint(
        str(tmp_path / "kept.keras"), monitor="fd[toy]", mode="min", save_best_only=True
    )
    stopping = keras.callbacks.EarlyStopping("fd_toy", mode="min", patience=5)
    history = small_gan().fit(
        REAL[:32], batch_size=8, epochs=2, verbose=0, callbacks=[measuring, named, best, stopping]
    )
    values = [line["results"][0]["value"] for line in lines(tmp_path)]
    assert history.history["fd[toy]"] == history.history["fd_toy"] == values[1::2]
    assert sorted(path.name for path in tmp_path.glob("*-*.keras")) == [
        f"{epoch}-{value:.4f}.keras" for epoch, value in enumerate(values[1::2], start=1)
    ]
    assert int(kerasgan.load(tmp_path / "kept.keras").step.numpy()) == 4 * (1 + int(np.argmin(values[1::2])))


@pytest.mark.filterwarnings("ignore:invalid value")
def test_images_that_are_no_numbers_are_not_measured(small_gan):
    gan = small_gan()
    gan.sampling_generator.set_weights([values * np.nan for values in gan.sampling_generator.get_weights()])
    with pytest.raises(FloatingPointError, match="the generator gives NaN or infinity"):
        evaluate(gan, reference(), "fid", n=20)
