"""A float16 gradient that overflows on one replica alone is no step for any, as on one replica."""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]


def test_an_overflow_on_the_second_replica_is_skipped():
    command = [sys.executable, "-m", "tests.distribute.overflow"]
    done = subprocess.run(command, check=True, timeout=300, cwd=ROOT, capture_output=True, text=True)
    plain, clipped = json.loads(done.stdout.splitlines()[-1])
    for first, second in (plain, clipped):
        assert first == {"kernel": [1, 1], "updates": 0, "scale": 2**14}  # half of Keras's first scale
        assert second["updates"] == 1 and second["scale"] == 2**14
        assert 0 < 1 - max(second["kernel"]) < 0.1
