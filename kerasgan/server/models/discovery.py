"""Folders of SavedModels, laid out as for TensorFlow Serving: BASE/VERSION/saved_model.pb."""

import contextlib
import os
import pathlib
import re

from kerasgan.utils.annotations import Path


def find_versions(base_path, policy):
    """The versions of one model that a policy chooses.

    Args:
        base_path: folder whose children named by whole numbers are versions.
        policy: `FileSystemStoragePathSourceConfig.ServableVersionPolicy`: the latest N (at least one; the
            default), all, or specific ones.

    Returns:
        `{version number: folder}`; empty if there is none.

    Raises:
        OSError: if `base_path` is no folder that can be read.
    """
    versions = _versions(base_path)
    which = policy.WhichOneof("policy_choice")
    if which == "all":
        return versions
    if which == "specific":
        return {number: versions[number] for number in policy.specific.versions if number in versions}
    return {number: versions[number] for number in sorted(versions)[-max(1, policy.latest.num_versions) :]}


def find_models(folder: Path, model_name: str | None = None) -> dict[str, dict[int, pathlib.Path]]:
    """Find SavedModels laid out as for TensorFlow Serving, and of each model the latest version.

    Args:
        folder: either one model's folder (`folder/VERSION/saved_model.pb`) or a folder of models
            (`folder/NAME/VERSION/saved_model.pb`). VERSION is a whole number; other names are passed over.
        model_name: name to serve one model's folder under, instead of the folder's own name.

    Returns:
        `{model name: {version number: folder}}`, with the highest version of each model.

    Raises:
        ValueError: if nothing is found; it names the folder and what was expected.
    """
    folder = pathlib.Path(folder)
    expected = f"expected {folder}/NAME/VERSION/saved_model.pb or {folder}/VERSION/saved_model.pb"
    if not folder.is_dir():
        name = folder.name.removesuffix(".keras")
        raise ValueError(
            f"{folder} is not a folder: {expected}. A run, a preset or a .keras file is exported first: "
            f"kerasgan export {folder} models/{name}/1, then kerasgan serve models"
        )
    if _is_saved_model(folder):
        raise ValueError(f"{folder} is one version of a model: {expected}; serve its parent folder")
    versions = _versions(folder)
    if any(_is_saved_model(path) for path in versions.values()):
        return {model_name or folder.resolve().name: _latest(versions)}
    models = {}
    for child in sorted(folder.iterdir()):
        versions = _versions(child) if child.is_dir() else {}
        if versions and not child.name.startswith("."):
            models[child.name] = _latest(versions)
    if not models:
        raise ValueError(
            f"no model in {folder}: {expected}, where VERSION is a whole number such as 1. "
            "A run or a preset is exported first: kerasgan export MODEL models/NAME/1, then kerasgan serve models"
        )
    if model_name is not None and list(models) != [model_name]:
        names = ", ".join(models)
        raise ValueError(f"{folder} is a folder of models ({names}), each served under its own name")
    return models


def _is_saved_model(folder):
    return any((folder / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt"))


def _versions(folder):
    children = [
        child for child in sorted(pathlib.Path(folder).iterdir()) if re.fullmatch("[0-9]+", child.name, re.ASCII)
    ]
    numbers = {int(child.name): child for child in children if len(child.name) < 100 and child.is_dir()}
    return {number: child for number, child in numbers.items() if number < 2**63}


def fingerprint(folder):
    """Names, sizes and times of the files in a folder: equal while nothing in it has changed."""
    files = []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            with contextlib.suppress(OSError):  # gone meanwhile
                facts = os.stat(path)
                files.append((os.path.relpath(path, folder), facts.st_size, facts.st_mtime_ns))
    return sorted(files)


def _latest(versions):
    return {max(versions): versions[max(versions)]}
