"""What a client asks for and gets, and the arguments that it refuses."""

import concurrent.futures
import io
import os
import pathlib
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest

from kerasgan import client

ROOT = pathlib.Path(__file__).parents[2]


def test_generate(connect):
    images = connect("conditional").generate(4, seed=7, labels=2, truncation=0.5)
    assert (images.shape, images.dtype) == ((4, 8, 8, 3), np.uint8)
    np.testing.assert_array_equal(images[:, 0, 0], [[27, 0, 0], [28, 0, 0], [29, 0, 0], [30, 0, 0]])
    assert images[0, 3, 2, 0] == 27 + 5


def test_no_truncation_is_an_infinite_bound(connect):
    assert connect("conditional").generate(labels=0)[0, 0, 0, 1] == 1
    assert connect("conditional").generate(labels=0, truncation=1e30)[0, 0, 0, 1] == 0


def test_rows_of_their_own(connect):
    images = connect("conditional").generate(
        seeds=[5, 1, 3], labels=np.array([0, 1, 2], np.uint8), truncation=[1.0, 0.1, 1]
    )
    assert images[:, 0, 0, 0].tolist() == [5, 255, 23]


def test_one_image_by_default(connect):
    assert connect("conditional").generate(labels=3).shape == (1, 8, 8, 3)
    assert connect("conditional").generate(labels=range(3)).shape == (3, 8, 8, 3)


def test_seeds_are_exact(connect):
    seed = 2**63 - 1 - 9
    assert connect("conditional").generate(seed=seed, labels=0)[0, 0, 0, 0] == seed % 256


@pytest.mark.parametrize("truncation", [0, -1.0, [0.5, 0.0], float("nan")])
def test_a_bound_that_is_none_is_named_before_it_is_sent(connect, truncation):
    with pytest.raises(ValueError, match="truncation: expected positive numbers, or None for no truncation; got"):
        connect("conditional").generate(labels=0, truncation=truncation)


def test_seeds_are_integers(connect):
    model = connect("conditional")
    for wrong, said in ((1.5, r".*float"), (True, "; got True"), (np.bool_(1), "; got True")):
        with pytest.raises(TypeError, match=f"^seed: expected an integer{said}"):
            model.generate(seed=wrong, labels=0)
        with pytest.raises(TypeError, match=f"^seeds: expected an integer{said}"):
            model.generate(seeds=[1, wrong], labels=0)
        with pytest.raises(TypeError, match=f"^to_seed: expected an integer{said}"):
            model.interpolate(1, wrong, labels=0)


def test_png(connect):
    files = connect("conditional").generate(3, labels=1, png=True)
    arrays = connect("conditional").generate(3, labels=1)
    assert isinstance(files, list) and len(files) == 3
    for file, array in zip(files, arrays, strict=True):
        np.testing.assert_array_equal(np.asarray(PIL.Image.open(io.BytesIO(file))), array)


def test_an_unconditional_model_with_an_awkward_name(connect):
    model = connect("a b/%é")
    assert model.generate(2).shape == (2, 32, 32, 3)
    with pytest.raises(ValueError, match="no input 'label': leave out labels"):
        model.generate(labels=1)


def test_answers_above_grpcs_usual_limit(server):
    with client.connect(f"127.0.0.1:{server.port}", "a b/%é") as model:
        assert model.generate(1400).nbytes > 4 * 2**20


def test_version(connect):
    assert connect("conditional").generate(labels=0, version=1).shape == (1, 8, 8, 3)
    with pytest.raises(ValueError, match=r"Specific\(conditional, 7\)"):
        connect("conditional").generate(labels=0, version=7)


def test_signatures(connect):
    signatures = connect("conditional").signatures()
    assert signatures["serving_default"] == {
        "inputs": {"seed": np.int64, "label": np.int64, "truncation": np.float32},
        "outputs": {"images": np.uint8},
    }
    assert signatures["png"]["outputs"] == {"image_bytes": object}
    assert set(signatures) == {"serving_default", "png", "latent"}


def test_predict_runs_any_signature(connect):
    z, label = np.float32([[3, 0, 0, 0], [4, 0, 0, 0]]), np.int64([0, 1])
    images = connect("conditional").predict({"z": z, "label": label}, "latent")["images"]
    assert images[:, 0, 0, 0].tolist() == [3, 14]
    assert connect("half").predict({"x": np.float32(0.1)})["y"] == np.float32(2.05)
    inputs = {"text": np.array([[b"a"], [b"\xff\x00"]], object), "number": np.float32([np.inf, 0.1])}
    outputs = connect("echo").predict(inputs)
    assert outputs["text_bytes"].tolist() == [[b"a"], [b"\xff\x00"]]
    assert outputs["number"].tolist() == inputs["number"].tolist()


def test_no_signature_is_the_default_one(connect):
    assert connect("half").predict({"x": np.float32([2])}, "")["y"].tolist() == [3]


def test_text_is_sent_alike_by_both_transports(connect):
    number = np.float32([0, 1])
    for text in (["é", "b"], np.array([b"\xc3\xa9", b"b"]), np.array(["é", b"b"], object)):
        inputs = {"text": np.asarray(text).reshape(2, 1), "number": number}
        assert connect("echo").predict(inputs)["text_bytes"].ravel().tolist() == ["é".encode(), b"b"]


@pytest.mark.parametrize("value", [None, np.complex64(1), [1, None], [[1], [1, 2]], np.array(["2026"], "M8[Y]")])
def test_an_input_that_cannot_be_sent_is_named(connect, value):
    with pytest.raises(ValueError, match="^input x: expected "):
        connect("half").predict({"x": value})


@pytest.mark.parametrize("version", [-1, 2**63, True])
def test_a_version_that_cannot_be_is_named(connect, version):
    model = connect("conditional")
    for ask in (model.generate, model.classes, model.signatures, lambda version: model.predict({}, version=version)):
        with pytest.raises(ValueError, match="version: expected an integer from 0 .* or None for the latest; got"):
            ask(version=version)


@pytest.mark.parametrize("arguments", [{"n": 2.0}, {"n": "2"}, {"n": True}, {"version": "1"}, {"version": 1.0}])
def test_what_is_no_integer_is_named(connect, arguments):
    [name] = arguments
    with pytest.raises(TypeError, match=f"^{name}: expected an integer"):
        connect("conditional").generate(labels=1, **arguments)
    with pytest.raises(TypeError, match=f"^{name}: expected an integer"):
        connect("conditional").interpolate(1, 2, labels=1, **arguments)


@pytest.mark.parametrize(("arguments", "name"), [({"seed": 2**40}, "seed"), ({"labels": 2**32 + 1}, "labels")])
def test_numbers_that_the_model_does_not_hold_are_refused(arguments, name):
    """They would mean others: 2^32 + 1 is 1 as an int32."""

    class Narrow:
        def signatures(self, version):
            return {"serving_default": {"inputs": dict.fromkeys(["seed", "label"], np.dtype("int32")), "outputs": {}}}

    with pytest.raises(ValueError, match=f"^{name}: expected numbers of int32, as the model takes them; got"):
        client.Client(Narrow(), "m").generate(**({"labels": 1} | arguments))


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({}, "label"),  # the server's words: conditional, so a label is missing
        ({"labels": 10}, r"^model conditional: indices\[0\] = 10 is not in \[0, 10\) \([A-Z0-9_ ]*\)$"),
        ({"labels": 1.5}, "labels: expected integers; got "),
        ({"labels": [1, 2], "n": 3}, r"n, seeds, labels, truncation: expected all for as many images; got \[2, 3\]"),
        ({"labels": [[1, 2]], "n": 2}, "labels: expected one number or 2 of them; got an array of shape"),
        ({"labels": []}, "seeds, labels, truncation: expected one of each image"),
        ({"labels": 1, "n": 0}, "n: expected an integer of at least 1; got 0"),
        ({"labels": 2**70}, f"labels: expected numbers of int64, as the model takes them; got {2**70}"),
        ({"labels": [2**63, -1]}, f"labels: expected numbers of int64, as the model takes them; got {2**63}"),
        ({"labels": True}, "labels: expected integers; got "),
        ({"labels": 1, "seed": 2**63}, r"seed: expected integers of 64 bits, from -2\^63 to 2\^63 - 1; got 9223"),
        ({"labels": 1, "seeds": [0, 2**70]}, r"seeds: expected integers of 64 bits, .*; got 1180591620717411303424"),
        ({"labels": 1, "seed": 2**63 - 1, "n": 2}, rf"seed: expected at most {2**63 - 2}, as image i has seed"),
        ({"labels": 1, "seed": 0, "seeds": [3]}, "seed, seeds: expected one of them, .*; got both"),
    ],
)
def test_wrong_arguments(connect, arguments, words):
    with pytest.raises(ValueError, match=words):
        connect("conditional").generate(**arguments)


def test_a_walk_needs_two_images_and_a_signature_for_it(connect):
    with pytest.raises(ValueError, match="n: expected an integer of at least 2, .*; got 1"):
        connect("conditional").interpolate(3, 4, 1, labels=0)
    with pytest.raises(ValueError, match=r"expected all for as many images; got \[3, 8\]"):
        connect("conditional").interpolate(3, 4, labels=[0, 1, 2])
    with pytest.raises(ValueError, match='model conditional: Serving signature.*"between_png" not found'):
        connect("conditional").interpolate(3, 4, labels=0, png=True)


def test_an_unknown_model_or_signature(connect):
    with pytest.raises(ValueError, match=r"model nope: Servable not found for request: Latest\(nope\)"):
        connect("nope").generate()
    with pytest.raises(ValueError, match='Serving signature.*"png"'):
        connect("half").generate(png=True)


def test_many_threads_share_a_client(connect):
    model = connect("conditional")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda seed: model.generate(seed=seed, labels=0)[0, 0, 0, 0], range(100)))
    assert answers == list(range(100))


def test_the_client_is_light():
    program = """
import sys, time
start = time.process_time()
import kerasgan.client
took = time.process_time() - start  # CPU time: this machine may be busy
c = kerasgan.client.connect("127.0.0.1:8500", model="m")
heavy = {"tensorflow", "keras", "tensorflow_serving"} & set(sys.modules)
assert not heavy, heavy
print(took)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    runs = [
        subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    assert min(float(run.stdout) for run in runs) < 0.3
