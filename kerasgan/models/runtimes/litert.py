"""LiteRT files (`.tflite`), for telephones and small machines; LiteRT was TensorFlow Lite."""

import json
import zipfile
from importlib import metadata

import tensorflow as tf

from kerasgan.models import checks
from kerasgan.models.runtimes import check, facts, float32, graph
from kerasgan.utils import atomic_files, destinations

ENDING = ".tflite"
_RUNTIME = "ai-edge-litert"
_TOLD = f"{facts.KEY}.json"


def export(gan, filepath, overwrite=False, float16=False, batch=None, int8=False, allowed_levels=None):
    """Write a generator as a LiteRT file, and compare it in LiteRT with TensorFlow.

    The signature `serving_default` has the inputs `z` float32 [N, D], for a conditional model `label` int32 [N], and
    for a generator with statistics for each truncation `truncation` float32 [N]; its output is `images` uint8
    [N, H, W, C]. The file is also a ZIP archive, as LiteRT's files with metadata are: its `kerasgan.json` is what
    `kerasgan.models.runtimes.facts` says, and with the prior in it `kerasgan.seeds.draw` draws the latents of seeds.
    LiteRT's CPU refuses a label outside [0, num_classes); other delegates need not. A truncation is not checked: below
    0 it counts as 0.

    Args:
        gan: a `kerasgan.Sampler`, such as a `GAN`; one of mixed precision is written, and compared, in float32.
        filepath: path ending in `.tflite`. The file appears whole or not at all.
        overwrite: whether an older file may be replaced.
        float16: whether the weights are rounded to float16, for a file of about half the size; what is computed stays
            float32.
        batch: rows of each call, N, for runtimes and chips that want it fixed; `None` leaves N free.
        int8: whether the weights are rounded to int8, for a file of about a quarter of the size; LiteRT then computes
            products in int8 where it can (its dynamic range quantization), and the file tells of the difference.
        allowed_levels: the largest difference from `sample`'s images that is no error, in levels of 255; by default 1,
            4 with `float16`, 32 with `int8`.

    Returns:
        The largest difference from `sample`'s images, a number of levels of 255: 0 or 1; with `float16` up to 4; with
        `int8` up to 32.

    Raises:
        ImportError: if ai-edge-litert is not installed.
        ValueError: if the path ends otherwise, `batch` is not positive, a bound is outside [0, 255], both `float16` and
            `int8` are asked for, or the model does not make images or has weights that are not finite.
        FileExistsError: if there is such a file and `overwrite` is false.
        OSError: if the file cannot be written.
        RuntimeError: if the generator cannot be converted, the file does not load, or it makes other images; no file
            is left.
    """
    may_write(filepath, overwrite)
    checks.makes_images(gan)
    checks.batch(batch)
    allowed = check.allowed(float16, int8, allowed_levels)
    gan.prepare_sampling()
    gan = float32.sampler(gan)
    with atomic_files.written_whole(filepath) as beside:
        content = _converted(gan, float16, batch, int8)
        _write(beside, content, facts.facts(gan))
        told, run = _loaded(beside)
        levels = check.levels(gan, told, run, _versions(), allowed, batch)
        if int8:
            _write(beside, content, told | {facts.INT8_LEVELS: levels})
        return levels


def may_write(filepath, overwrite=False):
    """Raise what `export` raises before it computes: `ImportError`, `ValueError` or `FileExistsError`."""
    checks.packages("LiteRT", ("ai_edge_litert",), "runtimes")
    destinations.ending("filepath", filepath, ENDING)
    destinations.may_be_written("filepath", filepath, overwrite)


def _write(path, content, told):
    """Write the model, which is a ZIP archive of what it tells as well."""
    path.unlink(missing_ok=True)  # which may be mapped into memory
    path.write_bytes(content)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(_TOLD), json.dumps(told))  # of no date: the same file again


def _converted(gan, float16=False, batch=None, int8=False):
    """The bytes of the model alone."""
    function, signature = graph.function(gan, batch)
    traced = function.get_concrete_function(*signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], tf.Module())
    if float16 or int8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if float16:
        converter.target_spec.supported_types = [tf.float16]
    try:
        return converter.convert()
    except Exception as error:  # the converter's own class
        raise RuntimeError(f"TensorFlow {tf.__version__} cannot convert it: {check.reason(error)}") from error


def _loaded(path):
    """What the file tells, and the function from its inputs to images."""
    from ai_edge_litert import interpreter

    try:
        runner = interpreter.Interpreter(model_path=str(path)).get_signature_runner("serving_default")
    except (RuntimeError, ValueError) as error:
        raise RuntimeError(f"{_versions()} does not load what was written: {check.reason(error)}") from error
    with zipfile.ZipFile(path) as archive:
        told = json.loads(archive.read(_TOLD))
    return told, lambda inputs: runner(**inputs)[graph.OUTPUT]


def _versions():
    return f"{_RUNTIME} {metadata.version(_RUNTIME)}"
