"""The JSON of TensorFlow Serving's REST predict API: requests to arrays, arrays to responses.

Texts of errors and the order of the checks follow `tensorflow_serving/util/json_tensor.cc`. The quick path
looks at whole lists at C speed; only when it finds something wrong does the slow path look for the first
culprit.
"""

import base64
import binascii
import codecs
import contextlib
import gc
import itertools
import json
import math
import re
import threading

import grpc
import numpy as np
import orjson
import tensorflow as tf

from kerasgan.server.errors import ServingError, cut, invalid_argument
from kerasgan.server.inference.engine import dtype_name

_MAX_DEPTH = 300  # a tensor has at most 254 dimensions; lists nested deeper cannot be right
_MAX_VALUE_CHARS = 200  # of a JSON value quoted in an error
_LARGE = 2**20  # bytes of a body
_parsing = threading.Lock()

_INT_RANGE = {  # as RapidJSON's IsInt(), IsInt64(), ...: no range check for the 8 and 16 bit types
    tf.int32: (-(2**31), 2**31),
    tf.int16: (-(2**31), 2**31),
    tf.int8: (-(2**31), 2**31),
    tf.uint8: (-(2**31), 2**31),
    tf.int64: (-(2**63), 2**63),
    tf.uint32: (0, 2**32),
    tf.uint64: (0, 2**64),
}
_LEAVES: dict[tf.DType, set[type]] = {
    tf.float32: {int, float},
    tf.float64: {int, float},
    tf.bool: {bool},
    tf.string: {str, dict},
}
_LEAVES |= dict.fromkeys(_INT_RANGE, {int})

_PARSE_ERRORS = {  # Python's words -> RapidJSON's
    "Expecting value": "Invalid value.",
    "Expecting property name": "Missing a name for object member.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Expecting ',' delimiter": "Missing a comma or } after an object member.",
    "Unterminated string": "Missing a closing quotation mark in string.",
    "Invalid \\": "Invalid escape character in string.",
    "Illegal trailing comma": "Invalid value.",
}


# ---------------------------------------------------------------- reading


def read_request(body, get_inputs):
    """Read the body of a predict request.

    Args:
        body: bytes.
        get_inputs: function of the signature's name ("" if not given) that returns its inputs as
            `{name: TensorInfo}`, or raises `ServingError`.

    Returns:
        `(signature_name, inputs, row)`: inputs as `{name: array}` with the signature's dtypes, strings as
        object arrays of bytes; row is True for the row format ("instances"), False for the columnar one
        ("inputs").

    Raises:
        ServingError: INVALID_ARGUMENT, with TensorFlow Serving's text.
    """
    document, signature_name = parse_object(body)
    dtypes = {name: tf.as_dtype(info.dtype) for name, info in sorted(get_inputs(signature_name).items())}
    if not dtypes:
        raise invalid_argument(f"Failed to get input map for signature: {cut(signature_name) or 'DEFAULT'}")
    if "instances" in document:
        instances = document["instances"]
        if "inputs" in document:
            text = "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
            raise format_error(document, text)
        if type(instances) is not list:
            raise format_error(document, "Excepting 'instances' to be an list/array")
        if not instances:
            raise format_error(document, "No values in 'instances' array")
        return signature_name, _read_rows(instances, dtypes), True
    if "inputs" in document:
        return signature_name, _read_columns(document["inputs"], dtypes), False
    raise invalid_argument("Missing 'inputs' or 'instances' key")


def parse_object(body):
    """Parse the body of any POST request.

    Args:
        body: bytes.

    Returns:
        `(document, signature_name)`: a dict, and its "signature_name" or "".

    Raises:
        ServingError: INVALID_ARGUMENT, with TensorFlow Serving's text.
    """
    document = _parse(body)
    if type(document) is not dict:
        raise format_error(document, "Is not object")
    signature_name = document.get("signature_name", "")
    if type(signature_name) is not str:
        raise format_error(document, "not formatted correctly. 'signature_name' key must be a string value.")
    return document, signature_name


def _parse(body):
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    body = body.removeprefix(codecs.BOM_UTF8)
    try:
        with _one_by_one() if len(body) > _LARGE else contextlib.nullcontext():
            return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass  # NaN, Infinity, bytes after the first value, deep nesting, or not JSON at all
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise invalid_argument(f"JSON Parse error: Invalid encoding in string. at offset: {error.start}") from error
    start = len(text) - len(text.lstrip(" \t\r\n"))
    if start == len(text):
        raise invalid_argument(f"JSON Parse error: The document is empty. at offset: {start}")
    decoder = json.JSONDecoder(parse_int=_parse_int, parse_float=_parse_float)
    try:
        try:
            return decoder.raw_decode(text, start)[0]
        except RecursionError:
            return decoder.raw_decode(_without_deep_nesting(body[start:]).decode())[0]
    except json.JSONDecodeError as error:
        texts = [text for words, text in _PARSE_ERRORS.items() if error.msg.startswith(words)]
        text = (texts or [error.msg])[0]
        raise invalid_argument(f"JSON Parse error: {text} at offset: {error.pos}") from error


@contextlib.contextmanager
def _one_by_one():
    """Let large bodies be parsed one after the other, without collecting garbage, which would look at all of each.

    Parsing holds Python's lock: what else the server answers waits for one body, not for several.
    """
    with _parsing:
        collects = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if collects:
                gc.enable()


def _parse_int(text):
    # beyond 64 bits RapidJSON, and orjson, go on with a float
    if len(text) <= 18:
        return int(text)
    value = int(text) if len(text) <= 20 else 2**64
    return value if -(2**63) <= value < 2**64 else _parse_float(text)


def _parse_float(text):
    value = float(text)
    if math.isinf(value):
        raise invalid_argument("JSON Parse error: Number too big to be stored in double.")
    return value


def _without_deep_nesting(body):
    """The document without what lies more than `_MAX_DEPTH` brackets deep."""
    plain = re.sub(rb"\\.", b"__", body, flags=re.DOTALL)
    characters = np.frombuffer(plain, np.uint8)
    outside_strings = np.cumsum(characters == ord('"'), dtype=np.int32) % 2 == 0
    opening = outside_strings & np.isin(characters, np.frombuffer(b"[{", np.uint8))
    closing = outside_strings & np.isin(characters, np.frombuffer(b"]}", np.uint8))
    depth = np.cumsum(opening, dtype=np.int32) - np.cumsum(closing, dtype=np.int32) + closing
    return np.frombuffer(body, np.uint8)[depth <= _MAX_DEPTH].tobytes()


def _read_columns(value, dtypes):
    if type(value) is not dict or is_base64(value):
        if len(dtypes) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple input tensors "
                "required as per tensorinfo_map"
            )
        [(name, dtype)] = dtypes.items()
        return {name: _dense(value, dtype)}
    arrays = {}
    for name, dtype in dtypes.items():
        if name not in value:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
        arrays[name] = _dense(value[name], dtype)
    return arrays


def _read_rows(instances, dtypes):
    if type(instances[0]) is not dict and len(dtypes) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map"
        )
    named = _is_named(instances[0])
    names = dtypes.keys()
    if named and all(map(_is_named, instances)) and all(row.keys() == names for row in instances):
        columns = {name: [row[name] for row in instances] for name in dtypes}
    elif not named and not any(map(_is_named, instances)):
        columns = {next(iter(dtypes)): instances}
    else:
        columns = {}
    arrays = {name: _dense_or_none(column, dtypes[name]) for name, column in columns.items()}
    if not arrays or any(array is None for array in arrays.values()):
        _explain_rows(instances, dtypes, named)
        raise invalid_argument("Malformed 'instances' list")
    return arrays


def _explain_rows(instances, dtypes, named):
    """Raise for the first instance that is wrong."""
    shapes: dict[str, tuple[int, ...]] = {}
    for count, row in enumerate(instances):
        if _is_named(row) != named:
            raise invalid_argument(
                f"Expecting object but got list at item {count} of input list"
                if named
                else f"Expecting value/list but got object at item {count} of input list"
            )
        for name, value in row.items() if named else [(next(iter(dtypes)), row)]:
            try:
                if name not in dtypes:
                    raise invalid_argument(f"JSON object: does not have named input: {cut(name)}")
                shape = _shape(value)
                _explain(value, dtypes[name], shape)
                expected = shapes.setdefault(name, shape)
                if math.prod(shape) != math.prod(expected):
                    raise invalid_argument(f"Expecting tensor size: {math.prod(expected)} but got: {math.prod(shape)}")
                if shape != expected:
                    raise invalid_argument(f"Expecting shape {_shape_text(expected)} but got: {_shape_text(shape)}")
            except ServingError as error:
                key = f" key: {cut(name)}" if named else ""
                raise invalid_argument(
                    f"Failed to process element: {count}{key} of 'instances' list. Error: {error}"
                ) from error
        if named and row.keys() != dtypes.keys():
            raise invalid_argument(
                f"Failed to process element: {count} of 'instances' list. JSON object: {_text(row)} "
                f"keys must be equal to: {','.join(dtypes)}"
            )


def _dense(value, dtype):
    array = _dense_or_none(value, dtype)
    if array is None:
        _explain(value, dtype, _shape(value))
        raise format_error(value, f"is not a tensor of type {dtype_name(dtype)}")
    return array


def _dense_or_none(value, dtype):
    """The array of a value or nested lists, or None if anything is wrong with it."""
    shape, leaves = [], [value]
    while leaves and type(leaves[0]) is list:
        if set(map(type, leaves)) != {list} or len(set(map(len, leaves))) != 1:
            return None
        shape.append(len(leaves[0]))
        leaves = list(itertools.chain.from_iterable(leaves))
    if dtype not in _LEAVES or not set(map(type, leaves)) <= _LEAVES[dtype] or len(shape) > 64:
        return None
    if dtype == tf.string:
        return _strings(leaves, shape)
    if dtype in _INT_RANGE:
        low, high = _INT_RANGE[dtype]
        if leaves and not (low <= min(leaves) and max(leaves) < high):
            return None
        wide = np.uint64 if dtype == tf.uint64 else np.int64
        return np.array(leaves, wide).astype(dtype.as_numpy_dtype).reshape(shape)
    with np.errstate(over="ignore"):  # beyond float32: infinity
        array = np.array(leaves, bool if dtype == tf.bool else np.float64)
        return array.astype(dtype.as_numpy_dtype).reshape(shape)


def _strings(leaves, shape):
    array = np.empty(len(leaves), object)
    for index, leaf in enumerate(leaves):
        if type(leaf) is dict and (not is_base64(leaf) or decode_base64(leaf["b64"]) is None):
            return None
        array[index] = leaf.encode(errors="surrogatepass") if type(leaf) is str else decode_base64(leaf["b64"])
    return array.reshape(shape)


def _explain(value, dtype, shape, level=0):
    """Raise for the first value that does not fit `dtype` and `shape`."""
    if type(value) is not list:
        if level != len(shape):
            raise invalid_argument(
                f"JSON Value: {_text(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {len(shape)}"
            )
        _explain_leaf(value, dtype)
        return
    if level >= len(shape):
        raise invalid_argument(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid_argument(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    if len(shape) > 64:
        raise invalid_argument(f"tensors of {len(shape)} dimensions are not supported")
    for element in value:
        _explain(element, dtype, shape, level + 1)


def _explain_leaf(value, dtype):
    type_error = invalid_argument(
        f"JSON Value: {_text(value)} Type: {type_text(value)} is not of expected type: {dtype_name(dtype)}"
    )
    if type(value) is dict:
        if dtype != tf.string:
            raise type_error
        if not is_base64(value):
            raise format_error(value, "not formatted correctly for base64 data")
        if decode_base64(value["b64"]) is None:
            raise invalid_argument("Unable to base64 decode")
        return
    if dtype not in _LEAVES:
        raise ServingError(
            grpc.StatusCode.UNIMPLEMENTED,
            f"Conversion of JSON Value: {_text(value)} to type: {dtype_name(dtype)}",
        )
    low, high = _INT_RANGE.get(dtype, (-math.inf, math.inf))
    if type(value) not in _LEAVES[dtype] or (type(value) is int and not low <= value < high):
        raise type_error


def _shape(value):
    shape = []
    while type(value) is list:
        shape.append(len(value))
        value = value[0] if value else None
    return shape


def is_base64(value):
    """Whether a JSON value is `{"b64": text}`."""
    return type(value) is dict and len(value) == 1 and type(value.get("b64")) is str


def _is_named(value):
    return type(value) is dict and not is_base64(value)


def decode_base64(text):
    """The bytes of base64 text, with or without its padding; None if it is not base64."""
    text = re.sub(r"\s", "", text)
    bare = text.rstrip("=")
    if len(text) != len(bare) and len(text) % 4:
        return None
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _shape_text(shape):
    return cut(f"[{','.join(map(str, shape))}]")


def type_text(value):
    """What RapidJSON calls a value's type; for booleans the value itself."""
    names = {type(None): "Null", dict: "Object", list: "Array", str: "String"}
    return str(value) if type(value) is bool else names.get(type(value), "Number")


def _text(value):
    """A JSON value as RapidJSON prints it, cut where it is long."""
    text = ""
    for part in json.JSONEncoder(indent=4, ensure_ascii=False).iterencode(value):
        text += part
        if len(text) > _MAX_VALUE_CHARS:
            return text[:_MAX_VALUE_CHARS] + "...TRUNCATED"
    return text


def format_error(value, message):
    """The error that quotes a JSON value."""
    return invalid_argument(f"JSON Value: {_text(value)} {message}")


# ---------------------------------------------------------------- writing


def write_response(outputs, row):
    """The body of a predict response.

    Args:
        outputs: `{name: array}`; strings are object arrays of bytes. Those whose name ends in `_bytes` are
            written as `{"b64": ...}`, others as text (bytes that are not UTF-8 are replaced).
        row: True for the row format ("predictions"), False for the columnar one ("outputs").

    Returns:
        JSON as bytes. Floats that are not finite are the bare tokens `NaN`, `Infinity`, `-Infinity`.

    Raises:
        ServingError: INVALID_ARGUMENT with TensorFlow Serving's text, if the arrays cannot be written so.
    """
    if not outputs:
        raise invalid_argument("Cannot convert empty tensor map to JSON")
    if row:
        _check_batches(outputs)
    dump = _dump_fast
    for array in outputs.values():
        dtype = tf.string if array.dtype == object else tf.as_dtype(array.dtype)
        if dtype not in _LEAVES:
            raise invalid_argument(f"Failed to write JSON value for tensor type: {dtype_name(dtype)}")
        if dtype.is_floating and not np.isfinite(array).all():
            dump = _dump_exact  # orjson would write null
    values = {name: _jsonable(name, outputs[name], dump) for name in sorted(outputs)}
    if len(values) == 1:
        [value] = values.values()
    elif row:
        value = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    else:
        value = values
    return dump({"predictions" if row else "outputs": value})


def _check_batches(outputs):
    size = None
    for name, array in sorted(outputs.items()):
        if array.ndim == 0:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if size is not None and len(array) != size:
            raise invalid_argument(f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {size}")
        size = len(array)


def _dump_fast(value):
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def _dump_exact(value):
    return json.dumps(value, ensure_ascii=False).encode()


def _jsonable(name, array, dump):
    """What `dump` can write: an array itself where it knows arrays, else nested lists."""
    if array.dtype == object:
        convert = _to_base64 if name.endswith("_bytes") else _to_text
        values = np.empty(array.shape, object)
        values.ravel()[:] = [convert(value) for value in array.ravel()]
        return values.tolist()
    if dump is _dump_fast:
        return np.ascontiguousarray(array) if array.ndim else array[()]
    if array.dtype == np.float32:  # the digits of a float32, not those of the float64 nearest to it
        array = array.astype("U32").astype(np.float64)
    return array.tolist()


def _to_base64(value):
    return {"b64": base64.b64encode(value).decode()}


def _to_text(value):
    return value.decode(errors="replace")
