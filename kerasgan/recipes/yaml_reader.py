"""Reading a recipe's YAML: safe, with the place of every key, and with values changed by `--set`."""

import copy
import io
import re

import yaml

from kerasgan.utils.messages import quoted, shortened

_DEEPEST = 50  # levels
_FLAG = "--set "
_TEXT, _MAPPING, _NOTHING = (f"tag:yaml.org,2002:{name}" for name in ("str", "map", "null"))


class Unreadable(ValueError):
    """What is no YAML; the message begins with the place."""


class Document:
    """A YAML document whose keys know where they stand.

    Args:
        text: the document.
        where: what places in it are called, such as its path.
        changes: list of "KEY=VALUE": values that take the place of the document's, or are added to it. KEY is a path of
            keys with dots between them, which a key may have too (`critic.dcgan.critic.filters`); VALUE is YAML.

    Raises:
        Unreadable: if it is no YAML, or a change cannot be made.
    """

    def __init__(self, text, where, changes=()):
        self._where = where
        self._root = _composed(text, where)
        for change in changes:
            self._change(change)

    def values(self):
        """Return what the document says: dicts, lists, texts, numbers; `None` of an empty one.

        Raises:
            Unreadable: if a value cannot be read, or a key is there twice.
        """
        if self._root is None:
            return None
        try:
            return _Loader("").construct_document(self._root)
        except yaml.YAMLError as error:
            raise Unreadable(f"{_place(error.problem_mark)}: not YAML: {shortened(error.problem)}") from None

    def place(self, location):
        """Return the place of the key at `location`, a tuple of keys, or of the deepest part of it that is there."""
        node, mark = self._root, self._root.start_mark
        for key in location:
            pair = _pair(node, str(key))
            if pair is None:
                break
            mark, node = pair[0].start_mark, pair[1]
        return _place(mark)

    def _change(self, change):
        flag = f"{_FLAG}{shortened(change)}"
        path, equals, text = change.partition("=")
        if not equals or not all(path.split(".")):
            raise Unreadable(f"{flag}: expected KEY=VALUE, such as {_FLAG}train.steps=100")
        value, node = _composed(text, flag), self._root
        if value is None:
            raise Unreadable(f"{flag}: expected a value after =; null stands for none")
        while True:
            if not isinstance(node, yaml.MappingNode):
                raise Unreadable(f"{flag}: {self._where} has no keys where {path} should be")
            key = _first_key(node, path)
            at, old = yaml.ScalarNode(_TEXT, key, value.start_mark), _pair(node, key)
            if key == path:
                node.value = [pair for pair in node.value if pair is not old] + [(at, value)]
                return
            if old is None or old[1].tag == _NOTHING:  # as for one that is missing
                inner = yaml.MappingNode(_MAPPING, [], value.start_mark)
            else:
                at, inner = old[0], copy.copy(old[1])  # of an anchor, others keep the old one
            node.value = [pair for pair in node.value if pair is not old] + [(at, inner)]
            path, node = path[len(key) + 1 :], inner


def _first_key(node, path):
    """The key with which a path begins: the longest of the mapping's that does, else what is before the first dot."""
    known = [key.value for key, _ in node.value if f"{path}.".startswith(f"{key.value}.")]
    return max(known, key=len, default=path.partition(".")[0])


def _pair(node, key):
    """The nodes of a key in a mapping and of its value; `None` if there is none."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((pair for pair in pairs if pair[0].value == key), None)


class _Named(io.StringIO):
    """A text whose marks say its name."""

    def __init__(self, text, name):
        super().__init__(text)
        self.name = name


def _composed(text, where):
    try:
        return yaml.compose(_Named(text, where), Loader=_Loader)
    except yaml.reader.ReaderError as error:  # has a place instead of a mark
        mark = yaml.Mark(where, 0, text.count("\n", 0, error.position), 0, None, None)
        raise Unreadable(f"{_place(mark)}: not YAML: {error.reason}") from None
    except yaml.YAMLError as error:
        raise Unreadable(f"{_place(error.problem_mark)}: not YAML: {shortened(error.problem)}") from None


def _place(mark):
    return mark.name if mark.name.startswith(_FLAG) else f"{mark.name}:{mark.line + 1}"


class _Loader(yaml.SafeLoader):
    """Safe YAML that reads 1e-4 as a number, as YAML 1.2 does, and refuses a key given twice and endless depth."""

    def __init__(self, stream):
        super().__init__(stream)
        self._open = []  # anchors, or None, of the nodes that are being read

    def compose_node(self, parent, index):
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) and event.anchor in self._open:
            raise yaml.composer.ComposerError(None, None, "an alias inside of what it names", event.start_mark)
        if len(self._open) == _DEEPEST:
            raise yaml.composer.ComposerError(None, None, f"more than {_DEEPEST} levels", event.start_mark)
        self._open.append(event.anchor)
        node = super().compose_node(parent, index)
        self._open.pop()
        return node

    def construct_object(self, node, deep=False):
        try:
            return super().construct_object(node, deep)
        except (ValueError, AttributeError) as error:  # of a date in month 13, or what a tag like !!timestamp is put at
            problem = f"{quoted(node.value)} cannot be read ({shortened(error)})"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        for index, (key, _) in enumerate(node.value):
            if key.value in keys[:index]:
                raise yaml.constructor.ConstructorError(None, None, f"key {quoted(key.value)} twice", key.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+0123456789.")
)
