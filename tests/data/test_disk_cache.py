"""The cache of prepared images in files: whose images it gives, and what it survives."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan.data import Source, arrays, folder, load, npz, to_uint8


def picture(path, level, size=8):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (size, size), level).save(path, format="PNG")


def levels(source, cache, **options):
    """The level of each image that `load` gives, sorted."""
    options = {"image_size": 8, "batch_size": 1, "cache": cache, **options}
    return sorted(int(np.asarray(to_uint8(batch)).mean()) for batch in load(source, **options))


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "kept" / "cache"


def test_folders_of_one_name_count_and_size_are_told_apart(tmp_path, cache):
    for place, level in (("cats", 10), ("dogs", 200)):
        for index in range(4):
            picture(tmp_path / place / "train" / f"{index}.png", level)
    for place, level in (("cats", 10), ("dogs", 200), ("cats", 10)):
        assert levels(folder(tmp_path / place / "train"), cache) == [level] * 4
    assert len([path for path in cache.parent.iterdir() if path.is_dir()]) == 2


def test_arrays_and_npz_files_are_told_apart_by_their_bytes(tmp_path, cache):
    for level in (10, 200):
        images = np.full((3, 8, 8), level, np.uint8)
        assert levels(arrays(images), cache) == [level] * 3
        np.savez(tmp_path / "x.npz", x=images + 1)
        assert levels(npz(tmp_path / "x.npz"), cache) == [level + 1] * 3


def test_labels_are_told_apart(cache):
    images = np.arange(4, dtype=np.uint8)[:, None, None] * np.ones((4, 8, 8), np.uint8)
    for labels in ([0, 1, 2, 3], [3, 2, 1, 0]):
        batches = load(arrays(images, labels), image_size=8, batch_size=4, labels=True, cache=cache)
        ((batch, found),) = batches
        assert dict(zip(np.asarray(to_uint8(batch))[:, 0, 0, 0].tolist(), found.numpy().tolist())) == dict(
            enumerate(labels)
        )


def test_preparations_are_told_apart(tmp_path, cache):
    wide = np.zeros((1, 8, 16, 3), np.uint8)
    wide[:, :, 4:12] = (250, 100, 20)
    source = arrays(wide)
    middle, whole = (load(source, 8, batch_size=1, cache=cache, center_crop=crop) for crop in (True, False))
    assert np.asarray(to_uint8(next(iter(middle))))[0, 0, 0].tolist() == [250, 100, 20]
    assert np.asarray(to_uint8(next(iter(whole))))[0, 0, 0].tolist() == [0, 0, 0]
    assert next(iter(load(source, 8, channels=1, batch_size=1, cache=cache))).shape == (1, 8, 8, 1)
    assert next(iter(load(source, 6, batch_size=1, cache=cache))).shape == (1, 6, 6, 3)
    assert len([path for path in cache.parent.iterdir() if path.is_dir()]) == 4


def test_the_channels_that_files_are_read_in_are_told_apart(tmp_path, cache):
    clear = tmp_path / "clear"
    clear.mkdir()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(clear / "a.png")
    for channels, found in ((3, [255] * 3), (4, [0] * 4)):
        batch = next(iter(load(folder(clear, channels), 8, batch_size=1, cache=cache)))
        assert np.asarray(to_uint8(batch))[0, 0, 0].tolist() == found


@pytest.mark.parametrize("put_back", [False, True])
def test_a_file_that_changes_is_read_anew(tmp_path, cache, put_back):
    for index in range(3):
        picture(tmp_path / "a" / f"{index}.png", 10)
    assert levels(folder(tmp_path / "a"), cache) == [10] * 3
    changed = tmp_path / "a" / "1.png"
    before = changed.stat()
    picture(changed, 11)
    assert changed.stat().st_size == before.st_size
    if put_back:  # as unpacking an archive does
        os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert levels(folder(tmp_path / "a"), cache) == [10, 10, 11]


def test_a_file_of_another_name_or_class_is_another_source(tmp_path, cache):
    for name in ("a", "b"):
        picture(tmp_path / "x" / name / "0.png", 10 if name == "a" else 20)

    def labels():
        batches = load(folder(tmp_path / "x"), 8, batch_size=1, labels=True, cache=cache)
        return {int(np.asarray(to_uint8(batch)).mean()): int(label[0]) for batch, label in batches}

    assert labels() == {10: 0, 20: 1}
    (tmp_path / "x" / "a").rename(tmp_path / "x" / "c")
    assert labels() == {10: 1, 20: 0}


def test_a_source_that_nothing_tells_from_others_is_refused(cache):
    examples = arrays(np.zeros((2, 8, 8), np.uint8)).examples
    with pytest.raises(ValueError, match="^cache: expected True or False, as mine has no cache_key"):
        load(Source(examples, 2, None, "mine"), 8, batch_size=1, cache=cache)
    assert not cache.parent.exists()


def test_files_that_change_while_they_are_read_are_not_kept(tmp_path, cache):
    def change(number):
        picture(tmp_path / "new.png", 30)
        os.replace(tmp_path / "new.png", tmp_path / "a" / "1.png")  # never half there: images are read ahead
        return number

    for index in range(2):
        picture(tmp_path / "a" / f"{index}.png", 10)
    source = folder(tmp_path / "a")
    examples = source.examples.map(
        lambda image, label: (image, tf.ensure_shape(tf.numpy_function(change, [label], tf.int64), []))
    )
    with pytest.raises(ValueError, match="cache: the files of a changed while they were read"):
        load(Source(examples, 2, None, "a", cache_key=source.cache_key), 8, batch_size=1, cache=cache)
    assert [path.name for path in cache.parent.iterdir() if path.is_dir()] == []


def test_what_older_versions_kept_is_not_found(cache):
    source = arrays(np.full((2, 8, 8), 50, np.uint8))
    cache.parent.mkdir()
    old = arrays(np.full((2, 8, 8, 1), 9, np.uint8)).examples.cache(str(cache.parent / "cache-0123456789ab"))
    assert len(list(old)) == 2
    assert levels(source, cache) == [50, 50]


SLOW = """\
import pathlib, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell in the background has children ignore
import numpy as np, tensorflow as tf
from kerasgan.data import Source, load, to_uint8

def image(number):
    print("read", number, flush=True)
    while number == 10 and not pathlib.Path(sys.argv[2]).exists():
        time.sleep(0.05)
    return np.full((8, 8, 1), number, np.uint8)

def example(number):
    return tf.ensure_shape(tf.numpy_function(image, [number], tf.uint8), [8, 8, 1]), number

source = Source(tf.data.Dataset.range(20).map(example), 20, None, "slow", cache_key=lambda: "20")
for batch in load(source, 8, batch_size=20, cache=sys.argv[1]):
    print(sorted(np.asarray(to_uint8(batch))[:, 0, 0, 0].tolist()), flush=True)
"""
WHOLE = str(list(range(20)))


def start(cache, go):
    """Start a process that writes the cache, but waits in the middle until the file `go` is there."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", SLOW, str(cache), str(go)], text=True, **pipes)


def await_line(stream, process, text):
    for line in stream:
        if text in line:
            return
    raise AssertionError(f"{text!r} did not come: {process.wait()}, {process.stderr.read()}")


@pytest.mark.slow
def test_what_a_killed_process_wrote_is_not_taken_and_goes_away(tmp_path, cache):
    with start(cache, tmp_path / "go") as killed:
        await_line(killed.stdout, killed, "read 10")
        killed.send_signal(signal.SIGKILL)
    assert list(cache.parent.glob(".tmp-*")) != []
    (tmp_path / "go").write_text("")
    with start(cache, tmp_path / "go") as second:
        assert second.communicate(timeout=120)[0].splitlines()[-1] == WHOLE
    assert list(cache.parent.glob(".tmp-*")) == [] and len(list(cache.parent.glob("cache-*"))) == 1


def test_of_two_processes_one_writes_and_the_other_waits(tmp_path, cache):
    with start(cache, tmp_path / "go") as first:
        await_line(first.stdout, first, "read 10")
        with start(cache, tmp_path / "go") as second:
            await_line(second.stderr, second, "waiting for another process that writes the cache")
            (tmp_path / "go").write_text("")
            assert second.communicate(timeout=120)[0].splitlines() == [WHOLE]  # it read none
        assert first.communicate(timeout=120)[0].splitlines()[-1] == WHOLE


def test_an_interruption_leaves_nothing(tmp_path, cache):
    with start(cache, tmp_path / "go") as interrupted:
        await_line(interrupted.stdout, interrupted, "read 10")
        interrupted.send_signal(signal.SIGINT)
        (tmp_path / "go").write_text("")
        interrupted.communicate(timeout=120)
    assert interrupted.returncode != 0 and list(cache.parent.glob(".tmp-*")) == list(cache.parent.glob("cache-*")) == []
