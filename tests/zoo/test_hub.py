"""Uploading a preset to the Hugging Face Hub, which is here a server on loopback that answers as the Hub does."""

import base64
import json
import threading

import flask
import numpy as np
import pytest
import werkzeug.serving

import kerasgan
from kerasgan.saving import manifest
from kerasgan.zoo import hub
from tests.conftest import make_gan

huggingface_hub = pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install 'kerasgan[remote]'")


def fake_hub(files, asked):
    """Return a Flask app with the Hub's calls for making a repository, committing to it and reading from it."""
    app = flask.Flask("hub")

    @app.before_request
    def note():
        asked.append((flask.request.method, flask.request.path, flask.request.headers.get("Authorization")))
        if flask.request.path == "/api/validate-yaml":  # which asks for no token
            return None
        if flask.request.headers.get("Authorization") != "Bearer hf_right":
            return flask.jsonify(error="Invalid username or password."), 401
        return None

    @app.post("/api/repos/create")
    def create():
        body = flask.request.get_json()
        return flask.jsonify(url=f"{flask.request.host_url}{body.get('organization', 'someone')}/{body['name']}")

    @app.post("/api/validate-yaml")
    def validate():
        return flask.jsonify(errors=[], warnings=[])

    @app.get("/api/models/<user>/<name>")
    @app.get("/api/models/<user>/<name>/revision/<revision>")
    def info(user, name, revision="main"):
        return flask.jsonify(id=f"{user}/{name}", sha="0" * 40, siblings=[], private=False, tags=[])

    @app.post("/api/models/<user>/<name>/preupload/<revision>")
    def preupload(user, name, revision):
        wanted = flask.request.get_json()["files"]
        return flask.jsonify(
            files=[{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in wanted]
        )

    @app.post("/api/models/<user>/<name>/commit/<revision>")
    def commit(user, name, revision):
        for line in flask.request.get_data().splitlines():
            entry = json.loads(line)
            if entry["key"] == "file":
                files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
        return flask.jsonify(commitUrl=f"{flask.request.host_url}{user}/{name}/commit/1", commitOid="1" * 40)

    @app.get("/<user>/<name>/resolve/<revision>/<path:path>")
    def resolve(user, name, revision, path):
        return (files[path], 200) if path in files else ("", 404)

    return app


@pytest.fixture
def served(monkeypatch, tmp_path):
    files, asked = {}, []
    server = werkzeug.serving.make_server("127.0.0.1", 0, fake_hub(files, asked), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", url)
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    yield files, asked, url
    server.shutdown()
    thread.join()


def test_what_is_uploaded_is_loaded_from_its_address(served, tmp_path):
    files, asked, _ = served
    gan = make_gan()
    folder = gan.save_to_preset(tmp_path / "mine")
    (folder / "notes.txt").write_text("not part of a preset")
    address = hub.push(folder, "someone/mine")
    assert address == "hf://someone/mine"
    assert set(files) == {*manifest.GENERATOR, *manifest.TRAINING, manifest.METADATA, manifest.CARD}
    assert all(files[name] == (folder / name).read_bytes() for name in files)
    calls = [(path, token) for _, path, token in asked if path.startswith(("/api/repos", "/api/models"))]
    assert len(calls) >= 3 and {token for _, token in calls} == {"Bearer hf_right"}
    sampler = kerasgan.from_preset(address)
    np.testing.assert_array_equal(sampler.sample(3, seed=5), gan.sample(3, seed=5))


def test_a_wrong_token_is_one_line(served, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    folder = make_gan().save_to_preset(tmp_path / "mine")
    with pytest.raises(ConnectionError, match="hf://someone/mine: not uploaded: .*401.*log in with `hf auth login`"):
        hub.push(folder, "someone/mine")


def test_what_is_no_preset_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    with pytest.raises(FileNotFoundError, match="expected a preset, a folder with metadata.json"):
        hub.push(tmp_path, "someone/mine")


@pytest.mark.parametrize("name", ["biggan_fashion_mnist", "wgan_gp_characters"])
def test_the_header_of_a_card_is_what_the_hub_reads(name):
    entry = kerasgan.list_presets()[name]
    card = huggingface_hub.ModelCard.load(f"zoo/presets/{name}/README.md", ignore_metadata_errors=False)
    assert card.data.library_name == "kerasgan" and card.data.pipeline_tag == "unconditional-image-generation"
    assert {"gan", "keras", entry.objective.lower()} == set(card.data.tags)
    told = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert told == {metric["name"]: metric["value"] for metric in entry.metrics}
    assert card.text.lstrip().startswith(f"# {name}\n")


@pytest.mark.parametrize("name", ["onlyname", "a/b/c", "a/b@main", "../b"])
def test_a_name_that_is_none_of_the_hub_is_refused(name):
    with pytest.raises(ValueError, match="hub: expected USER/NAME; got"):
        hub.push("anything", name)


def test_the_token_is_asked_for_first(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    with pytest.raises(ValueError, match="hub: expected a token to write to a/b; there is none"):
        hub.push(tmp_path, "a/b")
