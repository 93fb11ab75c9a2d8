"""Python's garbage collector in a server: seldom, and after a model is let go."""

import gc


def freeze():
    """Leave out of all later collections what is there now.

    With TensorFlow's objects, to look through everything stops all requests for 0.2 s each time.
    """
    gc.collect()
    gc.freeze()


def collect_unloaded():
    """Free what a model that was unloaded has left in cycles, frozen or not; what stays is frozen if it was."""
    is_frozen = gc.get_freeze_count() > 0
    gc.unfreeze()
    gc.collect()
    if is_frozen:
        gc.freeze()
