"""One training in several processes: `torchrun --nproc-per-node=2 -m train …`, on one machine or several.

Every process holds the whole network and the data, deals the whole batch, and learns from its share of it; torch's
DistributedDataParallel sums the gradients (Li et al. 2020, arXiv:2006.15704). The first process leads: it alone reads
and writes the run's folder, and tells the others what comes next. Weights, order and noise are those of one process,
and so is the loss, within rounding, since a share is weighed by its images. What a variational network or dropout
draws is other than in one process: each draws for its own share.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn
from torch.distributed import DistStoreError, PrefixStore, Store  # type: ignore[attr-defined]
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from train.dependencies import Supplies
from train.engine import devices
from train.engine.batches import Batches, seed_network
from train.engine.prepare import Preparation
from train.engine.steps import MOST_TERMS, Learner, Way
from train.options import Options, share_of_cores
from train.state import State, fresh_state, state_from_bytes
from zoo.cli import say
from zoo.data.splits import Splits
from zoo.errors import AezooError, CheckFailed, DeviceError, UsageError
from zoo.objectives import Batch, objective_of
from zoo.recipe import Recipe

_PATIENCE = timedelta(days=2)  # a process that is gone is noticed at once; one that measures may take its time
_ENDED = None  # what is told when a training is over


@dataclass(frozen=True)
class Team:
    """The processes of one training, as one of them sees it: it is number `rank` of `size`."""

    rank: int
    size: int

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def tell(self, told: Any) -> None:
        """Tell the others."""
        distributed.broadcast_object_list([told], device=torch.device("cpu"))

    def hear(self) -> Any:
        """Wait until the first tells."""
        told: list[Any] = [None]
        distributed.broadcast_object_list(told, device=torch.device("cpu"))
        return told[0]

    def share(self, batch: Batch) -> Batch:
        """Return this process's images of a batch; where there are fewer than processes the first image, unweighed."""
        rows = self._rows(len(batch.image))
        return Batch(batch.image[rows], batch.target[rows], batch.label[rows])

    def weight(self, images: int) -> float:
        """Return the share of a batch's mean loss that this process's mean stands for."""
        rows = range(images)[self._rows(images)]
        return 0.0 if self.rank >= images else len(rows) / images

    def _rows(self, images: int) -> slice:
        if self.rank >= images:
            return slice(0, 1)
        first, last = (images * place // self.size for place in (self.rank, self.rank + 1))
        return slice(first, last) if images >= self.size else slice(self.rank, self.rank + 1)


def is_launched() -> bool:
    """Whether torchrun started this process beside others."""
    return distributed.is_torchelastic_launched() and int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextmanager
def joined(device: str) -> Iterator[Team]:
    """Join the processes that torchrun started; a lost one becomes one sentence. Raises DeviceError."""
    cuda = devices.choose(device).type == "cuda"
    if cuda:
        refuse_to_share(torch.cuda.device_count())
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.set_num_threads(share_of_cores(_here()))  # torchrun itself leaves each a single one
    backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
    try:
        store, rank, size = next(rendezvous("env://", timeout=_PATIENCE))
        distributed.init_process_group(
            backend, store=met(store, rank, size), rank=rank, world_size=size, timeout=_PATIENCE
        )
        with _destroyed_after():
            yield Team(distributed.get_rank(), distributed.get_world_size())
    except RuntimeError as error:
        if not (isinstance(error, distributed.DistError) or "gloo" in str(error).lower()):
            raise
        raise TeamLost(
            "another process of this training has gone; every finished epoch is saved, and the same command "
            "with --resume goes on"
        ) from error


def met(store: Store, rank: int, size: int, *, patience: timedelta = timedelta(seconds=1)) -> PrefixStore:
    """Return the part of torchrun's store that belongs to the processes alive now.

    torchrun keeps the store when it replaces processes, so that addresses of dead ones lie in it, which gloo and NCCL
    would wait for (pytorch/pytorch#135712); and its count of restarts differs between machines. So the first process
    names the meeting anew, and every other one is welcomed in person: what lies there from before cannot do that.
    """
    own = uuid.uuid4().hex
    if rank == 0:
        store.set("aezoo/meeting", own)
        for other in range(1, size):
            guest = store.get(f"aezoo/{own}/guest-{other}").decode()
            store.set(f"aezoo/{own}/welcome-{guest}", "")
        return PrefixStore(f"aezoo/{own}", store)
    while True:
        meeting = store.get("aezoo/meeting").decode()
        store.set(f"aezoo/{meeting}/guest-{rank}", own)
        with suppress(DistStoreError):
            store.wait([f"aezoo/{meeting}/welcome-{own}"], patience)
            return PrefixStore(f"aezoo/{meeting}", store)


class TeamLost(CheckFailed):
    """Another process of the training is gone."""


def refuse_to_share(gpus: int) -> None:
    """Raise DeviceError where this machine has fewer GPUs than processes."""
    if _here() > gpus:
        raise DeviceError(
            f"torchrun started {_here()} processes on this machine, which has {gpus} GPU{'s' if gpus != 1 else ''}; "
            f"start one process a GPU: --nproc-per-node={gpus}, or compute with --device cpu"
        )


def _here() -> int:
    return int(os.environ["LOCAL_WORLD_SIZE"])


@contextmanager
def _destroyed_after() -> Iterator[None]:
    """Destroy the group while Python is still whole: at its own end gloo's threads would abort the process.

    A DistributedDataParallel lies in a cycle, or in the frames of an exception, and keeps the group alive.
    """
    try:
        yield
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)
        raise
    finally:
        gc.collect()
        distributed.destroy_process_group()
        gc.collect()


@contextmanager
def one_voice() -> Iterator[None]:
    """Say what is wrong once on each machine, before torchrun's own signal ends this process.

    What all processes meet alike is the first one's to say; what only one of them meets it says itself.
    """
    try:
        yield
    except AezooError as error:
        if not is_launched():
            raise
        if os.environ["LOCAL_RANK"] == "0" or not isinstance(error, UsageError | DeviceError | TeamLost):
            say(str(error))
        sys.exit(error.exit_code)


def launcher() -> tuple[str, ...]:
    """Return the words that start such a command again; none where several machines take part, each with its own."""
    if int(os.environ["WORLD_SIZE"]) > _here():
        return ()
    return ("torchrun", f"--nproc-per-node={_here()}", "-m", "train")


def name_of_command() -> str:
    """Name this command, alike in each process that torchrun starts in place of a lost one, and never again."""
    parent = os.getppid()
    began = ""
    with suppress(OSError):  # elsewhere than on Linux the number of the process must do
        began = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        began += "-" + Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[19]
    return f"torchrun-{os.environ.get('TORCHELASTIC_RUN_ID')}-{parent}-{began}"


def is_restarted() -> bool:
    """Whether torchrun started this process in place of a lost one."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def check(recipe: Recipe, device: torch.device) -> None:
    """Raise UsageError for a network that cannot be learned in shares on this device."""
    normalises = any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in recipe.network().modules())
    if normalises and device.type != "cuda":
        raise UsageError(
            f"{recipe.name} normalises over the batch, of which each process would see its share only, and torch can "
            f"join them on GPUs alone; train it in one process: aezoo train {recipe.name}"
        )


class TeamSteps:
    """Takes the steps of an epoch together: as `EagerSteps` in one process."""

    def __init__(self, learner: Learner, batches: Batches, team: Team) -> None:
        self.learner, self.batches, self._team = learner, batches, team
        device = batches.pixels.device
        self.seen = torch.zeros(batches.steps, MOST_TERMS + 1, device=device)
        weights = [team.weight(images) for images in batches.sizes]
        self._weights = torch.tensor(weights, device=device)[:, None]
        whole = nn.SyncBatchNorm.convert_sync_batchnorm(learner.twin) if device.type == "cuda" else learner.twin
        ids = [device.index or torch.cuda.current_device()] if device.type == "cuda" else None
        self._shared = DistributedDataParallel(whole, device_ids=ids, forward_sync_buffers=False)

    def run(self, seed: int, epoch: int) -> Iterator[int]:
        seed_network(seed, epoch, share=self._team.rank)
        self.learner.train()
        self._shared.train()
        for row, whole in zip(self.seen, self.batches.epoch(seed, epoch), strict=True):
            # DistributedDataParallel takes the mean over the processes; the weight makes it the mean over the images.
            weight = self._team.weight(len(whole.image)) * self._team.size
            self.learner.step(self._team.share(whole), row, forward=self._shared, weight=weight)
            yield 1
        self.seen *= self._weights
        distributed.all_reduce(self.seen)


# ---- the others ----------------------------------------------------------------------------------------------


def begin(team: Team, state: State, way: Way) -> None:
    """Tell the others to begin, or to begin again, from this state."""
    team.tell(("begin", way.as_json(), state.to_bytes()))


@contextmanager
def led(team: Team | None) -> Iterator[None]:
    """Tell the others when a training is over; where it breaks off they notice that this process is gone."""
    yield
    if team is not None:
        team.tell(_ENDED)


def follow(
    recipe: Recipe, splits: Splits, options: Options, supplies: Supplies, team: Team, device: torch.device
) -> None:
    """Learn one's share of what the first process trains, until it says that this is over."""
    prepare = Preparation.of(recipe, supplies.partner, classes=recipe.classes, device=device)
    steps_asked = options.steps_of(recipe, len(splits.train))
    batches = Batches.of(splits.train, prepare, batch_size=recipe.schedule.batch_size, device=device, steps=steps_asked)
    objective, seed = objective_of(recipe, supplies.teacher), options.seed_of(recipe)
    steps: TeamSteps | None = None
    while (told := team.hear()) is not _ENDED:
        what, *words = told
        if what == "begin":
            way, saved = Way.from_json(words[0]), words[1]
            state = fresh_state(recipe, seed, device, supplies)
            state.restore(state_from_bytes(saved))
            way.enter(state.network)
            steps = TeamSteps(Learner(state.network, objective, state.optimiser, way.precision), batches, team)
        else:
            assert steps is not None
            for _ in steps.run(seed, words[0]):
                pass
