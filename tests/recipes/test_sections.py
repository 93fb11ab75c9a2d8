"""Recipes of text and of points: trained, shown, measured, published and loaded as those of images are."""

import collections
import json
import math

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from scipy.spatial.distance import jensenshannon

import kerasgan
from kerasgan import data
from kerasgan.data import text
from kerasgan.metrics import divergences, features, modes
from kerasgan.metrics.evaluation import evaluator, measures
from kerasgan.recipes import recipe, sections
from kerasgan.training import dry_run, evaluation, runner
from kerasgan.zoo import publish, verify

WORDS = "the of and a to in he was that it his is with for as had you not be her on at by which".split()
LINES = """
name: lines
data: {{text: {path}, length: 12, batch_size: 8, held_out: 50}}
latent: {{Normal: {{dim: 4}}}}
generator: {{char_cnn.generator: {{filters: 8, blocks: 1}}}}
critic: {{char_cnn.critic: {{filters: 8, blocks: 1}}}}
objective: {{WGANGP: {{critic_steps: 2}}}}
train: {{steps: 4, sample_count: 5, checkpoint_every: 2, evaluate_every: 2, evaluate_n: 60}}
"""
POINTS = """
name: points
data: {toy: TOY, batch_size: 32}
latent: {Normal: {dim: 2}}
generator: {mlp.generator: {width: 8}}
critic: {mlp.critic: {width: 8}}
objective: {SGAN: {}}
train: {steps: 4, sample_count: 50, evaluate_every: 4, evaluate_n: 300}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a recipe of lines, one of points, and their runs."""
    folder = tmp_path_factory.mktemp("kinds")
    draw = np.random.default_rng(0)
    lines = [" ".join(draw.choice(WORDS, 5)) for _ in range(400)]
    (folder / "lines.text").write_text("\n".join(lines))
    (folder / "lines.yaml").write_text(LINES.format(path=folder / "lines.text"))
    (folder / "points.yaml").write_text(POINTS.replace("TOY", "eight_gaussians"))
    for name in ("lines", "points"):
        runner.train(folder / f"{name}.yaml", folder / "runs" / name)
    return folder


@pytest.fixture
def lines(folder):
    """The run of lines."""
    return folder / "runs" / "lines" / "00000-lines"


@pytest.fixture
def points(folder):
    """The run of points."""
    return folder / "runs" / "points" / "00000-points"


def test_a_step_of_text_is_the_step_that_its_arrays_would_take(folder, lines):
    """The same GAN, made and fed without recipes, has the same weights after four steps."""
    found = text.read_lines(folder / "lines.text")
    kept, held_out = text.split(found, 50, seed=0)
    vocabulary = text.Vocabulary.of(kept)
    plan = recipe.load(folder / "lines.yaml")
    gan = runner.build(plan, plan.data.open())
    batches = text.one_hot(vocabulary.encode(kept, 12), len(vocabulary), 8, gan.batches_per_step, seed=0)
    gan.fit(batches.take(4), verbose=0)
    trained = kerasgan.load(lines / "checkpoints" / "step-00000004.keras")
    for one, other in zip(gan.variables, trained.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-6, err_msg=one.path)


@pytest.mark.slow
def test_a_resumed_run_of_text_takes_the_steps_of_the_whole_one(folder, lines):
    half = runner.train(folder / "lines.yaml", folder / "halves", steps=2)
    runner.resume(half, steps=4)
    one, other = (kerasgan.load(run / "checkpoints" / "step-00000004.keras") for run in (half, lines))
    for a, b in zip(one.variables, other.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-6, err_msg=a.path)


def test_a_model_of_text_keeps_its_characters(lines):
    gan = kerasgan.load(lines / "checkpoints" / "step-00000004.keras")
    letters = collections.Counter("".join(WORDS) + " ")
    assert set(gan.vocabulary.characters) == set(letters)
    made = gan.sample(5, seed=0)
    assert made.shape == (5, 12, len(letters) + 2)
    np.testing.assert_allclose(made.sum(-1), 1, atol=1e-5)
    symbols = ["`", "\N{REPLACEMENT CHARACTER}", *gan.vocabulary.characters]
    wanted = ["".join(symbols[row.argmax()] for row in line).rstrip("`") for line in made]
    assert (lines / "samples" / "step-00000004.txt").read_text().split("\n") == [*wanted, ""]


def test_text_is_measured_by_its_n_grams(folder, lines):
    found = {result.name: result for result in evaluation.evaluate([lines], n=60)}
    assert list(found) == [f"js_{n}_grams[characters]" for n in (1, 2, 3, 4)]
    logged = json.loads((lines / "evaluation.jsonl").read_text().splitlines()[-1])
    gan = kerasgan.load(lines / "checkpoints" / "step-00000004.keras")
    made = gan.sample(60).argmax(-1).tolist()
    kept = text.split(text.read_lines(folder / "lines.text"), 50)[0]
    real = gan.vocabulary.encode(kept, 12).tolist()
    for n, (name, result) in enumerate(found.items(), start=1):
        counts = [
            collections.Counter(tuple(line[i : i + n]) for line in lines for i in range(13 - n))
            for lines in (made, real)
        ]
        grams = sorted(set(counts[0]) | set(counts[1]))
        p, q = ([count[gram] for gram in grams] for count in counts)
        assert result.value == pytest.approx(jensenshannon(p, q, base=2) ** 2, rel=1e-6)
        assert logged["results"][n - 1]["value"] == pytest.approx(result.value, rel=1e-6), name
        assert "50 held-out lines" in str(result) and "bits" in str(result)


def test_points_are_measured_against_their_distribution(points):
    found = {result.name: result.value for result in evaluation.evaluate([points], n=300)}
    mixture = data.eight_gaussians()
    gan = kerasgan.load(points / "checkpoints" / "step-00000004.keras")
    made = gan.sample(300)
    counted = modes.modes(made, mixture.centres, mixture.std)
    distances = np.linalg.norm(made[:, None] - mixture.centres, axis=-1)
    good = (distances < 3 * mixture.std).any(-1)
    assert found["high_quality[points]"] == pytest.approx(good.mean())
    assert found["modes[points]"] == len(set(distances[good].argmin(-1)))
    assert found["smallest_share[points]"] == counted.shares.min()
    assert found["w1[points]"] == pytest.approx(divergences.w1(made, mixture.sample(300, seed=1)), rel=1e-6)
    assert 0 < found["js[points]"] <= math.log(2)
    assert (np.asarray(Image.open(points / "samples" / "step-00000004.png")) < 250).sum() > 500


def test_a_sample_of_the_truth_is_as_good_as_it_gets():
    """What a second real sample reaches is what the protocol says of it, and all modes are there."""

    class Truth(kerasgan.Sampler):
        real = tf.constant(data.eight_gaussians().sample(2000, seed=1))

        def images_from_seeds(self, seeds, truncation, labels=None):
            return tf.gather(self.real, seeds)

    truth = Truth(kerasgan.networks.mlp.generator(width=2))
    reference = sections.PointData(toy="eight_gaussians").reference((2,))
    found = {r.name: r for r in evaluator.evaluate(truth, reference, "modes,w1,js", n=2000, batch_size=2000)}
    assert found["modes[points]"].value == 8
    assert found["high_quality[points]"].value == pytest.approx(1 - math.exp(-4.5), abs=0.01)
    assert found["w1[points]"].value == 0  # the very points that it is compared with
    assert f"as many real points: {found['js[points]'].value:.4f}" in str(found["js[points]"])


def test_the_real_points_of_a_measure_are_of_the_seed_after_its_own():
    reference = sections.PointData(toy="eight_gaussians").reference((2,))
    points = data.eight_gaussians().sample(200, seed=5)
    measured = {name: measures.MEASURES[name].function(points, reference, 4)[0] for name in ("w1", "js")}
    assert measured["w1"].value == 0
    assert measured["js"].notes[-1] == f"as many real points: {measured['js'].value:.4f}"


@pytest.mark.parametrize("name", ["lines", "points"])
def test_a_preset_gives_what_its_card_says(folder, name, capsys):
    run = folder / "runs" / name / f"00000-{name}"
    results = folder / f"{name}.json"
    evaluation.evaluate([run], results, n=300)
    made = publish.publish(run, folder / "zoo", licence="free", evaluation=results, training=True)
    if name == "lines":
        with pytest.raises(ValueError, match="expected --data, the path of its data, as .* of .*lines.text"):
            verify.verify(made)
    grid, *numbers = verify.verify(made, data=folder / "lines.text" if name == "lines" else None)
    assert grid.startswith("grid: 0.0000 of 255") and len(numbers) == len(json.loads(results.read_text())["results"])
    gan, sampler = kerasgan.load(run / "checkpoints" / "step-00000004.keras"), kerasgan.from_preset(made)
    np.testing.assert_allclose(sampler.sample(20), gan.sample(20), atol=1e-6)
    card = (made / "README.md").read_text()
    if name == "lines":
        assert sampler.vocabulary == gan.vocabulary
        assert "gan.vocabulary.decode(" in card and "Lines of 12 characters" in card and "350 lines" in card
    else:
        assert sampler.vocabulary is None
        assert "Points of 2 numbers" in card and "points drawn as needed" in card


def test_a_dry_run_needs_the_text_and_no_points(folder):
    assert dry_run.run(folder / "points.yaml").generator == (2 * 8 + 8) + 2 * (8 * 8 + 8) + (8 * 2 + 2)
    assert dry_run.run(folder / "lines.yaml").images == 8 * 2
    with pytest.raises(FileNotFoundError, match="no such file: .*other.text"):
        dry_run.run(folder / "lines.yaml", images=folder / "other.text")


def refusal(text):
    with pytest.raises(recipe.RecipeError) as refused:
        recipe.parse(text)
    return str(refused.value)


def test_a_wrong_section_is_named_with_its_line(folder):
    lines = LINES.format(path="x")
    assert "recipe:3: data.image_size: unknown key; known: batch_size, text, length, held_out" in refusal(
        lines.replace("length: 12", "image_size: 12")
    )
    assert "recipe:3: data.length: " in refusal(lines.replace("length: 12", "length: 0"))
    assert "recipe:3: data.toy: " in refusal(POINTS.replace("TOY", "nine_gaussians"))
    assert "recipe:3: data: expected exactly one of tfds, folder and arrays" in refusal(
        POINTS.replace("toy: TOY", "image_size: 32")
    )
    assert "recipe:3: data" in refusal(POINTS.replace("{toy: TOY, batch_size: 32}", "brown"))


def test_what_has_no_meaning_for_the_kind_is_refused(folder, lines, points):
    with pytest.raises(ValueError, match="metrics: fid is a measure of images; .* has lines"):
        evaluation.evaluate([lines], metrics="fid", n=10)
    with pytest.raises(ValueError, match="metrics: modes is a measure of mixtures; swiss_roll has points"):
        (folder / "roll.yaml").write_text(POINTS.replace("TOY", "swiss_roll"))
        evaluation.evaluate([points], metrics="modes", n=10, real=folder / "roll.yaml")
    with pytest.raises(ValueError, match="features: expected none, as points .*; got 'garments'"):
        evaluation.evaluate([points], network="garments", n=10)
    with pytest.raises(ValueError, match="split: expected none, as lines .*; got 'test'"):
        evaluation.evaluate([lines], split="test", n=10)
    with pytest.raises(ValueError, match=r"model: expected points of shape \(2,\)"):
        evaluation.evaluate([lines], real=folder / "points.yaml", n=10)
    with pytest.raises(ValueError, match="data: expected none, as the recipe draws its points"):
        runner.train(folder / "points.yaml", folder / "new", images="somewhere")
    with pytest.raises(ValueError, match="has 10 lines, but one step needs 16"):
        (folder / "few.text").write_text("one line\n" * 60)
        runner.train(folder / "lines.yaml", folder / "new", images=folder / "few.text")
    assert not (folder / "new").exists()


def test_characters_of_another_number_are_refused():
    generator = kerasgan.networks.char_cnn.generator((12, 9), 4, filters=4, blocks=1)
    with pytest.raises(ValueError, match="characters: expected rows of 5 numbers"):
        kerasgan.layers.Characters("abc")(generator.output)


@pytest.mark.parametrize(
    ("channels", "network"), [(1, "garments"), (3, "efficientnet-lite0"), (4, "efficientnet-lite0")]
)
def test_images_are_judged_by_a_network_that_knows_such_images(monkeypatch, tmp_path, channels, network):
    asked = []
    monkeypatch.setattr(features, "load", lambda name, weights: asked.append(name) or 1 / 0)
    path = tmp_path / "images.npz"
    np.savez(path, x=np.zeros((4, 32, 32, channels), "uint8"))
    section = sections.ImageData(arrays=str(path), image_size=32)
    for given in (None, "inception-2015"):
        with pytest.raises(ZeroDivisionError):
            section.reference((32, 32, channels), given)
    assert asked == [network, "inception-2015"]


def test_a_recipe_says_whether_images_are_mirrored(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3), "uint8")
    np.savez(tmp_path / "images.npz", x=images)

    def shown(mirror):
        section = sections.ImageData(arrays=str(tmp_path / "images.npz"), image_size=8, batch_size=16, mirror=mirror)
        return np.asarray(data.to_uint8(next(iter(section.stream(section.open(), 1, seed=0, start_step=0)))))

    plain, mirrored = shown(False), shown(True)
    flipped = [not np.array_equal(one, other) for one, other in zip(plain, mirrored, strict=True)]
    assert 0 < sum(flipped) < 16
    np.testing.assert_array_equal(np.where(np.reshape(flipped, (-1, 1, 1, 1)), plain[:, :, ::-1], plain), mirrored)
