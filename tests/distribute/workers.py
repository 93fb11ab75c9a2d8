"""Starting workers: processes on loopback that train one model together."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

import numpy as np

import kerasgan

ROOT = pathlib.Path(__file__).parents[2]


def free_ports(count):
    """Return ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def environments(count, **more):
    """Return the environment of each of `count` workers."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
    environments = []
    for index in range(count):
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "2"}
        environments.append({**os.environ, **threads, "TF_CONFIG": json.dumps(config), **more})
    return environments


def start(count, command_of, **more):
    """Start `count` workers; `command_of(index)` are the arguments of Python. Returns the processes."""
    return [
        subprocess.Popen(
            [sys.executable, *map(str, command_of(index))],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for index, environment in enumerate(environments(count, **more))
    ]


def ended(processes, timeout=600):
    """Wait for all of them; returns pairs of exit status and what was said. None is left when one hangs."""
    try:
        said = [process.communicate(timeout=timeout)[0] for process in processes]
        return [(process.returncode, text) for process, text in zip(processes, said)]
    finally:
        for process in processes:
            process.kill()


def train(recipe, *arguments):
    """Return the arguments of Python that train a recipe."""
    return ["-m", "kerasgan", "train", recipe, *arguments]


def weights(run, step=12):
    """Return the variables of a run's checkpoint, in order."""
    gan = kerasgan.load(run / "checkpoints" / f"step-{step:08d}.keras")
    return [np.asarray(variable) for variable in gan.variables]


def wait_for(happened, job, timeout=300):
    """Wait until `happened()`, for which all processes of a job must live."""
    end = time.monotonic() + timeout
    while not happened():
        assert time.monotonic() < end and all(process.poll() is None for process in job)
        time.sleep(0.001)
