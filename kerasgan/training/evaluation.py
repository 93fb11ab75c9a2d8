"""Measuring models: what `kerasgan evaluate` does."""

import dataclasses
import json
import pathlib
import warnings

from kerasgan import metrics as metrics_module
from kerasgan.data import bucket, fitting, folder_source, npz_source
from kerasgan.metrics import features
from kerasgan.metrics.evaluation import evaluator, measures, result, statistics_file
from kerasgan.metrics.evaluation.extraction import Needs
from kerasgan.metrics.evaluation.reference import Reference
from kerasgan.recipes import recipe, sections
from kerasgan.saving import manifest, registry, sources
from kerasgan.training import run_data, run_folder
from kerasgan.utils import atomic_files, cache_root, devices, messages, validation, workers


def evaluate(
    models,
    out=None,
    metrics=None,
    network=None,
    network_weights=None,
    n=evaluator.SAMPLES,
    real=None,
    split=None,
    data_dir=None,
    seed=0,
    truncation=None,
    weights=None,
    standing_passes=0,
    batch_size=100,
    cache=None,
    precision="float32",
):
    """Measure models against real images, with one reference for all of them.

    Args:
        models: paths as for `kerasgan.training.run_folder.load_model`. Or a folder of pictures, or an `.npz` file of
            images, which is measured against `real`, or against a second such path.
        out: JSON file of all results, or `None`; written anew after each model.
        metrics: names with commas, see `kerasgan.metrics.measures.MEASURES`; by default "fid" of images, "modes,w1,js"
            of points, "ngrams" of lines.
        network: name of the feature network, see `kerasgan.metrics.features.NAMES`; by default "garments" of grey
            images of 28 or 32 pixels, "efficientnet-lite0" of others.
        network_weights: path of its weights, for those that take one.
        n: images to generate with each model.
        real: where the real images come from: a run folder or a recipe, whose data section is taken, a folder of
            images, the name of a TFDS dataset, a statistics file as pytorch-fid writes them, or a
            `kerasgan.recipes.sections.Section`; by default the run that the first model is of.
        split: of the dataset; the one it was trained on by default, "train" without a recipe.
        data_dir: TFDS's folder; the recipe's by default.
        seed: as for `kerasgan.metrics.evaluate`.
        truncation: as there.
        weights: as there.
        standing_passes: batches for new batch-norm statistics, 0 for those that were trained.
        batch_size: as there.
        cache: folder of kept moments; `kerasgan.utils.cache_root.root()` by default.
        precision: of the feature network, see `kerasgan.metrics.features.load`.

    Of several workers, which `TF_CONFIG` or Slurm tells of, each generates and judges its part; the first one prints
    and writes.

    Returns:
        The list of all `kerasgan.metrics.evaluation.result.Result`s, which are printed too.

    Raises:
        ValueError, OSError, ImportError: naming what is wrong, before images are generated.
    """
    validation.several("models", models)
    if metrics is not None:
        measures.chosen(metrics)
    if out is not None:
        atomic_files.check_writable(out)
    if all(is_pictures(path) for path in models):
        for name, value, default in (
            ("n", n, evaluator.SAMPLES),
            ("truncation", truncation, None),
            ("weights", weights, None),
            ("standing_passes", standing_passes, 0),
        ):
            if value != default:
                raise ValueError(f"{name}: expected none, as pictures are measured, all of them; got {value}")
        where = split, data_dir, cache or cache_root.root()
        return _of_pictures(models, real, metrics or "fid", network, network_weights, seed, where, out, precision)
    _check_are_models(models)
    with devices.used() as strategy, strategy.scope():
        asked = [
            list(map(str, models)),
            metrics,
            network,
            n,
            str(real),
            split,
            seed,
            truncation,
            weights,
            standing_passes,
            precision,
        ]
        others = workers.others(strategy, repr(asked))
        if others:
            raise ValueError(
                f"evaluate: {others} of {workers.count(strategy)} workers are asked for something else than the chief: "
                "start all of them with the same command"
            )
        reference, results, digests, loaded = None, [], {}, []
        for path in models:  # all of them are checked before the first one's images are generated
            checkpoint = run_folder.newest_checkpoint(path) if run_folder.is_run(path) else path
            model = run_folder.load_model(checkpoint)
            if pathlib.Path(checkpoint).is_file():
                digests[str(checkpoint)] = manifest.sha256(checkpoint)
            if reference is None:
                where = cache or cache_root.root()
                arguments = model.image_shape, network, network_weights, split, data_dir, where, precision
                reference, usual = _reference(_prepared_as_for(path, real), *arguments)
                metrics = metrics or usual
                if real is None and workers.is_chief(strategy):
                    _tell_of_changed_data(path)
            try:
                evaluator.check(model, reference, metrics, n, seed, truncation)
            except ValueError as error:
                raise ValueError(f"{path}: {error}" if len(models) > 1 else str(error)) from None
            loaded.append((checkpoint, model))
        for checkpoint, model in loaded:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # caveats are in the results
                found = metrics_module.evaluate(
                    model,
                    reference,
                    metrics=metrics,
                    n=n,
                    seed=seed,
                    truncation=truncation,
                    weights=weights,
                    standing_passes=standing_passes,
                    batch_size=batch_size,
                    name=str(checkpoint),
                    verbose=True,
                )
            results += found
            _tell(strategy, found, results, out, digests)
    return results


def _tell(strategy, found, results, out, digests=None):
    """Print what was found and write all results, on one of several workers."""
    if workers.is_chief(strategy):
        print(result.table(found), flush=True)
        if out is not None:
            result.write(out, results, digests)


def data_section(real):
    """Return the data section of the recipe of a run, checkpoint, preset or file; or of a folder, dataset or .npz file.

    Presets, folders and .npz files may lie in a bucket.

    Raises:
        ValueError: if it is a model that is of no run, or another file.
        FileNotFoundError: if it is a path, and nothing is there.
    """
    real = str(real)
    path = pathlib.Path(real)
    if path.suffix in (".yaml", ".yml"):
        return recipe.load(path).data
    folder = _run_of(path)
    if run_folder.is_run(folder):
        return recipe.load(folder / run_folder.RECIPE).data
    if bucket.is_address(real) and real.endswith(".npz"):
        return sections.ImageData(arrays=real)
    if sources.is_address(real) or (not path.exists() and real in registry.load()):
        try:
            path = sources.folder(real)
        except FileNotFoundError:
            if not bucket.is_address(real):
                raise
            return sections.ImageData(folder=real)  # a folder of a bucket that is no preset
    if manifest.is_preset(path):
        known = json.loads((path / "metadata.json").read_text()).get("recipe")
        if known is not None:
            return recipe.section(known["data"])
    if manifest.is_preset(path) or path.suffix == ".keras":
        raise ValueError(f"data: expected a dataset, a folder, a recipe or a run, as {path} is of no run; got none")
    if path.is_dir():
        return sections.ImageData(folder=real)
    if path.suffix == ".npz":
        return sections.ImageData(arrays=real)
    if path.is_file():
        raise ValueError(f"data: expected a folder of pictures, an .npz file, a recipe (.yaml) or a run; got {path}")
    if real.startswith((".", "/")):  # no name of TFDS
        raise FileNotFoundError(f"data: nothing is at {path}")
    return sections.ImageData(tfds=real)


def _prepared_as_for(model, real):
    """Real images that are made the size of a model's as those were that it was trained on: cut, or squeezed."""
    if real is None:
        return model
    if isinstance(real, sections.Section) or not is_pictures(real) or statistics_file.is_statistics(real):
        return real
    try:
        own = data_section(model)
    except ValueError:  # a model that is of no run
        return real
    return own.instead(real) if isinstance(own, sections.ImageData) else real


def is_pictures(path):
    """Whether a path is of pictures rather than of a model: a folder that is no run and no preset, or an .npz file."""
    path = pathlib.Path(path)
    if path.is_dir():
        return not (run_folder.is_run(path) or manifest.is_preset(path))
    return path.suffix == ".npz" and path.is_file()


def _check_are_models(paths):
    """Raise where one of several paths is of pictures, and the others are not, or are not there."""
    pictures = [path for path in paths if is_pictures(path)]
    other = next((str(path) for path in paths if path not in pictures), None)
    if pictures and not sources.is_address(other) and not pathlib.Path(other).exists() and other not in registry.load():
        raise FileNotFoundError(f"evaluate: no such folder, file or preset: {other}")
    if pictures:
        raise ValueError(
            f"evaluate: expected models, or pictures and pictures; {other} is a model and {pictures[0]} is of "
            f"pictures: kerasgan evaluate {other} --data {pictures[0]} measures the one against the other"
        )


def _of_pictures(paths, real, metrics, network, network_weights, seed, where, out, precision):
    """Measure the pictures of a path against `real`, or against those of a second path, at the size of the first.

    `where` is the split and the TFDS folder of the second ones, and the folder of kept moments.
    """
    if len(paths) + (real is not None) != 2:
        raise ValueError(
            "evaluate: expected one folder or .npz file of pictures and another to compare it with, "
            f"the second one or --data; got {len(paths)} paths{' and --data' if real is not None else ''}"
        )
    made, real = [str(path) for path in (*paths, real) if path is not None]
    with devices.used() as strategy, strategy.scope(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # caveats are in the results
        with messages.renamed("models"):
            own = _computing_in(precision, _pictures(made, None, network, network_weights))
        against, _ = _reference(real, own.image_shape, network, network_weights, *where, precision)
        results = evaluator.evaluate_set(own, against, metrics, seed, verbose=True)
        _tell(strategy, results, results, out)
    return results


def _reference(real, shape, network, network_weights, split, data_dir, cache, precision):
    """The reference that real images are, or a file of statistics, and the metrics that are usual for it."""
    if not isinstance(real, sections.Section) and statistics_file.is_statistics(real):
        if network is None:
            raise ValueError(f"features: expected the network's name with {real}, which does not name it; got none")
        judge = features.load(network, network_weights, precision)
        return statistics_file.StatisticsReference(real, judge, shape), "fid"
    section = real if isinstance(real, sections.Section) else data_section(real)
    try:
        with messages.renamed("data"):
            reference = section.reference(shape, network, network_weights, split, data_dir, cache, verbose=True)
    except FileNotFoundError as error:
        there = not section.is_local or pathlib.Path(section.place).expanduser().exists()  # then something else is not
        if there or section is real or not run_folder.is_run(_run_of(real)):
            raise
        raise FileNotFoundError(
            f"{error}; the run's recipe has that path as it was typed: measure in the folder where the run began, or "
            "give the path where the data are now with --data"
        ) from None
    return _computing_in(precision, reference), section.metrics


def _run_of(path):
    """The folder that is a run where a path is one, or one of its checkpoints."""
    path = pathlib.Path(path)
    return run_folder.of_checkpoint(path) if path.suffix == ".keras" else path


def _tell_of_changed_data(path):
    """Say where the data of a run, or of one of its checkpoints, are not those that it was trained on."""
    run = _run_of(path)
    if run_folder.is_run(run):
        run_data.tell_if_changed(run, recipe.load(run / run_folder.RECIPE).data.open())


def _computing_in(precision, reference):
    """The reference whose feature network computes in a precision."""
    if precision == "float32":
        return reference
    if not isinstance(reference, Reference):
        raise ValueError(f"precision: expected float32, as {reference.name} has no feature network; got {precision}")
    return dataclasses.replace(reference, network=dataclasses.replace(reference.network, precision=precision))


def statistics(
    real, out, network=None, network_weights=None, size=None, split=None, data_dir=None, cache=None
) -> pathlib.Path:
    """Write the mean and covariance of real images' features to a file that pytorch-fid reads.

    Args:
        real: as for `evaluate`.
        out: the `.npz` file.
        network: as for `evaluate`.
        network_weights: as for `evaluate`.
        size: pixels a side that the images are made; by default those of the recipe or run, else the shorter side of
            the first picture.
        split: as for `evaluate`.
        data_dir: as for `evaluate`.
        cache: as for `evaluate`.

    Returns:
        `out`.

    Raises:
        ValueError, OSError, ImportError: naming what is wrong, before images are read.
    """
    statistics_file.check_path(out)
    atomic_files.check_writable(out)
    cache = cache or cache_root.root()
    with messages.renamed("data"):
        reference = _images(str(real), size, network, network_weights, split, data_dir, cache)
    return statistics_file.save(out, reference.extracted(Needs()).moments)


def _images(real, size, network, network_weights, split, data_dir, cache):
    """The reference of images: of all pictures of a path, or of a data section."""
    if is_pictures(real):
        return _pictures(real, size, network, network_weights, split, data_dir, cache)
    section = data_section(real).fitted()
    if not isinstance(section, sections.ImageData):
        raise ValueError(
            f"data: expected images, of which a feature network makes features; {real} has {section.plural}"
        )
    _, _, channels = section.shape(section.open())
    size = size or section.image_size
    return section.reference((size, size, channels), network, network_weights, split, data_dir, cache, True)


def _pictures(path, size, network, network_weights, split=None, data_dir=None, cache=None):
    """The reference of all pictures of a path, made `size` pixels a side, or as large as the first one."""
    section, size = _section_of(path), size or _side(path)
    return section.reference((size, size, section.channels), network, network_weights, split, data_dir, cache, True)


def _section_of(path):
    fitted = fitting.of(path)
    kind = {"arrays": path} if path.endswith(".npz") else {"folder": path}
    return sections.ImageData(**kind, channels=fitted.channels)


def _side(path):
    """The side of the first picture, which all are made."""
    source = npz_source.npz(path) if path.endswith(".npz") else folder_source.folder(path)
    image, _ = next(source.examples.take(1).as_numpy_iterator())
    return min(image.shape[:2])
