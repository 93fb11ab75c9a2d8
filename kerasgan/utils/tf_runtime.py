"""Starting TensorFlow: what it writes to standard error, and the devices on which it computes."""

import contextlib
import enum
import os
import platform
import re
from typing import Any, Literal

from kerasgan.utils import backend, outside


class LogLevel(enum.StrEnum):
    """What TensorFlow writes to standard error."""

    QUIET = "quiet"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Strategy(enum.StrEnum):
    """How a command spreads its work."""

    AUTO = "auto"
    ONE = "one"
    MIRRORED = "mirrored"
    MULTI_WORKER = "multi_worker"


Precision = Literal["auto", "float32", "bfloat16", "float16"]  # see kerasgan.precision
FeaturePrecision = Literal["float32", "bfloat16"]  # see kerasgan.metrics.features.load

_NUMBERS = {LogLevel.QUIET: "3", LogLevel.ERROR: "2", LogLevel.WARNING: "1", LogLevel.INFO: "0"}
_DEVICE = re.compile(r"cpu|gpu(:[0-9]+)?", re.IGNORECASE)
_DEVICES = re.compile(r"[1-9][0-9]{0,3}|cpu:[0-9]+(,cpu:[0-9]+)*|gpu:[0-9]+(,gpu:[0-9]+)*", re.IGNORECASE)
_chosen: dict[str, Any] = {"level": LogLevel.QUIET, "device": None, "imports": ()}


def choose(level=LogLevel.QUIET, device=None, imports=()):
    """Say how `import_tensorflow` is to start it.

    Args:
        level: `LogLevel`; the environment's TF_CPP_MIN_LOG_LEVEL is overruled.
        device: "cpu", "gpu" or "gpu:1", on which alone it is to compute; `None` for all there are.
        imports: names of modules of users, see `outside.use`, that are imported right after TensorFlow.

    Raises:
        ValueError: if it is no such device.
    """
    if device is not None and not _DEVICE.fullmatch(device):
        raise ValueError(f"--device: expected cpu, gpu, or one of several as gpu:1; got {device[:50]!r}")
    _chosen.update(level=level, device=device, imports=imports)


def import_tensorflow(devices=None):
    """Import TensorFlow as `choose` says: without a line on standard error, unless more was asked for.

    Args:
        devices: those of this machine to compute on: a number, such as "2", of its GPUs, or names, such as
            "GPU:0,GPU:1"; "CPU:0,CPU:1" makes two devices of the processor. `None` for what `choose` says.

    Raises:
        ImportError: if Keras is set to compute with something else.
        ValueError: if there are no such devices, or `choose` named one too.
        ImportError: if a user's module cannot be imported.
    """
    if devices is not None and not _DEVICES.fullmatch(devices):
        raise ValueError(
            f"--devices: expected a number, or names such as GPU:0,GPU:1 or CPU:0,CPU:1; got {devices[:50]!r}"
        )
    if devices is not None and _chosen["device"] is not None:
        raise ValueError(f"--devices: expected without --device; got {devices} and {_chosen['device']}")
    backend.check()
    if platform.machine().lower() in ("x86_64", "amd64"):
        # without AVX-512 TensorFlow leaves oneDNN off by itself, and a step takes 1.5 to 1.8 times as long
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = _NUMBERS[_chosen["level"]]
    with quiet():
        import tensorflow  # noqa: F401
    if _chosen["device"] is not None:
        _use(_chosen["device"].lower())
    if devices is not None:
        _use_several(devices.upper())
    outside.use(_chosen["imports"])


def quiet():
    """Return a context in which nothing reaches standard error, unless `choose` asked for more."""
    return _silence() if _chosen["level"] is LogLevel.QUIET else contextlib.nullcontext()


@contextlib.contextmanager
def _silence():
    """Let nothing reach standard error, whatever language it is written in."""
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _use(device):
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    kind, _, number = device.partition(":")
    wanted = [] if kind == "cpu" else gpus[int(number) :][:1] if number else gpus
    if kind == "gpu" and not wanted:
        raise ValueError(
            f"--device: expected one of this machine's devices; got {device}, and TensorFlow finds {len(gpus)} GPUs"
        )
    tf.config.set_visible_devices(wanted, "GPU")


def _use_several(devices):
    import tensorflow as tf

    gpus, [cpu, *_] = tf.config.list_physical_devices("GPU"), tf.config.list_physical_devices("CPU")
    if devices.isdecimal():
        kind = "GPU" if gpus else "CPU"
        numbers = list(range(int(devices)))
    else:
        kind = devices[:3]
        numbers = [int(name.partition(":")[2]) for name in devices.split(",")]
    there = len(gpus) if kind == "GPU" else 1 if devices.isdecimal() else len(numbers)
    if len(set(numbers)) < len(numbers) or max(numbers) >= there:
        raise ValueError(
            f"--devices: expected each once, of this machine's {len(gpus)} GPUs, or CPU:0,CPU:1 and so on without a "
            f"gap; got {devices}"
        )
    tf.config.set_visible_devices([gpus[number] for number in numbers] if kind == "GPU" else [], "GPU")
    if kind == "CPU" and len(numbers) > 1:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * len(numbers))
