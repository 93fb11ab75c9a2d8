"""The command `kerasgan query`, alone also `kerasgan-query`: images from a server."""

import contextlib
import pathlib
import sys
import threading
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
    timeout: Annotated[float, typer.Option(help="Seconds to wait for a server that does not answer yet.", min=0)] = 10,
):
    """Ask a server for images."""
    command.check_seeds(context)
    chosen = command.seeds_of_text(seeds, n, seed)
    command.check_out(out)
    from .client import connect  # here, so that `--help` is quick

    with connect(
        server, model, timeout, ca_file=ca_file, certificate_file=certificate_file, key_file=key_file
    ) as connection:
        with _told_of_waiting(server, timeout):
            _, count, names = connection.classes()
        options = {"labels": classes.of_text(labels, names), "truncation": truncation}
        if to_seed is None:
            images = connection.generate(seeds=chosen, **options)
        else:
            images = connection.interpolate(seed, to_seed, n, **options)
    in_turn = labels is None and to_seed is None
    command.save_images(out, images, count if in_turn else None, names)


@contextlib.contextmanager
def _told_of_waiting(server, timeout):
    """Say that a server is waited for, and in the end how to start one."""
    waiting = threading.Timer(1, print, [f"waiting for {server}, at most {timeout:g} s"], {"file": sys.stderr})
    waiting.start()
    try:
        yield
    except ConnectionError as error:
        raise ConnectionError(f"--server: {error}. `kerasgan serve FOLDER` starts a server") from None
    finally:
        waiting.cancel()


def main():
    """Run the command on its own."""
    app = typer.Typer(add_completion=False)
    app.command()(query)
    command.run(app)
