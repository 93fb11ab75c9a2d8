"""OpenVINO files (`.xml` and `.bin`), for Intel's processors and OpenVINO Model Server."""

import importlib
import json
import pathlib
import sys
from importlib import metadata

import numpy as np

from kerasgan.models import checks
from kerasgan.models.runtimes import check, facts, float32, graph, onnx
from kerasgan.utils import atomic_files, destinations

ENDING = ".xml"
_WEIGHTS = ".bin"
_RUNTIME = "openvino"
_FLOAT32 = {"INFERENCE_PRECISION_HINT": "f32"}


def export(gan, filepath, overwrite=False, float16=False, batch=None, allowed_levels=None):
    """Write a generator as OpenVINO's two files, and compare them in OpenVINO with TensorFlow.

    The model has the inputs `z` float32 [N, D], for a conditional model `label` int32 [N], and for a generator with
    statistics for each truncation `truncation` float32 [N]; its output is `images` uint8 [N, H, W, C]. Its `rt_info`
    has, under `framework` and `kerasgan`, JSON of `kerasgan.models.runtimes.facts`: with the prior in it
    `kerasgan.seeds.draw` draws the latents of seeds. A label outside [0, num_classes) is refused, by an operation whose
    name says what is expected. A truncation is not checked: below 0 it counts as 0.

    The files are compared with `INFERENCE_PRECISION_HINT` float32, which no file can ask for: whoever compiles the
    model gives it. Without it OpenVINO computes in bfloat16 on processors that have it, and the images differ by some
    levels.

    Args:
        gan: a `kerasgan.Sampler`, such as a `GAN`; one of mixed precision is written, and compared, in float32.
        filepath: path ending in `.xml`; the weights lie beside it, in a file ending in `.bin`. Each appears whole or
            not at all, the `.xml` last.
        overwrite: whether older files may be replaced.
        float16: whether the weights are rounded to float16, for files of about half the size; what is computed stays
            float32.
        batch: rows of each call, N, for runtimes and chips that want it fixed; `None` leaves N free.
        allowed_levels: the largest difference from `sample`'s images that is no error, in levels of 255; by default 1,
            4 with `float16`.

    Returns:
        The largest difference from `sample`'s images, a number of levels of 255: 0 or 1; with `float16` up to 4.

    Raises:
        ImportError: if tf2onnx, onnx or openvino is not installed.
        ValueError: if the path ends otherwise, `batch` is not positive, a bound is outside [0, 255], or the model does
            not make images or has weights that are not finite.
        FileExistsError: if there is such a file and `overwrite` is false.
        OSError: if a file cannot be written.
        RuntimeError: if the generator cannot be converted, the files do not load, or they make other images; no file
            is left.
    """
    may_write(filepath, overwrite)
    checks.makes_images(gan)
    checks.batch(batch)
    allowed = check.allowed(float16, levels=allowed_levels)
    gan.prepare_sampling()
    gan = float32.sampler(gan)
    target = pathlib.Path(filepath)
    with atomic_files.written_whole(target) as beside:
        _write(gan, beside, float16, batch)
        told, run = _loaded(beside)
        levels = check.levels(gan, told, run, _versions(), allowed, batch)
        with atomic_files.written_whole(target.with_suffix(_WEIGHTS)) as weights:
            beside.with_suffix(_WEIGHTS).replace(weights)
            target.unlink(missing_ok=True)  # whose weights are about to be replaced
    return levels


def package():
    """Import and return openvino, which then does not report to Intel that it is imported, as it does by itself."""
    known = "openvino_telemetry" in sys.modules
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # so that it is not found
    try:
        return importlib.import_module(_RUNTIME)
    finally:
        if not known:
            del sys.modules["openvino_telemetry"]


def may_write(filepath, overwrite=False):
    """Raise what `export` raises before it computes: `ImportError`, `ValueError` or `FileExistsError`."""
    checks.packages("OpenVINO", ("tf2onnx", "onnx", _RUNTIME), "runtimes")
    destinations.ending("filepath", filepath, ENDING)
    for path in (filepath, pathlib.Path(filepath).with_suffix(_WEIGHTS)):
        destinations.may_be_written("filepath", path, overwrite)


def _write(gan, path, float16=False, batch=None):
    """Write the model and, beside it, its weights."""
    package().save_model(_converted(gan, batch), path, compress_to_fp16=float16)


def _converted(gan, batch=None):
    """The `openvino.Model`, read from ONNX, whose metadata come along."""
    content = onnx.converted(gan, batch=batch)
    try:
        model = package().Core().read_model(content)
    except Exception as error:  # openvino's own classes
        raise RuntimeError(f"{_versions()} cannot convert it: {check.reason(error)}") from error
    if gan.num_classes is not None:
        _check_labels(model, gan.num_classes)
    return model


def _check_labels(model, classes):
    """Let a label that is no class fail: OpenVINO has no assertion, but a split into parts of another length fails."""
    from openvino import opset13 as operations

    def constant(value):
        return operations.constant(np.array(value, np.int32))

    [label] = [each.get_node() for each in model.inputs if "label" in each.get_names()]
    users = list(label.output(0).get_target_inputs())
    is_class = operations.logical_and(
        operations.greater_equal(label, constant(0)), operations.less(label, constant(classes))
    )
    all_are = operations.convert(operations.reduce_logical_and(is_class, constant([0]), keep_dims=True), "i32")
    length = operations.add(operations.shape_of(label, "i32"), operations.subtract(constant([1]), all_are))
    checked = operations.variadic_split(label, constant(0), length)
    checked.set_friendly_name(f"label: expected integers in [0, {classes})")
    for user in users:
        user.replace_source_output(checked.output(0))
    model.validate_nodes_and_infer_types()


def _loaded(path):
    """What the file tells, and the function from its inputs to images."""
    try:
        model = package().Core().read_model(path)
        compiled = package().compile_model(model, "CPU", _FLOAT32)
    except Exception as error:  # openvino's own classes
        raise RuntimeError(f"{_versions()} does not load what was written: {check.reason(error)}") from error
    told = json.loads(model.get_rt_info(["framework", facts.KEY]).astype(str))
    return told, lambda inputs: compiled(inputs)[graph.OUTPUT]


def _versions():
    return f"{_RUNTIME} {metadata.version(_RUNTIME)}"
