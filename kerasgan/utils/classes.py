"""Classes by their names: what may be one, labels given by name, and which classes of two lists are the same.

The client has this file too. It imports nothing heavy, so that commands are quick.
"""

import difflib
import re
import unicodedata

_MOST_CHARACTERS = 160  # of a list of names in a message
_SEPARATORS = re.compile(r"[\s/\\_-]+")  # of words
_NO_TEXT = {"Cc", "Cs", "Zl", "Zp"}  # Unicode's categories of control characters, halves of pairs and line ends


def checked(names, count=None, argument="class_names"):
    """Return names of classes as a tuple.

    Args:
        names: sequence of strings, each of one class, in the order of the labels; or `None` where they are not known.
        count: how many there must be, the number of classes; `None` for any number, 0 where there are no classes.
        argument: what messages call them.

    Raises:
        ValueError: if they are not as many as said, or one is no text of one line, or one is given twice.
    """
    if names is None:
        return None
    names = names.tolist() if hasattr(names, "tolist") else names
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{argument}: expected a list of strings, one a class; got {_cut(repr(names))}")
    names = tuple(map(str, names))
    if count is not None and len(names) != count:
        wanted = f"{count} names, one a class" if count else "None, as the model is unconditional"
        raise ValueError(f"{argument}: expected {wanted}; got {len(names)}: {listed(names)}")
    for name in names:
        if not name.strip() or _NO_TEXT & set(map(unicodedata.category, name)):
            raise ValueError(f"{argument}: expected names that are text of one line; got {_cut(repr(name))}")
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"{argument}: expected each name once, else a name means two classes; twice: {listed(twice)}")
    return names


def known(names, count):
    """Return what a file says of the names of `count` classes, as a tuple; `None` if they are not such names."""
    try:
        return checked(names, count) if isinstance(names, (list, tuple)) else None
    except ValueError:
        return None


def listed(names):
    """Return names for a message: the first of many, and how many there are."""
    text = ""
    for index, name in enumerate(names):
        more = f"{', ' * bool(text)}{_cut(repr(name), 60)}"
        if index and len(text) + len(more) > _MOST_CHARACTERS:
            return f"{text}, ... ({len(names):,} in all)"
        text += more
    return text or "none"


def numbers(labels, names, argument="labels"):
    """Return labels with numbers in place of names.

    Args:
        labels: a number, a name, or a sequence in which both may be; anything else is returned as it is.
        names: the classes' names, or `None` where they are not known.
        argument: what messages call the labels.

    Raises:
        ValueError: if there is no class of a name; it says which there are, and the nearest.
    """
    if isinstance(labels, str):
        return _number(labels, names, argument)
    if has_names(labels):
        return [_number(label, names, argument) if isinstance(label, str) else label for label in labels]
    return labels


def of_text(text, names, argument="--labels"):
    """Return the labels that a command was given: `None`, a number or a name, or a list of both; see `numbers`.

    Args:
        text: numbers and names with commas between them. A name in double quotes may have commas, or be digits that
            are the number of another class.
        names: the classes' names, or `None` where they are not known.
        argument: what messages call it.

    Raises:
        ValueError: if digits without quotes may mean two classes.
    """
    if text is None:
        return None
    pieces = [text] if text in (names or ()) else re.findall(r'\s*("(?:[^"]|"")*"|[^,]*?)\s*,', f"{text},")
    labels = [_label_of_piece(piece, names or (), argument) for piece in pieces]
    return labels[0] if len(labels) == 1 else labels


def has_names(labels):
    """Whether labels, as of `numbers`, have names among them."""
    if isinstance(labels, (list, tuple)) or getattr(getattr(labels, "dtype", None), "kind", None) in ("U", "O"):
        return any(isinstance(label, str) for label in labels)
    return isinstance(labels, str)


def matched(names, count, data_names, where, whose="the model"):
    """Return which of a model's classes those of some data are: by name where names are known, else by number.

    Names may differ in what separates their words, as folders' names must: "T-shirt/top" is "T-shirt_top" there.

    Args:
        names: the model's names, or `None`.
        count: how many classes the model has.
        data_names: those of the data, in the order of their labels; `None` where the data do not say.
        where: names the data in messages.
        whose: names what has `names` in messages, where it is no model.

    Returns:
        (the model's number of each class of the data, or `None` for the same numbers; whether names were compared).

    Raises:
        ValueError: if the data have a class that the model has not, or without names another number of classes.
    """
    if data_names is None:
        return None, False
    own, theirs = _comparable(names or (), data_names)
    if set(theirs) <= set(own):
        numbers = [own.index(name) for name in theirs]
        return None if numbers == list(range(count)) else numbers, True
    by_number = _are_numbers(names) or _are_numbers(data_names)
    if by_number and len(data_names) == count:
        return None, False
    if by_number:
        raise ValueError(
            f"{where}: expected as many classes as {whose} has, {count}, as without names on both sides labels are "
            f"compared by number; it has {len(data_names)}: {listed(data_names)}. Give {whose} its names "
            "(class_names = [...]) and the data theirs, or the data all classes"
        )
    others = [name for name, compared in zip(data_names, theirs) if compared not in own]
    raise ValueError(
        f"{where}: expected classes of {whose}, {listed(names)}; it has others: {listed(others)}. Leave them out, or "
        f"name them as {whose} does"
    )


def _comparable(*lists):
    """Lists of names with one separator of words; as they are where two names would then be one."""
    plain = [[_SEPARATORS.sub(" ", name) for name in names] for names in lists]
    return plain if all(len(set(names)) == len(names) for names in plain) else lists


def difference(names, data_names):
    """Return how the classes of some data differ from those that a model was trained on, in words; "" if not at all.

    Lists of numbers alone, "0", "1", ..., are no names: then only how many there are is compared.

    Args:
        names: the names that the model was trained on, in the order of the labels, or `None` without labels.
        data_names: those of the data now.
    """
    if names is None or data_names is None or len(names) != len(data_names):
        was, now = (len(one or ()) for one in (names, data_names))
        return "" if was == now else f"{now} class{'es' * (now != 1)} instead of {was}" + _lists(names, data_names)
    if tuple(names) == tuple(data_names) or _are_numbers(names) or _are_numbers(data_names):
        return ""
    kind = "the same classes in another order" if set(names) == set(data_names) else "other classes"
    return kind + _lists(names, data_names)


def _lists(names, data_names):
    return f": {listed(data_names or ())} instead of {listed(names or ())}"


def unnamed(count):
    """Return what stands for the names of classes that have none: "0", "1", ..."""
    return tuple(map(str, range(count)))


def _are_numbers(names):
    """Whether classes have no names but numbers."""
    return names is None or tuple(names) == unnamed(len(names))


def _number(name, names, argument):
    """The number of the class of that name."""
    if names is None:
        raise ValueError(f"{argument}: expected numbers, as the names of the classes are not known; got {_cut(name)!r}")
    if name in names:
        return names.index(name)
    folded = {other.casefold(): other for other in reversed(names)}
    near = difflib.get_close_matches(name[:100].casefold(), folded, n=1, cutoff=0.5)
    hint = f"; did you mean {folded[near[0]]!r}?" if near else "."
    raise ValueError(f"{argument}: no class is named {_cut(name)!r}{hint} The classes are {listed(names)}")


def _label_of_piece(piece, names, argument):
    """The number or the name that a piece of a command's text is."""
    if re.fullmatch(r'"(?:[^"]|"")*"', piece):
        return piece[1:-1].replace('""', '"')
    if not re.fullmatch(r"-?\d{1,18}", piece):
        return piece
    number = int(piece)
    if piece not in names or names.index(piece) == number:
        return number
    if number >= len(names):
        return piece
    raise ValueError(
        f"{argument}: {piece} is the number of the class {names[number]!r} and the name of another; put names in "
        f"quotes: '\"{piece}\"'"
    )


def _cut(text, most=80):
    return text if len(text) <= most else f"{text[:most]}..."
