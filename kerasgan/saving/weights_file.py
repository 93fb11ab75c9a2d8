"""Weights in HDF5 files: kernels stored in half the bytes, and a look at a stranger's file before it is read."""

import os

import h5py
import numpy as np

from kerasgan.saving.refused import Refused
from kerasgan.utils import messages

_MOST_OBJECTS = 100_000
_DEEPEST = 50
_AS_BYTES = ("bfloat16", "float8_e4m3fn", "float8_e5m2")  # which HDF5 does not know, and Keras names beside the bytes


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


def check(file, where=None):
    """Return how many numbers a file holds; raise `ValueError` unless they are plain arrays and there is nothing else.

    Refused are links (an external one reads another file), virtual and external datasets (the same), filters and
    chunks without content (a small file may unpack to any size), arrays that share their bytes, and what is no array
    of numbers.

    Args:
        file: path of an HDF5 file, or a file object of one.
        where: names it in messages; the path by default.
    """
    where = file if where is None else where
    try:
        with h5py.File(file, "r") as opened:
            contents = _Contents(where)
            contents.look_into(opened, 0)
            size = os.stat(file).st_size if isinstance(file, (str, os.PathLike)) else file.seek(0, os.SEEK_END)
    except (OSError, RuntimeError, KeyError) as error:  # h5py's for a damaged file
        raise ValueError(f"{where}: not a readable weights file ({messages.shortened(error)})") from None
    if contents.bytes > size:
        raise Refused(
            f"{where}: expected arrays of {size:,} bytes at most, as the file has; they have {contents.bytes:,}"
        )
    return contents.numbers


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


class _Contents:
    """What a weights file holds, looked at group by group."""

    def __init__(self, where):
        self.where = where
        self.objects = self.numbers = self.bytes = 0

    def look_into(self, group, depth):
        """Count what a group holds; raises `Refused` at what is no plain array."""
        if depth > _DEEPEST:
            raise Refused(f"{self.where}: expected at most {_DEEPEST} levels of groups")
        for name in group:
            self.objects += 1
            if self.objects > _MOST_OBJECTS:
                raise Refused(f"{self.where}: expected at most {_MOST_OBJECTS:,} groups and arrays")
            what = f"{self.where}: {messages.shortened(group.name.rstrip('/') + '/' + name)}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise Refused(f"{what}: expected no links")
            kind = group.get(name, getclass=True)
            if kind is h5py.Group:
                self.look_into(group[name], depth + 1)
            elif kind is h5py.Dataset:
                _check_array(group[name], what)
                self.numbers += group[name].size
                self.bytes += group[name].nbytes
            else:
                raise Refused(f"{what}: expected groups and arrays")


def _check_array(array, what):
    if array.dtype.kind not in "biuf" and not (array.dtype.kind == "V" and array.attrs.get("dtype") in _AS_BYTES):
        raise Refused(f"{what}: expected numbers; got {array.dtype}")
    if array.is_virtual or array.external:
        raise Refused(f"{what}: expected an array in this file")
    if array.id.get_create_plist().get_nfilters() or array.id.get_storage_size() != array.nbytes:
        raise Refused(f"{what}: expected an array stored as it is, {array.nbytes:,} bytes")
