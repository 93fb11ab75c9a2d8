"""Whether what a runtime makes of an exported file are TensorFlow's images."""

import numpy as np
import tensorflow as tf

from kerasgan import seeds
from kerasgan.utils import keyed_random, validation

LEVELS = 1  # by which sums in another order may differ, of 255
LEVELS_OF_FLOAT16 = 4  # by which images of rounded weights may
LEVELS_OF_INT8 = 32  # by which those of int8 weights may: presets' differ by up to 25, a wrong file's by a hundred
_IMAGES, _MOST, _TOGETHER = 8, 32, 5


def allowed(float16=False, int8=False, levels=None):
    """The largest difference that is no error: what is given, or what goes with the weights.

    Raises:
        ValueError: if weights are to be both, or the number is not in [0, 255].
    """
    if float16 and int8:
        raise ValueError("int8: expected float16=False with it, as weights are one of them; got float16=True")
    if levels is None:
        return LEVELS_OF_INT8 if int8 else LEVELS_OF_FLOAT16 if float16 else LEVELS
    return validation.number("allowed_levels", levels, lambda it: 0 <= it <= 255, "a number in [0, 255], or None")


def levels(gan, told, run, name, allowed=LEVELS, batch=None):
    """Compare a file, as one who has nothing else uses it, with `gan.sample`.

    It draws the latents of the seeds 0, 1, 2, ... from what the file tells of its prior, 8 of them, and of a
    conditional model one for each class, of more than 32 classes 32 that are spread over them. They are computed in
    batches of several sizes, or of the file's own; TensorFlow computes on the CPU, as a GPU's convolutions may be
    coarser.

    Args:
        gan: the `kerasgan.Sampler` that was exported.
        told: the file's `facts`.
        run: function from a dict of inputs by their names to images.
        name: of the runtime, for messages.
        allowed: the largest difference that is no error, a number of levels.
        batch: rows of each call where the file has that many alone, `None` where N is free.

    Returns:
        The largest difference, a number of levels of 255.

    Raises:
        RuntimeError: if the runtime cannot compute the file, gives what are no such images, or the difference is
            above `allowed`.
    """
    together = batch or _TOGETHER
    numbers, inputs = _inputs(gan, told, batch or 1)
    with tf.device("CPU"):
        wanted = gan.sample(len(numbers), numbers, inputs.get("label"), inputs.get("truncation"))
    try:
        batches = [
            run({key: values[start : start + together] for key, values in inputs.items()})
            for start in range(0, len(numbers), together)
        ]
    except Exception as error:  # the runtimes' own classes
        raise RuntimeError(f"{name} does not compute what was written: {reason(error)}") from error
    made = np.concatenate(batches)
    if made.dtype != np.uint8 or made.shape != wanted.shape:
        raise RuntimeError(f"{name} makes {made.dtype} {made.shape} of what was written; TensorFlow {wanted.shape}")
    difference = int(np.abs(made.astype(int) - wanted).max())
    if difference > allowed:
        raise RuntimeError(
            f"{name} makes other images than TensorFlow: they differ by up to {difference} of 255 levels, where "
            f"{allowed} is allowed (allowed_levels raises it); nothing was written"
        )
    return difference


def reason(error):
    """The first line of another package's error, not too long."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]


def _inputs(gan, told, multiple=1):
    """Seeds, of a number that is a multiple of another, and the inputs by name."""
    classes = gan.num_classes
    count = _IMAGES if classes is None else min(max(_IMAGES, classes), _MOST)
    count = -(-count // multiple) * multiple
    numbers = np.arange(count)
    inputs, truncation = {}, None
    if classes is not None:
        spread = numbers % classes if classes <= count else np.linspace(0, classes - 1, count).round()
        inputs["label"] = spread.astype(np.int32)
    if gan.takes_truncation:
        inputs["truncation"] = truncation = np.where(numbers % 2, 0.5, 1.0).astype(np.float32)
    if told["prior"] is None:
        uniforms = keyed_random.uniform_rows(tf.constant(numbers), gan.latent.uniforms, ("sample", "latents"))
        bounds = tf.fill([count], np.float32(np.inf)) if truncation is None else truncation
        inputs["z"] = gan.sampling_latent(uniforms, truncation=bounds).numpy()
    else:
        inputs["z"] = seeds.draw(told["prior"], numbers, truncation)
    return numbers, inputs
