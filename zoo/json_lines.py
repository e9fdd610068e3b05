"""Messages between processes, one JSON object a line: {"message": name of a dataclass, …its fields}. Never pickle.

The process that starts another writes requests to its standard input and reads messages from its standard output;
other lines, which a library may print, go to standard error or are passed over.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_origin, get_type_hints

import zoo

Message = TypeVar("Message")


@dataclass(frozen=True)
class ProcessFailed:
    """The process cannot go on, for the reason in this sentence."""

    error: str


def encode(message: Any) -> str:
    """Return a dataclass as one line; a path becomes its text."""
    return json.dumps({"message": type(message).__name__, **asdict(message)}, default=str) + "\n"


def decode(line: str | bytes, *kinds: type[Message]) -> Message:
    """Return the message in a line, as one of these dataclasses. Raises ValueError for anything else."""
    try:
        fields = json.loads(line)
        kind = {each.__name__: each for each in kinds}[fields.pop("message")]
        message: Message = _typed(kind, fields)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"a line that is not one of the messages {[each.__name__ for each in kinds]}") from error
    return message


def _typed(kind: Any, value: Any) -> Any:
    """Return a value of JSON as what a field is declared to be: a dataclass, a path, a tuple, or the value itself."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{name: _typed(hints[name], each) for name, each in value.items()})  # type: ignore[operator]
    if kind is Path:
        return Path(value)
    return tuple(value) if get_origin(kind) is tuple else value


def start(module: str, *arguments: str) -> subprocess.Popen[str]:
    """Start `python -m module` with pipes to and from it, in a session of its own: Ctrl-C does not reach it."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": python_path()},
        start_new_session=True,
    )


def python_path() -> str:
    """Return a PYTHONPATH by which a process finds our packages wherever it is started."""
    paths = [str(Path(zoo.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(filter(None, paths))


def sender() -> Callable[[Any], None]:
    """Return what sends a message to the process that started this one; what else is printed goes to stderr."""
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def send(message: Any) -> None:
        pipe.write(encode(message))
        pipe.flush()

    return send
