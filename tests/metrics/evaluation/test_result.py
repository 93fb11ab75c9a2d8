"""A number cannot be printed without its protocol; references of other networks are refused."""

import hashlib
import json

import numpy as np
import pytest

from kerasgan.data import fingerprints
from kerasgan.metrics.evaluation import result
from kerasgan.metrics.evaluation.moments import Moments
from kerasgan.metrics.evaluation.moments_file import Statistics, frechet_result
from kerasgan.metrics.evaluation.result import Protocol, Result
from kerasgan.metrics.frechet import expected_distance, frechet_distance

RNG = np.random.default_rng(0)


def protocol(**changes):
    facts = dict(network="garments", samples=5000, reference="fashion-mnist test", reference_samples=10_000)
    return Protocol(**{**facts, **dict(data="0123abcd", features=128, seed=3, command="x"), **changes})


@pytest.mark.parametrize(
    ("measure", "network", "name"),
    [
        ("frechet", "inception-2015", "fid[inception-2015]"),
        ("frechet", "inception-2015-pytorch-fid", "fid[inception-2015-pytorch-fid]"),
        ("frechet", "inception-2015b", "fd[inception-2015b]"),
        ("frechet", "garments", "fd[garments]"),
        ("kernel", "efficientnet-lite0", "kd[efficientnet-lite0]"),
        ("inception_score", "garments", "score[garments]"),
        ("coverage", "garments", "coverage[garments]"),
    ],
)
def test_only_the_inception_of_2015_gives_an_fid(measure, network, name):
    assert result.metric_name(measure, network) == name


def test_every_way_of_printing_has_the_protocol():
    measured = Result(measure="kernel", value=0.0123456, std=0.001, protocol=protocol(splits=100, notes=("k = 5",)))
    for text in (str(measured), repr(measured), f"{measured}", f"{measured!r}", "%s" % measured, str([measured])):  # noqa: UP031
        for part in ("kd[garments] = 0.0123456 +- 0.001", "5,000 samples", "10,000 of fashion-mnist test (0123abcd)"):
            assert part in text
        for part in ("128 features", "seed 3", "100 splits", "k = 5"):
            assert part in text
    with pytest.raises(ValueError, match="format"):
        f"{measured:.2f}"
    with pytest.raises(TypeError):
        float(measured)


def test_a_table_has_what_is_shared_once_and_what_is_not_beside_its_number():
    protocols = protocol(splits=100, notes=("subsets of 1000", "no truncation")), protocol(notes=("no truncation",))
    results = [Result(measure="kernel", value=0.5, std=0.1, protocol=protocols[0])]
    results.append(Result(measure="frechet", value=2.25, protocol=protocols[1]))
    shared, kernel, frechet = result.table(results).splitlines()
    assert shared == ", ".join(protocols[1].parts)
    assert kernel.split() == ["kd[garments]", "0.5", "+-", "0.1", "100", "splits,", "subsets", "of", "1000"]
    assert frechet.split() == ["fd[garments]", "2.25"]


def test_json_holds_everything(tmp_path):
    measured = Result(measure="frechet", value=1.5, protocol=protocol())
    [read] = json.loads(result.write(tmp_path / "deep" / "r.json", [measured]).read_text())["results"]
    assert (read["name"], read["value"]) == ("fd[garments]", 1.5)
    assert read["protocol"]["data"] == "0123abcd" and read["protocol"]["command"] == "x"
    assert read["protocol"]["versions"]["numpy"] == np.__version__
    assert Protocol(**{**read["protocol"], "notes": ()}) == measured.protocol


def test_the_fingerprint_is_of_bytes_dtype_and_shape():
    images = RNG.integers(0, 256, (4, 3, 3, 1), dtype="uint8")
    wanted = hashlib.sha256(b"|u1(4, 3, 3, 1)" + images.tobytes()).hexdigest()[:16]
    assert fingerprints.of_arrays(images) == wanted
    assert fingerprints.of_arrays(images[::-1][::-1]) == wanted
    others = [images[:, :, ::-1], images.reshape(4, 9), images.astype("int8"), images[:3]]
    assert len({wanted, *map(fingerprints.of_arrays, others), fingerprints.of_arrays(images, np.arange(4))}) == 6


def test_few_samples_are_a_warning_and_stay_in_the_result():
    rows, other = RNG.normal(size=(20, 30)), RNG.normal(size=(400, 30))
    made, real = (Statistics(Moments.of(x), "garments", "data", fingerprints.of_arrays(x)) for x in (rows, other))
    with pytest.warns(UserWarning, match=r"fd\[garments\]: 20 samples of 30 features: no more samples than features"):
        measured = frechet_result(made, real, seed=1)
    expected = expected_distance(np.cov(other, rowvar=False), 20, 400)
    assert "CAUTION: 20 samples of 30 features" in str(measured) and f"at about {expected:.3g}" in str(measured)
    assert measured.value == pytest.approx(frechet_distance(rows, other), rel=1e-9)
    assert 0.5 < measured.value / expected < 1.5  # and it is so: both are of one distribution
    assert measured.to_dict()["caveats"] == list(measured.caveats) and len(measured.caveats) == 1
    assert result.few_samples(301, 30) == () != result.few_samples(300, 30)


def test_enough_samples_give_no_warning(recwarn):
    sets = [RNG.normal(size=(n, 2)) for n in (50, 60)]
    made, real = (Statistics(Moments.of(x), "garments", "data", fingerprints.of_arrays(x)) for x in sets)
    measured = frechet_result(made, real, seed=1, weights="moving average", notes=("truncation 0.5",))
    assert not len(recwarn) and not measured.caveats
    assert "50 samples of data of moving average weights, against 60 of data" in str(measured)
    assert "truncation 0.5" in str(measured)


def test_statistics_come_back_and_only_for_their_network_and_data(tmp_path):
    rows = RNG.normal(size=(40, 5))
    kept = Statistics(Moments.of(rows), "garments", "fashion-mnist test", fingerprints.of_arrays(rows))
    path = kept.save(tmp_path / "deep" / "reference.npz")
    read = Statistics.load(path, "garments", fingerprints.of_arrays(rows))
    assert (read.network, read.name, read.data, read.moments.count) == ("garments", kept.name, kept.data, 40)
    np.testing.assert_array_equal(read.moments.covariance, kept.moments.covariance)
    np.testing.assert_array_equal(read.moments.mean, kept.moments.mean)
    with pytest.raises(ValueError, match="expected features of the network inception-2015; it holds those of garments"):
        Statistics.load(path, "inception-2015")
    with pytest.raises(ValueError, match=f"expected statistics of the data abc; it holds those of {kept.data}"):
        Statistics.load(path, "garments", "abc")
    with pytest.raises(FileNotFoundError):
        Statistics.load(tmp_path / "none.npz", "garments")
    whole = path.read_bytes()
    for spoilt in (b"", whole[: len(whole) // 2], b"not a zip"):
        path.write_bytes(spoilt)
        with pytest.raises(ValueError, match="not a readable file of statistics"):
            Statistics.load(path, "garments")
    np.savez(path, mean=rows)
    with pytest.raises(ValueError, match="not a readable file of statistics"):
        Statistics.load(path, "garments")


def test_a_reference_of_another_network_is_never_a_number():
    moments = Moments.of(RNG.normal(size=(9, 2)))
    made, real = Statistics(moments, "a", "x", "0"), Statistics(moments, "b", "x", "0")
    with pytest.raises(ValueError, match="reference: expected features of the network a, .* got those of b"):
        frechet_result(made, real, seed=0)


def test_wrong_facts_are_named():
    for changes, message in [
        (dict(samples=1), "samples: expected an integer of at least 2, got 1"),
        (dict(seed=-1), "seed: expected an integer of at least 0, got -1"),
        (dict(data=""), "reference, data: expected the name and the fingerprint of the 10000 reference"),
        (dict(splits=0), "splits: expected an integer of at least 1, got 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            protocol(**changes)
    for value in (np.nan, np.inf):
        with pytest.raises(ValueError, match=r"value: expected a finite number for fd\[garments\]; got"):
            Result(measure="frechet", value=value, protocol=protocol())
    for network in ("", "a[b]", None):
        with pytest.raises(ValueError, match="network: expected a name without brackets"):
            result.metric_name("frechet", network)
