"""Critics that compare two images."""

from collections.abc import Callable, Sequence
from typing import Self

import keras
from keras import layers, ops

from kerasgan.utils.annotations import Config
from kerasgan.utils.tensors import Tensor, wide


@keras.saving.register_keras_serializable(package="kerasgan")
class PairwiseCritic(keras.Model):
    """The critic T(a, b) = D(E(a) - E(b)) of the T-GANs (Su 2018, arXiv:1810.10948).

    Maps two batches of images [N, ...] to logits [N, 1]. With E any network to one number and D the identity
    (`head=None`), T(a, b) = E(a) - E(b), with which T-SGAN is RSGAN.

    Args:
        encoder: `keras.Model` E from images [N, ...] to features [N, F].
        head: `keras.Model` D from features [N, F] to logits [N, 1]; `None` for the identity, where F is 1.
        name: optional model name.

    Raises:
        ValueError: if the encoder gives no features [N, F], or the head does not map them to logits [N, 1].
    """

    def __init__(self, encoder: keras.Model, head: keras.Model | None = None, name: str | None = None):
        features = tuple(encoder.output_shape[1:])
        if len(features) != 1:
            raise ValueError(f"encoder: expected features [N, F]; it gives {features} an image")
        if head is not None and tuple(head.input_shape[1:]) != features:
            raise ValueError(f"head: expected to take features {features}; it takes {tuple(head.input_shape[1:])}")
        given = features if head is None else tuple(head.output_shape[1:])
        if given != (1,):
            raise ValueError(f"head: expected one logit, shape (1,); got {given}")
        first = keras.Input(encoder.input_shape[1:], name="first")
        second = keras.Input(encoder.input_shape[1:], name="second")
        difference = layers.Subtract()([encoder(first), encoder(second)])
        super().__init__([first, second], difference if head is None else head(difference), name=name)
        self.encoder = encoder
        self.head = head

    def both_orders(
        self,
        first: Tensor,
        second: Tensor,
        training: bool | None = None,
        shuffled: Callable[[Tensor], Sequence[Tensor]] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return T(first, second) and T(second, first), logits [N, 1] each, for one pass of the encoder an image.

        Args:
            first: images [N, ...].
            second: images [N, ...].
            training: as of a layer.
            shuffled: function from features [N, F] of `second` to a list of K further orders of them, each [N, F],
                which `first` is compared with too; the logits are then [(1 + K) * N, 1].
        """
        ahead, behind = (wide(self.encoder(images, training=training)) for images in (first, second))
        orders = [behind] if shuffled is None else [behind, *shuffled(behind)]
        difference = ops.concatenate([ahead - order for order in orders])
        if self.head is None:
            return difference, -difference
        ahead, behind = (wide(self.head(one, training=training)) for one in (difference, -difference))
        return ahead, behind

    def get_config(self) -> Config:
        """Return the constructor's arguments, networks serialized."""
        serialize = keras.saving.serialize_keras_object
        head = None if self.head is None else serialize(self.head)
        return {"encoder": serialize(self.encoder), "head": head, "name": self.name}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Make a critic of a `get_config`."""
        deserialize = keras.saving.deserialize_keras_object
        head = None if config["head"] is None else deserialize(config["head"])
        return cls(deserialize(config["encoder"]), head, config["name"])
