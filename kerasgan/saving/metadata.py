"""What a preset's `metadata.json` may say, checked before any of it is used: it may be a stranger's."""

from typing import Annotated, Any

import pydantic

from kerasgan.utils.messages import quoted, shortened

Finite = Annotated[float, pydantic.Field(allow_inf_nan=False)]
Least = Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]
Seed = Annotated[int, pydantic.Field(ge=0, lt=2**32)]


class _Part(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow", strict=True)


class Grid(_Part):
    """How the card's picture is made."""

    n: int = pydantic.Field(ge=1, le=10_000)
    seed: Seed
    truncation: Finite | None
    columns: int = pydantic.Field(ge=1, le=1_000)


class Tolerance(_Part):
    """By how much `verify` may differ: images in mean levels of 255, numbers relatively, shares of samples by this."""

    grid_levels: Least
    metrics: Least
    shares: Least = 0.0


# What `publish` states and `verify` allows, whatever a preset states: sums differ a little between machines.
TOLERANCE = Tolerance(grid_levels=1.0, metrics=0.05, shares=0.002)


class Protocol(_Part):
    """How a number was measured; see `kerasgan.metrics.evaluation.result.Protocol`."""

    network: str
    samples: int = pydantic.Field(ge=2, le=10_000_000)
    reference: str
    reference_samples: int = pydantic.Field(ge=0)
    features: int = pydantic.Field(ge=1)
    seed: Seed
    notes: list[str]
    command: str
    data: str = ""
    network_weights: str = ""
    weights: str = ""
    model: str = ""


class Number(_Part):
    """A number of the card; see `kerasgan.metrics.evaluation.result.Result`."""

    name: str
    value: Finite
    std: Finite | None
    caveats: list[str]
    protocol: Protocol


class Training(_Part):
    """How the model was trained."""

    command: str
    steps: int
    seconds: Finite


class Facts(_Part):
    """All of it; what was not published by `zoo publish` has fewer of the parts."""

    name: str = ""
    summary: str = ""
    training: Training | None = None
    metrics: list[Number] = []
    recipe: dict[str, Any] | None = None
    grid: Grid | None = None
    tolerance: Tolerance | None = None

    @pydantic.model_validator(mode="after")
    def _comparable(self):
        if self.grid is not None and self.tolerance is None:
            raise ValueError("a grid, which may be compared, needs a tolerance")
        if self.metrics and self.recipe is None:
            raise ValueError("metrics, which may be measured anew, need a recipe")
        return self


def problem(kind, value):
    """Return what is wrong with a part of the metadata, or `None`.

    Args:
        kind: `Facts`, or the class here that a part of them is of.
        value: as JSON has it.
    """
    try:
        kind.model_validate(value)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = shortened(".".join(map(str, first["loc"])))
        return f"{key}: {first['msg']}; got {quoted(first['input'])}" if key else first["msg"]
    return None
