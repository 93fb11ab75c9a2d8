"""Lines of text as fixed numbers of characters, for the character language model.

Gulrajani et al. 2017, "Improved training of Wasserstein GANs", arXiv:1704.00028, section 5.4: lines of 32 characters,
shorter ones filled up, longer ones cut off.
"""

import collections
import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerasgan.utils import validation
from kerasgan.utils.annotations import Path
from kerasgan.utils.messages import quoted

PAD, UNKNOWN = 0, 1
PAD_CHARACTER, UNKNOWN_CHARACTER = "`", "\N{REPLACEMENT CHARACTER}"


def read_lines(path: Path) -> list[str]:
    """Read the lines of a text file that are not empty, without the white space around them.

    Args:
        path: a UTF-8 file.

    Returns:
        list of strings.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the line that is not UTF-8, or if all lines are empty.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    lines = []
    for number, raw in enumerate(path.read_bytes().split(b"\n"), start=1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path}, line {number}: expected UTF-8; got the byte 0x{raw[error.start]:02x} at its place "
                f"{error.start + 1} ({error.reason})"
            ) from None
        if line:
            lines.append(line)
    if not lines:
        raise ValueError(f"{path}: expected lines of text; all are empty")
    return lines


def split(lines: Sequence[str], held_out: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Part lines at random into those to train on and those held out.

    Args:
        lines: list of strings.
        held_out: how many to hold out.
        seed: integer of at least 0; the same gives the same parts.

    Returns:
        Two lists, in the order of `lines`: the rest, and the held-out ones.

    Raises:
        ValueError: if nothing would be left to train on.
    """
    validation.several("lines", lines)
    validation.integer("held_out", held_out, 1)
    validation.integer("seed", seed, 0)
    if held_out >= len(lines):
        raise ValueError(f"held_out: expected fewer than the {len(lines)} lines there are; got {held_out}")
    chosen = np.zeros(len(lines), bool)
    chosen[np.random.default_rng(seed).permutation(len(lines))[:held_out]] = True
    return (
        [line for line, out in zip(lines, chosen) if not out],
        [line for line, out in zip(lines, chosen) if out],
    )


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The characters that have numbers of their own; `PAD` is 0, `UNKNOWN` 1, `characters[i]` i + 2.

    Args:
        characters: string without repetition.

    Raises:
        ValueError: if a character occurs twice, or there is none.
    """

    characters: str

    def __post_init__(self):
        if not self.characters or len(set(self.characters)) != len(self.characters):
            raise ValueError(f"characters: expected different characters, at least one; got {quoted(self.characters)}")

    def __len__(self):
        """How many numbers there are, pad and unknown included."""
        return len(self.characters) + 2

    @classmethod
    def of(cls, lines: Sequence[str], maximum: int = 2048) -> Self:
        """Make a vocabulary of the most frequent characters of lines.

        Args:
            lines: list of strings.
            maximum: how many numbers there may be, pad and unknown included; the paper's code has 2048.

        Returns:
            `Vocabulary`, the most frequent character first, those as frequent in the order of their code points.
        """
        validation.several("lines", lines)
        validation.integer("maximum", maximum, 3)
        counted = collections.Counter()
        for line in lines:
            counted.update(line)
        ordered = sorted(counted, key=lambda character: (-counted[character], character))
        return cls("".join(ordered[: maximum - 2]))

    def encode(self, lines: Sequence[str], length: int = 32) -> np.ndarray:
        """Turn lines to numbers.

        Args:
            lines: list of strings.
            length: characters of each; what is longer is cut off, what is shorter is filled up with `PAD`.

        Returns:
            int32 NumPy array [N, length].
        """
        validation.several("lines", lines)
        validation.integer("length", length, 1)
        numbers = {character: number for number, character in enumerate(self.characters, start=2)}
        encoded = np.full((len(lines), length), PAD, "int32")
        for row, line in zip(encoded, lines):
            part = [numbers.get(character, UNKNOWN) for character in line[:length]]
            row[: len(part)] = part
        return encoded

    def decode(self, numbers: npt.ArrayLike) -> list[str]:
        """Turn numbers to lines.

        Args:
            numbers: integers [N, length], or anything of shape [N, length, len(self)], such as one-hot rows or
                probabilities, of which the largest counts.

        Returns:
            list of N strings, padding at the end left out; padding elsewhere is "`", an unknown character U+FFFD.

        Raises:
            ValueError: if `numbers` has another shape or numbers out of range.
        """
        numbers = np.asarray(numbers)
        if numbers.ndim == 3 and numbers.shape[-1] == len(self):
            numbers = numbers.argmax(-1)
        if numbers.ndim != 2 or not np.issubdtype(numbers.dtype, np.integer):
            raise ValueError(
                f"numbers: expected integers [N, length], or [N, length, {len(self)}]; "
                f"got {numbers.dtype} {list(numbers.shape)}"
            )
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < len(self):
            raise ValueError(f"numbers: expected 0 to {len(self) - 1}; got {numbers.min()} to {numbers.max()}")
        symbols = np.array([PAD_CHARACTER, UNKNOWN_CHARACTER, *self.characters])
        lines = []
        for row in numbers:
            used = np.flatnonzero(row != PAD)
            lines.append("".join(symbols[row[: used[-1] + 1 if len(used) else 0]]))
        return lines


def one_hot(
    encoded: np.ndarray,
    vocabulary_size: int,
    batch_size: int = 64,
    batches_per_step: int = 1,
    seed: int = 0,
    start_step: int = 0,
) -> tf.data.Dataset:
    """Endless shuffled batches of one-hot rows, one element a training step.

    Args:
        encoded: int32 array [N, length], as `Vocabulary.encode` makes it.
        vocabulary_size: length of a one-hot row, `len(vocabulary)`.
        batch_size: lines of one minibatch.
        batches_per_step: minibatches of one training step, each of fresh lines: a model's `batches_per_step`.
        seed: integer; epoch e's order depends on (seed, e) alone.
        start_step: begin where a stream that was read this many steps would go on.

    Returns:
        `tf.data.Dataset` of float32 [batch_size * batches_per_step, length, vocabulary_size]. The remainder of an
        epoch is dropped.

    Raises:
        ValueError: if `encoded` is no such array, or has fewer lines than one step needs.
    """
    validation.integer("batch_size", batch_size, 1)
    validation.integer("batches_per_step", batches_per_step, 1)
    validation.integer("start_step", start_step, 0)
    validation.integer_within("seed", seed, np.int64)
    encoded = np.asarray(encoded)
    if encoded.ndim != 2 or not np.issubdtype(encoded.dtype, np.integer):
        raise ValueError(f"encoded: expected integers [N, length]; got {encoded.dtype} {list(encoded.shape)}")
    if encoded.size and not 0 <= encoded.min() <= encoded.max() < vocabulary_size:
        raise ValueError(
            f"encoded: expected 0 to {vocabulary_size - 1}, as vocabulary_size={vocabulary_size}; "
            f"got {encoded.min()} to {encoded.max()}"
        )
    rows = batch_size * batches_per_step
    steps = len(encoded) // rows
    if not steps:
        raise ValueError(
            f"encoded: has {len(encoded)} lines, but one step needs {rows} (batch_size {batch_size} x "
            f"batches_per_step {batches_per_step})"
        )
    lines = tf.constant(encoded, tf.int32)

    def epoch(number):
        key = tf.stack([tf.constant(seed, tf.int64), number])
        order = tf.random.experimental.stateless_shuffle(tf.range(len(encoded)), key, alg="philox")
        return tf.data.Dataset.from_tensor_slices(tf.reshape(order[: steps * rows], (steps, rows)))

    def made(order):
        return tf.one_hot(tf.gather(lines, order), vocabulary_size)

    batches = tf.data.Dataset.range(start_step // steps, tf.int64.max).flat_map(epoch).skip(start_step % steps)
    batches = batches.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    return batches.map(made, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(2)
