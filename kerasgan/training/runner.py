"""Running a recipe: what `kerasgan train` does."""

import contextlib
import json
import math
import pathlib
import platform
import shutil
import sys
import threading
from collections.abc import Sequence

import keras
import tensorflow as tf

from kerasgan import callbacks
from kerasgan.metrics.evaluation import evaluator
from kerasgan.recipes import recipe
from kerasgan.saving import keras_file
from kerasgan.training import run_data, run_folder, shared_run, start_from
from kerasgan.training.interruption import Interruption
from kerasgan.utils import atomic_files, cache_root, devices, messages, workers
from kerasgan.utils.annotations import Path
from kerasgan.utils.precision import chosen, precision
from kerasgan.utils.rendezvous import WorkerLost
from kerasgan.utils.tf_runtime import Strategy
from kerasgan.utils.version import __version__
from kerasgan.visualization import plots

BOARD = "tensorboard"  # in a run folder
_IN_CHECKPOINTS = (
    "latent",
    "generator",
    "critic",
    "objective",
    "techniques",
    "generator_optimizer",
    "critic_optimizer",
)
_TRAIN_IN_CHECKPOINTS = ("seed", "jit_compile", "gradient_accumulation_steps", "start_from")
_BUILDING = threading.Lock()  # initial weights come from the random numbers of the whole process: one after the other


class Interrupted(Exception):
    """Training was interrupted; the message says how to go on."""


def train(
    recipe_path: Path,
    out: Path = "runs",
    steps: int | None = None,
    images: Path | None = None,
    changes: Sequence[str] = (),
    run: Path | None = None,
    strategy: Strategy = Strategy.AUTO,
) -> pathlib.Path:
    """Train a recipe in a new numbered run folder.

    The folder holds `recipe.yaml` (all defaults filled in, and the optimizers), `run.json` (command, versions, sizes),
    `metrics.jsonl`, `tensorboard/`, `samples/`, `losses.png` and `checkpoints/`; with `singular_values_every`,
    `singular_values.jsonl` and `.png` too; with `collapse_guard_every`, `collapse_guard/` with the guard's log and
    healthy checkpoints; with `evaluate_every`, `evaluation.jsonl`, `evaluation.png` and `best.keras`.

    Args:
        recipe_path: YAML file, see `kerasgan.recipes.recipe`.
        out: folder of the run folders.
        steps: training steps, or `None` for the recipe's.
        images: path of a folder of pictures or of an `.npz` file (see `kerasgan.data.npz`), for a recipe of text of a
            file of lines, to train on instead of the recipe's dataset; `None` for that.
        changes: values in place of the recipe's, such as ["train.seed=1"]; see `kerasgan.recipes.yaml_reader.Document`.
        run: the run folder itself, in place of a numbered one in `out`; a run with a checkpoint that is there goes on:
            for jobs that are started again with the same command.
        strategy: on which devices, and with which workers: see `kerasgan.utils.devices.used`.

    Returns:
        `pathlib.Path` of the run folder.

    Raises:
        RecipeError, ValueError, OSError: before a folder is made, if recipe or data are wrong.
        RuntimeError: if another of several workers cannot go on; `WorkerLost`, which is one, if one was lost.
        Interrupted: after Ctrl-C or SIGTERM, once a checkpoint is saved. Outside the main thread there are no signals;
            trainings in several threads build their networks one after the other, and then do not disturb each other.
    """
    with devices.used(strategy) as spread:
        return _train(spread, recipe_path, out, steps, images, changes, run)


def _train(strategy, recipe_path, out, steps, images, changes, run):
    if run is not None and shared_run.has_checkpoint(strategy, run):
        with workers.together(strategy):
            check_goes_on(run, planned(recipe_path, steps, images, changes))
        return _resume(strategy, pathlib.Path(run), steps, data_changed=False)
    chief = workers.is_chief(strategy)
    with workers.together(strategy):
        plan = _in_a_precision(planned(recipe_path, steps, images, changes))
        if plan.train.start_from is not None:
            start_from.check(plan.train.start_from)
        with of_data(plan, recipe_path, images, changes):
            source = plan.data.open()
        with _BUILDING, strategy.scope(), precision(plan.train.precision):
            gan = build(plan, source)
            if plan.train.start_from is not None:
                start_from.take(gan, plan.train.start_from)
        reference = _reference(plan, gan, strategy)
        stream, steps_per_epoch = _stream(plan, source, gan)
    shared_run.check_alike(strategy, plan)
    was_there = run is not None and pathlib.Path(run).exists()
    run = shared_run.create(strategy, out, plan.name, run)
    with run_folder.locked(run) if chief else contextlib.nullcontext():
        try:
            with workers.together(strategy):
                if chief:
                    plan.with_optimizers(gan).save(run / run_folder.RECIPE)
                    _describe(gan, source, plan, run / run_folder.RECIPE, recipe_path, images, changes)
            return _fit(plan, gan, stream, steps_per_epoch, run, reference)
        except Interrupted:
            raise
        except Exception:
            # nothing was learned: a picture that cannot be read, a full disk
            if int(gan.step.numpy()) == 0 and chief and not was_there:
                shutil.rmtree(run, ignore_errors=True)
            raise


def _in_a_precision(plan):
    """The plan with the precision that "auto" means here, which the run keeps wherever it goes on."""
    if plan.train.precision != "auto":
        return plan
    taken = chosen("auto")
    print(f"precision: {taken}", file=sys.stderr)
    return plan.model_copy(update={"train": plan.train.model_copy(update={"precision": taken})})


def check_goes_on(run, plan):
    """Raise `ValueError` unless a run began with what is asked for now; its number of steps may be another."""
    began = recipe.load(pathlib.Path(run) / run_folder.RECIPE).plain()
    asked = plan.plain()
    if asked["train"]["precision"] == "auto":
        asked["train"]["precision"] = began["train"]["precision"]
    differ = [key for key in asked if _but_for_steps(asked[key]) != _but_for_steps(began.get(key))]
    # the run's recipe names all parts, those too that are its objective's own
    differ += sorted(set(run_folder.facts(run).get("named", ())) - set(asked))
    if differ:
        raise ValueError(
            f"run: {run} is there and goes on as it began; expected the recipe, data and changes of its beginning; got "
            f"another {', '.join(differ)}: put them back, or give another folder"
        )


def _in_checkpoints(plan):
    """What of a recipe a resumed run takes from its checkpoint, as JSON has it."""
    parts = plan.plain()
    of_train = {f"train.{key}": parts["train"][key] for key in _TRAIN_IN_CHECKPOINTS}
    return json.loads(json.dumps({part: parts.get(part) for part in _IN_CHECKPOINTS} | of_train))


def _check_unchanged(run, plan):
    """Raise `ValueError` where a run's recipe was edited in what its checkpoint decides; older runs do not tell."""
    began, now = run_folder.facts(run).get("in_checkpoints"), _in_checkpoints(plan)
    differ = [part for part, value in now.items() if isinstance(began, dict) and began.get(part, value) != value]
    if differ:
        raise ValueError(
            f"{run / run_folder.RECIPE}: expected {', '.join(differ)} as the run began with, which its checkpoint "
            "holds; got other values: put them back, or begin a new run"
        )


def _but_for_steps(part):
    return {key: value for key, value in part.items() if key != "steps"} if isinstance(part, dict) else part


def resume(
    run: Path, steps: int | None = None, data_changed: bool = False, strategy: Strategy = Strategy.AUTO
) -> pathlib.Path:
    """Go on with a run where its newest checkpoint is: the same steps as if it had never stopped.

    Args:
        run: run folder.
        steps: a new total of training steps, or `None` for the recipe's.
        data_changed: whether to go on although the data are not those that the run was trained on, or come in other
            batches; `run.json` then tells both. Their classes must be the same.
        strategy: as for `train`.

    Returns:
        `pathlib.Path` of the run folder.

    Raises:
        FileNotFoundError: if it is no run folder, or has no checkpoint.
        ValueError: if all checkpoints are damaged, or the data are not those of the run. If the newest checkpoints are
            damaged, training goes on from the one before, which is said on standard error.
        BlockingIOError: if the run is being trained.
        Interrupted: after Ctrl-C or SIGTERM, once a checkpoint is saved.
    """
    with devices.used(strategy) as spread:
        return _resume(spread, pathlib.Path(run), steps, data_changed)


def _resume(strategy, run, steps, data_changed):
    chief = workers.is_chief(strategy)
    with contextlib.ExitStack() as stack:
        with workers.together(strategy):
            run_folder.check(run)
            if chief:
                stack.enter_context(run_folder.locked(run))
                atomic_files.sweep(run, *(folder for folder in run.iterdir() if folder.is_dir()))
        return _resumed(run, strategy, shared_run.newest_checkpoint(strategy, run), steps, data_changed)


def _resumed(run, strategy, checkpoint, steps, data_changed):
    with workers.together(strategy):
        plan = _in_a_precision(planned(run / run_folder.RECIPE, steps))
        _check_unchanged(run, plan)
        source = _data_of_run(run, plan)
        with _BUILDING, strategy.scope():
            gan = run_folder.named(keras_file.load(checkpoint), run)
        if int(gan.step.numpy()) >= plan.train.steps:
            raise ValueError(
                f"{run}: already at step {int(gan.step.numpy())} of {plan.train.steps}; give more steps to go on"
            )
        if workers.is_chief(strategy):
            run_data.check(run, gan, source, data_changed, plan.data)
        reference = _reference(plan, gan, strategy)
        stream, steps_per_epoch = _stream(plan, source, gan)
    shared_run.check_alike(strategy, plan)
    with workers.together(strategy):
        if workers.is_chief(strategy):
            run_folder.put_aside(run, checkpoint)
            plan.save(run / run_folder.RECIPE)
    return _fit(plan, gan, stream, steps_per_epoch, run, reference)


def _data_of_run(run, plan):
    """Open the data of a run that goes on, whose path its recipe has as it was typed."""
    try:
        return plan.data.open()
    except FileNotFoundError as error:
        if not plan.data.is_local or pathlib.Path(plan.data.place).is_absolute():
            raise
        raise FileNotFoundError(
            f"{error}; {run / run_folder.RECIPE} has that path as it was typed: go on in the folder where the run "
            "began, or write the whole path there"
        ) from None


def planned(recipe_path, steps=None, images=None, changes=()):
    """Read a recipe, with other values, number of steps or images where they are given; see `train`."""
    plan = recipe.load(recipe_path, changes)
    if steps is not None:
        plan = plan.model_copy(update={"train": plan.train.model_copy(update={"steps": steps})})
    if images is not None:
        plan = plan.model_copy(update={"data": plan.data.instead(images)})
    with of_data(plan, recipe_path, images, changes):
        return plan.model_copy(update={"data": plan.data.fitted()})


@contextlib.contextmanager
def of_data(plan, recipe_path, images, changes):
    """Say in errors of a recipe's data which key names them, and where it stands, or else that they are `data`."""
    try:
        with messages.renamed("data"):
            yield
    except (ValueError, OSError) as error:
        if images is not None:
            raise
        key = next((key for key, value in plan.data.model_dump().items() if value == plan.data.place), None)
        where = recipe.place(recipe_path, changes, "data", key)
        said = str(error).removeprefix("data: ")
        kind = recipe.RecipeError if isinstance(error, ValueError) else type(error)
        raise kind(f"{where}: data{f'.{key}' if key else ''}: {said}") from error


def build(plan, source):
    """Build a recipe's GAN and compile it.

    Args:
        plan: `kerasgan.recipes.recipe.Recipe`.
        source: what `plan.data.open()` gave, of which shape and classes are taken.

    Raises:
        ValueError: if the recipe asks for labels that the source does not have, or its parts do not fit together.
    """
    num_classes, shape = plan.data.num_classes(source), plan.data.shape(source)
    keras.utils.set_random_seed(plan.train.seed)
    latent = plan.make("latent")
    generator = plan.make("generator", image_shape=shape, latent_dim=latent.dim, num_classes=num_classes)
    gan = plan.make(
        "objective",
        generator=plan.data.completed(generator, source),
        critic=plan.make("critic", image_shape=shape, num_classes=num_classes),
        latent=latent,
        num_classes=num_classes,
        class_names=None if num_classes is None else source.class_names,
        seed=plan.train.seed,
        techniques=plan.make_all("techniques"),
    )
    gan.compile(
        generator_optimizer=plan.make("generator_optimizer"),
        critic_optimizer=plan.make("critic_optimizer"),
        jit_compile=plan.train.jit_compile,
        gradient_accumulation_steps=plan.train.gradient_accumulation_steps,
    )
    return gan


def _stream(plan, source, gan):
    """The endless training data from the model's step on, and the steps of one pass over them."""
    stream = plan.data.stream(source, gan.batches_per_step, plan.train.seed, int(gan.step.numpy()))
    return stream, plan.data.steps_per_epoch(source, gan.batches_per_step)


def _describe(gan, source, plan, recipe_there, recipe_path, images, changes):
    """Write what a number of this run needs beside it: command, recipe, versions, data, sizes."""
    networks = {"generator": gan.generator, "critic": gan.critic}
    facts = {
        "command": sys.argv,
        "recipe": str(recipe_path),
        "images": None if images is None else str(images),
        "changes": list(changes),
        "named": sorted(plan.plain()),
        "in_checkpoints": _in_checkpoints(recipe.load(recipe_there)),
        "versions": {
            "kerasgan": __version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "python": platform.python_version(),
        },
        "devices": [device.name for device in tf.config.list_logical_devices()],
        **run_data.facts(source, plan.data),
        "trainable_parameters": {
            name: sum(math.prod(variable.shape) for variable in network.trainable_variables)
            for name, network in networks.items()
        },
    }
    run_folder.write_facts(recipe_there.parent, facts)


def _spectra(settings, run):
    every = settings.singular_values_every
    return [] if every is None else [callbacks.SingularValues(run, every, run / BOARD)]


def _guards(plan, run):
    """What watches the losses: a guard that rolls back must not be cut off by losses that are not finite."""
    every, action = plan.train.collapse_guard_every, plan.make("collapse_action")
    guard = [] if every is None else [callbacks.CollapseGuard(run / "collapse_guard", every, action)]
    return guard if isinstance(action, callbacks.RollBack) else [*guard, callbacks.FiniteLosses()]


def _reference(plan, gan, strategy):
    """What the generator is measured against while it trains, or `None`."""
    settings = plan.train
    if settings.evaluate_every is None:
        return None
    with _BUILDING, strategy.scope():  # of the feature network
        reference = plan.data.reference(gan.image_shape, settings.evaluate_features, cache=cache_root.root())
    evaluator.check(gan, reference, _metrics(plan), settings.evaluate_n, seed=0)
    return reference


def _metrics(plan):
    return plan.train.evaluate_metrics or plan.data.metrics


def _measuring(plan, run, reference):
    if reference is None:
        return []
    every, n = plan.train.evaluate_every, plan.train.evaluate_n
    return [callbacks.EvaluateGAN(reference, run, _metrics(plan), every, n, grid=0, tensorboard=run / BOARD)]


def _fit(plan, gan, stream, steps_per_epoch, run, reference):
    images_per_step = plan.data.batch_size * gan.batches_per_step
    settings = plan.train
    checkpoint = callbacks.Checkpoint(run / "checkpoints", every=settings.checkpoint_every)
    checkpoint.set_model(gan)  # a signal may come before Keras does it
    interruption = Interruption()
    with interruption.handled(), precision(settings.precision):
        try:
            gan.fit(
                stream,
                epochs=-(-settings.steps // steps_per_epoch) + 1,
                steps_per_epoch=steps_per_epoch,
                verbose=0,
                callbacks=[
                    *_guards(plan, run),
                    callbacks.Progress(settings.steps, images_per_step, what=plan.data.plural),
                    callbacks.MetricsLog(run / "metrics.jsonl", images_per_step, run / BOARD, every=settings.log_every),
                    callbacks.SampleGrid(
                        run / "samples", settings.sample_every, settings.sample_count, tensorboard=run / BOARD
                    ),
                    *_spectra(settings, run),
                    *_measuring(plan, run, reference),
                    checkpoint,
                    interruption,
                    callbacks.StopAt(settings.steps),
                ],
            )
        except KeyboardInterrupt:
            if not checkpoint.is_idle:
                checkpoint.act(int(gan.step.numpy()))
            raise Interrupted(
                f"interrupted at step {int(gan.step.numpy())}; go on with: kerasgan train --resume {run}"
            ) from None
        except devices.LOST as error:
            if workers.are_several(gan.distribute_strategy):
                raise WorkerLost(
                    f"{run}: a worker was lost or cannot be reached at step {int(gan.step.numpy())}; start all workers "
                    f"again with --resume {run} ({type(error).__name__})"
                ) from error
            raise
    if not checkpoint.is_idle:
        plots.plot_losses(run / "metrics.jsonl", run / "losses.png")
    return run
