"""A pyannote pipeline of random weights, a few kilobytes, that loads and runs as the real one does."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.embedding import XVectorSincNet
from pyannote.audio.models.segmentation import PyanNet

DIMENSION, PLDA = 16, 8


def make_diarization(folder: Path) -> None:
    """Writes config.yaml and its models to `folder`."""
    torch.manual_seed(0)
    segmentation = PyanNet(
        sincnet={"stride": 10}, linear={"hidden_size": 8, "num_layers": 1},
        lstm={"hidden_size": 8, "num_layers": 1, "bidirectional": True, "monolithic": True})
    segmentation.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION, resolution=Resolution.FRAME, duration=10.0,
        classes=["speaker#1", "speaker#2", "speaker#3"], powerset_max_classes=2, permutation_invariant=True)
    embedding = XVectorSincNet(dimension=DIMENSION)
    embedding.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=5.0, min_duration=1.0,
        classes=["a", "b"])
    for name, model in (("segmentation", segmentation), ("embedding", embedding)):
        model.build()
        _save(model, folder / name)
    _save_plda(folder / "plda")
    (folder / "config.yaml").write_text(yaml.safe_dump({
        "dependencies": {"pyannote.audio": "4.0.0"},
        "pipeline": {"name": "pyannote.audio.pipelines.SpeakerDiarization", "params": {
            "segmentation": "$model/segmentation", "segmentation_batch_size": 8, "embedding": "$model/embedding",
            "embedding_batch_size": 8, "embedding_exclude_overlap": True, "plda": "$model/plda",
            "clustering": "VBxClustering"}},
        "params": {"segmentation": {"min_duration_off": 0.0},
                   "clustering": {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8}}}))


def _save(model: Any, folder: Path) -> None:
    folder.mkdir(parents=True)
    checkpoint = {"state_dict": model.state_dict(), "hyper_parameters": dict(model.hparams),
                  "pytorch-lightning_version": "2.6.6", "epoch": 0, "global_step": 0, "loops": {}, "callbacks": {},
                  "optimizer_states": [], "lr_schedulers": []}
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, folder / "pytorch_model.bin")


def _save_plda(folder: Path) -> None:
    folder.mkdir()
    chance = np.random.default_rng(0)
    np.savez(folder / "xvec_transform.npz", mean1=np.zeros(DIMENSION), mean2=np.zeros(PLDA),
             lda=chance.normal(size=(DIMENSION, PLDA)))
    np.savez(folder / "plda.npz", mu=np.zeros(PLDA), tr=np.eye(PLDA), psi=np.linspace(2, 0.5, PLDA))
