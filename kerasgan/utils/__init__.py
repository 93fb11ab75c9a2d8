"""What all floors share: messages, files, checks of arguments, keyed random numbers. It knows nothing of GANs."""
