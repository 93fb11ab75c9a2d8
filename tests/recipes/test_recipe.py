"""Recipes: what is read, and that each mistake names its line and key."""

import json
import pathlib
import re

import pytest
import yaml

import kerasgan
import kerasgan.training.runner
from kerasgan.recipes import recipe

GOOD = """\
name: mine
data:
  tfds: fashion_mnist
  batch_size: 16
latent:
  Normal: {dim: 8}
generator:
  dcgan.generator: {filters: 4}
critic:
  dcgan.critic:
    filters: 4
    normalization: layer
objective:
  WGANGP:
    critic_steps: 3
    ema_decay: null
critic_optimizer:
  Adam: {learning_rate: 3e-4, beta_1: 0}
train:
  steps: 10
"""


def test_a_recipe_makes_what_it_names():
    plan = recipe.parse(GOOD)
    latent = plan.make("latent")
    gan = plan.make(
        "objective",
        generator=plan.make("generator", image_shape=(32, 32, 1), latent_dim=latent.dim, num_classes=None),
        critic=plan.make("critic", image_shape=(32, 32, 1), num_classes=None),
        latent=latent,
        num_classes=None,
        seed=plan.train.seed,
    )
    assert type(gan) is kerasgan.WGANGP
    assert (gan.critic_steps, gan.ema_decay, gan.penalty_weight, gan.latent.dim) == (3, None, 10.0, 8)
    assert "sample_normalization" in " ".join(layer.name for layer in gan.critic.layers)
    optimizer = plan.make("critic_optimizer")
    assert float(optimizer.learning_rate) == pytest.approx(3e-4) and optimizer.beta_1 == 0
    assert plan.make("generator_optimizer") is None


def test_arguments_are_those_of_init_whatever_new_takes(monkeypatch):
    class Made(kerasgan.latents.Normal):
        def __new__(cls, *args, **kwargs):  # Python 3.11.2 (Debian 12) shows Keras's where 3.11.7 shows `__init__`
            return super().__new__(cls, *args, **kwargs)

    monkeypatch.setattr(kerasgan.latents, "Made", Made, raising=False)
    plan = recipe.parse(GOOD.replace("Normal: {dim: 8}", "Made: {dim: 8}"))
    assert type(plan.make("latent")) is Made and plan.make("latent").dim == 8
    with pytest.raises(recipe.RecipeError, match="latent.Made.args: unknown key; known: dim$"):
        recipe.parse(GOOD.replace("Normal: {dim: 8}", "Made: {args: 8}"))


def test_the_resolved_recipe_holds_all_defaults_and_reads_back_the_same(tmp_path):
    plan = recipe.parse(GOOD)
    plan.save(tmp_path / "recipe.yaml")
    assert recipe.load(tmp_path / "recipe.yaml") == plan
    written = yaml.safe_load((tmp_path / "recipe.yaml").read_text())
    assert written["objective"]["WGANGP"] == {
        "critic_steps": 3,
        "ema_decay": None,
        "penalty_weight": 10.0,
        "one_sided": False,
        "generator_steps": 1,
    }
    assert written["train"]["log_every"] == 50 and written["data"]["image_size"] == 32


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("batch_size: 16", "batch_sise: 16", r"mine.yaml:4: data.batch_sise: unknown key; known: batch_size, tfds"),
        ("batch_size: 16", "batch_size: many", "mine.yaml:4: data.batch_size: .*integer; got 'many'"),
        ("batch_size: 16", "batch_size: 0", "mine.yaml:4: data.batch_size: .*got 0"),
        (
            "    filters: 4\n",
            "    filtres: 4\n",
            "mine.yaml:11: critic.dcgan.critic.filtres: unknown key; known: filters",
        ),
        ("normalization: layer", "normalization: group", "mine.yaml:12: .*normalization: .*got 'group'"),
        ("WGANGP:", "WGANPG:", "mine.yaml:14: objective: unknown name 'WGANPG'; known: .*SGAN.*WGANGP"),
        ("dcgan.critic:", "dcgan.layers:", "mine.yaml:10: critic: unknown name 'dcgan.layers'; known: .*dcgan.critic"),
        ("dcgan.critic:", "dcgan._weights:", "mine.yaml:10: critic: unknown name"),
        ("critic_steps: 3", "seed: 3", "mine.yaml:15: objective.WGANGP.seed: unknown key"),
        ("critic_steps: 3", "critic_steps: yes", "mine.yaml:15: objective.WGANGP.critic_steps: .*got True"),
        ("learning_rate: 3e-4", "learning_rate: fast", "mine.yaml:18: critic_optimizer.Adam.learning_rate.*'fast'"),
        ("steps: 10", "epochs: 10", "mine.yaml:20: train.epochs: unknown key; known: steps"),
        ("train:\n  steps: 10\n", "", "mine.yaml:1: train: missing"),
        ("train:", "name: twice\ntrain:", "mine.yaml:19: not YAML: key 'name' twice"),
        ("tfds: fashion_mnist", "split: train", "mine.yaml:2: data: expected exactly one of tfds, folder and arrays"),
        ("name: mine", "name: ../mine", "mine.yaml:1: name: .*got '../mine'"),
        ("  Normal: {dim: 8}", "  Normal: {dim: 8}\n  Uniform: {}", "mine.yaml:7: latent: expected one name"),
        ("{filters: 4}", "{filters: 4", "mine.yaml:.*: not YAML"),
        ("{filters: 4}", "{filters: -4}", "mine.yaml:8: generator.dcgan.generator.filters: .*equal to 1; got -4"),
        ("{filters: 4}", "{filters: 0}", r"mine.yaml:8: generator.dcgan.generator.filters: .*equal to 1; got 0"),
        ("{filters: 4}", "{attention_size: 0}", r"mine.yaml:8: generator.dcgan.generator.attention_size: unknown key"),
        ("    filters: 4\n", "    minibatch_kernels: -1\n", r"mine.yaml:11: .*minibatch_kernels: .*equal to 0; got -1"),
        ("{dim: 8}", "{dim: -1}", "mine.yaml:6: latent.Normal.dim: .*equal to 1; got -1"),
        ("  batch_size: 16", "  channels: -1", "mine.yaml:4: data.channels: .*1, 3 or 4; got -1"),
        (
            "critic_steps: 3",
            "penalty_weight: .nan",
            "mine.yaml:15: objective.WGANGP.penalty_weight: .*finite number; got nan",
        ),
        ("critic_steps: 3", "penalty_weight: -.inf", "mine.yaml:15: .*penalty_weight: .*finite number; got -inf"),
        ("beta_1: 0", "beta_1: .inf", "mine.yaml:18: critic_optimizer.Adam.beta_1: .*finite number; got inf"),
        ("beta_1: 0", "clipnorm: .nan", "mine.yaml:18: .*clipnorm: expected a finite number.*; got nan"),
        ("beta_1: 0", "weight_decay: {a: 1}", "mine.yaml:18: .*weight_decay: expected .*; got {'a': 1}"),
        ("steps: 10", "steps: 10\n  seed: -1", "mine.yaml:21: train.seed: .*equal to 0; got -1"),
        ("steps: 10", "steps: 10\n  seed: 4294967296", "mine.yaml:21: train.seed: .*less than 4294967296"),
        ("name: mine", "name: " + "a" * 101, "mine.yaml:1: name: .*at most 100 characters"),
        ("name: mine", "name: mine\x00", "mine.yaml:1: not YAML: special characters are not allowed"),
        (
            "name: mine",
            "name: 2020-13-45",
            "mine.yaml:1: not YAML: '2020-13-45' cannot be read .month must be in 1..12",
        ),
        ("name: mine", "name: !!timestamp x", "mine.yaml:1: not YAML: 'x' cannot be read"),
        ("name: mine", "name: " + "[" * 3000, "mine.yaml:1: not YAML: more than 50 levels"),
        ("name: mine", "name: " + "{a: " * 3000, "mine.yaml:1: not YAML: more than 50 levels"),
        ("name: mine", "name: mine\nlatent: &a [*a]", "mine.yaml:2: not YAML: an alias inside of what it names"),
    ],
)
def test_mistakes_name_file_line_and_key(tmp_path, old, new, message):
    assert old in GOOD
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(recipe.RecipeError, match=message):
        recipe.load(path)


RATE = "expected a number, or a schedule of keras.optimizers.schedules or kerasgan.schedules, finite and at least 0"


@pytest.mark.parametrize(
    "rate",
    [
        "-1",
        "-1e-9",
        ".nan",
        ".inf",
        "1e39",
        "true",
        "[1e-3]",
        "{}",
        "{deserialize: {config: {class_name: ExponentialDecay, config: {}}}}",
        "{serialize: {learning_rate_schedule: 1}}",
        "{get: {}}",
        "{LearningRateSchedule: {}}",
        "{PolynomialDecay: 3}",
        "{PolynomialDecay: {initial_learning_rate: -1, decay_steps: 9}}",
        "{PolynomialDecay: {initial_learning_rate: .nan, decay_steps: 9}}",
        "{PolynomialDecay: {initial_learning_rate: fast, decay_steps: 9}}",
        "{PolynomialDecay: {initial_learning_rate: 1e-3, decay_steps: 0}}",
        "{PiecewiseConstantDecay: {boundaries: [5], values: [1e-3, -1e-3]}}",
        "{PiecewiseConstantDecay: {boundaries: [5], values: [1e-3]}}",
        "{ExponentialDecay: {initial_learning_rate: 1e-3, decay_steps: 9, decay_rate: {Adam: {}}}}",
    ],
)
def test_a_rate_is_a_finite_number_or_one_of_kerass_schedules(rate):
    for text, key in (
        (GOOD.replace("3e-4", rate), "critic_optimizer.Adam.learning_rate"),
        (GOOD + f"techniques:\n  InstanceNoise: {{stddev: {rate}}}\n", "techniques.InstanceNoise.stddev"),
    ):
        with pytest.raises(recipe.RecipeError, match=rf"^recipe:\d+: {key}: {RATE}"):
            recipe.parse(text)


@pytest.mark.parametrize(
    ("rate", "later"),
    [
        ("0", 0.0),
        ("1", 1.0),
        ("{PiecewiseConstantDecay: {boundaries: [5], values: [1e-3, 0.0]}}", 0.0),
        ("{CosineDecay: {initial_learning_rate: 0.0, decay_steps: 5, warmup_target: 1e-3, warmup_steps: 9}}", 1e-3),
    ],
)
def test_rates_of_nought_and_warmups_are_rates(rate, later):
    made = recipe.parse(GOOD.replace("3e-4", rate)).make("critic_optimizer")
    made.iterations.assign(9)
    assert float(made.learning_rate) == pytest.approx(later)


def test_a_file_that_is_no_utf_8_is_named(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes((GOOD + "# übung\n").encode("latin-1"))
    with pytest.raises(recipe.RecipeError, match=r"mine.yaml:21: not UTF-8: .*0xfc"):
        recipe.load(path)
    path.write_bytes((GOOD + "# übung\n").encode())
    assert recipe.load(path) == recipe.parse(GOOD)


def test_what_is_no_mapping_or_no_file_is_named(tmp_path):
    with pytest.raises(recipe.RecipeError, match="recipe:1: expected keys such as name"):
        recipe.parse("- a\n- b\n")
    (tmp_path / "pictures").mkdir()
    with pytest.raises(FileNotFoundError, match="it is a folder, and pictures are given as --data .*pictures"):
        recipe.load(tmp_path / "pictures")
    (tmp_path / "pictures" / "recipe.yaml").write_text("")
    with pytest.raises(FileNotFoundError, match="it is a run: --resume .*pictures goes on with it"):
        recipe.load(tmp_path / "pictures")
    (tmp_path / "model.keras").write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match="model.keras: expected a recipe, a YAML file; it is a model"):
        recipe.load(tmp_path / "model.keras")
    with pytest.raises(FileNotFoundError, match="no such recipe: .*absent.yaml"):
        recipe.load(tmp_path / "absent.yaml")


def test_yaml_cannot_run_code():
    with pytest.raises(recipe.RecipeError, match="not YAML"):
        recipe.parse("name: !!python/object/apply:os.system ['true']\n")


def test_every_recipe_of_the_zoo_is_good():
    recipes = sorted(pathlib.Path(__file__).parents[2].glob("zoo/recipes/**/*.yaml"))
    assert recipes
    for path in recipes:
        assert recipe.load(path).name == path.stem


def test_techniques_and_schedules_are_made_and_checked():
    text = GOOD.replace(
        "learning_rate: 3e-4", "learning_rate: {PolynomialDecay: {initial_learning_rate: 1e-3, decay_steps: 9}}"
    )
    noise = "{ExponentialDecay: {initial_learning_rate: 0.2, decay_steps: 5, decay_rate: 0.5}}"
    text += f"techniques:\n  InstanceNoise: {{stddev: {noise}}}\n  HistoricalAveraging: {{}}\n"
    plan = recipe.parse(text)
    first, second = plan.make_all("techniques")
    assert float(first.stddev(10)) == pytest.approx(0.05) and second.weight == 1e-3
    assert float(plan.make("critic_optimizer").learning_rate) == pytest.approx(1e-3)
    with pytest.raises(
        recipe.RecipeError,
        match=r":\d+: techniques: unknown name 'Noise'; known: AdaptiveAugmentation, .*DiffAugment, .*GradientPenalty",
    ):
        recipe.parse(text.replace("InstanceNoise", "Noise"))
    with pytest.raises(recipe.RecipeError, match=r"techniques.InstanceNoise.stddev.*expected a number, or a schedule"):
        recipe.parse(text.replace("ExponentialDecay", "Decay"))
    with pytest.raises(recipe.RecipeError, match=r"learning_rate.*expected a number, or a schedule"):
        recipe.parse(text.replace("decay_steps: 9", "steps: 9"))
    with pytest.raises(recipe.RecipeError, match=r"learning_rate.*expected a number, or a schedule .*; got 'fast'"):
        recipe.parse(GOOD.replace("3e-4", "fast"))


def test_a_guard_is_given_its_action():
    text = GOOD.replace("steps: 10", "steps: 10\n  collapse_guard_every: 5")
    action = "collapse_action: {RollBack: {factor: 0.25}}\n"
    plan = recipe.parse(text + action)
    made = plan.make("collapse_action")
    assert (type(made), made.factor, made.max_rollbacks) == (kerasgan.callbacks.RollBack, 0.25, 3)
    assert recipe.parse(text).make("collapse_action") is None
    with pytest.raises(recipe.RecipeError, match="collapse_action: expected train.collapse_guard_every with it"):
        recipe.parse(GOOD + action)
    known = "FreezeCritic, FreezeGenerator, RollBack, Stop, Warn, and MODULE.NAME of modules given with --import"
    with pytest.raises(recipe.RecipeError, match=f"collapse_action: unknown name 'Action'; known: {known}"):
        recipe.parse(text + "collapse_action: {Action: {}}")


def test_what_is_measured_during_training_is_checked_before_it():
    plan = recipe.parse(
        GOOD + "  evaluate_every: 5\n  evaluate_metrics: kid,fid\n  evaluate_features: efficientnet-lite0\n"
    )
    assert (plan.train.evaluate_every, plan.train.evaluate_metrics, plan.train.evaluate_n) == (5, "kid,fid", 5000)
    for line, message in [
        ("evaluate_metrics: fid,mode", r"train.evaluate_metrics: .*expected some of fid, .*; got fid,mode"),
        ("evaluate_features: vgg", r"train.evaluate_features: .*expected one of garments, .*; got 'vgg'"),
        ("evaluate_n: 1", "train.evaluate_n: "),
        ("evaluate_every: 0", "train.evaluate_every: "),
    ]:
        with pytest.raises(recipe.RecipeError, match="recipe:21: " + message):
            recipe.parse(GOOD + f"  {line}\n")
    for line in ("evaluate_metrics: fid", "evaluate_features: garments", "evaluate_n: 50"):
        key = line.partition(":")[0]
        with pytest.raises(recipe.RecipeError, match=f"recipe:21: train.{key}: expected train.evaluate_every with it"):
            recipe.parse(GOOD + f"  {line}\n")
    off = recipe.parse(GOOD + "  evaluate_every: null\n  evaluate_metrics: fid\n")  # as a card's recipe says it
    assert (off.train.evaluate_every, off.train.evaluate_metrics) == (None, "fid")


def test_the_zoos_recipes_have_names(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert recipe.load("wgan_gp_characters") == recipe.load(
        pathlib.Path(__file__).parents[2] / "zoo" / "recipes" / "wgan_gp_characters.yaml"
    )
    assert "full_size/biggan_imagenet128" in recipe.names()
    (tmp_path / "wgan_gp_characters").mkdir()  # what is there goes first
    with pytest.raises(FileNotFoundError, match="no such recipe: wgan_gp_characters"):
        recipe.load("wgan_gp_characters")
    with pytest.raises(FileNotFoundError, match="no such recipe: wgan_fashionmnist; did you mean wgan_fashion_mnist"):
        recipe.load("wgan_fashionmnist")


def unnamed_optimizers(gan):
    """Return Keras's configs of a GAN's optimizers as text, without the names that it counts up."""
    return re.sub(r'"name": "[^"]*"', "", json.dumps(gan.get_compile_config(), sort_keys=True))


@pytest.mark.parametrize("precision", ["", ", precision: float16"])
def test_a_run_keeps_the_optimizers_that_its_recipe_does_not_name(precision):
    text = """
name: small
data: {toy: eight_gaussians}
generator: {mlp.generator: {width: 2}}
critic: {mlp.critic: {width: 2}}
objective: {OBJECTIVE: {}}
generator_optimizer: {SGD: {learning_rate: {PolynomialDecay: {initial_learning_rate: 0.5, decay_steps: 9}}}}
train: {steps: 1PRECISION}
""".replace("PRECISION", precision)
    plans = [recipe.parse(text.replace("OBJECTIVE", "WGAN"))]
    plans.append(recipe.parse(yaml.safe_dump({**plans[0].plain(), "objective": {"BigGAN": {}}})))
    for plan, name, rate in zip(plans, ("RMSprop", "Adam"), (5e-5, 2e-4), strict=True):
        with kerasgan.precision(plan.train.precision):
            gan = kerasgan.training.runner.build(plan, plan.data.open())
        kept = recipe.parse(yaml.safe_dump(plan.with_optimizers(gan).plain()))
        assert kept.generator_optimizer == plan.generator_optimizer
        assert list(kept.critic_optimizer) == [name] and kept.critic_optimizer[name]["learning_rate"] == rate
        with kerasgan.precision(plan.train.precision):
            again = kerasgan.training.runner.build(kept, plan.data.open())
        assert unnamed_optimizers(again) == unnamed_optimizers(gan)
        unnamed = plan.model_copy(update={"generator_optimizer": None}).with_optimizers(gan)
        assert unnamed.generator_optimizer["SGD"]["learning_rate"]["PolynomialDecay"]["decay_steps"] == 9


def changed(*changes):
    return recipe.parse(GOOD, "mine.yaml", changes)


def test_set_changes_and_adds_values():
    plan = changed("train.steps=7", "critic.dcgan.critic.filters=8", "train.seed=3", "name=x")
    assert (plan.train.steps, plan.train.seed, plan.name) == (7, 3, "x")
    assert plan.critic["dcgan.critic"]["filters"] == 8
    assert plan.critic["dcgan.critic"]["normalization"] == "layer"  # others stay
    assert changed("train.steps=7", "train.steps=9").train.steps == 9  # the last one counts
    assert changed("critic_optimizer.Adam.learning_rate=1e-5").critic_optimizer["Adam"]["learning_rate"] == 1e-5
    assert changed("techniques.InstanceNoise.stddev=0.2").techniques == {"InstanceNoise": {"stddev": 0.2}}
    assert changed("techniques={InstanceNoise: {stddev: 0.2}}").techniques == {"InstanceNoise": {"stddev": 0.2}}
    assert changed("train.steps=1" + "0" * 3).train.steps == 1000
    assert changed("train.precision=auto").train.precision == "auto"
    assert changed() == recipe.parse(GOOD)


def test_set_changes_one_of_two_that_share_an_anchor():
    shared = GOOD.replace("critic_optimizer:\n", "critic_optimizer: &adam\n") + "generator_optimizer: *adam\n"
    plan = recipe.parse(shared, "mine.yaml", ["generator_optimizer.Adam.learning_rate=1e-5"])
    assert plan.generator_optimizer["Adam"]["learning_rate"] == 1e-5
    assert plan.critic_optimizer["Adam"]["learning_rate"] == 3e-4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.steps", "--set train.steps: expected KEY=VALUE, such as --set train.steps=100"),
        ("=3", "--set =3: expected KEY=VALUE"),
        ("train..steps=3", "--set train..steps=3: expected KEY=VALUE"),
        ("train.steps=", "--set train.steps=: expected a value after =; null stands for none"),
        ("train.steps=many", "--set train.steps=many: train.steps: .*integer; got 'many'"),
        ("train.stepz=3", "--set train.stepz=3: train.stepz: unknown key; known: .*steps"),
        ("trian.steps=3", "--set trian.steps=3: trian: unknown key; known: name, data"),
        ("name.a=3", "--set name.a=3: mine.yaml has no keys where a should be"),
        ("train.steps={", "--set train.steps={: not YAML"),
        ("train.steps=!!timestamp x", "--set train.steps=!!timestamp x: not YAML: 'x' cannot be read"),
        ("train.seed={a: 1, a: 2}", "--set train.seed={a: 1, a: 2}: not YAML: key 'a' twice"),
        (
            "objective.SGAN.minimax=true",
            "--set objective.SGAN.minimax=true: objective: expected one name; got WGANGP, SGAN; "
            "for another in its place say --set 'objective={SGAN: {}}'",
        ),
        ("objective={SGAM: {}}", "--set objective={SGAM: {}}: objective: unknown name 'SGAM'.*; did you mean .*SGAN"),
        ("objective=SGAN", "--set objective=SGAN: objective: expected a name .*, such as {SGAN: {}}; got 'SGAN'"),
        ("techniques=[R1, R2]", ": techniques: expected a name with its arguments, such as {R1: {}, R2: {}}; got"),
        ("latent=3", "--set latent=3: latent: expected a name with its arguments, such as {NAME: {}}; got 3"),
        ("objective={wgangp: {}}", "--set objective={wgangp: {}}: .* unknown name 'wgangp'.*; did you mean WGANGP"),
        ("train.steps=a" + "9" * 999, "^--set train.steps=a9{1,200}[^9]"),
    ],
)
def test_a_mistake_in_set_names_the_flag(change, message):
    with pytest.raises(recipe.RecipeError, match=message):
        changed(change)


def test_mistakes_elsewhere_still_name_the_line():
    with pytest.raises(recipe.RecipeError, match="mine.yaml:11: critic.dcgan.critic.filtres: unknown key"):
        recipe.parse(GOOD.replace("    filters: 4\n", "    filtres: 4\n"), "mine.yaml", ["train.steps=3"])


@pytest.mark.parametrize(("old", "new"), [("null", "float32"), ("bfloat16", "bfloat16")])
def test_recipes_of_earlier_versions_name_the_precision_otherwise(old, new):
    plan = changed(f"train.mixed_precision={old}")
    assert plan.train.precision == new and "mixed_precision" not in plan.plain()["train"]
