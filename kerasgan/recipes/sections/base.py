"""What every kind of data can be asked."""

import abc
from typing import Any, ClassVar

import pydantic

from kerasgan.utils.messages import quoted


class Section(pydantic.BaseModel, abc.ABC):
    """The `data` section of a recipe; a subclass is one kind of data.

    `open` finds the data and returns their source, an object with `name`, `count` (of examples, `None` where they are
    drawn as needed), `class_names` (`None` without labels) and `fingerprint` (a function that returns a digest of the
    content, or `None`), which the other methods take.
    """

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True)

    # Beside these, `metrics` names what is measured where nothing else is asked for.
    plural: ClassVar[str]  # of an example
    elsewhere: ClassVar[tuple[str, ...]] = ()  # fields that say where data are, and not which, beside a path in `place`

    batch_size: int = pydantic.Field(64, ge=1)
    _named: str | None = pydantic.PrivateAttr(None)  # MODULE.NAME by which a recipe has named a user's own kind

    @property
    @abc.abstractmethod
    def place(self) -> str:
        """Where the data are, for messages."""

    @property
    @abc.abstractmethod
    def is_local(self) -> bool:
        """Whether that is a path, which another machine does not have."""

    def fitted(self):
        """Return the section with what it leaves to the data filled in.

        Raises:
            ValueError, OSError: if the data are not there, or nothing goes with them.
        """
        return self

    def settings(self) -> dict[str, Any]:
        """Return what makes other batches of the same source, such as the batch size: names to what JSON has of it."""
        is_place = [name for name, value in self.model_dump().items() if self.is_local and value == self.place]
        return self.model_dump(mode="json", exclude={*self.elsewhere, *is_place})

    @abc.abstractmethod
    def open(self) -> Any:
        """Return the source.

        Raises:
            ValueError, OSError: if the data are not there or cannot be read.
        """

    @abc.abstractmethod
    def noise(self) -> Any:
        """Return a source of the same shape and classes, for which the data need not be there where that can be."""

    @abc.abstractmethod
    def instead(self, path):
        """Return the section with the data of another path.

        Raises:
            ValueError: if this kind is at no path.
        """

    @abc.abstractmethod
    def shape(self, source) -> tuple[int, ...]:
        """Return the shape of one example, which the networks are built for."""

    def num_classes(self, source) -> int | None:
        """Return the number of classes that the model is conditional on, or `None`.

        Raises:
            ValueError: if the section asks for labels that the source does not have.
        """
        return None

    def completed(self, generator, source):
        """Return the generator with what only the data know."""
        return generator

    @abc.abstractmethod
    def stream(self, source, batches_per_step, seed, start_step):
        """Return the endless `tf.data.Dataset` of training steps, from a step on.

        Raises:
            ValueError: if there are fewer examples than one step needs.
        """

    @abc.abstractmethod
    def steps_per_epoch(self, source, batches_per_step) -> int:
        """Return how many training steps one pass takes."""

    @abc.abstractmethod
    def reference(self, shape, network=None, weights=None, split=None, data_dir=None, cache=None, verbose=False):
        """Return what generated examples are measured against, see `kerasgan.metrics.evaluate`.

        Args:
            shape: of a generated example.
            network: name of a feature network; by default one that knows such examples.
            weights: path of its weights, or `None`.
            split: of a TFDS dataset; the section's by default.
            data_dir: TFDS's folder; the section's by default.
            cache: folder of kept moments, or `None`.
            verbose: whether to print lines of progress.

        Raises:
            ValueError, OSError: if the data are not there, are of another shape, or an argument has no meaning here.
        """


def refused(name, value, why):
    """Raise `ValueError` if an argument is given that has no meaning."""
    if value is not None:
        raise ValueError(f"{name}: expected none, as {why}; got {quoted(value)}")
