"""`python -m tests.saving.load_all FOLDER HOW` loads every file of a folder, having imported nothing else before.

Prints a line of JSON a file: its name, the model's class, and a sum that tells its samples.
"""

import json
import pathlib
import sys


def samples_sum(model):
    """Return the sum of three samples' numbers, made without compiling anything."""
    import numpy as np

    labels = None if model.num_classes is None else np.zeros(3, np.int32)
    samples = model.images_from_seeds(np.arange(3), np.full(3, 0.5, np.float32), labels)
    return float(samples.numpy().astype("float64").sum())


def main(folder, how):
    if how == "keras first":
        import keras

        import kerasgan
    else:
        import kerasgan

        if how == "in the middle":
            from kerasgan.layers import SpectralNormalization  # noqa: F401  which imports Keras
        import keras

    for path in sorted(pathlib.Path(folder).glob("*.keras")):
        try:
            model = kerasgan.load(path) if how == "kerasgan.load" else keras.models.load_model(path)
            print(json.dumps([path.stem, type(model).__name__, samples_sum(model)]))
        except Exception as error:
            print(json.dumps([path.stem, type(error).__name__, str(error)[:300]]))


if __name__ == "__main__":
    main(*sys.argv[1:])
