"""ONNX Runtime for browsers: two files of its npm package, which is downloaded once, into the cache."""

import tarfile

from kerasgan.saving import cache, manifest

VERSION = "1.30.0"
SOURCE = "https://registry.npmjs.org/onnxruntime-web/-"
ARCHIVE = f"onnxruntime-web-{VERSION}.tgz"
FILES = {
    ARCHIVE: manifest.File(size=33106585, sha256="d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71")
}
NAMES = {  # in the archive, by ours; not every server of files knows what .mjs is
    "onnxruntime.js": "package/dist/ort.wasm.bundle.min.mjs",
    "ort-wasm-simd-threaded.wasm": "package/dist/ort-wasm-simd-threaded.wasm",  # the other looks for this name
}


def archive():
    """Return the path of the npm package, which is downloaded (33 MB) where it is not in the cache.

    Raises:
        ConnectionError: if it cannot be downloaded, or `$KERASGAN_OFFLINE` is set.
        ValueError: if what comes is another file.
        OSError: if the cache cannot be written.
    """
    return cache.fetch("onnxruntime-web", FILES, [ARCHIVE], SOURCE) / ARCHIVE


def write(folder):
    """Write the two files, of `NAMES`, into a folder.

    Args:
        folder: `pathlib.Path`.

    Raises:
        ConnectionError, ValueError, OSError: as `archive`.
    """
    with tarfile.open(archive()) as packed:
        for ours, theirs in NAMES.items():
            (folder / ours).write_bytes(packed.extractfile(theirs).read())
