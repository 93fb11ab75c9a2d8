"""The commands `kerasgan study ...`, one a study. TensorFlow is imported by the studies, not by `--help`."""

import pathlib
from typing import Annotated

import typer

from kerasgan.cli import numbers
from kerasgan.client import command
from kerasgan.utils import messages, tf_runtime
from kerasgan.utils.tf_runtime import Precision

app = typer.Typer(help="Run one of the sources' experiments: a picture and a JSON result.", no_args_is_help=True)

Classifier = Annotated[
    pathlib.Path, typer.Option(help="Folder of garment_classifier.keras, which is trained first where it is missing.")
]
Out = Annotated[pathlib.Path, typer.Option(help="Output folder.", file_okay=False)]
ResumableOut = Annotated[
    pathlib.Path, typer.Option(help="Output folder; what was interrupted goes on in it.", file_okay=False)
]
DataDir = Annotated[pathlib.Path | None, typer.Option(help="TFDS's folder; ~/tensorflow_datasets by default.")]

# of the studies `collapse` and `freeze`, which begin with the same training
CollapseSteps = Annotated[int, typer.Option(help="Healthy training steps.", min=1)]
CollapseMore = Annotated[int, typer.Option(help="Training steps of each branch.", min=1)]
CollapseGrowth = Annotated[float, typer.Option(help="What learning rates are multiplied by at each look after them.")]
CollapseEvery = Annotated[int, typer.Option(help="Training steps between two looks of the guard.", min=1)]
CollapseSeed = Annotated[int, typer.Option(help="Seed of weights and training.", min=0)]


@app.command()
def deligan(
    out: Out = pathlib.Path("studies/deligan"),
    steps: Annotated[int, typer.Option(help="Training steps with 500 images.", min=1)] = 3000,
    toy_steps: Annotated[int, typer.Option(help="Training steps with 400 points.", min=1)] = 20000,
    seeds: Annotated[int, typer.Option(help="Trainings of each kind.", min=1)] = 3,
    by_slot: Annotated[bool, typer.Option(help="Row i of a training batch comes from component i.")] = True,
    classifier: Classifier = pathlib.Path("studies"),
    data_dir: DataDir = None,
):
    """DeLiGAN's learned mixture against normal latents, where data are few (arXiv:1706.02071)."""
    tf_runtime.import_tensorflow()
    from kerasgan.studies import deligan as study

    print(f"result: {study.run(out, steps, toy_steps, seeds, by_slot, classifier, data_dir)}")


@app.command()
def overfitting(
    out: Out = pathlib.Path("studies/overfitting"),
    steps: Annotated[int, typer.Option(help="Generator updates.", min=1)] = 1500,
    every: Annotated[int, typer.Option(help="Steps between two evaluations.", min=1)] = 25,
    seed: Annotated[int, typer.Option(help="Seed of weights, latents and choice of images.", min=0)] = 0,
    filters: Annotated[int, typer.Option(help="Channels of the generator's smallest layer.", min=1)] = 8,
    critic_filters: Annotated[int, typer.Option(help="Channels of the critic's smallest layer.", min=1)] = 32,
    data_dir: DataDir = None,
):
    """WGAN-GP's critic on 1,000 training images and on held-out ones (arXiv:1704.00028, figure 5b)."""
    tf_runtime.import_tensorflow()
    from kerasgan.studies import overfitting as study

    print(f"result: {study.run(out, steps, every, seed, filters, critic_filters, data_dir)}")


@app.command()
def low_data(
    data: Annotated[
        pathlib.Path | None, typer.Option(help="A folder of pictures or an .npz file; 500 of Fashion-MNIST by default.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Training steps of each method, batches of 50.", min=1)] = 3000,
    every: Annotated[int, typer.Option(help="Steps between two measurements of the distance.", min=1)] = 500,
    n: Annotated[int, typer.Option("--n", "-n", help="Images generated for each.", min=2)] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of weights, training and choice of images.", min=0)] = 0,
    filters: Annotated[int, typer.Option(help="Channels of the smallest layer of either network.", min=1)] = 16,
    methods: Annotated[str, typer.Option(help="Some of them, with commas.")] = "plain,DiffAugment,ADA,DeLiGAN",
    features: Annotated[
        str | None, typer.Option(help="The feature network: garments, or efficientnet-lite0 with --data.")
    ] = None,
    out: ResumableOut = pathlib.Path("studies/low-data"),
    data_dir: DataDir = None,
):
    """Plain, DiffAugment, adaptive augmentation and DeLiGAN where pictures are few; the critic's overfitting."""
    tf_runtime.import_tensorflow()
    from kerasgan.studies import low_data as study

    names = tuple(name.strip() for name in methods.split(","))
    with messages.renamed("data"):
        path = study.run(out, steps, every, n, seed, filters, data, names, features, data_dir)
    print(f"result: {path}")


@app.command()
def random_architectures(
    out: ResumableOut = pathlib.Path("studies/random-architectures"),
    architectures: Annotated[int, typer.Option(help="How many are drawn; two trainings each.", min=1)] = 20,
    steps: Annotated[int, typer.Option(help="Generator updates of each training.", min=1)] = 500,
    filters_scale: Annotated[float, typer.Option(help="Factor of the paper's 32, 64 or 128 filters.")] = 0.25,
    batch_size: Annotated[int, typer.Option(help="Images of an update.", min=1)] = 64,
    seed: Annotated[int, typer.Option(help="Seed of the draw and the trainings.", min=0)] = 0,
    classifier: Classifier = pathlib.Path("studies"),
    data_dir: DataDir = None,
):
    """How many random architectures SGAN and WGAN-GP train (arXiv:1704.00028, section 5.1)."""
    tf_runtime.import_tensorflow()
    from kerasgan.studies import random_architectures as study

    print(f"result: {study.run(out, architectures, steps, filters_scale, batch_size, seed, classifier, data_dir)}")


@app.command()
def objectives(
    recipes: Annotated[
        str | None, typer.Option(help="Recipes with commas; by default those of Fashion-MNIST in zoo/recipes.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Generator updates of each.", min=1)] = 2000,
    n: Annotated[int, typer.Option("--n", "-n", help="Images measured of each.", min=2)] = 50_000,
    metrics: Annotated[str, typer.Option(help="As of `kerasgan evaluate`.")] = "fid,prdc",
    features: Annotated[str, typer.Option(help="The feature network.")] = "garments",
    timed: Annotated[bool, typer.Option("--timed", help="Time steps of all; wanted is an idle machine.")] = False,
    out: ResumableOut = pathlib.Path("studies/objectives"),
    seeds: Annotated[
        str, typer.Option(help="Seeds of the trainings, such as 0-2; of several the table has means and ranges.")
    ] = "0",
    precision: Annotated[Precision | None, typer.Option(help="Of the trainings, as of `kerasgan train`.")] = None,
):
    """Every objective with the same number of updates on the same images: scores, costs, a grid each."""
    tf_runtime.import_tensorflow()
    from kerasgan.studies import objectives as study

    paths = None if recipes is None else [one.strip() for one in recipes.split(",")]
    several = command.seeds_of_text(seeds, 1, 0)
    print(f"table: {study.run(paths, steps, n, metrics, features, timed, out, several, precision)}")


@app.command()
def toy(
    data: Annotated[str, typer.Option(help="eight_gaussians, twenty_five_gaussians or swiss_roll.")] = (
        "eight_gaussians"
    ),
    objectives: Annotated[str, typer.Option(help="all, or names separated by commas: WGANGP,TSGAN.")] = "all",
    steps: Annotated[int | None, typer.Option(help="Training steps of each; its own by default.", min=1)] = None,
    seconds: Annotated[
        float | None, typer.Option(help="End each training after this time; the result then depends on the machine.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of weights, latents and data.", min=0)] = 0,
    out: ResumableOut = pathlib.Path("studies/toy"),
):
    """Every objective on points whose distribution is known: modes covered, W1, JS, critic surfaces."""
    tf_runtime.import_tensorflow()
    from kerasgan.studies import toy as study

    names = None if objectives == "all" else [name.strip() for name in objectives.split(",")]
    study.run(data, names, steps, seconds, seed, out)
    print(f"{out / 'table.md'}\n{out / 'samples.png'}\n{out / 'result.json'}")


@app.command()
def critic_surfaces(
    steps: Annotated[int, typer.Option(help="Critic updates.", min=1)] = 2500,
    seed: Annotated[int, typer.Option(help="Seed of weights and data.", min=0)] = 0,
    out: Out = pathlib.Path("studies/critic_surfaces"),
):
    """Critics trained to optimality with clipping and with a gradient penalty (arXiv:1704.00028, figure 1a)."""
    tf_runtime.import_tensorflow()
    from kerasgan.studies import critic_surfaces as study

    study.run(steps, seed, out)
    print(f"{out / 'surfaces.png'}\n{out / 'result.json'}")


@app.command()
def gradient_norms(
    steps: Annotated[int, typer.Option(help="Critic updates.", min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of weights and data.", min=0)] = 0,
    out: Out = pathlib.Path("studies/gradient_norms"),
):
    """Gradients through critics of 12 layers, for three clips and a gradient penalty (arXiv:1704.00028, figure 1b)."""
    tf_runtime.import_tensorflow()
    from kerasgan.studies import gradient_norms as study

    study.run(steps, seed, out)
    print(f"{out / 'norms.png'}\n{out / 'result.json'}")


@app.command()
def characters(
    text: Annotated[
        pathlib.Path | None, typer.Option(help="A UTF-8 file of lines; the Brown corpus, fetched once, by default.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Generator updates in all.", min=1)] = 1200,
    filters: Annotated[int, typer.Option(help="Channels of the networks; 512 in the paper.", min=1)] = 64,
    critic_steps: Annotated[int, typer.Option(help="Critic updates a generator update.", min=1)] = 10,
    every: Annotated[int, typer.Option(help="Generator updates between two measurements.", min=1)] = 50,
    seed: Annotated[int, typer.Option(help="Seed of weights, latents and the order of the lines.", min=0)] = 0,
    out: ResumableOut = pathlib.Path("studies/characters"),
):
    """A WGAN-GP that writes lines of English, and the JS of their n-grams (arXiv:1704.00028, section 5.4)."""
    tf_runtime.import_tensorflow()
    from kerasgan.studies import characters as study

    study.run(text, steps, filters, critic_steps, every, seed, out)
    print(f"{out / 'characters.png'}\n{out / 'samples.txt'}\n{out / 'result.json'}")


@app.command()
def truncation(
    model: Annotated[str, typer.Option(help="A run folder, a .keras file, or a preset.")],
    truncations: Annotated[str, typer.Option(help="Bounds on |z|, separated by commas; inf for none.")] = (
        "0.05,0.1,0.2,0.35,0.5,0.7,1,1.4,2"
    ),
    metrics: Annotated[
        str, typer.Option(help="As for `kerasgan evaluate`; the first two numbers make the curve.")
    ] = "fid,is",
    features: Annotated[str, typer.Option(help="The feature network.")] = "garments",
    n: Annotated[int, typer.Option("--n", "-n", help="Images at each threshold.", min=2)] = 5000,
    seed: Annotated[int, typer.Option(help="Image i has seed SEED + i.", min=0)] = 0,
    standing_passes: Annotated[
        int, typer.Option(help="Batches for new batch-norm statistics at each bound; 0 keeps the training's.", min=0)
    ] = 0,
    data: Annotated[
        str | None, typer.Option(help="Real images: a run, a recipe, a folder or a TFDS name; the run's by default.")
    ] = None,
    out: Out = pathlib.Path("studies/truncation"),
    data_dir: DataDir = None,
):
    """Fidelity against variety as latents are truncated (arXiv:1809.11096, figures 2 and 17)."""
    tf_runtime.import_tensorflow()
    from kerasgan.studies import truncation_sweep as study

    bounds = numbers.of_text("--truncations", truncations)
    with messages.renamed("data"):
        path = study.run(model, out, bounds, metrics, features, n, seed, standing_passes, data, data_dir)
    print(f"result: {path}")


@app.command()
def collapse(
    out: Out = pathlib.Path("studies/collapse"),
    steps: CollapseSteps = 600,
    more: CollapseMore = 400,
    growth: CollapseGrowth = 1.25,
    every: CollapseEvery = 10,
    seed: CollapseSeed = 0,
    data_dir: DataDir = None,
):
    """A training made to collapse: unguarded, with a guard that warns, with one that rolls back."""
    tf_runtime.import_tensorflow()
    from kerasgan.studies import collapse as study

    print(f"result: {study.run(out, steps, more, growth, every, seed, data_dir)}")


@app.command()
def freeze(
    out: Out = pathlib.Path("studies/freeze"),
    steps: CollapseSteps = 600,
    more: CollapseMore = 400,
    growth: CollapseGrowth = 1.25,
    every: CollapseEvery = 10,
    seed: CollapseSeed = 0,
    data_dir: DataDir = None,
):
    """Freezing the generator or the critic shortly before a collapse (arXiv:1809.11096, section 4.2)."""
    tf_runtime.import_tensorflow()
    from kerasgan.studies import freeze as study

    print(f"result: {study.run(out, steps, more, growth, every, seed, data_dir)}")


@app.command()
def classifier(
    out: Out = pathlib.Path("studies/classifier"),
    epochs: Annotated[int, typer.Option(help="Passes over the training images.", min=1)] = 4,
    seed: Annotated[int, typer.Option(help="Seed of weights, order and dropout.", min=0)] = 0,
    data_dir: DataDir = None,
):
    """Train the feature network `garments`: garments.weights.h5, and garments.json with its accuracy."""
    tf_runtime.import_tensorflow()
    from kerasgan.metrics.features import garments as network

    facts = network.train(out, epochs, seed, data_dir)
    print(f"{out / network.PUBLISHED.weights}: accuracy {facts['accuracy']}")


@app.command()
def cifar10_classifier(
    real: Annotated[
        str, typer.Option(help="A TFDS dataset with splits train and test, or a folder with train and test (or .npz).")
    ] = "cifar10",
    out: ResumableOut = pathlib.Path("studies/cifar10-classifier"),
    epochs: Annotated[int, typer.Option(help="Passes over the training images.", min=1)] = 16,
    seed: Annotated[int, typer.Option(help="Seed of weights, order, crops and flips.", min=0)] = 0,
    bfloat16: Annotated[bool, typer.Option("--bfloat16", help="Compute in bfloat16.")] = False,
    data_dir: DataDir = None,
):
    """Train the feature network `cifar10`: cifar10.weights.h5, and cifar10.json with its accuracy."""
    tf_runtime.import_tensorflow()
    from kerasgan.metrics.features import cifar10 as network
    from kerasgan.utils.precision import precision

    with precision("bfloat16" if bfloat16 else "float32"), messages.renamed("real"):
        facts = network.train(out, real, epochs, seed, data_dir)
    print(f"{out / network.PUBLISHED.weights}: accuracy {facts['accuracy']}")


@app.command()
def calibration(
    real: Annotated[
        str, typer.Option(help="A TFDS dataset with splits train and test, or a folder with train and test (or .npz).")
    ] = "fashion_mnist",
    features: Annotated[str, typer.Option(help="The feature network, as for `kerasgan evaluate`.")] = "garments",
    n: Annotated[int, typer.Option("--n", "-n", help="Images of each set and of the reference.", min=20)] = 5000,
    image_size: Annotated[int, typer.Option(help="Height and width of the images.", min=1)] = 32,
    seed: Annotated[int, typer.Option(help="Seed of the choice of images and of the noise.", min=0)] = 0,
    out: ResumableOut = pathlib.Path("studies/calibration"),
    data_dir: DataDir = None,
):
    """What the measures say of real images and of spoilt ones: blurred, noisy, of few classes."""
    tf_runtime.import_tensorflow()
    from kerasgan.studies import calibration as study

    with messages.renamed("real"):
        path = study.run(out, real, features, n, image_size, seed, data_dir)
    print(f"{(out / 'table.md').read_text()}result: {path}")
