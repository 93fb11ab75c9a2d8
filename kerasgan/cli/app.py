"""The command `kerasgan`. TensorFlow is imported by the commands that need it, not by `--help`."""

import contextlib
import enum
import math
import os
import pathlib
import platform
import sys
import warnings
from importlib import metadata
from typing import Annotated

import typer
from typer.core import TyperGroup

from kerasgan.cli import study as studies
from kerasgan.cli import zoo
from kerasgan.cli.serve import ServeCommand, serve
from kerasgan.client import command
from kerasgan.client.command import Count, Labels, Seed, Seeds, ToSeed, Truncation
from kerasgan.client.query import query
from kerasgan.utils import classes, messages, rendezvous, standstill, tf_runtime
from kerasgan.utils.tf_runtime import FeaturePrecision, Precision, Strategy
from kerasgan.utils.version import __version__

_ANYWHERE = ("--import", "--device", "--log-level")


class OptionsAnywhere(TyperGroup):
    """Commands whose common options, which belong before the command, may come after it as well."""

    def parse_args(self, ctx, args):
        """Bring the common options to the front, then parse."""
        front, rest = [], list(args)
        end = rest.index("--") if "--" in rest else len(rest)
        rest, others = rest[:end], rest[end:]
        while found := [index for index, one in enumerate(rest) if one.partition("=")[0] in _ANYWHERE]:
            first = found[0]
            width = 1 if "=" in rest[first] else 2
            if first + width > len(rest):
                ctx.fail(f"Option '{rest[first]}' requires an argument.")
            front += rest[first : first + width]
            del rest[first : first + width]
        return super().parse_args(ctx, [*front, *rest, *others])


app = typer.Typer(
    cls=OptionsAnywhere,
    help="Train, sample, export, serve and query GANs for Keras 3.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(studies.app, name="study")
app.add_typer(zoo.app, name="zoo")

Model = Annotated[
    str, typer.Argument(help="A run folder, a .keras file, or a preset: its name (zoo list), folder or address.")
]


def _print_version(wanted: bool):
    if wanted:
        others = [f"{name} {metadata.version(name)}" for name in ("keras", "tensorflow")]
        print(", ".join([f"kerasgan {__version__}", *others, f"Python {platform.python_version()}"]))
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say the versions, and exit.")
    ] = False,
    log_level: Annotated[
        tf_runtime.LogLevel,
        typer.Option(help="What TensorFlow writes to standard error, whatever TF_CPP_MIN_LOG_LEVEL says."),
    ] = tf_runtime.LogLevel.QUIET,
    device: Annotated[
        str | None,
        typer.Option(help="Compute on it alone: cpu, gpu, or one of several as gpu:1. By default on all GPUs."),
    ] = None,
    imports: Annotated[
        list[str] | None,
        typer.Option(
            "--import",
            metavar="MODULE",
            help="A module of your own, of which recipes and models may use what it defines; repeatable.",
        ),
    ] = None,
):
    """Say how TensorFlow is to be started, should the command need it."""
    tf_runtime.choose(log_level, device, imports or ())


@contextlib.contextmanager
def _restartable():
    """End with status 75 where a worker was lost: starting all of them again goes on."""
    try:
        yield
    except rendezvous.WorkerLost as lost:
        print(f"error: {lost}", file=sys.stderr)
        raise typer.Exit(standstill.STATUS) from None


@app.command()
def train(
    recipe: Annotated[pathlib.Path | None, typer.Argument(help="Recipe, a YAML file or a name in zoo/recipes.")] = None,
    out: Annotated[
        pathlib.Path | None, typer.Option(help="Folder of the numbered run folders.", show_default="runs")
    ] = None,
    run: Annotated[
        pathlib.Path | None,
        typer.Option(
            "--run",
            help="This very run folder instead of a numbered one; a run that is there goes on. For jobs that are "
            "started again with the same command.",
        ),
    ] = None,
    resume: Annotated[pathlib.Path | None, typer.Option(help="A run folder to go on with.")] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="Training steps in all; the recipe's by default. With --dry-run: steps on noise.", min=1),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="A folder of pictures, an .npz file or a file of lines, instead of the recipe's data; of pictures "
            "also s3:// and gs://. Without a recipe it is trained with the recipe own_pictures."
        ),
    ] = None,
    data_changed: Annotated[
        bool,
        typer.Option("--data-changed", help="With --resume: go on although the run had other data, or other batches."),
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Another value in the recipe, such as train.seed=1; repeatable."
        ),
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(help="Compute in this precision instead of the recipe's; auto takes the device's fastest."),
    ] = None,
    start_from: Annotated[
        str | None,
        typer.Option(
            help="Begin with the weights of this preset instead of random ones: its name, folder or address.",
            metavar="PRESET",
        ),
    ] = None,
    strategy: Annotated[
        Strategy,
        typer.Option(
            help="One device, all of this machine, or all workers that TF_CONFIG or srun tells of; auto takes the most "
            "of it that is there."
        ),
    ] = Strategy.AUTO,
    devices: Annotated[
        str | None,
        typer.Option(
            help="This machine's devices: a number, or names such as GPU:0,GPU:1 or CPU:0,CPU:1. All GPUs by default."
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Say what a step costs, and take STEPS on noise; nothing is written, and only --data is read.",
        ),
    ] = False,
):
    """Train a recipe, or go on with a run."""
    if recipe is None and resume is None and data is not None:
        recipe = pathlib.Path("own_pictures")
    if recipe is not None and resume is not None:
        raise typer.BadParameter(f"expected a recipe or --resume; got both, {recipe} and {resume}")
    if recipe is None and resume is None:
        raise typer.BadParameter("give a recipe, --resume RUN, or --data PATH of pictures of your own")
    given = {"train.precision": precision, "train.start_from": start_from}
    changes = [*(set_ or ()), *(f"{key}={value}" for key, value in given.items() if value is not None)]
    of_a_new_run = {
        "--data": data,
        "--dry-run": dry_run,
        "--set": set_,
        "--precision": precision,
        "--start-from": start_from,
        "--run": run,
        "--out": out,
    }
    for flag, value in of_a_new_run.items() if resume is not None else ():
        if value:
            raise typer.BadParameter(
                f"{flag}: expected with a recipe, as a run goes on with its own; got --resume. "
                f"`kerasgan train {resume}/recipe.yaml {flag} ...` begins a new run"
            )
    if run is not None and out is not None:
        raise typer.BadParameter("--out: expected without --run, which is the run folder itself; got both")
    if resume is None and data_changed:
        raise typer.BadParameter("--data-changed: expected with --resume")
    tf_runtime.import_tensorflow(devices)
    if dry_run:
        from kerasgan.training import dry_run as dry

        print(dry.run(recipe, steps, data, changes))
        return
    from kerasgan.training import runner

    try:
        with _restartable():
            if resume is None:
                folder = runner.train(recipe, out or pathlib.Path("runs"), steps, data, changes, run, strategy)
            else:
                with messages.renamed("--resume", ["run"]):
                    folder = runner.resume(resume, steps, data_changed, strategy)
    except runner.Interrupted as interruption:
        print(interruption, file=sys.stderr)
        raise typer.Exit(130) from None
    print(f"run folder: {folder}")


@app.command()
def sample(
    context: typer.Context,
    model: Model,
    n: Count = 64,
    seed: Seed = 0,
    seeds: Seeds = None,
    to_seed: ToSeed = None,
    labels: Labels = None,
    truncation: Truncation = None,
    out: Annotated[
        pathlib.Path | None,
        typer.Option(help=f"{command.OUT} Lines of text go to a file. By default samples.png or samples.txt."),
    ] = None,
):
    """Generate images, points or lines of text."""
    command.check_seeds(context)
    chosen = command.seeds_of_text(seeds, n, seed)
    tf_runtime.import_tensorflow()
    from kerasgan.models import finite
    from kerasgan.training import run_folder, sampling
    from kerasgan.utils import devices, workers
    from kerasgan.visualization import samples

    with _restartable(), devices.used() as strategy, strategy.scope(), warnings.catch_warnings():
        warnings.simplefilter("error", finite.NotFiniteWarning)
        loaded = run_folder.load_model(model)
        out = out or pathlib.Path(f"samples{samples.suffix(loaded)}")
        if samples.are_images(loaded):
            command.check_out(out)
        labels_of = classes.of_text(labels, loaded.class_names)
        if to_seed is None:
            drawn = sampling.draw(loaded, chosen, labels_of, truncation, strategy)
        else:
            drawn = loaded.interpolate(seed, to_seed, n, labels=labels_of, truncation=truncation)
        if not workers.is_chief(strategy):
            return
    if samples.are_images(loaded):
        in_turn = labels is None and to_seed is None
        command.save_images(out, drawn, loaded.num_classes if in_turn else None, loaded.class_names)
    else:
        samples.save(out, loaded, drawn)
        print(f"samples: {out}")


class Format(enum.StrEnum):
    """For which runtime `export` writes."""

    SAVED_MODEL = "saved_model"
    ONNX = "onnx"
    LITERT = "litert"
    OPENVINO = "openvino"
    KERAS = "keras"
    WEB = "web"


@app.command()
def export(
    model: Model,
    out: Annotated[
        pathlib.Path,
        typer.Argument(
            help="Folder of the version, such as models/garments/1; a file ending in .onnx, .tflite, .xml or .keras; "
            "of web a folder."
        ),
    ],
    format_: Annotated[
        Format,
        typer.Option(
            "--format",
            help="A SavedModel for TensorFlow Serving; a file for ONNX Runtime, LiteRT, OpenVINO or Keras, which is "
            "written if it makes the images that sample makes; or a page that any server of files shows, and the "
            "browser computes.",
        ),
    ] = Format.SAVED_MODEL,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing version or file.")] = False,
    float16: Annotated[
        bool,
        typer.Option(
            "--float16",
            help="Round the weights to float16, for about half the size; of onnx, litert, openvino and web.",
        ),
    ] = False,
    int8: Annotated[
        bool,
        typer.Option("--int8", help="Round the weights to int8, for about a quarter; of onnx, litert and web."),
    ] = False,
    allowed_levels: Annotated[
        int | None,
        typer.Option(
            help="The largest difference from sample's images that is no error, of 255; by default 1, 4 with "
            "--float16, 32 with --int8.",
            min=0,
            max=255,
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            help="Images of each call of onnx, litert and openvino, where it must be fixed; any by default.", min=1
        ),
    ] = None,
    standing_passes: Annotated[
        int, typer.Option(help="Batches for new batch-norm statistics; 0 keeps the moving averages.", min=0)
    ] = 0,
    standing_truncation: Annotated[
        float | None, typer.Option(help="Bound on |z| in these batches; none by default.")
    ] = None,
):
    """Write a SavedModel for TensorFlow Serving, a file for a runtime without TensorFlow, or a page."""
    if standing_truncation is not None and not standing_passes:
        raise typer.BadParameter("--standing-truncation: expected --standing-passes with it")
    if float16 and format_ in (Format.SAVED_MODEL, Format.KERAS):
        raise typer.BadParameter(f"--float16: expected --format onnx, litert, openvino or web with it; got {format_}")
    if int8 and format_ not in (Format.ONNX, Format.LITERT, Format.WEB):
        raise typer.BadParameter(f"--int8: expected --format onnx, litert or web with it; got {format_}")
    if int8 and float16:
        raise typer.BadParameter("--int8: expected no --float16 with it, as weights are one of them")
    if allowed_levels is not None and format_ in (Format.SAVED_MODEL, Format.KERAS):
        raise typer.BadParameter(f"--allowed-levels: expected --format onnx, litert, openvino or web; got {format_}")
    if batch is not None and format_ not in (Format.ONNX, Format.LITERT, Format.OPENVINO):
        raise typer.BadParameter(f"--batch: expected --format onnx, litert or openvino with it; got {format_}")
    tf_runtime.import_tensorflow()
    from kerasgan.models import savedmodel, standing_statistics
    from kerasgan.models.runtimes import keras, litert, onnx, openvino
    from kerasgan.training import run_folder
    from kerasgan.zoo.web import folder as web

    writer = {
        Format.SAVED_MODEL: savedmodel,
        Format.ONNX: onnx,
        Format.LITERT: litert,
        Format.OPENVINO: openvino,
        Format.KERAS: keras,
        Format.WEB: web,
    }[format_]
    with messages.renamed("out", ["filepath"]):
        writer.may_write(out, overwrite)  # before the model is loaded
    loaded = run_folder.load_model(model)
    if standing_passes:
        loaded = standing_statistics.standing_statistics(loaded, standing_truncation, standing_passes)
    if format_ is Format.SAVED_MODEL:
        loaded.export(out, overwrite=overwrite)
        print(f"saved model: {out}")
        return
    with tf_runtime.quiet():  # the converters' own lines
        if format_ is Format.WEB:
            name = pathlib.Path(model).name.removesuffix(".keras")
            levels = web.export(loaded, out, overwrite, float16, name, int8, allowed_levels)
        elif format_ is Format.KERAS:
            levels = keras.export(loaded, out, overwrite)
        else:
            weights = {"int8": True} if int8 else {"float16": float16}
            levels = writer.export(loaded, out, overwrite, batch=batch, allowed_levels=allowed_levels, **weights)
    print(f"{format_}: {out}; its images differ from sample's by at most {levels} of 255 levels")


class Weights(enum.StrEnum):
    """Which weights `evaluate` generates with."""

    AVERAGE = "moving average"
    TRAINED = "trained"


@app.command()
def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(help="Run folders, .keras files, or presets; or two folders or .npz files of pictures."),
    ],
    metrics: Annotated[
        str | None,
        typer.Option(
            help="With commas. Of images fid, kid, is, mis, prdc, class-accuracy, intra-fid, swd, ms-ssim; of points "
            "modes, w1, js; of text ngrams. By default fid; modes,w1,js; ngrams."
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            help="The feature network of images, whose name is part of every number's: garments (the default for grey "
            "ones), efficientnet-lite0 (for others), inception-2015, keras-inception-v3, ..., or a .keras file."
        ),
    ] = None,
    features_weights: Annotated[
        pathlib.Path | None, typer.Option(help="File of the feature network's weights, where it takes one.")
    ] = None,
    n: Annotated[int, typer.Option("--n", "-n", help="Images to generate with each model.", min=2)] = 50_000,
    data: Annotated[
        str | None,
        typer.Option(
            help="Real images: a run, a recipe, a folder, a TFDS name, or a statistics file (.npz of mu and sigma); "
            "those of the first run by default."
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Of a TFDS dataset; that of the training by default.")] = None,
    data_dir: Annotated[pathlib.Path | None, typer.Option(help="TFDS's folder.")] = None,
    seed: Annotated[int, typer.Option(help="Image i has seed SEED + i.", min=0)] = 0,
    truncation: Truncation = None,
    weights: Annotated[Weights | None, typer.Option(help="The moving average by default, where there is one.")] = None,
    standing_passes: Annotated[
        int, typer.Option(help="Batches for new batch-norm statistics; 0 keeps those of the training.", min=0)
    ] = 0,
    batch_size: Annotated[int, typer.Option(help="Images generated at a time.", min=1)] = 100,
    out: Annotated[pathlib.Path | None, typer.Option(help="JSON file of the numbers and their protocol.")] = None,
    precision: Annotated[
        FeaturePrecision,
        typer.Option(help="Of the feature network; what is measured in bfloat16 says so, and is not mixed."),
    ] = "float32",
):
    """Measure models: 50,000 images of the moving average against the training split, unless told otherwise."""
    tf_runtime.import_tensorflow()
    from kerasgan.training import evaluation

    with _restartable():
        evaluation.evaluate(
            models,
            out,
            metrics,
            features,
            features_weights,
            n,
            data,
            split,
            None if data_dir is None else str(data_dir),
            seed,
            truncation,
            None if weights is None else str(weights),
            standing_passes,
            batch_size,
            precision=precision,
        )
    if out is not None:
        print(f"result: {out}")


@app.command()
def statistics(
    data: Annotated[str, typer.Argument(help="Real images: a run, a recipe, a folder, an .npz file or a TFDS name.")],
    out: Annotated[pathlib.Path, typer.Argument(help="The .npz file to write: mu and sigma.")],
    features: Annotated[str | None, typer.Option(help="The feature network, as for evaluate.")] = None,
    features_weights: Annotated[
        pathlib.Path | None, typer.Option(help="File of the feature network's weights, where it takes one.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Pixels a side; the recipe's by default, else those of the first picture.", min=1)
    ] = None,
    split: Annotated[str | None, typer.Option(help="Of a TFDS dataset; train by default.")] = None,
    data_dir: Annotated[pathlib.Path | None, typer.Option(help="TFDS's folder.")] = None,
):
    """Write real images' feature statistics, with which evaluate --data and pytorch-fid measure distances."""
    tf_runtime.import_tensorflow()
    from kerasgan.training import evaluation

    place = None if data_dir is None else str(data_dir)
    print(f"result: {evaluation.statistics(data, out, features, features_weights, size, split, place)}")


class Layout(enum.StrEnum):
    """Whose state dicts `convert` reads."""

    PYTORCH_PRETRAINED_BIGGAN = "pytorch-pretrained-biggan"
    BIGGAN_PYTORCH = "biggan-pytorch"
    R3GAN = "r3gan"


@app.command()
def convert(
    layout: Annotated[Layout, typer.Argument(help="Whose file it is.")],
    source: Annotated[pathlib.Path, typer.Argument(help="The generator's weights: .safetensors, .pth, .pt or .bin.")],
    folder: Annotated[pathlib.Path, typer.Argument(help="Folder of the preset to write.")],
    epsilon: Annotated[
        float | None, typer.Option(help="Batch norm's epsilon in that model; the layout's usual one by default.")
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(help="Of the file as it was published, 64 hexadecimal digits; another is not read.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing folder.")] = False,
):
    """Turn published weights into a preset, which sample, export and the library load."""
    tf_runtime.import_tensorflow()
    from kerasgan.saving import presets
    from kerasgan.utils import checkpoint_tensors
    from kerasgan.zoo.convert import biggan_pytorch, provenance, pytorch_pretrained_biggan, r3gan

    presets.may_write(folder, overwrite)
    if layout is Layout.R3GAN and epsilon is not None:
        raise ValueError(f"--epsilon: expected none for {layout}, which has no batch norm; got {epsilon}")
    if epsilon is not None and not 0 < epsilon < math.inf:
        raise ValueError(f"--epsilon: expected a positive number; got {epsilon}")
    if sha256 is not None:
        provenance.check(source, sha256)
    converters = {
        Layout.PYTORCH_PRETRAINED_BIGGAN: pytorch_pretrained_biggan,
        Layout.BIGGAN_PYTORCH: biggan_pytorch,
        Layout.R3GAN: r3gan,
    }
    options = {} if epsilon is None else {"epsilon": epsilon}
    sampler = converters[layout].sampler(checkpoint_tensors.read(source), **options)
    facts = provenance.facts(sampler, layout, source, options)
    print(f"preset: {presets.save(sampler, folder, facts, provenance.card(facts), overwrite)}")


app.command(cls=ServeCommand)(serve)


app.command()(query)


def main():
    """Run the command; what a user can mend ends in one line and exit status 1."""
    sys.argv[1:] = [_with_home(argument) for argument in sys.argv[1:]]
    command.run(app)


def _with_home(argument):
    """Put the user's home folder in place of ~ in --out=~/runs, as shells do where ~ begins a word."""
    option, equals, value = argument.partition("=")
    return f"{option}={os.path.expanduser(value)}" if option.startswith("--") and equals else argument
