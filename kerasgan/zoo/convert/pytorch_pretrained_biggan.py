"""DeepMind's BigGAN-deep generators, as ported by Hugging Face's pytorch-pretrained-biggan 0.1.1, into `biggan_deep`.

Sizes and widths are read off the tensors. The published files are for 128, 256 and 512 pixels and ImageNet's 1,000
classes. Between its thresholds that package gives the nearer of two statistics the smaller weight, and for some
thresholds (0.4 / 0.02 is 20.000000000000004 in floating point) takes the next ones instead; kerasgan interpolates, so
images at such truncations differ a little.
"""

import numpy as np

from kerasgan import latents
from kerasgan.models.sampler import Sampler
from kerasgan.networks import biggan_deep
from kerasgan.utils.state_dict import StateDict, assign_spectral

_SIZES = {10: 128, 12: 256, 14: 512}  # by the number of blocks


def sampler(tensors, epsilon: float = 1e-4):
    """Convert a generator.

    Args:
        tensors: state dict, names to arrays or CPU tensors.
        epsilon: `eps` of the file `config.json` beside the weights, of batch norm and spectral normalization.

    Returns:
        `Sampler` with `ScaledTruncatedNormal` latents. Its truncation is that package's, in (0, 1].

    Raises:
        ValueError: naming the tensor that is missing, too many or of another shape.
    """
    state = StateDict(tensors, "pytorch-pretrained-biggan")
    latent_dim, classes = state.shape("embeddings.weight", axes=2)
    thresholds, filters = state.shape("generator.bn.running_means", axes=2)
    places = 0
    while any(f"generator.layers.{places}.{part}" in state for part in ("conv_0.weight_orig", "gamma")):
        places += 1
    attention = [place for place in range(places) if f"generator.layers.{place}.gamma" in state]
    blocks = [place for place in range(places) if place not in attention]
    if len(blocks) not in _SIZES:
        raise ValueError(f"{state.what}: expected {', '.join(map(str, _SIZES))} blocks; got {len(blocks)}")
    size = _SIZES[len(blocks)]
    network = biggan_deep.generator(
        (size, size, 3),
        latent_dim=latent_dim,
        num_classes=classes,
        filters=filters,
        shared_dim=latent_dim,
        attention_size=4 * 2 ** (attention[0] // 2) if attention else None,
        epsilon=epsilon,
        spectral_epsilon=epsilon,
        image_filters=state.shape("generator.conv_to_rgb.weight_orig", axes=4)[0],
        thresholds=thresholds,
    )
    network.get_layer("class_embedding").embeddings.assign(state.take("embeddings.weight").T)
    _spectral(state, "generator.gen_z", network.get_layer("dense"))
    for index, place in enumerate(blocks):
        for number in range(4):
            name = f"generator.layers.{place}"
            _modulated(state, f"{name}.bn_{number}", network.get_layer(f"block_{index}_norm_{number}"))
            _spectral(state, f"{name}.conv_{number}", network.get_layer(f"block_{index}_conv_{number}"))
    for place in attention:
        _attention(state, f"generator.layers.{place}", network.get_layer("attention"))
    norm = network.get_layer("last_norm")
    for name, variable in (("weight", norm.gamma), ("bias", norm.beta)):
        variable.assign(state.take(f"generator.bn.{name}", variable.shape))
    _tables(state, "generator.bn", norm)
    _spectral(state, "generator.conv_to_rgb", network.get_layer("image"))
    state.finish()
    return Sampler(network, latents.ScaledTruncatedNormal(latent_dim), classes)


def _spectral(state, name, layer):
    shape = layer.kernel.shape
    shape = (shape[3], shape[2], shape[0], shape[1]) if len(shape) == 4 else shape[::-1]
    weight = state.take(f"{name}.weight_orig", shape)
    bias = layer.layer.bias
    bias = None if bias is None else state.take(f"{name}.bias", bias.shape)
    u = state.take(f"{name}.weight_u", (shape[0],))
    v = state.take(f"{name}.weight_v", (int(np.prod(shape[1:])),))
    assign_spectral(layer, weight, bias, u, v)


def _modulated(state, name, layer):
    _spectral(state, f"{name}.scale", layer.gain)
    _spectral(state, f"{name}.offset", layer.bias)
    _tables(state, name, layer.normalization)


def _tables(state, name, norm):
    norm.means.assign(state.take(f"{name}.running_means", norm.means.shape))
    norm.variances.assign(state.take(f"{name}.running_vars", norm.variances.shape))


def _attention(state, name, layer):
    pairs = (("theta", layer.query), ("phi", layer.key), ("g", layer.values), ("o_conv", layer.out))
    for theirs, ours in pairs:
        _spectral(state, f"{name}.snconv1x1_{theirs}", ours)
    layer.gamma.assign(state.take(f"{name}.gamma", (1,))[0])
