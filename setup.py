"""Puts the shipped models into the wheel, as `app/models/`; all else stands in pyproject.toml.

They lie once in the repository, in `models/`. Only those named here are shipped, whatever else
somebody has trained into that folder. The image is built from a folder without models: there they
lie in `/models` alone.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("english", "notebook")


class BuildWithModels(build_py):
    """The package, and its models beside its code; a checkout in editable mode has its own."""

    def run(self) -> None:
        """Copy the models after everything else."""
        super().run()
        if self.editable_mode or not Path("models").is_dir():
            return
        for name in SHIPPED:
            target = Path(self.build_lib, "app", "models", name)
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(Path("models", name), target)


setup(cmdclass={"build_py": BuildWithModels})
