"""Lines of progress."""

import time


class Countdown:
    """Lines of progress on standard output: `WGANGP: 500/4000, 62.1 steps/s, 56 s left`.

    Args:
        what: name in front of the line.
        total: steps in all.
        seconds: least time between two lines.
        unit: what is counted.
    """

    def __init__(self, what, total, seconds=5.0, unit="steps"):
        self.what, self.total, self.seconds, self.unit = what, total, seconds, unit
        self._began = self._shown = time.perf_counter()

    def show(self, done, note=""):
        """Print a line if the last is old enough, or all is done; `note` is appended."""
        now = time.perf_counter()
        if now - self._shown < self.seconds and done < self.total:
            return
        self._shown = now
        rate = done / max(now - self._began, 1e-9)
        left = (self.total - done) / max(rate, 1e-9)
        ending = f"{left:.0f} s left" if done < self.total else f"{now - self._began:.0f} s in all"
        note = f", {note}" if note else ""
        print(f"{self.what}: {done}/{self.total}, {rate:.1f} {self.unit}/s, {ending}{note}", flush=True)
