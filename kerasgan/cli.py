"""The command `kerasgan`. TensorFlow is imported by the commands that need it, not by `--help`."""

import enum
import pathlib
import sys
from typing import Annotated

import typer

from kerasgan import command_line, quiet
from kerasgan.command_line import Count, Labels, Seed, Truncation
from kerasgan.query import query
from kerasgan.serve import ServeCommand, serve
from kerasgan.studies import commands as studies

app = typer.Typer(
    help="Train, sample, export, serve and query GANs for Keras 3.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(studies.app, name="study")

Model = Annotated[pathlib.Path, typer.Argument(help="A run folder, a preset's folder, or a .keras file.")]


@app.command()
def train(
    recipe: Annotated[pathlib.Path | None, typer.Argument(help="Recipe, a YAML file.")] = None,
    out: Annotated[pathlib.Path, typer.Option(help="Folder of the numbered run folders.")] = pathlib.Path("runs"),
    resume: Annotated[pathlib.Path | None, typer.Option(help="A run folder to go on with.")] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps in all; the recipe's by default.", min=1)] = None,
):
    """Train a recipe, or go on with a run."""
    if (recipe is None) == (resume is None):
        raise typer.BadParameter("give a recipe, or --resume RUN")
    quiet.import_tensorflow()
    from kerasgan import training

    try:
        run = training.train(recipe, out, steps) if resume is None else training.resume(resume, steps)
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

    images = runs.load_model(model).sample(n, seed=seed, labels=command_line.label_list(labels), truncation=truncation)
    command_line.save_images(out, images)


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


app.command(cls=ServeCommand)(serve)


app.command()(query)


def main():
    """Run the command; what a user can mend ends in one line and exit status 1."""
    command_line.run(app)
