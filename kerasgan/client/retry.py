"""What both transports do about a server that is not there, or refuses."""

import random
import time

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between attempts; doubled each time
_REFUSALS = {"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "OUT_OF_RANGE", 400, 404, 413}


class Retry:
    """Attempts until a server can be reached, further and further apart, for `timeout` seconds."""

    def __init__(self, address: str, timeout: float):
        self.address = address
        self.timeout = timeout
        self._end = time.monotonic() + timeout
        self._pause = _FIRST_PAUSE

    def left(self) -> float:
        """Return how many seconds the next attempt may take."""
        return max(0.01, self._end - time.monotonic())

    def pause(self, reason: object) -> None:
        """Wait before another attempt; ConnectionError if the time is up.

        Pauses are up to half shorter by chance, so that many clients do not come back at the same moment.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise ConnectionError(f"no server answers at {self.address} (tried for {self.timeout:g} s): {reason}")
        time.sleep(min(left, self._pause * random.uniform(0.5, 1.0)))
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)


def error_of(model: str, code: str | int, text: str) -> Exception:
    """Return the error of an answer: ValueError of a refusal, else RuntimeError, with the server's text."""
    kind = ValueError if code in _REFUSALS else RuntimeError
    text = text.partition("\n\t [[")[0]  # then TensorFlow names nodes of its graph
    return kind(f"model {model}: {text} ({code if isinstance(code, str) else f'HTTP {code}'})")


def host_and_port(host: str, port: int) -> str:
    """Return `host:port`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
