"""Presets in other runtimes: how far their images are from TensorFlow's, the files' sizes, images a second.

python -m benchmarks.runtimes [PRESET ...] [--seconds 1] [--batch 32] [--out runtimes.json]

Without names, all image presets of the repository. Each runtime computes images of the same latents with what cores the
process may use; a speed is that of the fastest of the calls that fill the seconds. It prints the table in
docs/runtimes.md. Run it on an idle machine, or on one core of it (`taskset -c 1`): threads that wait for others are
slowed most by other programs.
"""

import argparse
import json
import os
import pathlib
import tempfile
import time
from importlib import metadata

import numpy as np

import kerasgan
from kerasgan.metrics.evaluation import result
from kerasgan.models.runtimes import openvino

FOLDER = pathlib.Path(__file__).parents[1] / "zoo" / "presets"
CORES = len(os.sched_getaffinity(0))


def inputs_of(gan, batch):
    """Random inputs of a generator, by their names."""
    inputs = {"z": np.random.default_rng(0).standard_normal((batch, gan.latent.dim), np.float32)}
    if gan.num_classes is not None:
        inputs["label"] = np.arange(batch, dtype=np.int32) % gan.num_classes
    if gan.takes_truncation:
        inputs["truncation"] = np.ones(batch, np.float32)
    return inputs


def in_tensorflow(gan):
    import tensorflow as tf

    compiled = tf.function(gan.images_from_latents, autograph=False)
    return lambda z, label=None, truncation=None: compiled(z, label, truncation).numpy()


def in_onnxruntime(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = CORES
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda **inputs: session.run(["images"], inputs)[0]


def in_litert(path):
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(path), num_threads=CORES).get_signature_runner("serving_default")
    return lambda **inputs: runner(**inputs)["images"]


def in_openvino(path):
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": CORES, "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.package().Core().compile_model(path, "CPU", options)
    return lambda **inputs: compiled(inputs)["images"]


def images_per_second(run, inputs, seconds):
    """Of the fastest call."""
    run(**inputs)
    times, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until or len(times) < 10:
        began = time.perf_counter()
        run(**inputs)
        times.append(time.perf_counter() - began)
    return len(inputs["z"]) / min(times)


def rows_of(name, folder, batch, seconds):
    """Measure one preset: a dict for each runtime."""
    gan = kerasgan.from_preset(name)
    exports = {
        "ONNX Runtime": (gan.export_onnx, in_onnxruntime, ".onnx", {}),
        "ONNX Runtime, int8": (gan.export_onnx, in_onnxruntime, ".int8.onnx", {"int8": True}),
        "LiteRT": (gan.export_litert, in_litert, ".tflite", {}),
        "LiteRT, int8": (gan.export_litert, in_litert, ".int8.tflite", {"int8": True}),
        "OpenVINO": (gan.export_openvino, in_openvino, ".xml", {}),
    }
    paths = {runtime: folder / f"{name}{ending}" for runtime, (_, _, ending, _) in exports.items()}
    levels = {runtime: export(paths[runtime], **options) for runtime, (export, _, _, options) in exports.items()}
    runs = {"TensorFlow": in_tensorflow(gan)}
    runs |= {runtime: open_(paths[runtime]) for runtime, (_, open_, _, _) in exports.items()}
    return [
        {
            "preset": name,
            "runtime": runtime,
            "levels": levels.get(runtime),
            "bytes": size_of(paths[runtime]) if runtime in paths else None,
            "images/s one by one": images_per_second(run, inputs_of(gan, 1), seconds),
            f"images/s by {batch}": images_per_second(run, inputs_of(gan, batch), seconds),
        }
        for runtime, run in runs.items()
    ]


def size_of(path):
    """Bytes of a file, of OpenVINO with its weights."""
    parts = [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]
    return sum(part.stat().st_size for part in parts)


def image_presets():
    """Names of the repository's presets that make images."""
    facts = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*/metadata.json"))]
    return [each["name"] for each in facts if len(each["image_shape"]) == 3]


def line_of(row):
    """A row of the table."""
    preset, runtime, levels, size, *speeds = row.values()
    size = "" if size is None else f"{size / 2**20:.2f} MiB"
    levels = "" if levels is None else levels
    return f"| {preset} | {runtime} | {levels} | {size} | {' | '.join(f'{speed:,.0f}' for speed in speeds)} |"


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runtimes", description=__doc__.splitlines()[0])
    parser.add_argument("presets", nargs="*", default=image_presets(), help="names of presets of images")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each speed")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file of the numbers")
    options = parser.parse_args()
    found = {
        "command": result.command(),
        "versions": result.versions() | runtime_versions(),
        "cores": CORES,
        "load before": os.getloadavg()[0],
        "rows": [],
    }
    columns = ("images/s one by one", f"images/s by {options.batch}")
    print(f"| preset | runtime | levels of difference | file | {' | '.join(columns)} |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.presets:
            for row in rows_of(name, pathlib.Path(folder), options.batch, options.seconds):
                print(line_of(row), flush=True)
                found["rows"].append(row)
    print(json.dumps({key: value for key, value in found.items() if key != "rows"}))
    if options.out:
        options.out.write_text(json.dumps(found, indent=2) + "\n")


def runtime_versions():
    """Versions of what the extra `runtimes` installs."""
    return {name: metadata.version(name) for name in ("tf2onnx", "onnx", "onnxruntime", "ai-edge-litert", "openvino")}


if __name__ == "__main__":
    main()
