"""Features in bfloat16: near those of float32, told in protocols, and never compared with them."""

import dataclasses
import threading

import numpy as np
import pytest

from kerasgan import metrics
from kerasgan.metrics import features
from kerasgan.metrics.evaluation import evaluator
from kerasgan.utils import precision

has_bfloat16 = precision._processor_has_bfloat16()
needs_bfloat16 = pytest.mark.skipif(not has_bfloat16, reason="this processor has no instructions for bfloat16")


@pytest.fixture(scope="module")
def networks():
    if not has_bfloat16:
        pytest.skip("this processor has no instructions for bfloat16")
    return features.load("garments"), features.load("garments", precision="bfloat16")


def pictures(seed, count=60):
    rng = np.random.default_rng(seed)
    return np.repeat(np.repeat(rng.integers(0, 256, (count, 8, 8, 1), np.uint8), 4, 1), 4, 2)


@needs_bfloat16
def test_features_are_rounded_in_any_thread_and_float32_stays(networks):
    wide, narrow = networks
    images = pictures(0)
    exact = wide(images)["features"]
    found = []
    thread = threading.Thread(target=lambda: found.append(narrow(images)["features"]))
    thread.start()
    thread.join()
    for made in (found[0], narrow(images)["features"]):
        assert 1e-4 < np.linalg.norm(made - exact) / np.linalg.norm(exact) < 2e-2
    np.testing.assert_array_equal(wide(images)["features"], exact)


@needs_bfloat16
def test_kept_statistics_of_the_other_precision_are_not_taken(networks, tmp_path):
    made = {}
    for network in networks:
        reference = metrics.Reference.of_arrays(pictures(1), network, cache=tmp_path)
        [distance] = evaluator.evaluate_images(pictures(2), reference, "fid")
        made[network.precision] = distance
    assert len(list((tmp_path / "statistics").iterdir())) == 2
    wide, narrow = made["float32"], made["bfloat16"]
    assert wide.value != narrow.value
    assert wide.value == pytest.approx(narrow.value, rel=0.02)  # of 60 pictures
    assert "features in bfloat16" in str(narrow)
    assert "bfloat16" not in str(wide)


@needs_bfloat16
def test_precisions_are_not_mixed(networks, tmp_path):
    wide, narrow = networks
    assert wide.digest != narrow.digest
    with pytest.raises(ValueError, match="expected the network garments"):
        evaluator.evaluate_set(
            metrics.Reference.of_arrays(pictures(1), narrow), metrics.Reference.of_arrays(pictures(2), wide)
        )
    path = tmp_path / "given.npz"
    np.savez(path, mu=np.zeros(wide.features), sigma=np.eye(wide.features))
    with pytest.raises(ValueError, match=r"precision: expected float32 with .*given.npz"):
        metrics.StatisticsReference(path, narrow, (32, 32, 1))


def test_a_precision_that_cannot_be_had_is_refused(monkeypatch):
    network = features.load("garments")
    with pytest.raises(ValueError, match="precision: expected one of float32, bfloat16; got 'float16'"):
        dataclasses.replace(network, precision="float16")
    monkeypatch.setattr(precision, "_processor_has_bfloat16", lambda: False)
    with pytest.raises(ValueError, match='precision: expected "float32", as features are bfloat16 on processors'):
        features.load("garments", precision="bfloat16")
