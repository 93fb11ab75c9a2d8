"""What the pages of docs/ tell a reader to write and to type."""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]


def text(name):
    """The text of a page, such as "tutorials/serving.md"."""
    return (ROOT / "docs" / name).read_text()


def blocks(page, language):
    """The code of a text in a language, block by block; those with a title are files, not meant."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def files(page):
    """The files that a page shows: their names, which stand as titles, to their content."""
    return dict(re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```', page, re.MULTILINE | re.DOTALL))


def section(page, heading):
    """What stands under a heading of second rank."""
    return re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)[1]


def shell(line, folder):
    """Run a line as a reader does in a folder; returns what it said."""
    done = _run(line, folder)
    assert done.returncode == 0, (line, done.stdout, done.stderr)
    return done.stdout


def fails(line, folder):
    """Run a line that is to end with status 1; returns what it said of the error."""
    done = _run(line, folder)
    assert done.returncode == 1, (line, done.stdout, done.stderr)
    return done.stderr


def _run(line, folder):
    path = f"{pathlib.Path(sys.executable).parent}:/usr/bin:/bin"
    values = os.environ | {"PYTHONPATH": str(ROOT), "PATH": path}
    return subprocess.run(line, shell=True, cwd=folder, env=values, capture_output=True, text=True, timeout=600)
