"""A batch of images on its way through a training step."""

import typing
from collections.abc import Sequence

import tensorflow as tf
from keras import ops

from kerasgan.utils import replica_shares
from kerasgan.utils.tensors import Tensor

Data = Tensor | tuple[Tensor, Tensor]  # what a training step is given: images, or the pair of images and labels


class Batch(typing.NamedTuple):
    """Images float32 [N, H, W, C] in [-1, 1] and, for a conditional model, their labels int32 [N] (else `None`).

    `place` is (first row, rows of all): where these rows lie in the minibatch of all replicas. `None` says that the
    replicas' rows follow one another. `whole` is false for a part of this replica's rows, for which gradients are
    accumulated. `purpose`, strings and integers unique in the step, says what the images are, such as ("real", k): the
    random numbers of `GAN.seen` are keyed by it.
    """

    images: tf.Tensor
    labels: tf.Tensor | None
    place: tuple | None = None
    whole: bool = True
    purpose: tuple = ()

    @property
    def rows(self) -> int | Tensor:
        """How many rows there are here: an integer, or a scalar where the graph does not know."""
        return ops.shape(self.images)[0]

    def where(self) -> tuple[int | Tensor, int | Tensor, int | Tensor]:
        """Return where the rows lie in the minibatch of all replicas: (first row, rows, rows of all)."""
        first, total = self.place or replica_shares.place(self.rows)
        return first, self.rows, total

    def share(self) -> float | Tensor:
        """Return which share of the minibatch of all replicas this is, a number or a scalar."""
        _, rows, total = self.where()
        return rows / total if isinstance(total, int) else ops.cast(rows, "float32") / ops.cast(total, "float32")

    def parts(self, count: int) -> list["Batch"]:
        """Divide the rows into parts, for which gradients are accumulated.

        Raises:
            ValueError: if there are fewer rows than parts.
        """
        if count == 1:
            return [self]
        first, rows, total = self.where()
        if isinstance(rows, int) and rows < count:
            raise ValueError(
                f"gradient_accumulation_steps: expected at most the rows of a minibatch, {rows}; got {count}"
            )
        cuts = [k * rows // count for k in range(count + 1)]
        return [
            self._replace(
                images=self.images[start:end],
                labels=None if self.labels is None else self.labels[start:end],
                place=(first + start, total),
                whole=False,
            )
            for start, end in zip(cuts, cuts[1:])
        ]

    def after(self, tensors: Sequence[Tensor]) -> "Batch":
        """Return the batch, to be used once the tensors are there: the memory of one part is then free for the next."""
        with tf.control_dependencies(tensors):
            return self._replace(images=tf.identity(self.images))
