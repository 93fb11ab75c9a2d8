"""Pictures in a bucket, from a server on loopback that speaks S3."""

import concurrent.futures
import io

import numpy as np
import pytest

import kerasgan
from kerasgan.data import bucket, fitting
from kerasgan.recipes import sections
from kerasgan.training import evaluation
from tests.data.pictures_of_one_value import png, values
from tests.saving.test_remote import s3

pytest.importorskip("s3fs", reason="needs the extra `remote`")


@pytest.fixture
def client(monkeypatch, tmp_path):
    """A client of a bucket with pictures of two classes, and an empty cache."""
    import s3fs

    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KERASGAN_OFFLINE", raising=False)
    s3fs.S3FileSystem.clear_instance_cache()  # an instance keeps its server's address
    with s3(monkeypatch) as client:
        client.create_bucket(Bucket="pictures")
        for number, name in enumerate(("boots/1.png", "boots/2.png", "coats/1.png")):
            client.put_object(Bucket="pictures", Key=f"all/garments/{name}", Body=png(number))
        yield client
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_folder_of_a_bucket_is_read_as_a_folder_and_copied_once(client, tmp_path, monkeypatch):
    source = kerasgan.data.folder("s3://pictures/all/garments/")
    assert (source.name, source.count, source.class_names) == ("garments", 3, ("boots", "coats"))
    assert values(source) == [0, 1, 2]
    [copy] = (tmp_path / "cache" / "data").glob("*/garments")
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    assert values(kerasgan.data.folder("s3://pictures/all/garments")) == [0, 1, 2]
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before


def test_what_changes_in_the_bucket_is_copied_anew(client):
    first = bucket.local("s3://pictures/all/garments")
    client.put_object(Bucket="pictures", Key="all/garments/coats/1.png", Body=png(9))
    second = bucket.local("s3://pictures/all/garments")
    assert first != second and first.is_dir()
    assert values(kerasgan.data.folder("s3://pictures/all/garments")) == [0, 1, 9]


def test_processes_that_ask_at_once_get_one_whole_copy(client, tmp_path):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = set(pool.map(bucket.local, ["s3://pictures/all/garments"] * 4))
    [copy] = found
    assert len(list(copy.rglob("*.png"))) == 3
    assert not list((tmp_path / "cache").rglob(".tmp-*"))


def test_a_file_of_arrays(client, tmp_path):
    file = io.BytesIO()
    np.savez(file, x=np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 16, 16, 3), np.uint8))
    client.put_object(Bucket="pictures", Key="four.npz", Body=file.getvalue())
    source = kerasgan.data.npz("s3://pictures/four.npz")
    assert (source.name, values(source)) == ("four", [0, 1, 2, 3])
    assert fitting.of("s3://pictures/four.npz").count == 4


def test_a_recipes_section_fits_itself_to_pictures_in_a_bucket(client):
    section = sections.ImageData(folder="s3://pictures/all/garments", fit=True).fitted()
    assert (section.channels, section.labels, section.open().count) == (3, True, 3)
    assert section.noise().class_names == ("boots", "coats")


def test_what_is_not_there_is_named_and_leaves_nothing(client, tmp_path, monkeypatch):
    for address in ("s3://pictures/none", "s3://none/garments"):
        with pytest.raises((FileNotFoundError, PermissionError), match=address):
            kerasgan.data.folder(address)
    client.put_object(Bucket="pictures", Key="out/../../up.png", Body=png(0))
    with pytest.raises(ValueError, match="expected names that stay in the folder"):
        bucket.local("s3://pictures/out")
    monkeypatch.setenv("KERASGAN_OFFLINE", "1")
    with pytest.raises(ConnectionError, match="KERASGAN_OFFLINE"):
        kerasgan.data.folder("s3://pictures/all/garments")
    assert not list(tmp_path.rglob("*.png"))


def test_other_paths_stay_what_they_are():
    for path in ("pictures", "/s3:/x", "https://a/b"):
        assert bucket.local(path) is path


def test_models_are_measured_against_a_buckets_pictures(client):
    address = "s3://pictures/all/garments"
    assert evaluation.data_section(address) == sections.ImageData(folder=address)
    assert evaluation.data_section("s3://pictures/all.npz") == sections.ImageData(arrays="s3://pictures/all.npz")
