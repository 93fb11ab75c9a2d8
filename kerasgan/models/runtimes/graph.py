"""The map that is exported: latents, classes and truncation to images, as a TensorFlow function without variables."""

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from kerasgan.models import checks

OUTPUT = "images"


def function(gan, batch=None):
    """Return the map with its weights as constants, and its inputs.

    It checks nothing by assertion, which not every runtime has. A label outside [0, num_classes) is looked up at
    num_classes in a table of as many: runtimes whose look-up checks its indices refuse it.

    Args:
        gan: a `kerasgan.Sampler` of images.
        batch: rows of each call, N; `None` leaves N free.

    Returns:
        `tf.function` from `z` float32 [N, D], for a conditional model `label` int32 [N], and for a generator that takes
        it `truncation` float32 [N], to a dict of `images` uint8 [N, H, W, C]; and the list of the inputs'
        `tf.TensorSpec`.

    Raises:
        ValueError: if the generator has weights that are not finite.
    """
    checks.finite_weights(gan.sampling_generator, "gan")
    signature = [tf.TensorSpec([batch, gan.latent.dim], tf.float32, name="z")]
    if gan.num_classes is not None:
        signature.append(tf.TensorSpec([batch], tf.int32, name="label"))
    if gan.takes_truncation:
        signature.append(tf.TensorSpec([batch], tf.float32, name="truncation"))
    names = [spec.name for spec in signature]

    def images(*inputs):
        given = dict(zip(names, inputs, strict=True))
        label = given.get("label")
        if label is not None:
            place = tf.where((label >= 0) & (label < gan.num_classes), label, gan.num_classes)
            label = tf.gather(tf.range(gan.num_classes), place)
        return gan.images_from_latents(given["z"], label, given.get("truncation"))

    traced = tf.function(images, autograph=False).get_concrete_function(*signature)
    # TFLiteConverter of TensorFlow 2.21 writes a Keras 3 model's variables without their values
    constant = convert_variables_to_constants_v2(traced, lower_control_flow=False)
    definition = constant.graph.as_graph_def()
    _make_shapes_constant(definition, constant.graph)
    inputs, outputs = ([tensor.name for tensor in tensors] for tensors in (constant.inputs, constant.outputs))
    pruned = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(definition, name=""), []).prune(
        inputs, outputs
    )
    return tf.function(lambda *inputs: {OUTPUT: pruned(*inputs)[0]}, autograph=False), signature


def _make_shapes_constant(definition, graph):
    """Let each Reshape whose result is known but for the batch reshape to a constant.

    That of Keras's UpSampling2D computes its shape from its input's, and LiteRT's converter then knows no size of what
    follows.
    """
    for node in list(definition.node):
        if node.op != "Reshape":
            continue
        shape = graph.get_tensor_by_name(f"{node.name}:0").shape
        if shape.rank is None or list(shape).count(None) > 1:
            continue
        constant = definition.node.add(name=f"{node.name}/constant_shape", op="Const")
        constant.attr["dtype"].type = tf.int32.as_datatype_enum
        sizes = [-1 if size is None else size for size in shape]
        constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(sizes, tf.int32))
        node.input[1] = constant.name
        node.attr["Tshape"].type = tf.int32.as_datatype_enum
