"""The main job with the real F5-TTS and the real WhisperX code, on tiny models with random weights."""
from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

import runpod_handler
from tests.doubles.f5 import make_f5
from tests.doubles.speech import spoken_wav
from timing.align import TimingError
from tts import EngineError
from worker.settings import Settings

NATURE = "Some call me nature, others call me mother nature."
HUMAN = files("f5_tts").joinpath("infer/examples/basic/basic_ref_en.wav")  # the voice detector knows people
LETTERS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz'"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_f5(folder)
    make_aligner(folder / "align" / "en")
    return folder


def test_a_checkpoint_that_is_not_the_pinned_one_ends_the_start_and_is_fetched_anew_by_the_next(
        tmp_path: Path, settings: Settings) -> None:
    made = make_f5(tmp_path)
    mine = replace(settings, tts_engine="f5", models_dir=tmp_path, f5_architecture=made.architecture, device="cpu")
    digest = hashlib.sha256((made.model_dir / "model.safetensors").read_bytes()).hexdigest()
    (made.model_dir / ".complete").touch()
    (made.model_dir / "SHA256SUMS").write_text(f"{digest}  model.safetensors\n")
    assert runpod_handler.build_parts(mine).engine.revision == digest[:12]
    (made.model_dir / "SHA256SUMS").write_text(f"{'0' * 64}  model.safetensors\n")
    with pytest.raises(EngineError, match=f"sha256 {digest[:12]}.*damaged"):
        runpod_handler.build_parts(mine)
    assert not (made.model_dir / ".complete").exists()


def make_aligner(folder: Path) -> None:
    """A wav2vec2 CTC model as WhisperX loads it from a folder."""
    from transformers import (  # seconds, which only the process of this file needs to spend
        Wav2Vec2Config,
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForCTC,
        Wav2Vec2Processor,
    )

    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({letter: index for index, letter in enumerate(LETTERS)}))
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"), pad_token="<pad>", word_delimiter_token="|")
    extractor = Wav2Vec2FeatureExtractor(feature_size=1, sampling_rate=16000, padding_value=0.0, do_normalize=True)
    torch.manual_seed(0)
    config = Wav2Vec2Config(vocab_size=len(LETTERS), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
                            intermediate_size=64, conv_dim=(16,) * 7, num_conv_pos_embeddings=16,
                            num_conv_pos_embedding_groups=2, pad_token_id=0)
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    Wav2Vec2Processor(extractor, tokenizer).save_pretrained(folder)


@pytest.fixture
def f5_settings(settings: Settings, models: Path) -> Settings:
    return replace(settings, tts_engine="f5", models_dir=models, device="cpu",
                   f5_architecture=str(models / "f5" / "architecture.json"))


@pytest.fixture
def ask(f5_settings: Settings) -> Callable[..., dict[str, Any]]:
    handler = runpod_handler.make_handler(runpod_handler.build_parts(f5_settings))
    count = iter(range(1000))
    return lambda **fields: asyncio.run(handler({"id": f"f5-{next(count)}", "input": fields}))


def opened(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        data: bytes = answer.read()
        return data


def test_a_text_is_spoken_in_a_stored_voice_and_timed_by_whisperx(ask: Callable[..., dict[str, Any]]) -> None:
    clip = base64.b64encode(spoken_wav(NATURE)).decode()
    assert "error" not in ask(endpoint="upload", voice_name="anna", voice_file_base64=clip, reference_text=NATURE)
    text = "Hello there. [pause:0.5s] This costs $3.50, and [voice:anna] that was all."
    output = ask(text=text, local_voice="anna", timing_format="all", nfe_step=4, seed=11)
    assert output.get("error") is None
    assert output["timing_method"] == "whisperx"
    assert output["engine"]["name"] == "f5"
    assert (output["seed"], output["sample_rate"]) == (11, 24_000)
    words = json.loads(opened(output["timing_files"]["json"]))["words"]
    assert [word["word"] for word in words] == ["Hello", "there.", "This", "costs", "$3.50,", "and", "that", "was",
                                                "all."]
    ends = [0.0, *(word["end"] for word in words)]
    assert all(end <= word["start"] < word["end"] for end, word in zip(ends, words, strict=False))
    assert words[2]["start"] - words[1]["end"] >= 0.5
    assert soundfile.info(io.BytesIO(opened(output["audio_url"]))).duration >= words[-1]["end"]
    assert ask(endpoint="health")["engine"]["form"] == "float32, plain"


def test_the_same_seed_gives_the_same_audio_over_several_lines(ask: Callable[..., dict[str, Any]]) -> None:
    text = "This is a sentence that is said. " * 12
    first, again, other = (ask(text=text, nfe_step=4, seed=seed)["sha256"] for seed in (5, 5, 6))
    assert first == again != other


def test_quality_is_fewer_steps_of_the_same_voice(ask: Callable[..., dict[str, Any]]) -> None:
    fast, seven = (ask(text="Hi there.", seed=1, **steps)["sha256"] for steps in ({"quality": "fast"}, {"nfe_step": 7}))
    assert fast == seven


def test_a_character_the_model_does_not_know_is_reported(ask: Callable[..., dict[str, Any]]) -> None:
    assert any("ꙮ" in warning for warning in ask(text="Hello ꙮ world.", nfe_step=4)["warnings"])


def test_a_worker_without_its_f5_model_does_not_start(f5_settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(EngineError):
        runpod_handler.build_parts(replace(f5_settings, models_dir=tmp_path / "none"))


def test_an_upload_without_its_words_is_transcribed_and_warned_of(settings: Settings, tmp_path: Path) -> None:
    from tests.doubles.whisper import make_whisper

    make_whisper(tmp_path / "models" / "whisper")
    handler = runpod_handler.make_handler(runpod_handler.build_parts(settings))
    clip = base64.b64encode(HUMAN.read_bytes()).decode()
    output = asyncio.run(handler({"id": "t", "input": {
        "endpoint": "upload", "voice_name": "heard", "voice_file_base64": clip}}))
    assert output["voice"]["reference_text"].strip(), "whatever a model of random weights makes of it"
    assert any("recognised by machine" in warning for warning in output["voice"]["warnings"])


def test_a_whisper_model_that_is_not_whole_stops_the_start(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "models" / "whisper").mkdir(parents=True)
    with pytest.raises(TimingError, match=r"tokenizer\.json"):
        runpod_handler.build_parts(settings)


def test_lines_of_f5_are_checked_when_asked_for(ask: Callable[..., dict[str, Any]]) -> None:
    fields = {"text": "The harbour was quiet when the first boats came in.", "nfe_step": 4, "seed": 3}
    [line] = ask(**fields, verify="warn")["lines"]
    assert line == {**line, "text": fields["text"], "score": 0.0, "tries": 1}  # its weights are random
