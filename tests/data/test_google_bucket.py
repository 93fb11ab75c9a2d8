"""Pictures in a bucket of Google Cloud Storage, by an emulator of others in an environment of its own."""

import contextlib
import os
import subprocess
import sys
import time
import urllib.request

import pytest

import kerasgan
from tests.data.pictures_of_one_value import png, values
from tests.distribute.workers import free_ports

# read where gcsfs is imported: else it asks for the bucket's kind over gRPC, which no emulator speaks, for a minute
os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
pytest.importorskip("gcsfs", reason="needs the extra `remote`")
pytestmark = pytest.mark.slow

EMULATOR = "gcp-storage-emulator==2024.8.3"


@pytest.fixture
def bucket(monkeypatch, tmp_path):
    """A file system with an empty bucket `pictures`, and an empty cache."""
    home = tmp_path / "emulator"
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    done = subprocess.run([home / "bin" / "pip", "install", "-q", EMULATOR], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{EMULATOR} cannot be installed: {done.stderr[-200:]}")
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [home / "bin" / "gcp-storage-emulator", "start", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen([*command, "--in-memory", "--default-bucket", "pictures"], stderr=subprocess.DEVNULL)
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KERASGAN_OFFLINE", raising=False)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
    monkeypatch.setenv("NO_GCE_CHECK", "true")  # google-auth: no look for the metadata server of their machines
    import gcsfs

    gcsfs.GCSFileSystem.clear_instance_cache()  # an instance keeps its server's address
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/storage/v1/b/pictures", timeout=5):
                break
            time.sleep(0.1)
        yield gcsfs.GCSFileSystem(token="anon")
    finally:
        server.kill()
        server.wait()
        gcsfs.GCSFileSystem.clear_instance_cache()


def test_a_folder_of_a_bucket_is_read_and_read_anew_when_it_changes(bucket):
    for number, name in enumerate(("boots/1.png", "boots/2.png", "coats/1.png")):
        bucket.pipe(f"pictures/all/garments/{name}", png(number))
    source = kerasgan.data.folder("gs://pictures/all/garments/")
    assert (source.name, source.count, source.class_names) == ("garments", 3, ("boots", "coats"))
    assert values(source) == [0, 1, 2]
    bucket.pipe("pictures/all/garments/coats/1.png", png(9))
    assert values(kerasgan.data.folder("gs://pictures/all/garments/")) == [0, 1, 9]
