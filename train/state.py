"""The state of a run between two epochs: everything that the next epoch depends on, and all that was recorded."""

import inspect
import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from train.dependencies import Dependencies
from train.engine.batches import seed_network
from train.engine.steps import Steps
from zoo import runs
from zoo.blocks import Autoencoder, Classifier, Frozen
from zoo.recipe import Recipe
from zoo.runs import History


@dataclass
class Record:
    """What was measured so far, one entry an epoch unless said otherwise."""

    train_loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    terms: dict[str, list[float]] = field(default_factory=dict)
    step_loss: list[np.ndarray] = field(default_factory=list)  # (steps,) float32 each
    reconstructions: list[np.ndarray] = field(default_factory=list)  # (10, C, H, W) uint8 each

    @property
    def epochs(self) -> int:
        return len(self.train_loss)

    def add(self, steps: Steps, sizes: list[int], val_loss: float, learning_rate: float, seconds: float) -> None:
        """Record an epoch; each step counts by the images of its batch."""
        # One wait for the device: `.item()` would wait at every batch. A copy, since the next epoch writes there.
        losses, *terms = steps.step_losses.T.cpu().numpy().copy()
        self.train_loss.append(float(np.average(losses.astype(np.float64), weights=sizes)))
        self.val_loss.append(val_loss)
        self.learning_rate.append(learning_rate)
        self.seconds.append(seconds)
        for name, values in zip(steps.train_step.terms, terms, strict=False):
            self.terms.setdefault(name, []).append(float(np.average(values.astype(np.float64), weights=sizes)))
        self.step_loss.append(losses)


@dataclass
class TrainingState:
    """Network, optimiser and record after `record.epochs` epochs. Order and noise follow from seed and epoch."""

    network: Autoencoder | Classifier
    optimiser: torch.optim.Optimizer
    record: Record

    def to_bytes(self) -> bytes:
        """Return state.pt."""
        buffer = io.BytesIO()
        record = {
            **vars(self.record),
            "step_loss": [torch.from_numpy(losses) for losses in self.record.step_loss],
            "reconstructions": [torch.from_numpy(images) for images in self.record.reconstructions],
        }
        torch.save(
            {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict(), "record": record}, buffer
        )
        return buffer.getvalue()

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over what `to_bytes` gave."""
        self.network.load_state_dict(saved["network"])
        own = [{k: value for k, value in group.items() if k != "params"} for group in self.optimiser.param_groups]
        self.optimiser.load_state_dict(saved["optimiser"])
        for group, options in zip(self.optimiser.param_groups, own, strict=True):
            group.update(options)  # a rate that lies on the device stays there, whatever the run was begun on
        record = saved["record"]
        record["step_loss"] = [losses.numpy() for losses in record["step_loss"]]
        record["reconstructions"] = [images.numpy() for images in record["reconstructions"]]
        self.record = Record(**record)


def state_from_bytes(data: bytes) -> dict[str, Any]:
    """Return what `TrainingState.to_bytes` wrote: tensors and plain containers, whatever else the bytes might hold."""
    saved: dict[str, Any] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return saved


def fresh_state(recipe: Recipe, seed: int, device: torch.device, dependencies: Dependencies) -> TrainingState:
    """Return the state before the first epoch."""
    seed_network(seed, 0)
    network = recipe.network().to(device)
    if dependencies.parent is not None:
        assert isinstance(network, Autoencoder) and isinstance(network.decoder, Frozen), recipe.name
        network.decoder.module.load_state_dict(dependencies.parent.decoder.state_dict())
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    cuda, rate = device.type == "cuda", recipe.schedule.learning_rate
    # In one kernel; on CUDA with rate and count on the device, so that a graph can hold its step.
    lr = torch.tensor(rate, device=device) if cuda else rate
    return TrainingState(network, LightAdam(learning, lr=lr, fused=True, capturable=cuda), Record())


class LightAdam(torch.optim.Adam):
    """Adam that loads torch's compiler only where it steps.

    WORKAROUND: torch hides these methods from its compiler, and loads it to do so: 1.3 s before the first step.
    """

    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    state_dict = inspect.unwrap(torch.optim.Optimizer.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.Optimizer.load_state_dict)


def to_history(record: Record, meta: dict[str, Any], arrays: dict[str, np.ndarray]) -> History:
    """Return the run's history: the record by the run format's keys, plus `arrays`."""
    return History(
        meta=meta,
        arrays={
            runs.TRAIN_LOSS: np.array(record.train_loss, dtype=np.float64),
            runs.VAL_LOSS: np.array(record.val_loss, dtype=np.float64),
            runs.LEARNING_RATE: np.array(record.learning_rate, dtype=np.float64),
            runs.SECONDS: np.array(record.seconds, dtype=np.float64),
            runs.STEP_LOSS: np.concatenate([np.zeros(0, np.float32), *record.step_loss]),
            **{f"terms/{name}": np.array(values, dtype=np.float64) for name, values in record.terms.items()},
            **({runs.EPOCH_RECONSTRUCTIONS: np.stack(record.reconstructions)} if record.reconstructions else {}),
            **arrays,
        },
    )
