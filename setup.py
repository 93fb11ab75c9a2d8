"""Puts the zoo, which lies at the top of the repository, into the package of a wheel."""

import pathlib
import shutil

from setuptools import setup
from setuptools.command.build_py import build_py

_SHIPPED = ("registry.json", "presets", "recipes", "features")


class BuildWithZoo(build_py):
    """Copies `zoo/` to `kerasgan/_zoo/`; an editable install finds it in the repository."""

    def run(self):
        """Copy it after the modules."""
        super().run()
        if self.editable_mode:
            return
        zoo = pathlib.Path(__file__).parent / "zoo"
        for path in (path for name in _SHIPPED for path in (zoo / name, *(zoo / name).rglob("*"))):
            if path.is_file():
                target = pathlib.Path(self.build_lib) / "kerasgan" / "_zoo" / path.relative_to(zoo)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


setup(cmdclass={"build_py": BuildWithZoo})
