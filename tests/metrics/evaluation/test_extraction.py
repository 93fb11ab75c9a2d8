"""Extraction streams what one pass over all images would give; what are no images is named."""

import subprocess
import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest

import kerasgan
from kerasgan.metrics.evaluation.extraction import Needs, extract, in_batches
from kerasgan.metrics.evaluation.prefetch import ahead
from kerasgan.utils import json_lines
from tests.metrics.images import features_of, network, pictures, probabilities_of
from tests.metrics.test_frechet import by_scipy


def test_all_that_is_kept_is_of_the_images_in_the_order_of_the_seed():
    images, labels = pictures(57), np.arange(57)
    found = extract(in_batches(images, labels, 10), network(), 57, Needs(20, True, 15), seed=3)
    features = features_of(images)
    np.testing.assert_allclose(found.moments.mean, features.mean(0), rtol=1e-5)
    np.testing.assert_allclose(found.moments.covariance, np.cov(features, rowvar=False), rtol=1e-5)
    assert len(set(found.labels)) == 57 and not (np.diff(found.labels) > 0).all()
    np.testing.assert_array_equal(found.images, images[found.labels[:15]])
    everything = extract(in_batches(images, labels, 10), network(), 57, Needs(57), seed=3)
    np.testing.assert_array_equal(everything.labels, found.labels)  # whatever else is wanted
    np.testing.assert_allclose(found.probabilities, probabilities_of(images)[everything.labels], rtol=1e-4)
    np.testing.assert_allclose(found.features, features[found.labels[:20]], rtol=1e-4, atol=1e-5)
    again, other = (extract(in_batches(images, labels, 7), network(), 57, Needs(20), seed=seed) for seed in (3, 4))
    np.testing.assert_array_equal(again.labels, found.labels[:20])
    assert not np.array_equal(other.labels, found.labels)
    assert again.probabilities is None and again.images is None


def test_nothing_is_kept_that_was_not_asked_for():
    found = extract([pictures(6), pictures(5)], network(), 11)
    assert found.features is found.labels is found.probabilities is found.images is None
    assert found.moments.count == 11


def test_memory_does_not_grow_with_the_number_of_images():
    one, judge = pictures(100), network(dim=256)
    extract([one], judge, 100)  # traced

    def most(count):
        tracemalloc.start()
        extract((one.copy() for _ in range(count // 100)), judge, count, Needs(features=50, images=20))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    few, many = most(1000), most(10_000)
    features = 9000 * 256 * 4  # bytes of the features of the images more
    assert many - few < features / 20 and few > one.nbytes


@pytest.mark.parametrize(
    ("batches", "count", "message"),
    [
        ([np.full((2, 8, 8, 1), 0.5)], 2, "expected uint8 .*; got float64 of shape .* with numbers from 0.5 to 0.5"),
        ([pictures(3), pictures(3)[:, :4]], 6, r"all of the shape of the first, \(8, 8, 1\); got \(4, 8, 1\)"),
        ([[pictures(1)[0], pictures(1)[0, :4]]], 2, "expected one array, .* got images of different sizes"),
        ([pictures(3, channels=3)], 3, "expected grey images, as toy takes; got 3 channels"),
        ([pictures(3)], 4, "expected 4; got 3"),
        ([pictures(3), pictures(3)], 5, "expected 5; got more"),
        ([pictures(1)], 1, "count: expected an integer of at least 2, got 1"),
        ([np.zeros((2, 8, 8), "uint8")], 2, r"got uint8 of shape \(2, 8, 8\)"),
    ],
)
def test_what_are_no_images_is_named(batches, count, message):
    with pytest.raises(ValueError, match=message):
        extract(batches, network(), count)


def test_features_that_are_no_numbers_are_named():
    judge = network()
    judge.model.get_layer("mix").set_weights([np.full((64, 4), np.nan, "float32")])
    with pytest.raises(ValueError, match="features: expected finite numbers; got NaN or infinity in 3 of 3 rows"):
        extract([pictures(3)], judge, 3)


def test_sizes_that_a_network_does_not_take_are_named():
    with pytest.raises(ValueError, match="expected 4 or 6 pixels a side, as toy takes; got 8 x 8"):
        network(sides=(4, 6))(pictures(2))


def test_work_ahead_keeps_order_and_passes_errors_on():
    made = []

    def slow():
        for number in range(6):
            made.append((number, threading.current_thread() is threading.main_thread()))
            yield number
        raise OSError("the disk is gone")

    got = []
    with pytest.raises(OSError, match="the disk is gone"):
        for number in ahead(slow()):
            deadline = time.monotonic() + 10
            while len(made) < min(number + 3, 6) and time.monotonic() < deadline:  # two items wait while this is used
                time.sleep(0.001)
            got.append((number, len(made)))
    assert got == [(number, min(number + 3, 6)) for number in range(6)]
    assert not any(here for _, here in made)


def on_two_replicas(*arguments):
    """What a process of two replicas leaves."""
    command = [sys.executable, "-m", "tests.metrics.two_replicas", *arguments]
    subprocess.run(command, check=True, timeout=300)
    return np.load(arguments[0])


def distance_seen(images, real):
    """By a network that sees every fourth pixel."""
    return by_scipy(*(features_of(some[:, ::4, ::4]) for some in (images, real)))


def test_two_replicas_see_what_one_sees(tmp_path):
    two = on_two_replicas(tmp_path / "two.npz")
    np.testing.assert_allclose(two["mean"], features_of(two["images"]).mean(0), rtol=1e-5)
    assert two["replicas"] == 2 and two["calls"] >= 2
    assert np.abs(two["generated"].astype(int) - two["alone"].astype(int)).max() <= 1
    assert np.ptp(two["alone"]) > 20
    assert two["measured"] == pytest.approx(distance_seen(two["measured_on"], two["real"]), rel=1e-3)


@pytest.mark.slow
def test_two_replicas_are_measured_while_they_train(tmp_path):
    two = on_two_replicas(tmp_path / "two.npz", tmp_path)
    lines = json_lines.read(tmp_path / "evaluation.jsonl")
    assert [line["step"] for line in lines] == [2, 4]
    values = [line["results"][0]["value"] for line in lines]
    made = kerasgan.load(tmp_path / "trained.keras").sample(41, seed=5)
    assert values[1] == pytest.approx(distance_seen(made, two["real"]), rel=1e-3)
    assert values[0] != pytest.approx(values[1], rel=3e-3)
