"""The README's Python examples run as printed, in order, in one empty folder."""

import pathlib
import re
import subprocess
import sys

from tests.conftest import needs_fashion_mnist

ROOT = pathlib.Path(__file__).parents[1]


@needs_fashion_mnist
def test_python_examples_run_as_printed(tmp_path):
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(examples) >= 2
    for number, example in enumerate(examples):
        path = tmp_path / f"example_{number}.py"
        path.write_text(example)
        done = subprocess.run([sys.executable, path.name], cwd=tmp_path, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{example}\n{done.stderr}"
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert {"models/garments/1/saved_model.pb", "served.png"} <= made
    assert [name for name in made if re.fullmatch(r"samples/step-\d{8}\.png", name)]
