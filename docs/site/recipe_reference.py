"""Prints the page of all that a recipe may say, made of the schemas that check recipes."""

import inspect
import re

from kerasgan.recipes import recipe, sections, signature_schema

PARTS = {  # what a recipe names for each, in words
    "latent": "the prior of z",
    "generator": "the generator",
    "critic": "the critic",
    "objective": "the objective, with the arguments of its class",
    "techniques": "techniques, as many as are wanted",
    "generator_optimizer": "the generator's optimizer; the objective's own by default",
    "critic_optimizer": "the critic's optimizer, one of the same",
    "collapse_action": "what is done when `collapse_guard_every` sounds an alarm",
}
KINDS = {"images": "Images", "lines": "Lines of text", "points": "Points"}


def page() -> str:
    """Return the page as Markdown."""
    lines = ["# What a recipe may say", ""]
    lines += ["A recipe is a YAML file; each key is checked before anything runs. See [the recipes](index.md).", ""]
    lines += ["## train", "", _paragraph(recipe.Train), "", *_table(recipe.Train), ""]
    lines += ["## data", "", "One of three kinds, told apart by their keys.", ""]
    for name, title in KINDS.items():
        lines += [f"### {title}", "", _paragraph(sections.BY_NAME[name]), "", *_table(sections.BY_NAME[name]), ""]
    for part, what in PARTS.items():
        lines += [f"## {part}", "", f"{what[0].upper()}{what[1:]}: `{part}: {{NAME: {{argument: value}}}}`.", ""]
        home = signature_schema.HOMES[part]
        if part == "critic_optimizer":
            lines += ["See [generator_optimizer](#generator_optimizer).", ""]
            continue
        for name in signature_schema.names(part, home):
            lines += [f"### {part}: {name}", "", *_table(signature_schema.schema(part, name)), ""]
    return "\n".join(lines)


def _paragraph(model):
    return " ".join(inspect.getdoc(model).split("\n\n", 1)[0].split())


def _table(model):
    """The fields of a pydantic model: name, type, default."""
    if not model.model_fields:
        return ["No arguments."]
    rows = ["| key | type | default |", "| --- | --- | --- |"]
    for name, field in model.model_fields.items():
        default = "**needed**" if field.is_required() else f"`{_shown(field.get_default(call_default_factory=True))}`"
        rows.append(f"| `{name}` | {_type(field.annotation)} | {default} |")
    return rows


def _shown(value):
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else value


def _type(annotation):
    """A type as YAML's users say it."""
    text = inspect.formatannotation(annotation).replace("typing.", "")
    text = re.sub(r"\b[\w.]*\.(\w+)", r"\1", text).replace("NoneType", "null").replace("None", "null")
    text = re.sub(r"Annotated\[(\w+(?: \| \w+)*).*\]", r"\1", text)
    text = re.sub(r"Optional\[(.*)\]", r"\1 | null", text)
    text = re.sub(r"Literal\[([^\]]*)\]", lambda match: match[1].replace(", ", " | "), text)
    return " or ".join(f"`{part.strip()}`" for part in text.split("|"))


if __name__ == "__main__":
    print(page())
