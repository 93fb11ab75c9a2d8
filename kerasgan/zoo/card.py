"""The model card of a published run, Markdown written from its metadata alone."""

import dataclasses
from collections.abc import Callable

import yaml

from kerasgan.metrics.evaluation import result
from kerasgan.saving import manifest
from kerasgan.saving.metadata import TOLERANCE


@dataclasses.dataclass(frozen=True)
class _Kind:
    """The words for what a model makes: its plural, a function of the shape's numbers, code that samples."""

    plural: str
    described: Callable
    example: str

    def counted(self, count):
        """How many examples there are; without a count they are drawn as needed."""
        return f"{self.plural} drawn as needed" if count is None else f"{count:,} {self.plural}"


_TASK = "unconditional-image-generation"
_KINDS = {  # by the number of a shape's dimensions
    3: _Kind(
        "images",
        lambda height, width, channels: f"{height} x {width} images with {channels} channel{'s' * (channels > 1)}",
        "images = gan.sample(64, seed=7)  # uint8 [64, H, W, C]",
    ),
    2: _Kind(
        "lines",
        lambda length, symbols: f"Lines of {length} characters, each one of {symbols}",
        "lines = gan.vocabulary.decode(gan.sample(64, seed=7))  # strings",
    ),
    1: _Kind("points", lambda dim: f"Points of {dim} numbers", "points = gan.sample(64, seed=7)  # float32 [64, D]"),
}


def text(facts):
    """Return the card.

    Args:
        facts: the metadata of a preset, as `publish` makes them.
    """
    kind = _KINDS[len(facts["image_shape"])]
    source, state = facts["address"] or facts["name"], facts["training"]["state"]
    critic = facts["training"].get("critic", False)
    training, data, grid = facts["training"], facts["data"], facts["grid"]
    conditions = f"{facts['num_classes']} classes" if facts["num_classes"] else "no classes"
    classes = f" Classes: {', '.join(data['classes'])}." if facts["num_classes"] else ""
    precision = "stored in float32"
    if facts["weights"]["dtype"] == "float16":
        levels = facts["weights"]["levels"]
        precision = f"kernels stored in float16, which changes the picture by {levels:.2g} of 255 levels on average"
    lines = [
        *_header(facts),
        f"# {facts['name']}",
        "",
        f"![{grid['n']} {kind.plural} of {facts['name']}]({manifest.GRID})",
        "",
        f"*{grid['n']} {kind.plural}, seeds {grid['seed']} to {grid['seed'] + grid['n'] - 1}"
        + (", one class a column" if facts["num_classes"] == grid["columns"] else "")
        + ", no truncation.*",
        "",
        f"{facts['summary']} {kind.described(*facts['image_shape'])}, {conditions}.",
        "",
        "```python",
        "import kerasgan",
        "",
        f'gan = kerasgan.from_preset("{source}")',
        kind.example,
        *([f'gan = kerasgan.from_preset("{source}", training=True)  # critic and optimizers too: fit goes on'] * state),
        *(
            [f'gan = kerasgan.from_preset("{source}", training=True)  # its critic, new optimizers: fit goes on']
            * critic
        ),
        "```",
        "",
        *_pictures(facts.get("pictures", {}), kind),
        "## Data",
        "",
        f"{data['name']}, {kind.counted(data['images'])}. Licence: {data['licence']}.{classes}",
        "",
        "## Training",
        "",
        f"- command: `{training['command']}`",
        f"- objective: {facts['objective']}, {training['steps']:,} training steps of {training['batch_size']} "
        f"{kind.plural} a minibatch",
        *_against(facts.get("trained_against")),
        f"- time: {_time(training['seconds'])} on {', '.join(training['devices'])}; other work may have run beside it",
        f"- trainable parameters: generator {facts['trainable_parameters']['generator']:,}, critic "
        f"{facts['trainable_parameters']['critic']:,}",
        f"- weights: {facts['weights']['which']}, {precision}",
        f"- last logged means: {_losses(training['last']) or 'none'}",
        f"- versions: {', '.join(f'{name} {version}' for name, version in facts['versions'].items())}",
        "",
        "## Numbers",
        "",
        *_numbers(facts["metrics"]),
        "",
        f"`kerasgan zoo verify {facts['name']}{' --data PATH' * data.get('local', False)}` makes the grid anew, which "
        f"may differ by {TOLERANCE.grid_levels:g} of 255 levels on average, and measures these numbers anew, which may "
        f"differ by {100 * TOLERANCE.metrics:g} %, or where they are shares of the samples (precision and the like) by "
        f"{TOLERANCE.shares:g}.",
        "",
        "## Recipe",
        "",
        "```yaml",
        yaml.safe_dump(facts["recipe"], sort_keys=False).rstrip(),
        "```",
    ]
    return "\n".join(lines) + "\n"


def _header(facts):
    """The card's metadata as the Hugging Face Hub reads them, YAML between two lines of dashes."""
    dataset = {"name": facts["data"]["name"], "type": facts["data"]["name"]}
    numbers = [
        {"type": number["name"], "value": number["value"], "name": number["name"]} for number in facts["metrics"]
    ]
    values = {
        "library_name": "kerasgan",
        "pipeline_tag": _TASK,
        "tags": ["gan", "keras", facts["objective"].lower()],
    }
    if numbers:
        results = [{"task": {"type": _TASK}, "dataset": dataset, "metrics": numbers}]
        values["model-index"] = [{"name": facts["name"], "results": results}]
    return ["---", yaml.safe_dump(values, sort_keys=False).rstrip(), "---", ""]


def _pictures(told, kind):
    """The pictures beside the grid, each with what it shows."""
    lines = []
    if "walk" in told:
        walk = told["walk"]
        lines += [
            f"![A walk between seeds]({manifest.WALK})",
            "",
            f"*A walk in each column through three seeds, {walk['frames']} frames: `gan.interpolate`.*",
            "",
        ]
    if "truncation" in told:
        bounds = ", ".join(f"{bound:g}" for bound in told["truncation"]["bounds"])
        lines += [
            f"![The same seeds at smaller and smaller bounds]({manifest.TRUNCATION})",
            "",
            f"*The same seeds without truncation, and with |z| at most {bounds}: a row each.*",
            "",
        ]
    if "nearest" in told:
        near = told["nearest"]
        lines += [
            f"![Images, and under each the nearest training image]({manifest.NEAREST})",
            "",
            f"*{kind.plural.capitalize()}, and under each row the nearest of {near['reference_samples']:,} training "
            f"{kind.plural} by the features of {near['network']}. The median distance of {near['n']:,} generated "
            f"{kind.plural} is {near['median']:.3g}; that of as many training {kind.plural} to the nearest other one "
            f"is {near['between_real']:.3g}. Copies would be at 0.*",
            "",
        ]
    if "curve" in told:
        lines += [f"![The measures during the training]({manifest.CURVE})", ""]
    return lines


def _against(network):
    """What to say of the feature network that the critic looked through."""
    return [] if network is None else [f"- trained against the features of {network}, by which it cannot be judged"]


def _time(seconds):
    return f"{seconds / 3600:.1f} hours" if seconds >= 5400 else f"{seconds / 60:.0f} minutes"


def _losses(row):
    return ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in row.items())


def number(found):
    """Return a result's number as the card prints it."""
    return f"{found['value']:.5g}" + ("" if found["std"] is None else f" ± {found['std']:.4g}")


def _numbers(results):
    """A table of results, each with what its protocol has alone, and below it what all protocols share."""
    if not results:
        return ["None was measured."]
    protocols = [_protocol(row["protocol"]) for row in results]
    shared = [part for part in protocols[0] if all(part in other for other in protocols)]
    lines = ["| number | value | its own protocol |", "| --- | ---: | --- |"]
    for row, parts in zip(results, protocols):
        own = [part for part in parts if part not in shared]
        own += [f"**caution**: {caveat}" for caveat in row["caveats"]]
        lines.append(f"| {row['name']} | {number(row)} | {', '.join(own)} |")
    return [*lines, "", f"{', '.join(shared)}."]


def _protocol(protocol):
    """How a number was measured, in parts."""
    real = result.compared_with(protocol["reference"], protocol["reference_samples"])
    return [
        f"{protocol['samples']:,} samples{f' against {real}' if real else ''}",
        f"{protocol['features']} features",
        f"seed {protocol['seed']}",
        *protocol["notes"],
        f"`{protocol['command']}`",
    ]
