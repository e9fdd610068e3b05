"""`aezoo demo`: everything in one go, on the embedded digits: train, export, verify, view beside the pretrained."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from zoo import pretrained
from zoo.cli import new_app
from zoo.display import has_display

app = new_app("Train, export, verify and view three recipes on the embedded digits.")

RECIPES = ("purdue/dense", "purdue/conv", "purdue/denoise")
EPOCHS = 60  # of 2,000 digits: enough to see what each network makes of them


@app.command()
def main(
    runs: Annotated[Path, typer.Option("--runs", metavar="DIR", help="Where the demo's runs go.")] = Path("runs-demo"),
    screenshot: Annotated[
        Path | None, typer.Option("--screenshot", metavar="FILE", help="Write a picture and open no window.")
    ] = None,
) -> None:
    """Train purdue/dense, conv and denoise briefly on the sample digits, export, verify; view them and the pretrained.

    Without a display the viewer's picture is written to a PNG.
    """
    _verb("train", [*RECIPES, "--data", "sample", "--epochs", str(EPOCHS), "--runs", str(runs), "--overwrite"])
    _verb("verify", [*RECIPES, "--runs", str(runs)])
    if screenshot is None and not has_display():
        screenshot = Path("demo.png")
        print(f"there is no display here: the viewer's picture goes to {screenshot}", file=sys.stderr)
    _verb("view", [str(runs), str(pretrained.FOLDER), *(["--screenshot", str(screenshot)] if screenshot else [])])


def _verb(verb: str, arguments: Sequence[str]) -> None:
    """Run a verb in a process of its own, as a user would; stop where it fails."""
    print(f"$ aezoo {verb} {' '.join(arguments)}", file=sys.stderr, flush=True)
    code = subprocess.run([sys.executable, "-P", "-m", "zoo.cli", verb, *arguments], check=False).returncode
    if code:
        sys.exit(code)
