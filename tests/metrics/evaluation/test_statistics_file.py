"""Statistics files as pytorch-fid has them."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from kerasgan import metrics
from kerasgan.metrics import frechet
from kerasgan.metrics.evaluation import statistics_file
from kerasgan.metrics.evaluation.moments import Moments

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (300, 32, 32, 1), "uint8")


@pytest.fixture(scope="module")
def network():
    return metrics.features.load("garments")


def test_what_is_written_is_numpys_mean_and_covariance(tmp_path):
    features = RNG.normal(size=(50, 7)) @ RNG.normal(size=(7, 7)) + 3.0
    statistics_file.save(tmp_path / "s.npz", Moments.of(features))
    with np.load(tmp_path / "s.npz") as arrays:
        assert sorted(arrays) == ["mu", "sigma"]
        np.testing.assert_allclose(arrays["mu"], features.mean(0), rtol=1e-12)
        np.testing.assert_allclose(arrays["sigma"], np.cov(features, rowvar=False), rtol=1e-12)


def test_a_model_free_distance_is_that_to_the_images_themselves(network, tmp_path):
    real, generated = IMAGES // 2, IMAGES
    reference = metrics.Reference.of_arrays(real, network)
    moments = reference.extracted(metrics.extraction.Needs()).moments
    path = statistics_file.save(tmp_path / "real.npz", moments)
    [wanted] = metrics.evaluate_images(generated, reference, "fid")
    with pytest.warns(UserWarning, match="300 samples of 128 features: few samples"):
        [found] = metrics.evaluate_images(generated, metrics.StatisticsReference(path, network, (32, 32, 1)), "fid")
    assert found.value == pytest.approx(wanted.value, rel=1e-9)
    assert found.name == "fd[garments]"
    assert "against the statistics of real.npz" in str(found) and found.protocol.reference_samples == 0


def test_statistics_of_a_singular_covariance(network, tmp_path):
    few = Moments.of(RNG.normal(size=(60, 128)))
    others = Moments.of(RNG.normal(size=(500, 128)))
    given = statistics_file.load(statistics_file.save(tmp_path / "few.npz", few))
    assert frechet.from_moments(others, given) == pytest.approx(frechet.from_moments(others, few), rel=1e-6)


def test_more_than_a_frechet_distance_is_refused(network, tmp_path):
    path = statistics_file.save(tmp_path / "real.npz", Moments.of(RNG.normal(size=(200, 128))))
    reference = metrics.StatisticsReference(path, network, (32, 32, 1))
    with pytest.raises(ValueError, match="metrics: expected fid alone, as the statistics of real.npz have no images"):
        metrics.evaluate_images(IMAGES, reference, "kid")


def test_statistics_of_another_length_are_refused(network, tmp_path):
    path = statistics_file.save(tmp_path / "real.npz", Moments.of(RNG.normal(size=(200, 64))))
    with pytest.raises(
        ValueError, match="expected statistics of 128 features, as garments gives; it holds those of 64"
    ):
        metrics.StatisticsReference(path, network, (32, 32, 1))


GOOD = {"mu": np.zeros(3), "sigma": np.eye(3)}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"mu": np.zeros(3)}, "expected an .npz file of mu and sigma"),
        ({**GOOD, "mu": np.zeros(2)}, r"expected mu \[D\] and sigma \[D, D\]; got \(2,\) and \(3, 3\)"),
        ({**GOOD, "mu": np.array([0, np.nan, 0])}, "expected finite numbers; got NaN or infinity"),
        ({**GOOD, "sigma": np.triu(np.ones((3, 3)))}, "expected a symmetric sigma"),
        ({**GOOD, "mu": np.array([None, 1, 2])}, "expected an .npz file of mu and sigma"),  # a pickle, never loaded
    ],
    ids=["sigma is missing", "lengths", "NaN", "not symmetric", "objects"],
)
def test_what_is_no_statistics_is_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "s.npz", **arrays)
    with pytest.raises(ValueError, match=f"s.npz: {message}"):
        statistics_file.load(tmp_path / "s.npz")


def test_files_are_told_apart(tmp_path):
    np.savez(tmp_path / "statistics.npz", **GOOD)
    np.savez(tmp_path / "images.npz", x=IMAGES)
    (tmp_path / "broken.npz").write_bytes(b"PK no archive")
    told = {path.name: statistics_file.is_statistics(path) for path in tmp_path.iterdir()}
    assert told == {"statistics.npz": True, "images.npz": False, "broken.npz": False}
    assert not statistics_file.is_statistics(tmp_path) and not statistics_file.is_statistics("fashion_mnist")
    with pytest.raises(FileNotFoundError):
        statistics_file.load(tmp_path / "none.npz")


def test_a_file_that_pytorch_fid_would_take_for_a_folder_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="expected a name that ends in .npz"):
        statistics_file.save(tmp_path / "statistics", Moments.of(RNG.normal(size=(9, 3))))


PYTORCH_FID = """
import sys, types
import numpy as np, torch
# these functions need nothing of torchvision, which does not load beside every PyTorch
blocks = types.SimpleNamespace(**{f"Inception{letter}": torch.nn.Module for letter in "ABCDE"})
vision = types.ModuleType("torchvision")
vision.transforms, vision.models = types.ModuleType("torchvision.transforms"), types.SimpleNamespace(inception=blocks)
sys.modules |= {"torchvision": vision, "torchvision.transforms": vision.transforms}
from pytorch_fid import fid_score
first, second, features, folder, written = sys.argv[1:]
read = [fid_score.compute_statistics_of_path(path, None, 50, 40, "cpu") for path in (first, second)]
print(fid_score.calculate_frechet_distance(*read[0], *read[1]))
fid_score.InceptionV3 = lambda blocks: types.SimpleNamespace(to=lambda device: None)  # its weights are on another host
fid_score.InceptionV3.BLOCK_INDEX_BY_DIM = {12: 0}
fid_score.get_activations = lambda *arguments: np.load(features)
fid_score.save_fid_stats([folder, written], 50, "cpu", 12)
"""


@pytest.mark.parity
def test_pytorch_fid_reads_ours_and_we_read_its(tmp_path):
    if importlib.util.find_spec("pytorch_fid") is None:
        pytest.skip("needs pytorch-fid: make parity")
    ours = [Moments.of(RNG.normal(size=(400, 40)) @ RNG.normal(size=(40, 40)) + shift) for shift in (0.0, 0.3)]
    paths = [statistics_file.save(tmp_path / f"{index}.npz", moments) for index, moments in enumerate(ours)]
    features = RNG.normal(size=(200, 12))
    np.save(tmp_path / "features.npy", features)
    (tmp_path / "images").mkdir()
    arguments = [*paths, tmp_path / "features.npy", tmp_path / "images", tmp_path / "theirs.npz"]
    told = subprocess.run(
        [sys.executable, "-c", PYTORCH_FID, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    found = frechet.from_moments(ours[0], statistics_file.load(paths[1]))
    assert found == pytest.approx(float(told.stdout.split()[0]), rel=1e-6)
    theirs = statistics_file.load(tmp_path / "theirs.npz")
    np.testing.assert_allclose(theirs.mean, features.mean(0), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(theirs.covariance, np.cov(features, rowvar=False), rtol=1e-9, atol=1e-12)
