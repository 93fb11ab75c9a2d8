"""From what a user names to a folder with a preset's files in it: a folder, a name of the registry, an address."""

import pathlib
import re

from kerasgan.saving import cache, download, manifest, registry

_LONGEST = 64  # characters of an address that a folder's name shows


def is_address(source):
    """Whether a string is a URL rather than a name or a path."""
    return "://" in str(source)


def folder(source, names=manifest.GENERATOR):
    """Return a folder that holds files of a preset, fetched first where they are not here yet.

    Args:
        source: path of a preset's folder, a name of the registry, or the address of a preset's folder: https://,
            hf://user/repo, gs:// or s3://. A folder that is there goes before a name.
        names: the files that are needed, beside `metadata.json`; those that the preset does not have are passed over.

    Returns:
        `pathlib.Path`.

    Raises:
        ValueError: if there is no such name, it is to be converted first, or what came is not what was published.
        FileNotFoundError, PermissionError, ConnectionError: if it cannot be fetched.
        OSError: if the cache cannot be written.
    """
    if is_address(source):
        return _from_address(str(source).rstrip("/"), names)
    path = pathlib.Path(source)
    if path.is_dir():
        return path
    if path.is_file():
        raise ValueError(f"{path}: expected a preset's folder, name or address; it is a file{_way(path)}")
    return _from_registry(str(path), names)  # a name may end in /, as shells complete folders


def _way(file):
    """What takes a file, in words."""
    if manifest.is_preset(file.parent):
        return f" of the preset {file.parent}: give that folder"
    return ": kerasgan.load reads .keras files" if file.suffix == ".keras" else ""


def metadata(source):
    """Return the metadata of a preset, see `manifest.read_metadata`; of its files only `metadata.json` is fetched."""
    found = folder(source, ())
    path = found / manifest.METADATA
    if not path.is_file():
        raise FileNotFoundError(f"{found}: expected a preset, a folder with {manifest.METADATA}")
    return manifest.read_metadata(path.read_bytes(), source)


def _from_registry(name, names):
    value = registry.entry(name)
    if value.convert:
        commands = "; ".join(value.convert.commands(name))
        raise ValueError(f"{name}: cannot be hosted here; it is converted from published weights: {commands}")
    wanted = _wanted(value.files, names)
    bundled = registry.FOLDER / "presets" / name
    if all((bundled / file).is_file() for file in wanted):
        for file in wanted:
            problem = manifest.problem(bundled / file, value.files[file])
            if problem:
                raise ValueError(f"{bundled / file}: not the file of the registry: {problem}")
        return bundled
    base = registry.address(name, value)
    if base is not None:
        download.check_url(base)
    return cache.fetch(name, value.files, wanted, base)


def _from_address(base, names):
    download.check_url(base)
    content = cache.metadata(base)
    files = manifest.read_metadata(content, base)["files"]
    label = re.sub(r"[^A-Za-z0-9_.-]", "_", base.rpartition("/")[2]).lstrip(".")[:_LONGEST] or "preset"
    found = cache.fetch(label, files, _wanted(files, names, metadata=False), base)
    cache.keep(found / manifest.METADATA, content)
    return found


def _wanted(files, names, metadata=True):
    known = [name for name in names if name in files]
    return [manifest.METADATA, *known] if metadata else known
