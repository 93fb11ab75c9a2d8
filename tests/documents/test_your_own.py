"""docs/your_own.md, as a reader follows it: its files are written, and its commands are run."""

import sys

import numpy as np
import pytest

import kerasgan
from kerasgan.recipes import recipe
from kerasgan.utils import outside
from tests.documents import pages

PAGE = pages.text("your_own.md")
FILES = pages.files(PAGE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("own")
    for name, content in FILES.items():
        (made / name).write_text(content)
    return made


@pytest.fixture
def modules(folder, monkeypatch):
    """The page's modules can be imported, and are forgotten again."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.setattr(outside, "_modules", {})
    monkeypatch.setattr(outside, "_used", set())


def test_the_page_has_the_files_that_it_speaks_of():
    assert list(FILES) == ["my_gans.py", "mine.yaml", "my_parts.py"]


@pytest.mark.slow
def test_the_commands_run_one_after_the_other(folder):
    commands = "".join(pages.blocks(PAGE, "bash")).splitlines()
    assert len(commands) == 5
    said = [pages.shell(line, folder) for line in commands]
    assert (folder / "points.png").is_file()
    assert "w1" in said[2] and "centre" in said[4]
    own = recipe.yaml.safe_load((folder / "runs" / "00001-zero_centred" / "recipe.yaml").read_text())
    assert own["imports"] == ["my_gans", "my_parts"]  # the second one came with --import
    assert own["generator"] == {"my_parts.generator": {"width": 16}}
    pages.shell("kerasgan train --resume runs/00000-zero_centred --steps 70", folder)
    pages.shell("cp runs/00000-zero_centred/checkpoints/step-00000070.keras alone.keras", folder)
    error = pages.fails("kerasgan sample alone.keras -n 4", folder)
    assert error.count("\n") == 1 and len(error) < 600, error
    assert "my_gans>ZeroCentredGAN" in error and "--import" in error
    pages.shell("kerasgan --import my_gans sample alone.keras -n 4", folder)


def test_its_loss_is_r1s(modules):
    """The page's penalty is that of the technique R1, which is tested against NumPy."""
    import my_gans

    mlp = kerasgan.networks.mlp
    own = my_gans.ZeroCentredGAN(mlp.generator((2,), 2, width=8), mlp.critic((2,), width=8), gamma=0.7)
    ours = kerasgan.SGAN(own.generator, own.critic, techniques=[kerasgan.techniques.R1(gamma=0.7)])
    points = np.random.default_rng(0).normal(size=(16, 2)).astype("float32")
    steps = []
    for gan in (own, ours):
        gan.compile()
        before = gan.get_weights()
        gan.train_step(points)
        steps.append([weight.copy() for weight in gan.critic.get_weights()])
        gan.set_weights(before)
    for mine, theirs in zip(*steps):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("imports=[no_such_module_]", "--set imports=.*: imports: cannot import 'no_such_module_', looked for in"),
        ("imports=my_gans", "imports: input should be a valid list"),
        ("imports=[]", "mine.yaml:7: objective: unknown name 'my_gans.ZeroCentredGAN'; known: .*SGAN.* --import"),
        ("imports=[my_gans.py]", "cannot import 'my_gans.py', .*; a module is named without .py: my_gans; go to"),
        ("objective={my_gans.zerocentredgan: {}}", "unknown name .*; did you mean my_gans.ZeroCentredGAN"),
        ("objective={my_gans.Nothing: {}}", "objective: unknown name 'my_gans.Nothing'"),
        ("objective={my_gans.tf: {}}", "objective: unknown name 'my_gans.tf'"),
        ("objective={my_gans._private: {}}", "objective: unknown name 'my_gans._private'"),
        ("objective.my_gans.ZeroCentredGAN.gamma=high", "--set .*gamma: input should be a valid number; got 'high'"),
        ("objective={my_gans.ZeroCentredGAN: {gamma: high}}", "ZeroCentredGAN.gamma: .*number; got 'high'"),
        ("objective={my_gans.ZeroCentredGAN: {gama: 1}}", "gama: unknown key; known: .*gamma"),
        ("data={my_gans.Pictures: {}}", "data: unknown kind of data my_gans.Pictures"),
        ("data={my_gans.ZeroCentredGAN: {}}", "data: my_gans.ZeroCentredGAN: expected a subclass of"),
    ],
)
def test_a_mistake_is_one_line(modules, change, message):
    with pytest.raises(recipe.RecipeError, match=message) as raised:
        recipe.load("mine.yaml", [change])
    assert "\n" not in str(raised.value)


def test_arguments_of_the_base_may_be_given_in_the_recipe(modules):
    plan = recipe.load("mine.yaml", ["objective={my_gans.ZeroCentredGAN: {gamma: 2, ema_decay: 0.5}}"])
    assert plan.objective["my_gans.ZeroCentredGAN"] == {
        **{"gamma": 2.0, "ema_decay": 0.5, "critic_steps": 1, "generator_steps": 1}
    }
    assert recipe.parse(recipe.yaml.safe_dump(plan.plain())) == plan


def test_data_of_a_users_own_kind(modules, folder):
    (folder / "my_data.py").write_text(
        "from typing import ClassVar\n"
        "from kerasgan.recipes.sections.points import PointData\n\n"
        "class Ring(PointData):\n"
        "    toy: str = 'eight_gaussians'\n"
        "    radius: float = 1.0\n"
    )
    plan = recipe.load("mine.yaml", ["imports=[my_gans, my_data]", "data={my_data.Ring: {radius: 2.0}}"])
    assert type(plan.data).__name__ == "Ring" and plan.data.radius == 2.0
    assert plan.plain()["data"] == {"my_data.Ring": {"batch_size": 64, "toy": "eight_gaussians", "radius": 2.0}}
    assert recipe.parse(recipe.yaml.safe_dump(plan.plain())) == plan
    with pytest.raises(recipe.RecipeError, match="data: my_data.Ring.radius: .*number") as raised:
        recipe.load("mine.yaml", ["imports=[my_gans, my_data]", "data={my_data.Ring: {radius: wide}}"])
    assert "\n" not in str(raised.value)


def test_a_run_keeps_the_name_under_which_a_kind_of_data_was_asked_for(modules, folder):
    """The class is of another module than the one that was imported, which a resumed run could not find."""
    (folder / "my_deep.py").write_text("from kerasgan.recipes.sections.points import PointData as Deep\n")
    outside.use(["my_deep"])
    plan = recipe.load("mine.yaml", ["data={my_deep.Deep: {toy: swiss_roll}}"])
    assert plan.plain()["data"] == {"my_deep.Deep": {"batch_size": 64, "toy": "swiss_roll"}}
    assert plan.imports == ["my_gans", "my_deep"]
    assert recipe.parse(recipe.yaml.safe_dump(plan.plain())) == plan


def test_an_entry_point_needs_no_import(modules, folder, monkeypatch):
    """An installed distribution, here metadata in a folder on the path."""
    about = folder / "site" / "mine-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[kerasgan]\nmine = my_gans\n")
    monkeypatch.setattr(sys, "path", [str(about.parent), *sys.path])
    plan = recipe.load("mine.yaml", ["imports=[]", "objective={mine.ZeroCentredGAN: {gamma: 2}}"])
    assert plan.objective["mine.ZeroCentredGAN"]["gamma"] == 2.0


@pytest.mark.parametrize("names", ["fid,my_parts.generator", "my_parts.nothing", "nowhere.at_all", "w1,w1"])
def test_what_is_no_metric_is_named(modules, names):
    outside.use(["my_parts"])
    with pytest.raises(ValueError, match="metrics: expected some of fid, .*MODULE.NAME.*; got "):
        kerasgan.metrics.measures.chosen(names)
