"""One folder for what is kept, and one switch that forbids downloads."""

import hashlib
import pathlib

import keras
import numpy as np
import pytest
import requests
import tensorflow_datasets

import kerasgan
from kerasgan.data import brown, tfds_source
from kerasgan.metrics import features
from kerasgan.metrics.evaluation.extraction import Needs
from kerasgan.metrics.evaluation.reference import Reference
from kerasgan.saving import cache, registry
from kerasgan.utils import cache_root, known_weights
from tests.saving.served import serving


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return a user's home, with `KERASGAN_CACHE=~/x`; the working folder is another one."""
    for name in ("KERASGAN_OFFLINE", "XDG_CACHE_HOME", "KERASGAN_ZOO_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("home", "elsewhere"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERASGAN_CACHE", "~/x")
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "home"


@pytest.fixture
def no_network(monkeypatch):
    """Return the list of what is asked of the network, which does not answer."""
    asked = []

    def refuse(*arguments, **options):
        asked.append(arguments)
        raise requests.ConnectionError("no route")

    for name in ("get", "head"):
        monkeypatch.setattr(requests, name, refuse)
    monkeypatch.setattr(requests.Session, "send", refuse)
    monkeypatch.setattr(keras.utils, "get_file", refuse)
    monkeypatch.setattr(tensorflow_datasets.core.DatasetBuilder, "download_and_prepare", refuse)
    return asked


def test_zoo_features_texts_and_statistics_are_kept_in_one_place(home, monkeypatch):
    source = home / "weights.bin"
    source.write_bytes(b"numbers")
    known_weights.downloaded(source.as_uri(), hashlib.sha256(b"numbers").hexdigest(), "numbers")
    with pytest.raises(ConnectionError, match=f"put it at {home / 'x' / brown.NAME}"):
        monkeypatch.setattr(brown, "URL", "http://127.0.0.1:9/")
        brown.sentences()
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 1), dtype="uint8")
    Reference.of_arrays(images, features.load("garments"), cache=cache_root.root()).extracted(Needs())
    site = registry.FOLDER / "presets"
    name = next(path.name for path in sorted(site.iterdir()) if (path / "model.weights.h5").is_file())
    with serving(site) as web:
        kerasgan.from_preset(f"{web.url}/{name}")
    assert {path.name for path in (home / "x").iterdir()} == {"features", "statistics", "presets", "addresses"}
    assert cache.place("a", {}).parent == home / "x" / "presets"
    assert list(pathlib.Path.cwd().iterdir()) == []  # no folder called ~


@pytest.mark.parametrize("value", ["1", "true", "yes", "TRUE"])
def test_offline_nothing_asks_the_network(home, no_network, monkeypatch, value):
    monkeypatch.setenv("KERASGAN_OFFLINE", value)
    for call in (
        lambda: kerasgan.from_preset("https://example.org/preset"),
        lambda: features.load("inception-2015"),
        lambda: features.load("keras-inception-v3"),
        lambda: brown.sentences(),
        lambda: tfds_source.prepare("cifar10", str(home)),
    ):
        with pytest.raises(ConnectionError, match="KERASGAN_OFFLINE forbids the download"):
            call()
    assert no_network == []


@pytest.mark.parametrize("value", ["", "0", "false", "No", " off "])
def test_words_for_no_allow_downloads(home, monkeypatch, value):
    monkeypatch.setenv("KERASGAN_OFFLINE", value)
    assert not cache_root.offline()


def test_without_a_name_it_is_the_users_cache(home, monkeypatch):
    monkeypatch.setenv("KERASGAN_CACHE", "")
    assert cache_root.root() == home / ".cache" / "kerasgan"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "xdg"))
    assert cache_root.root() == home / "xdg" / "kerasgan"
