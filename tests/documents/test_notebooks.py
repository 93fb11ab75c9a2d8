"""The notebooks of docs/notebooks: each runs from beginning to end, and its stored outputs are of its code.

`python -m tests.documents.test_notebooks` runs them as they stand, and stores what they show without what is noise.
"""

import json
import pathlib

import pytest

from tests.conftest import needs_fashion_mnist
from tests.documents import pages

NOTEBOOKS = sorted((pages.ROOT / "docs" / "notebooks").glob("*.ipynb"))
FEWER = {"STEPS = 4000": "STEPS = 6", "n=2000": "n=200"}


def run(path, folder, changes):
    """Run a notebook in a folder, with other texts in its code; returns it with its outputs."""
    needed = [
        pytest.importorskip(name, reason=f"needs {name}: pip install 'kerasgan[notebooks]'")
        for name in ("nbformat", "nbclient", "ipykernel")
    ]
    nbformat, client, _ = needed
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        for text, other in changes.items():
            cell.source = cell.source.replace(text, other)
    return client.NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(folder)}}).execute()


def pictures(notebook):
    """How many pictures a notebook shows."""
    outputs = [output for cell in notebook["cells"] if cell["cell_type"] == "code" for output in cell["outputs"]]
    return sum("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.slow
@needs_fashion_mnist
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(pages.ROOT))
    assert any(text in path.read_text() for text in FEWER)
    assert pictures(run(path, tmp_path, FEWER)) >= 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_stored_shows_pictures_and_no_noise(path):
    text = path.read_text()
    notebook = json.loads(text)
    assert pictures(notebook) >= 3 and len(text) < 600_000
    assert '"stderr"' not in text and "Traceback" not in text and "image/jpeg" not in text
    counts = [cell["execution_count"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))


def is_noise(output):
    """Whether an output is a warning, or what TensorFlow tells while it saves."""
    return output.get("name") == "stderr" or output.get("text", "").startswith("INFO:tensorflow")


def main(folder):
    """Run the notebooks as they are, and store them: pictures, results and lines that are printed."""
    import nbformat

    for path in NOTEBOOKS:
        notebook = run(path, folder, {})
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)  # times
            if cell.cell_type == "code":
                cell.outputs = [one for one in cell.outputs if not is_noise(one)]
                for one in cell.outputs:
                    one.get("data", {}).pop("image/jpeg", None)
                    one.get("data", {}).pop("text/plain", None) if "image/png" in one.get("data", {}) else None
        nbformat.write(notebook, path)


if __name__ == "__main__":
    main(pathlib.Path("."))
