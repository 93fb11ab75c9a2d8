"""Classify, Regress and MultiInference: `tf.Example`s in, classes or numbers out.

The checks, their order and their texts follow `tensorflow_serving/servables/tensorflow/`: `classifier.cc`,
`regressor.cc`, `multi_inference.cc` and `util.cc`.
"""

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework.types_pb2 import DataType
from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2

from kerasgan.server.errors import ServingError, cut, failed_precondition, invalid_argument
from kerasgan.server.inference.engine import DEFAULT_SIGNATURE

CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"
_INPUTS, _CLASSES, _SCORES, _OUTPUTS = "inputs", "classes", "scores", "outputs"


def classify(found, request, deadline=None):
    """Answer a `ClassificationRequest` with a `ClassificationResponse`.

    Args:
        found: a loaded `Version`.
        request: the request; which model it names is not looked at.
        deadline: when the caller's time is up, as in `Engine.run`.

    Raises:
        ServingError: with TensorFlow Serving's code and text.
    """
    response = classification_pb2.ClassificationResponse()
    signature = _signature(found, request, CLASSIFY, "classification")
    outputs, size = _run(found, request.input, signature, _classification_outputs(signature), deadline)
    _fill_classifications(response.result, outputs.get(_CLASSES), outputs.get(_SCORES), size)
    _fill_spec(response.model_spec, found, request.model_spec.signature_name)
    return response


def regress(found, request, deadline=None):
    """Answer a `RegressionRequest` with a `RegressionResponse`; as `classify`."""
    response = regression_pb2.RegressionResponse()
    signature = _signature(found, request, REGRESS, "regression")
    outputs, size = _run(found, request.input, signature, _regression_outputs(signature), deadline)
    _fill_regressions(response.result, outputs[_OUTPUTS], size)
    _fill_spec(response.model_spec, found, request.model_spec.signature_name)
    return response


def multi_inference(found, request, deadline=None):
    """Answer a `MultiInferenceRequest`: several signatures on the same examples, in one run of the graph.

    Args:
        found: a loaded `Version`.
        request: the request; the models its tasks name must be one, which it is is not looked at.
        deadline: when the caller's time is up, as in `Engine.run`.

    Returns:
        `MultiInferenceResponse`.

    Raises:
        ServingError: with TensorFlow Serving's code and text.
    """
    tasks = [(task, *_task_outputs(found, task)) for task in _checked_tasks(request)]
    input_names = {signature.inputs[_INPUTS].name for _, signature, _ in tasks}
    if len(input_names) > 1:
        raise invalid_argument("Input tensor must be the same for all Signatures.")
    names = {name for _, _, outputs in tasks for name in outputs.values()}
    if not tasks:
        raise invalid_argument("ModelSpec has no name specified.")
    tensors, size = _run(found, request.input, tasks[0][1], {name: name for name in names}, deadline)
    response = inference_pb2.MultiInferenceResponse()
    for task, _, outputs in tasks:
        result = response.results.add()
        values = {alias: tensors[name] for alias, name in outputs.items()}
        if task.method_name == CLASSIFY:
            _fill_classifications(result.classification_result, values.get(_CLASSES), values.get(_SCORES), size)
        else:
            _fill_regressions(result.regression_result, values[_OUTPUTS], size)
        _fill_spec(result.model_spec, found, task.model_spec.signature_name)
    return response


def serialized_examples(request_input):
    """The examples of an `Input`, each serialized and with the common context in front, as a tensor of strings.

    Raises:
        ServingError: INVALID_ARGUMENT, if there are none.
    """
    context, examples = _context_and_examples(request_input)
    if not examples:
        raise invalid_argument("Input is empty.")
    array = np.empty(len(examples), object)
    array[:] = [context + example.SerializeToString() for example in examples]  # concatenation is merging
    return array


def number_of_examples(request_input):
    """How many examples an `Input` has."""
    return len(_context_and_examples(request_input)[1])


def _context_and_examples(request_input):
    if request_input.WhichOneof("kind") == "example_list_with_context":
        both = request_input.example_list_with_context
        return both.context.SerializeToString(), both.examples
    return b"", request_input.example_list.examples


def _checked_tasks(request):
    models, signatures = set(), set()
    for task in request.tasks:
        if not task.model_spec.name:
            raise invalid_argument("Found ModelSpec with an empty model name.")
        models.add(task.model_spec.name)
        if len(models) > 1:
            raise invalid_argument("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
        name = task.model_spec.signature_name or DEFAULT_SIGNATURE
        if name in signatures:
            raise invalid_argument(f"Duplicate evaluation of signature: {cut(name)}")
        signatures.add(name)
        yield task


def _task_outputs(found, task):
    """The task's signature, and its outputs as `{alias: tensor name}`."""
    name = task.model_spec.signature_name or DEFAULT_SIGNATURE
    if name not in found.engine.signatures:
        raise invalid_argument(f"Requested signature not found in model graph: {cut(name)}")
    signature = found.engine.signatures[name]
    if task.method_name == CLASSIFY:
        return signature, _classification_outputs(signature)
    if task.method_name == REGRESS:
        return signature, _regression_outputs(signature)
    raise ServingError(grpc.StatusCode.UNIMPLEMENTED, f"Unsupported signature method_name: {cut(task.method_name)}")


def _signature(found, request, method_name, what):
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    if name not in found.engine.signatures:
        raise invalid_argument(f"No signature was found with the name: {cut(name)}")
    signature = found.engine.signatures[name]
    _check_method(signature, method_name, what)
    return signature


def _check_method(signature, method_name, what):
    if signature.method_name != method_name:
        raise invalid_argument(
            f"Expected {what} signature method_name to be {method_name}. Was: {signature.method_name}"
        )


def _check_input(signature, what):
    if _INPUTS not in signature.inputs:
        raise failed_precondition(f"No {what} inputs found in SignatureDef: {signature}")


def _classification_outputs(signature):
    _check_method(signature, CLASSIFY, "classification")
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) not in (1, 2):
        raise invalid_argument(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    _check_input(signature, "classification")
    outputs = {alias: signature.outputs[alias].name for alias in (_CLASSES, _SCORES) if alias in signature.outputs}
    if not outputs:
        raise failed_precondition(
            'Expected classification signature outputs to contain at least one of "classes" or "scores". '
            f"Signature was: {signature}"
        )
    return outputs


def _regression_outputs(signature):
    _check_method(signature, REGRESS, "regression")
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) != 1:
        raise invalid_argument("Expected one output Tensor.")
    _check_input(signature, "regression")
    if _OUTPUTS not in signature.outputs:
        raise failed_precondition(f"No regression outputs found in SignatureDef: {signature}")
    return {_OUTPUTS: signature.outputs[_OUTPUTS].name}


def _run(found, request_input, signature, outputs, deadline):
    """`({alias: array}, number of examples)` for `outputs` as `{alias: tensor name}`."""
    examples = serialized_examples(request_input)
    info = signature.inputs[_INPUTS]
    values = found.engine.run_tensors({info.name: (examples, info.dtype)}, list(outputs.values()), deadline)
    return dict(zip(outputs, values, strict=True)), len(examples)


def _fill_classifications(result, classes, scores, size):
    _check_matrix("classes", classes, tf.string, size)
    _check_matrix("scores", scores, tf.float32, size)
    if classes is not None and scores is not None and classes.shape[1] != scores.shape[1]:
        raise invalid_argument(
            f"Tensors class and score should match in dim_size(1). Got {classes.shape[1]} vs. {scores.shape[1]}"
        )
    columns = (classes if classes is not None else scores).shape[1]
    for row in range(size):
        classifications = result.classifications.add()
        for column in range(columns):
            entry = classifications.classes.add()
            if classes is not None:
                entry.label = classes[row, column].decode(errors="replace")
            if scores is not None:
                entry.score = scores[row, column]


def _check_matrix(what, array, dtype, size):
    if array is None:
        return
    if array.ndim != 2:
        raise invalid_argument(f"Expected Tensor shape: [batch_size num_classes] but got {_shape(array)}")
    if _dtype(array) != dtype:
        raise invalid_argument(f"Expected {what} Tensor of {_name(dtype)}. Got: {_name(_dtype(array))}")
    if len(array) != size:
        raise invalid_argument(f"Expected {what} output batch size of {size}. Got: {len(array)}")


def _fill_regressions(result, array, size):
    if array.ndim != 1 and not (array.ndim == 2 and array.shape[1] == 1):
        raise invalid_argument(
            f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {_shape(array)}"
        )
    if len(array) != size:
        raise invalid_argument(f"Input batch size did not match output batch size: {size} vs. {len(array)}")
    if _dtype(array) != tf.float32:
        raise invalid_argument(f"Expected output Tensor of DT_FLOAT.  Got: {_name(_dtype(array))}")
    for value in array.ravel():
        result.regressions.add().value = value


def _fill_spec(spec, found, signature_name):
    spec.name = found.model
    spec.version.value = found.number
    spec.signature_name = signature_name or DEFAULT_SIGNATURE


def _dtype(array):
    return tf.string if array.dtype == object else tf.as_dtype(array.dtype)


def _name(dtype):
    return DataType.Name(dtype.as_datatype_enum)


def _shape(array):
    return f"[{','.join(map(str, array.shape))}]"
