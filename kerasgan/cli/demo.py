"""The whole job once, with the commands a user would type: train, export, serve, query over gRPC and REST.

python -m kerasgan.cli.demo [RECIPE] [--out FOLDER]
"""

import argparse
import contextlib
import pathlib
import re
import signal
import subprocess
import sys
import time

MODEL = "garments"


def kerasgan(*arguments):
    """Run a `kerasgan` command, shown as typed; ends the demo if it fails."""
    _show(arguments)
    subprocess.run([sys.executable, "-m", "kerasgan", *map(str, arguments)], check=True)


@contextlib.contextmanager
def served(*arguments):
    """Run `kerasgan serve` while the block runs; yields what it printed once it answers."""
    _show(arguments)
    command = [sys.executable, "-m", "kerasgan", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            if not line:
                raise SystemExit(process.wait() or 1)
            print(line, end="", flush=True)
            yield line
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def main(recipe, out):
    """Run the demo; everything it makes lies under the folder `out`."""
    began = time.perf_counter()
    kerasgan("train", recipe, "--out", out / "runs")
    run = sorted((out / "runs").iterdir())[-1]
    version = out / "models" / MODEL / str(int(run.name[:5]) + 1)
    kerasgan("export", run, version)
    pictures = out / "served"
    with served("serve", out / "models", "--port", 0, "--rest-port", 0) as line:
        grpc, rest = re.search(r"gRPC (\S+)  REST (\S+)", line).groups()
        asked = ("-n", 10, "--seed", 7, "--labels", "0,1,2,3,4,5,6,7,8,9", "--truncation", 1.5)
        kerasgan("query", MODEL, "--server", grpc, *asked, "--out", pictures / "grpc.png")
        kerasgan("query", MODEL, "--server", rest, *asked, "--out", pictures / "rest.png")
    print(f"\nserver stopped; the demo took {(time.perf_counter() - began) / 60:.1f} minutes. Results:")
    pretrained = out / "pretrained.png"  # made by `make demo`
    results = {
        **({"images of the preset": pretrained} if pretrained.exists() else {}),
        "sample grids while training": run / "samples",
        "the last grid": sorted((run / "samples").iterdir())[-1],
        "losses": run / "losses.png",
        "metrics (JSON lines)": run / "metrics.jsonl",
        "TensorBoard log": run / "tensorboard",
        "checkpoints": run / "checkpoints",
        "SavedModel": version,
        "images served over gRPC": pictures / "grpc.png",
        "images served over REST": pictures / "rest.png",
    }
    for what, where in results.items():
        print(f"  {what + ':':<30}{where}")


def _show(arguments):
    print(f"\n$ kerasgan {' '.join(map(str, arguments))}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", nargs="?", type=pathlib.Path, default=pathlib.Path("zoo/recipes/demo.yaml"))
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("demo"))
    given = parser.parse_args()
    try:
        main(given.recipe, given.out)
    except subprocess.CalledProcessError as failed:
        sys.exit(failed.returncode)
