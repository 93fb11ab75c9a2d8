"""Beginning a training with the weights of a preset instead of random ones."""

import sys

from kerasgan.models.gan import GAN
from kerasgan.saving import manifest, presets, sources


def take(gan, source):
    """Give the networks of a model the weights of a preset's, and say on stderr what begins anew.

    The generator, its average and the prior take the preset's averaged generator and prior; the critic takes the
    preset's critic, where it holds one. Tables with a row for each class begin anew where the number of classes is
    another. Optimizers and the count of steps begin anew.

    Args:
        gan: `GAN`.
        source: as for `kerasgan.from_preset`.

    Raises:
        ValueError: naming the first weight that is of another shape, or as `kerasgan.from_preset`.
    """
    has_critic = manifest.with_critic(sources.metadata(source)["files"]) is not None
    preset = presets.from_preset(source, training=has_critic)
    classes = gan.num_classes, preset.num_classes
    parts = [
        ("generator", gan.generator, preset.sampling_generator),
        ("generator", gan.ema_generator, preset.sampling_generator),
        ("prior", gan.latent, preset.sampling_latent),
        ("prior", gan.ema_latent, preset.sampling_latent),
    ]
    if isinstance(preset, GAN):
        parts.append(("critic", gan.critic, preset.critic))
    else:
        print(f"start_from: {source} holds no critic: it begins anew", file=sys.stderr)
    pairs, anew = [], {}
    for part in parts:
        if part[1] is not None:
            pairs += _pairs(source, *part, classes, anew)
    for path, part in anew.items():
        print(f"start_from: {part}: {path} begins anew, as there are other classes", file=sys.stderr)
    for mine, theirs in pairs:
        mine.assign(theirs)


def _pairs(source, part, mine, theirs, classes, anew):
    """Pairs of variables, of which the first is to have the second's value; notes in `anew` those that begin anew."""
    ours, known = mine.variables, theirs.variables
    if len(ours) != len(known):
        raise ValueError(
            f"start_from: expected the {part} of {source}, {len(known)} weights; got one of {len(ours)}: take the "
            "recipe that the preset was trained with"
        )
    pairs = []
    for to, taken in zip(ours, known):
        there, here = tuple(taken.shape), tuple(to.shape)
        if here == there:
            pairs.append((to, taken))
        elif (here[:1], there[:1]) == ((classes[0],), (classes[1],)) and here[1:] == there[1:]:
            anew[to.path] = part  # a table of the average has the name of the generator's
        else:
            raise ValueError(
                f"start_from: expected {to.path} of the {part} of the shape that {source} has, {there}; got {here}: "
                "take the recipe that the preset was trained with"
            )
    return pairs
