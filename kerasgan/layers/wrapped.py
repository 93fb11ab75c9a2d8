"""What wrappers share that make a layer compute with another kernel than the one that is trained."""

import keras


def call_with(wrapper, variable, value, inputs):
    """Return what a wrapper's layer computes with a value in place of one of its variables, which keeps its own.

    Args:
        wrapper: `keras.layers.Wrapper`, which takes over the losses that its layer adds.
        variable: variable of the layer.
        value: tensor of the variable's shape; gradients go through it.
        inputs: what the layer takes.
    """
    values = [(other, other.value) for other in wrapper.layer.variables if other is not variable]
    values.append((variable, value))
    with keras.StatelessScope(values, collect_losses=True) as scope:
        outputs = wrapper.layer(inputs)
    for loss in scope.losses:  # of an activity regularizer
        wrapper.add_loss(loss)
    return outputs
