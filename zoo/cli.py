"""The command `aezoo VERB`. The module of a verb is imported when the verb is used, and not before."""

import atexit
import contextlib
import difflib
import errno
import gc
import importlib
import io
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import zoo
from zoo.errors import AezooError, UsageError, reason


@dataclass(frozen=True)
class Verb:
    """A verb: the module that holds it, one line of help, and the typer app's name there."""

    module: str
    help: str
    app: str = "app"


VERBS = {
    "list": Verb("zoo.listing", "Show every recipe of the zoo."),
    "data": Verb("zoo.data.verbs", "Show where the data sets lie, fetch them, or look at your own pictures."),
    "train": Verb("train.__main__", "Train recipes; each run is exported and verified at its end."),
    "export": Verb("export.__main__", "Export trained runs to ONNX, verified before they are written.", "export_app"),
    "card": Verb("export.__main__", "Print the card that an ONNX file carries, for people.", "card_app"),
    "verify": Verb("export.__main__", "Check ONNX files: against torch, each other, and their card.", "verify_app"),
    "run": Verb("export.run", "Put pictures of your own through a model."),
    "history": Verb("zoo.history", "Print a run's losses epoch by epoch, as a table, CSV or JSON."),
    "view": Verb("viewer.__main__", "Open the desktop viewer on a folder of runs or an .onnx file."),
    "report": Verb(
        "viewer.report.__main__", "Write a sheet's deliverables as one HTML page, and as a PDF, from its runs."
    ),
    "study": Verb(
        "train.study.__main__", "Keep the numbers of other seeds and of a sheet's experiments for its report."
    ),
    "bench train": Verb(
        "train.bench.__main__", "Compare the training engine with a plain PyTorch loop and with Keras."
    ),
    "bench graphs": Verb("export.bench.__main__", "Compare onnxruntime with torch on trained runs."),
    "bench view": Verb("viewer.bench.__main__", "Measure the viewer: start, slider, paging, memory, stalls."),
    "doctor": Verb("zoo.doctor", "Say what this machine has, what is missing, and the command that mends it."),
    "demo": Verb("zoo.demo", "Train, export, verify and view three recipes on the embedded digits."),
}


def complete_recipes(incomplete: str) -> list[str]:
    """Return the names of recipes and assignments that begin so."""
    registry = importlib.import_module("zoo.registry")  # which the viewer, that imports this module, never loads
    names: tuple[str, ...] = registry.names()
    return [name for name in (*registry.assignments_of(names), *names, "all") if name.startswith(incomplete)]


def complete_runs(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of runs that begin so; where there is none the shell completes a path by itself."""
    from zoo import pretrained
    from zoo.runs import find_runs

    roots = (Path(ctx.params.get("runs") or RUNS_DEFAULT), pretrained.FOLDER)
    names = {run.path.relative_to(root).as_posix() for root in roots for run in find_runs(root)}
    return sorted(name for name in names if name.startswith(incomplete))


_NAMES = "Recipes: names, assignments, globs such as 'purdue/*', or 'all'."
_TARGETS = "Recipes, assignments, folders of runs, or .onnx files."
Names = Annotated[list[str], typer.Argument(help=_NAMES, metavar="NAME…", autocompletion=complete_recipes)]
RunNames = Annotated[list[str], typer.Argument(help=_NAMES, metavar="NAME…", autocompletion=complete_runs)]
Targets = Annotated[list[str], typer.Argument(help=_TARGETS, metavar="NAME|FOLDER|FILE…", autocompletion=complete_runs)]
Data = Annotated[
    str | None,
    typer.Option("--data", envvar="AEZOO_DATA", metavar="DIR|sample", help="Where the data sets lie, or 'sample'."),
]


def _runs_folder(runs: Path) -> Path:
    from zoo import pretrained

    return pretrained.folder_named(runs)


Runs = Annotated[
    Path,
    typer.Option(
        "--runs",
        envvar="AEZOO_RUNS",
        metavar="DIR|pretrained",
        help="Where run folders lie; 'pretrained': those that come with the package.",
        file_okay=False,
        callback=_runs_folder,
    ),
]
Device = Annotated[str, typer.Option("--device", metavar="auto|cpu|cuda", help="Where to compute.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]

TRAINING = ("torch", "onnxscript", "llvmlite", "pooch", "requests")  # packages that only training needs
RUNS_DEFAULT = Path("runs")
STOPPED = 130  # exit code of a program that Ctrl-C ended
CLOSED = 141  # and of one that SIGPIPE ended: whoever read the output, `head` for one, has closed it


def new_app(help_text: str) -> typer.Typer:
    """Return an app for one verb, with the settings that all verbs share."""
    return typer.Typer(help=help_text, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def run(app: typer.Typer, arguments: Sequence[str], *, name: str) -> NoReturn:
    """Run one verb; what a user can mend becomes one sentence on stderr and an exit code, never a traceback."""
    _end(lambda: app(args=list(arguments), prog_name=name, standalone_mode=False), name=name)


def _end(act: Callable[[], object], *, name: str) -> NoReturn:
    """Do something and leave with its exit code, or with one sentence on stderr."""
    if sys.stderr is None:  # closed by the caller, with 2>&-
        sys.stderr = io.StringIO()
    if sys.stdout is None:
        say("standard output is closed, so nothing can be printed; leave it open, or send it to /dev/null")
        sys.exit(2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows ASCII only
    try:
        with naming_what_is_missing(name):
            code = act()
        sys.stdout.flush()
    except AezooError as error:
        say(str(error))
        sys.exit(error.exit_code)
    except typer.TyperException as error:  # a wrong option or argument
        say(f"{error.format_message().rstrip('.')} (`{name} --help` shows what there is)")
        sys.exit(2)
    except SystemExit as ending:
        if isinstance(ending.__context__, BrokenPipeError):
            os._exit(CLOSED)
        raise
    except BrokenPipeError:
        os._exit(CLOSED)
    except KeyboardInterrupt:
        code = STOPPED
    except OSError as error:
        say(f"cannot use {error.filename or 'a file'}: {reason(error)}; check it and try again")
        sys.exit(74 if error.errno == errno.ENOSPC else 2)
    if code == STOPPED:  # what typer makes of a KeyboardInterrupt
        say("stopped")
    sys.exit(code if isinstance(code, int) else 0)


@contextlib.contextmanager
def naming_what_is_missing(name: str) -> Iterator[None]:
    """Raise UsageError, with the line that installs it, where `name` meets that what only training needs is absent."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in TRAINING:
            raise
        sentence = f"{name} needs {error.name}, which is not installed; install it with: pip install 'aezoo[train]'"
        raise UsageError(sentence) from error


def say(sentence: str) -> None:
    """Print one sentence on stderr."""
    print(f"aezoo: {plain(sentence)}", file=sys.stderr, flush=True)


def plain(text: str) -> str:
    """Return text that may come from a file without the characters that control a terminal."""
    return "".join(
        character if character.isprintable() or character == "\n" else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def print_json(value: object) -> None:
    """Print the one JSON document of `--json`."""
    print(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def print_next(verb: str, *arguments: str | Path) -> None:
    """Print the last line of a verb: the command that comes next, to be copied as it is."""
    print(f"next: {shlex.join(['aezoo', verb, *map(str, arguments)])}")


def print_next_view(runs: Path) -> None:
    from zoo import pretrained

    named = pretrained.NAME if runs == pretrained.FOLDER else runs
    print_next("view", *([] if runs == RUNS_DEFAULT else ["--runs", named] if named == pretrained.NAME else [runs]))


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The `aezoo` command."""
    _end(lambda: _dispatch(list(sys.argv[1:] if arguments is None else arguments)), name="aezoo")


def _dispatch(arguments: list[str]) -> int:
    """Run the verb that is named, or return the exit code of what is no verb."""
    first = arguments[0] if arguments else ""
    if "_AEZOO_COMPLETE" in os.environ or first in ("--install-completion", "--show-completion"):
        from zoo import completion

        run(completion.app, arguments, name="aezoo")
    if first in ("", "-h", "--help", "help"):
        print(_help())
        return 0 if arguments else 2
    if first in ("-V", "--version", "version"):
        print(f"aezoo {zoo.__version__}")
        return 0
    two_words = {name.split()[0] for name in VERBS if " " in name}
    name, rest = (" ".join(arguments[:2]), arguments[2:]) if first in two_words else (first, arguments[1:])
    verb = VERBS.get(name)
    if verb is None:
        several = [f"{verb!r}" for verb in VERBS if verb.startswith(f"{name} ")]
        near = several or [f"{verb!r}" for verb in difflib.get_close_matches(name, VERBS, n=1)]
        hint = f"; did you mean {' or '.join(near)}?" if near else "."
        raise UsageError(f"no verb {name!r}{hint} (`aezoo --help` shows all)")
    atexit.register(gc.freeze)  # at its end Python would walk through all of torch once more, for more than a second
    run(load(verb), rest, name=f"aezoo {name}")


def load(verb: Verb) -> typer.Typer:
    """Import a verb's module and return its app."""
    with uncollected():
        app: typer.Typer = getattr(importlib.import_module(verb.module), verb.app)
    return app


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage while modules are imported: it took a fifth of the time, and they stay anyway."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _help() -> str:
    width = max(map(len, VERBS))
    lines = "\n".join(f"  {name:{width}}  {verb.help}" for name, verb in VERBS.items())
    return (
        "usage: aezoo VERB [NAME…] [OPTIONS]\n\n"
        "Autoencoders of university courses: train them, export them to ONNX, verify them, look at them.\n\n"
        f"{lines}\n\n"
        "`aezoo VERB --help` shows a verb's options, `aezoo version` the version.\n"
        "`aezoo --install-completion` makes the Tab key complete verbs, recipes and runs.\n"
        "Begin with `aezoo demo`."
    )


if __name__ == "__main__":
    main()
