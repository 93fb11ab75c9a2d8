import socket
import time

import numpy as np
import pytest
import tensorflow_datasets

from kerasgan.data import fashion_mnist, load, tfds, tfds_source
from kerasgan.data.__main__ import main


class KerasganTestTiles(tensorflow_datasets.core.GeneratorBasedBuilder):
    """Ten images of 6 x 4, registered with TFDS under the name kerasgan_test_tiles."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")
    fail_at = None

    def _info(self):
        features = tensorflow_datasets.features
        return tensorflow_datasets.core.DatasetInfo(
            builder=self,
            features=features.FeaturesDict(
                {
                    "image": features.Image(shape=(6, 4, 3)),
                    "label": features.ClassLabel(names=["even", "odd"]),
                    "text": features.Text(),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        return {
            "train": self._generate_examples(0),
            "test": self._generate_examples(100),
            "unlabelled": self._generate_examples(200),
        }

    def _generate_examples(self, start):
        for number in range(start, start + 10):
            if number == self.fail_at:
                raise KeyboardInterrupt
            image = np.full((6, 4, 3), number, np.uint8)
            yield number, {"image": image, "label": -1 if start == 200 else number % 2, "text": "x"}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tfds"


def test_a_dataset_is_prepared_and_read(folder):
    source = tfds("kerasgan_test_tiles", data_dir=folder)
    assert (source.count, source.class_names, source.channels) == (10, ("even", "odd"), 3)
    numbers = set()
    for image, label in source.examples.as_numpy_iterator():
        assert (image == image[0, 0, 0]).all() and image.shape == (6, 4, 3)
        assert label == image[0, 0, 0] % 2
        numbers.add(int(image[0, 0, 0]))
    assert numbers == set(range(10))


def test_a_split_without_labels_of_a_dataset_with_classes(folder):
    source = tfds("kerasgan_test_tiles", split="unlabelled", data_dir=folder)
    assert source.class_names is None and {int(label) for _, label in source.examples} == {-1}
    with pytest.raises(ValueError, match="labels: True, but kerasgan_test_tiles has no labels"):
        load("kerasgan_test_tiles", labels=True, split="unlabelled", data_dir=folder)


def test_the_order_of_reading_is_fixed(folder):
    def numbers():
        return [int(image[0, 0, 0]) for image, _ in tfds("kerasgan_test_tiles", data_dir=folder).examples]

    assert numbers() == numbers()


def test_load_takes_a_name(folder):
    batches = load("kerasgan_test_tiles", image_size=4, batch_size=3, labels=True, split="test[:40%]", data_dir=folder)
    assert int(batches.cardinality()) == 1
    ((images, labels),) = batches
    numbers = np.rint((np.asarray(images)[:, 0, 0, 0] + 1) * 127.5).astype(int)
    assert len(set(numbers)) == 3 and (numbers >= 100).all()
    np.testing.assert_array_equal(labels, numbers % 2)


def test_an_interruption_leaves_nothing(folder, monkeypatch):
    monkeypatch.setattr(KerasganTestTiles, "fail_at", 105)
    with pytest.raises(KeyboardInterrupt):
        tfds("kerasgan_test_tiles", data_dir=folder)
    assert [path for path in (folder / "kerasgan_test_tiles").rglob("*") if path.is_file()] == []
    monkeypatch.setattr(KerasganTestTiles, "fail_at", None)
    assert tfds("kerasgan_test_tiles", split="train+test", data_dir=folder).count == 20


def test_unknown_names_come_with_close_ones(folder, tmp_path):
    with pytest.raises(ValueError, match="TFDS has no dataset 'fashion_minst'; did you mean fashion_mnist"):
        tfds("fashion_minst", data_dir=folder)
    with pytest.raises(ValueError, match="TFDS has no dataset 'qqqqqq'$"):
        tfds("qqqqqq", data_dir=folder)
    with pytest.raises(ValueError, match="^name: .*got 7"):
        tfds(7)
    with pytest.raises(ValueError, match="^name: TFDS cannot open 'cifar10:9.9.9'"):
        tfds("cifar10:9.9.9", data_dir=folder)


def test_the_name_of_a_folder(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"kerasgan.data.folder\('photos'\)"):
        load("photos")


def test_a_dataset_without_images(folder):
    with pytest.raises(ValueError, match="'imdb_reviews' has no feature 'image'; it has text, label"):
        tfds("imdb_reviews", data_dir=folder)


def test_unknown_split(folder):
    with pytest.raises(ValueError, match="has no split 'valid'; it has test, train, unlabelled"):
        tfds("kerasgan_test_tiles", split="valid", data_dir=folder)
    with pytest.raises(ValueError, match="^split: expected a string"):
        tfds("kerasgan_test_tiles", split=None, data_dir=folder)
    with pytest.raises(ValueError, match=r"^split: 'train\[5:5\]' .*empty"):
        tfds("kerasgan_test_tiles", split="train[5:5]", data_dir=folder)


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_an_unreachable_host_is_told_at_once(folder, no_network):
    start = time.monotonic()
    with pytest.raises(ConnectionError, match=r"'cifar10' .*host www.cs.toronto.edu cannot be reached"):
        tfds("cifar10", data_dir=folder)
    assert time.monotonic() - start < 10


def test_fashion_mnist_names_both_remedies(folder, no_network, monkeypatch, capsys):
    monkeypatch.setattr(fashion_mnist, "available", lambda: False)
    assert main(["fashion_mnist", "--data-dir", str(folder)]) == 1
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert "apt-get install dataset-fashion-mnist" in printed.err
    assert "fashion-mnist.s3-website.eu-central-1.amazonaws.com cannot be reached" in printed.err


def test_command_line(folder, capsys):
    assert main(["kerasgan_test_tiles", "--data-dir", str(folder)]) == 0
    assert "kerasgan_test_tiles/1.0.0: train 10, test 10, unlabelled 10; in " in capsys.readouterr().out
    assert main(["fashion_minst", "--data-dir", str(folder)]) == 1
    assert capsys.readouterr().err.startswith("error: name: TFDS has no dataset 'fashion_minst'")


def test_a_dataset_without_labels(folder, monkeypatch):
    monkeypatch.setattr(tfds_source, "_label", lambda builder: None)
    source = tfds("kerasgan_test_tiles", data_dir=folder)
    assert source.class_names is None
    assert {int(label) for _, label in source.examples} == {-1}
