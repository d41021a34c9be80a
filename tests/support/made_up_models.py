"""Make small models in the formats that the real engines load. Runs in the environment of `make whisperx`.

Run: python-whisperx tests/support/made_up_models.py pyannote|wav2vec2 FOLDER [SEGMENTATION]

Their weights are random (all but the segmentation): what they answer means nothing, how they are loaded, run and read
is what the tests look at.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import torch
import yaml

LETTERS = "|'ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def make_pyannote(folder: Path, segmentation: Path) -> None:
    """A pipeline laid out like speaker-diarization-community-1: the real segmentation-3.0, the rest random."""
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.embedding import WeSpeakerResNet34
    from pyannote.audio.models.segmentation import PyanNet

    segments = PyanNet(
        sincnet={"stride": 10},
        lstm={"hidden_size": 128, "num_layers": 4, "bidirectional": True, "monolithic": True},
        linear={"hidden_size": 128, "num_layers": 2},
    )
    segments.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=10.0,
        classes=["speaker#1", "speaker#2", "speaker#3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    segments.build()
    segments.load_state_dict(torch.load(segmentation, weights_only=True)["state_dict"])
    voices = WeSpeakerResNet34()
    voices.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=10.0
    )
    save(segments, folder / "segmentation")
    save(voices, folder / "embedding")
    rng = np.random.default_rng(0)
    (folder / "plda").mkdir()
    np.savez(
        folder / "plda/xvec_transform.npz",
        mean1=np.zeros(256),
        mean2=np.zeros(128),
        lda=np.linalg.qr(rng.normal(size=(256, 128)))[0],
    )
    np.savez(folder / "plda/plda.npz", mu=np.zeros(128), tr=np.eye(128), psi=np.linspace(10, 1, 128))
    config = {
        "dependencies": {"pyannote.audio": "4.0.0"},
        "pipeline": {
            "name": "pyannote.audio.pipelines.SpeakerDiarization",
            "params": {
                "segmentation": "$model/segmentation",
                "embedding": "$model/embedding",
                "plda": "$model/plda",
                "segmentation_step": 0.5,
                "clustering": "VBxClustering",
                "embedding_exclude_overlap": True,
            },
        },
        "params": {
            "segmentation": {"min_duration_off": 0.0},
            "clustering": {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8},
        },
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def save(model: torch.nn.Module, folder: Path) -> None:
    """A checkpoint as pyannote.audio writes them."""
    import lightning

    folder.mkdir(parents=True)
    checkpoint = {
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
        "pytorch-lightning_version": lightning.__version__,
    }
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, folder / "pytorch_model.bin")


def make_wav2vec2(folder: Path) -> None:
    """An alignment model of the usual class that knows the letters and the apostrophe, no digits."""
    from transformers import (
        Wav2Vec2Config,
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForCTC,
        Wav2Vec2Processor,
    )

    folder.mkdir(parents=True)
    tokens = ["<pad>", "<s>", "</s>", "<unk>", *LETTERS]
    (folder / "letters.json").write_text(json.dumps({token: n for n, token in enumerate(tokens)}))
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "letters.json"))
    extractor = Wav2Vec2FeatureExtractor(feature_size=1, sampling_rate=16_000, return_attention_mask=False)
    config = Wav2Vec2Config(
        vocab_size=len(tokens),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        pad_token_id=0,
    )
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    Wav2Vec2Processor(extractor, tokenizer).save_pretrained(folder)
    (folder / "letters.json").unlink()


if __name__ == "__main__":
    torch.manual_seed(0)
    if sys.argv[1] == "pyannote":
        make_pyannote(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        make_wav2vec2(Path(sys.argv[2]))
