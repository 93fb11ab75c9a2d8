"""Lines of text, of one length: those of the character language model."""

import dataclasses
import functools
from typing import ClassVar

import keras
import pydantic

from kerasgan.data import brown, fingerprints, text
from kerasgan.layers.characters import Characters
from kerasgan.recipes.sections.base import Section, refused

_CORPUS = "brown"
_SEED = 0  # of which lines are held out: the same for all runs, so that their numbers compare


@dataclasses.dataclass(frozen=True)
class Lines:
    """Encoded lines, the source of `LineData`.

    Args:
        name: what they are.
        vocabulary: `kerasgan.data.text.Vocabulary` of the training lines.
        training: int32 [N, length].
        held_out: int32 [M, length], lines that no model is trained on.
    """

    name: str
    vocabulary: text.Vocabulary
    training: object
    held_out: object
    class_names: ClassVar[None] = None

    @property
    def count(self):
        """How many lines there are to train on."""
        return len(self.training)

    def fingerprint(self):
        """Return a digest of the lines."""
        return fingerprints.of_arrays(self.training, self.held_out)


class LineData(Section):
    """Where the lines come from: `text` is "brown", the Brown corpus, or a UTF-8 file; `length` characters of each.

    `held_out` lines, drawn at random, are not trained on.
    """

    metrics: ClassVar[str] = "ngrams"
    plural: ClassVar[str] = "lines"

    text: str
    length: int = pydantic.Field(32, ge=1)
    held_out: int = pydantic.Field(3200, ge=1)

    @property
    def place(self):
        """The corpus's name or the path."""
        return self.text

    @property
    def is_local(self):
        """Whether they are a file."""
        return self.text != _CORPUS

    def open(self):
        """Return `Lines`; see `Section.open`."""
        lines = brown.sentences() if self.text == _CORPUS else text.read_lines(self.text)
        training, held_out = text.split(lines, self.held_out, _SEED)
        vocabulary = text.Vocabulary.of(training)
        encode = functools.partial(vocabulary.encode, length=self.length)
        return Lines(self.text, vocabulary, encode(training), encode(held_out))

    def noise(self):
        """Return the lines: only they tell how many characters there are."""
        return self.open()

    def instead(self, path):
        """Return the section with the lines of another file."""
        return self.model_copy(update={"text": str(path)})

    def shape(self, source):
        """Return (length, numbers of the vocabulary)."""
        return self.length, len(source.vocabulary)

    def completed(self, generator, source):
        """Return the generator with its characters."""
        return keras.Model(
            generator.inputs, Characters(source.vocabulary.characters)(generator.output), name=generator.name
        )

    def stream(self, source, batches_per_step, seed, start_step):
        """Return batches of one-hot rows; see `kerasgan.data.text.one_hot`."""
        vocabulary_size = len(source.vocabulary)
        return text.one_hot(source.training, vocabulary_size, self.batch_size, batches_per_step, seed, start_step)

    def steps_per_epoch(self, source, batches_per_step):
        """Return how many training steps one pass takes; see `Section.steps_per_epoch`."""
        return source.count // (self.batch_size * batches_per_step)

    def reference(self, shape, network=None, weights=None, split=None, data_dir=None, cache=None, verbose=False):
        """Return a `kerasgan.metrics.evaluation.line_reference.LineReference`; see `Section.reference`."""
        from kerasgan.metrics.evaluation.line_reference import LineReference

        for name, value in (("features", network), ("split", split), ("data_dir", data_dir)):
            refused(name, value, "lines are compared by their n-grams")
        source = self.open()
        if tuple(shape) != self.shape(source):
            raise ValueError(
                f"model: expected lines of shape {self.shape(source)}, as {self.text} has; it makes {tuple(shape)}"
            )
        return LineReference(source.training, source.held_out, source.vocabulary, source.name)
