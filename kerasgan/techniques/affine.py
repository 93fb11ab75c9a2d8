"""Affine maps of the plane, one an image, and images resampled by them."""

import tensorflow as tf
from keras import ops


def scaling(x, y):
    """Return the matrices [N, 3, 3] that multiply columns by x and rows by y; each is a number or float32 [N]."""
    return _matrices([[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, 1.0]])


def turning(cosine, sine):
    """Return the matrices [N, 3, 3] of turns, from columns towards rows, with these cosines and sines [N]."""
    return _matrices([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def shifting(x, y):
    """Return the matrices [N, 3, 3] that move by x columns and y rows; each is a number or float32 [N]."""
    return _matrices([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def product(first, second):
    """Return the products of matrices [N, 3, 3], by sums: what TensorFlow knows as one it may compute in bfloat16."""
    return tf.reduce_sum(first[..., None] * second[:, None], axis=-2)


def resampled(images, inverse):
    """Move the pixels of images: bilinear between them, mirrored at the borders, whose pixels are not repeated.

    Shifts by whole pixels, flips and quarter turns are exact. The result is linear in the images, and has all
    derivatives.

    Args:
        images: float [N, H, W, C].
        inverse: float32 [N, 3, 3], each the map from (column, row, 1) of the result to those of the image, measured
            from the centre.

    Returns:
        Tensor like `images`.
    """
    height, width, channels = images.shape[1:]
    rows, columns = tf.meshgrid(_centred(height), _centred(width), indexing="ij")
    columns, rows = tf.reshape(columns, [-1]), tf.reshape(rows, [-1])
    from_columns, from_rows, more = tf.unstack(inverse[..., None], axis=2)
    sources = from_columns * columns + from_rows * rows + more
    left, right, across = _between(sources[:, 0], width)
    top, bottom, down = _between(sources[:, 1], height)
    across, down = (ops.cast(part, images.dtype)[..., None] for part in (across, down))
    pixels = tf.reshape(images, [-1, height * width, channels])

    def at(row, column):
        return tf.gather(pixels, row * width + column, axis=1, batch_dims=1)

    above = at(top, left) * (1.0 - across) + at(top, right) * across
    below = at(bottom, left) * (1.0 - across) + at(bottom, right) * across
    return tf.reshape(above * (1.0 - down) + below * down, [-1, height, width, channels])


def _centred(size):
    return tf.range(size, dtype=tf.float32) - (size - 1) / 2


def _between(places, size):
    """The pixels on both sides of places, which are measured from the centre, and how far these are from the first."""
    last = float(size - 1)
    turned = tf.math.floormod(places + last / 2, max(2.0 * last, 1.0))
    folded = tf.clip_by_value(last - tf.abs(turned - last), 0.0, last)
    first = tf.floor(folded)
    second = tf.minimum(first + 1.0, last)
    return tf.cast(first, tf.int32), tf.cast(second, tf.int32), folded - first


def _matrices(rows):
    count = next(tf.shape(value) for row in rows for value in row if tf.is_tensor(value))
    rows = [[tf.broadcast_to(value, count) for value in row] for row in rows]
    return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)
