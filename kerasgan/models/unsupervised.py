"""Methods of `keras.Model` that mean nothing for a generator, with what to use in their place."""

from typing import NoReturn


class Unsupervised:
    """Refuses what needs targets to compare with; base of `Sampler`."""

    def fit(self, *args, **kwargs) -> NoReturn:
        """Raise `NotImplementedError`: a `GAN` has a critic to train with."""
        raise NotImplementedError(
            f"fit: a {type(self).__name__} is a generator alone; a GAN, such as kerasgan.from_preset(name, "
            "training=True), can train"
        )

    def train_on_batch(self, *args, **kwargs) -> NoReturn:
        """Raise `NotImplementedError`: `fit` takes a dataset of one batch."""
        raise NotImplementedError(
            "train_on_batch: a GAN trains with fit, which checks the data; one step is "
            "gan.fit(tf.data.Dataset.from_tensors(batch)), and in a loop of your own gan.train_step(batch)"
        )

    def test_on_batch(self, *args, **kwargs) -> NoReturn:
        """Raise `NotImplementedError`: `kerasgan.metrics` measures generators."""
        raise NotImplementedError(f"test_on_batch: {_MEASURE}")

    def evaluate(self, *args, **kwargs) -> NoReturn:
        """Raise `NotImplementedError`: `kerasgan.metrics` measures generators."""
        raise NotImplementedError(f"evaluate: {_MEASURE}")


_MEASURE = (
    "a generator has no targets to compare with; kerasgan.metrics.evaluate(gan, reference) measures its images, and "
    "kerasgan.callbacks.EvaluateGAN does while it trains"
)
