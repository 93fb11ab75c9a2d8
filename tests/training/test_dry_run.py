"""What a step costs, against counts by hand; and that the papers' full-size recipes build and take a step."""

import gc
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.models import critic_loop
from kerasgan.recipes import recipe
from kerasgan.training import dry_run, runner
from tests.end_to_end.test_cli import command, photos, write_recipe  # noqa: F401  photos is a fixture

ZOO = pathlib.Path(__file__).parents[2] / "zoo" / "recipes"
ROWS = 5


def step_graph(gan):
    """Return the graph of a training step of ROWS rows a minibatch."""
    spec = tf.TensorSpec((ROWS * gan.batches_per_step, *gan.image_shape))
    with critic_loop.unrolled():
        return tf.function(gan.train_step, autograph=False).get_concrete_function(spec).graph


def test_dense_products_are_counted_as_by_hand():
    generator = keras.Sequential([keras.Input((800,)), keras.layers.Dense(1600), keras.layers.Reshape((40, 40, 1))])
    critic = keras.Sequential([keras.Input((40, 40, 1)), keras.layers.Flatten(), keras.layers.Dense(1, use_bias=False)])
    gan = kerasgan.SGAN(generator, critic)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    product, score = 2 * ROWS * 800 * 1600, 2 * ROWS * 1600
    critic_update = product + 2 * score + 2 * score  # a fake; real and fake scored; the kernel's gradient of both
    generator_update = product + score + score + product  # a fake; its score; the image's gradient, the kernel's
    counted = dry_run.flops(step_graph(gan))
    # the rest is elementwise: SGD and the moving average, at most ten operations a parameter, and the images
    elementwise = 10 * (800 * 1600 + 1600 + 1600) + 100 * ROWS * 1600
    assert critic_update + generator_update <= counted <= critic_update + generator_update + elementwise
    gan.generator_steps = 4
    more = dry_run.flops(step_graph(gan)) - counted
    assert 3 * generator_update <= more <= 3 * (generator_update + elementwise)
    without = dry_run.flops(step_graph(kerasgan_without_average(generator, critic)))
    assert counted - without == pytest.approx(3 * (800 * 1600 + 1600), rel=0.01)  # subtract, multiply, add


def kerasgan_without_average(generator, critic):
    gan = kerasgan.SGAN(generator, critic, ema_decay=None)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    return gan


def test_convolutions_are_counted_as_by_hand():
    layers = keras.layers
    generator = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(8 * 8 * 16, use_bias=False),
            layers.Reshape((8, 8, 16)),
            layers.Conv2DTranspose(8, 4, strides=2, padding="same", use_bias=False),
        ]
    )
    convolution = layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False)
    critic = keras.Sequential(
        [keras.Input((16, 16, 8)), convolution, layers.GlobalAveragePooling2D(), layers.Dense(1, use_bias=False)]
    )
    gan = kerasgan.SGAN(generator, critic, ema_decay=None)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    graph = step_graph(gan)
    needed = {operation.name for operation in dry_run._needed(graph)}
    tree = tf.compat.v1.profiler.profile(
        graph,
        cmd="scope",
        options={**tf.compat.v1.profiler.ProfileOptionBuilder.float_operation(), "output": "none"},
    )
    kinds, nodes = {}, [tree]
    while nodes:
        node = nodes.pop()
        if node.name in needed:
            kind = graph.get_operation_by_name(node.name).type
            kinds[kind] = kinds.get(kind, 0) + node.float_ops
        nodes += node.children
    up = 2 * ROWS * 8 * 8 * 16 * 4 * 4 * 8  # each of 8x8x16 numbers meets 4x4x8 weights
    down = 2 * ROWS * 8 * 8 * 32 * 3 * 3 * 8  # each of 8x8x32 results is a sum over 3x3x8
    # two fakes, two real or fake images and the generator's fake scored; gradients of two kernels and of one image;
    # the transposed convolution's gradients of its kernel and its input
    counted = {kind: kinds[kind] for kind in ("Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter")}
    assert counted == {
        "Conv2D": 3 * down + up,
        "Conv2DBackpropInput": 2 * up + down,
        "Conv2DBackpropFilter": 2 * down + up,
    }


def test_the_peak_is_that_of_a_graph_worked_out_by_hand():
    @tf.function(autograph=False)
    def function(x):  # 1000 numbers, 4000 bytes, all in float32
        a = tf.reshape(x * 2.0, (10, 100))  # 4000 beside x
        b = tf.concat([a, a], 0)  # 8000 beside x and a
        c = tf.reduce_sum(b, axis=1)  # 80: a and x are no longer needed, b is
        return tf.reduce_sum(c)

    graph = function.get_concrete_function(tf.TensorSpec((1000,))).graph
    peak = dry_run.peak_bytes(graph)
    assert 12_000 <= peak <= 12_000 + 200  # a and b, and constants; x ends with its only use

    @tf.function(autograph=False)
    def unused(x):
        tf.concat([x, x, x], 0)
        return x + 1.0

    assert dry_run.peak_bytes(unused.get_concrete_function(tf.TensorSpec((1000,))).graph) <= 8_100


def test_variables_are_counted_by_hand():
    generator = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16), keras.layers.Reshape((4, 4, 1))])
    critic = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    gan = kerasgan.SGAN(generator, critic, latent=kerasgan.latents.Normal(8))
    gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    plan = recipe.parse(
        "name: it\ndata: {folder: x, batch_size: 5}\ngenerator: {dcgan.generator: {}}\ncritic: {dcgan.critic: {}}\n"
        "objective: {SGAN: {}}\ntrain: {steps: 1}"
    )
    cost = dry_run.count(plan, gan)
    assert (cost.generator, cost.critic, cost.images) == (9 * 16, 17, 5)
    # weights, Adam's two moments, the generator's average; some counters and trackers
    assert 0 <= cost.state - 4 * (3 * (9 * 16 + 17) + 9 * 16) <= 120


def test_a_dry_run_says_what_it_costs_and_writes_nothing(photos, tmp_path, monkeypatch, capsys):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    write_recipe(tmp_path / "tiny.yaml", photos, labels="true")
    status, out, err = command(monkeypatch, capsys, "train", "tiny.yaml", "--dry-run", "--steps", 2)
    assert (status, err) == (0, "")
    for said in ("tiny: nothing is written", "critic 3,", "a step: 8 real images", "GFLOPs", "memory: ", "2 steps on"):
        assert said in out, out
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.yaml"]
    (tmp_path / "far.yaml").write_text((tmp_path / "tiny.yaml").read_text().replace(str(photos), "nowhere"))
    status, _, err = command(monkeypatch, capsys, "train", "far.yaml", "--dry-run")
    assert status == 1 and err == "error: far.yaml:2: data.folder: no folder at nowhere\n"
    assert command(monkeypatch, capsys, "train", "--resume", tmp_path, "--dry-run")[0] == 2


def test_a_feature_network_that_takes_other_images_is_told_of(photos, tmp_path):  # noqa: F811
    path = write_recipe(tmp_path / "tiny.yaml", photos)
    changes = ["train.evaluate_every=1", "train.evaluate_features=garments"]
    dry_run.run(path, changes=changes)
    with pytest.raises(ValueError, match="images: expected 28 or 32 pixels a side, as garments takes; got 64 x 64"):
        dry_run.run(path, changes=[*changes, "data.image_size=64"])


def test_other_images_take_the_place_of_the_recipes(tmp_path, photos, monkeypatch, capsys):  # noqa: F811
    rng = np.random.default_rng(0)
    path = tmp_path / "it.npz"
    np.savez(path, x=rng.integers(0, 256, (16, 32, 32, 1), dtype=np.uint8), y=np.arange(16) % 4)
    write_recipe(tmp_path / "tiny.yaml", "nowhere", steps=1, labels="true")
    other = runner.planned(tmp_path / "tiny.yaml", images=photos).data
    assert (other.tfds, other.folder, other.arrays) == (None, str(photos), None) and other.open().count == 32
    arguments = ["--data", path, "--out", tmp_path / "runs"]
    status, _, err = command(monkeypatch, capsys, "train", tmp_path / "tiny.yaml", *arguments)
    assert (status, err) == (0, "")
    [run] = (tmp_path / "runs").iterdir()
    assert kerasgan.load(run / "checkpoints" / "step-00000001.keras").num_classes == 4
    kept = recipe.load(run / "recipe.yaml").data
    assert (kept.tfds, kept.folder, kept.arrays) == (None, None, str(path))


# Trainable parameters of generator and critic: methods.md, from the papers' own code. The WGAN-GP study's critic has
# 1,053,825; T-GANs' critics are encoder and head.
FULL_SIZE = {
    "full_size/biggan_imagenet128": (70_433_988, 87_982_370),
    "full_size/biggan_deep_imagenet128": (50_244_484, 34_590_210),
    "full_size/tsgan_celeba_hq64": (5_150_723, 4_308_352 + 263_168),
    "full_size/tsgan_celeba_hq128": (19_103_235, 17_218_304 + 525_312),
    "full_size/twgan_celeba_hq256": (73_222_659, 69_653_248 + 1_049_600),
    "wgan_gp_resnet_cifar10": (1_204_483, 1_053_825),
}


@pytest.fixture
def memory():
    """Give a large model's memory back, gigabytes held in cycles."""
    gc.collect()
    yield
    keras.backend.clear_session()
    gc.collect()


@pytest.mark.slow
@pytest.mark.usefixtures("memory")
@pytest.mark.parametrize("name", FULL_SIZE)
def test_full_size_recipes_build_and_take_a_step_on_noise(name, monkeypatch):
    """The networks are whole, the batch is not: two images a minibatch."""
    normal = keras.initializers.RandomNormal(0, 0.02)  # orthogonal kernels of this size take minutes
    monkeypatch.setattr(keras.initializers.Orthogonal, "__call__", lambda self, *where, **kind: normal(*where, **kind))
    plan = recipe.load(ZOO / f"{name}.yaml")
    small = plan.model_copy(update={"data": plan.data.model_copy(update={"batch_size": 2})})
    gan = runner.build(small, plan.data.noise())
    cost = dry_run.count(small, gan)
    assert (cost.generator, cost.critic) == FULL_SIZE[name]
    before = [variable.numpy() for variable in gan.generator.trainable_variables[:2]]
    dry_run.take_steps(small, gan, 1)
    assert int(gan.step.numpy()) == 1
    assert any((old != new.numpy()).any() for old, new in zip(before, gan.generator.trainable_variables))


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(ZOO.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_other_recipes_build_and_take_a_step_on_noise(path):
    plan = recipe.load(path)
    small = plan.model_copy(update={"data": plan.data.model_copy(update={"batch_size": 4})})
    gan = runner.build(small, plan.data.noise())
    dry_run.take_steps(small, gan, 1)
    assert int(gan.step.numpy()) == 1


def test_pictures_that_are_too_few_for_a_step_are_told(photos):  # noqa: F811
    with pytest.raises(ValueError, match="but one step needs 500"):
        dry_run.run("own_pictures", images=photos, changes=["data.batch_size=500"])
