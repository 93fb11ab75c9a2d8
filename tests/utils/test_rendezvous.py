"""Workers that wait for one another."""

import re
import socket
import threading
import time

import pytest

from kerasgan.utils import rendezvous, standstill
from kerasgan.utils.rendezvous import WorkerLost
from tests.distribute.workers import free_ports


@pytest.fixture
def addresses():
    return [f"127.0.0.1:{port}" for port in free_ports(3)]


class Worker(threading.Thread):
    """One that comes, and keeps what it got."""

    def __init__(self, addresses, place):
        super().__init__(daemon=True)
        self.given, self.error = (addresses, place), None
        self.start()

    def run(self):
        try:
            rendezvous.meet(*self.given)
        except Exception as error:
            self.error = error

    def ended(self, timeout):
        self.join(timeout)
        return not self.is_alive()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)], ids=str)
def test_all_go_on_when_the_last_has_come(addresses, order):
    *first, last = order
    early = [Worker(addresses, place) for place in first]
    assert not any(worker.ended(0.5) for worker in early)
    for worker in [*early, Worker(addresses, last)]:
        assert worker.ended(20) and worker.error is None


def test_what_calls_and_is_no_worker_or_goes_away_is_not_counted(addresses):
    chief = Worker(addresses, 0)
    port = int(addresses[0].rpartition(":")[2])
    assert not chief.ended(0.5)
    for words in (b"GET / HTTP/1.1\r\n\r\n" * 2, rendezvous._GREETING % 2):
        with socket.create_connection(("127.0.0.1", port)) as caller:
            caller.sendall(words)
    time.sleep(1)
    second = Worker(addresses, 1)
    assert not chief.ended(1.5) and not second.ended(0)
    third = Worker(addresses, 2)
    assert all(worker.ended(20) and worker.error is None for worker in (chief, second, third))


def test_one_that_does_not_come_is_named(addresses, monkeypatch):
    monkeypatch.setattr(standstill, "PATIENCE", 1.5)
    chief = Worker(addresses, 0)
    time.sleep(0.2)
    monkeypatch.setattr(standstill, "PATIENCE", 4)  # longer than the first one's, which so sees the second waiting
    second = Worker(addresses, 1)
    assert chief.ended(20) and second.ended(20)
    assert isinstance(chief.error, WorkerLost) and isinstance(second.error, WorkerLost)
    assert re.match(f"1 of 3 workers have not come within . seconds, .* {addresses[2]}; start", str(chief.error))
    assert str(second.error).startswith(f"the first worker, {addresses[0]}, did not answer")


@pytest.mark.parametrize("place", [0, 1])
def test_a_port_that_is_taken_is_named(addresses, place):
    port = int(addresses[place].rpartition(":")[2])
    with socket.create_server(("", port)), pytest.raises(OSError, match=f"port {port} .*: end what has it, or name"):
        rendezvous.meet(addresses, place)
