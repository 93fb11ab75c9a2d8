"""Published weights from elsewhere, read into kerasgan's networks."""

from kerasgan.zoo.convert import biggan_pytorch, pytorch_pretrained_biggan, r3gan

__all__ = ["biggan_pytorch", "pytorch_pretrained_biggan", "r3gan"]
