"""TensorFlow's rewriting of graphs for bfloat16 on a processor, with lists of kerasgan's own."""

import os

# What TensorFlow itself computes in bfloat16 wherever its inputs are, and here does not: it would add up the gradients
# of biases in bfloat16, and round what losses and penalties are made of. Left to it are convolutions and products with
# their biases, average pooling, and between these ReLU, leaky ReLU, batch norm, whose statistics are float32 all the
# same, and `AddN`, which is the sum of two branches or of their gradients (`kerasgan.layers.Add`). `AddV2` is not:
# gradients are added to accumulators by it, and one in bfloat16 would stop growing.
_KEPT_IN_FLOAT32 = (
    "Add,AddV2,AvgPool3D,AvgPool3DGrad,BiasAddGrad,Elu,EluGrad,Erf,Erfc,FloorDiv,"
    "Inv,Log,Log1p,LogSoftmax,Mean,Mul,Prod,RealDiv,Reciprocal,Rsqrt,Selu,SeluGrad,Sigmoid,SigmoidGrad,"
    "Softmax,Softplus,SoftplusGrad,Softsign,SoftsignGrad,Sqrt,Square,SquaredDifference,Sub,Sum,Tanh,TanhGrad"
)
LIST = "TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_INFERLIST_REMOVE"


def rewrite(config):
    """Have TensorFlow rewrite the graphs that run with a `ConfigProto`.

    Their convolutions and products of matrices are then computed in bfloat16 and add up in float32. Where the processor
    has no instructions for it, nothing is rewritten. TensorFlow reads its lists from the environment whenever it
    rewrites; what the user has put there is left.
    """
    os.environ.setdefault(LIST, _KEPT_IN_FLOAT32)
    config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = 1  # ON
