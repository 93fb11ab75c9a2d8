"""The JSON of TensorFlow Serving's REST classify and regress API; texts as in `util/json_tensor.cc`."""

import json

import numpy as np
from tensorflow_serving.apis import input_pb2

from kerasgan.server.errors import cut, invalid_argument
from kerasgan.server.rest.json_tensor import decode_base64, format_error, is_base64, parse_object, type_text


def read_request(body):
    """Read the body of a classify or regress request.

    Args:
        body: bytes: a JSON object with "examples", and optionally "context" and "signature_name".

    Returns:
        `(signature_name, input)`: "" if no name is given; an `Input` proto.

    Raises:
        ServingError: INVALID_ARGUMENT, with TensorFlow Serving's text.
    """
    document, signature_name = parse_object(body)
    _check_text(signature_name)
    request_input = input_pb2.Input()
    into = request_input.example_list
    if "context" in document:
        into = request_input.example_list_with_context
        _fill_example(into.context, document["context"])
    if "examples" not in document:
        raise format_error(document, "When method is classify, key 'examples' is expected and was not found")
    if type(document["examples"]) is not list:
        raise format_error(document, "Expecting 'examples' value to be an list/array")
    if not document["examples"]:
        raise format_error(document, "'examples' value is an empty array")
    for value in document["examples"]:
        _fill_example(into.examples.add(), value)
    return signature_name, request_input


def write_classifications(result):
    """The body of a classify response: for each example a list of `[label, score]`.

    Raises:
        ServingError: INVALID_ARGUMENT, if the result is empty.
    """
    if not result.classifications:
        raise invalid_argument("Cannot convert empty ClassificationResults to JSON")
    return _dump([[[entry.label, _number(entry.score)] for entry in row.classes] for row in result.classifications])


def write_regressions(result):
    """The body of a regress response: a number for each example.

    Raises:
        ServingError: INVALID_ARGUMENT, if the result is empty.
    """
    if not result.regressions:
        raise invalid_argument("Cannot convert empty RegressionResults to JSON")
    return _dump([_number(entry.value) for entry in result.regressions])


def _fill_example(example, value):
    if type(value) is not dict:
        raise invalid_argument(f"Example must be JSON object but got JSON {type_text(value)}")
    for name, content in value.items():
        _check_text(name)
        feature = example.features.feature[name]
        for element in content if type(content) is list else [content]:
            _add(feature, name, element)


def _check_text(text):
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise invalid_argument("JSON Parse error: The surrogate pair in string is invalid.") from error


def _add(feature, name, value):
    kind, value = _kind(name, value)
    present = feature.WhichOneof("kind")
    if present not in (None, kind):
        raise invalid_argument(
            f"Unexpected element type in feature: {cut(name)} expecting type: {present.removesuffix('_list')}"
        )
    getattr(feature, kind).value.append(value)


def _kind(name, value):
    """`(field of a Feature, what goes into it)` for a JSON value."""
    if type(value) is bool:
        return "int64_list", int(value)
    if type(value) is int:
        if not -(2**63) <= value < 2**63:
            raise invalid_argument(f"Feature: {cut(name)} has uint64 element. Only int64_t is supported.")
        return "int64_list", value
    if type(value) is float:
        return "float_list", value
    if type(value) is str:
        return "bytes_list", value.encode(errors="surrogatepass")
    if is_base64(value):
        decoded = decode_base64(value["b64"])
        if decoded is None:
            raise invalid_argument("Unable to base64 decode")
        return "bytes_list", decoded
    raise invalid_argument(f"Feature: {cut(name)} has element with unexpected JSON type: {type_text(value)}")


def _number(value):
    return float(str(np.float32(value)))  # the digits of a float32, not those of the float64 nearest to it


def _dump(results):
    return json.dumps({"results": results}, ensure_ascii=False).encode()
