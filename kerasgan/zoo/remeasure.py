"""Measuring the numbers of a preset anew, as their protocols say."""

import json
import re

from kerasgan.metrics import features
from kerasgan.metrics.evaluation import measures
from kerasgan.training import evaluation
from kerasgan.utils.messages import quoted

# the name of a number before its network's, and the metric of `kerasgan evaluate` that gives it
_METRICS = {
    **dict.fromkeys(("fid", "fd"), "fid"),
    **dict.fromkeys(("kid", "kd"), "kid"),
    **dict.fromkeys(("is", "score"), "is"),
    **dict.fromkeys(("m-is", "m-score"), "mis"),
    **dict.fromkeys(("precision", "recall", "density", "coverage"), "prdc"),
    "class_accuracy": "class-accuracy",
    **dict.fromkeys(("intra-fid", "intra-fd"), "intra-fid"),
    "sliced_wasserstein": "swd",
    "ms_ssim": "ms-ssim",
    **dict.fromkeys(("modes", "high_quality", "smallest_share", "kl_of_modes"), "modes"),
    "w1": "w1",
    "js": "js",
    **dict.fromkeys((f"js_{n}_grams" for n in measures.N_GRAMS), "ngrams"),
}

_NO_NETWORKS = ("pixels", "points", "characters")  # what some numbers name instead of a feature network


class NotReproduced(RuntimeError):
    """A preset that does not give what its card says."""


def repeatable(found):
    """Return (network, samples, seed, truncation) of a number.

    Args:
        found: dict, see `kerasgan.metrics.evaluation.result.Result.to_dict`.

    Raises:
        ValueError: if it was measured in a way in which nothing is measured here.
    """
    name, protocol = found["name"], found["protocol"]
    _metric(name)
    if any("new batches" in note for note in protocol["notes"]):
        raise ValueError(f"{name}: was measured with other batch-norm statistics; verify measures the preset as it is")
    if any(note.startswith("features in ") for note in protocol["notes"]):
        raise ValueError(f"{name}: was measured with features in another precision; verify computes them in float32")
    network = None if protocol["network"] in _NO_NETWORKS else protocol["network"]
    if network is not None and network not in features.NAMES:
        raise ValueError(f"{name}: expected a feature network of {', '.join(features.NAMES)}; got {quoted(network)}")
    bounds = [re.fullmatch(r"truncation (\S+)", note) for note in protocol["notes"]]
    return network, protocol["samples"], protocol["seed"], next((float(bound[1]) for bound in bounds if bound), None)


def groups(numbers):
    """Return lists of numbers by what is the same for all that are measured at once, see `repeatable`."""
    together = {}
    for number in numbers:
        together.setdefault(repeatable(number), []).append(number)
    return together


def measured(source, folder, wanted, section, of_the_recipe):
    """Measure a preset.

    Args:
        source: names it in messages.
        folder: of the preset.
        wanted: numbers, as `groups` gives them.
        section: `kerasgan.recipes.sections.Section` of the data that they are measured against.
        of_the_recipe: whether those are the data of the recipe, whose name is on the card.

    Returns:
        list of pairs: a number's dict, its value now.

    Raises:
        NotReproduced: if it was compared with something else.
        ValueError, OSError: as `kerasgan.training.evaluation.evaluate`.
    """
    pairs = []
    for (network, samples, seed, truncation), group in wanted.items():
        metrics = ",".join(dict.fromkeys(_metric(number["name"]) for number in group))
        results = evaluation.evaluate(
            [folder], metrics=metrics, network=network, n=samples, real=section, seed=seed, truncation=truncation
        )
        anew = {result.name: result for result in results}
        for number in group:
            name = number["name"]
            if name not in anew:
                raise ValueError(f"{name}: expected one of {', '.join(anew)}, which this feature network gives")
            _check_protocol(source, number, anew[name].protocol, of_the_recipe)
            pairs.append((number, anew[name].value))
    return pairs


def _check_protocol(source, found, new, of_the_recipe):
    """Whether a number was compared with what the card says; with data of another path, their name may differ."""
    names = ("reference", "reference_samples") if of_the_recipe else ("reference_samples",)
    for name in (*names, "network_weights", "features"):
        stated, here = found["protocol"].get(name, ""), getattr(new, name)
        if stated != here:
            raise NotReproduced(f"{source}: {found['name']}: {name}: here {quoted(here)}, {quoted(stated)} on the card")


def _metric(name):
    short = name.partition("[")[0]
    if short not in _METRICS:
        raise ValueError(f"{name}: expected a number of kerasgan evaluate: {json.dumps(sorted(_METRICS))}")
    return _METRICS[short]
