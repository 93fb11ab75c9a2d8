"""The smoke (tests/smoke.py) with the nightly builds of TensorFlow and Keras, in an environment made for it.

python tests/next_releases.py [--venv .venv-next] [--tensorflow tf-nightly] [--keras keras-nightly]

Nightly builds come from PyPI, under names of their own, which nothing else depends on: so what kerasgan needs is
installed without TensorFlow and Keras, and what asks for these by their released names without what it asks for. The
environment is made anew each time. It ends with the smoke's exit status. A release candidate is tried with
`--tensorflow tensorflow==2.22.0rc1 --keras keras`.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib
import venv

ROOT = pathlib.Path(__file__).parents[1]
BY_RELEASED_NAME = ("tensorflow-serving-api",)  # asks for tensorflow


def needed():
    """Requirements of kerasgan and of its extra `runtimes`, by their distributions' names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["runtimes"]]
    return {re.match(r"[\w-]+", line)[0]: line for line in lines}


def main():
    """Make the environment and run the smoke in it."""
    parser = argparse.ArgumentParser(prog="python tests/next_releases.py", description=__doc__.splitlines()[0])
    parser.add_argument("--venv", type=pathlib.Path, default=ROOT / ".venv-next")
    parser.add_argument("--tensorflow", default="tf-nightly")
    parser.add_argument("--keras", default="keras-nightly")
    options = parser.parse_args()
    requirements = needed()
    del requirements["tensorflow"], requirements["keras"]
    bare = [requirements.pop(name) for name in BY_RELEASED_NAME]
    shutil.rmtree(options.venv, ignore_errors=True)
    venv.create(options.venv, with_pip=True)
    python = options.venv / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # what is newest decides, as far as TensorFlow and Keras allow
    subprocess.run([*install, options.tensorflow, options.keras, *requirements.values()], check=True)
    subprocess.run([*install, "--no-deps", *bare], check=True)
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run([str(python), "-m", "tests.smoke"], cwd=ROOT, env=quiet).returncode


if __name__ == "__main__":
    sys.exit(main())
