"""Record what other implementations compute of the same numbers: `python -m tests.data.record_peers`, which writes
`peers.npz`. It needs PyTorch and, installed with `--no-deps`, torch-fidelity 0.4.0, pytorch-fid 0.3.0 and
clean-fid 0.1.35. All three import torchvision, which goes with PyTorch for GPUs alone; nothing of it is used here.
"""

import json
import pathlib
import sys
import tempfile
from unittest import mock

import numpy as np
import torch

PARTS = ("transforms", "transforms.functional", "datasets", "models", "models.utils")
STOOD_IN = ("torchvision", *(f"torchvision.{part}" for part in PARTS))
sys.modules |= {name: mock.MagicMock() for name in STOOD_IN}

import cleanfid.fid  # noqa: E402
import cleanfid.resize  # noqa: E402
import pytorch_fid.fid_score  # noqa: E402
from torch_fidelity import metric_fid, metric_isc, metric_kid  # noqa: E402
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3  # noqa: E402

from tests.data import peers  # noqa: E402

TAPS = ("64", "192", "768", "2048", "logits", "logits_unbiased")


def frechet(rows, others):
    """The distances of pytorch-fid, clean-fid and torch-fidelity."""
    a, b = ((x.mean(0), np.cov(x, rowvar=False)) for x in peers.frechet_features(rows, others))
    named = [dict(zip(("mu", "sigma"), moments)) for moments in (a, b)]
    return [
        pytorch_fid.fid_score.calculate_frechet_distance(*a, *b),
        cleanfid.fid.frechet_distance(*a, *b),
        metric_fid.fid_statistics_to_metric(*named, verbose=False)["frechet_inception_distance"],
    ]


def inception():
    """torch-fidelity's taps of images, and the shapes of the weights that they were computed with."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(torch.nn.Module, "load_state_dict") as loaded:
        path = pathlib.Path(folder) / "weights.pth"
        torch.save({}, path)
        extractor = FeatureExtractorInceptionV3("ours", list(TAPS), str(path))
        assert loaded.called
    shapes = {name: tuple(tensor.shape) for name, tensor in extractor.state_dict().items()}
    state = peers.inception_state(shapes)
    extractor.load_state_dict({name: torch.tensor(numbers) for name, numbers in state.items()})
    with torch.no_grad():
        taps = extractor(torch.tensor(peers.images(40, 32).transpose(0, 3, 1, 2)))
    return shapes, {f"inception/{name}": tap.numpy() for name, tap in zip(TAPS, taps)}


def main():
    a, b = map(torch.tensor, peers.kernel_features())
    resize = cleanfid.resize.build_resizer("clean")
    shapes, taps = inception()
    np.savez_compressed(
        peers.FILE,
        **{f"frechet/{rows}-{others}": frechet(rows, others) for rows, others in peers.FRECHET_CASES},
        kernel=list(metric_kid.kid_features_to_metric(a, b, verbose=False, **peers.KID).values()),
        inception_score=list(
            metric_isc.isc_features_to_metric(torch.tensor(peers.logits()), splits=peers.SPLITS, shuffle=False).values()
        ),
        **{
            f"resized/{side}": np.array([resize(image) for image in peers.images(side, side)])[
                :, :: peers.EVERY, :: peers.EVERY
            ]
            for side in peers.RESIZED
        },
        **{"inception/shapes": json.dumps(shapes)},
        **taps,
    )


if __name__ == "__main__":
    main()
