"""Weights in HDF5 files: kernels stored in half the bytes, and a look at a stranger's file before it is read."""

import h5py
import numpy as np

_MOST_OBJECTS = 100_000
_DEEPEST = 50


def round_to_float16(variables):
    """Round the kernels among Keras variables to values that float16 holds.

    Kernels have two axes or more. Vectors (batch-norm statistics, biases, gains), which weigh little, stay as they are,
    and so does a kernel with a number that float16 does not reach.
    """
    for variable in variables:
        values = variable.numpy()
        if _is_halved(values):
            variable.assign(values.astype(np.float16).astype(np.float32))


def store_as_float16(source, target):
    """Copy a weights file, with kernels (see `round_to_float16`) as float16; Keras reads them into float32 variables.

    Args:
        source: path of an HDF5 file.
        target: path of the file to write.
    """
    with h5py.File(source, "r") as old, h5py.File(target, "w") as new:
        _copy(old, new)


def check(path):
    """Return how many numbers a file holds; raise `ValueError` unless they are plain arrays and there is nothing else.

    Refused are links (an external one reads another file), virtual and external datasets (the same), filters and
    chunks without content (a small file may unpack to any size), and what is no array of numbers.

    Args:
        path: of an HDF5 file.
    """
    try:
        with h5py.File(path, "r") as file:
            return _check_group(file, path, [_MOST_OBJECTS], 0)
    except (OSError, RuntimeError, KeyError) as error:  # h5py's for a damaged file
        raise ValueError(f"{path}: not a readable weights file ({error})") from None


def _is_halved(values):
    # of subnormal numbers, below 6e-5, float16 keeps fewer digits: next to the kernel's others that is nothing
    return values.dtype == np.float32 and values.ndim > 1 and np.abs(values).max(initial=0) <= np.finfo(np.float16).max


def _copy(old, new):
    for name, value in old.attrs.items():
        new.attrs[name] = value
    for name, item in old.items():
        if isinstance(item, h5py.Group):
            _copy(item, _group(new, name))
            continue
        values = item[()]
        copied = new.create_dataset(name, data=values.astype(np.float16) if _is_halved(values) else values)
        for key, value in item.attrs.items():
            copied.attrs[key] = value


def _group(parent, name):
    """Make a group that keeps the order of its members but no times: the same weights give the same bytes."""
    order = h5py.h5p.CRT_ORDER_TRACKED | h5py.h5p.CRT_ORDER_INDEXED
    properties = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    properties.set_link_creation_order(order)
    properties.set_attr_creation_order(order)
    properties.set_obj_track_times(False)
    return h5py.Group(h5py.h5g.create(parent.id, name.encode(), gcpl=properties))


def _check_group(group, path, left, depth):
    if depth > _DEEPEST:
        raise ValueError(f"{path}: expected at most {_DEEPEST} levels of groups")
    numbers = 0
    for name in group:
        left[0] -= 1
        if left[0] < 0:
            raise ValueError(f"{path}: expected at most {_MOST_OBJECTS:,} groups and arrays")
        where = f"{path}: {group.name.rstrip('/')}/{name}"
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{where}: expected no links")
        kind = group.get(name, getclass=True)
        if kind is h5py.Group:
            numbers += _check_group(group[name], path, left, depth + 1)
        elif kind is h5py.Dataset:
            numbers += _check_array(group[name], where)
        else:
            raise ValueError(f"{where}: expected groups and arrays")
    return numbers


def _check_array(array, where):
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{where}: expected numbers; got {array.dtype}")
    if array.is_virtual or array.external:
        raise ValueError(f"{where}: expected an array in this file")
    if array.id.get_create_plist().get_nfilters() or array.id.get_storage_size() != array.nbytes:
        raise ValueError(f"{where}: expected an array stored as it is, {array.nbytes:,} bytes")
    return array.size
