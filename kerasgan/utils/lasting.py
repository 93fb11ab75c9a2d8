"""Arguments that last: what an object has made of them stays, so that another value would have no effect."""

from typing import Any

from kerasgan.utils.messages import quoted


class Lasting:
    """Refuses, with `ValueError`, to set arguments anew that only the constructor can heed; for a class of Keras."""

    lasting: tuple[str, ...] = ()  # names of such arguments
    lasting_if_none: tuple[str, ...] = ()  # of those that may be set anew, but neither to nor from `None`

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, unless it is an argument that lasts and has another value."""
        if name in vars(self):
            before = vars(self)[name]
            if name in self.lasting and value != before:
                _refuse(self, name, quoted(before), value)
            if name in self.lasting_if_none and (value is None) != (before is None):
                _refuse(self, name, "None" if before is None else "a number", value)
        super().__setattr__(name, value)


def _refuse(one, name, wanted, value):
    raise ValueError(
        f"{name}: expected {wanted}, as this {type(one).__name__} was made with it; got {quoted(value)}: make a new one"
    )
