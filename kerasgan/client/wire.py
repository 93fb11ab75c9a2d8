"""The messages of TensorFlow Serving's gRPC API, without TensorFlow.

Only method paths and field numbers travel on the wire, so a client can describe the few messages it needs
itself. They live in a descriptor pool of their own under a package name of their own: nothing clashes with
the official `tensorflow` and `tensorflow-serving-api` packages, whose messages these are byte for byte (a
test compares them). `set_tensor` and `get_array` work on any class with TensorProto's fields, the official
one included.
"""

import math

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory, struct_pb2

_PACKAGE = "kerasgan.client.wire"

# message -> {field: (number, type)}; "[x]" is repeated x, "{x}" is map<string, x>, a capital is another message.
# Enums are int32 here, which is the same on the wire.
_MESSAGES = {
    "Dim": {"size": (1, "int64"), "name": (2, "string")},
    "TensorShapeProto": {"dim": (2, "[Dim]"), "unknown_rank": (3, "bool")},
    "TensorProto": {
        "dtype": (1, "int32"),
        "tensor_shape": (2, "TensorShapeProto"),
        "tensor_content": (4, "bytes"),
        "float_val": (5, "[float]"),
        "double_val": (6, "[double]"),
        "int_val": (7, "[int32]"),
        "string_val": (8, "[bytes]"),
        "int64_val": (10, "[int64]"),
        "bool_val": (11, "[bool]"),
        "half_val": (13, "[int32]"),
        "uint32_val": (16, "[uint32]"),
        "uint64_val": (17, "[uint64]"),
    },
    "Int64Value": {"value": (1, "int64")},
    "ModelSpec": {
        "name": (1, "string"),
        "version": (2, "Int64Value"),
        "signature_name": (3, "string"),
        "version_label": (4, "string"),
    },
    "PredictRequest": {
        "model_spec": (1, "ModelSpec"),
        "inputs": (2, "{TensorProto}"),
        "output_filter": (3, "[string]"),
    },
    "PredictResponse": {"outputs": (1, "{TensorProto}"), "model_spec": (2, "ModelSpec")},
    "Any": {"type_url": (1, "string"), "value": (2, "bytes")},
    "GetModelMetadataRequest": {"model_spec": (1, "ModelSpec"), "metadata_field": (2, "[string]")},
    "GetModelMetadataResponse": {"model_spec": (1, "ModelSpec"), "metadata": (2, "{Any}")},
    "TensorInfo": {"name": (1, "string"), "dtype": (2, "int32"), "tensor_shape": (3, "TensorShapeProto")},
    "SignatureDef": {
        "inputs": (1, "{TensorInfo}"),
        "outputs": (2, "{TensorInfo}"),
        "method_name": (3, "string"),
    },
    "SignatureDefMap": {"signature_def": (1, "{SignatureDef}")},
}


def _add_field(message, name, number, kind, package):
    field = message.field.add(name=name, number=number, label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL)
    if kind[0] in "[{":
        field.label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
    if kind[0] == "{":
        entry = message.nested_type.add(name=name.title().replace("_", "") + "Entry")
        entry.options.map_entry = True
        _add_field(entry, "key", 1, "string", package)
        _add_field(entry, "value", 2, kind.strip("{}"), package)
        kind = f"{message.name}.{entry.name}"
    kind = kind.strip("[]")
    if kind[0].isupper():
        field.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{package}.{kind}"
    else:
        field.type = getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{kind.upper()}")


def message_classes(messages, package):
    """Classes of messages that are described here and nowhere else.

    Args:
        messages: `{message: {field: (number, type)}}`, the types written as those of `_MESSAGES`.
        package: name of a package that nothing else uses.

    Returns:
        `{message: class}`.
    """
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add_field(message, field, number, kind, package)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in messages}


_classes = message_classes(_MESSAGES, _PACKAGE)
TensorProto = _classes["TensorProto"]
PredictRequest = _classes["PredictRequest"]
PredictResponse = _classes["PredictResponse"]
GetModelMetadataRequest = _classes["GetModelMetadataRequest"]
GetModelMetadataResponse = _classes["GetModelMetadataResponse"]
SignatureDefMap = _classes["SignatureDefMap"]

# tensorflow.DataType -> (NumPy's name for it, the field that holds its values). Strings are object arrays of
# bytes.
_TYPES = {
    1: ("float32", "float_val"),
    2: ("float64", "double_val"),
    3: ("int32", "int_val"),
    4: ("uint8", "int_val"),
    5: ("int16", "int_val"),
    6: ("int8", "int_val"),
    7: ("object", "string_val"),
    9: ("int64", "int64_val"),
    10: ("bool", "bool_val"),
    17: ("uint16", "int_val"),
    19: ("float16", "half_val"),
    22: ("uint32", "uint32_val"),
    23: ("uint64", "uint64_val"),
}
_ENUMS = {np.dtype(name): enum for enum, (name, _) in _TYPES.items()}
_VALUES = {np.dtype(name): _MESSAGES["TensorProto"][field][0] for name, field in _TYPES.values()}  # field numbers
_CONTENT = _MESSAGES["TensorProto"]["tensor_content"][0]


def dtype_of(enum):
    """The NumPy dtype of a `tensorflow.DataType` number; strings are `object`.

    Raises:
        ValueError: for a type that has no NumPy counterpart here (complex, bfloat16, quantized, ...).
    """
    if enum not in _TYPES:
        raise ValueError(f"tensors of TensorFlow's data type number {enum} are not supported")
    return np.dtype(_TYPES[enum][0])


def read_struct(content):
    """The dict in a serialized `google.protobuf.Struct`; its numbers are floats."""
    return json_format.MessageToDict(struct_pb2.Struct.FromString(content))


def _varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _packed(array):
    """The values of a TensorProto, serialized, for float32, float64 and uint8; None for other dtypes.

    A Python list of a million numbers takes some 50 ms; this takes about one.
    """
    if array.dtype in (np.float32, np.float64):
        content = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    elif array.dtype == np.uint8:
        content = _varints(array)
    else:
        return None
    return field_bytes(_VALUES[array.dtype], content)


def _varints(array):
    """The values of a uint8 array as varints: one byte below 128, else the value itself and then 1."""
    large = array.ravel() > 127
    content = np.repeat(array, large.view(np.uint8) + np.uint8(1))
    ones = np.flatnonzero(large)
    content[ones + np.arange(1, len(ones) + 1)] = 1
    return content.tobytes()


class PackedRows:
    """A uint8 array of rows whose values are serialized already, once for all; slices are quick.

    A batch holds the rows of many requests. To serialize it as a whole takes NumPy a few steps, of which each lets
    go of Python's lock; a few steps for each request would have the threads of many requests wait for one another.

    Attributes:
        shape, dtype: of the array.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, array):
        """Serialize a uint8 array of one dimension or more."""
        large = np.count_nonzero(array > 127, axis=tuple(range(1, array.ndim)))
        self.shape = array.shape
        self._content = _varints(array)
        self._ends = [0, *np.cumsum(math.prod(array.shape[1:]) + large).tolist()]

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        """Rows `start:stop`, which share the memory."""
        start, stop, _ = rows.indices(len(self))
        part = object.__new__(PackedRows)
        part.shape = (stop - start, *self.shape[1:])
        part._content, part._ends = self._content, self._ends[start : stop + 1]
        return part

    def packed(self):
        """The field of a TensorProto that holds the values, serialized."""
        return field_bytes(_VALUES[self.dtype], self._content[self._ends[0] : self._ends[-1]])


def packed_rows(array):
    """`PackedRows` of a uint8 array that has rows; other arrays as they are, for they are quick to serialize."""
    return PackedRows(array) if array.dtype == np.uint8 and array.ndim else array


def field_bytes(number, content):
    """A field of a serialized message that holds bytes, text or another serialized message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def tensor_bytes(array, as_content=False):
    """The serialized TensorProto of an array, some times faster than to make the message and serialize it.

    Args:
        array: NumPy array of any shape, where an object array holds bytes; or `PackedRows`.
        as_content: whether numbers are written as `tensor_content` instead of typed fields; not of `PackedRows`.

    Raises:
        ValueError: if the dtype is not supported.
    """
    proto = TensorProto()
    if isinstance(array, PackedRows):
        return _set_type(proto, array).SerializeToString() + array.packed()
    if as_content and not array.dtype.hasobject:
        _set_type(proto, array)
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        return proto.SerializeToString() + field_bytes(_CONTENT, little.tobytes())
    packed = _packed(array)
    if packed is None:
        set_tensor(proto, array)
        return proto.SerializeToString()
    return _set_type(proto, array).SerializeToString() + packed


def _set_type(proto, array):
    enum = _ENUMS.get(array.dtype)
    if enum is None:
        raise ValueError(f"arrays of dtype {array.dtype} are not supported")
    proto.dtype = enum
    proto.tensor_shape.SetInParent()
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


def set_tensor(proto, array):
    """Write `array` into an empty TensorProto, as typed fields (TensorFlow Serving's own form).

    Args:
        proto: a TensorProto, of this module or of TensorFlow.
        array: NumPy array of any shape; an object array holds bytes.

    Raises:
        ValueError: if the dtype is not supported.
    """
    _set_type(proto, array)
    packed = _packed(array)
    if packed is not None:
        proto.MergeFromString(packed)
    else:
        values = array.view(np.uint16) if array.dtype == np.float16 else array
        getattr(proto, _TYPES[proto.dtype][1]).extend(values.ravel().tolist())


class TooLarge(ValueError):
    """A tensor takes more bytes than the caller allows."""


def shape_of(proto, itemsize=1, max_bytes=None):
    """The shape of a TensorProto as a list.

    Raises:
        ValueError: if it is not fully known, or, as `TooLarge`, if its elements of `itemsize` bytes take more than
            `max_bytes`.
    """
    shape = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or min(shape, default=0) < 0:
        raise ValueError(f"the shape {shape} is not fully known")
    if max_bytes is not None and math.prod(shape) * itemsize > max_bytes:
        raise TooLarge(f"a tensor of shape {shape} takes more than {max_bytes} bytes")
    return shape


def get_array(proto, max_bytes=None):
    """The NumPy array in a TensorProto, whether written as `tensor_content` or as typed fields.

    As in TensorFlow, where fewer values are given than the shape holds, the last one is repeated.

    Args:
        proto: a TensorProto, of this module or of TensorFlow.
        max_bytes: refuse a shape that would take more than this, or None. Because of the rule above a few
            bytes may ask for terabytes.

    Returns:
        An array of the proto's shape; for strings an object array of bytes.

    Raises:
        ValueError: if the message is not a well-formed tensor of a supported type, or is too large.
    """
    dtype = dtype_of(proto.dtype)
    shape = shape_of(proto, dtype.itemsize, max_bytes)
    size = math.prod(shape)
    if proto.tensor_content:
        if dtype.hasobject:
            raise ValueError("strings in tensor_content are not supported; use string_val")
        return np.frombuffer(proto.tensor_content, dtype.newbyteorder("<")).reshape(shape).astype(dtype)
    values = getattr(proto, _TYPES[proto.dtype][1])
    if dtype.hasobject:
        array = np.empty(len(values), object)
        array[:] = values
    elif dtype == np.float16:
        array = np.array(values, np.int64).astype(np.uint16).view(np.float16)
    else:
        given = np.dtype(np.int64) if dtype.itemsize < 4 and dtype.kind != "b" else dtype
        array = np.fromiter(values, given, len(values)).astype(dtype, copy=False)
    array = array[:size]
    if len(array) < size:
        last = array[-1] if len(array) else b"" if dtype.hasobject else np.zeros((), dtype)
        padded = np.full(size, last, dtype)
        padded[: len(array)] = array
        array = padded
    return array.reshape(shape)
