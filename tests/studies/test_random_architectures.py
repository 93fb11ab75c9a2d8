"""The study of random architectures: the draw, the table, going on after an interruption, failures."""

import collections
import dataclasses
import functools
import json

import keras
import numpy as np
import pytest
from PIL import Image
from scipy import stats

from kerasgan.data import fashion_mnist_arrays
from kerasgan.layers import BatchNormalization
from kerasgan.metrics import inception_score
from kerasgan.metrics.features import garment_classifier
from kerasgan.studies import random_architectures as study
from tests.conftest import needs_fashion_mnist
from tests.networks import numpy_layers as np_layers

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")

SETTINGS = {"steps": 1, "filters_scale": 0.25, "batch_size": 4, "seed": 0}
TINY = study.Architecture("relu", "tanh", 4, 4, True, True, 1, 2)


def test_everything_is_drawn_uniformly_and_independently():
    drawn = [dataclasses.astuple(study.draw(index)) for index in range(3000)]
    sizes = (4, 4, 4, 4, 2, 2, 3, 3)
    for column, size in zip(zip(*drawn), sizes):
        counts = list(collections.Counter(column).values())
        assert len(counts) == size and stats.chisquare(counts).pvalue > 1e-3
    for generator, critic in ((0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (4, 6)):
        table = collections.Counter((row[generator], row[critic]) for row in drawn)
        assert len(table) == sizes[generator] * sizes[critic]
        assert stats.chisquare(list(table.values())).pvalue > 1e-3


def test_an_architecture_depends_on_its_number_and_the_seed():
    assert study.draw(7, seed=3) == study.draw(7, seed=3)
    assert len({study.draw(index, seed) for index in range(5) for seed in range(5)}) == 25
    scaled, full = study.draw(7, filters_scale=0.25), study.draw(7)
    assert (scaled.generator_filters, scaled.critic_filters) == (full.generator_filters / 4, full.critic_filters / 4)
    assert dataclasses.replace(scaled, generator_filters=0, critic_filters=0) == dataclasses.replace(
        full, generator_filters=0, critic_filters=0
    )


def test_the_networks_built_are_those_drawn():
    drawn = study.Architecture("softplus", "leaky_relu", 12, 8, False, True, 3, 2)
    norms = {}
    for objective in study.OBJECTIVES:
        gan = study.build(drawn, objective)
        assert type(gan) is study.OBJECTIVES[objective]
        kinds = collections.Counter(type(layer) for layer in gan.generator.layers)
        assert kinds[np_layers.CONV] + kinds[np_layers.TRANSPOSE] == 12 and kinds[BatchNormalization] == 0
        critic_kinds = collections.Counter(type(layer) for layer in gan.critic.layers)
        assert critic_kinds[np_layers.CONV] == 8 == critic_kinds[keras.layers.LeakyReLU]
        norms[objective] = critic_kinds[BatchNormalization], critic_kinds[np_layers.LAYER_NORM]
        filters = [layer.filters for layer in gan.critic.layers if type(layer) is np_layers.CONV]
        assert filters == [2, 2, 4, 4, 8, 8, 8, 8]
    assert norms == {"SGAN": (7, 0), "WGANGP": (0, 7)}


def row(index, objective, score):
    failure = "nan" if score is None else None
    return {"index": index, "objective": objective, "score": score, "failure": failure}


def test_outcomes_by_hand():
    pairs = [(2.0, 4.0), (6.0, None), (None, None), (9.5, 9.1), (1.0, 3.0)]
    rows = [row(index, name, score) for index, pair in enumerate(pairs) for name, score in zip(study.OBJECTIVES, pair)]
    table = study.outcomes(rows[::-1], 5)  # in any order
    assert [list(line.values()) for line in table] == [
        [1.0, 1, 1, 2, 1],  # a score of exactly 1 is not above 1
        [3.0, 1, 1, 1, 2],
        [5.0, 1, 0, 1, 3],
        [7.0, 0, 0, 1, 4],
        [9.0, 0, 0, 1, 4],
    ]
    assert list(table[0]) == ["threshold", "only SGAN", "only WGANGP", "both", "neither"]
    assert sum(study.outcomes(rows, 3)[0][name] for name in study.OUTCOMES.values()) == 3
    text = study.as_text(table).splitlines()
    assert text[0].split() == "score above only SGAN only WGANGP both neither".split()
    assert [float(word) for word in text[2].split()] == [3.0, 1, 1, 1, 2]


@pytest.mark.slow
def test_an_interrupted_study_goes_on_and_repeats_nothing(tmp_path, monkeypatch):
    calls = []

    def train(architecture, objective, images, classifier, steps, seed, batch_size, samples, what):
        if len(calls) == 3:
            raise KeyboardInterrupt
        calls.append((architecture, objective))
        return 1.5, None, np.zeros((10, 32, 32, 1), "uint8")

    monkeypatch.setattr(study, "train", train)
    drawn = [study.draw(index) for index in range(3)]
    with pytest.raises(KeyboardInterrupt):
        study.train_all(tmp_path, drawn, [], SETTINGS, None, None)
    rows = study.read_results(tmp_path / "results.jsonl", SETTINGS)
    assert [(line["index"], line["objective"]) for line in rows] == [(0, "SGAN"), (0, "WGANGP"), (1, "SGAN")]
    assert rows[2]["architecture"] == dataclasses.asdict(drawn[1])

    before, calls[:] = list(calls), []
    study.train_all(tmp_path, drawn, rows, SETTINGS, None, None)
    assert before + calls == [(architecture, objective) for architecture in drawn for objective in study.OBJECTIVES]
    rows = study.read_results(tmp_path / "results.jsonl", SETTINGS)
    assert len(rows) == 6
    calls.clear()
    study.train_all(tmp_path, drawn, rows, SETTINGS, None, None)
    assert not calls


def test_results_of_other_settings_or_none_at_all_are_refused(tmp_path):
    path = tmp_path / "results.jsonl"
    assert study.read_results(path, SETTINGS) == []
    path.write_text(json.dumps({"index": 0, "settings": {**SETTINGS, "steps": 9}}) + "\n")
    with pytest.raises(ValueError, match="results.jsonl: expected trainings with .*'steps': 1.*; line 1 has .*: 9"):
        study.read_results(path, SETTINGS)
    for content in ('{"index": 0}\n', "half a li", "[1]\n"):
        path.write_text(content)
        with pytest.raises(ValueError, match="results.jsonl: line 1 is no result of this study"):
            study.read_results(path, SETTINGS)


def poisoned(build, where):
    def built(*arguments):
        gan = build(*arguments)
        weight = getattr(gan, where).weights[-1]
        weight.assign(np.full(weight.shape, np.nan))
        return gan

    return built


@pytest.mark.usefixtures("eagerly")
def test_nan_is_a_failure_without_a_score(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 1), "uint8")
    monkeypatch.setattr(study, "build", poisoned(study.build, "critic"))
    score, failure, made = study.train(TINY, "SGAN", images, None, steps=1, batch_size=4)
    assert score is None and "critic_loss became nan at step" in failure and made.shape == (10, 32, 32, 1)


@pytest.mark.usefixtures("eagerly")
def test_a_weight_that_is_nan_behind_finite_losses_is_a_failure_too(monkeypatch):
    monkeypatch.setattr(study, "build", poisoned(study.build, "generator"))
    monkeypatch.setattr(study.training, "fit", lambda *arguments: None)
    score, failure, _ = study.train(TINY, "SGAN", np.zeros((4, 32, 32, 1), "uint8"), None, steps=1)
    assert score is None and failure == "a weight became NaN or infinite in the last steps"


@pytest.fixture
def noise(monkeypatch, tmp_path):
    """Garments of noise, an untrained classifier, and one tiny architecture."""
    images = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 1), "uint8")
    monkeypatch.setattr(fashion_mnist_arrays, "arrays", lambda split, data_dir=None: (images, np.arange(40) % 10))
    monkeypatch.setattr(study, "draw", lambda index, seed, scale: TINY)
    network = garment_classifier.build(filters=2)
    network.save(tmp_path / garment_classifier.FILE)
    return network


@pytest.mark.usefixtures("eagerly", "numbers_first")
def test_a_study_in_small_trains_both_and_leaves_picture_and_numbers(noise, tmp_path, monkeypatch, capsys):
    trained = []
    sample = study.objectives.SGAN.sample

    def keep(gan, count, **options):
        trained.append((type(gan).__name__, sample(gan, count, **options)))
        return trained[-1][1]

    for objective in study.OBJECTIVES.values():
        monkeypatch.setattr(objective, "sample", keep)
    fewer = functools.partial(study.OBJECTIVES["WGANGP"], critic_steps=1)  # a fifth of the graph
    monkeypatch.setitem(study.OBJECTIVES, "WGANGP", fewer)
    monkeypatch.setattr(study, "SAMPLES", 50)
    content = json.loads(study.run(tmp_path, architectures=1, steps=1, batch_size=4).read_text())
    rows = content["result"]["trainings"]
    assert [line["objective"] for line in rows] == ["SGAN", "WGANGP"] == [name for name, _ in trained]
    for line, (_, images) in zip(rows, trained):
        probabilities = np.asarray(noise(images / np.float32(127.5) - 1))
        assert line["score"] == pytest.approx(inception_score.inception_score(probabilities).mean, rel=1e-5)
        np.testing.assert_array_equal(np.load(tmp_path / "samples" / f"000-{line['objective']}.npy"), images[:10])
    assert content["result"]["outcomes"][4]["neither"] == 1 and "score above" in capsys.readouterr().out
    assert np.asarray(Image.open(tmp_path / "random_architectures.png")).std() > 10
    study.run(tmp_path, architectures=1, steps=1, batch_size=4)
    assert len(trained) == 2  # not trained again


def test_wrong_arguments_are_named_before_any_work(tmp_path):
    for name in ("architectures", "steps", "batch_size"):
        with pytest.raises(ValueError, match=f"{name}: expected an integer of at least 1, got 0"):
            study.run(tmp_path / "new", **{name: 0})
    for scale in (0.01, 0.3, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="filters_scale: expected one that makes 32 filters a positive integer"):
            study.run(tmp_path / "new", filters_scale=scale)
    with pytest.raises(ValueError, match="seed: expected an integer from 0 to 4294967295, got -1"):
        study.run(tmp_path / "new", seed=-1)
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
@needs_fashion_mnist
def test_two_architectures_on_garments(tmp_path):
    content = json.loads(study.run(tmp_path, architectures=2, steps=100, filters_scale=0.125).read_text())
    rows = content["result"]["trainings"]
    assert len(rows) == 4
    for line in rows:
        assert (line["score"] is None) == (line["failure"] is not None)
        assert line["score"] is None or 1 <= line["score"] <= 10
    for line in content["result"]["outcomes"]:
        assert sum(line[name] for name in study.OUTCOMES.values()) == 2
