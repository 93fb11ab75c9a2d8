#!/usr/bin/env bash
# grpcio 1.85.3: a server of grpc.aio takes more processor time a call than one with a pool of threads.
#
# Guess, written down before: the asyncio server of grpcio takes less processor time for a small unary call than the one
# with threads, about 0.12 ms instead of 0.2, as nothing is handed from thread to thread.
# Outcome: a miss: it takes 1.5 to 2 times as much (0.18 and 0.21 ms against 0.12 and 0.10 on an AMD EPYC of 2.6 GHz),
# with 64 calls at a time over four connections.
# What follows: porting a server to grpc.aio does not make small calls cheaper; measure before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "grpcio==1.85.3"
cat > "$folder/server.py" <<'PY'
import asyncio
import concurrent.futures
import sys

import grpc

ANSWER = b"x" * 3072


class Handler(grpc.GenericRpcHandler):
    def __init__(self, method):
        self.method = method

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(self.method)


def told(server):
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    return server


async def with_asyncio():
    async def method(request, context):
        return ANSWER

    server = grpc.aio.server(handlers=[Handler(method)])
    await told(server).start()
    await server.wait_for_termination()


def with_threads():
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), [Handler(lambda request, context: ANSWER)])
    told(server).start()
    server.wait_for_termination()


asyncio.run(with_asyncio()) if sys.argv[1] == "asyncio" else with_threads()
PY
cat > "$folder/case.py" <<'PY'
import asyncio
import os
import statistics
import subprocess
import sys

import grpc

CALLS, AT_A_TIME, CONNECTIONS = 6400, 64, 4


async def ask(port):
    own = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=own) for _ in range(CONNECTIONS)]

    async def caller(channel):
        for _ in range(CALLS // AT_A_TIME):
            await channel.unary_unary("/a/b")(b"r" * 60)

    await asyncio.gather(*(caller(channels[number % CONNECTIONS]) for number in range(AT_A_TIME)))
    for channel in channels:
        await channel.close()


def seconds(process):
    with open(f"/proc/{process.pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


servers = {}
for kind in ("threads", "asyncio"):
    process = subprocess.Popen([sys.executable, "server.py", kind], stdout=subprocess.PIPE, text=True)
    servers[kind] = process, int(process.stdout.readline())
taken = {kind: [] for kind in servers}
for number in range(6):
    for kind, (process, port) in servers.items():
        before = seconds(process)
        asyncio.run(ask(port))
        if number:  # the first is to warm up
            taken[kind].append((seconds(process) - before) / CALLS)
for process, _ in servers.values():
    process.kill()
milliseconds = {kind: 1000 * statistics.median(values) for kind, values in taken.items()}
print({kind: f"{value:.3f} ms" for kind, value in milliseconds.items()}, file=sys.stderr)
print("asyncio takes more than 1.2 times as much:", milliseconds["asyncio"] > 1.2 * milliseconds["threads"])
PY
cd "$folder"
venv/bin/python -W ignore case.py > out 2> errors || { cat errors; exit 1; }
cat errors out
diff out - <<'OUT'
asyncio takes more than 1.2 times as much: True
OUT
