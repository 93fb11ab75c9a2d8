"""`kerasgan train --strategy` and `--devices`: what they choose, and what they refuse."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from kerasgan.utils import devices, tf_runtime
from kerasgan.utils.tf_runtime import Strategy
from tests.distribute import workers
from tests.distribute.workers import train, weights

TWO = json.dumps({"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}, "task": {"type": "worker", "index": 0}})


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.setattr(tf_runtime, "_chosen", dict(tf_runtime._chosen))


@pytest.mark.parametrize("strategy", [Strategy.AUTO, Strategy.ONE])
def test_one_device_is_one_whatever_else_is_there_to_choose(monkeypatch, strategy):
    if strategy is Strategy.ONE:
        monkeypatch.setenv("TF_CONFIG", TWO)  # of a pod in which somebody tries something alone
    monkeypatch.setattr(devices, "_of_this_machine", lambda: 1)
    with devices.used(strategy) as found:
        assert found.num_replicas_in_sync == 1


@pytest.mark.parametrize(
    ("strategy", "count", "config", "message"),
    [
        (Strategy.MULTI_WORKER, 1, None, "strategy: expected several workers for multi_worker, .*; got none"),
        (Strategy.MIRRORED, 1, TWO, "strategy: expected at least two devices .* for mirrored; got one"),
        (Strategy.ONE, 2, None, "strategy: expected one device for one; got 2"),
        (Strategy.AUTO, 2, TWO, "devices: expected one CPU, as a worker computes on .*; got several"),
    ],
)
def test_contradictions_are_refused(monkeypatch, strategy, count, config, message):
    monkeypatch.setattr(devices, "_of_this_machine", lambda: count)
    monkeypatch.setattr(devices.tf.config, "get_visible_devices", lambda kind: [])
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(ValueError, match=message), devices.used(strategy):
        pass


@pytest.mark.parametrize("wrong", ["", "0", "-1", "gpu", "xpu:0", "GPU:0,CPU:0", "GPU:0,", "2,GPU:0", "GPU:0 GPU:1"])
def test_devices_that_are_none_are_named(wrong):
    message = f"^--devices: expected a number, or names such as GPU:0,GPU:1 or CPU:0,CPU:1; got '{re.escape(wrong)}'$"
    with pytest.raises(ValueError, match=message):
        tf_runtime.import_tensorflow(wrong)


@pytest.mark.parametrize("missing", ["99", "GPU:99", "CPU:0,CPU:0", "CPU:1"])
def test_devices_that_are_not_there_are_named(missing):
    with pytest.raises(ValueError, match=f"^--devices: expected each once, .* [0-9]+ GPUs, .*; got {missing}$"):
        tf_runtime.import_tensorflow(missing)


def test_two_options_that_name_devices_are_one_too_many():
    tf_runtime.choose(device="cpu")
    with pytest.raises(ValueError, match="^--devices: expected without --device; got 1 and cpu$"):
        tf_runtime.import_tensorflow("1")


@pytest.mark.slow
def test_devices_of_one_machine_take_the_steps_of_one(recipe, tmp_path):
    path = recipe(12)
    chosen = {
        "one": ["--strategy", "one"],  # though TF_CONFIG tells of another worker, who does not come
        "two": ["--devices", "CPU:0,CPU:1"],
        "named": ["--devices", "cpu:0,cpu:1", "--strategy", "mirrored"],
    }
    for name, options in chosen.items():
        environment = {**os.environ, **({"TF_CONFIG": TWO} if name != "two" else {})}
        arguments = train(path, "--run", tmp_path / name, *options)
        command = [sys.executable, *map(str, arguments)]
        subprocess.run(command, check=True, cwd=workers.ROOT, timeout=300, env=environment)
    facts = {name: json.loads((tmp_path / name / "run.json").read_text()) for name in chosen}
    assert [len(facts[name]["devices"]) for name in chosen] == [1, 2, 2]
    one, two, named = (weights(tmp_path / name) for name in chosen)
    for alone, mirrored in zip(one, two, strict=True):
        np.testing.assert_allclose(mirrored, alone, rtol=1e-4, atol=1e-5)
    for first, second in zip(two, named, strict=True):
        np.testing.assert_array_equal(first, second)
