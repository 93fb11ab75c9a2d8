"""What the techniques that augment images share: which numbers they take, and which channels are colours."""

from keras import ops

from kerasgan.models.gan import GAN
from kerasgan.techniques.technique import Technique


class Augmentation(Technique):
    """Base of techniques that show the critic randomly transformed images, real and generated ones alike.

    Each image has random numbers of its own, keyed by the step and the batch. Images of any height, width and number
    of channels are taken. Of four channels the last is alpha: it moves with the picture and keeps its value where
    colours change. Any other number of channels are all colours.
    """

    def attach(self, gan: GAN) -> None:
        """Check that the model makes images."""
        super().attach(gan)
        if len(gan.image_shape) != 3 or gan.vocabulary is not None:
            raise ValueError(
                f"techniques: {type(self).__name__} expected a model of images [H, W, C]; it makes {gan.image_shape}"
            )


def of_colors(images, change):
    """Return images whose colour channels a function has changed; alpha, the last of four, stays."""
    if images.shape[-1] != 4:
        return change(images)
    return ops.concatenate([change(images[..., :3]), images[..., 3:]], axis=-1)


def each(values):
    """Return one float32 number an image, [N], in a shape that goes with images, [N, 1, 1, 1]."""
    return ops.reshape(ops.cast(values, "float32"), (-1, 1, 1, 1))
