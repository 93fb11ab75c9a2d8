"""The page at `/` of the REST port: a generator's images, for a person with a browser."""

import base64
import hashlib
import importlib.resources
import json
import re
import urllib.parse
import zlib

from kerasgan.server.errors import ServingError

_HTML = importlib.resources.files("kerasgan.server.rest").joinpath("page.html").read_bytes()
_ONE_MODEL = re.compile(r"/models/(?P<name>[^/?]+?)(?:/versions/(?P<version>[0-9]{1,18}))?\.json")
_ALL_MODELS = "/models.json"


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


def has(path):
    """Whether `answer` has an answer to a path."""
    return path in ("/", _ALL_MODELS) or _ONE_MODEL.fullmatch(path) is not None


def answer(models, path):
    """The page, the list of models, or all of one model with its class names; `HEADERS` go with each.

    Args:
        models: `Models`.
        path: one that `has` knows: /, /models.json, /models/NAME.json or /models/NAME/versions/NUMBER.json.

    Returns:
        `(content type, body)`, both bytes.
    """
    if path == "/":
        return b"text/html; charset=utf-8", _HTML
    if path == _ALL_MODELS:  # asked for again and again, so without the names
        told = {"models": [_described(models, name)[0] for name in models.names]}
    else:
        match = _ONE_MODEL.fullmatch(path)
        assert match is not None, "as `has` said"
        version = match["version"] and int(match["version"])
        known, names = _described(models, urllib.parse.unquote(match["name"]), version)
        told = known | {"class_names": names}
    return b"application/json", json.dumps(told).encode()


def _described(models, name, version=None):
    """What the page needs to know of a model, and its class names; `version` is None while none can be served.

    `classes` changes with the names: a version from another folder may have others.
    """
    try:
        with models.use(name, version) as served:
            signatures = {key: sorted(signature.inputs) for key, signature in served.engine.signatures.items()}
            count, names = served.facts.num_classes, served.facts.class_names
            told = {"name": name, "version": served.number, "signatures": signatures, "num_classes": count}
            return told | {"classes": f"{zlib.crc32(repr(names).encode()):x}"}, names
    except ServingError:
        return {"name": name, "version": None, "signatures": {}, "num_classes": None, "classes": None}, None
