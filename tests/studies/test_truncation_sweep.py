"""The truncation sweep: what it measures at each threshold, and that thresholds differ in nothing else."""

import json
import math

import numpy as np
import pytest
from PIL import Image

import kerasgan
from kerasgan import data, metrics
from kerasgan.metrics import features
from kerasgan.studies import truncation_sweep as study

pytestmark = pytest.mark.filterwarnings("ignore:.*two samples of one distribution:UserWarning")

RNG = np.random.default_rng(0)
REAL = RNG.integers(0, 256, (60, 32, 32, 1), "uint8")


@pytest.fixture(scope="module")
def network():
    return features.load("garments")


@pytest.fixture
def folder(tmp_path, small_gan):
    """Two folders of pictures, and a conditional model of two classes with batch norm."""
    for index, image in enumerate(REAL):
        path = tmp_path / "real" / "ab"[index % 2] / f"{index:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[:, :, 0]).save(path)
    small_gan(num_classes=2).save(tmp_path / "model.keras")
    return tmp_path


@pytest.mark.parametrize("passes", [0, 2])
def test_thresholds_differ_in_the_bound_and_the_statistics_alone(small_gan, network, passes):
    gan = small_gan(num_classes=3)
    for kernel in gan.sampling_generator.variables:
        if len(kernel.shape) > 1:
            kernel.assign(10 * kernel)  # images of some contrast
    reference = metrics.Reference.of_arrays(REAL, network)
    found = study.truncation_sweep(gan, [0.5, math.inf], reference, "fid,is", 40, seed=4, standing_passes=passes)
    for results, bound in zip(found, [0.5, None], strict=True):
        model = kerasgan.standing_statistics(gan, bound, passes) if passes else gan
        images = model.sample(40, seed=4, labels=np.arange(40) % 3, truncation=bound)
        wanted = metrics.evaluate_images(images, reference, "fid,is", seed=4)
        assert [one.name for one in results] == ["fd[garments]", "score[garments]"]
        for one, other in zip(results, wanted, strict=True):
            assert one.value == pytest.approx(other.value, rel=1e-3)
    assert abs(found[0][0].value - found[1][0].value) > 1e-2


def test_what_cannot_be_swept_is_named(small_gan, network):
    reference = metrics.Reference.of_arrays(REAL, network)
    for wrong in ([], [0.5, 0.0], [-1.0], [math.nan]):
        with pytest.raises(ValueError, match="truncations: expected positive numbers, one at least"):
            study.truncation_sweep(small_gan(), wrong, reference)
    with pytest.raises(ValueError, match="truncations: expected a list; got '0.5', which is one alone"):
        study.truncation_sweep(small_gan(), "0.5", reference)
    with pytest.raises(ValueError, match="metrics: expected some of fid"):
        study.truncation_sweep(small_gan(), [1.0], reference, "std")


@pytest.mark.usefixtures("numbers_first")
def test_a_study_in_small_leaves_picture_and_numbers(folder, network):
    path = study.run(folder / "model.keras", folder / "out", [2.0, 0.1], n=20, seed=3, real=folder / "real")
    content = json.loads(path.read_text())
    assert content["settings"]["truncations"] == [0.1, 2.0] and content["settings"]["seed"] == 3
    assert content["result"]["held_out"] is None  # a folder has no test split
    gan = kerasgan.load(folder / "model.keras")
    reference = metrics.Reference.of_arrays(REAL, network)
    for row in content["result"]["thresholds"]:
        images = gan.sample(20, seed=3, labels=np.arange(20) % 2, truncation=row["truncation"])
        wanted = metrics.evaluate_images(images, reference, "fid,is", seed=3)
        assert [one["value"] for one in row["results"]] == pytest.approx([one.value for one in wanted], rel=1e-3)
        assert f"truncation {row['truncation']:g}" in row["results"][0]["protocol"]["notes"]
    assert np.asarray(Image.open(folder / "out" / "truncation.png")).std() > 10


def test_an_error_of_the_held_out_images_comes_before_the_thresholds(folder, monkeypatch):
    def fails(*arguments):
        raise ConnectionError("no test split here")

    def too_early(*arguments, **more):
        raise AssertionError("a threshold was measured")

    monkeypatch.setattr(study, "_held_out", fails)
    monkeypatch.setattr(metrics, "evaluate", too_early)
    with pytest.raises(ConnectionError, match="no test split"):
        study.run(folder / "model.keras", folder / "out", [0.5], n=20, real=folder / "real")


def test_real_images_are_the_first_of_the_test_split(network, monkeypatch):
    section = kerasgan.recipes.sections.ImageData(tfds="garments")
    images = RNG.integers(0, 256, (230, 32, 32, 1), "uint8")

    def tfds(name, split, data_dir):
        assert (name, split) == ("garments", "test")
        return data.arrays(images, np.arange(230) % 10)

    monkeypatch.setattr(data, "tfds", tfds)
    reference = metrics.Reference.of_arrays(REAL, network)
    found = study._held_out(section, reference, "fid", 210, 0, None)
    assert found[0].value == metrics.evaluate_images(images[:210], reference, "fid")[0].value
    assert study._held_out(section, reference, "fid", 231, 0, None) is None


def test_colour_and_a_single_threshold_are_drawn(tmp_path, small_gan, network):
    images = RNG.integers(0, 256, (1, 5, 16, 16, 3), "uint8")
    found = study.truncation_sweep(small_gan(), [1.0], metrics.Reference.of_arrays(REAL, network), n=20)
    path = study.draw(tmp_path / "one.png", [1.0], found, images)
    assert np.ptp(np.asarray(Image.open(path).convert("RGB")).astype(int), axis=-1).max() > 100


def test_wrong_arguments_are_named_before_any_work(folder):
    out = folder / "new"
    with pytest.raises(ValueError, match="metrics: expected some that give two numbers, for a curve; got 'fid'"):
        study.run(folder / "model.keras", out, names="fid")
    with pytest.raises(FileNotFoundError, match="no such file: .*other.keras"):
        study.run(folder / "other.keras", out)
    with pytest.raises(ValueError, match="data: expected a dataset, a folder, a recipe or a run"):
        study.run(folder / "model.keras", out)
    assert not out.exists()
