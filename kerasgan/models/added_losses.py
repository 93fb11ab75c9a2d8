"""What layers add to a loss while they are called: activity regularizers, and `add_loss` of a user's own layers."""

import collections
import contextlib
import threading

import keras
from keras import ops

from kerasgan.utils.tensors import Tensor

_CURRENT = threading.local()  # each replica's step is built in a thread of its own, and they take turns
# threads that collect what a layer adds, by the layer's id
_COLLECTING: collections.Counter[int] = collections.Counter()


@contextlib.contextmanager
def collected(networks):
    """Collect what the layers of networks add, in every call inside; yields the list of float32 scalars.

    Keras itself keeps only what a network's last call added, and a critic is called several times in a loss. Inside
    another `collected` it keeps what is added to itself, as a part of a graph that may not run must.
    """
    outer = getattr(_CURRENT, "lists", None)
    found: list[Tensor] = []
    layers = {id(layer): layer for network in networks for layer in network._flatten_layers()}
    _CURRENT.lists = dict.fromkeys(layers, found)
    for key, layer in layers.items():
        _COLLECTING[key] += 1
        layer.add_loss = _adding(layer)
    try:
        yield found
    finally:
        _CURRENT.lists = outer
        for key, layer in layers.items():
            _COLLECTING[key] -= 1
            if not _COLLECTING[key]:
                del _COLLECTING[key]
                del layer.add_loss


def _adding(layer):
    """Return what takes the place of a layer's `add_loss` while one thread at least collects."""

    def add_loss(loss):
        losses = (getattr(_CURRENT, "lists", None) or {}).get(id(layer))
        if losses is None:
            return type(layer).add_loss(layer, loss)
        losses.extend(ops.cast(one, "float32") for one in keras.tree.flatten(loss))

    return add_loss
