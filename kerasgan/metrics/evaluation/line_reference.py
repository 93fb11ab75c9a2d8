"""What generated lines of text are compared with."""

import functools
from typing import ClassVar

import numpy as np

from kerasgan.data import fingerprints, text
from kerasgan.metrics import ngrams


class LineReference:
    """Lines of text, and others of the same text that no model has seen.

    Args:
        training: int32 [N, length], as `kerasgan.data.text.Vocabulary.encode` makes them.
        held_out: int32 [M, length].
        vocabulary: `kerasgan.data.text.Vocabulary`.
        name: what they are.
    """

    of: ClassVar[tuple[str, ...]] = ("lines",)
    class_counts: ClassVar[None] = None
    class_names: ClassVar[None] = None

    def __init__(self, training, held_out, vocabulary: text.Vocabulary, name: str):
        self.training = np.asarray(training)
        self.held_out = np.asarray(held_out)
        self.vocabulary = vocabulary
        self.name = f"{name}, training lines"
        self.image_shape = (self.training.shape[1], len(vocabulary))
        self.count = len(self.training)
        self._counts = {}

    @functools.cached_property
    def data(self) -> str:
        """Fingerprint of the lines."""
        return fingerprints.of_arrays(self.training, self.held_out)

    def kept(self, batch):
        """Return what the measures need of a batch of generated probabilities: the most probable characters."""
        return np.argmax(batch, -1)

    def counts(self, n: int):
        """Return how often each n-gram of the training lines occurs, see `kerasgan.metrics.ngrams.counts`."""
        if n not in self._counts:
            self._counts[n] = ngrams.counts(rows(self.training), n)
        return self._counts[n]


def rows(encoded):
    """Return encoded lines, integers [N, length], as tuples, of which n-grams can be counted."""
    return list(map(tuple, np.asarray(encoded).tolist()))
