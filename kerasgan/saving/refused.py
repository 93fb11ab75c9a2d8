"""What a file is refused for that may be a stranger's."""


class Refused(ValueError):
    """A file that could be read, but names or asks for what it may not."""
