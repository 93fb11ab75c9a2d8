"""The end of a generator of text: which number is which character."""

import keras
from keras import ops

from kerasgan.data import text
from kerasgan.utils.annotations import Config, Shape
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class Characters(keras.layers.Layer):
    """Give back rows of probabilities, in float32, and keep the characters that they are of.

    A model saved, published or loaded again can so turn what it makes to text: `sampler.vocabulary`.

    Args:
        characters: string without repetition, as of `kerasgan.data.text.Vocabulary`.
        **kwargs: `name`, as of any layer.

    Raises:
        ValueError: if a character occurs twice, or there is none; when called, if the rows are of another length.
    """

    def __init__(self, characters: str, **kwargs):
        # whatever the policy of the networks: a half's probabilities do not add up to 1
        super().__init__(**{**kwargs, "dtype": "float32", "autocast": False})
        self.vocabulary = text.Vocabulary(characters)

    def build(self, input_shape: Shape) -> None:
        """Check the length of the rows."""
        if input_shape[-1] != len(self.vocabulary):
            raise ValueError(
                f"characters: expected rows of {len(self.vocabulary)} numbers, for as many characters with padding and "
                f"unknown; got shape {tuple(input_shape)}"
            )

    def call(self, inputs: Tensor) -> Tensor:
        """Return the probabilities, float32 [N, length, len(vocabulary)]."""
        return ops.cast(inputs, "float32")

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "characters": self.vocabulary.characters}
