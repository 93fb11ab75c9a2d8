"""The page that needs no server: in headless Chromium it makes the images of `sample`, of seeds and classes."""

import base64
import contextlib
import functools
import http.server
import io
import json
import pathlib
import re
import shutil
import tarfile
import threading

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import sync_playwright
from typer.testing import CliRunner

import kerasgan
from kerasgan import latents, seeds
from kerasgan.saving import manifest
from kerasgan.zoo.web import folder, runtime
from tests.conftest import make_gan, raise_contrast
from tests.models.test_runtimes import family

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "runtimes.md").read_text()
SCRIPTS = ROOT / "kerasgan" / "zoo" / "web"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
SEEDS = [0, 1, 7, -1, 2**31, 2**32, 2**53, 2**63 - 1, -(2**63), *range(100, 130)]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """What `python -m http.server` answers with, without its lines."""

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def served(path):
    """The address of a folder on a plain server of files."""
    handler = functools.partial(Quiet, directory=path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        with contextlib.closing(
            playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        ) as launched:
            yield launched


@pytest.fixture
def open_page(browser):
    """Function of an address -> the page; ends with no line in its console and no request to another place."""
    with contextlib.ExitStack() as stack:
        problems, asked, allowed = [], set(), []

        def opened(address, fragment=""):
            context = stack.enter_context(
                contextlib.closing(browser.new_context(viewport={"width": 1180, "height": 900}))
            )
            page = context.new_page()
            page.set_default_timeout(60_000)
            page.on("console", lambda message: problems.append(message.text))
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("request", lambda request: asked.add(request.url))
            page.goto(f"{address}/{fragment}")
            allowed.append(address)
            return page

        yield opened
        assert problems == []
        assert [url for url in asked if not url.startswith(("data:", *(f"{one}/" for one in allowed)))] == []


@pytest.fixture
def scripts(tmp_path):
    """The address of a page with nothing on it beside our scripts."""
    for path in SCRIPTS.glob("*.js"):
        shutil.copy(path, tmp_path)
    (tmp_path / "index.html").write_text('<!doctype html><link rel="icon" href="data:,">')
    with served(tmp_path) as address:
        yield address


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """Of ONNX Runtime for browsers a package of the same names with nothing in it: what is written, not what runs."""
    cache = tmp_path_factory.mktemp("cache")
    packed = cache / runtime.ARCHIVE
    with tarfile.open(packed, "w:gz") as archive:
        for name in runtime.NAMES.values():
            member = tarfile.TarInfo(name)
            member.size = len(name)
            archive.addfile(member, io.BytesIO(name.encode()))
    return packed


@pytest.fixture
def without_download(stand_in, monkeypatch):
    monkeypatch.setattr(runtime, "archive", lambda: stand_in)


def mixture(learned_weights):
    prior = latents.GaussianMixture(6, components=5, learned_weights=learned_weights)
    rng = np.random.default_rng(0)
    prior.set_weights([rng.normal(size=value.shape).astype(np.float32) for value in prior.get_weights()])
    return prior


def told(prior):
    weights = {variable.name: variable.numpy().tolist() for variable in prior.variables}
    return {"prior": type(prior).__name__, **prior.get_config(), **weights}


def called(page, address, function, *arguments):
    """What a function of latents.js gives; integers come as BigInts where they are strings."""
    return page.evaluate(
        """async ([address, name, given]) => {
        const big = (value) => typeof value === "string" ? BigInt(value) : value;
        const integers = (value) => Array.isArray(value) ? value.map(big) : big(value);
        const module = await import(`${address}/latents.js`);
        return Array.from(module[name](given[0], ...given.slice(1).map(integers)));
        }""",
        [address, function, list(arguments)],
    )


@needs_browser
def test_javascript_draws_the_latents_that_numpy_draws(open_page, scripts):
    priors = [
        latents.Normal(129),
        latents.Uniform(9),
        latents.ScaledTruncatedNormal(16),
        latents.ScaledTruncatedNormal(16, bound=0.7),
        mixture(False),
        mixture(True),
    ]
    page = open_page(scripts)
    for prior in map(told, priors):
        for truncation in (None, 1e-3, 0.5, 2.0, 50.0):
            bound = float("inf") if truncation is None else truncation
            ours = called(page, scripts, "draw", prior, list(map(str, SEEDS)), bound)
            theirs = seeds.draw(prior, SEEDS, truncation)
            np.testing.assert_allclose(np.reshape(ours, theirs.shape), theirs, rtol=3e-7, atol=1e-12)
        ours = called(page, scripts, "drawBetween", prior, "3", str(-(2**63)), [0, 0.25, 1 / 3, 1], 0.5)
        theirs = seeds.draw_between(prior, [3] * 4, [-(2**63)] * 4, [0, 0.25, 1 / 3, 1], 0.5)
        np.testing.assert_allclose(np.reshape(ours, theirs.shape), theirs, rtol=1e-6, atol=1e-9)
    long = {"prior": "Normal", "dim": 4000}
    theirs = seeds.draw(long, range(10))
    assert np.abs(theirs).max() > 4  # the tails too
    ours = called(page, scripts, "draw", long, list(range(10)), float("inf"))
    np.testing.assert_allclose(np.reshape(ours, theirs.shape), theirs, rtol=3e-7, atol=1e-12)


@needs_browser
def test_javascript_says_what_cannot_be_meant(open_page, scripts):
    page = open_page(scripts)
    with pytest.raises(Exception, match="prior: expected one of Normal, Uniform, .*; got Cauchy"):
        called(page, scripts, "draw", {"prior": "Cauchy", "dim": 2}, [1], 1.0)
    with pytest.raises(Exception, match="truncation: expected a positive number or Infinity; got 0"):
        called(page, scripts, "draw", {"prior": "Normal", "dim": 2}, [1], 0)


@needs_browser
@pytest.mark.parametrize("shape", [(5, 3, 1), (4, 4, 2), (2, 7, 3), (3, 2, 4), (64, 64, 3)])
def test_javascript_writes_png_files(shape, open_page, scripts):
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    file = open_page(scripts).evaluate(
        """async ([address, pixels, shape]) => {
        const module = await import(`${address}/png.js`);
        return module.png(Uint8Array.from(pixels), ...shape);
        }""",
        [scripts, pixels.ravel().tolist(), list(shape)],
    )
    np.testing.assert_array_equal(opened(file).reshape(shape), pixels)


def opened(file):
    """Pixels of base64 of a PNG file."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(file))))


def drawn(page, which, n):
    """The images that the list `which` shows, once there are n of them and nothing is waited for."""
    page.wait_for_function(
        "([which, n]) => document.querySelectorAll(`#${which} img[src^=data]`).length === n "
        "&& !document.querySelector('.waiting')",
        arg=[which, n],
    )
    sources = page.locator(f"#{which} img").evaluate_all("images => images.map((image) => image.src)")
    return np.stack([opened(source.removeprefix("data:image/png;base64,")) for source in sources])


def same(images, wanted):
    wanted = wanted[..., 0] if wanted.shape[-1] == 1 else wanted
    assert images.shape == wanted.shape
    assert wanted.std(axis=0).mean() > 3, "one image is like another"
    return np.abs(images.astype(int) - wanted).max() <= 1


@pytest.mark.parity
@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize(
    ("name", "float16"),
    [("sgan_fashion_mnist", False), ("deligan_fashion_mnist", True), ("sn_hinge_cifar10", False)],
)
def test_the_browser_makes_the_images_of_a_preset(name, float16, open_page, tmp_path):
    gan = kerasgan.from_preset(name)
    assert folder.export(gan, tmp_path / "demo", float16=float16, name=name) in (0, 1)
    conditional = {} if gan.num_classes is None else {"labels": 3}
    chosen = "label=3&" if conditional else ""
    with served(tmp_path / "demo") as address:
        page = open_page(address, f"#{chosen}seed=41&count=8&truncation=0.7&from=5&to=9")
        walk = drawn(page, "walk", 10)
        assert same(drawn(page, "grid", 8), gan.sample(8, 41, **conditional, truncation=0.7))
        assert same(walk, gan.interpolate(5, 9, 10, **conditional, truncation=0.7))
        page.get_by_label("Seed", exact=True).fill("-3")
        page.locator("#grid [data-seed='-3']").wait_for()
        assert same(drawn(page, "grid", 8), gan.sample(8, -3, **conditional, truncation=0.7))
        assert page.get_by_text("in this browser").is_visible() and page.locator("#code-section").is_hidden()
        assert page.locator("#model option").all_inner_texts() == [name]
        if conditional:
            assert page.locator("#label option").all_inner_texts() == ["all, one a column", *gan.class_names]
        assert Axe().run(page).violations_count == 0
        page.screenshot(path=tmp_path / "page.png")


@pytest.mark.parity
@pytest.mark.slow
@needs_browser
def test_the_browser_computes_int8_as_onnx_runtime_for_python_does(open_page, tmp_path):
    import onnxruntime

    gan = kerasgan.from_preset("sgan_fashion_mnist")
    levels = folder.export(gan, tmp_path / "demo", int8=True)
    told = json.loads((tmp_path / "demo" / "kerasgan.json").read_text())
    assert told["int8_levels"] == levels > 1
    session = onnxruntime.InferenceSession(tmp_path / "demo" / "generator.onnx")
    z, labels = kerasgan.seeds.draw(told["prior"], range(41, 49), 0.7), np.full(8, 3, np.int32)
    [wanted] = session.run(["images"], {"z": z, "label": labels})
    with served(tmp_path / "demo") as address:
        page = open_page(address, "#label=3&seed=41&count=8&truncation=0.7")
        assert same(drawn(page, "grid", 8), wanted)
    assert not same(wanted[..., 0], gan.sample(8, 41, labels=3, truncation=0.7))


@pytest.mark.parity
@pytest.mark.slow
@needs_browser
def test_a_generator_that_takes_the_truncation_gets_it(open_page, tmp_path):
    gan = family("biggan_deep")
    folder.export(gan, tmp_path / "demo")
    with served(tmp_path / "demo") as address:
        page = open_page(address, "#label=2&seed=4&count=8&truncation=0.4&from=5&to=9")
        walk = drawn(page, "walk", 10)
        assert same(drawn(page, "grid", 8), gan.sample(8, 4, labels=2, truncation=0.4))
        assert same(walk, gan.interpolate(5, 9, 10, labels=2, truncation=0.4))
    assert not same(gan.sample(8, 4, labels=2)[..., 0], gan.sample(8, 4, labels=2, truncation=0.4))


@pytest.mark.parity
@pytest.mark.slow
@needs_browser
def test_the_script_in_the_documentation(open_page, tmp_path):
    gan = kerasgan.from_preset("sgan_fashion_mnist")
    folder.export(gan, tmp_path / "garments")
    [script] = re.findall(r'^```javascript title="[^"]+"\n(.*?)^```', PAGE, re.MULTILINE | re.DOTALL)
    script += "\nwindow.made = Array.from(images.data);\n"
    html = f'<!doctype html><link rel="icon" href="data:,"><script type="module">{script}</script>'
    (tmp_path / "garments" / "own.html").write_text(html)
    with served(tmp_path / "garments") as address:
        page = open_page(address, "own.html")
        page.wait_for_function("() => window.made")
        made = np.reshape(page.evaluate("window.made"), (1, 32, 32, 1))
    wanted = gan.sample(1, seed=7, labels="Ankle boot")
    assert np.abs(made - wanted.astype(int)).max() <= 1 and wanted.std() > 50


@pytest.mark.parity
@pytest.mark.slow
@needs_browser
def test_the_last_of_many_wishes_is_what_is_shown(open_page, tmp_path):
    gan = kerasgan.from_preset("sgan_fashion_mnist")
    folder.export(gan, tmp_path / "demo")
    with served(tmp_path / "demo") as address:
        page = open_page(address, "#count=64&label=2")
        drawn(page, "grid", 64)
        page.evaluate(
            """async () => {
            for (let seed = 1000; seed < 1010; seed++) {
              document.getElementById("seed").value = seed;
              draw();
              await new Promise((resolve) => setTimeout(resolve, 5));
            }
            }"""
        )
        page.locator("#grid [data-seed='1009']").first.wait_for()
        assert same(drawn(page, "grid", 64), gan.sample(64, 1009, labels=2))
        assert page.get_by_role("alert").is_hidden()


@pytest.mark.parity
@pytest.mark.slow
@needs_browser
def test_a_file_says_that_it_needs_a_server(browser, without_download, tmp_path):
    gan = make_gan()
    raise_contrast(gan)
    folder.export(gan, tmp_path / "demo")
    page = browser.new_page()
    page.goto((tmp_path / "demo" / "index.html").as_uri())
    page.get_by_role("alert").filter(has_text="run python -m http.server in this folder").wait_for()
    page.close()


@pytest.mark.parity
def test_what_is_in_the_folder(without_download, tmp_path):
    gan = make_gan(num_classes=3, class_names=["boot", "coat", "hat"])
    raise_contrast(gan)
    target = tmp_path / "demo"
    assert folder.export(gan, target) in (0, 1)
    assert sorted(path.name for path in target.iterdir()) == [
        "generator.js",
        "generator.onnx",
        "index.html",
        "kerasgan.json",
        "latents.js",
        "onnxruntime.js",
        "ort-wasm-simd-threaded.wasm",
        "png.js",
        "source.js",
    ]
    facts = json.loads((target / "kerasgan.json").read_text())
    assert facts == {
        "kerasgan": kerasgan.__version__,
        "prior": {"prior": "Normal", "dim": 8},
        "num_classes": 3,
        "class_names": ["boot", "coat", "hat"],
        "image_shape": [32, 32, 1],
        "name": "demo",
    }
    html = (target / "index.html").read_text()
    assert not re.findall(r"(?:src|href)=[\"'](?!data:,|source.js)", html)
    with pytest.raises(FileExistsError, match="exists; choose another path, or say overwrite=True"):
        folder.export(None, target)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileExistsError, match="expected a page of this export, to replace it; .* is something else"):
        folder.may_write(tmp_path, overwrite=True)
    (tmp_path / "notes.txt").unlink()
    (target / "older").touch()
    folder.export(gan, target, overwrite=True, name="garments")
    assert not (target / "older").exists() and [path.name for path in tmp_path.iterdir()] == ["demo"]
    assert json.loads((target / "kerasgan.json").read_text())["name"] == "garments"


class Doubled(latents.Normal):
    """A prior of a user's own."""


@pytest.mark.parity
@pytest.mark.parametrize(
    ("gan", "said"),
    [
        (lambda: kerasgan.Sampler(make_gan().generator, Doubled(8)), "gan: expected a prior of kerasgan's own"),
        (
            lambda: kerasgan.Sampler(kerasgan.networks.mlp.generator((2,), width=4)),
            "gan: expected a generator of images",
        ),
        (
            lambda: kerasgan.Sampler(kerasgan.networks.dcgan.generator((32, 32, 2), latent_dim=8, filters=4)),
            "gan: expected images of 1, 3 or 4 channels",
        ),
    ],
)
def test_what_the_page_cannot_draw_is_refused(gan, said, without_download, tmp_path):
    with pytest.raises(ValueError, match=f"^{said}"):
        folder.export(gan(), tmp_path / "demo")
    assert not list(tmp_path.iterdir())


@pytest.mark.parity
def test_without_a_network_it_is_said_before_anything_is_computed(monkeypatch, tmp_path):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERASGAN_OFFLINE", "1")
    with pytest.raises(
        ConnectionError, match="onnxruntime-web: onnxruntime-web-.*tgz not in the cache .*OFFLINE forbids"
    ):
        folder.export(None, tmp_path / "demo")
    assert not (tmp_path / "demo").exists()


def test_another_package_than_the_known_one_is_refused(stand_in, monkeypatch, tmp_path):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    with served(stand_in.parent) as address:
        monkeypatch.setattr(runtime, "SOURCE", address)
        size = stand_in.stat().st_size
        monkeypatch.setattr(runtime, "FILES", {runtime.ARCHIVE: manifest.File(size=size, sha256="0" * 64)})
        with pytest.raises(ValueError, match="not the file that was published: expected SHA-256 0000"):
            runtime.archive()
        known = manifest.File(size=size, sha256=manifest.sha256(stand_in))
        monkeypatch.setattr(runtime, "FILES", {runtime.ARCHIVE: known})
        runtime.write(tmp_path)
    for ours, theirs in runtime.NAMES.items():
        assert (tmp_path / ours).read_text() == theirs


@pytest.mark.parity
def test_the_command(without_download, tmp_path):
    from kerasgan.cli.app import app

    preset = ROOT / "zoo" / "presets" / "sgan_fashion_mnist"
    done = CliRunner().invoke(app, ["export", str(preset), str(tmp_path / "demo"), "--format", "web"])
    assert re.fullmatch(r"web: .*demo; its images differ from sample's by at most [01] of 255 levels\n", done.stdout), (
        done
    )
    assert json.loads((tmp_path / "demo" / "kerasgan.json").read_text())["name"] == "sgan_fashion_mnist"
