"""The study `objectives`: every recipe of a dataset trained for as many updates, and measured in the same way."""

import json
import pathlib
import statistics

import numpy as np

from kerasgan.metrics.evaluation import measures
from kerasgan.recipes import recipe, sections
from kerasgan.saving import registry
from kerasgan.studies import report
from kerasgan.training import dry_run, evaluation, run_folder, runner
from kerasgan.utils import atomic_files, validation
from kerasgan.visualization import figures, image_grid

_TIMED = 12  # steps on noise; the first builds the graph
_COLUMNS, _ROWS = 10, 4  # of images shown of each objective
_PANELS = 3  # side by side
_NUMBERS = 3  # of each, in the table


def run(
    recipes=None,
    steps=2000,
    n=50_000,
    metrics="fid,prdc",
    network="garments",
    timed=False,
    out="studies/objectives",
    seeds=(0,),
    precision=None,
):
    """Train recipes for the same number of generator updates, measure them, and write a table and a picture.

    `runs/NAME/SEED` in the output folder is the run of the recipe NAME with a seed: one that has a checkpoint at
    `steps` is not trained again, and one that stopped before goes on. `result.json` is written anew after each run, and
    what it holds already, measured in the same way, is not measured again: so seeds and recipes can be added later.

    Args:
        recipes: paths or names of recipes of images; by default those of the zoo that end in `_fashion_mnist`.
        steps: generator updates of each.
        n: images that are measured of each.
        metrics: names with commas, see `kerasgan.metrics.evaluation.measures.MEASURES`.
        network: name of the feature network.
        timed: whether to time steps of all recipes, one recipe after the other; wanted is an idle machine. Times that
            are there stay otherwise.
        out: output folder.
        seeds: of the trainings, in place of the recipes': of several the table has means and ranges.
        precision: of the trainings, as of `kerasgan train`, or `None` for the recipes'.

    Returns:
        `pathlib.Path` of `table.md`.

    Raises:
        ValueError: if an argument is wrong, the folder holds a result of other settings or a run of another recipe of
            the same name, or a run has gone beyond the steps and has no checkpoint there.
        RecipeError, OSError: as `kerasgan.training.runner.train`.
    """
    for name, value, least in (("steps", steps, 1), ("n", n, 2)):
        validation.integer(name, value, least)
    measures.chosen(metrics)
    if recipes is None:
        recipes = [name for name in recipe.names() if name.endswith("_fashion_mnist")]
    seeds = [validation.integer_within("seeds", seed, np.uint32) for seed in validation.several("seeds", seeds)]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds: expected some, each once; got {seeds}")
    changes = [] if precision is None else [f"train.precision={precision}"]
    plans = {path: recipe.load(path, changes) for path in validation.several("recipes", recipes)}
    for path, plan in plans.items():
        if not isinstance(plan.data, sections.ImageData):
            raise ValueError(f"recipes: expected recipes of images; {path} is of {plan.data.place}")
    if not plans:
        raise ValueError("recipes: expected some; got none")
    names = [plan.name for plan in plans.values()]
    if len(set(names)) < len(names):
        raise ValueError(f"recipes: expected each with a name of its own; got {', '.join(names)}")
    out = pathlib.Path(out)
    settings = {"steps": steps, "n": n, "metrics": metrics, "network": network}
    rows = (report.earlier(out, settings) or {"rows": {}})["rows"]
    for plan in plans.values():
        row = rows.get(plan.name)
        if row and ("trained" not in row or row["plan"] != json.loads(json.dumps(plan.plain()))):
            raise ValueError(
                f"out: {out} holds a result of another recipe {plan.name}, or of kerasgan 0.1; give another folder"
            )
    for path, plan in plans.items():
        row = rows.get(plan.name) or _row(plan, steps)
        for seed in seeds:
            if str(seed) in row["trained"]:
                continue
            print(f"{plan.name}, seed {seed}:", flush=True)
            checkpoint = _trained(path, steps, out / "runs", [*changes, f"train.seed={seed}"], seed)
            found = evaluation.evaluate([checkpoint], metrics=metrics, network=network, n=n)
            row["trained"][str(seed)] = {"checkpoint": str(checkpoint), "results": [one.to_dict() for one in found]}
            rows[plan.name] = row
            report.write_result(out, settings, {"rows": rows})
    for plan in plans.values() if timed else ():
        rows[plan.name]["seconds"] = _seconds(plan)
        report.write_result(out, settings, {"rows": rows})
    shown = {plan.name: _images(rows[plan.name]) for plan in plans.values()}
    report.save_figure(draw(rows, metrics, shown), out / "objectives.png")
    with atomic_files.written_whole(out / "table.md") as beside:
        beside.write_text(table(rows, metrics))
    return out / "table.md"


def table(rows, metrics):
    """Return Markdown: a row a recipe, the best by the first metric first, their protocol beneath."""
    ordered = _ordered(rows, metrics)
    names = [number["name"] for number in _first(ordered[0])[:_NUMBERS]]
    known = registry.load()
    heads = ["objective", "seeds", *names, "generator", "critic", "GFLOPs", "ms", "recipe", "preset"]
    lines = [heads, ["---", "---", *["---:"] * (len(names) + 4), "---", "---"]]
    for row in ordered:
        values = [_mean_and_range(row, place) for place in range(len(names))]
        sizes = [f"{row['generator']:,}", f"{row['critic']:,}"]
        costs = [f"{row['flops'] / 1e9:.1f}", "" if row["seconds"] is None else f"{1000 * row['seconds']:.0f}"]
        name = row["recipe"]
        of_recipe = f"[{name}](../zoo/recipes/{name}.yaml)" if name in recipe.names() else name
        lines.append(
            [
                row["label"],
                ", ".join(row["trained"]),
                *values,
                *sizes,
                *costs,
                of_recipe,
                _preset(name, known, names[0]),
            ]
        )
    protocol = _first(ordered[0])[0]["protocol"]
    said = (
        f"{ordered[0]['steps']:,} generator updates and {protocol['samples']:,} images of each, {protocol['weights']} "
        f"weights, {', '.join(protocol['notes'])}, sampled with seed {protocol['seed']}, against "
        f"{protocol['reference_samples']:,} of {protocol['reference']}; {protocol['features']} features of "
        f"{protocol['network']} (weights {protocol['network_weights']}). Of several "
        "seeds of the training: the mean, the least and the most. generator, critic: trainable parameters. GFLOPs, "
        "ms: of a generator update with its critic updates, as TensorFlow's profiler counts them and as the fastest of "
        "some on noise took."
    )
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + f"\n{said}\n"


def _preset(name, known, number):
    """A link to the preset of a recipe, which may have been trained for longer, and what its card says of a number."""
    if name not in known:
        return ""
    own = [f", {metric['value']:.3g}" for metric in known[name].metrics if metric["name"] == number]
    return f"[{known[name].steps:,} steps](../zoo/presets/{name}){''.join(own)}"


def draw(rows, metrics, shown):
    """Return a figure of images of each recipe, uint8 [N, H, W, C] by its name, the best first."""
    ordered = [row for row in _ordered(rows, metrics) if row["recipe"] in shown]
    height = -(-len(ordered) // _PANELS)
    figure = figures.new((4.4 * _PANELS, 2.05 * height))
    axes = figure.subplots(height, _PANELS, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, row in zip(axes.flat, ordered):
        axis.imshow(image_grid.tiles(shown[row["recipe"]], _COLUMNS), cmap="gray", vmin=0, vmax=255)
        axis.set_title(f"{row['label']}: {_first(row)[0]['name']} {_mean(row):.3g}", fontsize=10)
    return figure


def _ordered(rows, metrics):
    """The rows, the best by the first of the metrics first."""
    better = next(iter(measures.chosen(metrics).values())).better
    return sorted(rows.values(), key=lambda row: -better * _mean(row))


def _first(row):
    """The numbers of a row's first seed."""
    return next(iter(row["trained"].values()))["results"]


def _values(row, place):
    """One of the numbers, of each seed."""
    return [trained["results"][place]["value"] for trained in row["trained"].values()]


def _mean(row, place=0):
    return statistics.fmean(_values(row, place))


def _mean_and_range(row, place):
    """How the table has a number: `0.096`, or `0.096 (0.092 to 0.102)` of several seeds."""
    values = _values(row, place)
    spread = f" ({min(values):.3g} to {max(values):.3g})" if len(values) > 1 else ""
    return f"{_mean(row, place):.3g}{spread}"


def _trained(path, steps, folder, changes, seed):
    """The checkpoint of a recipe at a step, trained where there is none yet."""
    plan = runner.planned(path, steps, changes=changes)
    run = folder / plan.name / str(seed)
    checkpoint = run / "checkpoints" / f"step-{steps:08d}.keras"
    if checkpoint.is_file():
        runner.check_goes_on(run, plan)
    else:
        runner.train(path, steps=steps, run=run, changes=changes)
    return checkpoint


def _row(plan, steps):
    """What is known of a recipe before it is trained."""
    cost = dry_run.count(plan, runner.build(plan, plan.data.noise()))
    [(objective, _)] = plan.objective.items()
    mixture = " with DeLiGAN's mixture" if "GaussianMixture" in plan.latent else ""
    return {
        "recipe": plan.name,
        "plan": plan.plain(),
        "label": objective + mixture + (", class-conditional" if plan.data.labels else ""),
        "steps": steps,
        "generator": cost.generator,
        "critic": cost.critic,
        "flops": cost.flops,
        "seconds": None,
        "trained": {},  # by seed: the checkpoint and its results
    }


def _seconds(plan):
    """The time of a training step, the fastest of some on noise, so that all recipes are timed alike."""
    print(f"{plan.name}: {_TIMED} steps on noise", flush=True)
    return min(dry_run.take_steps(plan, runner.build(plan, plan.data.noise()), _TIMED)[1:])


def _images(row):
    gan = run_folder.load_model(next(iter(row["trained"].values()))["checkpoint"])
    return gan.sample(_COLUMNS * _ROWS, seed=0)
