"""Whether the data of a resumed run are those that it was trained on."""

import json
import shutil
import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan import data
from kerasgan.recipes.sections.images import ImageData
from kerasgan.recipes.sections.points import PointData
from kerasgan.training import run_data


@pytest.fixture
def run(tmp_path):
    """A run folder of a model that was trained on the pictures beside it."""
    rng = np.random.default_rng(0)
    for name in ("boots", "coats"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(4):
            image = rng.integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(image).save(tmp_path / "photos" / name / f"{index}.bmp")
    (tmp_path / "run").mkdir()
    write(tmp_path / "run", **run_data.facts(data.folder(tmp_path / "photos")))
    return tmp_path / "run"


def write(run, **facts):
    (run / "run.json").write_text(json.dumps(facts))


def model(names=("boots", "coats"), count=2):
    return types.SimpleNamespace(num_classes=count, class_names=names, step=tf.constant(5))


def check(run, gan=None, changed=False):
    run_data.check(run, gan or model(), data.folder(run.parent / "photos"), changed)


def _renamed(photos):
    (photos / "boots").rename(photos / "shoes")  # the order of the classes is another, too


def _added(photos):
    shutil.copytree(photos / "boots", photos / "a new class")


def _removed(photos):
    shutil.rmtree(photos / "boots")


def _flat(photos):
    for file in sorted(photos.glob("*/*")):
        file.rename(photos / f"{file.parent.name}{file.name}")
    for name in ("boots", "coats"):
        (photos / name).rmdir()


def _swapped(photos):
    for old, new in (("boots", "x"), ("coats", "boots"), ("x", "coats")):
        (photos / old).rename(photos / new)


def _one_more(photos):
    shutil.copy(photos / "boots" / "0.bmp", photos / "boots" / "4.bmp")


@pytest.mark.parametrize(
    "change, message",
    [
        (_renamed, "have other classes: 'coats', 'shoes' instead of 'boots', 'coats'; labels would not mean"),
        (_added, "have 3 classes instead of 2: 'a new class', 'boots', 'coats' instead of 'boots', 'coats'"),
        (_removed, "have 1 class instead of 2: 'coats' instead of"),
        (_flat, "have 0 classes instead of 2: none instead of 'boots', 'coats'"),
    ],
)
def test_other_classes_are_refused_even_if_the_data_are_said_to_have_changed(run, change, message):
    check(run)
    change(run.parent / "photos")
    for changed in (False, True):
        with pytest.raises(ValueError, match=message) as error:
            check(run, changed=changed)
        assert "begin a new run" in str(error.value)
    unnamed = model(names=None)  # of a kerasgan before class names, and its run.json does not tell them
    if change is not _renamed:
        with pytest.raises(ValueError, match=f"{message.partition(' instead')[0]} instead of 2"):
            check(run, unnamed)


def test_the_same_classes_in_another_order_are_refused(run):
    with pytest.raises(
        ValueError, match="the same classes in another order: 'boots', 'coats' instead of 'coats', 'boots'"
    ):
        check(run, model(("coats", "boots")), changed=True)


@pytest.mark.parametrize("change, count", [(_swapped, 8), (_one_more, 9)])
def test_other_data_of_the_same_classes_are_refused_unless_they_are_said_to_have_changed(run, change, count):
    before = json.loads((run / "run.json").read_text())
    change(run.parent / "photos")
    with pytest.raises(ValueError, match=f"photos has {count} examples, fingerprint .* on 8, .* with --data-changed"):
        check(run)
    assert json.loads((run / "run.json").read_text()) == before
    check(run, changed=True)
    about = json.loads((run / "run.json").read_text())
    assert about["earlier_data"] == [{"until_step": 5, **before}] and about["data"]["images"] == count
    check(run)  # they are its data now


def test_the_classes_of_an_unconditional_model_may_be_called_otherwise_if_that_is_said(run):
    _renamed(run.parent / "photos")
    with pytest.raises(ValueError, match="with --data-changed"):
        check(run, model(None, None))
    check(run, model(None, None), changed=True)


@pytest.mark.parametrize("facts", [{}, {"data": {"name": "photos", "images": 8, "classes": None}}, {"data": 7}])
def test_a_run_that_tells_no_fingerprint_goes_on_with_a_warning(run, facts):
    write(run, **facts)
    with pytest.warns(UserWarning, match="only their number and classes were compared"):
        check(run)


def test_a_run_that_tells_no_fingerprint_but_how_many_examples_is_refused_others(run):
    write(run, data={"name": "photos", "images": 7})
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="photos has 8 examples, .* it was trained on 7"):
        check(run)


def test_points_have_nothing_to_compare(run):
    points = data.eight_gaussians()
    write(run, **run_data.facts(points))
    run_data.check(run, model(None, None), points)


def test_measuring_says_so(run, capsys):
    run_data.tell_if_changed(run, data.folder(run.parent / "photos"))
    assert capsys.readouterr().err == ""
    _one_more(run.parent / "photos")
    run_data.tell_if_changed(run, data.folder(run.parent / "photos"))
    said = capsys.readouterr().err
    assert said.startswith(f"CAUTION: photos is not as it was when {run} was trained on it: 9 examples, fingerprint ")
    write(run)  # an old run does not tell
    run_data.tell_if_changed(run, data.folder(run.parent / "photos"))
    assert capsys.readouterr().err == ""


def section(folder, **settings):
    return ImageData(**{"folder": str(folder), "batch_size": 4, "image_size": 8, "labels": True, **settings})


@pytest.fixture
def described(run):
    """The run, whose `run.json` tells the settings of its section too; a model and its data."""
    photos = run.parent / "photos"
    source = data.folder(photos)
    write(run, **run_data.facts(source, section(photos)))
    gan = model()
    gan.image_shape = (8, 8, 3)
    return run, gan, source, photos


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"batch_size": 2}, "data.batch_size is 2, was 4"),
        ({"center_crop": False}, "data.center_crop is False, was True"),
    ],
)
def test_other_batches_of_the_same_data_are_refused_unless_they_are_meant(described, settings, told):
    """The order of the data goes on as if the run had begun so, which is not what an uninterrupted run would see."""
    run, gan, source, photos = described
    before = json.loads((run / "run.json").read_text())
    with pytest.raises(
        ValueError, match=f"recipe.yaml: the data come otherwise .*: {told}. Put .* with --data-changed"
    ):
        run_data.check(run, gan, source, section=section(photos, **settings))
    assert json.loads((run / "run.json").read_text()) == before
    run_data.check(run, gan, source, changed=True, section=section(photos, **settings))
    about = json.loads((run / "run.json").read_text())
    assert about["earlier_data"] == [{"until_step": 5, **before}]
    run_data.check(run, gan, source, section=section(photos, **settings))  # they are its settings now


@pytest.mark.parametrize("settings", [{"image_size": 16}, {"channels": 1}, {"labels": False}])
def test_what_the_networks_do_not_take_is_refused_whatever_is_said(described, settings):
    run, gan, source, photos = described
    before = (run / "run.json").read_text()
    with pytest.raises(ValueError, match=r"data: expected images of shape \(8, 8, 3\) and num_classes 2, .*; got"):
        run_data.check(run, gan, source, changed=True, section=section(photos, **settings))
    assert (run / "run.json").read_text() == before


def test_a_copy_of_the_data_elsewhere_and_another_cache_are_no_change(described, tmp_path):
    run, gan, source, photos = described
    moved = shutil.copytree(photos, tmp_path / "elsewhere" / "photos")
    run_data.check(run, gan, data.folder(moved), section=section(moved, cache=False))


def test_points_of_another_distribution_are_refused(tmp_path):
    began, now = PointData(toy="eight_gaussians"), PointData(toy="swiss_roll")
    write(tmp_path, **run_data.facts(began.open(), began))
    gan = types.SimpleNamespace(num_classes=None, image_shape=(2,), step=tf.constant(5))
    run_data.check(tmp_path, gan, began.open(), section=began)
    with pytest.raises(ValueError, match="data.toy is swiss_roll, was eight_gaussians"):
        run_data.check(tmp_path, gan, now.open(), section=now)
