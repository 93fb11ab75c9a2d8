"""How far long work is: one line that is renewed on a terminal, lines from time to time elsewhere."""

import sys
import time

_LIVE = 0.5  # seconds between two looks of a terminal's line


class Bar:
    """`WGANGP 500/4000  62.1 steps/s  ETA 0:56`, with a bar on a terminal.

    Args:
        what: name in front of the line.
        total: steps in all.
        unit: what is counted; "B" for bytes.
        begun: steps that were done before.
        seconds: least time between two lines where the output is no terminal.
        stream: text stream, standard output by default.
        quick_is_silent: whether work that ends before a line is due says nothing, where the output is no terminal.
    """

    def __init__(self, what, total, unit="steps", begun=0, seconds=5.0, stream=None, quick_is_silent=False):
        self._silent = quick_is_silent
        self.what, self.total, self.unit, self.seconds = what, total, unit, seconds
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty()
        self._done = self._begun = begun
        self._began = self._shown = time.perf_counter()
        self._ended = False
        self._bar = self._opened() if self._live else None

    def show(self, done, note=""):
        """Say how far it is, if that was not said just now or all is done.

        Args:
            done: steps in all until now.
            note: what else is to be said, a text or a function of the speed that returns it.
        """
        self._done = done
        if done >= self.total:
            self.finish(note)
        elif time.perf_counter() - self._shown >= (_LIVE if self._live else self.seconds):
            self._say(note)

    def finish(self, note=""):
        """Say how far it is, and end the line; `note` is as for `show`."""
        if not self._ended:
            if self._live or not self._silent:
                self._say(note)
            self._ended = True
            if self._bar is not None:
                self._bar.close()

    def _say(self, note):
        self._silent = False
        self._shown = now = time.perf_counter()
        rate = (self._done - self._begun) / max(now - self._began, 1e-9)
        note = note(rate) if callable(note) else note
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(self._done - self._bar.n)
            self._bar.refresh()
            return
        minutes, seconds = divmod(round((self.total - self._done) / rate if rate > 0 else 0.0), 60)
        line = f"{self.what} {self._done}/{self.total}  {rate:.1f} {self.unit}/s  ETA {minutes}:{seconds:02d}"
        print(f"{line}  {note}" if note else line, file=self._stream, flush=True)

    def _opened(self):
        from tqdm import tqdm  # here, so that what shows nothing need not wait

        return tqdm(
            desc=self.what,
            total=self.total,
            initial=self._begun,
            unit="B" if self.unit == "B" else f" {self.unit}",
            unit_scale=self.unit == "B",
            unit_divisor=1024,
            file=self._stream,
            dynamic_ncols=True,
        )
