"""`kerasgan evaluate A B`: two sets of pictures, without a model."""

import contextlib
import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import kerasgan
from kerasgan import metrics
from kerasgan.cli import app
from kerasgan.recipes import sections
from kerasgan.training import evaluation, runner
from tests.conftest import needs_fashion_mnist

GARMENTS = metrics.features.load("garments")
RNG = np.random.default_rng(0)
FIRST, SECOND = (RNG.integers(0, 256, (30, 32, 32, 1), "uint8") // scale for scale in (1, 2))


def folder(path, images):
    path.mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image[:, :, 0]).save(path / f"{index:03d}.png")
    return path


@pytest.fixture
def pair(tmp_path):
    return folder(tmp_path / "first", FIRST), folder(tmp_path / "second", SECOND)


def test_two_folders_give_what_their_arrays_give(pair, tmp_path, recwarn):
    network = metrics.features.load("garments")
    wanted = metrics.evaluate_images(FIRST, metrics.Reference.of_arrays(SECOND, network), "fid,is")
    result = CliRunner().invoke(
        app.app, ["evaluate", *map(str, pair), "--metrics", "fid,is", "--out", str(tmp_path / "found.json")]
    )
    assert result.exit_code == 0, (result.output, result.exception)
    found = json.loads((tmp_path / "found.json").read_text())["results"]
    assert [one["value"] for one in found] == pytest.approx([one.value for one in wanted], rel=1e-4)
    protocol = found[0]["protocol"]
    assert (protocol["model"], protocol["samples"]) == ("first at 32 x 32", 30)
    assert (protocol["reference"], protocol["reference_samples"]) == ("second at 32 x 32", 30)


def test_a_file_of_arrays_and_data_do_as_well(pair, tmp_path):
    np.savez(tmp_path / "first.npz", x=FIRST)
    [of_folders] = evaluation.evaluate(pair, metrics="fid", cache=tmp_path / "cache")
    [mixed] = evaluation.evaluate([tmp_path / "first.npz"], metrics="fid", real=str(pair[1]), cache=tmp_path / "cache")
    assert mixed.value == pytest.approx(of_folders.value, rel=1e-6)


def test_other_pictures_are_made_the_size_of_the_first(pair, tmp_path):
    grey = np.broadcast_to(np.arange(30, dtype="uint8")[:, None, None, None] * 8, (30, 32, 32, 1))
    small = folder(tmp_path / "small", grey)
    large = folder(tmp_path / "large", grey.repeat(2, axis=1).repeat(2, axis=2))
    [found] = evaluation.evaluate([pair[0], large], metrics="fid", cache=tmp_path / "cache")
    [same] = evaluation.evaluate([pair[0], small], metrics="fid", cache=tmp_path / "cache")
    assert found.value == pytest.approx(same.value, rel=1e-3)


@pytest.mark.parametrize(("size", "channels", "judge"), [(32, 1, "garments"), (28, 1, "garments"), (64, 1, None)])
def test_grey_pictures_are_judged_by_a_network_that_takes_their_size(tmp_path, monkeypatch, size, channels, judge):
    """At 64 pixels, which `train --data` takes by itself, `evaluate` asked a network of 28 and 32."""
    asked = []
    monkeypatch.setattr(metrics.features, "load", lambda name, *_: asked.append(name) or GARMENTS)
    data = sections.ImageData(folder=str(folder(tmp_path / "pictures", FIRST)))
    with contextlib.suppress(ValueError):  # of the network that stands in for the other
        data.reference((size, size, channels))
    assert asked == [judge or "efficientnet-lite0"]
    assert (judge is None) == (size not in GARMENTS.sides)
    with pytest.raises(ValueError, match="got 64 x 64: efficientnet-lite0 takes any size"):
        GARMENTS.check((64, 64, 1))


def test_other_pictures_of_a_run_are_prepared_as_its_own_were(tmp_path):
    """Oblong ones were always cut, although the run squeezes."""
    wide = folder(tmp_path / "wide", np.concatenate([FIRST, SECOND], axis=2))
    text = (
        f"name: tiny\ndata: {{folder: {wide}, channels: 1, image_size: 32, batch_size: 8, center_crop: false}}\n"
        "latent: {Normal: {dim: 8}}\ngenerator: {dcgan.generator: {filters: 4}}\n"
        "critic: {dcgan.critic: {filters: 4}}\nobjective: {SGAN: {}}\ntrain: {steps: 1}\n"
    )
    (tmp_path / "tiny.yaml").write_text(text)
    run = runner.train(tmp_path / "tiny.yaml", tmp_path / "runs")
    [own] = evaluation.evaluate([run], n=30, cache=tmp_path / "cache")
    [given] = evaluation.evaluate([run], n=30, cache=tmp_path / "cache", real=str(wide))
    assert own.protocol.reference == given.protocol.reference == "wide at 32 x 32, squeezed"
    assert given.value == own.value and given.protocol.data == own.protocol.data


@pytest.mark.parametrize(("count", "real"), [(1, False), (3, False), (2, True)])
def test_two_sets_are_wanted(pair, count, real):
    paths = [*pair, pair[0]][:count]
    with pytest.raises(ValueError, match="evaluate: expected one folder or .npz file of pictures and another"):
        evaluation.evaluate(paths, real=str(pair[1]) if real else None)


def test_a_run_is_no_set_of_pictures(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.yaml").write_text("name: a")
    assert not evaluation.is_pictures(tmp_path / "run")
    assert not evaluation.is_pictures("sgan_fashion_mnist") and not evaluation.is_pictures(tmp_path / "a.keras")
    assert evaluation.is_pictures(tmp_path)


def test_sets_of_two_networks_are_not_compared():
    garments = metrics.Reference.of_arrays(FIRST, metrics.features.load("garments"))
    other = metrics.Reference.of_arrays(FIRST, kerasgan.metrics.features.load("garments"))
    object.__setattr__(other.network, "name", "other")
    with pytest.raises(ValueError, match="images: expected the network garments, as the reference has; got other"):
        metrics.evaluate_set(other, garments)


@pytest.mark.parametrize(
    "given", [{"n": 10}, {"truncation": 1.0}, {"weights": "trained"}, {"standing_passes": 2}], ids=str
)
def test_what_means_nothing_for_pictures_is_refused(pair, given):
    with pytest.raises(ValueError, match=f"{next(iter(given))}: expected none, as pictures are measured, all of them"):
        evaluation.evaluate(pair, metrics="fid", **given)


def test_statistics_are_written_and_measured_against(pair, tmp_path):
    first, second = map(str, pair)
    written = str(tmp_path / "second.npz")
    result = CliRunner().invoke(app.app, ["statistics", second, written])
    assert result.exit_code == 0, (result.output, result.exception)
    [wanted] = evaluation.evaluate(pair, metrics="fid", cache=tmp_path / "cache")
    [found] = evaluation.evaluate([first, written], metrics="fid", network="garments", cache=tmp_path / "cache")
    assert found.value == pytest.approx(wanted.value, rel=1e-6)
    assert found.protocol.reference == "the statistics of second.npz"


def test_statistics_without_their_network_are_refused(pair, tmp_path):
    np.savez(tmp_path / "s.npz", mu=np.zeros(128), sigma=np.eye(128))
    with pytest.raises(ValueError, match="features: expected the network's name with .*s.npz, which does not name it"):
        evaluation.evaluate([pair[0], tmp_path / "s.npz"])


@pytest.mark.parametrize("size", [None, 28])
def test_statistics_are_of_the_size_that_is_asked_for(pair, tmp_path, size):
    written = evaluation.statistics(pair[0], tmp_path / "s.npz", size=size, cache=tmp_path / "cache")
    network = metrics.features.load("garments")
    source = kerasgan.data.folder(pair[0], channels=3)
    reference = metrics.Reference.of_source(source, network, size or 32, 1)
    wanted = reference.extracted(metrics.extraction.Needs()).moments
    np.testing.assert_allclose(np.load(written)["mu"], wanted.mean, rtol=1e-5)


@needs_fashion_mnist
def test_models_that_do_not_fit_are_named_before_the_first_is_measured(monkeypatch):
    monkeypatch.setattr(evaluation.metrics_module, "evaluate", None)
    with pytest.raises(ValueError, match=r"^dcgan_clothing64: reference: expected images of shape \(64, 64, 3\)"):
        evaluation.evaluate(["sgan_fashion_mnist", "dcgan_clothing64"], n=10)


def test_a_model_is_measured_against_a_file_of_statistics(pair, tmp_path):
    statistics = evaluation.statistics(pair[1], tmp_path / "second.npz", "garments", size=32)
    found = evaluation.evaluate(["hinge_fashion_mnist"], real=statistics, network="garments", n=20, metrics="fid")
    wanted = evaluation.evaluate(["hinge_fashion_mnist"], real=pair[1], network="garments", n=20, metrics="fid")
    assert [one.value for one in found] == pytest.approx([one.value for one in wanted], rel=1e-6)


@pytest.mark.parametrize("given", [{"split": "test"}, {"data_dir": "/none"}], ids=str)
def test_a_split_that_pictures_do_not_have_is_refused(given, pair, tmp_path):
    name = next(iter(given))
    with pytest.raises(ValueError, match=f"{name}: expected none"):
        evaluation.evaluate(pair, metrics="fid", cache=tmp_path, **given)
    with pytest.raises(ValueError, match=f"{name}: expected none"):
        evaluation.statistics(str(pair[0]), tmp_path / "a.npz", "garments", cache=tmp_path, **given)


@needs_fashion_mnist
def test_pictures_are_measured_against_the_split_that_is_asked_for(pair, tmp_path):
    arguments = {"metrics": "fid", "real": "fashion_mnist", "cache": tmp_path}
    [found] = evaluation.evaluate(pair[:1], split="test", **arguments)
    assert found.protocol.reference_samples == 10_000


def test_pictures_and_what_is_none_are_told_apart(pair, tmp_path):
    with pytest.raises(FileNotFoundError, match="evaluate: no such folder, file or preset: .*nothere"):
        evaluation.evaluate([pair[0], tmp_path / "nothere"])
    with pytest.raises(ValueError, match="sgan_fashion_mnist is a model and .*first is of pictures: .* --data .*first"):
        evaluation.evaluate(["sgan_fashion_mnist", pair[0]])


def test_a_run_whose_pictures_are_elsewhere_names_the_way(tmp_path, monkeypatch):
    folder(tmp_path / "first", FIRST)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "it.yaml"
    path.write_text(
        "name: it\ndata: {folder: first, batch_size: 4, channels: 1}\ngenerator: {dcgan.generator: {filters: 1}}\n"
        "critic: {dcgan.critic: {filters: 1}}\nobjective: {SGAN: {}}\ntrain: {steps: 1}\n"
    )
    run = runner.train(path, tmp_path / "runs")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match="no folder at first; the run's recipe has that path as it was typed"):
        evaluation.evaluate([run], n=20)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError) as found:  # what is not there are other files
        evaluation.evaluate([run], n=20, network="inception-2015", network_weights="none.pb")
    assert "typed" not in str(found.value)
