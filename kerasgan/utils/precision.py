"""`precision`: the type of numbers in which training computes."""

import contextlib
import contextvars
import pathlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any, get_args

import keras
import tensorflow as tf
from tensorflow.python.eager import context

from kerasgan.utils import bfloat16_graphs
from kerasgan.utils.messages import quoted
from kerasgan.utils.tf_runtime import FeaturePrecision, Precision

_INSTRUCTIONS = ("amx_bf16", "avx512_bf16")  # of processors, as Linux calls them, the faster first
_CAPABILITY = (8, 0)  # of the first NVIDIA GPUs that have bfloat16

_rewriting: contextvars.ContextVar[bool] = contextvars.ContextVar("rewriting", default=False)
_layers_in: contextvars.ContextVar[str | None] = contextvars.ContextVar("layers_in", default=None)


def precision(name: Precision = "auto") -> contextlib.AbstractContextManager[str]:
    """Train in another precision than float32: build the networks, `compile` and `fit` inside the block.

    Weights, losses, optimizers and moving averages stay float32 in all of them.

    - "bfloat16" on a processor: `fit` computes convolutions and products of matrices in bfloat16, which add up in
      float32, and everything else, gradients of biases and spectral norms too, in float32. The networks are those of
      float32: what is saved, sampled and measured is not changed. It is TensorFlow's graph rewriting, with lists of
      kerasgan's own.
    - "bfloat16" on a GPU or TPU, and "float16": Keras's policy "mixed_bfloat16" or "mixed_float16" for the layers made
      inside the block.
    - "auto": "bfloat16" where the device is made for it, else "float32".

    A call without `with` changes nothing, and warns of it.

    Args:
        name: "auto", "float32", "bfloat16" or "float16".

    Returns:
        Context manager that gives what is taken: "float32", "bfloat16" or "float16".

    Raises:
        ValueError: if there is no such precision; by `fit`, if bfloat16 on a processor meets `jit_compile` or
            `run_eagerly`, whose steps TensorFlow does not rewrite.

    Example:
        >>> with kerasgan.precision("auto") as taken:
        ...     gan = kerasgan.SGAN(kerasgan.networks.dcgan.generator(), kerasgan.networks.dcgan.critic())
        ...     gan.compile()
        ...     gan.fit(images)
    """
    chosen(name)  # raises
    return _Block(name)


class _Block(contextlib.ContextDecorator, contextlib.AbstractContextManager[str]):
    """A block in a precision; it warns where nothing was done with it."""

    def __init__(self, name):
        self._name = name
        self._used = False

    def __enter__(self):
        self._used = True
        self._inside = _computing_in(self._name)
        return self._inside.__enter__()

    def __exit__(self, *error):
        return self._inside.__exit__(*error)

    def __call__(self, function):
        """Decorate a function, which is then such a block."""
        self._used = True
        return super().__call__(function)

    def _recreate_cm(self):
        return _Block(self._name)

    def __del__(self):
        if not self._used:
            warnings.warn(
                f"precision: expected `with kerasgan.precision('{self._name}'):` around networks, compile and fit; a "
                "call alone changes nothing",
                stacklevel=2,
            )


@contextlib.contextmanager
def _computing_in(name: Precision) -> Iterator[str]:
    """The block, see `precision`."""
    taken = chosen(name)
    on_processor = not _accelerators()
    if taken == "bfloat16" and on_processor and not _processor_has_bfloat16():
        warnings.warn(
            'precision: this processor has no instructions for bfloat16, so "bfloat16" is not faster; "auto" takes '
            "what is",
            stacklevel=4,
        )
    rewrites = taken == "bfloat16" and on_processor
    before = keras.mixed_precision.dtype_policy()
    token = _rewriting.set(rewrites)
    layers = _layers_in.set("float32" if rewrites else taken)
    if taken != "float32" and not rewrites:
        keras.mixed_precision.set_global_policy(f"mixed_{taken}")
    try:
        yield taken
    finally:
        _rewriting.reset(token)
        _layers_in.reset(layers)
        keras.mixed_precision.set_global_policy(before)


def chosen(name: Precision) -> str:
    """Return the precision that a name means on this machine: of "auto" the one that it takes.

    Raises:
        ValueError: if there is no such precision.
    """
    if name not in get_args(Precision):
        raise ValueError(f"precision: expected one of {', '.join(get_args(Precision))}; got {quoted(name)}")
    if name != "auto":
        return name
    accelerators = _accelerators()
    has_bfloat16 = all(map(_device_has_bfloat16, accelerators)) if accelerators else _processor_has_bfloat16()
    return "bfloat16" if has_bfloat16 else "float32"


def check_features(name: FeaturePrecision) -> None:
    """Raise `ValueError` unless feature networks can compute in a precision on this machine.

    What was not rewritten would be float32 under another name.
    """
    if name not in get_args(FeaturePrecision):
        raise ValueError(f"precision: expected one of {', '.join(get_args(FeaturePrecision))}; got {quoted(name)}")
    if name == "bfloat16" and (_accelerators() or not _processor_has_bfloat16()):
        raise ValueError(
            'precision: expected "float32", as features are bfloat16 on processors with amx_bf16 or avx512_bf16 alone; '
            'got "bfloat16"'
        )


def is_rewriting() -> bool:
    """Return whether training steps are to be rewritten, as in a block of `precision("bfloat16")` on a processor."""
    return _rewriting.get()


def product_type() -> str:
    """Return the type in which a penalty multiplies matrices: float64 on a processor, where no graph is rewritten.

    Of float32 the products may be taken in bfloat16. Whether they will be is not asked: each replica's step is built in
    a thread of its own, which does not know of the block of `precision`.
    """
    return "float32" if _accelerators() else "float64"


def layers_in() -> str | None:
    """Return the type in which layers made in the block of `precision` compute; `None` outside of one."""
    return _layers_in.get()


def rewritten(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls one which calls a `tf.function`, and has TensorFlow rewrite that for bfloat16."""
    here = context.context()
    config = here.config
    bfloat16_graphs.rewrite(config)
    options = context.FunctionCallOptions(config_proto=config)

    def call(*args):
        before = here.function_call_options  # of this thread
        here.function_call_options = options
        try:
            return function(*args)
        finally:
            here.function_call_options = before

    return call


def _accelerators():
    return tf.config.get_visible_devices("GPU") + tf.config.get_visible_devices("TPU")


def _device_has_bfloat16(device):
    if device.device_type == "TPU":
        return True
    return tf.config.experimental.get_device_details(device).get("compute_capability", (0, 0)) >= _CAPABILITY


def _processor_has_bfloat16():
    facts = pathlib.Path("/proc/cpuinfo")
    return facts.exists() and not set(_INSTRUCTIONS).isdisjoint(facts.read_text().split())
