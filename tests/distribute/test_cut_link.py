"""Two workers in network namespaces of their own, as on two machines, whose link is cut."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from tests.distribute import workers
from tests.distribute.test_faults import LOST, ended_with_75
from tests.distribute.workers import train, wait_for


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


def may_make_namespaces():
    """Whether this user may have network namespaces; a container's root may not always."""
    if os.geteuid() or shutil.which("ip") is None:
        return False
    made = subprocess.run(["ip", "netns", "add", "kerasgan-probe"], capture_output=True).returncode == 0
    if made:
        ip("netns", "del", "kerasgan-probe")
    return made


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not may_make_namespaces(), reason="no network namespaces: be root, apt-get install iproute2"),
]

NAMES = [f"kerasgan-{os.getpid()}-{index}" for index in range(2)]
ADDRESSES = ["10.213.77.1", "10.213.77.2"]


@pytest.fixture
def machines():
    """Make two namespaces, with a link between them."""
    with contextlib.ExitStack() as stack:
        for name in NAMES:
            ip("netns", "add", name)
            stack.callback(ip, "netns", "del", name)
        ends = [f"kg{os.getpid()}{index}" for index in range(2)]
        ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        for name, end, address in zip(NAMES, ends, ADDRESSES, strict=True):
            ip("link", "set", end, "netns", name)
            ip("-n", name, "addr", "add", f"{address}/24", "dev", end)
            ip("-n", name, "link", "set", end, "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield ends


def start(path, run):
    addresses = [f"{address}:2222" for address in ADDRESSES]
    processes = []
    for index, name in enumerate(NAMES):
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment = {**os.environ, "TF_CONFIG": json.dumps(config), "TF_NUM_INTRAOP_THREADS": "1"}
        line = ["ip", "netns", "exec", name, sys.executable, *train(path, "--run", run)]
        processes.append(
            subprocess.Popen(
                list(map(str, line)),
                env=environment,
                cwd=workers.ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    return processes


def test_both_end_with_75_when_their_link_is_cut_and_go_on_when_it_is_back(recipe, tmp_path, machines):
    run, path = tmp_path / "run", recipe(4000)
    job = start(path, run)
    wait_for((run / "checkpoints" / "step-00000004.keras").exists, job)
    ip("-n", NAMES[1], "link", "set", machines[1], "down")
    cut = time.monotonic()
    for process in job:
        assert "start all workers again" in ended_with_75(job, process, max(1, cut + LOST - time.monotonic()))

    ip("-n", NAMES[1], "link", "set", machines[1], "up")
    before = newest(run)
    job = start(path, run)
    try:
        wait_for(lambda: newest(run) > before, job)
    finally:
        for process in job:
            process.kill()
            process.communicate()


def newest(run):
    """The step of a run's newest checkpoint."""
    return int(max((run / "checkpoints").glob("step-*.keras")).stem.partition("-")[2])
