"""ONNX files, for ONNX Runtime and what else reads them."""

import collections
import contextlib
import importlib
import json
import logging

import numpy as np

from kerasgan.models import checks
from kerasgan.models.runtimes import check, facts, float32, graph
from kerasgan.utils import atomic_files, destinations

ENDING = ".onnx"
_PACKAGES = ("tf2onnx", "onnx", "onnxruntime")
_OPSET = 18
_LARGE = 1024  # numbers of a tensor, whose bytes count
_CHANNELS = {
    ("Conv", 1): 0,
    ("ConvTranspose", 1): 1,
    ("MatMul", 1): -1,
    ("Gather", 0): 0,
}  # axis of a weight, by its use


def export(gan, filepath, overwrite=False, float16=False, batch=None, int8=False, allowed_levels=None):
    """Write a generator as an ONNX file, and compare it in ONNX Runtime with TensorFlow.

    Its inputs are `z` float32 [N, D], for a conditional model `label` int32 [N], and for a generator with statistics
    for each truncation `truncation` float32 [N]; its output is `images` uint8 [N, H, W, C]. The file's metadata
    `kerasgan` are JSON of `kerasgan.models.runtimes.facts`: with the prior in it `kerasgan.seeds.draw` draws the
    latents of seeds. ONNX Runtime's CPU refuses a label outside [0, num_classes); other runtimes need not. A truncation
    is not checked: below 0 it counts as 0.

    Args:
        gan: a `kerasgan.Sampler`, such as a `GAN`; one of mixed precision is written, and compared, in float32.
        filepath: path ending in `.onnx`. The file appears whole or not at all.
        overwrite: whether an older file may be replaced.
        float16: whether the weights are rounded to float16, for a file of about half the size; what is computed stays
            float32.
        batch: rows of each call, N, for runtimes and chips that want it fixed; `None` leaves N free.
        int8: whether the weights of convolutions and products are rounded to int8, with a scale for each channel, for a
            file of about a quarter of the size; what is computed stays float32, and the file tells of the difference.
        allowed_levels: the largest difference from `sample`'s images that is no error, in levels of 255; by default 1,
            4 with `float16`, 32 with `int8`.

    Returns:
        The largest difference from `sample`'s images, a number of levels of 255: 0 or 1; with `float16` up to 4; with
        `int8` up to 32.

    Raises:
        ImportError: if tf2onnx, onnx or onnxruntime is not installed.
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
        content = converted(gan, float16, batch, int8)
        beside.write_bytes(content)
        told, run = _loaded(beside)
        levels = check.levels(gan, told, run, _versions(), allowed, batch)
        if int8:
            beside.write_bytes(_telling(content, told | {facts.INT8_LEVELS: levels}))
        return levels


def may_write(filepath, overwrite=False):
    """Raise what `export` raises before it computes: `ImportError`, `ValueError` or `FileExistsError`."""
    checks.packages("ONNX", _PACKAGES, "runtimes")
    destinations.ending("filepath", filepath, ENDING)
    destinations.may_be_written("filepath", filepath, overwrite)


def converted(gan, float16=False, batch=None, int8=False):
    """Return the bytes of the file of a `kerasgan.Sampler`; see `export`."""
    import onnx
    import tf2onnx

    function, signature = graph.function(gan, batch)
    try:
        with _quiet():
            model, _ = tf2onnx.convert.from_function(function, signature, opset=_OPSET)
    except Exception as error:  # of many classes
        raise RuntimeError(f"tf2onnx {tf2onnx.__version__} cannot convert it: {check.reason(error)}") from error
    for value in (*model.graph.input, *model.graph.output) if batch is None else ():
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    if float16:
        _round(model.graph)
    if int8:
        _quantize(model.graph)
    onnx.helper.set_model_props(model, {facts.KEY: json.dumps(facts.facts(gan))})
    return model.SerializeToString()


def _telling(content, told):
    """The bytes of a file with other metadata."""
    import onnx

    model = onnx.load_from_string(content)
    onnx.helper.set_model_props(model, {facts.KEY: json.dumps(told)})
    return model.SerializeToString()


def _round(graph_):
    """Store the large weights as float16, each with an operation to float32, which runtimes do once, as they load."""
    import onnx

    for weight in graph_.initializer:
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < _LARGE:
            continue
        stored, name = f"{weight.name}/float16", weight.name
        weight.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), stored))
        graph_.node.insert(0, onnx.helper.make_node("Cast", [stored], [name], to=onnx.TensorProto.FLOAT))


def _quantize(graph_):
    """Store large weights as int8 with a scale for each channel of their outputs, and their product, made at loading.

    Not `DequantizeLinear`: ONNX Runtime fuses it with a MatMul to one that rounds its inputs to int8 too.
    """
    import onnx

    users = collections.defaultdict(set)
    for node in graph_.node:
        for place, name in enumerate(node.input):
            users[name].add((node.op_type, place))
    for weight in list(graph_.initializer):
        values = onnx.numpy_helper.to_array(weight)
        axes = {_CHANNELS.get(user) for user in users[weight.name]}
        if values.dtype != np.float32 or values.size < _LARGE or len(axes) != 1 or None in axes:
            continue
        axis = np.arange(values.ndim)[axes.pop()]
        largest = np.abs(values).max(axis=tuple(set(range(values.ndim)) - {axis}), keepdims=True)
        scales = np.where(largest > 0, largest, 1.0).astype(np.float32) / np.float32(127)
        stored, steps, scale, name = (f"{weight.name}{ending}" for ending in ("/int8", "/steps", "/scale", ""))
        weight.CopyFrom(onnx.numpy_helper.from_array(np.rint(values / scales).astype(np.int8), stored))
        graph_.initializer.append(onnx.numpy_helper.from_array(scales, scale))
        graph_.node.insert(0, onnx.helper.make_node("Mul", [steps, scale], [name]))
        graph_.node.insert(0, onnx.helper.make_node("Cast", [stored], [steps], to=onnx.TensorProto.FLOAT))


def _loaded(path):
    """What the file tells, and the function from its inputs to images."""
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes
        raise RuntimeError(f"{_versions()} does not load what was written: {check.reason(error)}") from error
    told = json.loads(session.get_modelmeta().custom_metadata_map[facts.KEY])
    return told, lambda inputs: session.run([graph.OUTPUT], inputs)[0]


def _versions():
    return f"onnxruntime {importlib.import_module('onnxruntime').__version__}"


@contextlib.contextmanager
def _quiet():
    """tf2onnx warns, with a traceback, of each rewriting that it then leaves out."""
    logger = logging.getLogger("tf2onnx")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
