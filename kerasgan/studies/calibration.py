"""The study `calibration`: what the measures say of real images, and of real images spoilt on purpose.

A distance of generated images says little alone. Here are those of images whose faults are known: other images of the
training split, the test split, blurred images, images with noise, images of two classes only, and noise alone. All
sets have the same number of images, for the distances depend on it.
"""

import pathlib

import numpy as np
import tensorflow as tf

from kerasgan.data import splits
from kerasgan.metrics import features
from kerasgan.metrics.evaluation import evaluator
from kerasgan.metrics.evaluation.reference import Reference
from kerasgan.studies import report
from kerasgan.utils import atomic_files, cache_root, validation
from kerasgan.visualization import figures

METRICS = "fid,kid,is,prdc"
ITSELF = "the reference itself"  # of which only the score says anything
_SHOWN = 10  # images of a row of the picture
_TWO = 2  # classes of the set without the others


def run(out, real, network="garments", n=5000, image_size=32, seed=0, data_dir=None, weights=None):
    """Run the study: `result.json`, `table.md` and `calibration.png`.

    Rows that `result.json` already has are not measured again: an interrupted study goes on.

    Args:
        out: output folder.
        real: where the images are, as for `kerasgan.data.splits.arrays`.
        network: name of the feature network.
        n: images of each set and of the reference, at least 20.
        image_size: height and width.
        seed: of the choice of images and of the noise.
        data_dir: TFDS's folder.
        weights: file of the network's weights, where it takes one.

    Returns:
        Path of `result.json`.

    Raises:
        ValueError: if there are too few images, they have no labels, or a number is wrong.
        FileNotFoundError, ConnectionError: if the images are not there.
    """
    validation.integer("n", n, 20)
    validation.integer_within("seed", seed, np.uint32)
    out = pathlib.Path(out)
    judge = features.load(network, weights)
    sets, kept, name = _sets(real, n, image_size, seed, data_dir)
    cache = cache_root.root()
    reference = Reference.of_arrays(kept, judge, name=f"{name} train, {n:,} images", cache=cache, verbose=True)
    settings = {"real": str(real), "features": network, "n": n, "image_size": image_size, "seed": seed}
    found = report.earlier(out, settings) or {"reference": reference.data, "rows": {}}
    if found["reference"] != reference.data:
        raise ValueError(f"out: {out} holds a result of other images, {found['reference']}; give another folder")
    rows = found["rows"]
    for row, images in sets.items():
        if row in rows:
            continue
        compared = "is" if row == ITSELF else METRICS
        results = evaluator.evaluate_images(images, reference, compared, seed=seed, name=row, verbose=True)
        rows[row] = [one.to_dict() for one in results]
        rows = {name: rows[name] for name in sets if name in rows}  # in their order, whichever was measured first
        report.write_result(out, settings, {"reference": reference.data, "rows": rows})
    draw(out / "calibration.png", rows, sets)
    with atomic_files.written_whole(out / "table.md") as beside:
        beside.write_text(table(rows))
    return out / "result.json"


def spoilt(images, labels, rng, other, other_labels) -> dict[str, np.ndarray]:
    """Return sets of images with a fault each, by the fault. The means of 2 x 2 pixels are enlarged bilinearly.

    Args:
        images: uint8 [N, H, W, C], to be spoilt.
        labels: integers of `other_labels`.
        rng: `numpy.random.Generator`.
        other: further images, from which those of two classes are taken.
        other_labels: integers, one for each of them.
    """
    height, width = images.shape[1:3]
    few = other[np.isin(other_labels, np.unique(labels)[:_TWO])]
    means = tf.nn.avg_pool2d(tf.cast(images, tf.float32), 2, 2, "SAME")
    blurred = tf.image.resize(means, (height, width), "bilinear").numpy()

    def noisy(deviation):
        return images + rng.normal(0.0, deviation, images.shape)

    return {
        "means of 2 x 2 pixels": _bytes(blurred),
        "noise of 16 levels": _bytes(noisy(16.0)),
        f"{_TWO} classes alone": few[: len(images)],
        "noise of 48 levels": _bytes(noisy(48.0)),
        "noise alone": rng.integers(0, 256, images.shape, dtype="uint8"),
    }


def table(rows) -> str:
    """Return the rows as a table in Markdown, a column a measure, with the protocol that they share beneath."""
    names = [one["name"] for one in max(rows.values(), key=len)]
    lines = [["images", *names], ["---", *["---:"] * len(names)]]
    for row, found in rows.items():
        by_name = {one["name"]: one for one in found}
        lines.append([row, *(f"{by_name[name]['value']:.4g}" if name in by_name else "" for name in names)])
    [first, *_] = (found[0]["protocol"] for row, found in rows.items() if row != ITSELF)
    protocol = (
        f"{first['samples']:,} images each, against {first['reference']} ({first['data']}); {first['features']} "
        f"features of {first['network']} (weights {first['network_weights']}), seed {first['seed']}, "
        f"{first['notes'][-1]}."
    )
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + f"\n{protocol}\n"


def draw(path, rows, sets):
    """Draw the Frechet distances as bars, and beside them some images of each set; returns the path."""
    names = [name for name in sets if name != ITSELF]
    values = [rows[name][0]["value"] for name in names]
    figure = figures.new((12.6, 0.66 * len(names) + 1.0))
    left, right = figure.subfigures(1, 2, width_ratios=(6, 6.6))
    axes = left.subplots()
    places = np.arange(len(names))[::-1]
    axes.barh(places, values, color="#2a7f9e", height=0.62)
    for place, value in zip(places, values):
        axes.annotate(
            f"{value:.4g}", (value, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9
        )
    axes.set(
        yticks=places, yticklabels=names, xscale="log", xlabel=rows[names[0]][0]["name"], ylim=(-0.6, len(names) - 0.4)
    )
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    for axis, name in zip(right.subplots(len(names), 1, squeeze=False)[:, 0], names):
        strip = np.concatenate(list(sets[name][:_SHOWN]), axis=1)
        axis.imshow(strip[:, :, 0] if strip.shape[-1] == 1 else strip, cmap="gray", vmin=0, vmax=255)
        axis.set_axis_off()
    protocol = rows[names[0]][0]["protocol"]
    figure.suptitle(f"{protocol['samples']:,} images each, against {protocol['reference']}", fontsize=11)
    return report.save_figure(figure, path)


def _sets(real, n, image_size, seed, data_dir):
    """The sets of images by name, the reference's images, and what they are called."""
    (images, labels), (test, test_labels) = (
        splits.arrays(real, split, image_size, data_dir) for split in ("train", "test")
    )
    rng = np.random.default_rng(seed)
    order, test_order = rng.permutation(len(images)), rng.permutation(len(test))
    if len(images) < 2 * n or len(test) < n:
        raise ValueError(
            f"n: expected at most half of the {len(images)} training and all {len(test)} test images; got {n}"
        )
    rest = order[n:]
    kept, test, test_labels = images[order[:n]], test[test_order[:n]], test_labels[test_order[:n]]
    faults = spoilt(test, test_labels, rng, images[rest], labels[rest])
    smallest = min(map(len, faults.values()))
    if smallest < n:
        raise ValueError(f"n: expected at most {smallest}, the images of {_TWO} classes; got {n}")
    sets = {ITSELF: kept, "other training images": images[rest[:n]], "test split": test, **faults}
    return sets, kept, pathlib.Path(str(real)).name


def _bytes(values):
    return np.clip(np.floor(values + 0.5), 0, 255).astype("uint8")
