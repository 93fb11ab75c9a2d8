"""Checking a preset: the grid of its card made anew, its numbers measured anew."""

import json
import re

import numpy as np
from PIL import Image

from kerasgan import presets
from kerasgan.metrics import measures
from kerasgan.zoo import manifest, publish, sources

# the name of a number before its network's, and the metric of `kerasgan evaluate` that gives it
_METRICS = {
    **dict.fromkeys(("fid", "fd"), "fid"),
    **dict.fromkeys(("kid", "kd"), "kid"),
    **dict.fromkeys(("is", "score"), "is"),
    **dict.fromkeys(("m-is", "m-score"), "mis"),
    **dict.fromkeys(("precision", "recall", "density", "coverage"), "prdc"),
    **dict.fromkeys(("intra-fid", "intra-fd"), "intra-fid"),
    "sliced_wasserstein": "swd",
    "ms_ssim": "ms-ssim",
    **dict.fromkeys(("modes", "high_quality", "smallest_share", "kl_of_modes"), "modes"),
    "w1": "w1",
    "js": "js",
    **dict.fromkeys((f"js_{n}_grams" for n in measures.N_GRAMS), "ngrams"),
}

_NO_NETWORKS = ("pixels", "points", "characters")  # what some numbers name instead of a feature network


class Different(RuntimeError):
    """A preset that does not give what its card says."""


def verify(source, metrics=True):
    """Make a preset's grid anew and measure its numbers anew.

    Args:
        source: as for `kerasgan.from_preset`.
        metrics: whether to measure; it takes the data, and its time.

    Returns:
        list of lines that say what was compared, and by how much it differs.

    Raises:
        Different: if something differs by more than the preset's metadata state.
        ValueError: if the preset has no grid, or a number that cannot be measured anew; else as
            `kerasgan.from_preset`.
    """
    folder = sources.folder(source, manifest.NAMES)
    facts = sources.metadata(folder)
    if "grid" not in facts:
        raise ValueError(f"{source}: was not published with a grid, which could be compared")
    grid, tolerance = facts["grid"], facts["tolerance"]
    sampler = presets.load(folder)
    difference = _difference(publish.picture(sampler, grid), folder)
    said = f"grid: {difference:.4f} of 255 levels on average, at most {tolerance['grid_levels']:g} allowed"
    lines = [said]
    if difference > tolerance["grid_levels"]:
        raise Different(f"{source}: {said}")
    if not metrics:
        return lines
    for found, new in _measured_anew(folder, facts["metrics"]):
        old = found["value"]
        relative = abs(new - old) / max(abs(old), 1e-12)
        said = f"{found['name']}: {new:.6g}, {old:.6g} on the card: {relative:.2%}, at most {tolerance['metrics']:.0%}"
        lines.append(said)
        if relative > tolerance["metrics"]:
            raise Different(f"{source}: {said}")
    return lines


def _difference(picture, folder):
    """Mean absolute difference of a picture and the stored grid, in levels; infinite where the sizes differ."""
    path = folder / manifest.GRID
    with Image.open(path) as image:
        old, new = np.asarray(image, np.float64), np.asarray(picture, np.float64)
    return float(np.abs(old - new).mean()) if old.shape == new.shape else float("inf")


def _measured_anew(folder, numbers):
    """Pairs of a preset's numbers and what they are now, against the data of the preset's recipe."""
    groups, pairs = {}, []
    for found in numbers:
        groups.setdefault(_protocol(found), []).append(found)
    for (network, samples, seed, truncation), group in groups.items():
        from kerasgan import evaluation

        metrics = ",".join(dict.fromkeys(_metric(found["name"]) for found in group))
        results = evaluation.evaluate(
            [folder], metrics=metrics, network=network, n=samples, seed=seed, truncation=truncation
        )
        measured = {result.name: result.value for result in results}
        pairs += [(found, measured[found["name"]]) for found in group]
    return pairs


def _protocol(found):
    """(network, samples, seed, truncation) of a number; what was measured in another way cannot be verified."""
    name, protocol = found["name"], found["protocol"]
    if any("new batches" in note for note in protocol["notes"]):
        raise ValueError(f"{name}: was measured with other batch-norm statistics; verify measures the preset as it is")
    network = None if protocol["network"] in _NO_NETWORKS else protocol["network"]
    bounds = [re.fullmatch(r"truncation (\S+)", note) for note in protocol["notes"]]
    return network, protocol["samples"], protocol["seed"], next((float(bound[1]) for bound in bounds if bound), None)


def _metric(name):
    short = name.partition("[")[0]
    if short not in _METRICS:
        raise ValueError(f"{name}: expected a number of kerasgan evaluate: {json.dumps(sorted(_METRICS))}")
    return _METRICS[short]
