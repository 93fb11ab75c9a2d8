"""Checks of a model, each with one message that names the argument, what came and what was expected."""

import importlib.util
import inspect
import numbers

import keras
from keras import ops

from kerasgan.utils.messages import quoted


def configs_are_whole(model):
    """Raise `ValueError` where a class of the user's own would lose arguments when a file of it is loaded."""
    for part in (model, model.latent, *getattr(model, "techniques", ())):
        arguments = inspect.signature(type(part).__init__).parameters.values()
        named = [one.name for one in arguments if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)][1:]
        lost = sorted(set(named) - set(part.get_config()))
        if lost:
            kind, first = type(part).__name__, lost[0]
            raise ValueError(
                f"{kind}: expected get_config to give back the argument {first} of __init__, as a file that is loaded "
                f"would have its default; write {kind}.get_config: "
                f"return {{**super().get_config(), {first!r}: self.{first}}}"
            )


def makes_images(model):
    """Raise `ValueError` unless a model makes images, as exports have them."""
    if len(model.image_shape) != 3:
        raise ValueError(f"gan: expected a generator of images (H, W, C); it makes {model.image_shape}")


def batch(given):
    """Raise `ValueError` unless the rows of each call of an exported file are `None` or a positive number."""
    if given is not None and (isinstance(given, bool) or not isinstance(given, numbers.Integral) or given < 1):
        raise ValueError(f"batch: expected a positive number of images, or None for any; got {quoted(given)}")


def packages(what, names, extra):
    """Raise `ImportError` unless optional packages can be imported.

    Args:
        what: what needs them.
        names: of the modules.
        extra: the extra of kerasgan that installs them.
    """
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f"{what}: needs {', '.join(missing)}; pip install 'kerasgan[{extra}]'")


def finite_weights(model, where):
    """Raise `ValueError` unless all weights of a model are finite, those of a GAN's optimizers included.

    Args:
        model: `keras.Model`.
        where: names it in the message.
    """
    optimizers = [getattr(model, name, None) for name in ("generator_optimizer", "critic_optimizer")]
    variables = [*model.weights, *(v for optimizer in optimizers if optimizer is not None for v in optimizer.variables)]
    for variable in variables:
        if keras.backend.is_float_dtype(variable.dtype) and not (finite := _are_finite(variable)).all():
            count = f"{finite.size - int(finite.sum()):,} of {finite.size:,} numbers"
            raise ValueError(f"{where}: expected finite weights; got NaN or infinity in {variable.path}, {count}")


def _are_finite(variable):
    return ops.convert_to_numpy(ops.isfinite(variable.value))


def logged_once(names):
    """Raise `ValueError` where two parts of a GAN log a value under one name, as where a penalty is given twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"techniques: expected one that logs {twice[0]}; got two, or one beside an objective that has it already"
        )


def average_fits(gan):
    """Raise `ValueError` unless the moving average of a GAN's generator still has the generator's variables."""
    if (gan.ema_generator is None) is not (gan.ema_decay is None):
        there = "none" if gan.ema_generator is None else "one"
        raise ValueError(
            f"ema_decay: expected None just where the GAN was made without a moving average; it has {there}, and "
            f"ema_decay is now {quoted(gan.ema_decay)}: give it to a new GAN of the same networks"
        )
    if gan.ema_generator is None:
        return
    trained, average = (
        [(tuple(variable.shape), variable.dtype) for variable in network.variables]
        for network in (gan.generator, gan.ema_generator)
    )
    if trained != average:
        raise ValueError(
            f"generator: expected the variables that it had when the GAN was made, as its moving average has them; it "
            f"has {len(trained)}, the average {len(average)}, or others in shape or type: make a GAN of a new "
            "generator, call enable_lora or quantize before that, or make the GAN with ema_decay=None"
        )


def prior_can_learn(gan):
    """Raise `ValueError` where a prior's weights are to be learned of scores that the critic does not give."""
    if getattr(gan.latent, "learned_weights", False) and (gan.pairwise_critic or gan.feature_critic):
        raise ValueError(
            f"latent: expected learned_weights=False with {type(gan).__name__}, as weights are learned of the critic's "
            "score of each image; its critic gives none"
        )


def can_train(gan):
    """Raise `ValueError` unless the networks of a GAN can be trained, with its moving average and its techniques.

    Args:
        gan: `GAN`.
    """
    average_fits(gan)
    for technique in gan.techniques:
        if not technique._attached:
            raise ValueError(
                f"techniques: expected those that the model was made with; {technique.name} was given later, without "
                "the weights that it may need: make the model anew, with techniques=[...], and give it the weights of "
                "this one's networks"
            )
    for name in ("generator", "critic"):
        for layer in getattr(gan, name)._flatten_layers():
            if getattr(layer, "quantization_mode", None) in ("int4", "int8"):
                raise ValueError(
                    f"{name}: expected kernels of floats, which can be trained; layer {layer.name} is quantized to "
                    f"{layer.quantization_mode}: quantize after training"
                )
