"""The commands `kerasgan study ...`, one a study. TensorFlow is imported by the studies, not by `--help`."""

import typer

app = typer.Typer(help="Run one of the sources' experiments: a picture and a JSON result.", no_args_is_help=True)
