"""Weights of brownvc/R3GAN into `kerasgan.networks.r3gan`.

Sizes, widths, blocks and groups are read off the tensors. The state dicts are those of the modules `Generator` and
`Discriminator` of that code's file `R3GAN/Networks.py`; names may begin with `Model.`, as in its training.
"""

import numpy as np

from kerasgan.models.sampler import Sampler
from kerasgan.networks import r3gan
from kerasgan.utils.state_dict import StateDict

_KERNEL = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64  # of every resampling
_CHANNELS_IN = 1  # axis of PyTorch's weights


def generator(tensors):
    """Convert a generator.

    Args:
        tensors: state dict, names to arrays or CPU tensors.

    Returns:
        `keras.Model`, see `kerasgan.networks.r3gan.generator`.

    Raises:
        ValueError: naming the tensor that is missing, too many or of another shape.
    """
    state = _state(tensors, "R3GAN generator")
    stages = _stages(state, first_block=1)
    sizes, inputs = _sizes(stages), state.shape("MainLayers.0.Layers.0.LinearLayer.weight", axes=2)[1]
    classes, embedding = _classes(state)
    network = r3gan.generator(
        _image_shape(stages, state.shape("AggregationLayer.Layer.weight", axes=4)[0]),
        latent_dim=inputs - embedding,
        num_classes=classes,
        embedding_dim=embedding or 1,
        **sizes,
    )
    _embed(state, network)
    _dense(state, "MainLayers.0.Layers.0", network)
    basis = network.get_layer("basis").basis
    basis.assign(state.take("MainLayers.0.Layers.0.Basis", _first(basis.shape)).transpose(1, 2, 0))
    for stage, blocks in enumerate(stages):
        if stage:
            _change(state, f"MainLayers.{stage}.Layers.0", network, stage)
        for block in range(len(blocks)):
            _block(state, f"MainLayers.{stage}.Layers.{block + 1}", network, f"stage_{stage}_block_{block}")
    _conv(state, "AggregationLayer", network.get_layer("image"))
    state.finish()
    return network


def sampler(tensors):
    """Convert a generator and add what it takes to sample.

    Args:
        tensors: state dict, names to arrays or CPU tensors.

    Returns:
        `Sampler` with `Normal` latents.
    """
    state = _state(tensors, "R3GAN generator")
    return Sampler(generator(tensors), num_classes=_classes(state)[0])


def critic(tensors):
    """Convert a critic (discriminator).

    Args:
        tensors: state dict, names to arrays or CPU tensors.

    Returns:
        `keras.Model`, see `kerasgan.networks.r3gan.critic`.

    Raises:
        ValueError: naming the tensor that is missing, too many or of another shape.
    """
    state = _state(tensors, "R3GAN critic")
    stages = _stages(state, first_block=0)[::-1]  # from 4x4 up
    classes, embedding = _classes(state)
    network = r3gan.critic(
        _image_shape(stages, state.shape("ExtractionLayer.Layer.weight", axes=4)[_CHANNELS_IN]),
        num_classes=classes,
        embedding_dim=embedding or None,
        **_sizes(stages),
    )
    _conv(state, "ExtractionLayer", network.get_layer("channels"))
    for stage, blocks in enumerate(stages):
        place = len(stages) - 1 - stage
        for block in range(len(blocks)):
            _block(state, f"MainLayers.{place}.Layers.{block}", network, f"stage_{stage}_block_{block}")
        if stage:
            _change(state, f"MainLayers.{place}.Layers.{len(blocks)}", network, stage - 1)
    last = f"MainLayers.{len(stages) - 1}.Layers.{len(stages[0])}"
    kernel = network.get_layer("basis").kernel
    kernel.assign(state.take(f"{last}.Basis.weight", (kernel.shape[2], 1, 4, 4)).transpose(2, 3, 0, 1))
    _dense(state, last, network)
    _embed(state, network)
    state.finish()
    return network


def _state(tensors, what):
    return StateDict({name.removeprefix("Model."): tensor for name, tensor in dict(tensors).items()}, what)


def _stages(state, first_block):
    """For each stage, in the file's order, its blocks: lists of (channels, inner channels, channels of a group)."""
    stages = []
    while any(f"MainLayers.{len(stages)}.Layers.{k}.LinearLayer1.Layer.weight" in state for k in (0, 1)):
        blocks, place = [], f"MainLayers.{len(stages)}.Layers"
        while f"{place}.{len(blocks) + first_block}.LinearLayer1.Layer.weight" in state:
            block = f"{place}.{len(blocks) + first_block}"
            inner, width, _, _ = state.shape(f"{block}.LinearLayer1.Layer.weight", axes=4)
            blocks.append((width, inner, state.shape(f"{block}.LinearLayer2.Layer.weight", axes=4)[_CHANNELS_IN]))
        stages.append(blocks)
    if len(stages) < 3 or not all(stages):
        raise ValueError(
            f"{state.what}: expected tensors MainLayers.0 to MainLayers.2 at least, each with a residual block "
            f"(Layers.{first_block}.LinearLayer1.Layer.weight); got {len(stages)} such stages"
        )
    return stages


def _sizes(stages):
    """Arguments of the networks, of stages from 4x4 up."""
    return {
        "widths": [blocks[0][0] for blocks in stages],
        "blocks": [len(blocks) for blocks in stages],
        "groups": [inner // group for (_, inner, group), *_ in stages],
        "expansion": stages[0][0][1] // stages[0][0][0],
    }


def _image_shape(stages, channels):
    size = 4 * 2 ** (len(stages) - 1)
    return (size, size, channels)


def _classes(state):
    """(classes, length of their embedding), or (None, 0)."""
    if "EmbeddingLayer.weight" not in state:
        return None, 0
    embedding, classes = state.shape("EmbeddingLayer.weight", axes=2)
    return classes, embedding


def _embed(state, network):
    if "EmbeddingLayer.weight" in state:
        table = network.get_layer("class_embedding").embeddings
        table.assign(state.take("EmbeddingLayer.weight", table.shape[::-1]).T)


def _dense(state, name, network):
    kernel = network.get_layer("dense").kernel
    kernel.assign(state.take(f"{name}.LinearLayer.weight", kernel.shape[::-1]).T)


def _change(state, name, network, stage):
    """A change of size, with its 1x1 convolution where the channels change."""
    kernel = state.take(f"{name}.Resampler.Kernel", (4, 4))
    if np.abs(kernel - _KERNEL).max() > 1e-6:
        raise ValueError(f"{state.what}: expected {name}.Resampler.Kernel of [1, 3, 3, 1], with sum 1; got {kernel[0]}")
    if f"stage_{stage}_width" in {layer.name for layer in network.layers}:
        _conv(state, f"{name}.LinearLayer", network.get_layer(f"stage_{stage}_width"))


def _block(state, theirs, network, ours):
    for number in (1, 2, 3):
        layer = network.get_layer(f"{ours}_conv_{number}")
        _conv(state, f"{theirs}.LinearLayer{number}", layer)
        if number < 3:
            layer.bias.assign(state.take(f"{theirs}.NonLinearity{number}.Bias", layer.bias.shape))


def _conv(state, name, layer):
    height, width, inputs, outputs = layer.kernel.shape
    layer.kernel.assign(state.take(f"{name}.Layer.weight", (outputs, inputs, height, width)).transpose(2, 3, 1, 0))


def _first(shape):
    """Channels first."""
    return (shape[-1], *shape[:-1])
