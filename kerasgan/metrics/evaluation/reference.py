"""Real images that generated ones are compared with, and what a network saw in them."""

import dataclasses
import functools
import hashlib
import pathlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerasgan import data
from kerasgan.data.source import Source
from kerasgan.metrics.evaluation import extraction
from kerasgan.metrics.evaluation.extraction import Extracted, Needs
from kerasgan.metrics.evaluation.moments_file import Statistics
from kerasgan.metrics.features.network import FeatureNetwork, check_range
from kerasgan.utils import classes, validation, workers
from kerasgan.utils.annotations import Path
from kerasgan.utils.progress import Bar

_BATCH = 100


@dataclasses.dataclass(frozen=True)
class Reference:
    """Real images and the network that judges them. Make it with `of_arrays` or `of_source`.

    The images are read when they are first needed. Moments are kept on disk, by the fingerprints of the images and of
    the network's weights: they are then computed once, while the images are still read for the fingerprint.

    Args:
        batches: function that returns an iterable of pairs of images uint8 [B, H, W, C] and labels [B] or `None`, each
            time all of them in the same order.
        count: how many images.
        image_shape: (H, W, C).
        name: what they are, such as "fashion_mnist train".
        network: `FeatureNetwork`.
        cache: folder of kept moments; `None` for none.
        verbose: whether to print lines of progress.
        class_names: the classes' names in the order of the labels; `None` without labels, or where they are not known.

    Example:
        >>> network = kerasgan.metrics.features.load("garments")
        >>> source = kerasgan.data.folder("pictures", channels=1)
        >>> reference = kerasgan.metrics.Reference.of_source(source, network, image_size=32)
        >>> reference.count, reference.image_shape
        (80, (32, 32, 1))
    """

    of: ClassVar[tuple[str, ...]] = ("images",)

    batches: Callable
    count: int
    image_shape: tuple[int, int, int]
    name: str
    network: FeatureNetwork
    cache: pathlib.Path | None = None
    verbose: bool = False
    class_names: tuple[str, ...] | None = None

    def __post_init__(self):
        self.network.check(self.image_shape)
        if self.count < 2:
            raise ValueError(f"reference: expected at least 2 images; {self.name} has {self.count}")

    @classmethod
    def of_arrays(
        cls,
        images: np.ndarray,
        network: FeatureNetwork,
        labels: npt.ArrayLike | None = None,
        name: str = "arrays",
        cache: Path | None = None,
        verbose: bool = False,
        class_names: Sequence[str] | None = None,
    ) -> Self:
        """Return the reference of images in memory.

        Args:
            images: uint8 [N, H, W, C].
            network: `FeatureNetwork`.
            labels: integers [N] of at least 0, or `None`.
            name: what they are.
            cache: as for `Reference`.
            verbose: as for `Reference`.
            class_names: as for `Reference`, a list.

        Raises:
            ValueError: if they are no such images, fewer than two, or the network cannot judge them; or the labels are
                not N integers of at least 0, or one of them has no name.
        """
        images = extraction.checked_images(images)
        labels = None if labels is None else validation.labels("labels", labels, len(images))
        class_names = classes.checked(class_names)
        if class_names is not None and (labels is None or labels.max() >= len(class_names)):
            given = "no labels" if labels is None else f"labels up to {labels.max()}"
            raise ValueError(f"class_names: expected one for each label; got {len(class_names)}, and {given}")
        return cls(
            lambda: extraction.in_batches(images, labels, _BATCH),
            *(len(images), images.shape[1:], name, network),
            *(None if cache is None else pathlib.Path(cache), verbose, class_names),
        )

    @classmethod
    def of_source(
        cls,
        source: Source,
        network: FeatureNetwork,
        image_size: int,
        channels: int | None = None,
        center_crop: bool = True,
        name: str | None = None,
        cache: Path | None = None,
        verbose: bool = False,
    ) -> Self:
        """Return the reference of all images of a source with its classes, made the size of the generated ones.

        Args:
            source: `kerasgan.data.Source`.
            network: `FeatureNetwork`.
            image_size: as for `kerasgan.data.load`.
            channels: as for `kerasgan.data.load`.
            center_crop: as for `kerasgan.data.load`.
            name: what they are; the source's name by default.
            cache: as for `Reference`.
            verbose: as for `Reference`.

        Raises:
            ValueError: if a number is wrong, there are fewer than two images, or the network cannot judge them.
        """

        def batches():
            images = data.in_order(source, image_size, channels, _BATCH, center_crop)
            for some, labels in images.as_numpy_iterator():
                yield some, None if source.class_names is None or labels.min() < 0 else labels

        shape = (image_size, image_size, channels or source.channels)
        cache = None if cache is None else pathlib.Path(cache)
        return cls(batches, source.count, shape, name or source.name, network, cache, verbose, source.class_names)

    @property
    def data(self) -> str:
        """Fingerprint of the images, `kerasgan.data.fingerprints.of_arrays` of the array of all of them.

        Raises:
            ValueError: if they hold 0 and 1 alone.
        """
        return self._read[0]

    @property
    def class_counts(self) -> np.ndarray | None:
        """How many images each class has, int [classes], or `None` where not all images have a label."""
        return self._read[1]

    def labelled_batches(self) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Yield the batches, all without labels where some images have none."""
        labelled = self.class_counts is not None
        return ((images, labels if labelled else None) for images, labels in self.batches())

    def extracted(self, needs: Needs, seed: int = 0, strategy: tf.distribute.Strategy | None = None) -> Extracted:
        """Return what the network saw in the images: from memory, from disk where only moments are needed, or anew.

        Args:
            needs: what is needed beside the moments.
            seed: of the choice of features to keep.
            strategy: that the network was made in; its workers share the images.

        Raises:
            ValueError: as `kerasgan.metrics.evaluation.extraction.extract`.
        """
        strategy = strategy or tf.distribute.get_strategy()
        known = self._known.get("extracted")
        if known is not None and (needs | known[0]) == known[0] and (not needs.features or known[1] == seed):
            return known[2]
        data = self.data  # before they are judged: what is wrong with them is told at once
        moments = self._kept_moments() if needs == Needs() else None
        [lacking] = workers.total(strategy, [float(moments is None)])  # each may have a cache of its own
        if lacking:
            what = f"{self.name}, {self.network.name}" if self.verbose else ""
            batches = extraction.of_rows(self.labelled_batches(), workers.share(strategy, self.count))
            result = extraction.extract(batches, self.network, self.count, needs, seed, what, strategy)
            if self.cache is not None:
                Statistics(result.moments, self._identity, self.name, data).save(self._path)
        else:
            result = Extracted(moments)
        self._known["extracted"] = needs, seed, result
        return result

    @functools.cached_property
    def _known(self):
        return {}

    @functools.cached_property
    def _read(self):
        digest = hashlib.sha256(f"|u1{(self.count, *self.image_shape)}".encode())
        counts = np.zeros(0, int)
        bar = Bar(f"{self.name}, reading", self.count, unit="images") if self.verbose else None
        done, labelled, greatest = 0, True, 0
        for images, labels in self.batches():
            digest.update(np.ascontiguousarray(images).data)
            labelled = labelled and labels is not None
            if labelled:
                more = np.bincount(labels, minlength=len(counts))
                counts = more + np.pad(counts, (0, len(more) - len(counts)))
            done += len(images)
            greatest = max(greatest, int(images.max()))
            if bar:
                bar.show(done)
        check_range(greatest, self.name)
        return digest.hexdigest()[:16], counts if labelled else None

    @property
    def _identity(self):
        return f"{self.network.name} {self.network.digest}, images {self.network.preparation}"

    @property
    def _path(self):
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{self.network.name} {self.network.digest}")
        return self.cache / "statistics" / f"{name}-{self.data}.npz"

    def _kept_moments(self):
        if self.cache is None or not self._path.is_file():
            return None
        try:
            return Statistics.load(self._path, self._identity, self.data).moments
        except ValueError:  # damaged, or of images prepared otherwise: made again and replaced
            return None
