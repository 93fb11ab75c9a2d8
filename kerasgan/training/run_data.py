"""What a run's `run.json` says of its data, and whether those that are there now are the same."""

import sys
import warnings

from kerasgan.training import run_folder
from kerasgan.utils import classes


def facts(source, section=None):
    """Return what `run.json` says of a source: `data`, its name, number and classes, and `data_fingerprint`.

    Of the recipe's section, where it is given, it tells `data_settings` too.
    """
    return {
        "data": {"name": source.name, "images": source.count, "classes": source.class_names},
        "data_fingerprint": source.fingerprint and source.fingerprint(),
        **({} if section is None else {"data_settings": section.settings()}),
    }


def tell_if_changed(run, source):
    """Say on standard error that data are not those that a run was trained on, where its `run.json` tells."""
    before, now = run_folder.facts(run), facts(source)
    if before.get("data_fingerprint") not in (None, now["data_fingerprint"]):
        print(
            f"CAUTION: {source.name} is not as it was when {run} was trained on it: {source.count} examples, "
            f"fingerprint {now['data_fingerprint']}, were {(before.get('data') or {}).get('images')}, "
            f"{before['data_fingerprint']}",
            file=sys.stderr,
        )


def check(run, gan, source, changed=False, section=None):
    """Refuse to go on with other data than a run was trained on, or with others of its batches.

    Args:
        run: run folder.
        gan: its model.
        source: the data that are there now.
        changed: whether other data of the same classes are meant; `run.json` then tells of both, the earlier ones under
            `earlier_data`.
        section: `data` of the run's recipe as it is now, or `None`.

    Raises:
        ValueError: if a conditional model's classes are others, are in another order, or are more or fewer; if the
            section makes of the data what the model does not take; or, unless `changed` is said, if the number of
            examples, the fingerprint or a setting such as the batch size is another.
    """
    before, now = run_folder.facts(run), facts(source, section)
    if gan.num_classes is not None:
        names = gan.class_names or classes.unnamed(gan.num_classes)
        different = classes.difference(names, source.class_names)
        if different:
            raise ValueError(
                f"{run}: the data, {source.name}, have {different}; labels would not mean the classes that the run was "
                "trained on. Name the classes as they were, or begin a new run"
            )
    data = before.get("data") if isinstance(before.get("data"), dict) else {}
    fingerprint = before.get("data_fingerprint")
    same = data.get("images", source.count) == source.count
    if "data_fingerprint" not in before:
        warnings.warn(
            f"{run}: run.json has no fingerprint of the data, as of older kerasgans: only their number and classes "
            "were compared",
            stacklevel=3,
        )
    elif fingerprint != now["data_fingerprint"]:
        same = False
    edited = _edited(before.get("data_settings"), now.get("data_settings"))
    if same and not edited:
        return
    if edited and not changed:
        raise ValueError(
            f"{run / run_folder.RECIPE}: the data come otherwise than when the run was trained on them: {edited}. Put "
            "it back, begin a new run, or go on all the same with --data-changed; the order of the data is then that "
            "of a run that began so"
        )
    if edited:
        _check_fits(run, gan, source, section)
    if not same and not changed:
        raise ValueError(
            f"{run}: the data are not those that the run was trained on: {source.name} has {source.count} examples, "
            f"fingerprint {now['data_fingerprint']}; it was trained on {data.get('images')}, {fingerprint}. "
            "Put them back, begin a new run, or go on all the same with --data-changed"
        )
    earlier = {"until_step": int(gan.step.numpy()), **{key: before.get(key) for key in now}}
    run_folder.write_facts(run, {**before, **now, "earlier_data": [*before.get("earlier_data", []), earlier]})


def _edited(before, now):
    """Say which settings are others than before; "" where none is, or one of both is not known."""
    if not isinstance(before, dict) or now is None:
        return ""
    pairs = {name: (before[name], value) for name, value in now.items() if name in before}
    return ", ".join(f"data.{name} is {now}, was {old}" for name, (old, now) in pairs.items() if old != now)


def _check_fits(run, gan, source, section):
    """Raise `ValueError` where a section's examples have another shape than a model's, or other labels."""
    shape, classes = tuple(section.shape(source)), section.num_classes(source)
    if shape != tuple(gan.image_shape) or classes != gan.num_classes:
        raise ValueError(
            f"{run / run_folder.RECIPE}: data: expected {section.plural} of shape {tuple(gan.image_shape)} and "
            f"num_classes {gan.num_classes}, as the run's networks have; got {shape} and {classes}: put the data's "
            "settings back, or begin a new run"
        )
