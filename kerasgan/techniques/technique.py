"""`Technique`: what a plug-in may change in a training step."""

from collections.abc import Callable, Sequence

import keras
from keras import ops

from kerasgan.models.batch import Batch
from kerasgan.models.gan import GAN
from kerasgan.utils.annotations import Config
from kerasgan.utils.lasting import Lasting
from kerasgan.utils.tensors import Tensor


class Technique(Lasting, keras.layers.Layer):
    """Base of the plug-ins of `GAN(techniques=[...])`; a subclass overrides what it changes.

    A technique is a Keras layer, so that its configuration and its weights are saved with the model. One object
    belongs to one model. An argument that is set later counts from the next `fit` on; where `attach` has used it up, a
    subclass names it in `lasting`, and to set it raises `ValueError`.

    Args:
        name: optional layer name.

    Example:
        >>> class WeightDecay(kerasgan.techniques.Technique):
        ...     def penalty(self, variables):
        ...         return 1e-4 * sum(keras.ops.sum(keras.ops.square(variable)) for variable in variables)
        >>> gan = kerasgan.SGAN(generator, critic, techniques=[WeightDecay()])
    """

    classifies = False  # whether it asks the critic for class logits, a second output
    tracked: tuple[str, ...] = ()  # names of the values that it logs with `gan.track`
    replaces_loss = False  # whether its `generator_loss` replaces the objective's; what other techniques add stays

    def __init__(self, name: str | None = None):
        super().__init__(name=name)
        self.built = True
        self._attached = False

    def attach(self, gan: GAN) -> None:
        """Check that the technique fits the model, and make its weights; the model's constructor calls it once.

        Args:
            gan: `GAN` whose networks and prior are there.

        Raises:
            ValueError: if the technique belongs to another model.
        """
        if self._attached:
            raise ValueError(f"techniques: expected {self.name} for this model alone; it belongs to another")
        self._attached = True

    def begin(self, gan: GAN) -> None:
        """Begin where the weights are: `fit` calls it before the first step, as they may be others since `attach`.

        They may have come from a preset, or have been fitted to the data.
        """

    def prepared(self, gan: GAN, batch: Batch) -> Batch:
        """Return the real `Batch` to train on in place of one of the data: for the objective, and so for the critic."""
        return batch

    def disturb(self, gan: GAN, batch: Batch, *purpose: str | int) -> Batch:
        """Return the `Batch` that the critic is to see in place of a real or generated one, or one between them.

        `GAN.seen` calls it each time the critic looks, in the losses of both networks. What is random comes from
        `gan.uniform(batch, shape, NAME, *purpose)`, so that a batch looks the same each time.

        Args:
            gan: `GAN`.
            batch: `Batch`.
            *purpose: strings and integers, the batch's purpose, unique in the step.
        """
        return batch

    def scored(self, gan: GAN, batch: Batch, logits: Tensor) -> None:
        """Look at what the critic says of a batch, in the losses of both networks, but not in techniques' penalties.

        Args:
            gan: `GAN`.
            batch: `Batch`, as the critic sees it; its purpose begins with "real" or "fake".
            logits: what `GAN.score` returns of it.
        """

    def critic_loss(self, gan: GAN, loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """Return the function to use in place of the critic's `loss(real, fake, *rest)`, a scalar of two `Batch`es."""
        return loss

    def generator_loss(self, gan: GAN, loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """Return the function to use in place of the objective's `loss(real, *rest)` of the generator, a scalar."""
        return loss

    def penalty(self, variables: Sequence[keras.Variable]) -> Tensor | float:
        """Return what to add to the loss of the network with these trainable variables, a scalar."""
        return 0.0

    def after_update(self, variables: Sequence[keras.Variable]) -> None:
        """Act after an optimizer step of these trainable variables."""

    def weights_of(self, network: keras.layers.Layer) -> list[keras.Variable]:
        """Return the variables of a network that are trained, or would be in layers that are frozen now."""
        found = {id(v): v for layer in network._flatten_layers() for v in layer._trainable_variables}
        return list(found.values())

    def copy_of(self, variable: keras.Variable, name: str) -> keras.Variable:
        """Return a new weight of the technique, not trained, that starts as a copy of a variable."""
        value = ops.convert_to_numpy(variable)
        return self.add_weight(
            shape=variable.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(value, dtype),
            trainable=False,
            name=name,
        )

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {"name": self.name}
