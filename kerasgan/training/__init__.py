"""Training from a recipe: the run, its folder, what resumes it, and measuring what came out.

run = kerasgan.training.train("sgan_fashion_mnist", out="runs")
kerasgan.training.resume(run, steps=4000)
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasgan.training.runner import Interrupted, resume, train

__all__ = ["Interrupted", "resume", "train"]


def __getattr__(name: str) -> Any:  # on first use, as the modules beside it need less than the runner
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("kerasgan.training.runner"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
