"""The page at `/`, in headless Chromium: what it draws is compared with what `kerasgan.client` gets."""

import base64
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import urllib.parse

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import sync_playwright

from kerasgan import client
from kerasgan.server import Models, ModelServer, ServerOptions
from tests.conftest import make_gan, raise_contrast
from tests.server import saved_models
from tests.server.conftest import call

OTHERS = ["Shirt", "Bag", "Coat"]
NAMES = ["T-shirt/top", 'a "bag" <b>of</b> \\ it\'s', "Ankle boot"]  # of classes
AWKWARD = 'it\'s <b>"é" & 100%'  # of a model; must stay text in HTML, a path in a URL, a word in a shell
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A server of generators, and of a model that is none."""
    base = tmp_path_factory.mktemp("models")
    gan = make_gan(num_classes=3)
    raise_contrast(gan)
    gan.export(base / "garments" / "1")
    gan.class_names = NAMES
    gan.export(base / "named" / "1")
    gan.class_names = OTHERS
    gan.export(base / "other" / "1")
    shutil.copytree(base / "garments" / "1", base / "garments" / "2")
    saved_models.generator(base / "plain" / "1")  # conditional, of a number of classes that it does not tell
    saved_models.generator(base / "awkward" / "1", conditional=False)
    saved_models.half_plus(base / "half" / "1")
    (base / "half" / "1" / "assets.extra").mkdir()
    (base / "half" / "1" / "assets.extra" / "kerasgan.json").write_text("[1, 2")
    names = {"garments": "garments", "named": "named", "plain": "plain", AWKWARD: "awkward", "half": "half"}
    with ModelServer(
        Models({name: {1: base / folder / "1"} for name, folder in names.items()}), ServerOptions(port=0, rest_port=0)
    ) as server:
        server.base = base
        yield server


def test_the_list_of_models(shown):
    status, headers, _, listed = call(shown, "GET", "/models.json")
    assert status == 200 and headers["X-Content-Type-Options"] == "nosniff"
    models = {model["name"]: model for model in listed["models"]}
    assert set(models) == {"garments", "named", "plain", AWKWARD, "half"}
    # the list has no names of classes, but what tells whether they are others
    others = models["named"]["classes"]
    assert models["named"] == models["garments"] | {"name": "named", "classes": others}
    assert others != models["garments"]["classes"] and len(others) < 20
    assert [models[name]["num_classes"] for name in ("garments", "plain", "half")] == [3, None, None]
    assert models["garments"]["version"] == 1
    assert models["garments"]["signatures"]["png"] == ["label", "seed", "truncation"]
    assert models["half"]["signatures"]["serving_default"] == ["x"]


def test_all_of_one_model(shown):
    [listed] = [model for model in call(shown, "GET", "/models.json")[3]["models"] if model["name"] == "named"]
    for path in ("/models/named.json", "/models/named/versions/1.json", "/models/n%61med.json"):
        status, headers, _, told = call(shown, "GET", path)
        assert (status, told) == (200, listed | {"class_names": NAMES})
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert call(shown, "GET", f"/models/{urllib.parse.quote(AWKWARD, safe='')}.json")[3]["name"] == AWKWARD
    assert call(shown, "GET", "/models/garments.json")[3]["class_names"] is None
    for path in ("/models/named/versions/2.json", "/models/no.json", "/models/named/versions/99999999999999999.json"):
        told = call(shown, "GET", path)[3]
        assert (told["version"], told["class_names"]) == (None, None)
    for path in ("/models/named", "/models/.json", "/models/a/b.json", "/models/named/versions/x.json"):
        assert call(shown, "GET", path)[0] == 404


@pytest.mark.parametrize("facts", ['{"num_classes": 2, "class_names": ["a"]}', '{"num_classes": -1}', "[" * 10**5, "7"])
def test_facts_that_cannot_be_are_passed_over(folders, tmp_path, facts):
    model = shutil.copytree(folders["two"], tmp_path / "m")
    (model / "assets.extra").mkdir(exist_ok=True)
    (model / "assets.extra" / "kerasgan.json").write_text(facts)
    with ModelServer(Models({"m": {1: model}}), ServerOptions(port=0, rest_port=0)) as server:
        told = call(server, "GET", "/models/m.json")[3]
    assert told["version"] == 1 and told["class_names"] is None


def test_a_model_that_cannot_be_served_is_listed_without_a_version(folders, tmp_path):
    (tmp_path / "broken").mkdir()
    models = Models({"broken": {1: tmp_path / "broken"}, "m": {1: folders["two"]}})
    with ModelServer(models, ServerOptions(port=0, rest_port=0)) as server:
        listed = call(server, "GET", "/models.json")[3]["models"]
    assert [(model["name"], model["version"]) for model in listed] == [("broken", None), ("m", 1)]


def test_the_metrics_page_may_take_its_place(folders):
    models = Models({"m": {1: folders["two"]}})
    with ModelServer(models, ServerOptions(port=0, rest_port=0, metrics_path="/")) as server:
        assert "# TYPE" in call(server, "GET", "/")[2]


def test_the_policy_lets_nothing_in(shown):
    status, headers, text, _ = call(shown, "GET", "/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["connect-src"] == "'self'" and policy["img-src"] == "data:"
    for directive in ("script-src", "style-src"):
        assert re.fullmatch(r"'sha256-[\w+/]{43}='", policy[directive])
    assert not re.findall(r"(?:src|href)=[\"'](?!data:,)", text) and "style=" not in text and "@import" not in text


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        with contextlib.closing(
            playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        ) as launched:
            yield launched


_FAILED = "Failed to load resource: the server responded with a status of {}"


@pytest.fixture
def open_page(browser, shown):
    """Function of the fragment of the page's address -> the page; ends with no error and no request elsewhere."""
    address = f"http://127.0.0.1:{shown.rest_port}"
    with contextlib.ExitStack() as stack:
        pages, problems, asked = [], [], set()

        def opened(fragment=""):
            context = stack.enter_context(contextlib.closing(browser.new_context()))
            context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
            page = context.new_page()
            page.set_default_timeout(20_000)
            page.on("console", lambda message: problems.append(message.text))
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("request", lambda request: asked.add(request.url))
            page.goto(f"{address}/{fragment}")
            pages.append(page)
            return page

        opened.own = [_FAILED.format(400), "Executing inline script violates"]
        yield opened
        assert [text for text in problems if not text.startswith(tuple(opened.own))] == []
        assert {url for url in asked if not url.startswith((address + "/", "data:"))} == set()


def drawn(page, which, n):
    """The PNG files that the list `which` shows, once there are n of them and nothing is waited for."""
    page.wait_for_function(
        "([which, n]) => document.querySelectorAll(`#${which} img[src^=data]`).length === n "
        "&& !document.querySelector('.waiting')",
        arg=[which, n],
    )
    sources = page.locator(f"#{which} img").evaluate_all("images => images.map((image) => image.src)")
    return [base64.b64decode(source.removeprefix("data:image/png;base64,")) for source in sources]


def until(page, which, wanted):
    """Wait until the list `which` shows the PNG files `wanted`."""
    sources = ["data:image/png;base64," + base64.b64encode(file).decode() for file in wanted]
    page.wait_for_function(
        "([which, sources]) => JSON.stringify([...document.querySelectorAll(`#${which} img`)].map((image) => "
        "image.src)) === JSON.stringify(sources)",
        arg=[which, sources],
    )


@pytest.fixture
def connected(shown):
    """Function of a model's name -> a client of it."""
    with contextlib.ExitStack() as stack:
        address = f"127.0.0.1:{shown.port}"
        yield lambda model: stack.enter_context(client.connect(address, model=model))


@needs_browser
def test_the_images_are_the_clients(open_page, connected):
    page, garments = open_page("#model=garments"), connected("garments")
    places = range(33)  # 32 are wanted; all three classes, one a column, make 11 rows
    assert drawn(page, "grid", 33) == garments.generate(
        seeds=[i // 3 for i in places], labels=[i % 3 for i in places], png=True
    )
    page.get_by_label("Images").select_option("8")
    page.get_by_label("Class", exact=True).select_option("2")
    page.get_by_label("Seed", exact=True).fill("41")
    until(page, "grid", garments.generate(8, seed=41, labels=2, png=True))
    assert page.locator("#grid img").nth(3).get_attribute("alt") == "seed 44, class 2"
    assert re.fullmatch(r"8 images in \d+ ms", page.locator("#took").inner_text())
    slider = page.get_by_label("Truncation")
    slider.focus()
    for _ in range(4):
        page.keyboard.press("PageDown")  # a tenth of the way each
    bound = float(slider.input_value())
    assert bound < 2 and slider.get_attribute("aria-valuetext") == f"{bound:.2f}"
    until(page, "grid", garments.generate(8, seed=41, labels=2, truncation=bound, png=True))
    page.get_by_role("button", name="Another").press("Enter")
    page.wait_for_function("() => document.querySelector('#grid img').alt !== 'seed 41, class 2'")
    other = int(page.get_by_label("Seed", exact=True).input_value())
    until(page, "grid", garments.generate(8, seed=other, labels=2, truncation=bound, png=True))
    page.reload()  # what was chosen is in the address
    until(page, "grid", garments.generate(8, seed=other, labels=2, truncation=bound, png=True))


@needs_browser
def test_the_walk_between_two_seeds(open_page, connected):
    page, garments = open_page("#model=garments&from=5&to=9&label=1&count=8"), connected("garments")
    walk = drawn(page, "walk", 10)
    assert walk == garments.interpolate(5, 9, 10, labels=1, png=True)
    ends = garments.generate(seeds=[5, 9], labels=1)
    images = garments.interpolate(5, 9, 10, labels=1).astype(int)
    assert np.abs(images[[0, -1]] - ends).max() <= 1
    page.get_by_role("button", name="seed 3, class 1").click()
    until(page, "walk", garments.interpolate(9, 3, 10, labels=1, png=True))


@needs_browser
@pytest.mark.parametrize("fragment", ["model=garments&label=1&seed=3&count=8&truncation=0.7", "model=garments&count=8"])
def test_the_commands_to_copy_do_the_same(open_page, fragment):
    page = open_page(f"#{fragment}")
    n = 8 if "label" in fragment else 9  # of all three classes
    grid, walk = drawn(page, "grid", n), drawn(page, "walk", 10)
    page.locator("[data-copies=python]").click()
    page.get_by_role("button", name="Copied").wait_for()
    names = {}
    exec(page.evaluate("navigator.clipboard.readText()"), names)
    assert encoded(names["images"]) == pixels(grid) and encoded(names["walk"]) == pixels(walk)
    page.locator("[data-copies=curl]").click()
    page.wait_for_function("() => navigator.clipboard.readText().then((text) => text.startsWith('curl'))")
    assert run(page.evaluate("navigator.clipboard.readText()")) == [grid, walk]


def run(commands):
    """The PNG files that each of the shell's commands prints as JSON."""
    if shutil.which("curl") is None:
        pytest.skip("no curl")
    done = subprocess.run(["bash", "-c", commands], capture_output=True, text=True, check=True, env=os.environ)
    decoder, rest, answers = json.JSONDecoder(), done.stdout, []
    while rest.strip():
        answer, end = decoder.raw_decode(rest.lstrip())
        rest = rest.lstrip()[end:]
        answers.append([base64.b64decode(item["b64"]) for item in answer["outputs"]])
    return answers


def pixels(files):
    return encoded(np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files]))


def encoded(images):
    """Pixels as bytes, with or without a last axis of one channel."""
    return np.asarray(images, np.uint8).tobytes()


@needs_browser
def test_names_are_only_text(open_page, connected):
    page = open_page("#count=8")
    page.get_by_label("Model").select_option(AWKWARD)
    wanted = connected(AWKWARD).generate(8, png=True)
    until(page, "grid", wanted)
    assert page.get_by_label("Class", exact=True).is_hidden() and page.locator("#walk-section").is_hidden()
    assert run(page.locator("#curl").inner_text()) == [wanted]
    names = {}
    exec(page.locator("#python").inner_text(), names)
    assert encoded(names["images"]) == pixels(wanted)
    assert page.locator("b").count() == 0


@needs_browser
def test_classes_are_chosen_by_their_names(open_page, connected):
    page, named = open_page("#model=named&count=8"), connected("named")
    drawn(page, "grid", 9)
    options = page.locator("#label option").all_inner_texts()
    assert options == ["all, one a column", *NAMES]
    assert page.locator("#grid img").nth(4).get_attribute("alt") == f"seed 1, {NAMES[1]}"
    for number, name in enumerate(NAMES):
        page.get_by_label("Class", exact=True).select_option(label=name)
        until(page, "grid", named.generate(8, labels=number, png=True))
        assert page.locator("#grid img").nth(3).get_attribute("alt") == f"seed 3, {name}"
        assert page.locator("#walk-note").inner_text().casefold() == f"{name}.".casefold()
        names = {}
        exec(page.locator("#python").inner_text(), names)  # which gives the class by its name
        assert encoded(names["images"]) == pixels(named.generate(8, labels=name, png=True))
    assert page.locator("#results b").count() == 0
    page.get_by_label("Model").select_option("garments")  # the same classes without names
    until(page, "grid", connected("garments").generate(8, labels=2, png=True))
    assert page.locator("#label option").all_inner_texts() == ["all, one a column", "0", "1", "2"]


@needs_browser
def test_errors_are_told(open_page, connected):
    page = open_page("#model=plain&count=8")
    drawn(page, "grid", 8)
    page.get_by_label("Class, a number").fill("77")
    page.get_by_role("alert").filter(has_text="= 77 is not in [0, 10)").wait_for()
    page.get_by_label("Class, a number").fill("4")
    until(page, "grid", connected("plain").generate(8, labels=4, png=True))
    assert page.get_by_role("alert").is_hidden()
    page.get_by_label("Model").select_option("half")
    page.get_by_role("alert").filter(has_text="half has no signature png").wait_for()
    assert page.locator("#grid img").count() == 0


@needs_browser
def test_the_live_version_is_shown(open_page, shown):
    open_page.own.append(_FAILED.format(404))  # it may ask before it hears that nothing is live
    page = open_page("#model=garments&count=8")
    page.get_by_text("version 1 is live").wait_for()
    folders = {"garments": {2: shown.base / "garments" / "2"}}
    keep = {name: None for name in shown.models.names}
    shown.models.update(keep | folders)
    page.get_by_text("version 2 is live").wait_for()
    page.wait_for_load_state("networkidle")  # it has drawn anew
    shown.models.update(keep | {"garments": {}})
    page.get_by_text("nothing is live").wait_for()
    page.get_by_role("alert").filter(has_text="No version of garments can be served").wait_for()
    shown.models.update(keep | {"garments": {1: shown.base / "garments" / "1"}})
    page.get_by_text("version 1 is live").wait_for()
    drawn(page, "grid", 9)


@needs_browser
def test_another_folder_of_the_same_version_brings_its_own_class_names(open_page, shown):
    page = open_page("#model=named&count=8")
    page.get_by_role("button", name=f"seed 1, {NAMES[1]}").wait_for()
    keep = {name: None for name in shown.models.names}
    shown.models.update(keep | {"named": {1: shown.base / "other" / "1"}})
    page.get_by_role("button", name="seed 1, Bag").wait_for()
    assert page.locator("#label option").all_inner_texts() == ["all, one a column", *OTHERS]
    shown.models.update(keep | {"named": {1: shown.base / "named" / "1"}})
    page.get_by_role("button", name=f"seed 1, {NAMES[1]}").wait_for()


@needs_browser
def test_images_are_of_the_version_whose_classes_are_shown(open_page, shown, connected):
    """And not of one that came since, of which the page has not heard yet."""
    open_page.own.append(_FAILED.format(404))
    page = open_page("#model=named&count=8")
    page.get_by_role("button", name=f"seed 1, {NAMES[1]}").wait_for()
    page.route("**/models.json", lambda route: route.abort())
    open_page.own.append("Failed to load resource: net::ERR_FAILED")
    keep = {name: None for name in shown.models.names}
    shown.models.update(keep | {"named": {2: shown.base / "other" / "1"}})
    page.get_by_label("Seed", exact=True).fill("50")
    page.get_by_role("alert").filter(has_text="Servable not found").wait_for()
    page.unroute("**/models.json")
    page.get_by_role("button", name="seed 51, Bag").wait_for()
    shown.models.update(keep | {"named": {1: shown.base / "named" / "1"}})
    page.get_by_text("version 1 is live").wait_for()


@needs_browser
def test_foreign_scripts_do_not_run(open_page):
    page = open_page("#model=garments")
    drawn(page, "grid", 33)
    page.evaluate(
        """() => {
        window.refused = [];
        document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);
        }"""
    )
    page.wait_for_function("() => refused.length > 0")
    assert page.evaluate("[refused[0], window.ran === undefined]") == ["script-src-elem", True]


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_inaccessible(open_page, scheme):
    page = open_page("#model=garments&count=8")
    page.emulate_media(color_scheme=scheme)
    drawn(page, "walk", 10)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
