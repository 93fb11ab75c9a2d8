"""Weights of ajbrock/BigGAN-PyTorch, such as its `G_ema.pth`, into `kerasgan.networks.biggan`.

Sizes and widths are read off the tensors. That code moves the singular vectors of spectral normalization by one
iteration whenever it uses a weight, without storing them in inference; the converted networks hold the moved ones.
"""

import numpy as np

from kerasgan.layers import SelfAttention
from kerasgan.models.sampler import Sampler
from kerasgan.networks import biggan
from kerasgan.utils.state_dict import StateDict, assign_spectral

_LAST_WIDTH = {32: 4, 64: 2, 128: 1, 256: 1, 512: 1}  # of the generator, in units of its filters
_FIRST_WIDTH = {32: 4, 64: 1, 128: 1, 256: 1, 512: 1}  # of the critic
_CRITIC_BLOCKS = {4: 32, 5: 64, 6: 128, 7: 256, 8: 512}


def generator(tensors, epsilon: float = 1e-5, spectral_epsilon: float = 1e-6):
    """Convert a generator with shared embedding and hierarchical latents.

    Args:
        tensors: state dict, names to arrays or CPU tensors.
        epsilon: of batch norm, `--BN_eps` of the training; the last batch norm has 1e-5 whatever this is.
        spectral_epsilon: of spectral normalization, `--SN_eps` of the training.

    Returns:
        `keras.Model`, see `kerasgan.networks.biggan.generator`.

    Raises:
        ValueError: naming the tensor that is missing, too many or of another shape.
    """
    state = StateDict(tensors, "BigGAN-PyTorch generator")
    classes, shared_dim = state.shape("shared.weight", axes=2)
    blocks = _blocks(state)
    size = 4 * 2**blocks
    if size not in _LAST_WIDTH:
        raise ValueError(f"{state.what}: expected 3 to 7 blocks; got {blocks}")
    [last] = state.shape("output_layer.0.gain", axes=1)
    attention = [index for index in range(blocks) if f"blocks.{index}.1.gamma" in state]
    network = biggan.generator(
        (size, size, state.shape("output_layer.2.weight", axes=4)[0]),
        latent_dim=state.shape("linear.weight", axes=2)[1] * (blocks + 1),
        num_classes=classes,
        filters=last // _LAST_WIDTH[size],
        shared_dim=shared_dim,
        attention_size=[4 * 2 ** (index + 1) for index in attention],
        epsilon=epsilon,
        spectral_epsilon=spectral_epsilon,
    )
    network.get_layer("last_norm").epsilon = 1e-5
    network.get_layer("class_embedding").embeddings.assign(state.take("shared.weight"))
    _dense_to_places(state, network.get_layer("dense"))
    for index in range(blocks):
        ours, theirs = f"block_{index}", f"blocks.{index}.0"
        for number in (1, 2):
            _modulated(state, f"{theirs}.bn{number}", network.get_layer(f"{ours}_norm_{number}"))
            _spectral(state, f"{theirs}.conv{number}", network.get_layer(f"{ours}_conv_{number}"))
        _spectral(state, f"{theirs}.conv_sc", network.get_layer(f"{ours}_shortcut"))
    _attentions(state, attention, network)
    norm = network.get_layer("last_norm")
    for name, variable in (("gain", norm.gamma), ("bias", norm.beta)):
        variable.assign(state.take(f"output_layer.0.{name}", variable.shape))
    _moments(state, "output_layer.0", norm)
    _spectral(state, "output_layer.2", network.get_layer("image"))
    state.finish(ignored=(".sv0",))
    return network


def sampler(tensors, epsilon: float = 1e-5, spectral_epsilon: float = 1e-6):
    """Convert a generator and add what it takes to sample: see `generator` for the arguments.

    Returns:
        `Sampler` with `Normal` latents.
    """
    network = generator(tensors, epsilon, spectral_epsilon)
    return Sampler(network, num_classes=network.get_layer("class_embedding").input_dim)


def critic(tensors, spectral_epsilon: float = 1e-6):
    """Convert a critic (discriminator).

    Args:
        tensors: state dict, names to arrays or CPU tensors.
        spectral_epsilon: of spectral normalization, `--SN_eps` of the training.

    Returns:
        `keras.Model`, see `kerasgan.networks.biggan.critic`.

    Raises:
        ValueError: naming the tensor that is missing, too many or of another shape.
    """
    state = StateDict(tensors, "BigGAN-PyTorch critic")
    classes, _ = state.shape("embed.weight", axes=2)
    blocks = _blocks(state)
    if blocks not in _CRITIC_BLOCKS:
        raise ValueError(f"{state.what}: expected 4 to 8 blocks; got {blocks}")
    size = _CRITIC_BLOCKS[blocks]
    first, channels, _, _ = state.shape("blocks.0.0.conv1.weight", axes=4)
    attention = [index for index in range(blocks) if f"blocks.{index}.1.gamma" in state]
    network = biggan.critic(
        (size, size, channels),
        num_classes=classes,
        filters=first // _FIRST_WIDTH[size],
        attention_size=[size // 2 ** min(index + 1, 2 if size == 32 else blocks - 1) for index in attention],
        spectral_epsilon=spectral_epsilon,
    )
    names = {layer.name for layer in network.layers}
    for index in range(blocks):
        ours, theirs = f"block_{index}", f"blocks.{index}.0"
        for number in (1, 2):
            _spectral(state, f"{theirs}.conv{number}", network.get_layer(f"{ours}_conv_{number}"))
        if f"{ours}_shortcut" in names:
            _spectral(state, f"{theirs}.conv_sc", network.get_layer(f"{ours}_shortcut"))
    _attentions(state, attention, network)
    _spectral(state, "linear", network.get_layer("logit"))
    _spectral(state, "embed", network.get_layer("class_projection"))
    state.finish(ignored=(".sv0",))
    return network


def _blocks(state):
    blocks = 0
    while f"blocks.{blocks}.0.conv1.weight" in state:
        blocks += 1
    return blocks


def _weight_shape(layer):
    """PyTorch's shape of a layer's kernel."""
    shape = tuple(layer.kernel.shape)
    if len(shape) == 4:
        return shape[3], shape[2], shape[0], shape[1]
    return shape if hasattr(layer.layer, "embeddings") else shape[::-1]


def _spectral(state, name, layer):
    weight = state.take(f"{name}.weight", _weight_shape(layer))
    bias = getattr(layer.layer, "bias", None)
    bias = None if bias is None else state.take(f"{name}.bias", bias.shape)
    assign_spectral(layer, weight, bias, state.take(f"{name}.u0", (1, len(weight)))[0])


def _dense_to_places(state, layer):
    """The first dense layer, whose outputs PyTorch orders by (channel, place), Keras by (place, channel)."""
    order = np.arange(layer.kernel.shape[-1]).reshape(-1, 16).T.ravel()
    weight = state.take("linear.weight", _weight_shape(layer))[order]
    bias = state.take("linear.bias", (len(order),))[order]
    assign_spectral(layer, weight, bias, state.take("linear.u0", (1, len(order)))[0][order])


def _modulated(state, name, layer):
    _spectral(state, f"{name}.gain", layer.gain)
    _spectral(state, f"{name}.bias", layer.bias)
    _moments(state, name, layer.normalization)


def _moments(state, name, norm):
    norm.moving_mean.assign(state.take(f"{name}.stored_mean", norm.moving_mean.shape))
    norm.moving_variance.assign(state.take(f"{name}.stored_var", norm.moving_variance.shape))


def _attentions(state, blocks, network):
    """Take the attention of these blocks; tensors of one too many are left, and named."""
    for index, layer in zip(blocks, [layer for layer in network.layers if isinstance(layer, SelfAttention)]):
        _attention(state, f"blocks.{index}.1", layer)


def _attention(state, name, layer):
    for theirs, ours in (("theta", layer.query), ("phi", layer.key), ("g", layer.values), ("o", layer.out)):
        _spectral(state, f"{name}.{theirs}", ours)
    layer.gamma.assign(state.take(f"{name}.gamma", ()))
