"""`progress.Bar`: lines where nobody looks, one line on a terminal."""

import io
import re

import pytest

from kerasgan.utils import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    return now


def test_lines_come_when_they_are_due_and_once_at_the_end(clock):
    stream = io.StringIO()
    bar = progress.Bar("work", 100, "things", begun=20, seconds=5.0, stream=stream)
    for seconds, done in ((2, 30), (3, 40), (1, 50), (4, 90), (1, 100)):
        clock[0] += seconds
        bar.show(done, "so far" if done < 100 else "")
    bar.finish()
    assert stream.getvalue().splitlines() == [
        "work 40/100  4.0 things/s  ETA 0:15  so far",
        "work 90/100  7.0 things/s  ETA 0:01  so far",
        "work 100/100  7.3 things/s  ETA 0:00",
    ]


def test_a_note_may_follow_from_the_speed_and_is_made_only_when_it_is_said(clock):
    stream, asked = io.StringIO(), []
    bar = progress.Bar("work", 10, seconds=5.0, stream=stream)
    for done in (1, 2, 3):
        clock[0] += 2
        bar.show(done, lambda rate: asked.append(rate) or f"{rate:.2f}")
    assert asked == [0.5] and stream.getvalue() == "work 3/10  0.5 steps/s  ETA 0:14  0.50\n"


@pytest.mark.parametrize(("seconds", "lines"), [(1, 0), (9, 2)])
def test_quick_work_may_say_nothing(clock, seconds, lines):
    stream = io.StringIO()
    bar = progress.Bar("file", 10, "B", stream=stream, quick_is_silent=True)
    clock[0] += seconds
    bar.show(5)
    bar.show(10)
    assert stream.getvalue().count("\n") == lines


def test_a_terminal_has_one_line_that_is_renewed_and_ends(clock):
    stream = Terminal()
    bar = progress.Bar("work", 10, stream=stream)
    for done in range(1, 11):
        clock[0] += 1
        bar.show(done, f"note {done}")
    bar.finish()
    shown = stream.getvalue()
    assert shown.count("\n") == 1 and shown.endswith("\n")
    last = re.split(r"[\r\n]+", shown.strip())[-1]
    assert last.startswith("work: 100%") and "10/10" in last and "note 10" in last


def test_no_speed_yet_is_no_error(clock):
    stream = io.StringIO()
    progress.Bar("work", 0, stream=stream).finish()
    assert stream.getvalue() == "work 0/0  0.0 steps/s  ETA 0:00\n"
