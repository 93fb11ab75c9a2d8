"""Making a preset of a training run, with its card and its place in the registry."""

import json
import math
import pathlib
import re
import tempfile

import keras
import numpy as np

from kerasgan.callbacks import evaluate_gan
from kerasgan.models import standing_statistics
from kerasgan.models.gan import GAN
from kerasgan.recipes import recipe, sections
from kerasgan.saving import download, manifest, metadata, presets, registry, weights_file
from kerasgan.training import run_folder
from kerasgan.utils import atomic_files, json_lines
from kerasgan.utils.messages import quoted, shortened
from kerasgan.utils.version import __version__
from kerasgan.visualization import image_grid, samples
from kerasgan.zoo import card, card_pictures, commands, remeasure

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
    nearest=None,
    truncations=(),
    critic=False,
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
        nearest: name of the feature network by which the nearest training images are shown, or `None`.
        truncations: bounds on |z| at which the same images are shown.
        critic: whether to store the critic too, kernels in half the bytes, so that training may begin from it.

    Returns:
        `pathlib.Path` of the preset's folder.

    Raises:
        FileNotFoundError: if there is no such run or file.
        FileExistsError: if the preset exists and `overwrite` is false.
        ValueError: if a name, the licence or the evaluation are not as said, or the run is of no GAN.
        OSError: if the zoo cannot be written.
    """
    run, zoo = pathlib.Path(run), pathlib.Path(zoo)
    checkpoint = run_folder.newest_checkpoint(run)
    plan = recipe.load(run / "recipe.yaml")
    name = plan.name if name is None else name
    folder = zoo / "presets" / name
    if not re.fullmatch(registry.NAME, name):
        raise ValueError(f"name: expected letters, digits, _, - and .; got {quoted(name)}")
    if not licence.strip():
        raise ValueError(f"licence: expected the licence of the data, {plan.data.place}; got none")
    if critic and training:
        raise ValueError("critic: expected none with training, which stores the critic too; got both")
    if source is not None:
        download.check_url(source)
    if not overwrite and name in registry.load(zoo):
        raise FileExistsError(f"{zoo / registry.FILE} has a preset {name}; choose another name, or say --overwrite")
    presets.may_write(folder, overwrite)
    history = _history(run)
    numbers, digests = ([], {}) if evaluation is None else read_results(evaluation)
    gan = run_folder.load_model(checkpoint)
    if not isinstance(gan, GAN):
        raise ValueError(f"run: expected a GAN; {checkpoint} holds another model")
    if nearest is not None and gan.trained_against is not None and nearest.startswith(gan.trained_against):
        raise ValueError(
            f"nearest: expected a feature network other than {gan.trained_against}, which the generator was trained to "
            f"please; got {nearest}"
        )
    sampler = standing_statistics.copied(gan)
    facts = _facts(history, plan, gan, name, licence, summary, source, training, critic)
    own = _of_checkpoint(numbers, digests, checkpoint, facts["weights"]["which"], evaluation)
    _check_reference(own, plan.data, history[0]["data"]["name"], gan.image_shape)
    facts["metrics"] = [_of_preset(number, name, (run, checkpoint)) for number in own]
    if float16:
        facts["weights"] |= {"dtype": "float16", "levels": _rounded(sampler, facts["grid"])}
    grid = picture(sampler, facts["grid"])
    with (
        tempfile.TemporaryDirectory() as pictures,
        atomic_files.restored(zoo / registry.FILE),
        atomic_files.replace_folder(folder) as beside,
    ):
        facts["pictures"] = _pictures(pathlib.Path(pictures), run, plan, sampler, nearest, truncations)
        kept = gan if training or critic else None
        presets.write(sampler, beside, facts, card.text(facts), grid, kept, float16, pictures, critic)
        known = {**registry.load(zoo), name: _entry(beside, facts, source)}
        with atomic_files.written_whole(zoo / registry.FILE) as written:
            written.write_text(registry.text(known))
    return folder


def _pictures(folder, run, plan, sampler, nearest, truncations):
    """Write the card's further pictures; returns what it says of them, by their names."""
    told = {}
    if samples.are_images(sampler):
        told["walk"] = card_pictures.save_walk(folder, sampler)
        if truncations:
            told["truncation"] = card_pictures.save_truncations(folder, sampler, truncations)
        if nearest is not None:
            reference = plan.data.reference(sampler.image_shape, nearest, verbose=True)
            told["nearest"] = card_pictures.save_nearest(folder, sampler, reference)
    if (run / evaluate_gan.LOG).is_file() and evaluate_gan.plot_evaluation(
        run / evaluate_gan.LOG, folder / manifest.CURVE
    ):
        told["curve"] = {}
    return told


def renew_card(name, zoo="zoo"):
    """Write the card of a published preset anew, where the words of cards have changed since; its facts stay.

    Args:
        name: of the preset.
        zoo: folder of `registry.json` and `presets/`.
    """
    zoo = pathlib.Path(zoo)
    folder = zoo / "presets" / name
    facts = json.loads((folder / manifest.METADATA).read_text())
    with atomic_files.written_whole(folder / manifest.CARD) as beside:
        beside.write_text(card.text(facts))
    with atomic_files.written_whole(folder / manifest.METADATA) as beside:
        beside.write_text(json.dumps({**facts, "files": manifest.describe(folder)}, indent=2) + "\n")
    known = registry.load(zoo)
    known[name] = known[name].model_copy(update={"files": _files(folder)})
    with atomic_files.written_whole(zoo / registry.FILE) as beside:
        beside.write_text(registry.text(known))


def _rounded(sampler, grid):
    """Round kernels to float16; returns by how many levels of 255 on average that changes the picture."""
    before = np.asarray(picture(sampler, grid), float)
    weights_file.round_to_float16(sampler.generator.variables + sampler.latent.variables)
    levels = float(np.abs(np.asarray(picture(sampler, grid), float) - before).mean())
    allowed = metadata.TOLERANCE.grid_levels
    if not levels <= allowed:
        raise ValueError(
            f"float16: expected to change the picture by at most {allowed:g} of 255 levels on average; it does by "
            f"{levels:.2f}: publish without it"
        )
    return levels


def picture(sampler, grid):
    """Return the picture that a preset's `grid` says: of images a grid, of text lines, of points their places."""
    drawn = sampler.sample(grid["n"], seed=grid["seed"], truncation=grid["truncation"])
    return samples.picture(sampler, drawn, grid["columns"])


def read_results(path):
    """Read what `kerasgan evaluate --out` wrote.

    Returns:
        (list of dicts, see `kerasgan.metrics.evaluation.result.Result.to_dict`; dict of models to their SHA-256).

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is none of results.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such evaluation: {path}")
    expected = f"{path}: expected what `kerasgan evaluate --out` writes, a name, a value and a protocol each"
    try:
        facts = json.loads(path.read_text())
        results, digests = facts["results"], dict(facts.get("models", {}))
        problems = [metadata.problem(metadata.Number, result) for result in results]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{expected} ({quoted(error)})") from None
    problem = "got none" if not results else next(filter(None, problems), None)
    if problem:
        raise ValueError(f"{expected}; {problem}")
    return results, digests


def _of_checkpoint(numbers, digests, checkpoint, weights, evaluation):
    """The numbers of an evaluation that are of a checkpoint; all of them can be measured anew."""
    place = checkpoint.resolve().parts[-3:]  # run folder, checkpoints, file
    own = [number for number in numbers if pathlib.Path(number["protocol"]["model"]).resolve().parts[-3:] == place]
    if numbers and not own:
        others = ", ".join(dict.fromkeys(number["protocol"]["model"] for number in numbers))
        raise ValueError(f"evaluation: expected numbers of {checkpoint}; {evaluation} has those of {shortened(others)}")
    digest = manifest.sha256(checkpoint) if own else ""
    for number in own:
        if digests.get(number["protocol"]["model"], digest) != digest:
            raise ValueError(
                f"evaluation: expected numbers of {checkpoint}; those in {evaluation} are of another file of that name "
                "(by its SHA-256): measure this one"
            )
        remeasure.repeatable(number)
        if number["protocol"]["weights"] != weights:
            raise ValueError(
                f"evaluation: {number['name']}: expected a number of the {weights} weights, which are published; got "
                f"one of {quoted(number['protocol']['weights'])}"
            )
    return own


def _check_reference(numbers, data, name, image_shape):
    """Raise `ValueError` unless numbers were measured against the data of the recipe, as `zoo verify` does."""
    expected = data.reference_name(name, image_shape[0]) if isinstance(data, sections.ImageData) else None
    for number in numbers:
        reference = number["protocol"]["reference"]
        if expected is not None and reference not in ("", expected):
            raise ValueError(
                f"evaluation: {number['name']}: expected a number against {expected}, the data of the run, which zoo "
                f"verify measures anew; got one against {quoted(reference)}"
            )


def _of_preset(number, name, measured):
    """A number as of the preset, with a command that measures it anew anywhere."""
    protocol = number["protocol"]
    command = commands.of_number(protocol["command"], name, measured)
    return {**number, "protocol": {**protocol, "model": name, "command": command}}


def _as_of_anywhere(plan):
    """The plan without paths of this machine."""
    data, train = plan.data, plan.train
    if data.is_local:
        data = data.instead(commands.elsewhere(data.place))
    if train.start_from is not None:
        train = train.model_copy(update={"start_from": commands.elsewhere(train.start_from)})
    return plan.model_copy(update={"data": data, "train": train})


def _history(run):
    """What a run's folder says of itself: (run.json's dict, the lines of metrics.jsonl)."""
    path = run / "run.json"
    try:
        about = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path}: expected what `kerasgan train` writes; got no JSON ({shortened(error)})") from None
    missing = {"recipe", "versions", "devices", "data"} - set(about if isinstance(about, dict) else ())
    if missing:
        raise ValueError(f"{path}: expected what `kerasgan train` writes; it lacks {', '.join(sorted(missing))}")
    return about, json_lines.read(run / "metrics.jsonl")


def _facts(history, plan, gan, name, licence, summary, source, training, critic):
    about, lines = history
    steps = int(gan.step.numpy())
    lines = [line for line in lines if line["step"] <= steps]
    last = lines[-1] if lines else {}
    [(objective, _)] = plan.objective.items()
    [(network, _)] = plan.generator.items()
    columns = image_grid.class_columns(gan.num_classes) or 8
    shape = list(gan.image_shape)
    return {
        "name": name,
        "address": source,
        "summary": summary or f"{objective} with {network} on {about['data']['name']}.",
        "objective": objective,
        "trained_against": gan.trained_against,
        "image_shape": shape,
        "num_classes": gan.num_classes,
        "latent": {"prior": type(gan.latent).__name__, "dim": gan.latent.dim},
        "trainable_parameters": {
            part: sum(math.prod(variable.shape) for variable in getattr(gan, part).trainable_variables)
            for part in ("generator", "critic")
        },
        "weights": {"which": "trained" if gan.ema_generator is None else "moving average", "dtype": "float32"},
        "data": {**about["data"], "licence": licence, "local": plan.data.is_local},
        "training": {
            "state": training,
            "critic": critic,
            "command": commands.of_training(about, steps),
            "steps": steps,
            "batch_size": plan.data.batch_size,
            "seconds": _seconds(lines),
            "devices": about["devices"],
            "last": {key: last[key] for key in last if key not in ("step", "seconds", "fit_from", "images_per_second")},
        },
        "versions": {**about["versions"], "published with kerasgan": __version__, "keras": keras.__version__},
        "grid": {"n": _POINTS if len(shape) == 1 else 8 * columns, "seed": 0, "truncation": None, "columns": columns},
        "tolerance": metadata.TOLERANCE.model_dump(),
        "recipe": _as_of_anywhere(plan).plain(),
    }


def _seconds(lines):
    """The time of all fits: each begins to count anew, and its lines have its first step (of old ones less time)."""
    after = [*lines[1:], {"seconds": 0.0}]
    return sum(
        line["seconds"]
        for line, later in zip(lines, after)
        if later["seconds"] < line["seconds"] or later.get("fit_from") != line.get("fit_from")
    )


def _files(folder):
    """The table of all files of a preset, as the registry has it."""
    names = sorted(path for path in folder.iterdir() if path.name in manifest.NAMES)
    return {path.name: manifest.File(size=path.stat().st_size, sha256=manifest.sha256(path)) for path in names}


def _entry(folder, facts, source):
    metrics = [
        {"name": number["name"], "value": number["value"], "samples": number["protocol"]["samples"]}
        for number in facts["metrics"]
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
            "files": _files(folder),
            "source": source,
        }
    )
