"""The file systems of buckets, s3:// and gs://, of packages that are imported when they are asked for."""

import urllib.parse

PACKAGES = {"gs": "gcsfs", "s3": "s3fs"}  # by the scheme of an address


def of(address):
    """The class of the fsspec file system that an address is of.

    Raises:
        ImportError: naming the package that is missing, and how to get it.
    """
    scheme = urllib.parse.urlsplit(address).scheme
    try:
        import fsspec

        return fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        raise ImportError(f"{address}: needs the package {PACKAGES[scheme]}; pip install 'kerasgan[remote]'") from error
