"""A small preset, a server of it, a run and the zoo that has it; and a cache of its own for each test."""

import json
import shutil

import pytest

import kerasgan
from kerasgan.models.sampler import Sampler
from kerasgan.saving import manifest, presets, registry
from kerasgan.training import runner
from kerasgan.zoo import publish
from tests.conftest import make_gan
from tests.end_to_end.test_cli import photos, write_recipe  # noqa: F401  photos is a fixture
from tests.saving.served import serving


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Return (preset's folder with training state, its GAN), which has not trained."""
    from kerasgan.models import standing_statistics

    gan = make_gan(num_classes=3)
    folder = tmp_path_factory.mktemp("made") / "small"
    sampler = standing_statistics.copied(gan)
    assert type(sampler) is Sampler
    presets.save(sampler, folder, {"name": "small", "summary": "Small."}, "# small\n", gan=gan)
    return folder, gan


@pytest.fixture
def preset(made, tmp_path):
    """Return a copy of that preset's folder, to be damaged."""
    return shutil.copytree(made[0], tmp_path / "site" / "small")


@pytest.fixture
def web(preset):
    """Return a server of that copy's parent folder."""
    with serving(preset.parent) as served:
        yield served


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Return the cache's folder, empty."""
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KERASGAN_OFFLINE", raising=False)
    monkeypatch.delenv("KERASGAN_ZOO_URL", raising=False)
    monkeypatch.setattr("kerasgan.saving.download._PAUSE", 0.01)
    return tmp_path / "cache"


def rewrite_metadata(folder, **changes):
    """Change a preset's metadata, with the table of its files as they now are."""
    path = folder / manifest.METADATA
    values = {**json.loads(path.read_text()), "files": manifest.describe(folder), **changes}
    path.write_text(json.dumps(values, indent=2) + "\n")


@pytest.fixture
def zoo(tmp_path, preset, monkeypatch):
    """Return a zoo folder whose registry has the preset as `small`; the files are elsewhere."""
    folder = tmp_path / "zoo"
    folder.mkdir()
    table = manifest.describe(preset)
    path = preset / manifest.METADATA
    table[manifest.METADATA] = {"size": path.stat().st_size, "sha256": manifest.sha256(path)}
    entry = registry.Entry(
        summary="Small.",
        data=registry.Data(name="noise", licence="none"),
        image_shape=[32, 32, 1],
        num_classes=3,
        parameters=1,
        files={name: manifest.File(**values) for name, values in table.items()},
    )
    (folder / registry.FILE).write_text(registry.text({"small": entry}))
    monkeypatch.setattr(registry, "FOLDER", folder)
    return folder


@pytest.fixture(scope="session")
def run(tmp_path_factory, photos):  # noqa: F811
    """Return a run folder of a conditional model, 4 steps."""
    folder = tmp_path_factory.mktemp("run")
    return runner.train(write_recipe(folder / "tiny.yaml", photos, steps=4, labels="true"), folder / "runs")


@pytest.fixture(scope="session")
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


def copied(run, to):
    """Return a copy of the run folder, to be changed."""
    return shutil.copytree(run, to / run.name)
