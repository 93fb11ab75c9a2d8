"""The model card of a published run, Markdown written from its metadata alone."""

import yaml

from kerasgan.zoo import manifest


def text(facts):
    """Return the card.

    Args:
        facts: the metadata of a preset, as `publish` makes them.
    """
    height, width, channels = facts["image_shape"]
    training, data, grid = facts["training"], facts["data"], facts["grid"]
    kind = f"{facts['num_classes']} classes" if facts["num_classes"] else "no classes"
    classes = f" Classes: {', '.join(data['classes'])}." if facts["num_classes"] else ""
    precision = "kernels stored in float16" if facts["weights"]["dtype"] == "float16" else "stored in float32"
    lines = [
        f"# {facts['name']}",
        "",
        f"![{grid['n']} images of {facts['name']}]({manifest.GRID})",
        "",
        f"*{grid['n']} images, seeds {grid['seed']} to {grid['seed'] + grid['n'] - 1}"
        + (", one class a column" if facts["num_classes"] else "")
        + ", no truncation.*",
        "",
        f"{facts['summary']} {height} x {width} images with {channels} channel{'s' * (channels > 1)}, {kind}.",
        "",
        "```python",
        "import kerasgan",
        "",
        f'gan = kerasgan.from_preset("{facts["name"]}")',
        "images = gan.sample(64, seed=7)  # uint8 " + str([64, height, width, channels]),
        "```",
        "",
        "## Data",
        "",
        f"{data['name']}, {data['images']:,} images. Licence: {data['licence']}.{classes}",
        "",
        "## Training",
        "",
        f"- command: `{training['command']}`",
        f"- objective: {facts['objective']}, {training['steps']:,} training steps of {training['batch_size']} images "
        "a minibatch",
        f"- time: {training['seconds'] / 60:.0f} minutes of the last `fit` on {', '.join(training['devices'])}; other "
        "work may have run beside it",
        f"- trainable parameters: generator {facts['trainable_parameters']['generator']:,}, critic "
        f"{facts['trainable_parameters']['critic']:,}",
        f"- weights: {facts['weights']['which']}, {precision}",
        f"- last logged means: {_losses(training['last'])}",
        f"- versions: {', '.join(f'{name} {version}' for name, version in facts['versions'].items())}",
        "",
        "## Numbers",
        "",
        *(_numbers(facts["metrics"]) or ["None was measured."]),
        "",
        f"`kerasgan zoo verify {facts['name']}` makes the grid anew, which may differ by "
        f"{facts['tolerance']['grid_levels']:g} of 255 levels on average, and measures these numbers anew, which may "
        f"differ by {100 * facts['tolerance']['metrics']:g} %.",
        "",
        "## Recipe",
        "",
        "```yaml",
        yaml.safe_dump(facts["recipe"], sort_keys=False).rstrip(),
        "```",
    ]
    return "\n".join(lines) + "\n"


def _losses(row):
    return ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in row.items())


def _numbers(results):
    """A line a result, with its protocol, command and caveats."""
    lines = []
    for found in results:
        protocol = found["protocol"]
        spread = "" if found["std"] is None else f" ± {found['std']:.4g}"
        against = f" against {protocol['reference_samples']:,} of {protocol['reference']}"
        how = [
            f"{protocol['samples']:,} samples{against if protocol['reference_samples'] else ''}",
            f"{protocol['features']} features",
            f"seed {protocol['seed']}",
            *protocol["notes"],
        ]
        lines.append(
            f"- **{found['name']} = {found['value']:.5g}{spread}** ({', '.join(how)}; `{protocol['command']}`)"
        )
        lines += [f"  - caution: {caveat}" for caveat in found["caveats"]]
    return lines
