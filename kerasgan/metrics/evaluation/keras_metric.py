"""The Frechet distance as a Keras metric."""

import keras
import numpy as np
import tensorflow as tf

from kerasgan.metrics import frechet
from kerasgan.metrics.evaluation.extraction import Needs
from kerasgan.metrics.evaluation.moments import Moments
from kerasgan.metrics.evaluation.moments_file import Statistics, frechet_result
from kerasgan.metrics.evaluation.reference import Reference
from kerasgan.metrics.evaluation.result import Result, metric_name
from kerasgan.metrics.features.network import checked_images


class FrechetDistance(keras.metrics.Metric):
    """Frechet distance of images that come in batches, for loops of one's own.

        distance = FrechetDistance(reference)
        for seed in range(0, 10_000, 100):
            distance.update_state(gan.sample(100, seed=seed))
        print(distance.measured(seed=0))

    The features' moments are added up in float64, so memory does not grow with the number of images. It works in eager
    code, not in a graph: during `fit` use `kerasgan.callbacks.EvaluateGAN`, which generates the images too. It is
    called after the network, `fd[garments]` or `fid[inception-2015]`.

    Args:
        reference: `Reference`: real images, and the feature network.
    """

    def __init__(self, reference: Reference):
        super().__init__(name=metric_name("frechet", reference.network.name))
        self.reference = reference
        self.moments = Moments(reference.network.features)

    def update_state(self, images: np.ndarray) -> None:
        """Take in a batch of generated images.

        Args:
            images: uint8 [N, H, W, C], of the reference's shape.

        Raises:
            ValueError: if they are no such images.
            RuntimeError: in a graph.
        """
        if not tf.executing_eagerly():
            raise RuntimeError(f"{self.name} counts in eager code; got a graph, as of tf.function or a compiled fit")
        images = checked_images(images)
        if images.shape[1:] != tuple(self.reference.image_shape):
            wanted = tuple(self.reference.image_shape)
            raise ValueError(f"images: expected shape {wanted}, as the reference's are; got {images.shape[1:]}")
        self.moments.update(self.reference.network(images)["features"])

    def result(self) -> float:
        """Return the distance of the images so far, as Keras's metrics do; `measured` tells its protocol too.

        Raises:
            ValueError: if there are fewer than two.
        """
        return frechet.from_moments(self.moments, self._real())

    def measured(self, seed: int, name: str = "", weights: str = "", notes: tuple[str, ...] = ()) -> Result:
        """Return the distance with its protocol.

        Args:
            seed: of the generated images.
            name: what made them.
            weights: "moving average", "trained", or "" where nobody knows.
            notes: anything else that changes the number.

        Returns:
            `Result`; it warns where the samples are few.

        Raises:
            ValueError: if there are fewer than two images.
        """
        network = self.reference.network
        made = Statistics(self.moments, network.name, name, data="")
        real = Statistics(self._real(), network.name, self.reference.name, self.reference.data)
        notes = (*notes, *network.protocol(self.reference.image_shape))
        return frechet_result(made, real, seed, weights, notes, network.digest)

    def reset_state(self) -> None:
        """Forget the images."""
        self.moments = Moments(self.moments.dim)

    def _real(self):
        return self.reference.extracted(Needs()).moments
