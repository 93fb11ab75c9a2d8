"""The commands `kerasgan zoo ...`. TensorFlow is imported by `publish` and `verify` alone."""

import pathlib
from typing import Annotated

import typer

from kerasgan.cli import numbers
from kerasgan.utils import messages, tf_runtime

app = typer.Typer(help="Pretrained generators: list, show, download, verify, publish.", no_args_is_help=True)

# how `zoo info` tells a part of a preset's metadata, where its key and value do not do
_WORDS = {
    "which": "{}",
    "dtype": "stored in {}",
    "levels": "which changes the picture by {} of 255 levels",
    "name": "{}",
}

Name = Annotated[str, typer.Argument(help="A name of `zoo list`, a preset's folder, or its address.")]


@app.command("list")
def list_():
    """Show the presets of the registry."""
    from kerasgan.saving import registry

    rows = [("NAME", "IMAGES", "CLASSES", "PARAMETERS", "SIZE", "WHAT")]
    for name, entry in registry.load().items():
        shape = "x".join(map(str, entry.image_shape))
        size = "convert" if entry.convert else _bytes(entry.size)
        rows.append((name, shape, str(entry.num_classes or "-"), f"{entry.parameters:,}", size, entry.summary))
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


@app.command()
def info(name: Name):
    """Show what is known about a preset; nothing but its metadata is downloaded."""
    from kerasgan.saving import manifest, registry, sources

    known = {} if sources.is_address(name) or pathlib.Path(name).is_dir() else {name: registry.entry(name)}
    if name in known and known[name].convert:
        entry = known[name]
        print(f"{name}: {entry.summary}\ndata: {entry.data.name}, licence: {entry.data.licence}")
        print("\n".join(["to convert:", *(f"  {line}" for line in entry.convert.commands(name))]))
        if entry.convert.note:
            print(entry.convert.note)
        return
    facts = sources.metadata(name)
    print(_printable(f"{facts.get('name', name)}: {facts.get('summary', '')}".rstrip()))
    for key in ("image_shape", "num_classes", "objective", "latent", "trainable_parameters", "weights", "data"):
        if key in facts:
            print(_printable(f"{key.replace('_', ' ')}: {_plain(facts[key])}"))
    for key in ("command", "steps", "seconds"):
        if key in (facts.get("training") or {}):
            print(_printable(f"{key}: {_plain(facts['training'][key])}"))
    has_critic = manifest.with_critic(facts["files"]) is not None
    print(f"critic: {'yes, --start-from goes on with it' if has_critic else 'no'}")
    for metric in facts.get("metrics", []):
        print(_printable(f"{metric['name']}: {metric['value']:.5g} ({metric['protocol']['samples']:,} samples)"))
    for file, described in facts["files"].items():
        print(f"  {file}: {_bytes(described.size)}, sha256 {described.sha256}")


@app.command()
def pull(
    name: Name,
    training: Annotated[bool, typer.Option("--training", help="Critic and optimizers too, to go on with.")] = False,
):
    """Download a preset into the cache, and print its folder."""
    from kerasgan.saving import manifest, sources

    files = sources.metadata(name)["files"]
    more = manifest.training(files, name) if training else ()
    names = (*manifest.GENERATOR, *manifest.SHOWN, *more)
    print(f"preset: {sources.folder(name, names)}")


@app.command()
def verify(
    name: Name,
    metrics: Annotated[bool, typer.Option(help="Whether to measure its numbers anew.")] = True,
    data: Annotated[
        str | None, typer.Option(help="Path of its data, if it was trained on a folder, an .npz file or lines.")
    ] = None,
):
    """Make the grid of a preset's card anew and measure its numbers anew; fail if they differ."""
    tf_runtime.import_tensorflow()
    from kerasgan.zoo import verify as zoo_verify

    with messages.renamed("data"):
        lines = zoo_verify.verify(name, metrics, data)
    print("\n".join(lines))
    print(f"verified: {name}")


@app.command()
def publish(
    run: Annotated[pathlib.Path, typer.Argument(help="A run folder.")],
    licence: Annotated[str, typer.Option(help="Of the data that it was trained on.")],
    name: Annotated[str | None, typer.Option(help="Of the preset; the recipe's by default.")] = None,
    zoo: Annotated[pathlib.Path, typer.Option(help="Folder of registry.json and presets/.")] = pathlib.Path("zoo"),
    summary: Annotated[str, typer.Option(help="A sentence about the model.")] = "",
    evaluation: Annotated[pathlib.Path | None, typer.Option(help="The JSON file of `kerasgan evaluate --out`.")] = None,
    float16: Annotated[bool, typer.Option("--float16", help="Store the kernels in half the bytes.")] = False,
    training: Annotated[bool, typer.Option("--training", help="Store critic and optimizers too.")] = False,
    critic: Annotated[
        bool, typer.Option("--critic", help="Store the critic too, in half the bytes, without optimizers.")
    ] = False,
    source: Annotated[
        str | None, typer.Option(help="Address where the files will lie, such as hf://user/repo.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a preset of that name.")] = False,
    nearest: Annotated[
        str | None, typer.Option(help="Show the nearest training images by this feature network.", metavar="FEATURES")
    ] = None,
    truncations: Annotated[
        str | None, typer.Option(help="Show the same images at these bounds on |z|, such as 1,0.5,0.2.")
    ] = None,
    hub: Annotated[
        str | None, typer.Option(help="Upload it to this repository of the Hugging Face Hub.", metavar="USER/NAME")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="With --hub, for its owner alone.")] = False,
):
    """Make a preset of a run, with its card, its pictures and its place in the registry."""
    if hub is not None and source is not None:
        raise ValueError("--source: expected none with --hub, which says where the files will lie")
    if hub is not None:
        from kerasgan.saving import hugging_face

        hugging_face.check_repository(hub)  # before there is a preset with that address
    tf_runtime.import_tensorflow()
    from kerasgan.zoo import hub as zoo_hub
    from kerasgan.zoo import publish as zoo_publish

    folder = zoo_publish.publish(
        run,
        zoo,
        name,
        licence,
        summary,
        evaluation,
        float16,
        training,
        source if hub is None else f"hf://{hub}",
        overwrite,
        nearest,
        numbers.of_text("--truncations", truncations),
        critic,
    )
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"preset: {folder}, {_bytes(size)}")
    if hub is not None:
        print(f"uploaded: {zoo_hub.push(folder, hub, private)}")


def _bytes(count):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024


def _printable(text):
    """A stranger's text without what would command the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _plain(value):
    """A value of a preset's metadata in words, whatever a stranger has put there."""
    if isinstance(value, dict):
        return ", ".join(_WORDS.get(key, f"{key} {{}}").format(_plain(part)) for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
