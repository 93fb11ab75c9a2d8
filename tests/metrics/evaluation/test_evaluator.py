"""`evaluate` and its references against each measure computed on all images at once."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import data
from kerasgan.data import fingerprints
from kerasgan.metrics import Reference, evaluate, evaluate_images, evaluate_set
from kerasgan.metrics.evaluation import measures, reference
from kerasgan.metrics.evaluation.extraction import Needs
from kerasgan.metrics.features import FeatureNetwork, load
from kerasgan.metrics.inception_score import inception_score, modified_inception_score
from kerasgan.metrics.kernel_distance import kernel_distance
from kerasgan.metrics.ms_ssim import ms_ssim_variety
from kerasgan.metrics.precision_recall import neighbours
from kerasgan.metrics.sliced_wasserstein import sliced_wasserstein
from kerasgan.models.sampler import Sampler
from kerasgan.networks import dcgan
from tests.metrics.images import features_of, network, pictures, probabilities_of
from tests.metrics.test_frechet import by_scipy

ALL = "fid,kid,is,mis,prdc,swd"


class Pictures:
    """Makes `pictures`, as a model whose image i is that of number `seed + i`."""

    trained_against, averaged, batch_norm_statistics = None, False, None

    def __init__(self, num_classes=None, channels=1, class_names=None):
        self.num_classes, self.class_names, self.image_shape = num_classes, class_names, (8, 8, channels)
        self.generator = self.sampling_generator = object()
        self.asked = []
        self.all = pictures(300, seed=9, channels=channels, high=200)

    def prepare_sampling(self):
        pass

    def compiled_sampler(self, seeds, bounds, labels=None):
        made = tf.gather(self.all, seeds)
        if labels is not None:
            tf.py_function(lambda values: self.asked.append((bounds, values.numpy())), [labels], [])
        return made if labels is None else made + tf.cast(labels, tf.uint8)[:, None, None, None]


def coarse():
    """A network of images of 32 pixels, of which it sees every fourth."""
    return FeatureNetwork("toy", network().model, lambda x: x[:, ::4, ::4] / 255, "every fourth pixel", 1)


def test_an_inception_score_of_few_images_is_cautioned():
    reference = Reference.of_arrays(pictures(50), network())
    [few] = evaluate(Pictures(), reference, "is", n=20)
    assert few.caveats == ("2 images a split, fewer than the network's 3 classes: the score cannot be more",)
    [enough] = evaluate(Pictures(), reference, "is", n=30)
    assert not enough.caveats


def drawn(count, seed=7):
    return np.random.default_rng(seed).choice(count, count, replace=False)[::-1]


def test_every_measure_is_its_own_function_of_all_images():
    model, real = Pictures(), pictures(150)
    found = {
        r.name: r for r in evaluate(model, Reference.of_arrays(real, network()), ALL, n=120, seed=7, batch_size=50)
    }
    made, real = model.all[7:127][drawn(120)], real[drawn(150)]  # both in the order of the seed
    a, b = features_of(made), features_of(real)
    kernel = kernel_distance(a, b, 100, 120, 7)
    score = inception_score(probabilities_of(made))
    modified = modified_inception_score(probabilities_of(made))
    near = neighbours(b, a, 5)
    wanted = {
        "fd[toy]": (by_scipy(a, b), None, 1),
        "kd[toy]": (*kernel, 100),
        "score[toy]": (*score, 10),
        "m-score[toy]": (*modified[:2], 1),
        **{f"{name}[toy]": (value, None, 1) for name, value in near._asdict().items()},
        "sliced_wasserstein[toy]": (sliced_wasserstein(a, b, seed=7), None, 1),
    }
    assert list(found) == list(wanted)
    for name, (value, std, splits) in wanted.items():
        assert found[name].value == pytest.approx(value, rel=1e-4), name
        assert found[name].std == (None if std is None else pytest.approx(std, rel=1e-3)), name
        assert found[name].protocol.splits == splits, name


def test_images_in_memory_are_measured_as_a_models_are():
    model, real, own = Pictures(), pictures(150), np.arange(120) % 3
    reference = Reference.of_arrays(real, network(), np.arange(150) % 3)
    one = evaluate(model, reference, ALL, n=120, seed=7)
    found = evaluate_images(
        model.all[7:127], reference, ALL + ",intra-fid", own, seed=7, name="of a friend", notes=("x",)
    )
    assert [r.value for r in found[: len(one)]] == pytest.approx([r.value for r in one], rel=1e-6)
    assert (
        found[-1].name == "intra-fd[toy]" and "120 samples of of a friend" in str(found[0]) and ", x," in str(found[0])
    )
    with pytest.raises(ValueError, match="images of shape .8, 4, 1., as the generated ones are"):
        evaluate_images(model.all[:, :, :4], reference)
    with pytest.raises(ValueError, match="labels: expected 300 integers, one a row; got int64 of shape .120,."):
        evaluate_images(model.all, reference, labels=own)
    with pytest.raises(ValueError, match="intra-fid needs labels"):
        evaluate_images(model.all, reference, "intra-fid")
    with pytest.raises(ValueError, match="count: expected an integer of at least 2, got 1"):
        evaluate_images(model.all[:1], reference)


def test_the_protocol_says_how_it_was_made():
    real = pictures(150)
    judge = network()
    [found] = evaluate(Pictures(), Reference.of_arrays(real, judge, name="all"), n=60, truncation=0.5, name="runs/x")
    protocol = found.protocol
    assert (protocol.samples, protocol.reference, protocol.reference_samples) == (60, "all", 150)
    assert protocol.data == fingerprints.of_arrays(real) and protocol.network_weights == judge.digest
    assert (protocol.weights, protocol.model, protocol.features) == ("trained", "runs/x", 4)
    assert protocol.notes == ("batch norm in inference", "truncation 0.5", "images x / 255")
    for part in (
        "fd[toy] = ",
        "60 samples of runs/x of trained weights",
        f"150 of all ({protocol.data})",
        judge.digest,
    ):
        assert part in str(found)


def test_images_are_made_with_the_truncation_that_the_protocol_tells():
    model = Pictures(num_classes=3)
    reference = Reference.of_arrays(pictures(60), network())
    for truncation, bound in ((0.5, 0.5), (None, np.inf)):
        evaluate(model, reference, n=20, truncation=truncation, batch_size=20)
        np.testing.assert_array_equal(model.asked[-1][0], np.full(20, bound, np.float32))


def test_new_statistics_of_batch_norm_are_of_the_truncation_too():
    z = keras.Input((4,))
    made = keras.layers.Reshape((8, 8, 1))(keras.layers.BatchNormalization()(keras.layers.Dense(64)(z)))
    sampler, reference = Sampler(keras.Model(z, made)), Reference.of_arrays(pictures(60), network())
    [found] = evaluate(sampler, reference, n=20, truncation=0.3, standing_passes=2)
    own, others = (
        evaluate(kerasgan.standing_statistics(sampler, bound, passes=2), reference, n=20, truncation=0.3)[0].value
        for bound in (0.3, None)
    )
    assert found.value == pytest.approx(own, rel=1e-6) and abs(found.value / others - 1) > 0.01


@pytest.mark.parametrize("name", ["fid", "kid", "is", "mis", "prdc", "intra-fid", "swd"])
def test_the_better_of_two_numbers_is_that_of_the_better_images(name):
    """A second sample of the real distribution, and a generator of one image, far from all others."""
    slopes = features_of(255 * np.eye(64).reshape(64, 8, 8, 1))[:, 0]  # of the first feature, by each pixel
    one = np.where(slopes > 0, 255, 0).astype("uint8").reshape(8, 8, 1)
    labels = np.arange(90) % 3
    reference = Reference.of_arrays(pictures(90), network(), labels)
    good, bad = (
        evaluate_images(images, reference, name, labels)[0].value
        for images in (pictures(90, seed=1), np.tile(one, (90, 1, 1, 1)))
    )
    assert np.sign(good - bad) == measures.MEASURES[name].better


def named(*class_names):
    """`network` whose three classes have these names."""
    return dataclasses.replace(network(), class_names=class_names)


def seen_as(class_names, labels):
    """The share of images of their label, the images seen as `named` of cat, dog and owl sees them."""
    [found] = evaluate_images(
        pictures(90, seed=1),
        Reference.of_arrays(pictures(90), named("cat", "dog", "owl"), np.arange(90) % 3, class_names=class_names),
        "class-accuracy",
        labels,
    )
    return found


def test_the_share_of_images_of_their_label_is_counted_by_the_names_of_the_classes():
    """The reference has other numbers for the classes than the network, which has one class more."""
    of_network = probabilities_of(pictures(90, seed=1)).argmax(axis=1)  # cat, dog, owl
    asked = np.where(np.arange(90) % 5 == 0, 2 - of_network, of_network)
    share = np.mean(asked == of_network)
    assert 0.5 < share < 0.95
    found = seen_as(["cat", "dog", "owl"], asked)
    assert found.name == "class_accuracy[toy]" and found.value == pytest.approx(share) and not found.caveats
    least, name = min((np.mean(of_network[asked == k] == k), "cat dog owl".split()[k]) for k in np.unique(asked))
    assert f"the least {least:.3f} of {name}" in found.protocol.notes and found.protocol.reference == ""
    order = [2, 0, 1]
    assert seen_as([["cat", "dog", "owl"][i] for i in order], np.argsort(order)[asked]).value == pytest.approx(share)
    assert seen_as(["owl", "cat", "dog"], asked).value < 0.4  # the same numbers mean other classes
    unnamed = seen_as(None, asked)
    assert unnamed.value == pytest.approx(share) and "matched by number" in str(unnamed)


def test_a_models_images_are_judged_by_the_labels_that_it_was_asked_for():
    model = Pictures(num_classes=2, class_names=("owl", "cat"))
    reference = Reference.of_arrays(
        pictures(90), named("cat", "dog", "owl"), np.arange(90) % 2, class_names=["cat", "owl"]
    )
    share, within = evaluate(model, reference, "class-accuracy,intra-fid", n=80)
    labels = np.arange(80) % 2
    made = model.all[:80] + labels.astype("uint8")[:, None, None, None]
    assert share.value == pytest.approx(np.mean(probabilities_of(made).argmax(axis=1) == np.array([2, 0])[labels]))
    assert within.name == "intra-fd[toy]" and evaluate(model, reference, "class-accuracy", n=2)[0].protocol.samples == 2


def test_classes_that_a_network_does_not_know_are_refused_before_images_are_generated():
    model = Pictures(num_classes=3, class_names=("cat", "dog", "emu"))
    model.compiled_sampler = None
    labels = np.arange(90) % 3

    def asked(judge, names=("cat", "dog", "emu")):
        reference = Reference.of_arrays(pictures(90), judge, labels, class_names=list(names))
        evaluate(model, reference, "class-accuracy", n=30)

    with pytest.raises(ValueError, match="expected classes of the network toy, 'cat', 'dog', 'owl'; .* others: 'emu'"):
        asked(named("cat", "dog", "owl"))
    with pytest.raises(ValueError, match="class-accuracy needs a network whose classes are known by name, .* got toy"):
        asked(network())
    with pytest.raises(ValueError, match="class_names: expected 3 names, one a class; got 2"):
        named("cat", "dog")
    with pytest.raises(ValueError, match="class-accuracy needs labels of the generated images"):
        evaluate(Pictures(), Reference.of_arrays(pictures(9), named(*"abc"), labels[:9]), "class-accuracy", n=30)


def test_few_samples_are_said():
    judge = network(dim=40)
    with pytest.warns(UserWarning, match=r"fd\[toy\]: 30 samples of 40 features: no more samples than features"):
        [found] = evaluate(Pictures(), Reference.of_arrays(pictures(50), judge), n=30)
    assert "two samples of one distribution would be at about" in str(found)


def test_labels_come_in_turn_or_with_the_classes_frequencies():
    real, labels = pictures(120), np.arange(120) % 4
    model = Pictures(num_classes=4)
    [found] = evaluate(model, Reference.of_arrays(real, network(), labels), n=50, batch_size=20)
    made = model.all[:50] + (np.arange(50) % 4).astype("uint8")[:, None, None, None]
    assert found.value == pytest.approx(by_scipy(features_of(made), features_of(real)), rel=1e-4)
    assert "labels 0, 1, ... in turn" in str(found)
    rare = np.where(np.arange(120) < 90, 0, 3)
    [found] = evaluate(model, Reference.of_arrays(real, network(), rare), n=200, batch_size=200)
    assert "labels drawn with the reference's frequencies" in str(found)
    [(_, asked)] = model.asked[-1:]
    assert set(asked) == {0, 3} and 0.65 < np.mean(asked == 0) < 0.85
    made = model.all[:200] + asked.astype("uint8")[:, None, None, None]
    assert found.value == pytest.approx(by_scipy(features_of(made), features_of(real)), rel=1e-4)
    with pytest.raises(ValueError, match="reference: expected labels below 4, the model's classes; arrays has 7"):
        evaluate(model, Reference.of_arrays(real, network(), np.arange(120) % 8), n=8)


def test_the_distance_within_classes():
    real, labels = pictures(120), np.arange(120) % 3
    model = Pictures(num_classes=3)
    [found] = evaluate(model, Reference.of_arrays(real, network(), labels), ["intra-fid"], n=90)
    own = np.arange(90) % 3
    made = model.all[:90] + own.astype("uint8")[:, None, None, None]
    values = [by_scipy(features_of(made[own == k]), features_of(real[labels == k])) for k in range(3)]
    assert found.name == "intra-fd[toy]" and found.value == pytest.approx(np.mean(values), rel=1e-4)
    assert "30 samples of 4 features" in str(found)
    with pytest.raises(ValueError, match="intra-fid needs labels of the generated images"):
        evaluate(Pictures(), Reference.of_arrays(real, network(), labels), ["intra-fid"], n=90)


INTRA = ["intra-fid"]


def by_class(model_names, reference):
    """The distance within classes of `Pictures` of these names, its asked labels and how it is told."""
    model = Pictures(num_classes=len(model_names), class_names=model_names)
    [found] = evaluate(model, reference, ["intra-fid"], n=300, seed=0, batch_size=300)
    return found, model.asked[-1][1]


@pytest.mark.parametrize("weights", [(1, 1, 1), (5, 3, 1)])
def test_a_reference_whose_classes_are_in_another_order_gives_the_same_number(weights):
    """Its own order, and labels that are chosen by hand, are what the right number is."""
    real, names = pictures(270), ("cat", "dog", "owl")
    labels = np.repeat(np.arange(3), np.array(weights) * 270 // sum(weights))
    wanted, asked = by_class(names, Reference.of_arrays(real, network(), labels, class_names=names))
    made = Pictures().all[:300] + asked.astype("uint8")[:, None, None, None]
    values = [by_scipy(features_of(made[asked == k]), features_of(real[labels == k])) for k in range(3)]
    assert wanted.value == pytest.approx(np.mean(values), rel=1e-4)
    for order in ([2, 0, 1], [1, 0, 2]):
        other = np.argsort(order)[labels]  # the same images, numbered otherwise
        reference = Reference.of_arrays(real, network(), other, class_names=[names[i] for i in order])
        found, again = by_class(names, reference)
        assert found.value == pytest.approx(wanted.value, rel=1e-6) and found.protocol.notes == wanted.protocol.notes
        np.testing.assert_array_equal(again, asked)


def test_a_reference_that_lacks_a_class_is_compared_with_the_others_alone():
    """In the order of the folders owl would be class 1, and be compared with the model's dogs."""
    real, names = pictures(200), ["cat", "dog", "owl"]
    labels = np.arange(200) % 2  # cats and owls
    found, asked = by_class(names, Reference.of_source(data.arrays(real, labels, ["cat", "owl"]), network(), 8))
    assert set(asked) == {0, 2}
    made = Pictures().all[:300] + asked.astype("uint8")[:, None, None, None]
    values = [by_scipy(features_of(made[asked == 2 * k]), features_of(real[labels == k])) for k in range(2)]
    assert found.value == pytest.approx(np.mean(values), rel=1e-4)
    assert "of 2 of the model's 3 classes: 'cat', 'owl'" in str(found)


def test_classes_that_cannot_be_the_models_are_refused_before_anything_is_generated():
    real, labels = pictures(120), np.arange(120) % 3
    model = Pictures(num_classes=3, class_names=("cat", "dog", "owl"))
    model.compiled_sampler = None
    for names, message in (
        (["cat", "dog", "emu"], "arrays: expected classes of the model, 'cat', .* others: 'emu'. Leave them out"),
        (["cat", "dog", "owl", "emu"], "others: 'emu'"),
        (list("012") + ["3"], "arrays: expected as many classes as the model has, 3, .*; it has 4: "),
    ):
        for metrics in ("fid", "intra-fid"):
            with pytest.raises(ValueError, match=message):
                evaluate(model, Reference.of_arrays(real, network(), labels, class_names=names), metrics, n=30)
    model.class_names = None
    with pytest.raises(ValueError, match="as many classes as the model has, 3, .*; it has 2: 'cat', 'owl'"):
        evaluate(model, Reference.of_arrays(real, network(), labels % 2, class_names=["cat", "owl"]), n=30)
    with pytest.raises(ValueError, match="class_names: expected one for each label; got 2, and labels up to 2"):
        Reference.of_arrays(real, network(), labels, class_names=["cat", "owl"])
    with pytest.raises(ValueError, match="class_names: expected one for each label; got 2, and no labels"):
        Reference.of_arrays(real, network(), class_names=["cat", "owl"])


def test_a_number_of_classes_without_names_says_that_they_were_not_compared():
    real, labels = pictures(120), np.arange(120) % 3
    named = Reference.of_arrays(real, network(), labels, class_names=["cat", "dog", "owl"])
    fid, intra = evaluate(Pictures(num_classes=3), named, "fid,intra-fid", n=90)
    assert "matched by number, for want of names on both sides: whether they are the same was not checked" in str(intra)
    assert "matched by number" not in str(fid)  # the classes are equally frequent, so that it is of all images alike
    rare = Reference.of_arrays(real, network(), np.sort(labels**2 // 2), class_names=["cat", "dog", "owl"])
    [fid] = evaluate(Pictures(num_classes=3), rare, "fid", n=90)
    assert "drawn with the reference's frequencies, classes matched by number" in str(fid)
    [fid] = evaluate(Pictures(num_classes=3, class_names=("cat", "dog", "owl")), rare, "fid", n=90)
    assert "by number" not in str(fid)


def test_sets_are_matched_by_the_names_of_their_classes():
    """As a model's and a reference's are: the same pictures in folders of another order are at 0."""
    images, labels, names = pictures(120), np.arange(120) % 3, ["cat", "dog", "owl"]
    real = Reference.of_arrays(images, network(), labels, class_names=names)

    def within(labels, names):
        [found] = evaluate_set(Reference.of_arrays(images, network(), labels, class_names=names), real, INTRA)
        return found

    order = [2, 0, 1]
    assert within(labels, names).value == pytest.approx(0, abs=1e-6)
    assert within(np.argsort(order)[labels], [names[i] for i in order]).value == pytest.approx(0, abs=1e-6)
    assert within(np.argsort(order)[labels], names).value > 0.01  # other pictures under the same names
    by_number = within(labels, None)
    assert by_number.value == pytest.approx(0, abs=1e-6) and "matched by number" in str(by_number)
    with pytest.raises(ValueError, match="arrays: expected classes of arrays, 'cat', .*; it has others: 'emu'"):
        within(labels, ["cat", "dog", "emu"])
    with pytest.raises(ValueError, match="intra-fid needs labels of arrays, which has none"):
        evaluate_set(Reference.of_arrays(images, network()), real, INTRA)


@pytest.mark.parametrize("weights", [(1, 1, 1), (50, 50, 1)])
def test_too_few_images_of_a_class_are_told_before_any_is_generated(weights):
    labels = np.repeat(np.arange(3), np.array(weights) * 101 // sum(weights) + 2)
    model = Pictures(num_classes=3)
    model.compiled_sampler = None
    reference = Reference.of_arrays(pictures(len(labels)), network(), labels)
    with pytest.raises(ValueError, match="n: expected so many images that intra-fid has 2 of each class; of 5 with"):
        evaluate(model, reference, "fid,intra-fid", n=5, seed=1)


def test_variety_by_similarity_has_no_network(small_gan):
    gan = small_gan()
    [found] = evaluate(gan, Reference.of_arrays(np.zeros((4, 32, 32, 1), "uint8"), coarse()), "ms-ssim", n=20)
    assert found.name == "ms_ssim[pixels]" and found.protocol.reference == ""
    wanted = ms_ssim_variety(gan.sample(20), pairs=1000)
    assert found.value == pytest.approx(wanted.mean, abs=0.02) and 0 < found.value < 1


def test_moving_average_and_trained_weights(small_gan):
    gan = small_gan()
    gan.ema_generator.set_weights([2.0 * value for value in gan.generator.get_weights()])
    real = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 1), dtype="uint8")
    reference = Reference.of_arrays(real, coarse())
    default, average, trained = (
        evaluate(gan, reference, n=20, weights=weights)[0] for weights in (None, "moving average", "trained")
    )
    assert default.value == average.value != trained.value
    assert [r.protocol.weights for r in (default, trained)] == ["moving average", "trained"]
    alone = Sampler(gan.generator, gan.latent)
    assert evaluate(alone, reference, n=20)[0].value == pytest.approx(trained.value, rel=1e-6)
    with pytest.raises(ValueError, match="weights: expected 'trained', as the model has no moving average"):
        evaluate(alone, reference, n=20, weights="moving average")
    [standing] = evaluate(gan, reference, n=20, standing_passes=2)
    assert standing.value != default.value and "batch norm's statistics of 2 new batches" in str(standing)
    assert standing.protocol.weights == "moving average"


def test_a_model_is_traced_once_for_all_measurements(small_gan):
    gan = small_gan()
    reference = Reference.of_arrays(np.random.default_rng(0).integers(0, 256, (9, 32, 32, 1), dtype="uint8"), coarse())
    first, second = (evaluate(gan, reference, n=20, batch_size=10)[0] for _ in range(2))
    assert gan.compiled_sampler.experimental_get_tracing_count() == 1 and first.value == second.value
    gan.sampling_generator.set_weights([2.0 * value for value in gan.sampling_generator.get_weights()])
    assert evaluate(gan, reference, n=20, batch_size=10)[0].value != first.value  # of the weights as they are now
    assert gan.compiled_sampler.experimental_get_tracing_count() == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(metrics="fid,mode"), "metrics: expected some of fid, kid, .*; got fid,mode; did you mean modes"),
        (dict(metrics="FID,kid"), "metrics: .*; got FID,kid; did you mean fid"),
        (dict(metrics="fid,fid"), "each once; got fid,fid"),
        (dict(metrics=[]), "metrics: expected some of .*; got none"),
        (dict(n=1), "n: expected an integer of at least 2, got 1"),
        (dict(seed=-1), "seed: expected an integer from 0 to 4294967295"),
        (dict(seed=2**32, metrics="kid"), "seed: expected an integer from 0 to 4294967295, got 4294967296"),
        (dict(truncation=0.0), "truncation: expected a positive number or None; got 0.0"),
        (dict(truncation="0.5"), "truncation: expected a positive number or None; got '0.5'"),
        (dict(truncation=True), "truncation: expected a positive number or None; got True"),
        (dict(weights="best"), "weights: expected 'moving average' or 'trained'; got 'best'"),
        (dict(batch_size=0), "batch_size: expected an integer of at least 1, got 0"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        evaluate(Pictures(), Reference.of_arrays(pictures(9), network()), **{"n": 5, **arguments})


def test_a_reference_of_other_images_is_refused():
    with pytest.raises(
        ValueError, match=r"expected images of shape \(8, 8, 1\), as the generated ones are; arrays has \(8, 8"
    ):
        evaluate(Pictures(), Reference.of_arrays(pictures(9, channels=3), network(channels=3)), n=5)
    with pytest.raises(ValueError, match="expected grey images, as toy takes; got 3 channels"):
        Reference.of_arrays(pictures(9, channels=3), network())
    with pytest.raises(ValueError, match="reference: expected at least 2 images; arrays has 1"):
        Reference.of_arrays(pictures(1), network())
    with pytest.raises(ValueError, match="expected uint8 images .* with numbers from 0 to 1; .*kerasgan.data.to_uint8"):
        Reference.of_arrays(np.linspace(0, 1, 128).reshape(2, 8, 8, 1), network())


def test_labels_that_are_none_are_named():
    images = pictures(6)
    for wrong, message in [
        (np.zeros(5, int), r"expected 6 integers, one a row; got int64 of shape \(5,\)"),
        (np.zeros(6), "expected 6 integers, one a row; got float64"),
        (np.eye(6, dtype=int), r"expected 6 integers, one a row; got int64 of shape \(6, 6\)"),
        (np.arange(6) - 1, "expected integers of at least 0; got -1"),
    ]:
        with pytest.raises(ValueError, match="labels: " + message):
            Reference.of_arrays(images, network(), wrong)
        with pytest.raises(ValueError, match="labels: " + message):
            evaluate_images(images, Reference.of_arrays(images, network()), labels=wrong)


@pytest.mark.parametrize("metric", ["class-accuracy", "intra-fid"])
def test_labels_beyond_the_classes_are_named_before_anything_is_judged(metric, monkeypatch):
    monkeypatch.setattr(reference.extraction, "extract", None)
    known = Reference.of_arrays(pictures(9), named(*"abc"), np.arange(9) % 3, name="pets", class_names=list("abc"))
    with pytest.raises(ValueError, match="labels: expected integers below 3, the classes of pets; got 3"):
        evaluate_images(pictures(8), known, metric, np.arange(8) % 4)


def test_floats_from_0_to_1_that_were_made_bytes_are_told_before_anything_is_judged(tmp_path, monkeypatch):
    monkeypatch.setattr(reference.extraction, "extract", None)
    bits, message = pictures(9, high=2), "expected values from 0 to 255; got 0 and 1 alone, as floats in .0, 1. have"
    with pytest.raises(ValueError, match="bits: " + message):
        evaluate(Pictures(), Reference.of_arrays(bits, network(), name="bits"), n=5)
    source = data.arrays(pictures(9))
    source = dataclasses.replace(source, examples=source.examples.map(lambda image, label: (image % 2, label)))
    with pytest.raises(ValueError, match="pile: " + message):
        evaluate(Pictures(), Reference.of_source(source, network(), 8, name="pile"), "kid", n=5)
    with pytest.raises(ValueError, match="images: " + message):
        evaluate_images(bits, Reference.of_arrays(pictures(9), network()))


def test_moments_of_images_prepared_otherwise_are_made_again(tmp_path):
    images, judge = pictures(30), network()
    doubled = dataclasses.replace(judge, prepare=lambda x: judge.prepare(x) * 2, preparation="2 x / 255")
    one, other = (Reference.of_arrays(images, j, cache=tmp_path).extracted(Needs()).moments for j in (judge, doubled))
    np.testing.assert_allclose(other.mean, 2 * one.mean, rtol=1e-6)


def test_a_source_gives_the_reference_that_its_array_gives(tmp_path):
    images, labels = pictures(250), np.arange(250) % 5
    source = data.arrays(images, labels)
    one = Reference.of_source(source, network(), 8)
    other = Reference.of_arrays(images, network(), labels)
    assert one.data == other.data == fingerprints.of_arrays(images)
    np.testing.assert_array_equal(one.class_counts, np.full(5, 50))
    np.testing.assert_allclose(
        one.extracted(Needs()).moments.covariance, other.extracted(Needs()).moments.covariance, rtol=1e-9
    )
    assert Reference.of_arrays(images, network()).class_counts is None
    assert Reference.of_source(data.arrays(images), network(), 8).class_counts is None


@pytest.mark.parametrize("labels", [np.full(150, -1), np.where(np.arange(150) < 120, -1, 1)])
def test_images_without_labels_of_a_source_with_classes_are_a_reference_without(labels):
    """As TFDS's stl10/unlabelled is."""
    images = pictures(150)
    source = data.arrays(images)
    examples = tf.data.Dataset.from_tensor_slices((images, labels))
    source = dataclasses.replace(source, examples=examples, class_names=("cat", "owl"))
    some, same = Reference.of_source(source, network(), 8), Reference.of_arrays(images, network())
    assert some.class_counts is None and some.data == same.data
    wanted = [found.value for found in evaluate(Pictures(), same, "fid,kid", n=20)]
    assert [found.value for found in evaluate(Pictures(), some, "fid,kid", n=20)] == wanted
    assert evaluate_set(some, same)[0].value == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(ValueError, match="intra-fid needs labels of the reference's images, and arrays has none"):
        evaluate(Pictures(num_classes=2, class_names=("cat", "owl")), some, "intra-fid", n=20)


def test_moments_are_kept_on_disk_for_these_images_and_this_network(tmp_path, monkeypatch):
    images = pictures(60)
    first = Reference.of_arrays(images, network(), cache=tmp_path).extracted(Needs()).moments
    [file] = (tmp_path / "statistics").iterdir()
    runs = []
    real_extract = reference.extraction.extract
    monkeypatch.setattr(
        reference.extraction, "extract", lambda *a, **k: runs.append(1) or real_extract(*a, **k), raising=True
    )
    read = Reference.of_arrays(images, network(), cache=tmp_path).extracted(Needs()).moments
    np.testing.assert_array_equal(read.covariance, first.covariance)
    assert not runs
    Reference.of_arrays(images, network(), cache=tmp_path).extracted(Needs(features=10))  # features are not on disk
    Reference.of_arrays(pictures(60, seed=1), network(), cache=tmp_path).extracted(Needs())
    judge = network()
    judge.model.get_layer("mix").set_weights([np.ones((64, 4), "float32")])
    Reference.of_arrays(images, judge, cache=tmp_path).extracted(Needs())
    assert len(runs) == 3 and len(list((tmp_path / "statistics").iterdir())) == 3
    file.write_bytes(file.read_bytes()[:100])
    mended = Reference.of_arrays(images, network(), cache=tmp_path).extracted(Needs()).moments
    np.testing.assert_allclose(mended.covariance, first.covariance, rtol=1e-9)
    assert len(runs) == 4


def test_numbers_do_not_hang_on_the_order_of_the_images_or_on_what_else_is_asked(monkeypatch):
    """Folders come class by class, and an inception score takes its parts of the rows."""
    monkeypatch.setattr(measures, "NEIGHBOURS", 40)
    monkeypatch.setitem(measures.MEASURES, "prdc", dataclasses.replace(measures.MEASURES["prdc"], needs=Needs(40)))
    rng = np.random.default_rng(0)
    bright = np.sort(rng.integers(0, 256, (200, 1, 1, 1)), axis=0)
    images = np.clip(bright + rng.integers(-9, 10, (200, 32, 32, 1)), 0, 255).astype("uint8")
    shuffled = images[rng.permutation(200)]
    judge = load("garments")
    of_all = functools.partial(Reference.of_arrays, images, judge)
    in_order, in_no_order = (evaluate_images(some, of_all(), "is")[0].value for some in (images, shuffled))
    assert in_order == pytest.approx(in_no_order, rel=0.1)
    found = [evaluate_images(shuffled, of_all(), asked, seed=1) for asked in ("prdc", "kid,prdc")]
    alone, beside = ([one.value for one in results[-4:]] for results in found)
    assert alone == beside


def test_too_few_images_are_refused_before_any_is_made():
    judge = load("garments")
    real = Reference.of_arrays(np.random.default_rng(0).integers(0, 256, (9, 32, 32, 1), "uint8"), judge)
    gan = Sampler(dcgan.generator((32, 32, 1), 4, filters=2))
    with pytest.raises(ValueError, match="n: expected at least 6 images for prdc; got 5"):
        evaluate(gan, real, "prdc", n=5)


def test_the_protocol_of_a_preset_says_what_its_weights_are():
    judge = load("garments")
    real = Reference.of_arrays(np.random.default_rng(0).integers(0, 256, (9, 32, 32, 1), "uint8"), judge)
    sampler = kerasgan.from_preset("hinge_fashion_mnist")
    for weights in (None, "moving average"):
        [found] = evaluate(sampler, real, "fid", n=4, weights=weights)
        assert found.protocol.weights == "moving average"
        assert "batch norm with the moving average's own statistics (16 batches of 64)" in found.protocol.notes
    with pytest.raises(ValueError, match="weights: expected 'moving average', as a preset holds no others"):
        evaluate(sampler, real, "fid", n=4, weights="trained")


def test_a_kernel_distance_of_all_rows_has_no_spread():
    """A hundred subsets that are the whole of both sets differ by rounding alone."""
    made, real = pictures(60), pictures(60, seed=2)
    [found] = evaluate_images(made, Reference.of_arrays(real, network()), "kid")
    wanted, _ = kernel_distance(features_of(made), features_of(real), 1, 60, 0)
    assert found.value == pytest.approx(wanted, rel=1e-3)
    assert found.std is None and found.protocol.splits == 1 and "all 60 of each" in found.protocol.notes
