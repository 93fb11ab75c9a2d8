"""Running tensors of a session, and stopping a run whose time is up.

What TensorFlow 2.21 stops when `RunOptions.timeout_in_ms` is over, or the session is closed: a loop, before its next
turn. An operation that runs, and a chain of operations without a loop, go on to their end; only the error comes then.
A run in the thread that asks takes no notice of the time either. So runs of graphs with loops have threads of their own
and a time limit; others run in the thread that asks, which is quicker.
"""

import time

import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow.python.client import pywrap_tf_session

from kerasgan.utils import bfloat16_graphs

_LOOPS = {"While", "StatelessWhile", "Enter", "RefEnter"}
_THREADS = 32  # each run keeps one busy


def has_loops(meta_graph):
    """Whether the graph of a `MetaGraphDef`, or a function of it, has a loop."""
    graph = meta_graph.graph_def
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    return any(node.op in _LOOPS for node in nodes)


def session_config(options, loops):
    """A `ConfigProto` for a model.

    Args:
        options: `ModelOptions`.
        loops: whether its graph has loops.
    """
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=options.intra_op_threads,
        inter_op_parallelism_threads=options.inter_op_threads or -1,  # -1: in the thread that asks
    )
    if loops and not options.inter_op_threads:
        config.session_inter_op_thread_pool.add(num_threads=_THREADS)
    # else threads without work would turn in circles for a while, on cores that other requests need
    config.experimental.disable_thread_spinning = True
    config.gpu_options.allow_growth = True  # other models, and other programs, share the GPU
    config.gpu_options.per_process_gpu_memory_fraction = options.gpu_memory_fraction
    if options.mixed_precision:
        bfloat16_graphs.rewrite(config)
    return config


def make_run(session, feeds, fetches):
    """A function of arrays and a deadline that runs `fetches`; names of tensors.

    `Session.run` would check shapes against the graph, which TensorFlow Serving does not, and is slower.
    """
    callable_ = session._make_callable_from_options(config_pb2.CallableOptions(feed=feeds, fetch=fetches))
    return lambda arrays, deadline: callable_(*arrays)


def make_timed_run(session, feeds, fetches):
    """As `make_run`; a loop ends with DEADLINE_EXCEEDED when the deadline is over."""
    session._extend_graph()

    def output(name):
        return session.graph.get_tensor_by_name(name)._as_tf_output()

    feeds, fetches = [output(name) for name in feeds], [output(name) for name in fetches]

    def run(arrays, deadline):
        milliseconds = 0 if deadline is None else max(1, round(1e3 * (deadline - time.monotonic())))
        options = config_pb2.RunOptions(timeout_in_ms=milliseconds).SerializeToString()
        buffer = pywrap_tf_session.TF_NewBufferFromString(options)
        try:
            return pywrap_tf_session.TF_SessionRun_wrapper(
                session._session, buffer, dict(zip(feeds, arrays, strict=True)), fetches, [], None
            )
        finally:
            pywrap_tf_session.TF_DeleteBuffer(buffer)

    return run
