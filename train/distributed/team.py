"""One training in several processes: `torchrun --nproc-per-node=2 -m train …`, on one machine or several.

Every process holds the whole network and the data, gathers the whole batch, and learns from its share of it; torch's
DistributedDataParallel sums the gradients (Li et al. 2020, arXiv:2006.15704). The first process leads: it alone reads
and writes the run's folder, and sends the others what comes next. Weights, order and noise are those of one process,
and so is the loss, within rounding, since a share is weighed by its images. What a variational network or dropout
draws is other than in one process: each draws for its own share.
"""

from __future__ import annotations

import gc
import os
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import distributed, nn
from torch.distributed import DistStoreError, PrefixStore, Store  # type: ignore[attr-defined]
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from train.dependencies import Dependencies
from train.distributed.torchrun import TeamLost, processes_here
from train.engine import devices
from train.engine.batches import Batches, seed_network
from train.engine.steps import ComputeConfig, TrainStep
from train.options import Options, share_of_cores
from train.setup import TrainingSetup
from train.state import TrainingState, state_from_bytes
from zoo.data.splits import Splits
from zoo.errors import DeviceError, UsageError
from zoo.objectives import MAX_TERMS, Batch, Terms
from zoo.recipe import Recipe

_PATIENCE = timedelta(days=2)  # a process that is gone is noticed at once; one that measures may take its time
_ENDED = None  # the message that a training is over


@dataclass(frozen=True)
class Team:
    """The processes of one training, as one of them sees it: it is number `rank` of `size`."""

    rank: int
    size: int

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def send(self, message: Any) -> None:
        """Send a message from the first process to the others."""
        distributed.broadcast_object_list([message], device=torch.device("cpu"))

    def receive(self) -> Any:
        """Wait for the first process's message."""
        message: list[Any] = [None]
        distributed.broadcast_object_list(message, device=torch.device("cpu"))
        return message[0]

    def steps(self, state: TrainingState, train_step: TrainStep, batches: Batches, config: ComputeConfig) -> TeamSteps:
        """Return steps that all take together, from this state on; the first process sends it to the others."""
        self.send(("begin", config.as_json(), state.to_bytes()))
        return TeamSteps(train_step, batches, self)

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
        first, last = (images * rank // self.size for rank in (self.rank, self.rank + 1))
        return slice(first, last) if images >= self.size else slice(self.rank, self.rank + 1)


@contextmanager
def joined(device: str) -> Iterator[Team]:
    """Join the processes that torchrun started; a lost one becomes one sentence. Raises DeviceError."""
    cuda = devices.choose(device).type == "cuda"
    if cuda:
        refuse_to_share(torch.cuda.device_count())
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.set_num_threads(share_of_cores(processes_here()))  # torchrun itself leaves each a single one
    backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
    try:
        store, rank, size = next(rendezvous("env://", timeout=_PATIENCE))
        distributed.init_process_group(
            backend, store=store_of_living(store, rank, size), rank=rank, world_size=size, timeout=_PATIENCE
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


def store_of_living(store: Store, rank: int, size: int, *, patience: timedelta = timedelta(seconds=1)) -> PrefixStore:
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


def refuse_to_share(gpus: int) -> None:
    """Raise DeviceError where this machine has fewer GPUs than processes."""
    here = processes_here()
    if here > gpus:
        raise DeviceError(
            f"torchrun started {here} processes on this machine, which has {gpus} GPU{'s' if gpus != 1 else ''}; "
            f"start one process a GPU: --nproc-per-node={gpus}, or compute with --device cpu"
        )


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

    def __init__(self, train_step: TrainStep, batches: Batches, team: Team) -> None:
        self.train_step, self.batches, self._team = train_step, batches, team
        device = batches.pixels.device
        self.step_losses = torch.zeros(batches.step_count, MAX_TERMS + 1, device=device)
        weights = [team.weight(images) for images in batches.sizes]
        self._weights = torch.tensor(weights, device=device)[:, None]
        network: nn.Module = train_step.rewritten
        if device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        ids = [device.index or torch.cuda.current_device()] if device.type == "cuda" else None
        self._shared = DistributedDataParallel(network, device_ids=ids, forward_sync_buffers=False)

    def run(self, seed: int, epoch: int) -> Iterator[int]:
        if self._team.leads:
            self._team.send(("epoch", epoch))
        seed_network(seed, epoch, share=self._team.rank)
        self.train_step.train()
        self._shared.train()
        for row, whole in zip(self.step_losses, self.batches.epoch(seed, epoch), strict=True):
            # DistributedDataParallel takes the mean over the processes; the weight makes it the mean over the images.
            weight = self._team.weight(len(whole.image)) * self._team.size
            self.train_step.step(self._team.share(whole), row, terms_of=self._terms_of, weight=weight)
            yield 1
        self.step_losses *= self._weights
        distributed.all_reduce(self.step_losses)

    def _terms_of(self, batch: Batch) -> Terms:
        return self.train_step.terms_of(batch, self._shared)


@contextmanager
def end_announced(team: Team | None) -> Iterator[None]:
    """Send the others that a training is over; where it breaks off they notice that this process is gone."""
    yield
    if team is not None:
        team.send(_ENDED)


def train_beside(recipe: Recipe, splits: Splits, options: Options, dependencies: Dependencies, team: Team) -> None:
    """Learn one's share of what the first process trains, until it says that this is over."""
    setup = TrainingSetup.of(recipe, splits, options, dependencies)
    steps: TeamSteps | None = None
    while (message := team.receive()) is not _ENDED:
        kind, *values = message
        if kind == "begin":
            config, saved = ComputeConfig.from_json(values[0]), values[1]
            state = setup.fresh_state()
            state.restore(state_from_bytes(saved))
            config.apply_to(state.network)
            steps = TeamSteps(setup.train_step(state, config.precision), setup.batches, team)
        else:
            assert steps is not None
            for _ in steps.run(setup.seed, values[0]):
                pass
