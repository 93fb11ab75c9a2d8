"""Reading files of tensors without running what they may hold."""

import pathlib

from kerasgan.utils.messages import shortened


def read(path):
    """Read a state dict from a file.

    Args:
        path: a `.safetensors` file (needs the package safetensors), or one of PyTorch, `.pth`, `.pt` or `.bin` (needs
            PyTorch), of which only tensors are read (`weights_only`).

    Returns:
        dict of names to arrays or CPU tensors.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: if the package that reads it is not installed.
        ValueError: if it is of another kind, damaged, or holds something else than tensors by name.
    """
    path = pathlib.Path(path)
    readers = {".safetensors": _safetensors, ".pth": _torch, ".pt": _torch, ".bin": _torch}
    if path.suffix not in readers:
        raise ValueError(f"{path}: expected a file named {', '.join(readers)}; got {path.suffix or 'no ending'}")
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    try:
        tensors = readers[path.suffix](path)
    except ImportError as error:
        raise ImportError(
            f"{path}: reading it needs the package {error.name}; pip install 'kerasgan[convert]'"
        ) from error
    except Exception as error:  # unpickling, zip files and safetensors each raise their own
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path}: not a readable file of tensors ({shortened(reason)})") from error
    if not isinstance(tensors, dict) or not all(hasattr(tensor, "shape") for tensor in tensors.values()):
        raise ValueError(f"{path}: expected tensors by name, a state dict; it holds something else")
    return tensors


def _safetensors(path):
    from safetensors.numpy import load_file

    return load_file(path)


def _torch(path):
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)
