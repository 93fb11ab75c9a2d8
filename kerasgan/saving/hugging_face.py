"""Where the Hugging Face Hub keeps a file of a preset: `hf://user/repo`, `hf://user/repo@revision/folder`."""

import re

from kerasgan.utils.messages import quoted

_ADDRESS = re.compile(r"^hf://([\w.-]+/[\w.-]+)(?:@([\w.-]+))?(?:/([\w./-]+?))?/?$")


def check_repository(name):
    """Raise unless a preset can be uploaded to a repository of that name, as far as this machine knows.

    Raises:
        ValueError: if it is not USER/NAME, or there is no token.
        ImportError: if the package huggingface_hub is not installed.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name) or ".." in name:
        raise ValueError(f"hub: expected USER/NAME; got {quoted(name)}")
    address(f"hf://{name}", "")
    from huggingface_hub import get_token

    if get_token() is None:
        raise ValueError(f"hub: expected a token to write to {name}; there is none: `hf auth login`, or set $HF_TOKEN")


def address(base, name):
    """Return (URL, headers) of a file; the headers hold the user's token, where there is one.

    Args:
        base: address of the preset's folder.
        name: the file's name.

    Raises:
        ValueError: if the address is none of the Hub.
        ImportError: if the package huggingface_hub is not installed.
    """
    match = _ADDRESS.match(base)
    if not match or ".." in base:
        raise ValueError(
            f"address: expected hf://user/repo, hf://user/repo@revision or with a folder; got {quoted(base)}"
        )
    try:
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import build_hf_headers
    except ImportError as error:
        raise ImportError(f"{base}: needs the package huggingface_hub; pip install 'kerasgan[remote]'") from error
    repository, revision, folder = match.groups()
    return hf_hub_url(repository, name, subfolder=folder, revision=revision), build_hf_headers(library_name="kerasgan")
