"""What error messages quote: never more of what a user or a stranger gave than a reader can take in."""

import contextlib
import difflib

_LONGEST = 200  # characters
_PLACES = ("path", "name", "real")  # what functions call the place of data that they are given


def quoted(value):
    """Return the `repr` of a value in at most 200 characters."""
    return shortened(repr(value))


def shortened(text):
    """Return a text in at most 200 characters, without its middle where it is longer."""
    text = str(text)
    if len(text) <= _LONGEST:
        return text
    half = (_LONGEST - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"


def of(error):
    """Return the type of an error and its message in at most 200 characters, on one line."""
    return shortened(" ".join(f"{type(error).__name__}: {error}".split()))


def renamed(argument, names=_PLACES):
    """Name an argument in errors of the block as the caller was given it: `data`, where they say `path: ...`.

    Args:
        argument: the name that it has for the caller.
        names: those that it has in the errors; by default those of the place of data.
    """
    return all_renamed(dict.fromkeys(names, argument))


@contextlib.contextmanager
def all_renamed(arguments):
    """Name several arguments in errors of the block as the caller was given them.

    Args:
        arguments: dict of names in the errors to those that the caller knows.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        name, _, said = str(error).partition(": ")
        if name not in arguments:
            raise
        raise type(error)(f"{arguments[name]}: {said}") from error


def did_you_mean(name, known):
    """Return "did you mean A or B?" with the names that are near, whatever their case; "" where none is."""
    folded = {other.casefold(): other for other in reversed(list(known))}
    near = difflib.get_close_matches(str(name)[:_LONGEST].casefold(), folded, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(folded[one] for one in near)}?" if near else ""
