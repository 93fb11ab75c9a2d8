"""Workers wait for one another before TensorFlow starts: its own wait has no end and hears no signal."""

import contextlib
import re
import socket
import time
from collections.abc import Sequence

from kerasgan.utils import standstill

_GREETING = b"kerasgan worker %08d\n"
_GO = b"kerasgan go\n"
_PAUSE = 0.2  # seconds between two tries


class WorkerLost(RuntimeError):
    """A worker did not come, ended, or cannot be reached; the message says how to go on."""


def meet(addresses: Sequence[str], place: int) -> None:
    """Return once all workers have called it.

    The first one listens at its own address, where TensorFlow will; the others tell it that they are there.

    Args:
        addresses: of all workers, "HOST:PORT", the one that leads first.
        place: of this one among them.

    Raises:
        WorkerLost: if they are not all there after `standstill.PATIENCE` seconds.
        OSError: if the port is taken on this machine.
    """
    end = time.monotonic() + standstill.PATIENCE
    port = int(addresses[place].rpartition(":")[2])
    with _listening(port) as server:
        if place == 0:
            _gather(server, addresses, end)
            return
    _announce(addresses[0], place, end)


def _listening(port):
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    try:
        return socket.create_server(("", port), family=family, backlog=1024, dualstack_ipv6=family is socket.AF_INET6)
    except OSError as error:
        raise OSError(
            error.errno,
            f"port {port} of this worker cannot be listened on ({error.strerror}): end what has it, or name another "
            "port in TF_CONFIG",
        ) from error


def _gather(server, addresses, end):
    """Wait for the greetings of all others, then tell all to go."""
    there: dict[int, socket.socket] = {}
    with contextlib.ExitStack() as stack:
        while missing := [address for place, address in enumerate(addresses) if place and not _waits(there.get(place))]:
            if time.monotonic() > end:
                raise WorkerLost(
                    f"{len(missing)} of {len(addresses)} workers have not come within {standstill.PATIENCE:.0f} "
                    f"seconds, the first of them {missing[0]}; start all workers again"
                )
            server.settimeout(1)
            with contextlib.suppress(OSError):  # nobody came in this second, or went away again
                caller = stack.enter_context(server.accept()[0])
                caller.settimeout(1)
                if said := re.fullmatch(rb"kerasgan worker (\d+)\n", _read(caller, len(_GREETING % 0))):
                    there[int(said[1])] = caller  # the newest call of a worker that was started again
        for caller in there.values():  # one that ends at this moment is missed by TensorFlow, without end
            with contextlib.suppress(OSError):
                caller.sendall(_GO)


def _waits(caller):
    """Whether a worker that has called is still there."""
    if caller is None:
        return False
    caller.setblocking(False)
    try:
        return caller.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def _announce(address, place, end):
    """Call the first worker until it says go."""
    host, _, port = address.rpartition(":")
    while time.monotonic() < end:
        with (
            contextlib.suppress(OSError),  # not there yet, or started again while this one waited
            socket.create_connection((host.strip("[]"), int(port)), timeout=5) as call,
        ):
            call.sendall(_GREETING % place)
            call.settimeout(max(0.1, end - time.monotonic()))
            if _read(call, len(_GO)) == _GO:
                return
        time.sleep(_PAUSE)
    raise WorkerLost(
        f"the first worker, {address}, did not answer within {standstill.PATIENCE:.0f} seconds; start all workers again"
    )


def _read(connection, size):
    """Read so many bytes; fewer where the other side has ended."""
    found = b""
    while len(found) < size and (more := connection.recv(size - len(found))):
        found += more
    return found
