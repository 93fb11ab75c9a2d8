"""What a recipe costs, without its data: what `kerasgan train --dry-run` says."""

import contextlib
import dataclasses
import logging
import math
import pathlib
import time

import keras
import numpy as np
import tensorflow as tf

from kerasgan import data
from kerasgan.metrics import features
from kerasgan.models import critic_loop
from kerasgan.recipes import recipe, sections
from kerasgan.training import runner, start_from
from kerasgan.utils import initial_values
from kerasgan.utils.precision import precision

_TIMED = 11  # steps, the first of which builds the graph

# their output is their input's memory
_VIEWS = frozenset({"Identity", "Reshape", "Squeeze", "ExpandDims", "StopGradient", "PreventGradient", "IdentityN"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cost:
    """What a training step of a recipe takes.

    Args:
        name: of the recipe.
        images: real images of a training step.
        generator: trainable parameters.
        critic: trainable parameters.
        flops: floating-point operations of a step, a multiplication and an addition counting as two.
        state: bytes of all variables: weights, moving average, optimizers.
        working: bytes of the intermediate results at the step's peak.
        steps: that the recipe takes in all.
        seconds: of each step that was taken on noise, the first of which builds the graph.
    """

    name: str
    images: int
    generator: int
    critic: int
    flops: int
    state: int
    working: int
    steps: int
    seconds: tuple[float, ...] = ()

    def __str__(self):
        lines = [
            f"{self.name}: nothing is written",
            f"trainable parameters: generator {self.generator:,}, critic {self.critic:,}",
            f"a step: {self.images:,} real images, {self.flops / 1e9:,.2f} GFLOPs (as TensorFlow's profiler counts the "
            "step's graph)",
            f"memory: {_gib(self.state + self.working)}: {_gib(self.state)} of variables (weights, moving average, "
            f"optimizers) and {_gib(self.working)} of intermediate results at the peak, if operations run in the "
            "order of the graph; libraries' workspaces come on top, and what runs side by side",
        ]
        if self.seconds:
            later = f", then {np.mean(self.seconds[1:]):.3f} s each" if len(self.seconds) > 1 else ""
            plural = "s" * (len(self.seconds) != 1)
            lines.append(f"{len(self.seconds)} step{plural} on noise: {self.seconds[0]:.1f} s for the first{later}")
        if len(self.seconds) > 1:
            whole = sum(self.seconds[1:]) / (len(self.seconds) - 1) * self.steps
            lines.append(
                f"the recipe's {self.steps:,} steps: about {duration(whole)} on this machine, if it does nothing else; "
                "grids and checkpoints come on top"
            )
        return "\n".join(lines)


def duration(seconds):
    """Return a time in words: "35 s", "12 min", "3 h 20 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def run(recipe_path, steps=None, images=None, changes=()):
    """Build a recipe's model, count what a step of it takes, and perhaps take some steps on noise.

    Args:
        recipe_path: YAML file.
        steps: steps to take; by default 11 of a recipe that fits itself to pictures (`fit`), and none of others.
        images: path as for `runner.train`, or `None`.
        changes: as for `runner.train`.

    Returns:
        `Cost`.

    Raises:
        RecipeError, ValueError, OSError: as `runner.train`, but that the dataset need not be there; a folder must,
            for its classes. Pictures that are there are counted.
    """
    if steps is None:
        steps = _TIMED if getattr(recipe.load(recipe_path, changes).data, "fit", False) else 0
    plan = runner.planned(recipe_path, images=images, changes=changes)
    with runner.of_data(plan, recipe_path, images, changes):
        source = plan.data.noise()
    values = contextlib.nullcontext() if steps else initial_values.skipped()
    with precision(plan.train.precision), values:
        gan = runner.build(plan, source)
        _check_count(plan.data, gan)
        _check_measuring(plan, gan)
        if plan.train.start_from is not None:
            start_from.take(gan, plan.train.start_from)
        cost = count(plan, gan)
        return dataclasses.replace(cost, seconds=take_steps(plan, gan, steps)) if steps else cost


def _check_count(section, gan):
    """Raise `ValueError` where pictures that are there are fewer than a step takes."""
    own = isinstance(section, sections.ImageData) and section.tfds is None
    if own and pathlib.Path(section.place).expanduser().exists():
        data.steps_per_epoch(section.open(), section.batch_size, gan.batches_per_step)


def _check_measuring(plan, gan):
    """Raise where the images could not be measured while they train: their feature network takes others."""
    if plan.train.evaluate_every is not None and isinstance(plan.data, sections.ImageData):
        features.load(plan.train.evaluate_features or plan.data.judge(gan.image_shape)).check(gan.image_shape)


def count(plan, gan):
    """Return the `Cost` of a step of a compiled `GAN`, whose batches are as the recipe says."""
    graph = _graph(plan, gan)
    optimizers = [gan.generator_optimizer, gan.critic_optimizer]
    variables = {id(v): v for part in (gan, *optimizers) for v in part.variables}
    return Cost(
        name=plan.name,
        images=plan.data.batch_size * gan.batches_per_step,
        generator=_size(gan.generator.trainable_variables),
        critic=_size(gan.critic.trainable_variables),
        flops=flops(graph),
        state=sum(math.prod(v.shape) * tf.as_dtype(v.dtype).size for v in variables.values()),
        working=peak_bytes(graph),
        steps=plan.train.steps,
    )


def take_steps(plan, gan, steps):
    """Train a compiled `GAN` on a batch of noise; returns the seconds of each step.

    Raises:
        FloatingPointError: if a loss is not finite.
    """
    images, labels = _specs(plan, gan)
    rng = np.random.default_rng(0)
    batch = rng.uniform(-1, 1, images.shape).astype(np.float32)
    if labels is not None:
        batch = (batch, rng.integers(0, gan.num_classes, labels.shape, dtype=np.int32))
    clock = _Clock(plan.name)
    gan.fit(tf.data.Dataset.from_tensors(batch).repeat(steps), verbose=0, callbacks=[clock])
    return tuple(clock.seconds)


class _Clock(keras.callbacks.Callback):
    """Takes the time of each step, and looks at the losses."""

    def __init__(self, name):
        super().__init__()
        self.seconds, self._name = [], name

    def on_train_batch_begin(self, batch, logs=None):
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        values = {name: float(value) for name, value in logs.items()}  # waits for the step's end
        self.seconds.append(time.perf_counter() - self._began)
        for name, value in values.items():
            if not math.isfinite(value):
                raise FloatingPointError(f"{self._name}: {name} is {value} after {len(self.seconds)} steps on noise")


def flops(graph):
    """Return the floating-point operations of a graph, as `tf.compat.v1.profiler` counts them.

    A multiplication and an addition count as two. What no result needs, such as the critic's gradient in the
    generator's update, TensorFlow does not compute, and it counts nothing.

    Args:
        graph: `tf.Graph` of a concrete function, whose shapes are known; what is of unknown size counts nothing.
    """
    profiler = tf.compat.v1.profiler
    builder = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation())
    with _without_warnings():  # that this profiler is of TensorFlow 1, whose successor counts nothing
        tree = profiler.profile(graph, cmd="scope", options=builder.with_empty_output().build())
    needed = {operation.name for operation in _needed(graph)}
    total, nodes = 0, [tree]
    while nodes:
        node = nodes.pop()
        total += node.float_ops if node.name in needed else 0
        nodes += node.children
    return total


def peak_bytes(graph):
    """Return the most bytes that the results of a graph's operations take at once.

    Each result lives from its operation to its last use, operations run one after the other in the order in which the
    graph was made, and views (reshaping) take nothing. Variables are not counted.

    Args:
        graph: as for `flops`.
    """
    operations = _needed(graph)
    owner, last = {}, {}
    for index, operation in enumerate(operations):
        for tensor in operation.inputs:
            last[owner[tensor.ref()]] = index
        for place, tensor in enumerate(operation.outputs):
            is_view = operation.type in _VIEWS and place < len(operation.inputs)
            owner[tensor.ref()] = owner[operation.inputs[place].ref()] if is_view else tensor.ref()
            last[owner[tensor.ref()]] = index
    ends = {}
    for reference, index in last.items():
        ends.setdefault(index, []).append(reference)
    live = most = 0
    for index, operation in enumerate(operations):
        live += sum(_bytes(tensor) for tensor in operation.outputs if owner[tensor.ref()] == tensor.ref())
        most = max(most, live)
        live -= sum(_bytes(reference.deref()) for reference in ends.get(index, ()))
    return most


@contextlib.contextmanager
def _without_warnings():
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _needed(graph):
    """The operations of a concrete function's graph that its results and assignments need, in the graph's order."""
    needed, left = set(), [tensor.op for tensor in graph.outputs] + list(graph.control_outputs)
    while left:
        operation = left.pop()
        if operation not in needed:
            needed.add(operation)
            left += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return [operation for operation in graph.get_operations() if operation in needed]


def _graph(plan, gan):
    images, labels = _specs(plan, gan)
    step = tf.function(gan.train_step, autograph=False)
    with critic_loop.unrolled():  # what is in a loop would count once, or not at all
        return step.get_concrete_function(images if labels is None else (images, labels)).graph


def _specs(plan, gan):
    rows = plan.data.batch_size * gan.batches_per_step
    labels = None if gan.num_classes is None else tf.TensorSpec((rows,), tf.int32)
    return tf.TensorSpec((rows, *gan.image_shape), tf.float32), labels


def _bytes(tensor):
    if tensor.dtype in (tf.resource, tf.variant, tf.string) or not tensor.shape.is_fully_defined():
        return 0
    return tensor.shape.num_elements() * tensor.dtype.size


def _size(variables):
    return sum(math.prod(variable.shape) for variable in variables)


def _gib(count):
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
