"""Adaptive discriminator augmentation: invertible transformations, as probable as the critic's overfitting asks for."""

import math
from collections.abc import Sequence
from typing import Self

import keras
import tensorflow as tf
from keras import ops

from kerasgan.models.batch import Batch
from kerasgan.models.gan import GAN
from kerasgan.optimizers import schedules
from kerasgan.optimizers.schedules import Schedule
from kerasgan.techniques import affine
from kerasgan.techniques.augmentation import Augmentation, of_colors
from kerasgan.techniques.transformations import Numbers, color_change, cut_out, inverse_map, recolored
from kerasgan.utils import replica_shares, validation
from kerasgan.utils.annotations import Config
from kerasgan.utils.tensors import Tensor

_NUMBERS = 29  # uniform ones that an image takes
_EVERY = 4  # updates of the critic between two of the probability


@keras.saving.register_keras_serializable(package="kerasgan")
class AdaptiveAugmentation(Augmentation):
    """Transform every image that the critic sees, in both players' losses, each transformation with probability p.

    Karras et al. 2020, arXiv:2006.06676. As every image may stay as it is, and what is done can be undone, generated
    images do not learn the transformations while p is below about 0.8. In this order, with u uniform in [-1, 1] and n
    normal, drawn for each image and each transformation:

    - `flips`: left and right, half of the time.
    - `turns`: by 0 to 3 quarter turns; 0 or 2 of them where images are oblong.
    - `shifts`: by u / 8 of height and width, rounded to whole pixels.
    - `geometry`: scale by 2^(0.2 n); turn by u * 180 degrees; scale columns by 2^(0.2 n) and rows by its inverse; turn
      again (either turn with probability 1 - sqrt(1 - p)); shift by n / 8 of height and width.
    - `color`: brightness + 0.2 n; contrast * 2^(0.5 n) about 0; luma flipped, half of the time; hue turned by u * 180
      degrees; saturation * 2^n. One channel has no hue and no saturation, only three have a hue, alpha stays.
    - `cutout`: zeros in a rectangle of half of height and width, whose centre is anywhere in the image.

    Pixels come from between others bilinearly, and beyond the borders the picture is mirrored. (The authors' code
    resamples with a wavelet filter at twice the size.) Values may leave [-1, 1].

    p moves every 4 updates of the critic: up where r_t, the mean sign of its logits of real images since the last move,
    is above `target`, else down, by 4 minibatches over `images`, within [0, 1]. It starts at 0 and is saved with the
    model. `augmentation_p` and, where p adapts, `r_t` are logged, as means since the epoch began.

    Args:
        probability: p, a number in [0, 1] or a `keras.optimizers.schedules.LearningRateSchedule` from the step to it,
            of which more than 1 counts as 1 and less than 0 as 0; `None` for one that adapts.
        target: what r_t is brought to, in (-1, 1).
        images: real images in which p can go from 0 to 1.
        flips: factor in [0, 1]: a flip has the probability p * flips. 0 turns flips off. The next ones work alike.
        turns: for quarter turns.
        shifts: for shifts by whole pixels.
        geometry: for each of scales, turns by any angle, and shifts.
        color: for each change of colours; 0.5 as in R3GAN.
        cutout: for cutout; 0.5 as in R3GAN.
        name: optional layer name.

    Raises:
        ValueError: if a number is none of the above, or nothing is left to do; at the model's construction, if it does
            not make images, or p is to adapt and the critic's logits have no sign that tells real images: those of
            `SGAN`, `HingeGAN`, `BigGAN` and `ProjectedGAN` have.

    Example:
        >>> gan = kerasgan.SGAN(generator, critic, techniques=[kerasgan.techniques.AdaptiveAugmentation(flips=0.0)])
    """

    lasting_if_none = ("probability",)

    def __init__(
        self,
        probability: float | Schedule | None = None,
        target: float = 0.6,
        images: float = 500_000.0,
        flips: float = 1.0,
        turns: float = 1.0,
        shifts: float = 1.0,
        geometry: float = 1.0,
        color: float = 0.5,
        cutout: float = 0.5,
        name: str | None = None,
    ):
        super().__init__(name)
        adapts = probability is None
        self.probability = probability
        if probability is not None and not isinstance(probability, Schedule):
            validation.in_unit_interval("probability", probability)
        self.target = validation.number("target", target, lambda it: -1 < it < 1, "a number in (-1, 1)")
        self.images = validation.number("images", images, lambda it: 0 < it < math.inf, "a positive number")
        self.flips = validation.in_unit_interval("flips", flips)
        self.turns = validation.in_unit_interval("turns", turns)
        self.shifts = validation.in_unit_interval("shifts", shifts)
        self.geometry = validation.in_unit_interval("geometry", geometry)
        self.color = validation.in_unit_interval("color", color)
        self.cutout = validation.in_unit_interval("cutout", cutout)
        if not any((flips, turns, shifts, geometry, color, cutout)):
            raise ValueError("flips, turns, shifts, geometry, color, cutout: expected a positive one; all are 0")
        self.tracked = ("augmentation_p", "r_t") if adapts else ("augmentation_p",)

    def attach(self, gan: GAN) -> None:
        """Check that the technique fits the model, and make the probability that adapts."""
        super().attach(gan)
        if self.probability is not None:
            return
        if not gan.signed_critic:
            raise ValueError(
                f"probability: expected a number or a schedule, as the sign of {type(gan).__name__}'s logits does not "
                "tell real images from generated ones, and p cannot adapt to it; got None"
            )
        self._critics = {id(variable) for variable in gan.critic.trainable_variables}
        self.p = self._number("p")
        self._signs, self._seen = self._number("signs"), self._number("seen")
        self._rows, self._updates = self._number("rows"), self._number("updates")

    def disturb(self, gan: GAN, batch: Batch, *purpose: str | int) -> Batch:
        """Return the batch with its images transformed."""
        images, p = ops.cast(batch.images, "float32"), self._now(gan)
        gan.track(augmentation_p=p)
        numbers = Numbers(gan.uniform(batch, (_NUMBERS,), "AdaptiveAugmentation", *purpose), p)
        moves = self.flips, self.turns, self.shifts, self.geometry
        height, width = images.shape[1:3]
        inverse = inverse_map(numbers, height, width, *moves)
        change = color_change(numbers, self.color)
        if any(moves):
            images = affine.resampled(images, inverse)
        if self.color:
            images = of_colors(images, lambda colors: recolored(colors, *change))
        if self.cutout:
            images = cut_out(images, numbers.happens(self.cutout), numbers.unit(), numbers.unit())
        return batch._replace(images=images)

    def scored(self, gan: GAN, batch: Batch, logits: Tensor) -> None:
        """Count the signs of real images' logits."""
        if self.probability is not None or batch.purpose[:1] != ("real",):
            return
        signs = ops.mean(ops.sign(ops.cast(ops.stop_gradient(logits), "float32")), axis=-1)  # of an image's logits
        gan.track(r_t=ops.mean(signs))
        rows = ops.cast(ops.shape(signs)[0], "float32")
        self._rows.assign(ops.cast(batch.where()[2], "float32"))
        signs, seen = tf.unstack(replica_shares.summed(tf.stack([ops.sum(signs), rows])))
        self._signs.assign_add(signs)
        self._seen.assign_add(seen)

    def after_update(self, variables: Sequence[keras.Variable]) -> None:
        """Move the probability, after every fourth update of the critic."""
        if self.probability is not None or not any(id(v) in self._critics for v in variables):
            return
        self._updates.assign((self._updates + 1.0) % _EVERY)
        due = ops.equal(self._updates, 0.0)
        above = ops.sign(ops.divide_no_nan(self._signs, self._seen) - self.target)
        moved = ops.clip(self.p + above * self._rows * (_EVERY / self.images), 0.0, 1.0)
        self.p.assign(ops.where(due, moved, self.p))
        for sums in (self._signs, self._seen):
            sums.assign(ops.where(due, 0.0, sums))

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        names = ("target", "images", "flips", "turns", "shifts", "geometry", "color", "cutout")
        probability = schedules.serialized(self.probability)
        return {
            **super().get_config(),
            "probability": probability,
            **{name: getattr(self, name) for name in names},
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Make a technique of a `get_config`."""
        return cls(**{**config, "probability": schedules.deserialized(config["probability"])})

    def _number(self, name):
        return self.add_weight(shape=(), initializer="zeros", trainable=False, dtype="float32", name=name)

    def _now(self, gan):
        if self.probability is None:
            return self.p.value
        return ops.clip(schedules.at(self.probability, gan.step), 0.0, 1.0)
