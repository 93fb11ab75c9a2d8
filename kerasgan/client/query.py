"""The command `kerasgan query`, alone also `kerasgan-query`: images from a server."""

import pathlib
from typing import Annotated

import typer

from ..utils import classes
from . import command
from .command import Count, Labels, Seed, Seeds, ToSeed, Truncation


def query(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Name of a served model.")],
    server: Annotated[
        str, typer.Option(help="HOST:PORT for gRPC, or http://HOST:PORT for REST; grpcs:// and https:// with TLS.")
    ] = "127.0.0.1:8500",
    n: Count = 1,
    seed: Seed = 0,
    seeds: Seeds = None,
    to_seed: ToSeed = None,
    labels: Labels = None,
    truncation: Truncation = None,
    out: Annotated[pathlib.Path, typer.Option(help=command.OUT)] = (pathlib.Path("query.png")),
    ca_file: Annotated[
        pathlib.Path | None, typer.Option(help="With TLS: PEM file of the authorities to trust; the usual ones.")
    ] = None,
    certificate_file: Annotated[
        pathlib.Path | None, typer.Option(help="With mutual TLS: PEM file of the client's certificate.")
    ] = None,
    key_file: Annotated[
        pathlib.Path | None, typer.Option(help="With mutual TLS: PEM file of the certificate's key.")
    ] = None,
):
    """Ask a server for images."""
    command.check_seeds(context)
    from .client import connect  # here, so that `--help` is quick

    with connect(server, model, ca_file=ca_file, certificate_file=certificate_file, key_file=key_file) as connection:
        _, count, names = connection.classes()
        options = {"labels": classes.of_text(labels, names), "truncation": truncation}
        if to_seed is None:
            images = connection.generate(seeds=command.seeds_of_text(seeds, n, seed), **options)
        else:
            images = connection.interpolate(seed, to_seed, n, **options)
    in_turn = labels is None and to_seed is None
    command.save_images(out, images, count if in_turn else None, names)


def main():
    """Run the command on its own."""
    command.run(lambda: typer.run(query))
