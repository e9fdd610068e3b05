"""`zoo.network`: the torch module computes what the graph computes, and can be trained further."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import zoo
from tests.conftest import Exported, TrainedRuns
from tests.representatives import each_small
from zoo import pretrained, runs
from zoo.blocks import Autoencoder, Classifier
from zoo.errors import FileRefused, RunError, UsageError
from zoo.model import Model
from zoo.runs import RunFolder, find_runs
from zoo.weights import Network

SHIPPED = [run.path.relative_to(pretrained.FOLDER).as_posix() for run in find_runs(pretrained.FOLDER)]
TOLERANCE = 1e-5  # of images; of other outputs times their largest value. Weights stored as float16 are the graph's too


def differences(model: Model, network: Network, images: np.ndarray) -> dict[str, float]:
    """Return how far torch's outputs are off from the graph's, in units of the tolerance."""
    with torch.inference_mode():
        own = network(torch.from_numpy(images))._asdict()
    outputs = model.run(images)
    assert outputs
    scale = {name: max(1.0, float(np.abs(value).max())) for name, value in outputs.items()} | {"reconstruction": 1.0}
    return {
        name: float(np.abs(value - own[name].numpy()).max()) / scale[name] / TOLERANCE
        for name, value in outputs.items()
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_a_pretrained_network_computes_what_its_graph_computes(name: str, pretrained_folder: Path) -> None:
    model = zoo.load(name, runs="pretrained")
    network = zoo.network(name, pretrained=True, runs="pretrained")
    inputs = RunFolder.of(pretrained_folder, name).read_history().arrays[runs.SAMPLE_INPUTS]
    found = differences(model, network, inputs.astype(np.float32) / 255)
    assert max(found.values()) < 1, found
    assert not network.training and all(parameter.requires_grad for parameter in network.parameters())


def test_there_are_pretrained_networks_of_every_assignment() -> None:
    assert {name.split("/")[0] for name in SHIPPED} >= {"freiburg", "letters", "purdue", "hesso", "maastricht"}


@pytest.mark.parametrize("name", ["purdue/conv", "letters/random"])
def test_a_pretrained_network_can_be_trained_further(name: str, pretrained_folder: Path) -> None:
    """letters/random had batch normalisation, which is inside the weights of the layers before."""
    network = zoo.network(name, pretrained=True)
    assert isinstance(network, Autoencoder)
    assert not any(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) for module in network.modules())
    images = torch.rand(16, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    network.train()
    optimiser, losses = torch.optim.Adam(network.parameters(), 1e-4), []
    for _ in range(8):
        loss = nn.functional.mse_loss(network(images).raw, torch.zeros_like(images))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@each_small
def test_a_run_s_weights_are_its_checkpoint_s_and_its_graph_holds_them_too(
    name: str, exported: Exported, tmp_path: Path
) -> None:
    run = exported(name).run
    model, network = zoo.load(run.path), zoo.network(run.path)
    images = np.random.default_rng(0).random((4, *model.image_shape), dtype=np.float32)
    found = differences(model, network, images)
    assert max(found.values()) < 1, found
    bundle = tmp_path / "bundle"
    shutil.copytree(run.path, bundle, ignore=shutil.ignore_patterns("checkpoint", "history.h5"))
    found = differences(model, zoo.network(bundle), images)
    assert max(found.values()) < 1, found


def test_a_fresh_network_follows_its_seed_and_leaves_torch_s_state() -> None:
    before = torch.random.get_rng_state()
    first, second, other = (zoo.network("hesso/classifier", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert isinstance(first, Classifier) and first.training
    weights = [network.state_dict()["head.weight"] for network in (first, second, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_what_has_no_weights_is_one_sentence(trained_runs: TrainedRuns, conv_run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no recipe 'purdue/cnov'; did you mean 'purdue/conv'"):
        zoo.network("purdue/cnov")
    with pytest.raises(RunError, match="no run of purdue/dense in"):
        zoo.network("purdue/dense", pretrained=True, runs=tmp_path)
    with pytest.raises(FileRefused, match="it has no card that names its network"):
        zoo.network(conv_run.graph("encoder"))
    other = conv_run.graph("model").read_bytes().replace(b"network.encoder.0.weight", b"network.encoder.9.weight")
    (tmp_path / "other.onnx").write_bytes(other)
    sentence = r"other.onnx does not hold the weights of purdue/conv \(encoder.0.weight, encoder.9.weight differ\)"
    with pytest.raises(FileRefused, match=sentence):
        zoo.network(tmp_path / "other.onnx")
