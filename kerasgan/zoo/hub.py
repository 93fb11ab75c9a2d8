"""Uploading a preset to the Hugging Face Hub, from where `kerasgan.from_preset("hf://USER/NAME")` loads it."""

import pathlib

from kerasgan.saving import hugging_face, manifest
from kerasgan.utils.annotations import Path
from kerasgan.utils.messages import shortened
from kerasgan.utils.version import __version__


def push(folder: Path, repository: str, private: bool = False) -> str:
    """Upload the files of a preset in one commit; the repository is made where it is missing.

    The user's token is the one of `hf auth login`, or `$HF_TOKEN`.

    Args:
        folder: the preset's folder.
        repository: USER/NAME on the Hub.
        private: whether a new repository is for its owner alone.

    Returns:
        The address for `kerasgan.from_preset`.

    Raises:
        ValueError: if the repository's name is none of the Hub, or there is no token.
        FileNotFoundError: if the folder is no preset.
        ImportError: if the package huggingface_hub is not installed.
        ConnectionError: if the Hub refuses or cannot be reached.
    """
    folder = pathlib.Path(folder)
    hugging_face.check_repository(repository)
    address = f"hf://{repository}"
    if not (folder / manifest.METADATA).is_file():
        raise FileNotFoundError(f"{folder}: expected a preset, a folder with {manifest.METADATA}")
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi(library_name="kerasgan", library_version=__version__)
    try:
        api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            allow_patterns=list(manifest.NAMES),
            commit_message=f"{folder.name}, by kerasgan {__version__}",
        )
    except (HfHubHTTPError, OSError) as error:
        said = shortened(" ".join(str(error).split()))
        raise ConnectionError(f"{address}: not uploaded: {said}; log in with `hf auth login`") from error
    return address
