"""Requests that are wrong in many ways, the same for the same seed."""

import json
import random

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import predict_pb2, regression_pb2

GOOD_BODIES = (
    {"instances": [1.0, 2.0]},
    {"instances": [{"x": 1.0}, {"x": [2.0]}]},
    {"inputs": {"x": [[1.0], [2.0]]}, "signature_name": "serving_default"},
    {"signature_name": "regress_x_to_y", "examples": [{"x": 2.0}], "context": {"x": [1]}},
)
PATHS = (
    "/v1/models/default:predict",
    "/v1/models/default/versions/123:predict",
    "/v1/models/default:regress",
    "/v1/models/default:classify",
    "/v1/models/default/metadata",
    "/v1/models/default/labels/x:predict",
    "/monitoring/prometheus/metrics",
)
METHODS = (
    "PredictionService/Predict",
    "PredictionService/Classify",
    "PredictionService/Regress",
    "PredictionService/MultiInference",
    "PredictionService/GetModelMetadata",
    "ModelService/GetModelStatus",
    "ModelService/HandleReloadConfigRequest",
)


def damaged(data, rng):
    """Bytes with some flipped, cut out, doubled, or put in."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(4)
        if kind == 0 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 1:
            del data[at : at + rng.randint(1, 20)]
        elif kind == 2:
            data[at:at] = data[at : at + rng.randint(1, 20)] * rng.randint(1, 50)
        else:
            data[at:at] = rng.randbytes(rng.randint(1, 20))
    return bytes(data)


def json_value(rng, depth=0):
    """Some JSON value, nested a few levels."""
    kind = rng.randrange(10 if depth < 4 else 7)
    if kind < 7:
        numbers = (0, -1, 1.5, 1e308, 2**63, 2**64, 10**30)
        texts = ("", "\ud800", "\0", "x" * 100, "NaN")
        return rng.choice((None, True, rng.choice(numbers), rng.choice(texts), {"b64": rng.choice(texts)}))
    if kind < 9:
        return [json_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    keys = ("instances", "inputs", "x", "signature_name", "examples", "b64", "")
    return {rng.choice(keys): json_value(rng, depth + 1) for _ in range(rng.randrange(4))}


def rest_request(rng):
    """`(method, path, body, headers)` of a request that is probably wrong."""
    kind = rng.randrange(5)
    good = json.dumps(rng.choice(GOOD_BODIES)).encode()
    if kind == 0:
        body = rng.randbytes(rng.randrange(200))
    elif kind == 1:
        body = damaged(good, rng)
    elif kind == 2:
        body = json.dumps(json_value(rng)).encode()
    elif kind == 3:
        document = rng.choice(GOOD_BODIES) | {rng.choice(("instances", "inputs", "x")): json_value(rng)}
        body = json.dumps(document).encode()
    else:
        opening = rng.choice(("[", '{"a":', '{"instances":[', '["'))
        body = (opening * rng.randrange(3000)).encode()
    headers = {"Content-Encoding": "gzip"} if rng.random() < 0.1 else {}
    path = rng.choice(PATHS)
    if rng.random() < 0.1:
        path += rng.choice(("?a=b", "%00", "%ff", "/" * 50, ":", "/versions/" + "9" * 400))
    return rng.choice(("POST", "POST", "POST", "GET", "PUT")), path, body, headers


def raw_request(rng):
    """Bytes that are hardly HTTP."""
    body = json.dumps(rng.choice(GOOD_BODIES)).encode()
    good = (
        f"POST {rng.choice(PATHS)} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )
    return rng.choice((rng.randbytes(rng.randrange(1, 300)), damaged(good, rng)))


def grpc_request(rng):
    """`(method, bytes)` of a call whose message is probably wrong."""
    if rng.random() < 0.5:
        message = predict_pb2.PredictRequest(output_filter=rng.sample(["y", "z", ""], rng.randrange(3)))
        name = rng.choice(("x", "x", "y", ""))
        message.inputs[name].CopyFrom(tf.make_tensor_proto(np.ones(rng.choice([(), 1, (2, 1), (0, 3)]), np.float32)))
        tensor = message.inputs[name]
        if rng.random() < 0.3:
            tensor.dtype = rng.choice(list(types_pb2.DataType.values()))
        if rng.random() < 0.3:
            tensor.tensor_shape.dim.add(size=rng.choice((-1, 0, 3, 2**31, 2**62)))
        if rng.random() < 0.2:
            tensor.tensor_content = rng.randbytes(rng.randrange(20))
    else:
        message = regression_pb2.RegressionRequest()
        feature = message.input.example_list.examples.add().features.feature[rng.choice(("x", "", "y"))]
        rng.choice((feature.float_list, feature.int64_list)).value.extend([1] * rng.randrange(3))
        if rng.random() < 0.3:
            feature.bytes_list.value.append(rng.randbytes(5))
    message.model_spec.name = rng.choice(("default", "default", "default", "no", ""))
    message.model_spec.signature_name = rng.choice(("", "", "regress_x_to_y", "no"))
    if rng.random() < 0.1:
        message.model_spec.version.value = rng.choice((-1, 7, 2**62))
    data = message.SerializeToString()
    if rng.random() < 0.4:
        data = rng.choice((damaged(data, rng), rng.randbytes(rng.randrange(100))))
    return rng.choice(METHODS[:-1] if data else METHODS), data


def requests(seed, count):
    """`count` pairs of a kind ("rest", "raw" or "grpc") and what to send."""
    rng = random.Random(seed)
    makers = {"rest": rest_request, "raw": raw_request, "grpc": grpc_request}
    for _ in range(count):
        kind = rng.choices(("rest", "grpc", "raw"), (5, 5, 1))[0]
        yield kind, makers[kind](rng)
