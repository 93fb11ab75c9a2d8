"""Presets in buckets and on the Hugging Face Hub, over HTTP from servers on loopback that speak their protocols."""

import contextlib
import subprocess
import sys

import boto3
import fsspec
import numpy as np
import pytest
from moto.server import ThreadedMotoServer

import kerasgan
from kerasgan.saving import download, hugging_face, manifest, sources
from tests.saving import google_storage

huggingface_hub, _, _ = (
    pytest.importorskip(name, reason="needs the extra `remote`") for name in ("huggingface_hub", "gcsfs", "s3fs")
)


@contextlib.contextmanager
def s3(monkeypatch):
    """Run moto's S3 server while the block runs; yields a boto3 client of it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    for name, value in (
        ("AWS_ENDPOINT_URL", url),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    try:
        yield boto3.client("s3", endpoint_url=url)
    finally:
        server.stop()


@pytest.fixture
def gs(web, monkeypatch):
    """Return what is asked of the bucket `models`, which has the preset at gans/small."""
    monkeypatch.setenv("NO_GCE_CHECK", "true")  # google-auth: no look for the metadata server of their machines
    fsspec.get_filesystem_class("gs").clear_instance_cache()  # an instance keeps its bucket's address
    with google_storage.bucket("models", web.folder.parent) as (url, asked):
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        yield asked
    fsspec.get_filesystem_class("gs").clear_instance_cache()


def test_a_bucket_of_google(gs, preset, made, cache):
    sampler = kerasgan.from_preset("gs://models/site/small")
    np.testing.assert_array_equal(sampler.sample(3), made[1].sample(3))
    asked = {path.rpartition("%2F")[2] for path, _ in gs if "%2F" in path}
    assert asked == {"metadata.json", "config.json", "model.weights.h5"}

    [weights] = cache.rglob("model.weights.h5")
    content = weights.read_bytes()
    weights.unlink()
    weights.with_name(f"{weights.name}.part").write_bytes(content[:50_000])
    gs.clear()
    again = sources.folder("gs://models/site/small")
    assert (again / weights.name).read_bytes() == content
    firsts = [int(span.split("=")[1].split("-")[0]) for path, span in gs if path.endswith("h5") and span]
    assert min(firsts) == 50_000


def test_a_bucket_of_google_without_the_preset_is_named(gs):
    for url in ("gs://models/site/none", "gs://elsewhere/site/small"):
        with pytest.raises(FileNotFoundError, match=f"{url}/metadata.json: the bucket does not have or give it"):
            sources.folder(url)


def test_a_large_file_of_a_bucket_takes_few_requests(gs, web):
    size = 6 * 2**20
    (web.folder / "large").mkdir()
    (web.folder / "large" / "model.weights.h5").write_bytes(bytes(size))
    with download._opened("gs://models/site/large", "model.weights.h5", 0) as (start, pieces):
        assert start == 0 and b"".join(pieces) == bytes(size)
    assert len(gs) <= 10


@pytest.mark.parametrize("url", ["gs://models/small", "s3://models/small"])
def test_a_setting_that_the_bucket_package_refuses_is_named(url, monkeypatch):
    scheme = url.partition(":")[0]
    monkeypatch.setitem(fsspec.config.conf, scheme, {"token": 3} if scheme == "gs" else {"unknown_setting": 3})
    fsspec.get_filesystem_class(scheme).clear_instance_cache()
    with pytest.raises(ConnectionError, match=rf"{url}/metadata.json: cannot be fetched \(.*(Token|unknown_setting)"):
        sources.folder(url)


def test_a_bucket_of_s3(preset, made, monkeypatch, cache):
    with s3(monkeypatch) as client:
        client.create_bucket(Bucket="models")
        for path in preset.iterdir():
            client.upload_file(str(path), "models", f"gans/small/{path.name}")
        sampler = kerasgan.from_preset("s3://models/gans/small")
        np.testing.assert_array_equal(sampler.sample(3), made[1].sample(3))

        # a partial file is gone on with: its first bytes, wrong on purpose, stay, which the checksum then finds
        weights = preset / "model.weights.h5"
        file = manifest.File(size=weights.stat().st_size, sha256=manifest.sha256(weights))
        content = weights.read_bytes()
        target = cache / "part" / weights.name
        target.parent.mkdir()
        part = target.with_name(f"{target.name}.part")
        part.write_bytes(content[:50_000])
        download.fetch("s3://models/gans/small", weights.name, target, file, lambda have: None)
        assert target.read_bytes() == content
        target.unlink()
        part.write_bytes(bytes(50_000))
        with pytest.raises(ValueError, match="not the file that was published: expected SHA-256"):
            download.fetch("s3://models/gans/small", weights.name, target, file, lambda have: None)
        assert list(target.parent.iterdir()) == []
        with pytest.raises(FileNotFoundError, match="s3://models/gans/none/metadata.json"):
            kerasgan.from_preset("s3://models/gans/none")


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("hf://someone/small", "someone/small/resolve/main"),
        ("hf://someone/small@v1.2/deep/er", "someone/small/resolve/v1.2/deep/er"),
    ],
)
def test_the_hub(web, preset, made, monkeypatch, address, place):
    """The Hub gives files at /USER/REPO/resolve/REVISION/PATH, addresses that huggingface_hub makes."""
    folder = web.folder / place
    folder.mkdir(parents=True)
    for path in preset.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    url, _ = hugging_face.address(address, "config.json")
    assert url == f"{huggingface_hub.constants.ENDPOINT}/{place}/config.json"
    real = hugging_face.address

    def on_loopback(base, name):
        url, headers = real(base, name)
        return url.replace(huggingface_hub.constants.ENDPOINT, web.url), headers

    monkeypatch.setattr(hugging_face, "address", on_loopback)
    web.cuts["model.weights.h5"] = [40_000]
    np.testing.assert_array_equal(kerasgan.from_preset(address).sample(3), made[1].sample(3))
    assert [status for path, _, status in web.asked if path.endswith(".h5")] == [200, 206]


def test_the_token_goes_to_the_hub(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    _, headers = hugging_face.address("hf://someone/small", "config.json")
    assert headers["authorization"] == "Bearer hf_secret"


@pytest.mark.parametrize(
    ("url", "module"), [("hf://someone/small", "huggingface_hub"), ("s3://models/small", "s3fs"), ("gs://m/s", "gcsfs")]
)
def test_a_package_that_is_not_there_is_named(url, module):
    script = f"import sys; sys.modules[{module!r}] = None; from kerasgan.saving import sources; sources.folder({url!r})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert (
        last.startswith(f"ImportError: {url}") and f"needs the package {module}; pip install 'kerasgan[remote]'" in last
    )
