"""The registry and the presets of the repository, as they are and as a wheel has them."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import kerasgan
from kerasgan.recipes import recipe
from kerasgan.saving import manifest, registry, sources
from kerasgan.zoo import verify

ROOT = pathlib.Path(__file__).parents[2]
NAMES = [name for name, entry in registry.load(ROOT / "zoo").items() if entry.files]


def test_the_registry_has_what_is_there():
    entries = registry.load(ROOT / "zoo")
    folders = {path.name for path in (ROOT / "zoo" / "presets").iterdir()}
    assert folders <= set(NAMES) and NAMES
    for name in folders:
        folder = ROOT / "zoo" / "presets" / name
        assert {path.name for path in folder.iterdir()} == set(entries[name].files)
        for file, described in entries[name].files.items():
            assert manifest.problem(folder / file, described) is None, (name, file)
        facts = sources.metadata(folder)
        assert facts["name"] == name and facts["data"]["licence"] == entries[name].data.licence
        assert (ROOT / "zoo" / "recipes" / f"{name}.yaml").is_file()
    assert (ROOT / "zoo" / registry.FILE).read_text() == registry.text(entries)
    total = sum(file.size for name in folders for file in entries[name].files.values())
    assert total < 45 * 2**20  # they are in the wheel too


def test_a_preset_of_the_repository_samples_without_network(monkeypatch):
    monkeypatch.setenv("KERASGAN_OFFLINE", "1")
    assert registry.FOLDER == ROOT / "zoo"
    gan = kerasgan.from_preset("sgan_fashion_mnist")
    images = gan.sample(20, seed=7)
    assert gan.class_names[9] == "Ankle boot"  # of metadata.json, as the preset is older than names of classes
    np.testing.assert_array_equal(gan.sample(1, labels="Ankle boot"), gan.sample(1, labels=9))
    assert images.shape == (20, 32, 32, 1) and images.dtype == np.uint8 and images.std() > 60
    assert verify.verify("sgan_fashion_mnist", metrics=False)[0].startswith("grid: ")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_preset_makes_the_grid_of_its_card(name):
    verify.verify(name, metrics=False)


def test_what_is_to_be_converted_names_a_layout_of_the_command():
    from kerasgan.cli.app import Layout

    entries = [entry for entry in registry.load(ROOT / "zoo").values() if entry.convert]
    assert {entry.convert.layout for entry in entries} <= {str(layout) for layout in Layout} and entries


@pytest.mark.slow
def test_a_wheel_has_the_zoo(tmp_path):
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns(".git", ".venv*", "build", "*.egg-info", "runs", "demo", "models", "__pycache__")
    shutil.copytree(ROOT, source, ignore=ignored)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, source]
    subprocess.run([str(part) for part in build], check=True, timeout=300)
    [wheel] = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as file:
        file.extractall(site)
    zoo = ROOT / "zoo"
    wanted = {path.relative_to(zoo) for path in zoo.rglob("*") if path.is_file()} - {pathlib.Path("README.md")}
    shipped = site / "kerasgan" / "_zoo"
    assert {path.relative_to(shipped) for path in shipped.rglob("*") if path.is_file()} == wanted
    assert not [path for path in site.iterdir() if path.name != "kerasgan" and ".dist-info" not in path.name]
    script = """
from kerasgan.recipes import recipe
from kerasgan.metrics import features
from kerasgan.saving import sources
assert recipe.load("sgan_fashion_mnist").name == "sgan_fashion_mnist"
assert features.load("garments").classes == 10
print(sources.folder("sgan_fashion_mnist"))
"""
    environment = {**os.environ, "PYTHONPATH": str(site), "KERASGAN_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{shipped / 'presets' / 'sgan_fashion_mnist'}\n"


def test_each_card_names_a_recipe_that_reads(tmp_path):
    import yaml

    for name in NAMES:
        folder = ROOT / "zoo" / "presets" / name
        if not folder.is_dir():
            continue
        plan = recipe.parse(yaml.safe_dump(sources.metadata(folder)["recipe"]))
        assert recipe.load(ROOT / "zoo" / "recipes" / f"{name}.yaml").objective == plan.objective


def test_the_comparisons_table_has_the_numbers_of_the_registry():
    entries, compared = registry.load(ROOT / "zoo"), 0
    for line in (ROOT / "docs" / "comparison.md").read_text().splitlines():
        found = re.search(r"\(\.\./zoo/presets/(\w+)\)", line)
        if found is None:
            continue
        entry = entries[found[1]]
        numbers = [f"{metric['value']:.3g}" for metric in entry.metrics[:3]]
        told = [f"{entry.steps:,}", *numbers, f"{entry.parameters:,}"]
        assert [cell.strip() for cell in line.split("|")[2:7]] == told, found[1]
        compared += 1
    assert compared == sum(name.endswith("_fashion_mnist") for name in entries) == 16
