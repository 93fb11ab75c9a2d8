"""`python -m kerasgan`: the same as the command `kerasgan`."""

from kerasgan.cli import main

main()
