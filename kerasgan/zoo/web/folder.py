"""Writing the folder of a page that computes images in the browser."""

import base64
import hashlib
import importlib.resources
import json
import pathlib
import re

from kerasgan.models import checks
from kerasgan.models.runtimes import facts, onnx
from kerasgan.utils import atomic_files, destinations
from kerasgan.zoo.web import runtime

_OURS = ("source.js", "generator.js", "latents.js", "png.js")
_GENERATOR = "generator.onnx"
_CHANNELS = (1, 3, 4)


def export(gan, filepath, overwrite=False, float16=False, name=None, int8=False, allowed_levels=None):
    """Write a generator as a folder of files that any server of files shows, and a browser computes.

    It has `index.html`, the page that `kerasgan serve` has at /; `generator.onnx`, as `kerasgan.models.runtimes.onnx`
    writes and compares it; ONNX Runtime for browsers; `kerasgan.json`, the file's facts with `name`; and `latents.js`,
    which draws the latents of seeds. Nothing is loaded from elsewhere when it is opened. Opened as file:// the page
    says that it needs a server, since browsers load no modules from files.

    Args:
        gan: a `kerasgan.Sampler`, such as a `GAN`, of images of 1, 3 or 4 channels.
        filepath: folder to write. It appears whole or not at all.
        overwrite: whether an earlier page may be replaced, with all that is in its folder.
        float16: whether the generator's weights are rounded to float16, see `kerasgan.models.runtimes.onnx.export`.
        int8: whether they are rounded to int8, see there.
        allowed_levels: the largest difference that is no error, see there.
        name: what the page calls the generator; by default the folder's name.

    Returns:
        The largest difference of `generator.onnx`'s images from `sample`'s, a number of levels of 255: 0 or 1;
        with `float16` up to 4, with `int8` up to 32. They are computed by ONNX Runtime for Python, not in a browser.

    Raises:
        ImportError: if tf2onnx, onnx or onnxruntime is not installed.
        ValueError: if the model does not make such images, has weights that are not finite, or a prior of a class that
            is not kerasgan's, which `latents.js` cannot draw.
        FileExistsError: if there is such a folder and `overwrite` is false, or it holds something else.
        ConnectionError: if ONNX Runtime is not in the cache, and cannot be downloaded or `$KERASGAN_OFFLINE` is set.
        OSError: if the folder cannot be written.
        RuntimeError: if the generator cannot be converted, or the file makes other images; nothing is left.
    """
    target = pathlib.Path(filepath)
    may_write(target, overwrite)
    checks.makes_images(gan)
    told = facts.facts(gan) | {"name": name or target.resolve().name}
    if told["prior"] is None:
        raise ValueError(f"gan: expected a prior of kerasgan's own, as the page draws from it; got {type(gan.latent)}")
    if gan.image_shape[-1] not in _CHANNELS:
        raise ValueError(f"gan: expected images of 1, 3 or 4 channels; it makes {gan.image_shape}")
    with atomic_files.replace_folder(target) as folder:
        folder.mkdir()
        levels = onnx.export(gan, folder / _GENERATOR, float16=float16, int8=int8, allowed_levels=allowed_levels)
        if int8:
            told[facts.INT8_LEVELS] = levels
        runtime.write(folder)
        (folder / "kerasgan.json").write_text(json.dumps(told))
        (folder / "index.html").write_bytes(_page())
        for script in _OURS:
            (folder / script).write_bytes(_file("kerasgan.zoo.web", script))
    return levels


def may_write(filepath, overwrite=False):
    """Raise what `export` raises before it computes, and bring ONNX Runtime into the cache.

    Raises:
        ImportError, FileExistsError, ConnectionError, OSError: as `export`.
    """
    onnx.may_write(f"{filepath}/{_GENERATOR}", overwrite=True)
    destinations.folder_may_be_written("filepath", filepath, overwrite, _is_page, "a page of this export")
    runtime.archive()


def _is_page(folder):
    return all((folder / name).is_file() for name in ("index.html", _GENERATOR))


def _page():
    """The served page, with `source.js` before its script and a policy by which it loads from its own folder alone."""
    html = _file("kerasgan.server.rest", "page.html")
    [style], [script] = (re.findall(b"<%b>(.*?)</%b>" % (tag, tag), html, re.DOTALL) for tag in (b"style", b"script"))
    policy = (
        f"default-src 'none'; script-src 'self' 'wasm-unsafe-eval' {_digest(script)}; style-src {_digest(style)}; "
        "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
    )
    charset = b'<meta charset="utf-8">'
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'.encode()
    html = html.replace(charset, charset + b"\n" + meta)
    return html.replace(b"<script>", b'<script src="source.js"></script>\n<script>')


def _digest(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'"


def _file(package, name):
    return importlib.resources.files(package).joinpath(name).read_bytes()
