import gzip
import http.client
import json
import socket
import urllib.parse

import numpy as np
import pytest

from kerasgan.server.rest.json_tensor import write_response
from tests.server.saved_models import PERCENT_NAME

PREDICT = "/v1/models/{}:predict"


def post(rest, body, model="default"):
    status, _, _, parsed = rest("POST", PREDICT.format(model), body)
    return status, parsed


def error(rest, body, model="default"):
    status, parsed = post(rest, body, model)
    assert status == 400
    return parsed["error"]


def echo(rest, dtype, text):
    """What the echo model answers to the JSON text of a value, as text."""
    body = f'{{"signature_name": "{dtype}", "inputs": {text}}}'.encode()
    status, _, answer, _ = rest("POST", PREDICT.format("echo"), body)
    assert status == 200, answer
    return answer.removeprefix('{"outputs":').removesuffix("}").strip()


def test_rows_and_columns(rest):
    assert post(rest, {"instances": [{"x": 1}, {"x": 2.5}]}) == (200, {"predictions": [2.5, 3.25]})
    assert post(rest, {"inputs": {"x": [1, 2]}}) == (200, {"outputs": [2.5, 3.0]})
    assert post(rest, {"inputs": 1}) == (200, {"outputs": 2.5})
    assert post(rest, {"instances": [[]]}) == (200, {"predictions": [[]]})


def test_several_outputs_are_objects_and_only_bytes_are_base64(rest):
    row = {"text": "a", "number": 0.1}
    expected = {"text": "a", "text_bytes": {"b64": "YQ=="}, "number": 0.1}
    assert post(rest, {"instances": [row, row]}, "echo") == (200, {"predictions": [expected, expected]})
    columns = {"text": ["a", {"b64": "Yg=="}], "number": [0.1, 2]}
    expected = {"text": ["a", "b"], "text_bytes": [{"b64": "YQ=="}, {"b64": "Yg=="}], "number": [0.1, 2.0]}
    assert post(rest, {"inputs": columns}, "echo") == (200, {"outputs": expected})


@pytest.mark.parametrize(
    "dtype, text, answer",
    [
        ("int64", "[9223372036854775807,-9223372036854775808]", None),
        ("uint64", "[18446744073709551615]", None),
        ("float32", "[NaN, Infinity, -Infinity, 0.1, 3]", "[NaN, Infinity, -Infinity, 0.1, 3.0]"),
        ("float32", "[16777217, 1e300, -1e300]", "[16777216.0, Infinity, -Infinity]"),
        ("float32", "[1e-300]", "[0.0]"),
        ("float64", "[0.1,1e+308]", None),
        ("float64", "0.30000000000000004", None),
        ("uint8", "[255,256,-1]", "[255,0,255]"),  # no range check upstream either
        ("bool", "[true,false]", None),
        ("bool", "true", None),
        ("string", '"caf\\u00e9"', '"café"'),
        ("string", '[{"b64":"/+8="}]', '["��"]'),
        ("string", '[{"b64":"YQ"}]', '["a"]'),
        ("int32", "[[[1],[2]]]", None),
        ("int32", "[[],[]]", None),
        ("int32", "[]", None),
    ],
)
def test_values_pass_unchanged(rest, dtype, text, answer):
    compact = text if answer is None else answer
    assert echo(rest, dtype, text).replace(" ", "") == compact.replace(" ", "")


@pytest.mark.parametrize(
    "dtype, text",
    [
        ("int64", "9223372036854775808"),
        ("int64", "1.0"),
        ("int64", "1e2"),
        ("int64", "NaN"),
        ("int32", "2147483648"),
        ("int32", "true"),
        ("uint32", "-1"),
        ("uint64", "18446744073709551616"),
        ("float32", "true"),
        ("float32", '"1"'),
        ("float32", "null"),
        ("float32", '{"b64": "YQ=="}'),
        ("bool", "1"),
        ("string", "1"),
    ],
)
def test_values_of_another_type_are_refused(rest, dtype, text):
    name = {"float32": "float"}.get(dtype, dtype)
    for document in (
        f'{{"signature_name":"{dtype}","inputs":[{text}]}}',
        f'{{"signature_name":"{dtype}","instances":[{text}]}}',
    ):
        assert f"is not of expected type: {name}" in error(rest, document.encode(), "echo")


@pytest.mark.parametrize(
    "body, text",
    [
        ({"instances": 1}, "Excepting 'instances' to be an list/array"),
        ({"instances": []}, "No values in 'instances' array"),
        ({"instances": None}, "Excepting 'instances' to be an list/array"),
        ({"inputs": None}, "JSON Value: null Type: Null is not of expected type: float"),
        ({"inputs": {}}, "Missing named input: x in 'inputs' object."),
        ({"instances": [[1, True]]}, "JSON Value: true Type: True is not of expected type: float"),
        ({"instances": [1, "1"]}, 'JSON Value: "1" Type: String is not of expected type: float'),
        ({"instances": [1, [1]]}, "Expecting shape [] but got: [1]"),
        ({"instances": [{"x": 1, "y": 1}]}, "JSON object: does not have named input: y"),
        ({"instances": [{"b64": "AA=="}]}, "Type: Object is not of expected type: float"),
        ({"signature_name": None, "instances": [1]}, "'signature_name' key must be a string value."),
        ({"signature_name": ["s"], "instances": [1]}, "'signature_name' key must be a string value."),
        ({}, "Missing 'inputs' or 'instances' key"),
        ([1], "Is not object"),
        ({"instances": [1], "inputs": [1]}, "Not formatted correctly expecting only one of"),
        ({"signature_name": "s", "instances": [1]}, 'Serving signature name: "s" not found in signature def'),
        (
            {"instances": [[1, 2], [3]]},
            "Failed to process element: 1 of 'instances' list. Error: "
            "INVALID_ARGUMENT: Expecting tensor size: 2 but got: 1",
        ),
        ({"instances": [[[1], [2]], [[1, 2]]]}, "Expecting shape [2,1] but got: [1,2]"),
        ({"instances": [{"x": 1}, 1]}, "Expecting object but got list at item 1 of input list"),
        ({"instances": [{"y": 1}]}, "JSON object: does not have named input: y"),
        ({"instances": [{}]}, "keys must be equal to: x"),
        ({"inputs": {"y": [1]}}, "Missing named input: x in 'inputs' object."),
        ({"inputs": [[1, 2], [3]]}, "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
        ({"inputs": [1, [2]]}, "Encountered list at unexpected level: 1 expected < 1"),
        (
            {"inputs": [[1], 2]},
            "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
        ),
        (b'\xef\xbb\xbf{"instances": "bom"}', "Excepting 'instances' to be an list/array"),
        (b'{"instances": [1,}', "JSON Parse error: Invalid value. at offset: 17"),
        (b'{"instances": [1', "JSON Parse error"),
        (b"\xff\xfe", "JSON Parse error: Invalid encoding in string."),
        (b"   ", "JSON Parse error: The document is empty."),
        (b"", "JSON Parse error: The document is empty"),
        (b'{"instances": [1e999]}', "Number too big to be stored in double."),
        (b"[" * 100_000, "JSON Parse error"),
        (
            b'{"inputs": ' + b"[" * 290 + b"1" + b"]" * 290 + b"}",
            "tensors of 290 dimensions are not supported",
        ),
    ],
)
def test_texts_of_errors(rest, body, text):
    assert text in error(rest, body)


def test_base64_errors(rest):
    body = {"signature_name": "string", "inputs": [{"b64": "*"}]}
    assert error(rest, body, "echo") == "Unable to base64 decode"
    body["inputs"] = [{"b65": "YQ=="}]
    assert "not formatted correctly for base64 data" in error(rest, body, "echo")


def test_deep_nesting_beside_good_inputs_is_ignored(rest):
    deep = b"[" * 100_000 + b'"]"' + b"]" * 100_000
    assert post(rest, b'{"x": ' + deep + b', "instances": [1]} rest') == (200, {"predictions": [2.5]})


def test_quoted_values_are_cut(rest):
    assert len(error(rest, {"instances": {"a": "b" * 100_000}})) < 2000


def test_names_are_percent_decoded(rest):
    quoted = urllib.parse.quote(PERCENT_NAME, safe="")
    assert post(rest, {"instances": [1]}, quoted) == (200, {"predictions": [2.5]})
    assert rest("GET", f"/v1/models/{quoted}/versions/1/metadata")[3]["model_spec"]["name"] == PERCENT_NAME


@pytest.mark.parametrize("name", ["..%2fx", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..", "%00", "%ff"])
def test_names_that_look_like_paths_are_only_names(rest, name):
    status, parsed = post(rest, {"instances": [1]}, name)
    decoded = urllib.parse.unquote(name)
    assert (status, parsed["error"]) == (404, f"Servable not found for request: Latest({decoded})")
    assert rest("GET", f"/v1/models/{name}")[0] == 404


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("POST", "/v1/models/../x:predict", 400),
        ("POST", "/v1/models/default:predict?a=b", 400),
        ("PUT", "/v1/models/default:predict", 400),
        ("DELETE", "/v1/models/default", 400),
        ("OPTIONS", "/v1/models/default:predict", 400),
        ("POST", "/v1/models/default:predict/", 400),
        ("POST", "/v1/models/default", 400),
        ("GET", "/v1/models/default:predict", 400),
        ("GET", "/v1/models/default/", 400),
        ("GET", "/v1/models/default/labels/", 400),
        ("POST", "/v1/models/default/versions/-1:predict", 400),
        ("POST", "/v1/models/default/versions/1/labels/a:predict", 400),
        ("GET", "/v1/models/default/metadata/", 400),
        ("GET", "/v1/models/default/versions/99999999999999999999", 400),
        ("POST", "/v1/models/default:classify", 400),
        ("POST", "/v1/models/default:regress", 400),
        ("GET", "/index", 404),
        ("GET", "/?a=b", 404),
        ("POST", "/", 404),
        ("GET", "/v1", 404),
    ],
)
def test_other_routes(rest, method, path, status):
    answered, headers, _, parsed = rest(method, path)
    assert answered == status
    assert (headers["Content-Type"] == "text/html") == (status == 404)
    if status == 400 and not path.endswith(("99", "classify", "regress")):
        assert parsed["error"] == f"Malformed request: {method} {path}"


def test_a_target_may_name_the_server(rest):
    assert rest("POST", "http://localhost:8501" + PREDICT.format("default"), {"instances": [1]})[0] == 200


def test_head_has_no_body(server):
    """HEAD is refused as every other method is, but without a body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    for _ in range(2):  # a body would be taken for the next answer
        connection.request("HEAD", "/v1/models/default")
        response = connection.getresponse()
        assert (response.status, response.read()) == (400, b"")
    connection.close()


def test_a_body_in_chunks(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    pieces = [b'{"instances"', b": [1, ", b"2]}"]
    connection.request(
        "POST", PREDICT.format("default"), iter(pieces), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
    )
    assert json.loads(connection.getresponse().read()) == {"predictions": [2.5, 3.0]}
    connection.close()


def test_metadata_of_an_unknown_model(rest):
    status, _, _, parsed = rest("GET", "/v1/models/m/metadata")
    assert (status, parsed) == (404, {"error": "Servable not found for request: Latest(m)"})


@pytest.mark.parametrize("size", [2**20 + 1, 3 * 2**20, 20 * 2**20])
def test_too_large_a_body_is_refused_and_the_server_lives_on(rest, server, size):
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    try:
        connection.request("POST", PREDICT.format("default"), b" " * size)
        response = connection.getresponse()
        assert response.status == 413
        assert "1048576 bytes" in json.loads(response.read())["error"]
    except (ConnectionError, BrokenPipeError):
        assert size > 4 * 2**20  # cut off while still sending
    finally:
        connection.close()
    assert post(rest, {"instances": [1]})[0] == 200


def test_a_body_at_the_limit_is_read(rest):
    body = b'{"instances": [1]}'
    assert post(rest, body + b" " * (2**20 - len(body)))[0] == 200


def test_a_zip_bomb_is_refused(rest):
    bomb = gzip.compress(b" " * 50_000_000)
    status, _, _, parsed = rest("POST", PREDICT.format("default"), bomb, {"Content-Encoding": "gzip"})
    assert status == 400 and "document is empty" in parsed["error"]


def test_a_connection_serves_many_requests(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    for row in range(5):
        connection.request("POST", PREDICT.format("default"), json.dumps({"instances": [row]}))
        assert json.loads(connection.getresponse().read()) == {"predictions": [row / 2 + 2]}
    connection.close()


def test_garbage_and_broken_off_requests_do_no_harm(rest, server):
    for data in (
        b"\x00\xff\r\n\r\n",
        b"POST /v1/models/default:predict HTTP/1.1\r\nContent-Length: 10\r\n\r\n{",
    ):
        with socket.create_connection(("127.0.0.1", server.rest_port)) as raw:
            raw.sendall(data)
    assert post(rest, {"instances": [1]})[0] == 200


def test_rows_need_a_common_batch():
    with pytest.raises(Exception, match="Tensor name: b has inconsistent batch size: 3 expecting: 2"):
        write_response({"a": np.zeros(2), "b": np.zeros(3)}, True)


def test_float32_is_written_with_its_own_digits_even_beside_a_nan():
    array = np.float32([0.1, 1 / 3, 1e-8, 123456789])
    for extra in (0, np.nan):
        text = write_response({"y": np.append(array, np.float32(extra))}, True)
        values = json.loads(text)["predictions"][:-1]
        assert (np.float32(values) == array).all()
        assert values[0] == 0.1
