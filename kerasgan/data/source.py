"""What every source of real images looks like, before `load` makes batches of it."""

import dataclasses
from collections.abc import Callable

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Source:
    """Real images, one at a time, undecided about size and batches.

    Attributes:
        examples: dataset of (image uint8 [height, width, channels], label int64 []), in a fixed order, the
            number of channels (1, 3 or 4) static. The label is -1 where there are no labels.
        count: number of examples.
        class_names: the name of each label in order, or None where there are no labels.
        name: for messages and run folders.
        fingerprint: function that returns a short digest of the content, the same for a copy, another one for most
            other data; `None` where there is none.
        cache_key: function that returns a string, another one for all other images or labels, by which `load` finds
            them in a cache on disk; `None` for no such cache.
    """

    examples: tf.data.Dataset
    count: int
    class_names: tuple[str, ...] | None
    name: str
    fingerprint: Callable[[], str] | None = None
    cache_key: Callable[[], str] | None = None

    @property
    def channels(self) -> int:
        """1 (grey), 3 (RGB) or 4 (RGBA)."""
        return self.examples.element_spec[0].shape[-1]
