"""Published weights from elsewhere, read into kerasgan's networks."""

from kerasgan.convert import biggan_pytorch

__all__ = ["biggan_pytorch"]
