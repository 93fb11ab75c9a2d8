"""What is public: every signature is annotated and documented, and the lists of names agree with one another."""

import importlib
import importlib.util
import inspect
import pathlib
import types

import pytest

import kerasgan

ROOT = pathlib.Path(__file__).parents[2]
_SELF = ("self", "cls")


def names_of(module):
    """The names that a module makes public: its `__all__`, else what is defined in it."""
    if hasattr(module, "__all__"):
        return module.__all__
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def public():
    """All public modules, functions and classes of kerasgan: names to what they name."""
    found, left = {}, [("kerasgan", kerasgan)]
    while left:
        path, value = left.pop()
        found[path] = value
        if isinstance(value, types.ModuleType):
            parts = {name: getattr(value, name) for name in names_of(value)}
            left += [(f"{path}.{name}", part) for name, part in parts.items() if is_ours(part)]
    return found


def is_ours(value):
    """Whether something is a module, class or function of kerasgan."""
    home = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
    return str(home).partition(".")[0] == "kerasgan" and (
        isinstance(value, types.ModuleType) or inspect.isclass(value) or callable(value)
    )


def members(kind):
    """The constructor and the public methods and properties that kerasgan gives a class: names to functions."""
    found = {}
    for base in reversed(kind.__mro__):
        if not is_ours(base):
            continue
        for name, value in vars(base).items():
            if name.startswith("_") and name not in ("__init__", "__call__"):
                continue
            if isinstance(value, property):
                value = value.fget
            value = getattr(value, "__func__", value)  # of a classmethod or a staticmethod
            value = getattr(value, "func", value)  # of a cached property
            if inspect.isfunction(value):
                found[name] = value
    return found


def callables():
    """All public functions, constructors, methods and properties: names to functions."""
    found = {}
    for path, value in public().items():
        if inspect.isclass(value):
            found |= {f"{path}.{name}": function for name, function in members(value).items()}
        elif not isinstance(value, types.ModuleType):
            found[path] = value
    return found


def unannotated(path, function):
    """What a signature leaves open: names of parameters, or "return"."""
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    if parameters and parameters[0].name in _SELF:
        parameters = parameters[1:]
    left = [
        each.name
        for each in parameters
        if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD) and each.annotation is each.empty
    ]
    if signature.return_annotation is signature.empty and not path.endswith(".__init__"):
        left.append("return")
    return left


def test_all_that_is_public_is_found():
    found = public()
    assert found["kerasgan.networks.dcgan.critic"] is kerasgan.networks.dcgan.critic
    assert found["kerasgan.WGANGP"] is kerasgan.objectives.WGANGP
    assert {"kerasgan.GAN.fit", "kerasgan.GAN.sample", "kerasgan.data.load"} <= set(callables())
    assert "kerasgan.GAN.get_layer" not in callables()  # Keras's
    assert len(callables()) > 800


def test_every_signature_is_annotated():
    left = {path: names for path, function in callables().items() if (names := unannotated(path, function))}
    assert not left, "\n".join(f"{path}: {', '.join(names)}" for path, names in left.items())


def test_all_is_documented():
    documented = public() | {
        path: function for path, function in callables().items() if not path.endswith(("__init__", "__call__"))
    }
    assert not [path for path, value in documented.items() if not (value.__doc__ or "").strip()]


@pytest.mark.parametrize("path", sorted(kerasgan._MODULES.values()))
def test_module_says_what_is_public(path):
    module = importlib.import_module(path)
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    assert module.__all__ and not missing
    assert len(module.__all__) == len(set(module.__all__))


def test_lists_of_names_agree():
    assert set(kerasgan.__all__) <= set(dir(kerasgan))
    assert set(kerasgan.__all__) == {*kerasgan._MODULES, *kerasgan._SINGLE, *kerasgan.objectives.__all__}
    assert len(kerasgan.__all__) == len(set(kerasgan.__all__))
    assert all(getattr(kerasgan, name) is not None for name in kerasgan.__all__)
    assert site().public_modules() == kerasgan._MODULES


def test_reference_has_all_public_modules():
    hooks = site()
    for module in kerasgan._MODULES:
        page = hooks.api_page(module)
        there = {path: value for path, value in public().items() if f"{path}.".startswith(f"kerasgan.{module}.")}
        homes = [value.__name__ for value in there.values() if isinstance(value, types.ModuleType)]
        assert homes and not [home for home in homes if f"::: {home}\n" not in page], module
    index = hooks.api_index()
    assert all(f"::: {home}.{name}\n" in index for name, home in kerasgan._SINGLE.items())


def site():
    """The module docs/site/hooks.py."""
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "site" / "hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
