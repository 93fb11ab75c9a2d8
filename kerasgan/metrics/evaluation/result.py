"""A number with its protocol, from which it cannot be printed apart."""

import dataclasses
import importlib.metadata
import json
import math
import pathlib
import platform
import shlex
import sys
import warnings
from collections.abc import Mapping, Sequence

from kerasgan.utils import atomic_files, validation
from kerasgan.utils.annotations import Path
from kerasgan.utils.messages import quoted

# what the measure is called with the network of the published numbers, and with any other
_NAMES = {
    "frechet": ("fid", "fd"),
    "kernel": ("kid", "kd"),
    "inception_score": ("is", "score"),
    "modified_inception_score": ("m-is", "m-score"),
    "intra_frechet": ("intra-fid", "intra-fd"),
}
INCEPTION_2015 = "inception-2015"
_VERSIONS = ("kerasgan", "keras", "tensorflow", "numpy", "scipy")


def metric_name(measure: str, network: str) -> str:
    """Return a measure's name with its feature network's: `fid[inception-2015]`, `fd[garments]`, `precision[garments]`.

    FID, KID and IS are names of numbers of the Inception network of 2015 alone; with another network the same measures
    are called fd, kd and score.

    Args:
        measure: "frechet", "kernel", "inception_score", "modified_inception_score", "intra_frechet", or any other
            measure's name, which is kept.
        network: the feature network's name.

    Raises:
        ValueError: if a name is empty or has brackets.
    """
    for name, value in (("measure", measure), ("network", network)):
        if not isinstance(value, str) or not value.strip() or set(value) & set("[]"):
            raise ValueError(f"{name}: expected a name without brackets; got {quoted(value)}")
    published, other = _NAMES.get(measure, (measure, measure))
    is_published = network == INCEPTION_2015 or network.startswith(INCEPTION_2015 + "-")
    return f"{published if is_published else other}[{network}]"


def versions() -> dict[str, str]:
    """Return the versions of the packages that a number depends on, those installed, and Python's."""
    installed = {"python": platform.python_version()}
    for package in _VERSIONS:
        try:
            installed[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed


def command() -> str:
    """Return the command line of this process, without the folder of its program."""
    program = pathlib.Path(sys.argv[0])
    name = program.parent.name if program.name == "__main__.py" else program.name  # of a package run by `python -m`
    return shlex.join([name, *sys.argv[1:]])


def compared_with(reference: str, samples: int) -> str:
    """Return what a number's samples were compared with, in words: "60,000 of fashion_mnist train"."""
    return f"{samples:,} of {reference}" if samples else reference


@dataclasses.dataclass(frozen=True, kw_only=True)
class Protocol:
    """How a number was made.

    Args:
        network: the feature network's name.
        samples: number of generated images.
        reference: what they were compared with, such as "cifar10 train".
        reference_samples: number of its images; 0 for measures without a reference, and for a distribution that is
            known exactly.
        data: `kerasgan.data.fingerprints.of_arrays` of the reference, or "" without one.
        features: numbers a feature vector has.
        seed: of the generated images, and of the measure where it draws.
        splits: parts or subsets over which the number is a mean; 1 for a number of all samples at once.
        weights: which weights generated, "moving average" or "trained", or "" for data.
        notes: anything else that changes the number, such as "k = 5" or "truncation 0.5".
        model: what generated: a path, or "" where there is none.
        network_weights: `kerasgan.metrics.features.FeatureNetwork.digest`, or "" where it is not known.
        command: the command that made it; this process's by default.
        versions: of packages; the installed ones by default.

    Raises:
        ValueError: naming the argument that is not as said.
    """

    network: str
    samples: int
    reference: str
    reference_samples: int
    data: str
    features: int
    seed: int
    splits: int = 1
    weights: str = ""
    notes: tuple[str, ...] = ()
    model: str = ""
    network_weights: str = ""
    command: str = dataclasses.field(default_factory=command)
    versions: dict[str, str] = dataclasses.field(default_factory=versions)

    def __post_init__(self):
        for name, least in (("samples", 2), ("reference_samples", 0), ("features", 1), ("seed", 0), ("splits", 1)):
            validation.integer(name, getattr(self, name), least)
        if self.reference_samples and not (self.reference and self.data):
            raise ValueError(
                f"reference, data: expected the name and the fingerprint of the {self.reference_samples} reference "
                f"images; got {quoted(self.reference)} and {quoted(self.data)}"
            )

    def __str__(self):
        return ", ".join(self.parts)

    @property
    def parts(self) -> list[str]:
        """The facts that are printed, each in a few words; command and versions are in the JSON alone."""
        source = f" of {self.model}" if self.model else ""
        parts = [f"{self.samples:,} samples{source}" + (f" of {self.weights} weights" if self.weights else "")]
        if self.reference:
            parts.append(f"against {compared_with(self.reference, self.reference_samples)} ({self.data})")
        weights = f" of weights {self.network_weights}" if self.network_weights else ""
        parts += [f"{self.features} features{weights}", f"seed {self.seed}"]
        parts += [f"{self.splits} splits"] if self.splits > 1 else []
        return [*parts, *self.notes]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """A measured number and how it was made. Every way of printing it prints the protocol and the caveats.

    Args:
        measure: as for `metric_name`.
        value: the number.
        protocol: `Protocol`.
        std: its standard deviation over splits, `None` without splits.
        caveats: sentences without which the number misleads, as `few_samples` makes them; each is a warning too.

    Raises:
        ValueError: if the number is not finite.
    """

    measure: str
    value: float
    protocol: Protocol
    std: float | None = None
    caveats: tuple[str, ...] = ()

    def __post_init__(self):
        for name, value in (("value", self.value), ("std", self.std)):
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name}: expected a finite number for {self.name}; got {quoted(value)}")
        for caveat in self.caveats:
            warnings.warn(f"{self.name}: {caveat}", stacklevel=3)

    @property
    def name(self) -> str:
        """The metric's name with its network's, such as `fd[garments]`."""
        return metric_name(self.measure, self.protocol.network)

    def __str__(self):
        ending = "".join(f"; CAUTION: {caveat}" for caveat in self.caveats)
        return f"{self.name} = {self._number} ({self.protocol}{ending})"

    @property
    def _number(self):
        return f"{self.value:.6g}" + ("" if self.std is None else f" +- {self.std:.4g}")

    __repr__ = __str__

    def __format__(self, spec):
        """As `str`, padded by the format; a format for numbers, such as `.2f`, is a ValueError: print `str(result)`."""
        return format(str(self), spec)

    def to_dict(self) -> dict:
        """Return everything as what JSON can hold."""
        return {
            "name": self.name,
            "value": self.value,
            "std": self.std,
            "caveats": list(self.caveats),
            "protocol": {**dataclasses.asdict(self.protocol), "notes": list(self.protocol.notes)},
        }


def table(results: Sequence[Result]) -> str:
    """Return results as text: first the facts that their protocols share, then a line a number, with its own facts."""
    shared = [part for part in results[0].protocol.parts if all(part in other.protocol.parts for other in results)]
    lines, width = [", ".join(shared)], max(len(result.name) for result in results)
    for result in results:
        own = [part for part in result.protocol.parts if part not in shared]
        own += [f"CAUTION: {caveat}" for caveat in result.caveats]
        lines.append(f"  {result.name:{width}}  {result._number:24}  {', '.join(own)}".rstrip())
    return "\n".join(lines)


def write(path: Path, results: Sequence[Result], models: Mapping[str, str] | None = None) -> pathlib.Path:
    """Write results to a JSON file, whole or not at all.

    Args:
        path: of the file.
        results: list of `Result`s.
        models: the SHA-256 of the models that were measured, by what protocols call them; for files alone.

    Returns:
        The path.
    """
    path = pathlib.Path(path)
    facts = {"results": [result.to_dict() for result in results], "models": dict(models or {})}
    with atomic_files.written_whole(path) as beside:
        beside.write_text(json.dumps(facts, indent=2) + "\n")
    return path


def few_samples(samples: int, features: int, expected: float | None = None) -> tuple[str, ...]:
    """Return what must be said of a Frechet distance from so few samples: nothing, or one caveat.

    Args:
        samples: number of samples of the smaller set.
        features: numbers in a feature vector; a covariance of no more samples than that is singular.
        expected: the distance to expect of two samples of one distribution,
            `kerasgan.metrics.frechet.expected_distance`; said where it is given.

    Returns:
        () with more than ten times as many samples as features, else one sentence.
    """
    if samples > 10 * features:
        return ()
    what = "no more samples than features, the covariance is singular" if samples <= features else "few samples"
    floor = "" if expected is None else f"; two samples of one distribution would be at about {expected:.3g}"
    return (f"{samples:,} samples of {features:,} features: {what}{floor}",)
