"""Errors name what was given in at most a few hundred characters, however much it was."""

import json

import numpy as np
import pytest

import kerasgan
from kerasgan.models import sample_checks
from kerasgan.recipes import recipe
from kerasgan.saving import config_check, manifest, registry
from kerasgan.utils import destinations, messages, validation

LONG = "x" * 100_000
FEW = 1000  # characters


@pytest.mark.parametrize("value", ["a'b", [1, 2], None, 0.5, "x" * 198])
def test_what_is_short_is_quoted_whole(value):
    assert messages.quoted(value) == repr(value)


def test_what_is_long_keeps_its_ends():
    said = messages.quoted(f"begin {LONG} end")
    assert said.startswith("'begin xxx") and said.endswith("xxx end'") and len(said) <= 200
    assert messages.of(KeyError(LONG)).startswith("KeyError: 'xxx") and len(messages.of(KeyError(LONG))) <= 200


@pytest.mark.parametrize(
    "call",
    [
        lambda folder: validation.integer("n", LONG, 1),
        lambda folder: validation.channels(list(LONG)),
        lambda folder: sample_checks.row_values("labels", list(LONG), 3, np.int64),
        lambda folder: sample_checks.sample_labels(list(range(100_000)), 100_000, 10),
        lambda folder: destinations.ending("filepath", LONG, ".keras"),
        lambda folder: kerasgan.data.arrays(np.zeros((2, 4, 4, 1), np.uint8), class_names=LONG),
        lambda folder: kerasgan.networks.dcgan.critic((32, 32, 1), normalization=LONG),
        lambda folder: kerasgan.latents.Normal(LONG),
        lambda folder: recipe.load(written(folder / "r.yaml", f"name: [{LONG}]")),
        lambda folder: recipe.load(written(folder / "r.yaml", f"{LONG}: 1")),
        lambda folder: recipe.load(written(folder / "r.yaml", LONG)),
        lambda folder: manifest.read_metadata(json.dumps({"format": LONG}), "it"),
        lambda folder: manifest.read_metadata(json.dumps({"format": 1, "grid": LONG}), "it"),
        lambda folder: manifest.read_metadata(json.dumps({"format": 1, LONG: 1, "files": {LONG: 1}}), "it"),
        lambda folder: manifest.table({"config.json": {"size": LONG}}, "it"),
        lambda folder: config_check.check({"class_name": LONG, "module": LONG, "registered_name": LONG}, "it"),
        lambda folder: registry.entry(LONG),
        lambda folder: kerasgan.load(written(folder / "bad.keras", LONG)),
    ],
)
def test_no_error_is_longer_than_a_reader_can_take_in(call, tmp_path):
    with pytest.raises(ValueError) as error:
        call(tmp_path)
    assert 20 < len(str(error.value).replace(str(tmp_path), "")) < FEW


def written(path, text):
    path.write_text(text)
    return path


def test_near_names_are_found_in_any_case():
    known = ["hinge_fashion_mnist", "sn_hinge_fashion_mnist", "FID"]
    assert messages.did_you_mean("SN_hinge_fashion_mnist", known).startswith("did you mean sn_hinge_fashion_mnist or ")
    assert messages.did_you_mean("fid", known) == "did you mean FID?"
    assert messages.did_you_mean("nope", ["svhn_cropped", "opus", "drop", "mnist"]) == ""
    assert messages.did_you_mean("zzz", known) == "" == messages.did_you_mean(LONG, known)


def test_an_error_of_several_lines_is_told_on_one():
    assert messages.of(TypeError("first.\n\n  second")) == "TypeError: first. second"
