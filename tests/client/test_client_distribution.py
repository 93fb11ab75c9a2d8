"""The distribution `kerasgan-client`: its wheel, used where there is no TensorFlow."""

import io
import pathlib
import subprocess
import sys
import venv
import zipfile

import numpy as np
import pytest
from PIL import Image

from kerasgan.server import Models, ModelServer, ServerOptions
from tests.server import saved_models

ROOT = pathlib.Path(__file__).parents[2]

PROGRAM = """
import sys, time
start = time.process_time()
import kerasgan_client
took = time.process_time() - start
import numpy
for address in sys.argv[1:]:
    with kerasgan_client.connect(address, model="small") as small:
        images = small.generate(4, seed=7, labels=[0, 1, 2, 3], truncation=0.5)
        assert images.shape == (4, 8, 8, 3) and images.dtype == numpy.uint8, (images.shape, images.dtype)
        assert images[:, 0, 0, 0].tolist() == [7, 18, 29, 40], images[:, 0, 0, 0]
        assert small.class_names == tuple("abcdefghij"), small.classes()
        assert small.generate(2, labels=["c", 1])[:, 0, 0, 0].tolist() == [20, 11]
        assert [file[:8] for file in small.generate(2, labels=0, png=True)] == 2 * [b"\\x89PNG\\r\\n\\x1a\\n"]
heavy = {"tensorflow", "keras", "tensorflow_serving", "kerasgan"} & set(sys.modules)
assert not heavy, heavy
print(took)
"""


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    """gRPC and REST address of a server of the model `small`."""
    folder = tmp_path_factory.mktemp("models") / "small"
    saved_models.generator(folder)
    saved_models.name_classes(folder, "abcdefghij")
    with ModelServer(Models({"small": {1: folder}}), ServerOptions(port=0, rest_port=0)) as server:
        yield f"127.0.0.1:{server.port}", f"http://127.0.0.1:{server.rest_port}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    line = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    done = subprocess.run(line, cwd=ROOT / "client", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [path] = out.glob("*.whl")
    return path


def test_the_wheel_holds_nothing_of_the_package_kerasgan(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"kerasgan_client"}
    for name in ("pictures", "seeds", "client/query", "client/wire", "utils/classes", "visualization/image_grid"):
        assert f"kerasgan_client/{name}.py" in names
    source = (ROOT / "kerasgan" / "client" / "client.py").read_bytes()
    assert zipfile.ZipFile(wheel).read("kerasgan_client/client/client.py") == source


def test_it_runs_where_tensorflow_and_kerasgan_cannot_be_imported(wheel, addresses, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    refuse = "import sys\nfor name in ('tensorflow', 'keras', 'kerasgan'): sys.modules[name] = None\n"
    program = refuse + PROGRAM.replace("heavy = {", "heavy = set() and {")  # the three are there, as None
    modules = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")]
    program += "".join(f"import {name[:-3].replace('/', '.')}\n" for name in modules)
    assert "import kerasgan_client.pictures\n" in program
    line = [sys.executable, "-c", f"{refuse}sys.path.insert(0, {str(tmp_path)!r})\n{program}", *addresses]
    done = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow  # half a minute: it installs NumPy, gRPC and the like
def test_in_an_empty_environment(wheel, addresses, tmp_path):
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True, cwd=tmp_path)
    listed = subprocess.run([python, "-m", "pip", "list"], check=True, capture_output=True, text=True).stdout.lower()
    assert "kerasgan-client" in listed and not {"tensorflow", "keras", "kerasgan "} & set(listed.split())
    runs = [
        subprocess.run([python, "-I", "-c", PROGRAM, *addresses], capture_output=True, text=True, cwd=tmp_path)
        for _ in range(3)
    ]
    assert [run.returncode for run in runs] == [0, 0, 0], runs[0].stderr
    print("import took", min(float(run.stdout) for run in runs), "s of CPU time")
    assert min(float(run.stdout) for run in runs) < 0.3
    for address in addresses:
        out = tmp_path / address.replace("/", "_")
        line = [tmp_path / "empty" / "bin" / "kerasgan-query", "small", "--server", address, "-n", "2"]
        subprocess.run([*line, "--seed", "3", "--labels", "c,1", "--out", str(out)], check=True, cwd=tmp_path)
        images = [np.asarray(Image.open(io.BytesIO(path.read_bytes()))) for path in sorted(out.iterdir())]
        assert [image[0, 0, 0] for image in images] == [23, 14]
    wrong = subprocess.run([*line, "--labels", "77", "--out", str(tmp_path / "no.png")], capture_output=True, text=True)
    assert wrong.returncode == 1 and wrong.stderr.startswith("error: model small: ") and wrong.stderr.count("\n") == 1
    assert not (tmp_path / "no.png").exists()
