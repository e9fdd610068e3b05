"""`--cluster ray`: the same sweep as tasks of Ray Core, on the cluster at RAY_ADDRESS, else on one of this machine.

A task is one training, and may run any number of times: it resumes what it began before its worker died, and returns at
once where it had finished (`train.one`). Ray repeats a task whose worker or node is lost. The run folders must lie
where every node sees them; one sentence names a node that does not.
"""

from __future__ import annotations

import contextlib
import os
import platform
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import torch

import zoo
from train.distributed.jobs import ProgressCall, Remote, outcome_of, ready
from train.interrupts import Interrupt
from train.one import Outcome
from train.options import Options, share_of_cores
from train.progress import Progress
from zoo.data import sets
from zoo.errors import CheckFailed, DeviceError, UsageError
from zoo.recipe import Recipe

if TYPE_CHECKING:
    from ray import ObjectRef

RETRIES = 3  # of a task whose worker was lost
_SECONDS_BETWEEN_LOOKS = 0.2  # at the interrupt
_SECONDS_TO_CONNECT = 5.0  # that a cluster may take
_SECONDS_TO_END = 10.0  # that a cancelled training may take to release its run
_STORE = 100_000_000  # bytes of Ray's memory for objects; only messages go through it
_VERSIONS = f"aezoo {zoo.__version__}, torch {torch.__version__.split('+')[0]}"


@dataclass(frozen=True)
class Resources:
    """What one training is given: cores, each a thread of torch, and a share of GPUs."""

    cpus: int
    gpus: float

    def __str__(self) -> str:
        cores = f"{self.cpus} core{'s' if self.cpus > 1 else ''}"
        return f"{cores} and {self.gpus:g} of a GPU" if self.gpus else cores


def task(name: str, options: Options, given: Resources, marker: str, versions: str, queue: Any) -> Outcome:
    """Train one recipe on a node, after a look whether the node can; `marker` is a file beside the runs."""
    if versions != _VERSIONS:
        return _refused(name, f"has {_VERSIONS}, and this machine {versions}; install the same on both")
    if not Path(marker).is_file():
        return _refused(name, f"does not see {options.runs}; name a --runs DIR that every node shares")
    torch.set_num_threads(given.cpus)
    if 0 < given.gpus < 1 and torch.cuda.is_available():  # Ray counts shares, and does not enforce them
        torch.cuda.set_per_process_memory_fraction(given.gpus)

    def send(call: ProgressCall) -> None:
        with contextlib.suppress(_import().exceptions.RayError):  # a queue that is lost with its node costs lines only
            queue.put((name, call))

    return outcome_of(name, options, Interrupt(), Remote(send))


def _refused(name: str, why: str) -> Outcome:
    return Outcome(name, error=f"{name}: the node {platform.node()} {why}", code=2)


def train_all(
    recipes: Sequence[Recipe], each: Mapping[str, Options], jobs: int | None, interrupt: Interrupt, progress: Progress
) -> Iterator[Outcome]:
    """Train on Ray, at most `jobs` at once, one that needs another after it; yield how each ended, as it ends."""
    ray = _import()
    first = next(iter(each.values()))
    first.runs.mkdir(parents=True, exist_ok=True)
    with _cluster(ray, jobs), NamedTemporaryFile(dir=first.runs.resolve(), prefix=".sweep-") as marker:
        from ray.util.queue import Queue

        given = _resources(ray, jobs, first)
        progress.say(f"Ray: {_count(ray)}; each training has {given}")
        queue: Any = Queue(actor_options={"num_cpus": 0})
        work = ray.remote(num_cpus=given.cpus, num_gpus=given.gpus, max_retries=RETRIES)(task)
        waiting = {recipe.name: recipe for recipe in recipes}
        running: dict[Any, str] = {}
        shown: dict[str, Progress] = {}
        try:
            while waiting or running:
                if interrupt.received is not None:
                    return
                free = len(waiting) if jobs is None else jobs - len(running)
                for name in ready(waiting, list(running.values()))[:free]:
                    del waiting[name]
                    shown[name] = progress.beside()
                    sent = _from_anywhere(each[name], given)
                    reference = work.options(name=name).remote(name, sent, given, marker.name, _VERSIONS, queue)
                    running[reference] = name
                done, _ = ray.wait(list(running), timeout=_SECONDS_BETWEEN_LOOKS)
                _show(ray, queue, shown)
                for reference in done:
                    name = running.pop(reference)
                    shown.pop(name).drop()
                    yield _outcome(ray, reference, name)
        except (ray.exceptions.RaySystemError, ConnectionError) as error:
            raise CheckFailed(
                f"the cluster was lost ({_first_line(error)}); every finished epoch is saved. "
                f"The same command with --resume goes on"
            ) from error
        finally:
            _cancel(ray, list(running))


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _import() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # we send statistics to nobody
    try:
        import ray
    except ImportError as error:
        raise UsageError("--cluster ray needs Ray, which is not installed; pip install 'aezoo[cluster]'") from error
    return ray


@contextlib.contextmanager
def _cluster(ray: Any, jobs: int | None) -> Iterator[None]:
    """Connect to the cluster that RAY_ADDRESS names, or start one on this machine that ends with us."""
    address = os.environ.get("RAY_ADDRESS")
    if address:
        _check_address(address)
    more: dict[str, Any] = {"address": address}
    if not address:
        cores = max(os.cpu_count() or 1, jobs or 1)
        more = {"address": "local", "num_cpus": cores, "include_dashboard": False, "object_store_memory": _STORE}
    try:
        ray.init(log_to_driver=False, logging_level="ERROR", **more)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        line = _first_line(error)
        if not address:
            raise UsageError(f"Ray cannot be started on this machine ({line}); do without --cluster") from error
        hint = "" if os.environ.get("RAY_AUTH_MODE") else ", and set RAY_AUTH_MODE=token if it wants a token"
        raise UsageError(f"RAY_ADDRESS={address} cannot be used ({line}); see `ray status`{hint}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    """Raise UsageError where nothing answers: Ray itself would try for many minutes."""
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        if parts.hostname and parts.port:
            socket.create_connection((parts.hostname, parts.port), timeout=_SECONDS_TO_CONNECT).close()
    except (OSError, ValueError) as error:
        raise UsageError(
            f"RAY_ADDRESS={address}: no Ray cluster answers there ({error}); start one with `ray start --head`, "
            f"or unset RAY_ADDRESS to use this machine alone"
        ) from error


def _resources(ray: Any, jobs: int | None, options: Options) -> Resources:
    """Return what each training is given: a GPU where there is one, else cores only. Raises where that cannot be."""
    there: float = ray.cluster_resources().get("GPU", 0)
    gpus = options.gpus
    if gpus is None:
        gpus = 1.0 if there and options.device != "cpu" else 0.0
    if options.device == "cuda" and options.gpus == 0:
        raise UsageError("--device cuda and --gpus 0 contradict each other; leave one of them out")
    if options.device == "cuda" and not gpus:
        raise DeviceError("--device cuda: the cluster has no GPU; use --device cpu or auto, or start Ray with GPUs")
    if gpus > there:
        raise DeviceError(f"--gpus {gpus:g} of each training: the cluster has {there:g}; ask for no more than that")
    if gpus > 1:
        raise UsageError(f"--gpus {gpus:g}: a training uses one GPU at most; give a number from 0 to 1")
    here = not os.environ.get("RAY_ADDRESS")
    return Resources(share_of_cores(jobs or os.cpu_count() or 1) if here else 1, gpus)


def _count(ray: Any) -> str:
    resources, nodes = ray.cluster_resources(), sum(node["Alive"] for node in ray.nodes())
    counted = f"{nodes} node{'s' if nodes > 1 else ''}, {resources.get('CPU', 0):g} cores"
    return f"{counted}, {resources['GPU']:g} GPUs" if resources.get("GPU") else counted


def _from_anywhere(options: Options, given: Resources) -> Options:
    """Return the options with folders that a process elsewhere finds; without a GPU it computes on the CPU."""
    device = "cpu" if options.device == "auto" and not given.gpus else options.device
    return replace(options, runs=options.runs.resolve(), data=sets.from_anywhere(options.data), device=device)


def _show(ray: Any, queue: Any, shown: Mapping[str, Progress]) -> None:
    with contextlib.suppress(ray.exceptions.RayError):
        for name, call in queue.get_nowait_batch(queue.qsize()):
            if name in shown:
                call.repeat(shown[name])


def _outcome(ray: Any, reference: ObjectRef[Outcome], name: str) -> Outcome:
    """Return the outcome of a task; where Ray gave it up, with the sentence that says so."""
    try:
        outcome: Outcome = ray.get(reference)
    except ray.exceptions.RayTaskError as error:  # of our own code, or of a node without it
        cause = error.cause
        if isinstance(cause, ImportError) or "failed to import" in str(error):
            sentence = f"{name}: a node of the cluster has no aezoo; install the same one there"
            return Outcome(name, error=sentence, code=2)
        kind = type(cause).__name__
        hint = "; give it more with --gpus, or --set a smaller batch_size" if "OutOfMemory" in kind else ""
        return Outcome(name, error=f"{name} failed: {kind}: {_first_line(cause)}{hint}", code=1)
    except ray.exceptions.RaySystemError:
        raise  # the cluster itself
    except ray.exceptions.RayError as error:
        return Outcome(name, error=f"Ray gave {name} up: {_first_line(error)}", code=1)
    return outcome


def _cancel(ray: Any, references: list[Any]) -> None:
    """Stop what runs, every finished epoch of which is saved, and wait until the runs are released."""
    with contextlib.suppress(ray.exceptions.RayError, ConnectionError):  # a cluster that is lost has stopped by itself
        for reference in references:
            ray.cancel(reference, force=False)
        if references:
            ray.wait(references, num_returns=len(references), timeout=_SECONDS_TO_END)
