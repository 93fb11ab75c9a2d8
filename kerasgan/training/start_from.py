"""Beginning a training with the weights of a preset instead of random ones."""

import sys

import keras
import numpy as np

from kerasgan.layers import ConditionalBatchNormalization, SpectralNormalization
from kerasgan.models.gan import GAN
from kerasgan.saving import manifest, presets, sources
from kerasgan.utils import classes

_ESTIMATES = 20  # steps of the power iteration


def check(source):
    """Raise where a preset cannot be begun with at all, before work is done; see `take`.

    Returns:
        Its files, as its metadata has them.

    Raises:
        ValueError, FileNotFoundError: if there is no such preset.
    """
    try:
        return sources.metadata(source)["files"]
    except (ValueError, FileNotFoundError) as error:
        kind = ValueError if isinstance(error, ValueError) else FileNotFoundError
        raise kind(f"start_from: {error}") from error


def take(gan, source):
    """Give the networks of a model the weights of a preset's, and say on stderr what begins anew.

    The generator, its average and the prior take the preset's averaged generator and prior; the critic takes the
    preset's critic, where it holds one. In tables with a row for each class a class takes the row of the preset's class
    of the same name, and begins anew where there is none; classes without names take the rows of the same number, if
    there are as many. Optimizers and the count of steps begin anew.

    Args:
        gan: `GAN`.
        source: as for `kerasgan.from_preset`.

    Raises:
        ValueError: naming the first weight that is of another shape, or as `kerasgan.from_preset`.
    """
    has_critic = manifest.with_critic(check(source)) is not None
    preset = presets.from_preset(source, training=has_critic)
    own, theirs = tuple(gan.image_shape), tuple(preset.image_shape)
    if own != theirs:
        ways = {"data.image_size": (own[0], theirs[0]), "data.channels": (own[-1], theirs[-1])}
        way = " ".join(f"--set {key}={wanted}" for key, (mine, wanted) in ways.items() if mine != wanted)
        way = f": {way}" if len(own) == len(theirs) == 3 else ""
        raise ValueError(f"start_from: expected data of shape {theirs}, as {source} makes; got {own}{way}")
    parts = [
        ("generator", gan.generator, preset.sampling_generator),
        ("generator", gan.ema_generator, preset.sampling_generator),
        ("prior", gan.latent, preset.sampling_latent),
        ("prior", gan.ema_latent, preset.sampling_latent),
    ]
    if isinstance(preset, GAN):
        parts.append(("critic", gan.critic, preset.critic))
    else:
        print(
            f"start_from: {source} holds no critic: it begins anew, and the generator may forget what it knows before "
            "the critic has learned anything; look at the samples",
            file=sys.stderr,
        )
    rows = _rows_of_classes(gan, preset)
    if rows is not None and gan.classifying_critic:
        raise ValueError(
            f"start_from: expected the classes of {source} in its order, as the critic tells classes: "
            f"{classes.listed(preset.class_names or ())}; got {classes.listed(gan.class_names or ())}"
        )
    values, tables = [], {}
    for part, mine, theirs in parts:
        if mine is None:
            continue
        with_classes = _tables(mine, gan.num_classes)
        for to, known in _pairs(source, part, mine, theirs):
            if rows is not None and id(to) in with_classes:
                values.append((to, _matched(to, known, rows)))
                tables[to.path] = part  # a table of the average has the name of the generator's
            elif tuple(to.shape) == tuple(known.shape):
                values.append((to, known))
            else:
                raise ValueError(
                    f"start_from: expected {to.path} of the {part} of the shape that {source} has, "
                    f"{tuple(known.shape)}; got {tuple(to.shape)}: take the recipe that the preset was trained with"
                )
    for path, part in tables.items():
        print(f"start_from: {part}: {path} {_told(gan, rows)}", file=sys.stderr)
    for to, value in values:
        to.assign(value)
    for network in (gan.generator, gan.ema_generator, gan.critic) if tables else ():
        _estimate_again(network, gan.num_classes)


def _rows_of_classes(gan, preset):
    """The preset's class for each of a model's, -1 for none; `None` where they are the same in the same order."""
    if gan.num_classes is None or preset.num_classes is None:
        return None
    mine, theirs = (model.class_names or classes.unnamed(model.num_classes) for model in (gan, preset))
    if not classes.difference(theirs, mine):
        return None
    numbers = [classes.unnamed(len(names)) == tuple(names) for names in (mine, theirs)]
    if any(numbers):
        return [-1] * len(mine)
    return [theirs.index(name) if name in theirs else -1 for name in mine]


def _tables(network, count):
    """The ids of the variables of a network that have a row for each class."""
    found = set()
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.Embedding) and layer.input_dim == count:
            found.add(id(layer.embeddings))
        elif isinstance(layer, ConditionalBatchNormalization):
            found |= {id(layer.gain), id(layer.bias)}
        elif isinstance(layer, SpectralNormalization) and isinstance(layer.layer, keras.layers.Embedding):
            found.add(id(layer.u))
    return found


def _estimate_again(network, count):
    """Give spectrally normalized tables of classes the estimate of the rows that they have now."""
    with_classes = set() if network is None else _tables(network, count)
    for layer in network._flatten_layers() if with_classes else ():
        if isinstance(layer, SpectralNormalization) and id(layer.u) in with_classes:
            for _ in range(_ESTIMATES):
                layer.update()


def _matched(mine, theirs, rows):
    """A table's value with the preset's rows for the classes that it has."""
    value, known = np.array(mine), np.array(theirs)
    for row, of_theirs in enumerate(rows):
        if of_theirs >= 0:
            value[row] = known[of_theirs]
    return value


def _told(gan, rows):
    """Which rows of a table begin anew, in words."""
    names = gan.class_names or classes.unnamed(gan.num_classes)
    anew = [name for name, row in zip(names, rows) if row < 0]
    if len(anew) == len(names):
        return "begins anew, as there are other classes"
    if not anew:
        return "has the rows of the preset's classes in another order"
    return f"begins anew for {classes.listed(anew)}, which the preset has not"


def _pairs(source, part, mine, theirs):
    """Pairs of variables of two networks, in their order."""
    if len(mine.variables) != len(theirs.variables):
        raise ValueError(
            f"start_from: expected the {part} of {source}, {len(theirs.variables)} weights; got one of "
            f"{len(mine.variables)}: take the recipe that the preset was trained with"
        )
    return zip(mine.variables, theirs.variables)
