"""The page at `/` of the REST port: a generator's images, for a person with a browser."""

import base64
import hashlib
import importlib.resources
import json
import re

from kerasgan.server.errors import ServingError

_HTML = importlib.resources.files("kerasgan.server").joinpath("page.html").read_bytes()
_MAX_FACTS_BYTES = 2**16
PATHS = ("/", "/models.json")


def _content_security_policy(html):
    """Nothing is loaded from anywhere but this server; of scripts and styles, only those in the page run."""
    hashes = {}
    for element in (b"script", b"style"):
        texts = re.findall(b"<%b>(.*?)</%b>" % (element, element), html, re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(text).digest()).decode() for text in texts]
        hashes[element] = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {hashes[b'script']}; style-src {hashes[b'style']}; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


_COMMON = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
_PAGE_HEADERS = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", _content_security_policy(_HTML).encode()),
    *_COMMON,
]
_JSON_HEADERS = [(b"content-type", b"application/json"), *_COMMON]


def answer(models, path):
    """The page, or the list of models that it asks for.

    Args:
        models: `Models`.
        path: one of `PATHS`.

    Returns:
        `(headers, body)`.
    """
    if path == "/":
        headers, body = _PAGE_HEADERS, _HTML
    else:
        headers = _JSON_HEADERS
        body = json.dumps({"models": [_described(models, name) for name in models.names]}).encode()
    return [*headers, (b"content-length", str(len(body)).encode())], body


def _described(models, name):
    """What the page needs to know of a model; `version` is None while none can be served."""
    try:
        with models.use(name) as found:
            signatures = {key: sorted(signature.inputs) for key, signature in found.engine.signatures.items()}
            classes = _facts(found.folder).get("num_classes")
            return {"name": name, "version": found.number, "signatures": signatures, "num_classes": classes}
    except ServingError:
        return {"name": name, "version": None, "signatures": {}, "num_classes": None}


def _facts(folder):
    """What kerasgan's exports tell of themselves; {} for other SavedModels."""
    try:
        with open(folder / "assets.extra" / "kerasgan.json", "rb") as file:
            facts = json.loads(file.read(_MAX_FACTS_BYTES))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
