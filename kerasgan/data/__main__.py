"""`python -m kerasgan.data NAME`: download and prepare a dataset of TFDS."""

import argparse
import sys

from kerasgan.data.tfds_source import prepare


def main(arguments=None):
    """Prepare the dataset that the command line names; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m kerasgan.data", description=__doc__)
    parser.add_argument("name", help="as for tfds.builder, such as fashion_mnist or emnist/letters")
    parser.add_argument("--data-dir", help="TFDS's folder (~/tensorflow_datasets)")
    options = parser.parse_args(arguments)
    try:
        builder = prepare(options.name, options.data_dir)
    except Exception as error:
        message = str(error).strip().split("\n")[0] or type(error).__name__
        print(f"error: {message}", file=sys.stderr)
        return 1
    counts = ", ".join(f"{split} {info.num_examples}" for split, info in builder.info.splits.items())
    print(f"{builder.info.full_name}: {counts}; in {builder.data_dir}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
