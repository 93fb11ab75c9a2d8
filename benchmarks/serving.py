"""How fast `kerasgan serve` is, beside the model alone and beside LitServe: one command, one machine, one run.

    python benchmarks/serving.py                  # pip install 'kerasgan[bench]' first

A small DCGAN generator (32 x 32 x 3, random weights) is exported. Then, one after another and each in processes of
its own:

- the ceiling: the SavedModel's signature called with 32 rows again and again, in one process, no server;
- the bare call: the same with 1 row through the server's own engine;
- `kerasgan serve` with the batching of serving/batching_parameters.txt and a core for the threads of requests, over
  gRPC and REST, and LitServe (its default, and with batches of 32), each with 1, 16 and 64 clients in a closed loop,
  one image a request. Clients do not decode what they get.

Clients run on the same cores as the server, so they take time that it lacks. `img/s` is what was measured;
`alone` is `img/s / (1 - share)`, where `share` is the processor time of the clients over that of all cores: what
the server would do with the cores to itself. `others` is the share of the cores that neither clients nor server
used, but somebody else: with much of it the figures are disturbed.

docs/serving.md has figures.
"""

import argparse
import asyncio
import collections
import contextlib
import json
import multiprocessing
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

import numpy as np
import psutil

ROWS = 32
PARAMETERS = pathlib.Path(__file__).parents[1] / "serving" / "batching_parameters.txt"
Load = collections.namedtuple("Load", "server clients rate alone share others p50 p99 errors")


def export(folder, filters):
    import kerasgan

    networks = kerasgan.networks.dcgan
    generator = networks.generator((32, 32, 3), latent_dim=64, filters=filters)
    gan = kerasgan.SGAN(generator, networks.critic((32, 32, 3), filters=4))
    gan.compile()
    gan.export(folder)
    return generator.count_params()


def call_again_and_again(call, seconds):
    """Seconds of each call."""
    for _ in range(5):
        call()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times


def offline(folder, seconds):
    """`(images a second at ROWS rows, seconds of such a call, seconds of the engine's call of one row)`."""
    import tensorflow as tf

    from kerasgan.server.inference.engine import Engine

    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    inputs = {"seed": tf.range(ROWS, dtype=tf.int64), "truncation": tf.ones(ROWS)}
    many = call_again_and_again(lambda: signature(**inputs)["images"].numpy(), seconds)
    engine = Engine(folder)
    one = {"seed": np.array([7]), "truncation": np.float32([1])}
    single = call_again_and_again(lambda: engine.run("", one), seconds)
    return ROWS * len(many) / sum(many), np.median(many), np.median(single)


# ---------------------------------------------------------------- clients


async def grpc_client(address, stop, times, number):
    """Ask over gRPC until `stop`; append the seconds of each request to `times`."""
    import grpc

    from kerasgan.client import wire

    request = wire.PredictRequest()
    request.model_spec.name = "small"
    wire.set_tensor(request.inputs["seed"], np.array([number]))
    wire.set_tensor(request.inputs["truncation"], np.float32([1]))
    data = request.SerializeToString()
    options = [("grpc.use_local_subchannel_pool", 1)]  # a connection of its own
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        predict = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        while time.perf_counter() < stop:
            start = time.perf_counter()
            await predict(data)
            times.append((start, time.perf_counter() - start))


async def http_client(address, stop, times, path, document):
    """The same over HTTP, with one connection."""
    host, port = address.split(":")
    body = json.dumps(document).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    reader, writer = await asyncio.open_connection(host, int(port), limit=2**20)
    while time.perf_counter() < stop:
        start = time.perf_counter()
        writer.write(head.encode() + b"\r\n\r\n" + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer)
        [length] = [line.split(b":")[1] for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length")]
        await reader.readexactly(int(length))
        times.append((start, time.perf_counter() - start))
    writer.close()


def client_of(kind, address, stop, times, number):
    if kind == "gRPC":
        return grpc_client(address, stop, times, number)
    row = {"seed": number, "truncation": 1.0}
    if kind == "REST":
        return http_client(address, stop, times, "/v1/models/small:predict", {"instances": [row]})
    return http_client(address, stop, times, "/predict", row)


def processor_seconds(pid):
    """Seconds of processor time: `(of the server and its children, of this process, of the cores we may use)`."""
    server = psutil.Process(pid)
    used = sum(sum(each.cpu_times()[:2]) for each in [server, *server.children(recursive=True)])
    cores = psutil.cpu_times(percpu=True)
    busy = sum(sum(cores[core]) - cores[core].idle - cores[core].iowait for core in os.sched_getaffinity(0))
    return np.array([used, time.process_time(), busy])


def load(name, kind, pid, address, clients, seconds):
    """Run clients for some seconds, after two of warming, and measure them and the server `pid`: `Load`."""

    async def run():
        times, begin = [], time.perf_counter() + 2.0
        tasks = [client_of(kind, address, begin + seconds, times, number) for number in range(clients)]
        asking = asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(2.0)
        before = processor_seconds(pid)
        errors = [result for result in await asking if result is not None]
        used, wall = processor_seconds(pid) - before, time.perf_counter() - begin
        return [duration for start, duration in times if start >= begin], errors, used / wall, wall

    taken, errors, used, wall = asyncio.run(run())
    if not taken:
        raise RuntimeError(f"{name}: no answer: {errors[:1]}")
    server, clients_used, busy = used / len(os.sched_getaffinity(0))
    rate = len(taken) / wall
    p50, p99 = np.percentile(taken, [50, 99])
    others = max(0.0, busy - server - clients_used)
    return Load(name, clients, rate, rate / (1 - clients_used), clients_used, others, p50, p99, len(errors))


def in_a_process(function, *arguments):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


# ---------------------------------------------------------------- servers


@contextlib.contextmanager
def running(line, address):
    """A server while the block runs; yields its process once something listens at `address`."""
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    host, port = address.split(":")
    try:
        end = time.monotonic() + 120
        while True:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{' '.join(line)} did not start")
            with contextlib.suppress(OSError), socket.create_connection((host, int(port))):
                break
            time.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.terminate()
        process.terminate()
        process.wait(60)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ours(folder, port, rest_port):
    line = [sys.executable, "-m", "kerasgan", "serve", str(folder), "--port", str(port), "--rest-port", str(rest_port)]
    line += ["--enable_batching", "--batching_parameters_file", str(PARAMETERS)]
    return [*line, "--request-core", str(min(os.sched_getaffinity(0)))]


def litserve(folder, port, batch):
    script = pathlib.Path(__file__).with_name("litserve_server.py")
    return [sys.executable, str(script), str(folder), str(port), "--batch", str(batch)]


def measure(folder, clients, seconds):
    """Yield a `Load` for each server and number of clients."""
    version = folder / "small" / "1"
    port, rest_port, lit, lit_batched = (free_port() for _ in range(4))
    groups = [
        (
            ours(folder, port, rest_port),
            rest_port,
            [("kerasgan, gRPC", "gRPC", port), ("kerasgan, REST", "REST", rest_port)],
        ),
        (litserve(version, lit, 1), lit, [("LitServe, default", "LitServe", lit)]),
        (
            litserve(version, lit_batched, ROWS),
            lit_batched,
            [(f"LitServe, batches of {ROWS}", "LitServe", lit_batched)],
        ),
    ]
    for line, answering, ways in groups:
        with running(line, f"127.0.0.1:{answering}") as process:
            for name, kind, where in ways:
                for count in clients:
                    yield in_a_process(load, name, kind, process.pid, f"127.0.0.1:{where}", count, seconds)


def summary(loads, ceiling, batch_seconds, bare):
    """Lines that say how gRPC fares beside what issue 5 asks for; those of which the figures are there."""
    found = {(load.server, load.clients): load for load in loads}
    lone, many = found.get(("kerasgan, gRPC", 1)), found.get(("kerasgan, gRPC", 64))
    other = found.get(("LitServe, default", 64))
    if many is not None:
        yield f"64 clients: {many.alone / ceiling:.0%} of the ceiling (aim: 80%)"
        yield f"64 clients: 99% of answers within {many.p99 / batch_seconds:.1f} batches' time (aim: 4)"
    if many is not None and other is not None:
        yield f"64 clients: {many.alone / other.alone:.1f} times LitServe's default (aim: 10)"
    if lone is not None:
        yield f"1 client: {1e3 * (lone.p50 - bare):.2f} ms more than the bare call (aim: 1.5)"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10, help="Of each measurement.")
    parser.add_argument("--clients", default="1,16,64", help="Numbers of clients.")
    parser.add_argument("--filters", type=int, default=16, help="Width of the generator.")
    parser.add_argument("--out", type=pathlib.Path, help="A JSON file for the results.")
    given = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        parameters = in_a_process(export, folder / "small" / "1", given.filters)
        ceiling, batch_seconds, bare = in_a_process(offline, folder / "small" / "1", given.seconds)
        cores = len(os.sched_getaffinity(0))
        print(f"generator of {parameters} weights, {cores} core(s), {given.seconds:g} s each")
        print(f"ceiling at {ROWS} rows: {ceiling:.0f} img/s, {1e3 * batch_seconds:.2f} ms a batch; ", end="")
        print(f"bare call of one row: {1e3 * bare:.2f} ms")
        print(f"{'server':<26}{'clients':>8}{'img/s':>8}{'share':>7}{'alone':>8}{'of ceiling':>11}", end="")
        print(f"{'p50 ms':>9}{'p99 ms':>9}{'others':>8}{'errors':>8}")
        loads = []
        for found in measure(folder, [int(piece) for piece in given.clients.split(",")], given.seconds):
            loads.append(found)
            print(
                f"{found.server:<26}{found.clients:>8}{found.rate:>8.0f}{found.share:>7.0%}{found.alone:>8.0f}", end=""
            )
            print(f"{found.alone / ceiling:>11.0%}{1e3 * found.p50:>9.2f}{1e3 * found.p99:>9.2f}", end="")
            print(f"{found.others:>8.0%}{found.errors:>8}", flush=True)
        print(*summary(loads, ceiling, batch_seconds, bare), sep="\n")
    if given.out is not None:
        result = {
            "command": " ".join(sys.argv),
            "weights": parameters,
            "cores": cores,
            "seconds": given.seconds,
            "ceiling": ceiling,
            "batch_seconds": batch_seconds,
            "bare_seconds": bare,
            "loads": [found._asdict() for found in loads],
        }
        given.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
