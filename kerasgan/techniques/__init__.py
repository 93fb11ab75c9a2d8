"""Plug-ins for any objective, given to it as `techniques=[...]`."""

__all__ = []
