"""Whether what a preset says can be made anew: its picture, its numbers, its card."""

import json

import numpy as np
import pytest
from PIL import Image

from kerasgan.saving import manifest, registry
from kerasgan.visualization import image_grid
from kerasgan.zoo import card, publish, verify
from tests.end_to_end.test_cli import command
from tests.saving.conftest import NUMBER, copied, newest, rewrite_metadata


def test_verify_passes_what_was_published_and_fails_what_differs(published, monkeypatch, capsys):
    status, out, err = command(monkeypatch, capsys, "zoo", "verify", "tiny")
    assert (status, err) == (0, "") and "grid: " in out and out.endswith("verified: tiny\n")
    folder = published / "presets" / "tiny"
    picture = np.asarray(Image.open(folder / "samples.png"), int)
    for change, good in ((0, True), (1, True), (3, False)):
        shifted = np.clip(picture + np.where(picture > 127, -change, change), 0, 255)
        Image.fromarray(shifted.astype(np.uint8)).save(folder / "samples.png")
        rewrite_metadata(folder)
        status, out, err = command(monkeypatch, capsys, "zoo", "verify", folder)
        assert (status == 0) == good, (change, out, err)
        if not good:
            assert status == 1 and f"error: {folder}: grid: {change:.4f} of 255" in err and err.count("\n") == 1
    one = picture.copy()  # a sixteenth of the images is another: little in the mean of all
    left, top, right, bottom = image_grid.cells(16, 32, 32, 2)[0][5]
    one[top:bottom, left:right] = np.clip(one[top:bottom, left:right] - 3, 0, 255)
    assert 0 < np.abs(one - picture).mean() < 0.5
    Image.fromarray(one.astype(np.uint8)).save(folder / "samples.png")
    rewrite_metadata(folder, tolerance={"grid_levels": 255.0, "metrics": 99.0, "shares": 1.0})
    with pytest.raises(
        verify.NotReproduced, match=r"grid: [23]\.\d+ of 255 levels on average in image 6 of 16, at most 1"
    ):
        verify.verify(folder)
    Image.fromarray(picture[:-1].astype(np.uint8)).save(folder / "samples.png")
    rewrite_metadata(folder)
    with pytest.raises(verify.NotReproduced, match="grid: inf"):
        verify.verify(folder)


def test_the_numbers_of_the_card_are_measured_anew(run, photos, tmp_path, monkeypatch, capsys):  # noqa: F811
    scores, zoo = tmp_path / "scores.json", tmp_path / "zoo"
    measured = ["evaluate", run, "--metrics", "fid,prdc", "--features", "garments", "-n", 64, "--out", scores]
    assert command(monkeypatch, capsys, *measured)[0] == 0
    publish.publish(run, zoo, licence="none: noise", evaluation=scores)
    other = copied(run, tmp_path / "elsewhere")  # of the same name, and another model
    (checkpoint,) = (other / "checkpoints").glob("step-00000004.keras")
    newest(run).save(checkpoint)
    with pytest.raises(ValueError, match="evaluation: expected numbers of .*another file of that name"):
        publish.publish(other, tmp_path / "other", licence="none: noise", evaluation=scores)
    folder = zoo / "presets" / "tiny"
    results = json.loads(scores.read_text())["results"]
    published = json.loads((folder / "metadata.json").read_text())["metrics"]
    assert [number["value"] for number in published] == [number["value"] for number in results]
    typed = "kerasgan evaluate tiny --metrics fid,prdc --features garments -n 64"
    assert {(number["protocol"]["model"], number["protocol"]["command"]) for number in published} == {("tiny", typed)}
    text = (folder / "README.md").read_text()
    assert f"| fd[garments] | {results[0]['value']:.5g} | " in text and "`kerasgan evaluate " in text
    assert registry.load(zoo)["tiny"].metrics[0] == {
        "name": "fd[garments]",
        "value": results[0]["value"],
        "samples": 64,
    }
    status, _, err = command(monkeypatch, capsys, "zoo", "verify", folder)
    assert status == 1 and "expected --data, the path of its data" in err
    again = ["zoo", "verify", folder, "--data", photos]
    status, out, err = command(monkeypatch, capsys, *again)
    assert status == 0 and out.count(" on the card: 0.00%") == len(results) == 5, (out, err)

    def change(key, value, protocol=False):
        changed = json.loads(json.dumps(results))
        (changed[0]["protocol"] if protocol else changed[0])[key] = value
        facts = json.loads((folder / "metadata.json").read_text())
        (folder / "README.md").write_text(card.text({**facts, "metrics": changed}))
        rewrite_metadata(folder, metrics=changed)
        return command(monkeypatch, capsys, *again)

    status, _, err = change("value", results[0]["value"] * 1.1)
    assert status == 1 and f"{folder}: fd[garments]: " in err and "9.09%, at most 5%" in err
    assert command(monkeypatch, capsys, "zoo", "verify", folder, "--no-metrics")[0] == 0
    status, _, err = change("reference_samples", 123456, protocol=True)
    assert status == 1 and "fd[garments]: reference_samples: here 32, 123456 on the card" in err
    status, _, err = change("network_weights", "0" * 16, protocol=True)
    assert status == 1 and f"network_weights: here {results[0]['protocol']['network_weights']!r}, '0000" in err
    status, _, err = change("network", str(tmp_path / "mine.keras"), protocol=True)
    assert status == 1 and "fd[garments]: expected a feature network of garments, " in err
    status, _, err = change("value", float("nan"))
    assert status == 1 and "metadata.json: metrics.0.value: Input should be a finite number" in err


def test_shares_may_differ_by_a_few_samples_and_numbers_that_are_none_by_nothing():
    for name, old, new, good in (
        ("recall[x]", 0.0, 0.002, True),
        ("recall[x]", 0.0, 0.0021, False),
        ("recall[x]", 0.5, 0.524, True),
        ("recall[x]", 0.5, 0.526, False),
        ("fd[x]", 0.01, 0.0104, True),
        ("fd[x]", 0.01, 0.0106, False),
        ("fd[x]", 0.0, 0.0, True),
        ("fd[x]", 0.0, 1e-9, False),
        ("fd[x]", 0.01, float("nan"), False),
    ):
        assert verify._compared({"name": name, "value": old}, new)[1] is good, (name, old, new)


def test_verify_fails_on_a_card_and_files_that_say_something_else(published, run, tmp_path, monkeypatch, capsys):
    folder = published / "presets" / "tiny"
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    card_text = kept["README.md"].decode()

    def refused(said, stated=True, **files):
        for name, content in {**kept, **files}.items():
            (folder / name).write_bytes(content)
        if stated:
            rewrite_metadata(folder)
        status, out, err = command(monkeypatch, capsys, "zoo", "verify", folder)
        assert status == 1 and said in err and err.count("\n") == 1, (out, err)

    refused("README.md: expected ", stated=False, **{"README.md": b"# Trained by aliens\n"})
    refused("README.md: line 1: expected '---', as kerasgan", **{"README.md": b"# Trained by aliens\n"})
    for old, new in (("none: noise.", "MIT."), ("ema_decay: 0.999", "ema_decay: 0.9"), ("\n", "\r\n")):
        refused("README.md: line ", **{"README.md": card_text.replace(old, new).encode()})
    refused("; got 'Better than any other!'", **{"README.md": f"{card_text}Better than any other!".encode()})
    refused("README.md: line ", **{"README.md": b"\xff" * 2**20})
    refused(
        "samples.png: no PNG that can be read", **{"samples.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"}
    )
    (folder / "README.md").unlink()
    refused("samples.png: expected SHA-256", stated=False, **{"samples.png": kept["samples.png"][:-1] + b"x"})
    (folder / "samples.png").write_bytes(kept["samples.png"])
    facts = json.loads(kept["metadata.json"])
    (folder / "README.md").write_text(card.text({**facts, "metrics": [{**NUMBER, "value": 0.0001}]}))
    rewrite_metadata(folder, metrics=[NUMBER])
    status, _, err = command(monkeypatch, capsys, "zoo", "verify", folder, "--no-metrics")
    assert (
        status == 1
        and "README.md: line 18: expected '      value: 0.5', as" in err
        and "got '      value: 0.0001'" in err
    )


def test_metadata_of_which_no_card_can_be_made_are_no_crash(published):
    folder = published / "presets" / "tiny"
    for change in ({"data": {}}, {"image_shape": 3}, {"versions": None}, {"image_shape": [1] * 4}, {"weights": []}):
        kept = (folder / "metadata.json").read_bytes()
        rewrite_metadata(folder, **change)
        with pytest.raises(verify.NotReproduced, match="metadata.json: expected what `zoo publish` writes"):
            verify.verify(folder)
        (folder / "metadata.json").write_bytes(kept)


def test_a_card_whose_words_have_changed_is_written_anew(published, monkeypatch):
    folder = published / "presets" / "tiny"
    before = (folder / "README.md").read_text()
    (folder / "README.md").write_text(before.replace("## Training", "## How it was trained"))
    publish.renew_card("tiny", published)
    assert (folder / "README.md").read_text() == before
    assert verify.verify("tiny", metrics=False)[0].startswith("grid: ")
    entry = registry.load(published)["tiny"]
    assert all(manifest.problem(folder / name, file) is None for name, file in entry.files.items())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"training": 3}, "training: "),
        ({"metrics": [1]}, "metrics.0: "),
        ({"metrics": [{"name": "x"}]}, "metrics.0.value: Field required"),
        ({"grid": [1]}, "grid: "),
        ({"grid": {"n": 10**9, "seed": 0, "truncation": None, "columns": 8}}, "grid.n: Input should be less than"),
        ({"tolerance": {"grid_levels": float("nan"), "metrics": 0.05}}, "tolerance.grid_levels: "),
        ({"tolerance": None}, "needs a tolerance"),
        ({"recipe": 3}, "recipe: "),
        ({"name": ["a"]}, "name: "),
    ],
)
def test_metadata_that_say_something_else_are_refused(published, monkeypatch, capsys, change, said):
    folder = published / "presets" / "tiny"
    rewrite_metadata(folder, **change)
    for arguments in (["info", folder], ["verify", folder]):
        status, _, err = command(monkeypatch, capsys, "zoo", *arguments)
        assert status == 1 and f"{folder}: metadata.json: " in err and said in err and err.count("\n") == 1, err
