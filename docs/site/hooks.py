"""What the site has beside docs/: the README as its first page, and pages made of the zoo, the commands and the code.

Links from docs/ into the repository lead to these pages, so that they work in both places.
"""

import ast
import functools
import pathlib
import posixpath
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
RECIPES, PRESETS = ROOT / "zoo" / "recipes", ROOT / "zoo" / "presets"
# files of the repository that are pages: where each is on the site
_OTHERS = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "client/README.md": "client.md",
    "serving/README.md": "serving_files.md",
    "tests/data/README.md": "test_data.md",
    "training/README.md": "training_files.md",
}
_FOLDERS = ("serving", "training")  # whose other files are on the site as they are
_FIGURE = re.compile(r"^(!\[[^\]]*\]\(([^)\s]+\.png)\))$", re.MULTILINE)
_LINK = re.compile(r"(!?\[[^\]]*\]\()([^)#\s]+)(#[^)\s]*)?(\))")


def on_files(files, config):
    """Add the pages that are made."""
    from mkdocs.structure.files import File  # here, so that tests can read the rest without mkdocs

    for path, content in pages().items():
        files.append(File.generated(config, path, content=content))
    for picture in [*PRESETS.glob("*/*.png"), *PRESETS.glob("*/*.gif")]:
        path = f"presets/{picture.parent.name}/{picture.name}"
        files.append(File.generated(config, path, abs_src_path=str(picture)))
    for path in plain_files():
        files.append(File.generated(config, in_site(path), abs_src_path=str(ROOT / path)))
    return files


def plain_files():
    """Paths of the repository's files that are on the site as they are."""
    found = [path for folder in _FOLDERS for path in sorted((ROOT / folder).rglob("*")) if path.is_file()]
    paths = [path.relative_to(ROOT).as_posix() for path in found if "__pycache__" not in path.parts]
    return [path for path in paths if path not in _OTHERS]


def on_config(config):
    """Put the made pages into the navigation, where a folder stands for all its pages."""
    made = sorted(pages())
    config["nav"] = _filled(config["nav"], made)
    return config


@functools.cache
def pages():
    """The made pages: `{path in the site: text or Markdown}`."""
    made = {page: _moved((ROOT / path).read_text(), posixpath.dirname(path), page) for path, page in _OTHERS.items()}
    made["recipes/index.md"] = _recipe_index()
    made["recipes/reference.md"] = recipe_reference()
    for path in sorted(RECIPES.rglob("*.yaml")):
        name = path.relative_to(RECIPES).with_suffix("").as_posix()
        made[f"recipes/{name}.md"] = f"# {name}\n\n```yaml\n{path.read_text()}```\n"
    made["presets/index.md"] = _preset_index()
    for card in sorted(PRESETS.glob("*/README.md")):
        name = card.parent.name
        text = re.sub(r"\A---\n.*?\n---\n", "", card.read_text(), flags=re.DOTALL)  # the Hub's header
        made[f"presets/{name}/index.md"] = _moved(text, f"zoo/presets/{name}", f"presets/{name}/index.md")
    made["commands.md"] = commands()
    made["api/index.md"] = api_index()
    for module in public_modules():
        made[f"api/{module}.md"] = api_page(module)
    return made


def on_page_markdown(markdown, page, config, files):
    """Let links into the repository lead to the made pages, and figures to themselves in their own size."""
    if page.file.src_uri in pages():
        return markdown
    moved = _moved(markdown, posixpath.join("docs", posixpath.dirname(page.file.src_uri)), page.file.src_uri)
    return _FIGURE.sub(r"[\1](\2)", moved)


def _moved(text, folder, page):
    """Text of a file in a folder of the repository, with its relative links as they are on a page of the site."""

    def moved(match):
        before, target, anchor, after = match.groups()
        if "://" in target or target.startswith(("mailto:", "/")):
            return match[0]
        to = in_site(posixpath.normpath(posixpath.join(folder, target)))
        relative = posixpath.relpath(to, posixpath.dirname(page) or ".")
        return f"{before}{relative}{anchor or ''}{after}"

    return _LINK.sub(moved, text)


def in_site(path):
    """Where a file or folder of the repository is on the site; an error for what is not there."""
    rules = [
        *((re.escape(path), page) for path, page in _OTHERS.items()),
        (r"docs/(.+)", r"\1"),
        (rf"({'|'.join(_FOLDERS)})/[^.]+", r"\1_files.md"),  # a folder
        (rf"((?:{'|'.join(_FOLDERS)})/.+)", r"files/\1"),
        (r"zoo/recipes/?", "recipes/index.md"),
        (r"zoo/recipes/(.+)\.yaml", r"recipes/\1.md"),
        (r"zoo/presets/?", "presets/index.md"),
        (r"zoo/presets/([^/]+)/?", r"presets/\1/index.md"),
        (r"zoo/presets/([^/]+)/README\.md", r"presets/\1/index.md"),
        (r"zoo/presets/([^/]+)/([^/]+\.(?:png|gif))", r"presets/\1/\2"),
        (r"findings", "findings.md"),
    ]
    for pattern, replacement in rules:
        match = re.fullmatch(pattern, path)
        if match:
            return match.expand(replacement)
    return f"not-on-the-site/{path}"


def _filled(nav, made):
    filled = []
    for entry in nav:
        [(title, target)] = entry.items()
        if isinstance(target, list):
            target = _filled(target, made)
        elif target.endswith("/"):
            target = [path for path in made if path.startswith(target)]
            target.sort(key=lambda path: (not posixpath.basename(path) == "index.md" or path.count("/") > 1, path))
        filled.append({title: target})
    return filled


def _recipe_index():
    lines = ["# Recipes", "", "`kerasgan train NAME` trains one; [what a recipe may say](reference.md).", ""]
    for path in sorted(RECIPES.rglob("*.yaml")):
        name = path.relative_to(RECIPES).with_suffix("").as_posix()
        lines.append(f"- [{name}]({name}.md): {_first_sentence(path.read_text())}")
    return "\n".join(lines) + "\n"


def recipe_reference():
    """The reference of recipes; a process of its own imports what it is made of."""
    line = [sys.executable, str(ROOT / "docs" / "site" / "recipe_reference.py")]
    return subprocess.run(line, capture_output=True, text=True, cwd=ROOT, check=True).stdout


def _first_sentence(recipe):
    """The first sentence of the comment with which a recipe begins."""
    comment = re.match(r"(#.*\n)*", recipe)[0].replace("#", " ")
    return re.split(r"(?<=[.:])\s", " ".join(comment.split()), maxsplit=1)[0].rstrip(":")


def _preset_index():
    lines = ["# Presets", "", "`kerasgan.from_preset(NAME)` loads one; see [pretrained models](../pretrained.md).", ""]
    for card in sorted(PRESETS.glob("*/README.md")):
        name = card.parent.name
        lines += [f"## [{name}]({name}/index.md)", "", f"![{name}: samples]({name}/samples.png){{ width=320 }}", ""]
    return "\n".join(lines) + "\n"


def commands():
    """The reference of the commands, which typer writes."""
    line = [sys.executable, "-m", "typer", "kerasgan.cli.app", "utils", "docs", "--name", "kerasgan"]
    done = subprocess.run(line, capture_output=True, text=True, cwd=ROOT, check=True)
    return done.stdout.replace("# `kerasgan`", "# Commands", 1)


def api_index():
    """The first page of the API: its modules, and the names that are no modules."""
    lines = ["# API", "", "`import kerasgan`; these names are public, and what they hold.", ""]
    lines += [f"- [kerasgan.{module}]({module}.md)" for module in public_modules()]
    single = _constant(ROOT / "kerasgan" / "__init__.py", "_SINGLE")
    lines += [line for name, module in single.items() for line in ("", f"::: {module}.{name}")]
    return "\n".join(lines) + "\n"


def api_page(module):
    """A page of what a module holds, and of the modules among it."""
    path = public_modules()[module]
    lines = [f"# kerasgan.{module}", "", f"::: {path}", "    options:", "      show_root_heading: false", ""]
    for inner in _modules_among(path):
        lines += [f"::: {inner}", ""]
    return "\n".join(lines)


def _modules_among(path):
    """The modules among what a package makes public, wherever they lie: their full names, by their public ones."""
    file = _place(path) / "__init__.py"
    if not file.is_file():
        return []
    imports = [one for one in ast.parse(file.read_text()).body if isinstance(one, ast.ImportFrom)]
    homes = {alias.name: f"{one.module}.{alias.name}" for one in imports for alias in one.names}
    found = [homes[name] for name in sorted(_constant(file, "__all__")) if name in homes]
    return [home for home in found if _place(home).is_dir() or _place(home).with_suffix(".py").is_file()]


def _place(path):
    return ROOT.joinpath(*path.split("."))


def public_modules():
    """The public modules: where each is, by its public name."""
    return _constant(ROOT / "kerasgan" / "__init__.py", "_MODULES")


def _constant(path, name):
    """What a module gives a name, without importing it."""
    body = ast.parse(path.read_text()).body
    [value] = [one.value for one in body if isinstance(one, ast.Assign) and getattr(one.targets[0], "id", "") == name]
    return ast.literal_eval(value)
