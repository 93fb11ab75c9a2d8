"""Batches: what joins, what is refused, and what comes out, compared with the same requests alone."""

import concurrent.futures
import json
import threading
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from kerasgan.server import BatchingParameters, ModelOptions, Models, ModelServer, ServerOptions
from kerasgan.server.config.batching_parameters import read_parameters
from kerasgan.server.errors import ServingError
from kerasgan.server.inference.batching import BatchedEngine, BatchScheduler
from kerasgan.server.inference.engine import Engine
from kerasgan.server.metrics import BatchingMetrics
from tests.conftest import make_gan
from tests.server import saved_models
from tests.server.cases import cases, tensor_of
from tests.server.conftest import call

AN_HOUR = 3_600_000_000


@pytest.fixture
def batched():
    """Function of a folder and parameters -> a `BatchedEngine`; all are closed afterwards."""
    opened = []

    def make(folder, metrics=None, **parameters):
        parameters = BatchingParameters(**parameters)
        scheduler = BatchScheduler(parameters, metrics)
        engine = BatchedEngine(folder, scheduler, parameters)
        opened.append((engine, scheduler))
        return engine

    yield make
    for engine, scheduler in opened:
        scheduler.close()
        engine.close()


def together(*calls):
    """Call functions at the same time; a list of what each returned, or of the `ServingError` it raised."""

    def caught(function):
        try:
            return function()
        except ServingError as error:
            return error

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(60) for future in [pool.submit(caught, function) for function in calls]]


def ask(engine, x, signature="", deadline=None):
    return lambda: engine.run(signature, {"x": np.asarray(x)}, (), deadline)


@pytest.mark.parametrize("case", cases("grpc", "batching"))
def test_batching_case(case, folders, tmp_path, batched):
    expect, fixture = case["expect"], case["fixture"]
    if "error" in expect:
        (tmp_path / "batching.txt").write_text(
            "max_batch_size { value: 4 } allowed_batch_sizes: 4 allowed_batch_sizes: 2"
        )
        assert "4,2" in fixture
        with pytest.raises(ValueError, match="batching.txt: allowed_batch_sizes"):
            read_parameters(tmp_path / "batching.txt")
        return
    inputs = {name: tensor_of(spec) for name, spec in case["request"]["single"].items()}
    if "code" in expect:
        saved_models.add(tmp_path / "add")
        with pytest.raises(
            ServingError, match=expect["message_contains"].replace("(", r"\(").replace(")", r"\)")
        ) as no:
            batched(tmp_path / "add").run("", inputs)
        assert no.value.code.name == expect["code"]
        return
    if expect.get("bypasses_batcher"):  # only x2 -> y3 is declared; x -> y is run anyway, without waiting
        saved_models.half_plus(tmp_path / "half", only="regress_x2_to_y3")
        engine = batched(tmp_path / "half", max_batch_size=100, batch_timeout_micros=AN_HOUR)
        x, y = engine._session.graph.get_tensor_by_name("x:0"), engine._session.graph.get_tensor_by_name("y:0")
        [value] = engine.run_tensors({x.name: (inputs["x"], x.dtype)}, [y.name])
        assert value.tolist() == expect["y"]
        return
    assert fixture == "max_batch_size 4, timeout 0"
    engine = batched(folders["two"], max_batch_size=4)
    assert engine.run("", inputs)["y"].tolist() == expect["y"]


def test_requests_are_computed_together_and_each_gets_its_own_rows(folders, batched):
    metrics = BatchingMetrics()
    engine = batched(folders["fussy"], metrics, max_batch_size=7, batch_timeout_micros=AN_HOUR)
    requests = [[1], [2, 3], [4, 5, 6], [7]]
    answers = together(*(ask(engine, x) for x in requests))
    assert [answer["y"].tolist() for answer in answers] == requests
    assert [set(answer["rows"].tolist()) for answer in answers] == [{7}] * 4  # one run of all seven rows
    assert ":tensorflow:serving:batching_session:processed_batch_size_sum{} 7.0" in metrics.processed_batch_size.lines()
    assert ":tensorflow:serving:batching_session:input_batch_size_count{} 4" in metrics.input_batch_size.lines()


def test_a_batch_runs_when_its_time_is_up(folders, batched):
    engine = batched(folders["fussy"], max_batch_size=100, batch_timeout_micros=300_000)
    start = time.monotonic()
    first, second = together(ask(engine, [1]), ask(engine, [2, 3]))
    assert time.monotonic() - start >= 0.3
    assert first["rows"].tolist() == [3] and second["rows"].tolist() == [3, 3]


def test_an_idle_server_does_not_wait(folders, batched):
    engine = batched(folders["fussy"])
    assert engine.run("", {"x": np.array([5])})["rows"].tolist() == [1]


def test_requests_that_wait_for_a_thread_are_taken_together(folders, batched):
    """With no waiting time, what comes while the only thread is busy is its next batch."""
    engine = batched(folders["fussy"], num_batch_threads=1)
    started, go_on, compute = threading.Event(), threading.Event(), engine._compute

    def slow(*arguments):
        started.set()
        go_on.wait(20)
        return compute(*arguments)

    engine._compute = slow
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        first = pool.submit(ask(engine, [0]))
        started.wait(20)
        others = [pool.submit(ask(engine, [x])) for x in range(1, 6)]
        [queue] = waiting(engine, 5)
        assert len(queue.batches) == 1
        go_on.set()
        assert first.result(20)["rows"].tolist() == [1]
        assert [other.result(20)["rows"].tolist() for other in others] == [[5]] * 5


def waiting(engine, tasks):
    """The queues, once so many tasks wait in them."""
    end = time.monotonic() + 20
    while True:
        with engine._scheduler._changed:
            queues = list(engine._scheduler._queues.values())
            if sum(len(batch.tasks) for queue in queues for batch in queue.batches) >= tasks:
                return queues
        assert time.monotonic() < end
        time.sleep(0.005)


def test_only_requests_of_one_kind_share_a_batch(folders, batched):
    """Other inner shapes, another signature, another output filter: each is run by itself."""
    engine = batched(folders["fussy"], batch_timeout_micros=300_000)
    wide, narrow = ask(engine, [[1, 2]]), ask(engine, [[1], [3]])
    flat, total = ask(engine, [1, 2, 3]), ask(engine, [4], "three")
    answers = together(wide, narrow, flat, total, lambda: engine.run("", {"x": np.array([7, 8, 9, 9])}, ["rows"]))
    assert [answers[index]["rows"].tolist() for index in (0, 1, 2, 4)] == [[1], [2, 2], [3, 3, 3], [4, 4, 4, 4]]
    assert [answers[index]["y"].tolist() for index in (0, 1)] == [[[1, 2]], [[1], [3]]]
    assert answers[3].message.startswith("Batched output tensor's 0th dimension does not equal")


def test_a_bad_request_fails_alone(folders, batched):
    engine = batched(folders["fussy"], max_batch_size=16, batch_timeout_micros=AN_HOUR)
    requests = [[row] for row in range(14)] + [[-1]] + [[row] for row in range(14, 15)]
    answers = together(*(ask(engine, x) for x in requests))
    assert isinstance(answers[14], ServingError) and answers[14].code == grpc.StatusCode.INVALID_ARGUMENT
    assert "a bad row" in answers[14].message
    assert [answer["y"].tolist() for answer in answers[:14] + answers[15:]] == requests[:14] + requests[15:]


def test_a_request_of_the_wrong_dtype_never_gets_into_a_batch(folders, batched):
    engine = batched(folders["fussy"], max_batch_size=2, batch_timeout_micros=AN_HOUR)
    wrong, *right = together(ask(engine, np.float32([1])), ask(engine, [1]), ask(engine, [2]))
    assert wrong.message == "Expects arg[0] to be int64 but float is provided"
    assert [answer["rows"].tolist() for answer in right] == [[2], [2]]


@pytest.mark.parametrize("sizes", [[2, 4, 8], [8]])
def test_batches_are_filled_up_to_an_allowed_size_with_copies_of_a_real_row(folders, batched, sizes):
    metrics = BatchingMetrics()
    engine = batched(folders["fussy"], metrics, max_batch_size=8, allowed_batch_sizes=tuple(sizes))
    seen, compute = [], engine._compute
    engine._compute = lambda *arguments: (seen.append(arguments[1][0]), compute(*arguments))[1]
    answer = engine.run("", {"x": np.array([5, 6, 7])})
    size = min(size for size in sizes if size >= 3)
    assert seen[0].tolist() == [5, 6, 7] + [5] * (size - 3)
    assert answer["y"].tolist() == [5, 6, 7] and answer["rows"].tolist() == [size] * 3
    padding = ":tensorflow:serving:batching_session:padding_size_sum{execution_batch_size=" + f'"{size}"}} {size - 3}.0'
    assert padding in metrics.padding_size.lines()


def test_rows_of_nothing(folders, batched):
    engine = batched(folders["fussy"], max_batch_size=8, allowed_batch_sizes=(4, 8))
    assert engine.run("", {"x": np.zeros([0, 2], np.int64)})["y"].shape == (0, 2)


def test_inner_shapes_are_padded_with_the_first_element(folders, batched):
    """The expected arrays are written down from `AddPadding` in `batching/batching_util.h`."""
    engine = batched(folders["fussy"], max_batch_size=3, batch_timeout_micros=AN_HOUR, pad_variable_length_inputs=True)
    small, large = together(ask(engine, [[[1, 2], [3, 4]]]), ask(engine, [[[5], [6], [7]], [[8], [9], [10]]]))
    assert small["y"].tolist() == [[[1, 2], [3, 4], [1, 1]]]
    assert large["y"].tolist() == [[[5, 5], [6, 5], [7, 5]], [[8, 5], [9, 5], [10, 5]]]


def test_a_large_request_is_cut_and_put_together_in_order(folders, batched):
    engine = batched(
        folders["fussy"],
        max_batch_size=50,
        max_execution_batch_size=4,
        enable_large_batch_splitting=True,
        max_enqueued_batches=20,
    )
    x = np.arange(42).reshape(21, 2)
    answer = engine.run("", {"x": x})
    np.testing.assert_array_equal(answer["y"], x)
    assert answer["rows"].tolist() == [4] * 20 + [1]
    with pytest.raises(ServingError, match="Task size 51 is larger than maximum input batch size 50") as raised:
        engine.run("", {"x": np.zeros(51, np.int64)})
    assert raised.value.code == grpc.StatusCode.INVALID_ARGUMENT


def test_a_part_of_a_large_request_fills_the_open_batch(folders, batched):
    engine = batched(
        folders["fussy"],
        max_batch_size=9,
        max_execution_batch_size=3,
        enable_large_batch_splitting=True,
        batch_timeout_micros=AN_HOUR,
    )
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        small = pool.submit(ask(engine, [1]))
        waiting(engine, 1)
        large = pool.submit(ask(engine, [2, 3, 4, 5, 6]))
        assert small.result(20)["rows"].tolist() == [3]
        assert large.result(20)["y"].tolist() == [2, 3, 4, 5, 6]
        assert large.result()["rows"].tolist() == [3] * 5


def test_a_bad_row_fails_all_of_a_cut_request_and_nothing_else(folders, batched):
    engine = batched(
        folders["fussy"],
        max_batch_size=9,
        max_execution_batch_size=3,
        enable_large_batch_splitting=True,
        batch_timeout_micros=AN_HOUR,
    )
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        small = pool.submit(ask(engine, [1]))
        waiting(engine, 1)
        large = pool.submit(ask(engine, [2, -1, 4, 5, 6]))
        assert small.result(20)["y"].tolist() == [1]
        with pytest.raises(ServingError, match="a bad row"):
            large.result(20)


@pytest.mark.parametrize("splitting", [False, True])
def test_a_full_queue_refuses_and_goes_on(folders, batched, splitting):
    engine = batched(
        folders["fussy"],
        num_batch_threads=1,
        max_batch_size=2,
        max_enqueued_batches=2,
        enable_large_batch_splitting=splitting,
    )
    started, go_on, compute = threading.Event(), threading.Event(), engine._compute

    def slow(*arguments):
        started.set()
        go_on.wait(20)
        return compute(*arguments)

    engine._compute = slow
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        running = [pool.submit(ask(engine, [1, 2]))]
        started.wait(20)
        running += [pool.submit(ask(engine, [3, 4])), pool.submit(ask(engine, [5, 6]))]
        waiting(engine, 2)
        with pytest.raises(ServingError, match="is full") as raised:
            engine.run("", {"x": np.array([7])})
        assert raised.value.code == grpc.StatusCode.RESOURCE_EXHAUSTED
        go_on.set()
        assert [future.result(20)["y"].tolist() for future in running] == [[1, 2], [3, 4], [5, 6]]
    assert engine.run("", {"x": np.array([7])})["y"].tolist() == [7]


def test_a_request_whose_time_is_up_in_the_queue_is_not_computed(folders, batched):
    engine = batched(folders["fussy"], num_batch_threads=1)
    started, go_on, compute, seen = threading.Event(), threading.Event(), engine._compute, []

    def slow(names, arrays, fetches, deadline):
        seen.append(arrays[0].tolist())
        started.set()
        go_on.wait(20)
        return compute(names, arrays, fetches, deadline)

    engine._compute = slow
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        first = pool.submit(ask(engine, [1]))
        started.wait(20)
        late = pool.submit(ask(engine, [2], deadline=time.monotonic() + 0.05))
        patient = pool.submit(ask(engine, [3], deadline=time.monotonic() + 60))
        waiting(engine, 2)
        time.sleep(0.1)
        go_on.set()
        assert first.result(20)["y"].tolist() == [1] and patient.result(20)["y"].tolist() == [3]
        with pytest.raises(ServingError, match="timeout exceeded while waiting in batching queue") as raised:
            late.result(20)
    assert raised.value.code == grpc.StatusCode.DEADLINE_EXCEEDED
    assert seen == [[1], [3]]


@pytest.mark.parametrize(
    "folder, signature, inputs, code, text",
    [
        ("counter", "get_counter", {}, "INVALID_ARGUMENT", "must have at least one input tensor"),
        (
            "counter",
            "incr_counter_by",
            {"delta": np.float32(1)},
            "INVALID_ARGUMENT",
            "must have at least one dimension",
        ),
        ("fussy", "sum", {"x": np.array([1])}, "FAILED_PRECONDITION", "Batched output tensor has 0 dimensions"),
        ("fussy", "three", {"x": np.array([1])}, "FAILED_PRECONDITION", "0th dimension does not equal the sum"),
    ],
)
def test_what_cannot_be_batched_is_worded_as_upstream_does(folders, batched, folder, signature, inputs, code, text):
    with pytest.raises(ServingError, match=text) as raised:
        batched(folders[folder]).run(signature, inputs)
    assert raised.value.code.name == code


def test_random_traffic_gives_what_lone_requests_give(folders, batched):
    """Images of a stand-in generator: many threads, sizes, labels, some of them bad."""
    alone = Engine(folders["generator"])
    engine = batched(
        folders["generator"],
        max_batch_size=16,
        max_execution_batch_size=8,
        enable_large_batch_splitting=True,
        allowed_batch_sizes=(1, 4, 8),
        num_batch_threads=2,
        max_enqueued_batches=1000,
    )
    random = np.random.default_rng(0)
    requests = []
    for _ in range(300):
        rows = int(random.integers(1, 17))
        label = random.integers(0, 11 if random.random() < 0.02 else 10, rows)  # 10 is none
        requests.append(
            {"seed": random.integers(0, 200, rows), "label": label, "truncation": np.ones(rows, np.float32)}
        )
    answers = together(*((lambda inputs=inputs: engine.run("", inputs)) for inputs in requests))
    for inputs, answer in zip(requests, answers, strict=True):
        if 10 in inputs["label"]:
            assert answer.code == grpc.StatusCode.INVALID_ARGUMENT
        else:
            np.testing.assert_array_equal(answer["images"], alone.run("", inputs)["images"])
    assert any(10 in inputs["label"] for inputs in requests)
    alone.close()


# ---------------------------------------------------------------- parameters


def test_parameters_are_read(tmp_path):
    (tmp_path / "batching.txt").write_text(
        """
        max_batch_size { value: 64 }  # rows
        batch_timeout_micros { value: 500 } max_enqueued_batches { value: 7 } num_batch_threads { value: 3 }
        thread_pool_name { value: "pool" }
        allowed_batch_sizes: 8 allowed_batch_sizes: 32 pad_variable_length_inputs: true
        enable_large_batch_splitting { value: true } max_execution_batch_size { value: 32 }
        """
    )
    parameters = read_parameters(tmp_path / "batching.txt")
    assert parameters == BatchingParameters(64, 500, 7, 3, "pool", (8, 32), True, True, 32)
    assert [parameters.padded(rows) for rows in (1, 8, 9, 32)] == [8, 8, 32, 32]
    (tmp_path / "batching.txt").write_text("")
    assert read_parameters(tmp_path / "batching.txt") == BatchingParameters()


@pytest.mark.parametrize(
    "text, words",
    [
        ("max_batch_sise { value: 1 }", "max_batch_sise"),
        ("max_batch_size: 1", "1:17"),
        ("max_batch_size { value: ", "1:"),
        ("max_batch_size { value: 0 }", "max_batch_size must be at least 1; was 0"),
        ("batch_timeout_micros { value: -1 }", "batch_timeout_micros must be at least 0; was -1"),
        ("num_batch_threads { value: 0 }", "num_batch_threads"),
        ("allowed_batch_sizes: 4", "last entry was 4; expected 1000"),
        ("max_batch_size { value: 4 } allowed_batch_sizes: 4 allowed_batch_sizes: 4", "rising"),
        (
            "max_batch_size { value: 4 } max_execution_batch_size { value: 8 } "
            "enable_large_batch_splitting { value: true }",
            "4 and 8",
        ),
    ],
)
def test_wrong_parameters_are_named(tmp_path, text, words):
    (tmp_path / "batching.txt").write_text(text)
    with pytest.raises(ValueError, match="batching.txt") as raised:
        read_parameters(tmp_path / "batching.txt")
    assert words in str(raised.value)


# ---------------------------------------------------------------- through a server


@pytest.fixture(scope="module")
def batching_server(folders):
    batching = BatchingParameters(max_batch_size=8, batch_timeout_micros=20_000, num_batch_threads=2)
    models = Models(
        {"generator": {1: folders["generator"]}, "fussy": {1: folders["fussy"]}, "two": {1: folders["two"]}},
        options=ModelOptions(batching=batching),
    )
    with ModelServer(models, ServerOptions(port=0, rest_port=0)) as running:
        yield running


def test_both_transports_share_batches_and_give_the_images_of_a_lone_request(batching_server, folders):
    alone = Engine(folders["generator"])
    with grpc.insecure_channel(f"127.0.0.1:{batching_server.port}") as channel:
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict

        def over_grpc(inputs):
            request = predict_pb2.PredictRequest(model_spec={"name": "generator"})
            for name, array in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
            return tf.make_ndarray(predict(request, timeout=60).outputs["images"])

        def over_rest(inputs):
            body = {"inputs": {name: array.tolist() for name, array in inputs.items()}}
            return np.array(call(batching_server, "POST", "/v1/models/generator:predict", body)[3]["outputs"], np.uint8)

        requests = [
            {"seed": np.array([seed]), "label": np.array([seed % 10]), "truncation": np.float32([1])}
            for seed in range(40)
        ]
        calls = [
            lambda inputs=inputs, over=over: over(inputs) for inputs in requests for over in (over_grpc, over_rest)
        ]
        answers = together(*calls)
    for index, answer in enumerate(answers):
        np.testing.assert_array_equal(answer, alone.run("", requests[index // 2])["images"])
    alone.close()
    page = call(batching_server, "GET", "/monitoring/prometheus/metrics")[2]
    assert ':batching_session:queuing_latency_count{thread_pool_name="model_server_batch_threads"}' in page


def test_errors_of_a_batch_reach_their_own_caller(batching_server):
    def ask_rest(x):
        return call(batching_server, "POST", "/v1/models/fussy:predict", {"instances": [x]})[::3]

    answers = together(*((lambda x=x: ask_rest(x)) for x in (3, -1, 5)))
    assert [status for status, _ in answers] == [200, 400, 200]
    assert "a bad row" in answers[1][1]["error"]
    assert answers[2][1]["predictions"][0]["y"] == 5


def test_classify_and_regress_are_batched_too(batching_server):
    body = {"signature_name": "regress_x_to_y", "examples": [{"x": 2.0}, {"x": 80.0}]}
    answers = together(*[lambda: call(batching_server, "POST", "/v1/models/two:regress", body)[3]] * 4)
    assert answers == [{"results": [3.0, 42.0]}] * 4


def test_parameters_of_each_model(folders, tmp_path):
    """A model without a file of its own is not batched: its scalar output is no error."""
    for name in ("with", "without"):
        saved_models.fussy(tmp_path / name)
    (tmp_path / "with" / "batching_params.pbtxt").write_text("max_batch_size { value: 3 }")
    options = ModelOptions(batching=BatchingParameters(), batching_per_model=True)
    models = Models({name: {1: tmp_path / name} for name in ("with", "without")}, options=options)
    models.load()
    assert models.find("without").engine.run("sum", {"x": np.arange(5)})["y"] == 10
    with pytest.raises(ServingError, match="Task size 5 is larger than maximum input batch size 3"):
        models.find("with").engine.run("", {"x": np.arange(5)})
    models.close()
    (tmp_path / "with" / "batching_params.pbtxt").write_text("max_batch_sise { value: 3 }")
    models = Models({"with": {1: tmp_path / "with"}}, options=options)
    with pytest.raises(ValueError, match="batching_params.pbtxt"):
        models.load()
    models.close()


def test_stopping_computes_what_waits_in_the_queue(folders):
    options = ModelOptions(batching=BatchingParameters(max_batch_size=100, batch_timeout_micros=2_000_000))
    models = Models({"fussy": {1: folders["fussy"]}}, options=options)
    server = ModelServer(models, ServerOptions(port=0, rest_port=0)).start()
    engine = models.find("fussy").engine
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        answers = [
            pool.submit(call, server, "POST", "/v1/models/fussy:predict", json.dumps({"instances": [x]}).encode())
            for x in range(3)
        ]
        waiting(engine, 3)
        server.stop()
        predictions = [answer.result(20)[3]["predictions"][0] for answer in answers]
    assert predictions == [{"y": x, "rows": 3} for x in range(3)]


# ---------------------------------------------------------------- images


def test_images_of_a_batch_are_those_of_one_request_with_the_same_rows_bit_by_bit(tmp_path, batched):
    """And those of lone requests to one level: kernels differ between batch sizes (about 2e-7 before rounding)."""
    gan = make_gan(num_classes=3)
    for layer in gan.sampling_generator.layers:  # larger weights give images of high contrast
        if layer.weights and "norm" not in layer.name:
            layer.set_weights([12 * weights for weights in layer.get_weights()])
    gan.export(tmp_path / "1")
    alone = Engine(tmp_path / "1")
    engine = batched(tmp_path / "1", max_batch_size=6, batch_timeout_micros=AN_HOUR)
    rows = [
        {"seed": np.array([seed]), "label": np.array([seed % 3]), "truncation": np.float32([1 + seed])}
        for seed in range(6)
    ]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = []
        for number, inputs in enumerate(rows):
            answers.append(pool.submit(engine.run, "", inputs))
            if number < 5:
                waiting(engine, number + 1)  # so that they come in this order
        images = np.concatenate([answer.result(60)["images"] for answer in answers])
    together_in_one = {name: np.concatenate([inputs[name] for inputs in rows]) for name in rows[0]}
    np.testing.assert_array_equal(images, alone.run("", together_in_one)["images"])
    lone = np.concatenate([alone.run("", inputs)["images"] for inputs in rows])
    assert np.abs(images.astype(int) - lone).max() <= 1
    assert images.std() > 10
    alone.close()
