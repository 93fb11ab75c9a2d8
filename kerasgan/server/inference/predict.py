"""Predict: tensors in, tensors out, on one loaded version of a model."""

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from kerasgan.client import wire
from kerasgan.server.errors import cut, invalid_argument
from kerasgan.server.inference.engine import DEFAULT_SIGNATURE

_OUTPUTS = predict_pb2.PredictResponse.DESCRIPTOR.fields_by_name["outputs"].number
_TENSORFLOW_ONLY = [dtype.as_datatype_enum for dtype in (tf.bfloat16, tf.complex64, tf.complex128)]


def predict(found, request, max_tensor_bytes, deadline=None, as_content=False):
    """Answer a `PredictRequest`.

    Args:
        found: a loaded `Version`.
        request: the request; which model it names is not looked at.
        max_tensor_bytes: largest input tensor accepted.
        deadline: when the caller's time is up, as in `Engine.run`.
        as_content: whether outputs are written as `tensor_content` instead of typed fields.

    Returns:
        The serialized `PredictResponse`; to make the message first would take some times longer.

    Raises:
        ServingError: with TensorFlow Serving's code and text.
    """
    signature_name = request.model_spec.signature_name
    inputs = {name: _array(name, proto, max_tensor_bytes) for name, proto in request.inputs.items()}
    encode = None if as_content else wire.packed_rows
    outputs = found.engine.run(signature_name, inputs, request.output_filter, deadline, encode)
    response = predict_pb2.PredictResponse()
    response.model_spec.name = found.model
    response.model_spec.version.value = found.number
    response.model_spec.signature_name = signature_name or DEFAULT_SIGNATURE
    parts = [response.SerializeToString()]  # messages in a row are one message
    for name, array in outputs.items():
        entry = wire.field_bytes(1, name.encode()) + wire.field_bytes(2, _tensor_bytes(array, as_content))
        parts.append(wire.field_bytes(_OUTPUTS, entry))
    return b"".join(parts)


def _array(name, proto, max_tensor_bytes):
    try:
        if proto.dtype in _TENSORFLOW_ONLY:
            wire.shape_of(proto, 16, max_tensor_bytes)
            return tf.make_ndarray(proto)
        return wire.get_array(proto, max_tensor_bytes)
    except wire.TooLarge as error:
        raise invalid_argument(f"tensor parsing error: {cut(name)} ({cut(str(error))}: --max-request-bytes)") from error
    except (ValueError, TypeError, OverflowError) as error:
        raise invalid_argument(f"tensor parsing error: {cut(name)} ({cut(str(error))})") from error


def _tensor_bytes(array, as_content):
    try:
        return wire.tensor_bytes(array, as_content)
    except ValueError:  # a dtype that NumPy does not have
        return tf.make_tensor_proto(array).SerializeToString()
