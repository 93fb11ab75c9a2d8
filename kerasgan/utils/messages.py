"""What error messages quote: never more of what a user or a stranger gave than a reader can take in."""

_LONGEST = 200  # characters


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
    """Return the type of an error and its message in at most 200 characters."""
    return shortened(f"{type(error).__name__}: {error}")
