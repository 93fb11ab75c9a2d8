"""What a run's `run.json` says of its data, and whether those that are there now are the same."""

import sys
import warnings

from kerasgan.training import run_folder
from kerasgan.utils import classes


def facts(source):
    """Return what `run.json` says of a source: `data`, its name, number and classes, and `data_fingerprint`."""
    return {
        "data": {"name": source.name, "images": source.count, "classes": source.class_names},
        "data_fingerprint": source.fingerprint and source.fingerprint(),
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


def check(run, gan, source, changed=False):
    """Refuse to go on with other data than a run was trained on.

    Args:
        run: run folder.
        gan: its model.
        source: the data that are there now.
        changed: whether other data of the same classes are meant; `run.json` then tells of both, the earlier ones under
            `earlier_data`.

    Raises:
        ValueError: if a conditional model's classes are others, are in another order, or are more or fewer; or, unless
            `changed` is said, if the number of examples or the fingerprint is another.
    """
    before, now = run_folder.facts(run), facts(source)
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
    if same:
        return
    if not changed:
        raise ValueError(
            f"{run}: the data are not those that the run was trained on: {source.name} has {source.count} examples, "
            f"fingerprint {now['data_fingerprint']}; it was trained on {data.get('images')}, {fingerprint}. "
            "Put them back, begin a new run, or go on all the same with --data-changed"
        )
    earlier = {"until_step": int(gan.step.numpy()), **{key: before.get(key) for key in now}}
    run_folder.write_facts(run, {**before, **now, "earlier_data": [*before.get("earlier_data", []), earlier]})
