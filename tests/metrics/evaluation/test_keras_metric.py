"""The Frechet distance as a Keras metric against the formula of all images at once."""

import pytest
import tensorflow as tf

from kerasgan import metrics
from tests.metrics.images import features_of, network, pictures
from tests.metrics.test_frechet import by_scipy


def test_batches_give_the_distance_of_all_images_and_reset_forgets_them():
    real, made, other = pictures(150), pictures(120, seed=1, high=200), pictures(70, seed=2, low=50)
    judge = network()
    distance = metrics.FrechetDistance(metrics.Reference.of_arrays(real, judge, name="all"))
    assert distance.name == "fd[toy]"
    for images in (made, other):
        for first, last in [(0, 50), (50, 51), (51, len(images))]:
            distance.update_state(tf.constant(images[first:last]))
        wanted = by_scipy(features_of(images), features_of(real))
        assert distance.result() == pytest.approx(wanted, rel=1e-4)  # features are float32
        distance.reset_state()
    with pytest.raises(ValueError, match="expected moments of at least 2 rows; got 0"):
        distance.result()
    assert distance(made) == pytest.approx(by_scipy(features_of(made), features_of(real)), rel=1e-4)
    measured = distance.measured(seed=3, name="a friend", notes=("truncation 2",))
    [same] = metrics.evaluate_images(made, distance.reference, seed=3, name="a friend", notes=("truncation 2",))
    assert measured.value == distance.result() == pytest.approx(same.value, rel=1e-6)  # of other batches
    assert measured.protocol == same.protocol


def test_few_images_are_said_with_the_distance_to_expect():
    distance = metrics.FrechetDistance(metrics.Reference.of_arrays(pictures(50), network(dim=40)))
    distance.update_state(pictures(30, seed=1))
    with pytest.warns(UserWarning, match="30 samples of 40 features: no more samples than features"):
        assert "two samples of one distribution would be at about" in str(distance.measured(seed=0))


def test_what_cannot_be_counted_is_named_and_not_counted():
    distance = metrics.FrechetDistance(metrics.Reference.of_arrays(pictures(20), network()))
    for wrong, message in [
        (pictures(4) / 255.0, "expected uint8 images .* with numbers from 0 to 1"),
        (pictures(4)[:, :4], r"images: expected shape \(8, 8, 1\), as the reference's are; got \(4, 8, 1\)"),
        (pictures(4, channels=3), r"expected shape \(8, 8, 1\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            distance.update_state(wrong)
    with pytest.raises(RuntimeError, match=r"fd\[toy\] counts in eager code; got a graph"):
        tf.function(distance.update_state)(pictures(4))
    assert distance.moments.count == 0
