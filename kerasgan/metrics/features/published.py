"""Classifiers of our own that judge images: their weights in the zoo, and what is known about them beside these."""

import dataclasses
import json
import pathlib
from collections.abc import Callable

import keras
import numpy as np
import numpy.typing as npt

from kerasgan.metrics.evaluation import result
from kerasgan.metrics.features.network import FeatureNetwork
from kerasgan.saving import weights_file
from kerasgan.utils import atomic_files, zoo_folder
from kerasgan.utils.messages import shortened

FOLDER = zoo_folder.FOLDER / "features"


@dataclasses.dataclass(frozen=True)
class Published:
    """A classifier whose weights are in `zoo/features`: `NAME.weights.h5`, with `NAME.json` beside them.

    Args:
        name: of the feature network.
        build: function that builds the classifier.
        judge: function of a classifier and a name that makes its `FeatureNetwork`.
        command: trains it anew.
    """

    name: str
    build: Callable[[], keras.Model]
    judge: Callable[[keras.Model, str], FeatureNetwork]
    command: str

    @property
    def weights(self) -> str:
        """Name of the file of weights."""
        return f"{self.name}.weights.h5"

    @property
    def facts(self) -> str:
        """Name of the file of facts: accuracy, protocol, command, versions."""
        return f"{self.name}.json"

    def load(self, name: str, weights: pathlib.Path | None) -> FeatureNetwork:
        """Make the network: see `kerasgan.metrics.features.load`."""
        path = FOLDER / self.weights if weights is None else weights
        if not path.is_file():
            raise FileNotFoundError(f"no such file: {path}; `{self.command}` trains one")
        classifier = self.build()
        try:
            classifier.load_weights(path)
        except (ValueError, OSError, KeyError) as error:
            raise ValueError(f"{path}: expected weights of {classifier.name} ({shortened(error)})") from error
        network = self.judge(classifier, name)
        if weights is None and network.digest != json.loads((FOLDER / self.facts).read_text())["weights"]:
            raise ValueError(f"{path}: expected the weights that {self.facts} tells of; they are others")
        return network

    def write(
        self,
        folder: pathlib.Path,
        trained: keras.Model,
        sets: dict[str, tuple[np.ndarray, npt.ArrayLike]],
        facts: dict,
    ) -> dict:
        """Write a trained classifier's weights, kernels in half the bytes, and what is known about them.

        Args:
            folder: where to.
            trained: as `build` makes it, of any dtype policy.
            sets: names to uint8 images [N, H, W, C] and labels [N], on which the accuracy of what is written is told.
            facts: what else is known, such as the protocol of the training.

        Returns:
            The content of `NAME.json`.
        """
        classifier = self.build()
        classifier.set_weights(trained.get_weights())
        weights_file.round_to_float16(classifier.variables)
        network = self.judge(classifier, self.name)
        content = {
            "network": self.name,
            "weights": network.digest,
            "parameters": classifier.count_params(),
            **facts,
            "accuracy": {name: accuracy(network, *rows) for name, rows in sets.items()},
            "command": result.command(),
            "versions": result.versions(),
        }
        with atomic_files.written_whole(folder / self.weights) as beside:
            whole = beside.with_name("whole.weights.h5")
            classifier.save_weights(whole)
            weights_file.store_as_float16(whole, beside)
        with atomic_files.written_whole(folder / self.facts) as beside:
            beside.write_text(json.dumps(content, indent=2) + "\n")
        return content


def accuracy(network: FeatureNetwork, images: np.ndarray, labels: npt.ArrayLike) -> float:
    """Return the share of images, uint8 [N, H, W, C], whose most probable class is their label."""
    parts = [network(images[first : first + 500])["probabilities"] for first in range(0, len(images), 500)]
    return float(np.mean(np.concatenate(parts).argmax(axis=1) == np.asarray(labels)))
