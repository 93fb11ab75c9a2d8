"""Feature matching: the generator matches the critic's mean features of real images."""

from collections.abc import Callable
from typing import Literal

import keras
import tensorflow as tf
from keras import layers, ops

from kerasgan.models.gan import GAN
from kerasgan.techniques.technique import Technique
from kerasgan.utils import validation
from kerasgan.utils.annotations import Config
from kerasgan.utils.messages import quoted
from kerasgan.utils.tensors import Tensor, wide


@keras.saving.register_keras_serializable(package="kerasgan")
class FeatureMatching(Technique):
    """Let the generator descend the distance between mean features, E f(x) and E f(G(z)), of the critic.

    Salimans et al. 2016, arXiv:1606.03498, section 3.1, in place of the objective's own loss of the generator. The
    means are over the global batch, and the distance is the mean over features of |difference| or of its square (the
    authors' code has the first for CIFAR-10 and SVHN, the second for MNIST).

    Args:
        order: 1 for absolute, 2 for squared differences.
        layer: name of the critic's layer whose output is f (of a pairwise critic, of its encoder's); by default f is
            what enters the critic's last dense layer, or what the encoder gives.
        weight: positive number by which the distance is multiplied.
        add: whether to add it to the objective's own loss instead of replacing that.
        name: optional layer name.

    Raises:
        ValueError: if `order` or `weight` is none of the above; at the model's construction, if its critic has no
            such layer.

    Example:
        >>> gan = kerasgan.SGAN(generator, critic, techniques=[kerasgan.techniques.FeatureMatching(order=2)])
    """

    lasting = ("layer",)

    def __init__(
        self,
        order: Literal[1, 2] = 1,
        layer: str | None = None,
        weight: float = 1.0,
        add: bool = False,
        name: str | None = None,
    ):
        super().__init__(name)
        if order not in (1, 2):
            raise ValueError(f"order: expected 1 or 2; got {quoted(order)}")
        validation.positive("weight", weight)
        self.order = order
        self.layer = layer
        self.weight = weight
        self.add = add

    @property
    def add(self) -> bool:
        """Whether the distance is added to the objective's own loss."""
        return not self.replaces_loss

    @add.setter
    def add(self, add: bool) -> None:
        self.replaces_loss = not add

    def attach(self, gan: GAN) -> None:
        """Find the features in the critic."""
        super().attach(gan)
        network = gan.critic.encoder if gan.pairwise_critic else gan.critic
        model = keras.Model(network.inputs, self._tensor(network, gan.pairwise_critic))
        if not _sees_images(model):
            raise ValueError(
                "layer: expected the name of a layer whose output depends on the image; the features by default, "
                "what enters the critic's last dense layer, depend on the label alone"
            )

        def features(batch):
            batch = gan.seen(batch)
            inputs = batch.images if batch.labels is None or len(network.inputs) == 1 else [batch.images, batch.labels]
            return wide(model(inputs, training=True))

        self._features = features  # a function, so that Keras does not save the critic's layers a second time

    def generator_loss(self, gan: GAN, loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """Return the function that computes the distance, with the objective's loss if `add`."""

        def matching(real, *rest):
            wanted = ops.stop_gradient(gan.global_mean(self._features(real), axis=0))
            made = gan.global_mean(self._features(gan.fake(real, "generator", *rest)), axis=0)
            difference = ops.abs(made - wanted)
            distance = self.weight * ops.mean(difference if self.order == 1 else ops.square(difference))
            return distance + loss(real, *rest) if self.add else distance

        return matching

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        arguments = {"order": self.order, "layer": self.layer, "weight": self.weight, "add": self.add}
        return {**super().get_config(), **arguments}

    def _tensor(self, network, is_encoder):
        names = [layer.name for layer in network.layers]
        if self.layer is not None:
            if self.layer not in names:
                raise ValueError(
                    f"layer: expected a layer of the critic, one of {', '.join(names)}; got {quoted(self.layer)}"
                )
            return network.get_layer(self.layer).output
        if is_encoder:
            return network.output
        for layer in reversed(network.layers):
            inner = layer.layer if isinstance(layer, keras.layers.Wrapper) else layer
            if isinstance(inner, layers.Dense):
                return layer.input
        raise ValueError(f"layer: expected a name, as the critic has no dense layer; its layers: {', '.join(names)}")


def _sees_images(model):
    """Whether the output of a network depends on its first input."""
    zeros = [tf.zeros((1, *given.shape[1:]), given.dtype) for given in model.inputs]
    with tf.GradientTape() as tape:
        tape.watch(zeros[0])
        made = model(zeros if len(zeros) > 1 else zeros[0], training=False)
    return tape.gradient(made, zeros[0]) is not None
