"""`python -m kerasgan`: the same as the command `kerasgan`."""

from kerasgan.cli.app import main

main()
