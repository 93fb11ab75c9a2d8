"""The page at `/` of the REST port: a generator's images, for a person with a browser."""

import base64
import hashlib
import importlib.resources
import json
import re

from kerasgan.server import facts
from kerasgan.server.errors import ServingError

_HTML = importlib.resources.files("kerasgan.server").joinpath("page.html").read_bytes()
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


HEADERS = [
    (b"content-security-policy", _content_security_policy(_HTML).encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


def answer(models, path):
    """The page, or the list of models that it asks for; `HEADERS` go with either.

    Args:
        models: `Models`.
        path: one of `PATHS`.

    Returns:
        `(content type, body)`, both bytes.
    """
    if path == "/":
        return b"text/html; charset=utf-8", _HTML
    listed = {"models": [_described(models, name) for name in models.names]}
    return b"application/json", json.dumps(listed).encode()


def _described(models, name):
    """What the page needs to know of a model; `version` is None while none can be served."""
    try:
        with models.use(name) as found:
            signatures = {key: sorted(signature.inputs) for key, signature in found.engine.signatures.items()}
            classes = facts.read(found.folder).get("num_classes")
            return {"name": name, "version": found.number, "signatures": signatures, "num_classes": classes}
    except ServingError:
        return {"name": name, "version": None, "signatures": {}, "num_classes": None}
