"""DiffAugment: the critic sees randomly transformed images, so that it cannot learn few images by heart."""

import keras
import tensorflow as tf
from keras import ops

from kerasgan.models.batch import Batch
from kerasgan.models.gan import GAN
from kerasgan.techniques.augmentation import Augmentation, each, of_colors
from kerasgan.utils import validation
from kerasgan.utils.annotations import Config


@keras.saving.register_keras_serializable(package="kerasgan")
class DiffAugment(Augmentation):
    """Change colours, shift and cut out, in this order, of every image that the critic sees, in both players' losses.

    Zhao et al. 2020, arXiv:2006.10738. The generator learns through the transformations, which are differentiable.
    All three suit some hundreds of images; the paper has translation and cutout, or translation alone, where there are
    more. Each image of a step has its own random numbers, u below, uniform in [0, 1):

    - colour: x + u - 0.5 (brightness); then (x - m) * 2u + m with m the mean of a pixel's colours (saturation, nothing
      with one channel); then (x - m) * (u + 0.5) + m with m the mean of the whole image (contrast). Alpha stays.
    - translation: by whole rows and columns, uniform in [-s, s] with s = int(size * translation + 0.5), height and
      width each; zeros come in, in alpha too.
    - cutout: zeros in a rectangle of int(size * cutout + 0.5) rows and columns, whose centre is anywhere in the image.

    Values may leave [-1, 1].

    Args:
        color: whether to change colours.
        translation: largest shift as a share of height and width, in [0, 1]; 0 for none.
        cutout: sides of the rectangle as shares of height and width, in [0, 1]; 0 for none. Projected GAN has 0.2.
        name: optional layer name.

    Raises:
        ValueError: if a share is not in [0, 1], or nothing is left to do; at the model's construction, if it does not
            make images.

    Example:
        >>> gan = kerasgan.SGAN(generator, critic, techniques=[kerasgan.techniques.DiffAugment(cutout=0.2)])
    """

    def __init__(self, color: bool = True, translation: float = 0.125, cutout: float = 0.5, name: str | None = None):
        super().__init__(name)
        self.color = validation.boolean("color", color)
        self.translation = validation.in_unit_interval("translation", translation)
        self.cutout = validation.in_unit_interval("cutout", cutout)
        if not (color or translation or cutout):
            raise ValueError("color, translation, cutout: expected at least one of them; all are off")

    def disturb(self, gan: GAN, batch: Batch, *purpose: str | int) -> Batch:
        """Return the batch with its images transformed."""
        images = ops.cast(batch.images, "float32")
        numbers = tf.unstack(gan.uniform(batch, (7,), "DiffAugment", *purpose), axis=1)
        if self.color:
            images = of_colors(images, lambda colors: recolored(colors, *numbers[:3]))
        if self.translation:
            images = translated(images, self.translation, *numbers[3:5])
        if self.cutout:
            images = cut_out(images, self.cutout, *numbers[5:])
        return batch._replace(images=images)

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        arguments = {"color": self.color, "translation": self.translation, "cutout": self.cutout}
        return {**super().get_config(), **arguments}


def recolored(colors, brightness, saturation, contrast):
    """Change brightness, saturation and contrast of colours [N, H, W, C] by uniform numbers [N] each."""
    colors = colors + (each(brightness) - 0.5)
    grey = ops.mean(colors, axis=-1, keepdims=True)
    colors = (colors - grey) * (2.0 * each(saturation)) + grey
    mean = ops.mean(colors, axis=(1, 2, 3), keepdims=True)
    return (colors - mean) * (each(contrast) + 0.5) + mean


def translated(images, share, *numbers):
    """Shift images [N, H, W, C] by up to `share` of their sides, by uniform numbers [N] for rows and for columns."""
    for axis, uniforms in zip((1, 2), numbers, strict=True):
        size = images.shape[axis]
        most = int(size * share + 0.5)
        shifts = tf.cast(tf.floor(uniforms * (2 * most + 1)), tf.int32) - most
        source = tf.range(size)[None] - shifts[:, None]
        inside = ops.cast((source >= 0) & (source < size), images.dtype)
        moved = tf.gather(images, tf.clip_by_value(source, 0, size - 1), axis=axis, batch_dims=1)
        images = moved * ops.reshape(inside, (-1, size, 1, 1) if axis == 1 else (-1, 1, size, 1))
    return images


def cut_out(images, share, *numbers):
    """Put zeros into a rectangle of images [N, H, W, C], `share` of their sides, its centre by uniform numbers [N]."""
    inside = []
    for size, uniforms in zip(images.shape[1:3], numbers, strict=True):
        side = int(size * share + 0.5)
        centres = tf.cast(tf.floor(uniforms * (size + 1 - side % 2)), tf.int32)
        places = tf.range(size)[None] - (centres - side // 2)[:, None]
        inside.append((places >= 0) & (places < side))
    rows, columns = inside
    hidden = rows[:, :, None] & columns[:, None, :]
    return images * ops.cast(~hidden, images.dtype)[..., None]
