"""Running a SavedModel the way TensorFlow Serving does.

The SavedModel is loaded by the C++ loader into a session of its own and each signature becomes one callable
of that session: what `tensorflow_model_server` runs. `tf.saved_model.load` is another path, slower, and it
accepts exports that TensorFlow Serving cannot run.
"""

import functools
import pathlib
import threading
import time

import grpc
import numpy as np
import tensorflow as tf

# `tf.compat.v1.saved_model.loader.load` is this plus a warning that it is deprecated
from tensorflow.python.saved_model.loader_impl import SavedModelLoader

from kerasgan.server import turns
from kerasgan.server.config.options import ModelOptions
from kerasgan.server.errors import ServingError, cut, cut_list, failed_precondition, from_tensorflow, invalid_argument
from kerasgan.server.inference import graph_runs
from kerasgan.server.inference.limits import Limits
from kerasgan.server.models.facts import read_facts

DEFAULT_SIGNATURE = "serving_default"
_MAX_TEXT = 400  # characters of TensorFlow's about a run: it may quote a whole input


class _Clock(threading.local):
    """Seconds that the thread has spent in the TensorFlow runtime; who wants to know sets it to 0 before."""

    seconds = 0.0


clock = _Clock()

_METHOD_NAMES = ("tensorflow/serving/predict", "tensorflow/serving/classify", "tensorflow/serving/regress")
_CPP_NAMES = {"float32": "float", "float64": "double", "float16": "half"}


def dtype_name(dtype):
    """What TensorFlow's C++ and its error texts call a dtype: `float`, `double`, `half`, `int64`, ..."""
    name = tf.as_dtype(dtype).name
    return _CPP_NAMES.get(name, name)


class Engine:
    """One loaded version of a model. Methods may be called from many threads at once.

    Attributes:
        signatures: `{signature name: SignatureDef}`, as stored in the SavedModel.
    """

    def __init__(self, folder, options=ModelOptions()):
        """Load the SavedModel in `folder`.

        Args:
            folder: where it lies.
            options: `ModelOptions`.

        Raises:
            ServingError: if the folder holds no SavedModel that can be loaded and initialised.
        """
        self._independent_rows = read_facts(pathlib.Path(folder)).independent_rows
        self._large = turns.SLICE_ROWS
        try:
            self._load(folder, options)
        except Exception as error:
            if hasattr(self, "_session"):
                self._session.close()
            if isinstance(error, tf.errors.OpError):
                raise from_tensorflow(error) from error
            raise failed_precondition(f"{folder}: {error}") from error

    def _load(self, folder, options):
        loader, graph = SavedModelLoader(str(folder)), tf.Graph()
        # independent rows are computed in slices, between which the time is looked at: that costs less than a limit
        loops = not self._independent_rows and graph_runs.has_loops(
            loader.get_meta_graph_def_from_tags(list(options.tags))
        )
        self._session = tf.compat.v1.Session(graph=graph, config=graph_runs.session_config(options, loops))
        with graph.as_default():
            meta_graph = loader.load(self._session, list(options.tags))
        make = graph_runs.make_timed_run if loops else graph_runs.make_run
        self._callable = functools.lru_cache(maxsize=64)(functools.partial(make, self._session))
        self.signatures = dict(meta_graph.signature_def)
        self._limits = Limits(options, self.signatures)
        self._prepared = {name: _Signature(signature) for name, signature in self.signatures.items()}
        self._tensors = {
            (
                frozenset(info.name for info in signature.inputs.values()),
                frozenset(info.name for info in signature.outputs.values()),
            )
            for signature in self.signatures.values()
        }

    def close(self):
        """Free the session and its memory. No request may be running."""
        self._session.close()

    def run(self, signature_name, inputs, output_filter=(), deadline=None, encode=None):
        """Run one request.

        Args:
            signature_name: name of a signature, "" for `serving_default`.
            inputs: `{input name: array}`. Dtypes must be those of the signature (an object array of bytes is
                a string tensor); nothing is cast. Shapes are left to the graph to judge.
            output_filter: names of the outputs to compute; all of them when empty.
            deadline: on the clock of `time.monotonic`, when the caller's time is up; None for never.
            encode: function that turns each output, an array, into something else with rows `[start:stop]`, such
                as `wire.packed_rows`. It is called once for a batch, which may hold many requests.

        Returns:
            `{output name: array}`, or what `encode` made of them; strings are object arrays of bytes.

        Raises:
            ServingError: with TensorFlow Serving's code and text.
        """
        signature = self._signature(signature_name or DEFAULT_SIGNATURE)
        feeds = signature.feeds(inputs)
        outputs = signature.outputs_named(output_filter)
        values = self.run_tensors(feeds, [signature.outputs[output] for output in outputs], deadline, encode)
        return dict(zip(outputs, values, strict=True))

    def _signature(self, name):
        if name not in self._prepared:
            raise failed_precondition(f'Serving signature key "{cut(name)}" not found.')
        return self._prepared[name]

    def run_tensors(self, feeds, fetches, deadline=None, encode=None):
        """Run tensors of the graph, whatever the signatures.

        Args:
            feeds: `{tensor name: (array, dtype that the tensor has)}`.
            fetches: names of the tensors to compute.
            deadline, encode: as in `run`.

        Returns:
            Their values, a list of arrays or of what `encode` made of them.

        Raises:
            ServingError: with TensorFlow Serving's code and text.
        """
        names = tuple(sorted(feeds))  # the order in which the runtime numbers its arguments
        arrays = [_checked(index, *feeds[name]) for index, name in enumerate(names)]
        rows = self._limits.check_inputs(arrays, fetches)
        start = time.perf_counter()
        try:
            with turns.turn(rows > self._large, deadline):
                values = self._execute(names, arrays, tuple(fetches), deadline, encode)
        finally:
            clock.seconds += time.perf_counter() - start
        self._limits.check_outputs(values)
        return values

    def _execute(self, names, arrays, fetches, deadline, encode):
        outputs = None
        rows = self._rows_to_slice(names, arrays, fetches)
        if rows > turns.SLICE_ROWS:

            def compute(parts):
                return self._compute(names, parts, fetches, deadline)

            outputs = turns.in_slices(compute, arrays, rows, turns.SLICE_ROWS, deadline)
        if outputs is None:
            outputs = self._compute(names, arrays, fetches, deadline)
        return encoded(outputs, encode)

    def _rows_to_slice(self, names, arrays, fetches):
        """The rows of a request that may be computed in parts; 0 if it may not."""
        if not (self._independent_rows and self.is_signature(names, fetches)):
            return 0
        lengths = {len(array) if array.ndim else 0 for array in arrays}
        return lengths.pop() if len(lengths) == 1 else 0

    def is_signature(self, names, fetches):
        """Whether tensors are the inputs and outputs of one of the signatures."""
        return (frozenset(names), frozenset(fetches)) in self._tensors

    def _compute(self, names, arrays, fetches, deadline):
        try:
            values = self._callable(names, fetches)(arrays, deadline)
        except tf.errors.OpError as error:
            raise from_tensorflow(error, _MAX_TEXT) from error
        return [_as_array(value) for value in values]


def encoded(arrays, encode):
    """What `Engine.run` makes of outputs: the arrays themselves where `encode` is None."""
    return arrays if encode is None else [encode(array) for array in arrays]


def _checked(index, array, dtype):
    if array.dtype != _numpy_dtype(dtype):
        given = tf.string if array.dtype == object else tf.as_dtype(array.dtype)
        raise invalid_argument(f"Expects arg[{index}] to be {dtype_name(dtype)} but {dtype_name(given)} is provided")
    return np.asarray(array, order="C")


@functools.lru_cache
def _numpy_dtype(dtype):
    return np.dtype(tf.as_dtype(dtype).as_numpy_dtype)


def _as_array(value):
    """A fetched value as an array: scalars come as NumPy scalars, scalar strings as plain bytes."""
    if isinstance(value, bytes):
        array = np.empty((), object)
        array[()] = value
        return array
    return np.asarray(value)


class _Signature:
    """A signature in plain dictionaries: reading the proto for each request takes longer."""

    def __init__(self, signature):
        self.method_name = signature.method_name
        self.inputs = {alias: (info.name, info.dtype) for alias, info in signature.inputs.items()}
        self.outputs = {alias: signature.outputs[alias].name for alias in sorted(signature.outputs)}
        self.defaults = {alias: tf.make_ndarray(tensor) for alias, tensor in signature.defaults.items()}

    def feeds(self, inputs):
        """What `Engine.run_tensors` takes, from arrays by alias."""
        if self.method_name not in _METHOD_NAMES:
            raise ServingError(
                grpc.StatusCode.INTERNAL,
                "Expected prediction signature method_name to be one of {" + ", ".join(_METHOD_NAMES) + "}. "
                f"Was: {self.method_name}",
            )
        if inputs.keys() != self.inputs.keys():
            self._check_names(inputs)
        return {
            name: (inputs[alias] if alias in inputs else self.defaults[alias], dtype)
            for alias, (name, dtype) in self.inputs.items()
        }

    def _check_names(self, inputs):
        sent, wanted = set(inputs), set(self.inputs)
        if len(sent) > len(wanted) or (len(sent) < len(wanted) and not self.defaults):
            raise invalid_argument(
                f"input size does not match signature: {len(sent)}!={len(wanted)} "
                f"len({{{cut_list(sent)}}}) != len({{{cut_list(wanted)}}}). "
                f"Sent extra: {{{cut_list(sent - wanted)}}}. Missing but required: {{{cut_list(wanted - sent)}}}."
            )
        for alias in sorted(wanted - sent - set(self.defaults)):
            raise invalid_argument(
                f"Signature input alias: {alias}(feed name: {self.inputs[alias][0]}) not found in request "
                f"and no default value provided. Inputs expected to be in the request {{{cut_list(sent)}}}, "
                f"or default input alias set: {cut_list(self.defaults)}"
            )
        if sent - wanted:
            raise invalid_argument(
                f"Inputs contains invalid name. Used request inputs: {cut_list(sent & wanted)}, "
                f"request input: {cut_list(sent)}"
            )

    def outputs_named(self, output_filter):
        """The aliases of the outputs to compute, sorted."""
        if not output_filter:
            return list(self.outputs)
        seen = set()
        for alias in output_filter:
            if alias not in self.outputs:
                raise invalid_argument(
                    f"output tensor alias not found in signature: {cut(alias)} "
                    f"Outputs expected to be in the set {{{cut_list(self.outputs)}}}."
                )
            if alias in seen:
                raise invalid_argument(f"duplicate output tensor alias: {alias}")
            seen.add(alias)
        return sorted(seen)
