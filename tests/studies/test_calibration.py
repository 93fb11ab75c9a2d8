"""The study of calibration: its sets have the faults they are named for, and an interrupted study goes on."""

import json

import numpy as np
import pytest
from PIL import Image

from kerasgan.metrics.evaluation import evaluator
from kerasgan.metrics.frechet import frechet_distance
from kerasgan.studies import calibration

RNG = np.random.default_rng(0)


def test_each_set_has_its_fault():
    images, labels = RNG.integers(60, 190, (400, 16, 16, 1), dtype="uint8"), np.arange(400) % 4
    other, other_labels = RNG.integers(0, 256, (900, 16, 16, 1), dtype="uint8"), np.arange(900) % 4
    sets = calibration.spoilt(images, labels, np.random.default_rng(1), other, other_labels)
    assert all(found.dtype == np.uint8 for found in sets.values())
    moved = {name: found.astype(float)[: len(images)] - images for name, found in sets.items() if len(found) == 400}
    assert moved["noise of 16 levels"].std() == pytest.approx(16, rel=0.02)
    assert 44 < moved["noise of 48 levels"].std() < 48  # where it is cut off at 0 and 255
    assert abs(moved["noise of 16 levels"].mean()) < 0.5
    blurred = sets["means of 2 x 2 pixels"]
    means = images.astype(float).reshape(400, 8, 2, 8, 2).mean((2, 4))
    np.testing.assert_allclose(blurred[:, [0, -1]][:, :, [0, -1], 0], means[:, [0, -1]][:, :, [0, -1]], atol=0.51)
    between = means[:, 3, 3] * 9 + means[:, 4, 3] * 3 + means[:, 3, 4] * 3 + means[:, 4, 4]
    np.testing.assert_allclose(blurred[:, 7, 7, 0], between / 16, atol=0.51)
    few = sets["2 classes alone"]
    np.testing.assert_array_equal(few, other[np.isin(other_labels, [0, 1])][:400])
    assert sets["noise alone"].std() == pytest.approx(np.sqrt((256**2 - 1) / 12), rel=0.02)


@pytest.fixture
def photos(tmp_path):
    """Folders of 28-pixel images, train and test, of three classes that differ by a bright band."""
    for split, count in (("train", 30), ("test", 12)):
        for band, name in enumerate(("low", "middle", "high")):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                image = RNG.integers(0, 120, (28, 28), dtype="uint8")
                image[9 * band : 9 * band + 9] += 120
                Image.fromarray(image).save(folder / f"{index:02d}.png")
    return tmp_path / "photos"


def test_the_rows_are_distances_and_are_not_made_twice(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    sources = calibration.splits.folder_source
    monkeypatch.setattr(sources, "folder", lambda path, grey=sources.folder: grey(path, channels=1))
    out = tmp_path / "out"
    asked = []
    measure = evaluator.evaluate_images

    def watched(images, reference, metrics, **arguments):
        asked.append(arguments["name"])
        if len(asked) == 4:
            raise KeyboardInterrupt
        return measure(images, reference, metrics, **arguments)

    monkeypatch.setattr(evaluator, "evaluate_images", watched)
    with pytest.raises(KeyboardInterrupt):
        calibration.run(out, photos, n=30, image_size=28)
    content = json.loads(calibration.run(out, photos, n=30, image_size=28).read_text())
    rows = content["result"]["rows"]
    assert list(rows) == [calibration.ITSELF, *list(rows)[1:]] and len(rows) == 8 and len(asked) == 9
    assert asked[3] == asked[4]  # the interrupted one is the only one made again
    assert [one["name"] for one in rows[calibration.ITSELF]] == ["score[garments]"]
    sets, kept, _ = calibration._sets(photos, 30, 28, 0, None)
    assert not {image.tobytes() for image in kept} & {image.tobytes() for image in sets["other training images"]}
    from kerasgan.metrics import features

    network = features.load("garments")
    wanted = frechet_distance(network(sets["noise alone"])["features"], network(kept)["features"])
    assert rows["noise alone"][0]["value"] == pytest.approx(wanted, rel=1e-4)
    text = (out / "table.md").read_text()
    assert "| images | fd[garments] | kd[garments] | score[garments] | precision[garments] |" in text
    assert f"| noise alone | {wanted:.4g} |" in text and "30 images each, against photos train, 30 images" in text
    assert Image.open(out / "calibration.png").width > 1000
    with pytest.raises(ValueError, match="out: .* holds a result of other settings"):
        calibration.run(out, photos, n=20, image_size=28)
    assert len(asked) == 9


def test_too_few_images_are_named(photos, monkeypatch):
    for n, message in [(46, "at most half of the 90 training and all 36 test images; got 46"), (19, "at least 20")]:
        with pytest.raises(ValueError, match=f"n: expected .*{message}"):
            calibration.run("never", photos, n=n, image_size=28)
    with pytest.raises(ValueError, match="seed: expected an integer from 0 to 4294967295, got -1"):
        calibration.run("never", photos, n=20, image_size=28, seed=-1)
