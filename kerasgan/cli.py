"""The command `kerasgan`. TensorFlow is imported by the commands that need it, not by `--help`."""

import enum
import pathlib
import sys
from typing import Annotated

import typer

from kerasgan import quiet
from kerasgan.studies import commands as studies
from kerasgan.zoo import commands as zoo

app = typer.Typer(
    help="Train, sample, export, serve and query GANs for Keras 3.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(studies.app, name="study")
app.add_typer(zoo.app, name="zoo")

Model = Annotated[
    str, typer.Argument(help="A run folder, a .keras file, or a preset: its name (zoo list), folder or address.")
]
Seed = Annotated[int, typer.Option(help="Image i has seed SEED + i.")]
Labels = Annotated[str | None, typer.Option(help="A class, or one for each image: 3 or 0,1,2.")]
Truncation = Annotated[float | None, typer.Option(help="Bound on |z|; none by default.")]
Count = Annotated[int, typer.Option("-n", help="How many images.", min=1)]


@app.command()
def train(
    recipe: Annotated[pathlib.Path | None, typer.Argument(help="Recipe, a YAML file.")] = None,
    out: Annotated[pathlib.Path, typer.Option(help="Folder of the numbered run folders.")] = pathlib.Path("runs"),
    resume: Annotated[pathlib.Path | None, typer.Option(help="A run folder to go on with.")] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps in all; the recipe's by default.", min=1)] = None,
    data: Annotated[
        pathlib.Path | None, typer.Option(help="A folder of pictures or an .npz file, instead of the recipe's dataset.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what a step costs, and take STEPS on noise; no dataset, nothing written."),
    ] = False,
):
    """Train a recipe, or go on with a run."""
    if (recipe is None) == (resume is None):
        raise typer.BadParameter("give a recipe, or --resume RUN")
    if resume is not None and (data is not None or dry_run):
        raise typer.BadParameter("--data, --dry-run: expected with a recipe; got --resume")
    quiet.import_tensorflow()
    if dry_run:
        from kerasgan import dry_run as dry

        print(dry.run(recipe, steps or 0, data))
        return
    from kerasgan import training

    try:
        run = training.train(recipe, out, steps, data) if resume is None else training.resume(resume, steps)
    except training.Interrupted as interruption:
        print(interruption, file=sys.stderr)
        raise typer.Exit(130) from None
    print(f"run folder: {run}")


@app.command()
def sample(
    model: Model,
    n: Count = 64,
    seed: Seed = 0,
    labels: Labels = None,
    truncation: Truncation = None,
    out: Annotated[pathlib.Path, typer.Option(help="A .png file for a grid, else a folder for single images.")] = (
        pathlib.Path("samples.png")
    ),
):
    """Generate images."""
    quiet.import_tensorflow()
    from kerasgan import runs

    images = runs.load_model(model).sample(n, seed=seed, labels=_labels(labels), truncation=truncation)
    _save(out, images)


@app.command()
def export(
    model: Model,
    folder: Annotated[pathlib.Path, typer.Argument(help="Folder of the version, such as models/garments/1.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing version.")] = False,
    standing_passes: Annotated[
        int, typer.Option(help="Batches for new batch-norm statistics; 0 keeps the moving averages.", min=0)
    ] = 0,
    standing_truncation: Annotated[
        float | None, typer.Option(help="Bound on |z| in these batches; none by default.")
    ] = None,
):
    """Write a SavedModel for TensorFlow Serving."""
    if standing_truncation is not None and not standing_passes:
        raise typer.BadParameter("--standing-truncation: expected --standing-passes with it")
    quiet.import_tensorflow()
    from kerasgan import runs, standing

    loaded = runs.load_model(model)
    if standing_passes:
        loaded = standing.standing_statistics(loaded, standing_truncation, standing_passes)
    loaded.export(folder, overwrite=overwrite)
    print(f"saved model: {folder}")


class Layout(enum.StrEnum):
    """Whose state dicts `convert` reads."""

    PYTORCH_PRETRAINED_BIGGAN = "pytorch-pretrained-biggan"
    BIGGAN_PYTORCH = "biggan-pytorch"


@app.command()
def convert(
    layout: Annotated[Layout, typer.Argument(help="Whose file it is.")],
    source: Annotated[pathlib.Path, typer.Argument(help="The generator's weights: .safetensors, .pth, .pt or .bin.")],
    folder: Annotated[pathlib.Path, typer.Argument(help="Folder of the preset to write.")],
    epsilon: Annotated[
        float | None, typer.Option(help="Batch norm's epsilon in that model; the layout's usual one by default.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing folder.")] = False,
):
    """Turn published weights into a preset, which sample, export and the library load."""
    quiet.import_tensorflow()
    from kerasgan import presets
    from kerasgan.convert import biggan_pytorch, provenance, pytorch_pretrained_biggan, tensors

    if folder.exists() and not overwrite:
        raise FileExistsError(f"{folder} exists; choose another folder, or pass --overwrite")
    converters = {
        Layout.PYTORCH_PRETRAINED_BIGGAN: pytorch_pretrained_biggan,
        Layout.BIGGAN_PYTORCH: biggan_pytorch,
    }
    options = {} if epsilon is None else {"epsilon": epsilon}
    sampler = converters[layout].sampler(tensors.read(source), **options)
    facts = provenance.facts(sampler, layout, source, options)
    print(f"preset: {presets.save(sampler, folder, facts, provenance.card(facts), overwrite)}")


@app.command()
def serve(
    folder: Annotated[pathlib.Path | None, typer.Argument(help="Folder of models, or of one model's versions.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port for gRPC; 0 for any free one.")] = 8500,
    rest_port: Annotated[
        int, typer.Option("--rest-port", "--rest_api_port", help="Port for REST; 0 for any free one.")
    ] = 8501,
    model_name: Annotated[
        str | None,
        typer.Option("--model-name", "--model_name", help="Name of the model, where FOLDER holds versions."),
    ] = None,
    model_config_file: Annotated[
        pathlib.Path | None,
        typer.Option("--model-config-file", "--model_config_file", help="A models.config, instead of FOLDER."),
    ] = None,
    poll_seconds: Annotated[
        float,
        typer.Option(
            "--poll-seconds", "--file_system_poll_wait_seconds", min=0, help="Between two looks for versions; 0: one."
        ),
    ] = 1.0,
    config_poll_seconds: Annotated[
        float,
        typer.Option(
            "--config-poll-seconds",
            "--model_config_file_poll_wait_seconds",
            min=0,
            help="Between two looks at the models.config; 0: one.",
        ),
    ] = 0.0,
    allow_labels_for_unavailable: Annotated[
        bool,
        typer.Option(
            "--allow-labels-for-unavailable",
            "--allow_version_labels_for_unavailable_models",
            help="New labels may be given to versions that are not loaded yet.",
        ),
    ] = False,
    monitoring_config_file: Annotated[
        pathlib.Path | None,
        typer.Option(
            "--monitoring-config-file", "--monitoring_config_file", help="Where metrics are shown, and whether."
        ),
    ] = None,
    cors: Annotated[
        bool,
        typer.Option("--cors", "--rest_api_enable_cors_support", help="Web pages from elsewhere may use REST."),
    ] = False,
):
    """Serve models over TensorFlow Serving's gRPC and REST API until interrupted."""
    if (folder is None) == (model_config_file is None):
        raise typer.BadParameter("give a folder, or --model-config-file FILE")
    quiet.import_tensorflow()
    from kerasgan import server
    from kerasgan.server import monitoring

    metrics_path = monitoring.DEFAULT_METRICS_PATH
    if monitoring_config_file is not None:
        metrics_path = monitoring.read_metrics_path(monitoring_config_file)
    if folder is not None:
        running = server.serve(
            folder, host, port, rest_port, model_name, poll_seconds, metrics_path=metrics_path, cors=cors
        )
    else:
        running = server.serve_config(
            model_config_file,
            host,
            port,
            rest_port,
            poll_seconds,
            config_poll_seconds,
            allow_labels_for_unavailable,
            metrics_path=metrics_path,
            cors=cors,
        )
    with running:
        where = f"gRPC {host}:{running.port}  REST http://{host}:{running.rest_port}  (Ctrl-C stops)"
        running.wait(on_ready=lambda: print(where, flush=True))


@app.command()
def query(
    model: Annotated[str, typer.Argument(help="Name of a served model.")],
    server: Annotated[str, typer.Option(help="HOST:PORT for gRPC, or http://HOST:PORT for REST.")] = "127.0.0.1:8500",
    n: Count = 1,
    seed: Seed = 0,
    labels: Labels = None,
    truncation: Truncation = None,
    out: Annotated[pathlib.Path, typer.Option(help="A .png file for a grid, else a folder for single images.")] = (
        pathlib.Path("query.png")
    ),
):
    """Ask a server for images."""
    from kerasgan import client

    with client.connect(server, model=model) as connection:
        images = connection.generate(n=n, seed=seed, labels=_labels(labels), truncation=truncation)
    _save(out, images)


def _labels(text):
    if text is None:
        return None
    try:
        values = [int(piece) for piece in text.split(",")]
    except ValueError:
        raise ValueError(f"--labels: expected integers separated by commas; got {text!r}") from None
    return values[0] if len(values) == 1 else values


def _save(out, images):
    from kerasgan import pictures

    if out.suffix.lower() == ".png":
        print(f"picture: {pictures.save_grid(out, images)}")
    else:
        print(f"{len(pictures.save_each(out, images))} pictures: {out}")


def main():
    """Run the command; what a user can mend ends in one line and exit status 1."""
    try:
        app()
    except (ValueError, OSError, RuntimeError, FloatingPointError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
