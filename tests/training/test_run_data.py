"""Whether the data of a resumed run are those that it was trained on."""

import json
import shutil
import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan import data
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
