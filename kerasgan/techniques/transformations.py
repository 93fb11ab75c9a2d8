"""The invertible transformations of Karras et al. 2020, arXiv:2006.06676, each done with a probability."""

import math

import tensorflow as tf
from keras import ops

from kerasgan import latents
from kerasgan.techniques import affine
from kerasgan.techniques.augmentation import each

_COSINES, _SINES = (1.0, 0.0, -1.0, 0.0), (0.0, 1.0, 0.0, -1.0)  # of quarter turns


class Numbers:
    """The random numbers of transformations, [N] each, given out one after the other.

    Args:
        uniforms: float64 [N, K], strictly between 0 and 1.
        p: float32 scalar, by which all probabilities are multiplied.
    """

    def __init__(self, uniforms, p):
        self._columns = iter(tf.unstack(uniforms, axis=1))
        self._p = tf.cast(p, tf.float64)
        self._ones = tf.ones(tf.shape(uniforms)[:1])

    def unit(self):
        """Return numbers uniform in (0, 1), float64."""
        return next(self._columns)

    def uniform(self):
        """Return numbers uniform in (-1, 1), float32."""
        return tf.cast(2.0 * self.unit() - 1.0, tf.float32)

    def normal(self):
        """Return standard normal numbers, float32."""
        return latents.normal(self.unit())

    def happens(self, chance):
        """Return bools, true with probability `chance` * p."""
        return self.unit() < chance * self._p

    def happens_in_one_of_two(self, chance):
        """Return bools of which, asked for twice, one or both are true with probability `chance` * p."""
        return self.unit() < 1.0 - tf.sqrt(1.0 - chance * self._p)

    def or_one(self, happens, values):
        """Return the values where something happens, else 1."""
        return tf.where(happens, values, self._ones)

    def or_zero(self, happens, values):
        """Return the values where something happens, else 0."""
        return tf.where(happens, values, 0.0 * self._ones)


def inverse_map(numbers, height, width, flips, turns, shifts, geometry):
    """Draw where the pixels of transformed images come from.

    Args:
        numbers: `Numbers`.
        height: rows of an image.
        width: columns of an image.
        flips: of the probability of the transformation of this name, as of the others, what p is multiplied by.
        turns: of quarter turns.
        shifts: of shifts by whole pixels.
        geometry: of each of scales, turns by any angle, and shifts.

    Returns:
        float32 [N, 3, 3], maps for `kerasgan.techniques.affine.resampled`: the product of the inverses, in the order
        in which the transformations are done.
    """
    flipped = numbers.or_one(numbers.happens(flips / 2), -1.0)
    maps = affine.scaling(flipped, 1.0)

    least = 1 if height == width else 2  # quarters
    quarters = tf.floor(numbers.unit() * (4 // least)) * least
    quarters = tf.cast(tf.where(numbers.happens(turns), quarters, 0.0), tf.int32)
    turned = affine.turning(tf.gather(_COSINES, quarters), tf.gather(_SINES, quarters))
    maps = affine.product(maps, turned)

    happens = numbers.happens(shifts)
    right, down = (numbers.or_zero(happens, tf.round(numbers.uniform() * (size / 8))) for size in (width, height))
    maps = affine.product(maps, affine.shifting(-right, -down))

    scale = numbers.or_one(numbers.happens(geometry), tf.pow(2.0, 0.2 * numbers.normal()))
    maps = affine.product(maps, affine.scaling(1.0 / scale, 1.0 / scale))
    maps = affine.product(maps, _turn(numbers, geometry))
    scale = numbers.or_one(numbers.happens(geometry), tf.pow(2.0, 0.2 * numbers.normal()))
    maps = affine.product(maps, affine.scaling(1.0 / scale, scale))
    maps = affine.product(maps, _turn(numbers, geometry))

    happens = numbers.happens(geometry)
    right, down = (numbers.or_zero(happens, numbers.normal() * (size / 8)) for size in (width, height))
    return affine.product(maps, affine.shifting(-right, -down))


def _turn(numbers, chance):
    angle = numbers.or_zero(numbers.happens_in_one_of_two(chance), math.pi * numbers.uniform())
    return affine.turning(tf.cos(angle), tf.sin(angle))


def color_change(numbers, color):
    """Draw the arguments of `recolored`, each changed with probability `color` * p: a tuple of float32 [N]."""
    brightness = numbers.or_zero(numbers.happens(color), 0.2 * numbers.normal())
    contrast = numbers.or_one(numbers.happens(color), tf.pow(2.0, 0.5 * numbers.normal()))
    luma = numbers.or_one(numbers.happens(color / 2), -1.0)
    hue = numbers.or_zero(numbers.happens(color), math.pi * numbers.uniform())
    saturation = numbers.or_one(numbers.happens(color), tf.pow(2.0, numbers.normal()))
    return brightness, contrast, luma, hue, saturation


def recolored(colors, brightness, contrast, luma, hue, saturation):
    """Change colours [N, H, W, C], in the order of the arguments, each float32 [N].

    Args:
        colors: in [-1, 1], any number of channels.
        brightness: what is added.
        contrast: what all is multiplied by.
        luma: -1 to change the sign of a pixel's mean over channels, 1 to leave it.
        hue: angle by which three channels are turned about the grey axis.
        saturation: what a pixel's difference from its mean over channels is multiplied by.
    """
    grey = ops.mean(colors, axis=-1, keepdims=True)
    tint = colors - grey
    if colors.shape[-1] == 3:
        across = (ops.roll(tint, 1, axis=-1) - ops.roll(tint, -1, axis=-1)) / math.sqrt(3.0)  # at a right angle to it
        tint = ops.cos(each(hue)) * tint + ops.sin(each(hue)) * across
    return each(contrast) * (each(luma) * (grey + each(brightness)) + each(saturation) * tint)


def cut_out(images, happens, down, right):
    """Put zeros into half of the rows and columns of images [N, H, W, C], where it happens; the centre is in (0, 1)."""
    height, width = images.shape[1:3]
    rows, columns = (
        tf.abs((tf.range(size, dtype=tf.float64) + 0.5)[None] / size - centre[:, None]) < 0.25
        for size, centre in ((height, down), (width, right))
    )
    hidden = happens[:, None, None] & rows[:, :, None] & columns[:, None, :]
    return images * ops.cast(~hidden, images.dtype)[..., None]
