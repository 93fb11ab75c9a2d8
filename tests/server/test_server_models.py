import shutil

import grpc
import pytest

from kerasgan.server import Models, ServerOptions, find_models, serve
from kerasgan.server.errors import ServingError
from kerasgan.server.inference import metadata


def make(*names):
    for path in names:
        path.mkdir(parents=True)
        (path / "saved_model.pb").touch()


def test_a_folder_of_models(tmp_path):
    make(tmp_path / "a" / "1", tmp_path / "a" / "10", tmp_path / "a" / "9", tmp_path / "128" / "00017")
    make(tmp_path / ".hidden" / "1", tmp_path / "a" / ".tmp-11", tmp_path / "a" / "-12", tmp_path / "a" / "+13")
    (tmp_path / "notes").mkdir()
    (tmp_path / "file").touch()
    assert find_models(tmp_path) == {
        "a": {10: tmp_path / "a" / "10"},
        "128": {17: tmp_path / "128" / "00017"},
    }


def test_one_models_folder(tmp_path):
    make(tmp_path / "biggan" / "3")
    assert find_models(tmp_path / "biggan") == {"biggan": {3: tmp_path / "biggan" / "3"}}
    assert find_models(f"{tmp_path}/biggan/", "other") == {"other": {3: tmp_path / "biggan" / "3"}}


def test_a_version_is_an_int64(tmp_path):
    make(tmp_path / "m" / str(2**63 - 1), tmp_path / "m" / str(2**63), tmp_path / "m" / ("9" * 200))
    make(tmp_path / "m" / "٣")
    assert list(find_models(tmp_path)["m"]) == [2**63 - 1]


@pytest.mark.parametrize("what", ["missing", "empty", "file", "version", "name"])
def test_nothing_to_serve_is_a_clear_error(tmp_path, what):
    folder, words = tmp_path / what, "VERSION/saved_model.pb"
    if what == "empty":
        folder.mkdir()
    elif what == "file":
        folder.touch()
        words = f"is exported first: kerasgan export {folder} models/file/1, then kerasgan serve models$"
    elif what == "version":
        make(folder)
        words = "serve its parent folder"
    elif what == "name":
        make(folder / "a" / "1", folder / "b" / "1")
        words = "a folder of models"
    with pytest.raises(ValueError, match=words) as raised:
        find_models(folder, "m" if what == "name" else None)
    assert str(folder) in str(raised.value)


def test_a_version_that_does_not_load_is_reported_and_the_others_are_served(folders, tmp_path, caplog):
    make(tmp_path / "bad" / "5")
    shutil.copytree(folders["two"], tmp_path / "good" / "1")
    models = Models(find_models(tmp_path))
    models.load()
    [version] = metadata.status(models, "bad").model_version_status
    assert version.state == version.END
    assert version.status.error_code != 0
    assert version.status.error_message
    assert str(tmp_path / "bad" / "5") in caplog.text
    with pytest.raises(ServingError, match=r"Latest\(bad\)") as raised:
        models.find("bad")
    assert raised.value.code == grpc.StatusCode.NOT_FOUND
    assert models.find("good").number == 1
    models.close()


@pytest.mark.parametrize("damage", ["garbage", "no variables", "empty"])
def test_no_version_that_loads_is_a_clear_error(folders, tmp_path, damage):
    folder = tmp_path / "m" / "1"
    shutil.copytree(folders["two"], folder)
    if damage == "garbage":
        (folder / "saved_model.pb").write_bytes(b"\xff" * 100)
    elif damage == "empty":
        shutil.rmtree(folder)
        folder.mkdir()
    else:
        shutil.rmtree(folder / "variables")
    with pytest.raises(ValueError, match="no model can be served") as raised:
        serve(tmp_path, ServerOptions(port=0, rest_port=0))
    assert str(folder) in str(raised.value)


def test_find_prefers_the_highest_available_version(folders, tmp_path):
    make(tmp_path / "3")
    models = Models({"m": {1: folders["two"], 2: folders["three"], 3: tmp_path / "3"}})
    with pytest.raises(ServingError, match="Latest"):
        models.find("m")  # not loaded yet
    models.load()
    assert models.find("m").number == 2
    assert models.find("m", 1).number == 1
    assert [version.state for version in models.versions("m")] == ["AVAILABLE", "AVAILABLE", "END"]
    models.close()
    assert {version.state for version in models.versions("m")} == {"END"}
