import gzip
import hashlib

import numpy as np
import pytest
import tensorflow as tf

from kerasgan.data import fashion_mnist, tfds_source

needs_debian = pytest.mark.skipif(not fashion_mnist.available(), reason="needs Debian's package dataset-fashion-mnist")


def expected():
    """TFDS's own {file name: sha256}."""
    import tensorflow_datasets

    builder = tensorflow_datasets.builder("fashion_mnist")
    return {info.filename: info.checksum for info in builder.url_infos.values()}


@needs_debian
def test_restored_files_have_the_checksums_of_tfds(tmp_path):
    fashion_mnist.restore(tmp_path)
    got = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert got == expected() and len(got) == 4


@needs_debian
def test_a_damaged_file_is_named(tmp_path):
    damaged = tmp_path / "debian"
    damaged.mkdir()
    for path in fashion_mnist.DEBIAN_FOLDER.glob("*.gz"):
        content = bytearray(path.read_bytes())
        if path.name.startswith("train-labels"):
            content[1000] ^= 1
        (damaged / path.name).write_bytes(content)
    with pytest.raises(ValueError, match="train-labels-idx1-ubyte.gz is damaged"):
        fashion_mnist.restore(tmp_path / "restored", damaged)
    assert not (tmp_path / "restored" / "train-labels-idx1-ubyte.gz").exists()


def test_not_available_without_all_four_files(tmp_path):
    assert not fashion_mnist.available(tmp_path)


@pytest.mark.slow
@needs_debian
def test_prepared_without_network_and_equal_to_debians_pixels(tmp_path):
    source = tfds_source.tfds("fashion_mnist", split="test", data_dir=tmp_path)
    assert source.count == 10000 and source.class_names[8] == "Bag"
    assert not (tmp_path / "downloads").exists()
    images = np.stack([image for image, _ in source.examples.as_numpy_iterator()])
    labels = np.array([label for _, label in source.examples.as_numpy_iterator()])
    with gzip.open(fashion_mnist.DEBIAN_FOLDER / "t10k-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)
    assert sorted(image.tobytes() for image in images) == sorted(image.tobytes() for image in pixels)
    assert tf.math.bincount(labels).numpy().tolist() == [1000] * 10
