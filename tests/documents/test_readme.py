"""The README's Python examples run as printed, in order, in one empty folder."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import tensorflow as tf

from kerasgan.data import tfds_source
from tests.conftest import needs_fashion_mnist

ROOT = pathlib.Path(__file__).parents[2]
IMAGES = 20_000  # of 60,000, so that an epoch is short; more than 300 steps, when the example draws a grid


@pytest.fixture
def data_dir(tmp_path):
    """TFDS's folder, with the first images of Fashion-MNIST alone."""
    whole = pathlib.Path(tfds_source.prepare("fashion_mnist").data_dir)
    part = tmp_path / "tfds" / whole.parent.name / whole.name
    shutil.copytree(whole, part)
    [file] = part.glob("*-train.tfrecord-00000-of-00001")
    with tf.io.TFRecordWriter(str(file)) as writer:
        for record in tf.data.TFRecordDataset(str(whole / file.name)).take(IMAGES).as_numpy_iterator():
            writer.write(record)
    info = json.loads((part / "dataset_info.json").read_text())
    [train] = (split for split in info["splits"] if split["name"] == "train")
    train["shardLengths"] = [str(IMAGES)]
    (part / "dataset_info.json").write_text(json.dumps(info))
    return tmp_path / "tfds"


@needs_fashion_mnist
def test_python_examples_run_as_printed(tmp_path, data_dir):
    folder = tmp_path / "empty"
    folder.mkdir()
    environment = {**os.environ, "TFDS_DATA_DIR": str(data_dir)}
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(examples) >= 2
    for number, example in enumerate(examples):
        path = folder / f"example_{number}.py"
        path.write_text(example)
        line = [sys.executable, path.name]
        done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{example}\n{done.stderr}"
    made = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert {"models/garments/1/saved_model.pb", "served.png"} <= made
    assert [name for name in made if re.fullmatch(r"samples/step-\d{8}\.png", name)]
