"""What other packages say of the same features and logits: `python -m benchmarks.metrics --peers`.

Three pairs of feature sets, each of a normal and a gamma distribution that have the same variances, and means that
differ by 0.2 of a standard deviation: all features of one scale, scales over three orders of magnitude, and fewer rows
than features. Every package is given the same float32 numbers, as networks make them, and is left at its defaults but
for the number of neighbours. Of the Frechet distance the truth is computed from singular values of the centred
features, without covariances; of the kernel distance it is the mean over all pairs. It prints Markdown, and says what
is not installed.

    pip install --no-deps torch-fidelity torchmetrics lightning-utilities clean-fid pytorch-fid piq prdc

torch-fidelity, clean-fid and pytorch-fid import torchvision, which nothing here calls: something empty stands for it.
"""

import contextlib
import importlib
import io
import sys
import warnings
from importlib import metadata
from unittest import mock

import numpy as np
from scipy import linalg

from kerasgan.metrics import frechet, inception_score, precision_recall
from kerasgan.metrics import kernel_distance as kernel

PACKAGES = ("torch-fidelity", "torchmetrics", "clean-fid", "pytorch-fid", "piq", "prdc", "torch", "numpy", "scipy")
NEIGHBOURS = 5
_VISION = ("torchvision", *(f"torchvision.{part}" for part in ("transforms", "transforms.functional", "datasets",
           "models", "models.utils", "models.feature_extraction")))  # fmt: skip


def feature_sets():
    """Pairs of float32 [N, D] by the names of the columns."""
    rng = np.random.default_rng(0)
    kinds = {
        "one scale": (2000, np.ones(64)),
        "unequal scales": (2000, np.logspace(0.0, -3.0, 64)),
        "fewer rows than features": (100, np.ones(256)),
    }
    draws = {
        name: (
            rng.normal(size=(rows, len(scales))) * scales,
            ((rng.gamma(2.0, size=(rows, len(scales))) - 2.0) / np.sqrt(2.0) + 0.2) * scales,
        )
        for name, (rows, scales) in kinds.items()
    }
    return {name: tuple(rows.astype(np.float32) for rows in pair) for name, pair in draws.items()}


def logits():
    """float32 [2000, 10] of a sure classifier, by the order of the rows."""
    rng = np.random.default_rng(1)
    classes = rng.integers(0, 10, 2000)
    values = (rng.normal(size=(2000, 10)) + 4.0 * np.eye(10)[classes]).astype(np.float32)
    return {"rows in no order": values, "rows by class": values[np.argsort(classes, kind="stable")]}


def stand_in():
    """Let `import torchvision` give something empty: it does not load beside every PyTorch and TensorFlow."""
    sys.modules |= {name: mock.MagicMock(__spec__=None) for name in _VISION}
    return (
        "Something empty stands for torchvision, which torch-fidelity, clean-fid and pytorch-fid import: no call of it."
    )


def moments(features):
    """Mean and covariance, as pytorch-fid and clean-fid compute them of float64 features."""
    rows = features.astype(np.float64)
    return rows.mean(0), np.cov(rows, rowvar=False)


def true_frechet(real, generated):
    a, b = (rows.astype(np.float64) for rows in (real, generated))
    centred = [(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b)]
    common = linalg.svdvals(centred[0] @ centred[1].T).sum()
    return np.square(a.mean(0) - b.mean(0)).sum() + sum(np.square(x).sum() for x in centred) - 2.0 * common


def torchmetrics_of(kind, real, generated, **arguments):
    """One of torchmetrics' measures of two sets, with a network that gives what it is given."""
    import torch

    class Given(torch.nn.Module):
        num_features = real.shape[1]

        def forward(self, rows):
            return rows

    measure = kind(feature=Given(), **arguments)
    measure.update(torch.from_numpy(real), real=True)
    measure.update(torch.from_numpy(generated), real=False)
    return measure.compute()


def of_torchmetrics(name):
    return getattr(importlib.import_module("torchmetrics.image"), name)


def frechet_distances():
    """Functions from two sets to a number, by package; imports happen as they are called."""
    import torch

    def torch_fidelity(real, generated):
        from torch_fidelity import metric_fid

        a, b = (metric_fid.fid_features_to_statistics(torch.from_numpy(rows)) for rows in (real, generated))
        return metric_fid.fid_statistics_to_metric(a, b, verbose=False)["frechet_inception_distance"]

    def pytorch_fid(real, generated):
        from pytorch_fid import fid_score

        return fid_score.calculate_frechet_distance(*moments(real), *moments(generated))

    def clean_fid(real, generated):
        from cleanfid import fid

        return fid.frechet_distance(*moments(real), *moments(generated))

    def piq(real, generated):
        from piq import FID

        return FID().compute_metric(torch.from_numpy(generated), torch.from_numpy(real))

    return {
        "truth": true_frechet,
        "kerasgan": frechet.frechet_distance,
        "torch-fidelity": torch_fidelity,
        "torchmetrics": lambda *sets: torchmetrics_of(of_torchmetrics("FrechetInceptionDistance"), *sets),
        "pytorch-fid": pytorch_fid,
        "clean-fid": clean_fid,
        "piq": piq,
    }


def kernel_distances():
    """As `frechet_distances`. The subsets have 1,000 rows, or as many as there are."""
    import torch

    def torch_fidelity(real, generated):
        from torch_fidelity import metric_kid

        a, b = torch.from_numpy(real), torch.from_numpy(generated)
        found = metric_kid.kid_features_to_metric(a, b, kid_subset_size=min(1000, len(real)), verbose=False)
        return found["kernel_inception_distance_mean"], found["kernel_inception_distance_std"]

    def torchmetrics(real, generated):
        kind = of_torchmetrics("KernelInceptionDistance")
        return torchmetrics_of(kind, real, generated, subset_size=min(1000, len(real)))

    def clean_fid(real, generated):
        from cleanfid import fid

        return fid.kernel_distance(generated, real)

    def piq(real, generated):
        from piq import KID

        return KID().compute_metric(torch.from_numpy(generated), torch.from_numpy(real))

    def piq_average(real, generated):
        from piq import KID

        size = min(1000, len(real))
        return KID(average=True, subset_size=size).compute_metric(torch.from_numpy(generated), torch.from_numpy(real))

    def kerasgan(real, generated):
        found = kernel.kernel_distance(real, generated, subset_size=min(1000, len(real)))
        return found.mean, found.std

    return {
        "truth: all pairs": kernel.discrepancy,
        "kerasgan": kerasgan,
        "torch-fidelity": torch_fidelity,
        "torchmetrics": torchmetrics,
        "clean-fid": clean_fid,
        "piq": piq,
        "piq, average=True": piq_average,
    }


def neighbours():
    """Functions from two sets to (precision, recall, density, coverage); what a package has not is None."""
    import torch

    def prdc(real, generated):
        from prdc import compute_prdc

        found = compute_prdc(real_features=real, fake_features=generated, nearest_k=NEIGHBOURS)
        return found["precision"], found["recall"], found["density"], found["coverage"]

    def torch_fidelity(real, generated):
        from torch_fidelity import metric_prc

        a, b = torch.from_numpy(generated), torch.from_numpy(real)
        found = metric_prc.prc_features_to_metric(a, b, prc_neighborhood=NEIGHBOURS, verbose=False)
        return found["precision"], found["recall"], None, None

    def piq(real, generated):
        from piq import PR

        found = PR(nearest_k=NEIGHBOURS).compute_metric(torch.from_numpy(real), torch.from_numpy(generated))
        return *found, None, None

    def kerasgan(real, generated):
        found = precision_recall.neighbours(real, generated, k=NEIGHBOURS)
        return found.precision, found.recall, found.density, found.coverage

    return {"kerasgan": kerasgan, "prdc": prdc, "torch-fidelity": torch_fidelity, "piq": piq}


def inception_scores():
    """Functions from logits to (mean, standard deviation) over 10 parts."""
    import torch

    def softmax(values):
        powers = np.exp(values - values.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)

    def torch_fidelity(values):
        from torch_fidelity import metric_isc

        found = metric_isc.isc_features_to_metric(torch.from_numpy(values))
        return found["inception_score_mean"], found["inception_score_std"]

    def torchmetrics(values):
        measure = of_torchmetrics("InceptionScore")(feature=torch.nn.Identity())
        measure.update(torch.from_numpy(values))
        return measure.compute()

    def piq(values):
        from piq.isc import inception_score

        return inception_score(torch.from_numpy(values))

    def kerasgan(values):
        found = inception_score.inception_score(softmax(values))
        return found.mean, found.std

    return {"kerasgan": kerasgan, "torch-fidelity": torch_fidelity, "torchmetrics": torchmetrics, "piq": piq}


def said_of(between, function, *arguments):
    """A cell of a table: a number, or a mean and its standard deviation, or why there is none."""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            found = function(*arguments)
    except ModuleNotFoundError as error:
        return f"not installed ({error.name})"
    except Exception as error:  # the packages' own
        return f"{type(error).__name__}: {str(error)[:60]}"
    values = found if isinstance(found, tuple | list) else [found]
    return between.join("none" if value is None else f"{float(value):.6g}" for value in values)


def table(title, functions, columns, between=" ± "):
    """Print a table: a row for each function, a column for each tuple of arguments."""
    print(f"\n| {title} | {' | '.join(columns)} |\n| --- |{' ---: |' * len(columns)}")
    for name, function in functions.items():
        print(f"| {name} | {' | '.join(said_of(between, function, *each) for each in columns.values())} |", flush=True)


def main():
    """Print the tables."""
    import torch

    print(stand_in())
    torch.manual_seed(0)
    np.random.seed(0)  # clean-fid's subsets
    sets = feature_sets()
    described = {
        f"{name}: {len(real):,} x {real.shape[1]}": (real, generated) for name, (real, generated) in sets.items()
    }
    table("Frechet distance", frechet_distances(), described)
    table("kernel distance", kernel_distances(), described)
    table(f"precision / recall / density / coverage, k = {NEIGHBOURS}", neighbours(), described, " / ")
    table("inception score", inception_scores(), {name: (values,) for name, values in logits().items()})
    print("\n" + ", ".join(f"{name} {version_of(name)}" for name in PACKAGES))


def version_of(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
