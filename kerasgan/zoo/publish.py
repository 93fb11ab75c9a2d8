"""Making a preset of a training run, with its card and its place in the registry."""

import json
import math
import pathlib
import re

import keras

import kerasgan
from kerasgan import files, kinds, presets, recipe, runs, standing
from kerasgan.gan import GAN
from kerasgan.zoo import card, manifest, registry, weights_file

GRID_LEVELS = 1.0  # of 255, mean absolute difference: TensorFlow's sums differ a little between machines
METRICS = 0.05  # relative
_MOST_CLASSES = 16  # that a grid shows
_POINTS = 2500  # that a picture of points shows


def publish(
    run,
    zoo="zoo",
    name=None,
    licence="",
    summary="",
    evaluation=None,
    float16=False,
    training=False,
    source=None,
    overwrite=False,
):
    """Make a preset of a run's newest checkpoint: the moving average of its generator, card, grid, registry entry.

    Args:
        run: run folder.
        zoo: folder of `registry.json` and `presets/`.
        name: of the preset; the recipe's by default.
        licence: of the data that the model was trained on.
        summary: a sentence about the model; by default the objective, the networks and the data.
        evaluation: JSON file that `kerasgan evaluate --out` wrote, or `None`.
        float16: whether to store the generator's kernels in half the bytes; images then differ by less than one level
            of 255 on average.
        training: whether to store the whole GAN with its optimizers too, in float32.
        source: address where the files will lie, such as hf://user/repo; `None` for `presets/NAME` beside the registry.
        overwrite: whether a preset of that name may be replaced.

    Returns:
        `pathlib.Path` of the preset's folder.

    Raises:
        FileNotFoundError: if there is no such run or file.
        FileExistsError: if the preset exists and `overwrite` is false.
        ValueError: if a name, the licence or the evaluation are not as said, or the run is of no GAN.
        OSError: if the zoo cannot be written.
    """
    run, zoo = pathlib.Path(run), pathlib.Path(zoo)
    checkpoint = runs.newest_checkpoint(run)
    plan = recipe.load(run / "recipe.yaml")
    name = plan.name if name is None else name
    if not re.match(registry.NAME, name):
        raise ValueError(f"name: expected letters, digits, _, - and .; got {name!r}")
    if not licence.strip():
        raise ValueError(f"licence: expected the licence of the data, {plan.data.place}; got none")
    known = registry.load(zoo)
    if name in known and not overwrite:
        raise FileExistsError(f"{zoo / registry.FILE} has a preset {name}; choose another name, or say --overwrite")
    metrics = [] if evaluation is None else read_results(evaluation)
    gan = runs.load_model(checkpoint)
    if not isinstance(gan, GAN):
        raise ValueError(f"run: expected a GAN; {checkpoint} holds another model")
    sampler = standing.copied(gan)
    if float16:
        weights_file.round_to_float16(sampler.generator.variables + sampler.latent.variables)
    facts = _facts(run, plan, gan, name, licence, summary, metrics, float16)
    folder = presets.save(
        sampler,
        zoo / "presets" / name,
        facts,
        card.text(facts),
        overwrite,
        grid=picture(sampler, facts["grid"]),
        gan=gan if training else None,
        float16=float16,
    )
    known[name] = _entry(folder, facts, source)
    with files.written_whole(zoo / registry.FILE) as beside:
        beside.write_text(registry.text(known))
    return folder


def picture(sampler, grid):
    """Return the picture that a preset's `grid` says: of images a grid, of text lines, of points their places."""
    samples = sampler.sample(grid["n"], seed=grid["seed"], truncation=grid["truncation"])
    return kinds.of_model(sampler).picture(sampler, samples, grid["columns"])


def read_results(path):
    """Read what `kerasgan evaluate --out` wrote.

    Returns:
        list of dicts, see `kerasgan.metrics.result.Result.to_dict`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is none of results.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such evaluation: {path}")
    expected = f"{path}: expected what `kerasgan evaluate --out` writes, a name, a value and a protocol each"
    try:
        results = json.loads(path.read_text())["results"]
        good = all(
            isinstance(found["name"], str)
            and math.isfinite(found["value"])
            and {"std", "caveats"} <= set(found)
            and {"network", "samples", "reference", "reference_samples", "features", "seed", "notes", "command"}
            <= set(found["protocol"])
            for found in results
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{expected} ({error!r})") from None
    if not good or not results:
        raise ValueError(expected)
    return results


def _facts(run, plan, gan, name, licence, summary, metrics, float16):
    about = json.loads((run / "run.json").read_text())
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    logged = {key: last[key] for key in last if key not in ("step", "seconds", "images_per_second")}
    [(objective, _)] = plan.objective.items()
    [(network, _)] = plan.generator.items()
    columns = gan.num_classes if gan.num_classes and gan.num_classes <= _MOST_CLASSES else 8
    shape = list(gan.image_shape)
    command = about["command"]
    return {
        "name": name,
        "summary": summary or f"{objective} with {network} on {about['data']['name']}.",
        "objective": objective,
        "image_shape": shape,
        "num_classes": gan.num_classes,
        "latent": {"prior": type(gan.latent).__name__, "dim": gan.latent.dim},
        "trainable_parameters": {
            part: sum(math.prod(variable.shape) for variable in getattr(gan, part).trainable_variables)
            for part in ("generator", "critic")
        },
        "weights": {
            "which": "trained" if gan.ema_generator is None else "moving average",
            "dtype": "float16" if float16 else "float32",
        },
        "data": {**about["data"], "licence": licence},
        "training": {
            "command": " ".join([_program(command[0]), *command[1:]]),
            "steps": int(gan.step.numpy()),
            "batch_size": plan.data.batch_size,
            "seconds": last["seconds"],
            "devices": about["devices"],
            "last": logged,
        },
        "versions": {**about["versions"], "published with kerasgan": kerasgan.__version__, "keras": keras.__version__},
        "grid": {"n": _POINTS if len(shape) == 1 else 8 * columns, "seed": 0, "truncation": None, "columns": columns},
        "tolerance": {"grid_levels": GRID_LEVELS, "metrics": METRICS},
        "metrics": metrics,
        "recipe": plan.plain(),
    }


def _program(path):
    """The command's name, without its folder: `python -m kerasgan` is `kerasgan`."""
    path = pathlib.Path(path)
    return path.parent.name if path.name == "__main__.py" else path.name


def _entry(folder, facts, source):
    names = [path for path in folder.iterdir() if path.name in manifest.NAMES]
    table = {path.name: {"size": path.stat().st_size, "sha256": manifest.sha256(path)} for path in sorted(names)}
    metrics = [
        {"name": found["name"], "value": found["value"], "samples": found["protocol"]["samples"]}
        for found in facts["metrics"]
    ]
    return registry.Entry.model_validate(
        {
            "summary": facts["summary"],
            "data": {"name": facts["data"]["name"], "licence": facts["data"]["licence"]},
            "image_shape": facts["image_shape"],
            "num_classes": facts["num_classes"],
            "parameters": facts["trainable_parameters"]["generator"],
            "objective": facts["objective"],
            "steps": facts["training"]["steps"],
            "recipe": facts["recipe"]["name"],
            "metrics": metrics,
            "files": table,
            "source": source,
        }
    )
