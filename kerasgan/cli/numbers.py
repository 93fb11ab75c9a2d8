"""Numbers of an option, with commas between them."""

from kerasgan.utils.messages import quoted


def of_text(option, text):
    """Return the numbers of an option's text, floats; none of `None` or an empty one.

    Raises:
        ValueError: naming the option.
    """
    try:
        return [float(piece) for piece in text.split(",")] if text else []
    except ValueError:
        raise ValueError(f"{option}: expected numbers with commas, such as 1,0.5,0.2; got {quoted(text)}") from None
