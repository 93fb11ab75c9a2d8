"""Downloads over HTTP from a server on loopback that breaks off, lies, or is asked twice at once."""

import json
import os
import ssl
import subprocess
import sys

import numpy as np
import pytest
import requests
import trustme

import kerasgan
from kerasgan.recipes import sections
from kerasgan.saving import cache, download, manifest, sources
from kerasgan.training import evaluation
from tests.saving.conftest import rewrite_metadata
from tests.saving.served import serving

WEIGHTS = "model.weights.h5"


def kept(folder):
    """Return the names of all files in the cache but locks."""
    return {path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"}


def test_an_address_gives_the_model_and_only_its_generator_is_downloaded(web, made, cache):
    sampler = kerasgan.from_preset(f"{web.url}/small")
    np.testing.assert_array_equal(sampler.sample(5, seed=3), made[1].sample(5, seed=3))
    assert {path.rpartition("/")[2] for path, _, _ in web.asked} == {"metadata.json", "config.json", WEIGHTS}
    again = kerasgan.from_preset(f"{web.url}/small/")
    np.testing.assert_array_equal(again.sample(2), sampler.sample(2))
    assert web.count(WEIGHTS) == 1 and web.count("config.json") == 1
    [folder] = (cache / "presets").glob("small-*/")
    assert {path.name for path in folder.iterdir()} == {"metadata.json", "config.json", WEIGHTS}


def test_a_cut_connection_is_gone_on_with(web, preset, cache):
    size = (preset / WEIGHTS).stat().st_size
    web.cuts[WEIGHTS] = [40_000, 20_000]
    folder = sources.folder(f"{web.url}/small")
    assert (folder / WEIGHTS).read_bytes() == (preset / WEIGHTS).read_bytes()
    firsts = [first for path, first, _ in web.asked if path.endswith(WEIGHTS)]
    assert size > 60_000 and len(firsts) == 3 and firsts[0] == 0 and 0 < firsts[1] < firsts[2] < size
    assert not list(cache.rglob("*.part"))


def test_a_connection_cut_again_and_again_is_gone_on_with_by_the_next_call(web, preset, cache):
    web.cuts[WEIGHTS] = [20_000] * 4
    with pytest.raises(ConnectionError, match=rf"small/{WEIGHTS}: the connection broke at [\d,]+ of [\d,]+ bytes"):
        kerasgan.from_preset(f"{web.url}/small")
    assert WEIGHTS not in kept(cache)
    [part] = cache.rglob("*.part")
    had = part.stat().st_size
    assert 0 < had <= 80_000
    web.asked.clear()
    kerasgan.from_preset(f"{web.url}/small")
    assert [first for path, first, _ in web.asked if path.endswith(WEIGHTS)] == [had]
    assert not list(cache.rglob("*.part"))


def test_a_server_without_ranges_begins_anew(web, preset):
    web.ranges = False
    web.cuts[WEIGHTS] = [40_000]
    folder = sources.folder(f"{web.url}/small")
    assert (folder / WEIGHTS).read_bytes() == (preset / WEIGHTS).read_bytes()


def test_a_server_that_is_busy_is_asked_again(web):
    web.status[WEIGHTS] = [503, 500]
    kerasgan.from_preset(f"{web.url}/small")
    assert web.count(WEIGHTS) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "not the file that was published: expected SHA-256"),
        (lambda content: content + b"more", "expected [0-9,]+ bytes; more came"),
        (lambda content: content[:-9], "the connection broke at [0-9,]+ of [0-9,]+ bytes"),
    ],
)
def test_what_is_not_the_published_file_is_not_kept(web, preset, cache, change, said):
    path = preset / WEIGHTS
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises((ValueError, ConnectionError), match=said):
        kerasgan.from_preset(f"{web.url}/small")
    assert WEIGHTS not in kept(cache)
    if "broke" not in said:
        assert not list(cache.rglob("*.part"))


def test_a_damaged_file_of_the_cache_is_fetched_anew(web, preset):
    folder = sources.folder(f"{web.url}/small")
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[:-100] + bytes(100))
    assert (sources.folder(f"{web.url}/small") / WEIGHTS).read_bytes() == whole
    assert web.count(WEIGHTS) == 2


def test_two_versions_do_not_mix(web, preset):
    first = sources.folder(f"{web.url}/small")
    (preset / "README.md").write_text("changed")
    rewrite_metadata(preset, name="second")
    second = sources.folder(f"{web.url}/small")
    assert first != second and json.loads((second / "metadata.json").read_text())["name"] == "second"
    assert json.loads((first / "metadata.json").read_text())["name"] == "small"


def test_two_processes_at_once_download_once(web, cache):
    web.slowly = 0.2
    script = "import sys; from kerasgan.saving import sources; print(sources.folder(sys.argv[1]))"
    line = [sys.executable, "-c", script, f"{web.url}/small"]
    pair = [subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    outs = [process.communicate(timeout=60) for process in pair]
    assert [process.returncode for process in pair] == [0, 0], outs
    assert outs[0][0] == outs[1][0]
    assert web.count(WEIGHTS) == 1 and web.count("config.json") == 1


def test_a_full_disk_leaves_nothing(web, tmp_path):
    """A limit on the size of files stands in for a full disk: writes beyond it fail as they would there."""
    script = (
        "import resource, signal, sys; from kerasgan.cli import app;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "sys.argv = ['kerasgan', *sys.argv[1:]]; app.main()"
    )
    line = [sys.executable, "-c", script, "zoo", "pull", f"{web.url}/small"]
    done = subprocess.run(line, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 1 and done.stderr.startswith("error: ") and "cannot write" in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not list((tmp_path / "cache").rglob("*.h5*"))


def test_offline_nothing_is_asked(web, monkeypatch, made):
    monkeypatch.setenv("KERASGAN_OFFLINE", "1")
    with pytest.raises(ConnectionError, match="KERASGAN_OFFLINE forbids the download"):
        kerasgan.from_preset(f"{web.url}/small")
    assert not web.asked
    monkeypatch.setenv("KERASGAN_OFFLINE", "0")
    kerasgan.from_preset(f"{web.url}/small")
    asked = len(web.asked)
    monkeypatch.setenv("KERASGAN_OFFLINE", "1")
    sampler = kerasgan.from_preset(f"{web.url}/small")
    np.testing.assert_array_equal(sampler.sample(2), made[1].sample(2))
    with pytest.raises(ConnectionError, match="training.json, training.weights.h5 not in the cache"):
        kerasgan.from_preset(f"{web.url}/small", training=True)
    assert len(web.asked) == asked


def test_what_is_no_metadata_does_not_take_the_place_of_what_was_kept(web, preset, monkeypatch, made):
    kerasgan.from_preset(f"{web.url}/small")
    (preset / "metadata.json").write_text("<html>Log in to this network</html>")
    with pytest.raises(ValueError, match="metadata.json: not JSON"):
        kerasgan.from_preset(f"{web.url}/small")
    monkeypatch.setenv("KERASGAN_OFFLINE", "1")
    np.testing.assert_array_equal(kerasgan.from_preset(f"{web.url}/small").sample(2), made[1].sample(2))


def test_a_mirror_gives_the_registrys_files(zoo, web, monkeypatch, made):
    with pytest.raises(FileNotFoundError, match="set KERASGAN_ZOO_URL to a mirror"):
        kerasgan.from_preset("small")
    monkeypatch.setenv("KERASGAN_ZOO_URL", web.url)
    np.testing.assert_array_equal(kerasgan.from_preset("small").sample(4), made[1].sample(4))


def test_a_mirror_cannot_give_other_files(zoo, web, preset, monkeypatch, cache):
    monkeypatch.setenv("KERASGAN_ZOO_URL", web.url)
    content = (preset / WEIGHTS).read_bytes()
    (preset / WEIGHTS).write_bytes(content[::-1])
    rewrite_metadata(preset)  # the mirror's own table would vouch for it
    with pytest.raises(ValueError, match="metadata.json: not the file that was published: expected SHA-256"):
        kerasgan.from_preset("small")
    assert not kept(cache)


def test_a_preset_beside_the_registry_needs_no_network(zoo, preset, monkeypatch, made):
    import shutil

    monkeypatch.setenv("KERASGAN_OFFLINE", "1")
    shutil.copytree(preset, zoo / "presets" / "small")
    np.testing.assert_array_equal(kerasgan.from_preset("small").sample(4), made[1].sample(4))
    (zoo / "presets" / "small" / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="config.json: not the file of the registry: expected [0-9,]+ bytes"):
        kerasgan.from_preset("small")


def test_a_preset_at_an_address_brings_its_data_section(web, zoo, preset, monkeypatch):
    monkeypatch.setenv("KERASGAN_ZOO_URL", web.url)
    for source in (f"{web.url}/small", "small"):
        with pytest.raises(ValueError, match="^data: expected a dataset, .*cache.* is of no run"):
            evaluation.data_section(source)
    rewrite_metadata(preset, recipe={"data": {"toy": "swiss_roll"}})
    assert evaluation.data_section(f"{web.url}/small") == sections.PointData(toy="swiss_roll")
    assert evaluation.data_section("fashion_mnist") == sections.ImageData(tfds="fashion_mnist")


def test_what_a_server_does_not_have_or_give_is_said_at_once(web, preset):
    with pytest.raises(FileNotFoundError, match="none/metadata.json: the server does not have it"):
        kerasgan.from_preset(f"{web.url}/none")
    (preset / WEIGHTS).unlink()
    with pytest.raises(FileNotFoundError, match=f"{WEIGHTS}: the server does not have it"):
        kerasgan.from_preset(f"{web.url}/small")
    for status, error in ((410, FileNotFoundError), (401, PermissionError), (403, PermissionError)):
        web.status["config.json"] = [status]
        with pytest.raises(error, match=f"status {status}"):
            download.read(f"{web.url}/small", "config.json")
    assert web.count(WEIGHTS) == 1


def test_a_server_that_is_not_there_is_named(web):
    with serving(web.folder) as gone:
        url = gone.url
    with pytest.raises(ConnectionError, match=f"{url}/small/metadata.json: cannot be fetched .*Connection refused.$"):
        kerasgan.from_preset(f"{url}/small")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.com/small", "expected https, as http is for this machine alone"),
        ("ftp://example.com/small", "expected an address with https://"),
        ("file:///etc/small", "expected an address with https://"),
        ("https://example.com/small?x=1", "without \\? and #"),
        ("hf://justone", "expected hf://user/repo"),
        ("hf://a/../b", "expected hf://user/repo"),
    ],
)
def test_other_addresses_are_refused(url, said):
    with pytest.raises(ValueError, match=said):
        kerasgan.from_preset(url)


ELSEWHERE = "0.0.0.0"  # reaches this machine on Linux, but is no loopback address: stands for another host


@pytest.fixture
def other(preset):
    """Return a second server of the preset, at another host and at a loopback address."""
    with serving(preset.parent) as served:
        requests.get(f"http://{ELSEWHERE}:{served.port}/small/README.md", timeout=10)
        assert served.asked.pop() == ("/small/README.md", 0, 200)  # a request that is sent there is seen
        yield served


@pytest.fixture
def secure(preset, tmp_path, monkeypatch):
    """Return a server of the preset over https, at another host."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", ELSEWHERE).configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with serving(preset.parent, context) as served:
        yield served


def test_a_server_may_not_lead_to_plain_http_elsewhere_and_nothing_is_asked_there(web, other):
    web.redirect["metadata.json"] = f"http://{ELSEWHERE}:{other.port}/small/metadata.json"
    with pytest.raises(ValueError, match=f"small/metadata.json: led to http://{ELSEWHERE}; expected https"):
        kerasgan.from_preset(f"{web.url}/small")
    assert not other.asked and web.count("metadata.json") == 1
    web.redirect["metadata.json"] = f"{other.url}/small/metadata.json"  # on this machine it may
    kerasgan.from_preset(f"{web.url}/small")
    assert other.count("metadata.json") == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", ELSEWHERE])
def test_a_server_elsewhere_may_not_lead_to_plain_http_anywhere(secure, other, host):
    secure.redirect[WEIGHTS] = f"http://{host}:{other.port}/small/{WEIGHTS}"
    with pytest.raises(ValueError, match=f"small/{WEIGHTS}: led to http://{host}; expected https"):
        kerasgan.from_preset(f"https://{ELSEWHERE}:{secure.port}/small")
    assert not other.asked


def test_a_server_elsewhere_may_lead_to_https(secure, made):
    (secure.folder / "small" / "config.json").rename(secure.folder / "small" / "moved.json")
    secure.redirect["config.json"] = f"{secure.url}/small/moved.json"
    sampler = kerasgan.from_preset(f"https://{ELSEWHERE}:{secure.port}/small")
    np.testing.assert_array_equal(sampler.sample(2), made[1].sample(2))
    assert secure.count("config.json") == secure.count("moved.json") == 1


def test_an_address_that_leads_in_a_circle_is_left(web):
    web.redirect["metadata.json"] = f"{web.url}/small/metadata.json"
    with pytest.raises(ConnectionError, match="small/metadata.json: led on more than 10 times"):
        kerasgan.from_preset(f"{web.url}/small")
    assert web.count("metadata.json") == 11


def test_another_scheme_is_not_followed(web):
    web.redirect["metadata.json"] = "ftp://127.0.0.1/small/metadata.json"
    with pytest.raises(ValueError, match="led to ftp://127.0.0.1; expected https"):
        kerasgan.from_preset(f"{web.url}/small")


def test_an_endless_metadata_is_cut_off(web, preset, monkeypatch):
    monkeypatch.setitem(manifest._LARGEST, "metadata.json", 100)
    with pytest.raises(ValueError, match="expected at most 100 bytes; more came"):
        kerasgan.from_preset(f"{web.url}/small")


def test_an_offline_cache_is_only_read(web, cache, monkeypatch):
    kerasgan.from_preset(f"{web.url}/small")
    monkeypatch.setenv("KERASGAN_OFFLINE", "1")
    everything = [cache, *cache.rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)  # which root may write all the same
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in everything}
    try:
        kerasgan.from_preset(f"{web.url}/small")
        assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in [cache, *cache.rglob("*")]} == before
    finally:
        for path in everything:
            path.chmod(0o755)


def test_a_cache_that_cannot_be_written_is_named(web, tmp_path, monkeypatch, zoo):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setenv("KERASGAN_ZOO_URL", web.url)
    for source in (f"{web.url}/small", "small"):
        with pytest.raises(OSError, match="cannot write .*file/cache.*Not a directory.*KERASGAN_CACHE names another"):
            kerasgan.from_preset(source)
    monkeypatch.setenv("KERASGAN_OFFLINE", "1")
    with pytest.raises(ConnectionError, match="KERASGAN_OFFLINE forbids the download"):
        kerasgan.from_preset(f"{web.url}/small")


def test_a_lock_that_cannot_be_made_is_named(web, cache):
    kerasgan.from_preset(f"{web.url}/small")
    [lock] = cache.rglob("*.lock")
    lock.unlink()
    lock.mkdir()
    [weights] = cache.rglob(WEIGHTS)
    weights.unlink()
    with pytest.raises(OSError, match="cannot write .*cache.*KERASGAN_CACHE names another"):
        kerasgan.from_preset(f"{web.url}/small")


def test_a_long_address_has_a_short_place(web, preset, made):
    long = preset.rename(preset.with_name("a" * 240))
    folder = sources.folder(f"{web.url}/{long.name}")
    assert folder.name.startswith("a" * 64 + "-") and len(folder.name) == 64 + 1 + 16


def test_the_cache_lies_where_it_is_told(monkeypatch, tmp_path):
    assert cache.root() == tmp_path / "cache"
    monkeypatch.delenv("KERASGAN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.root() == tmp_path / "xdg" / "kerasgan"
