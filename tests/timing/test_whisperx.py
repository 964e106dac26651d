"""A model of some 24,000 weights that takes tones for letters is trained here in seconds, and loaded by WhisperX."""
from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.doubles import punkt
from tests.timing.recordings import silence
from text.spoken import Token, read
from timing.align import RATE_HZ, Alignment, NoEvidence, Samples, TimingError, align

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("whisperx")

from timing.whisperx import WhisperX, WhisperXTranscriber  # noqa: E402

VOCABULARY = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ABCDEFGH"]
LETTERS = "abcdefgh"
TONES_HZ = np.geomspace(300, 3500, len(LETTERS))
TONE_MS = 120


def sing(word: str) -> Samples:
    """A tone for each letter."""
    t = np.arange(TONE_MS * RATE_HZ // 1000)
    fade = np.minimum(1, np.minimum(t, t[::-1]) / 80)
    return np.concatenate([0.3 * np.sin(2 * np.pi * TONES_HZ[LETTERS.index(letter)] * t / RATE_HZ) * fade
                           for letter in word]).astype(np.float32)


def song(*parts: str | float) -> tuple[Samples, str, list[tuple[int, int]]]:
    """Words, and silences in seconds, one after the other: sound, text, true times in ms."""
    sounds: list[Samples] = []
    times_ms: list[tuple[int, int]] = []
    for part in parts:
        at_ms = sum(map(len, sounds)) * 1000 // RATE_HZ
        if isinstance(part, str):
            times_ms.append((at_ms, at_ms + TONE_MS * len(part)))
        sounds.append(sing(part) if isinstance(part, str) else silence(part))
    return np.concatenate(sounds), " ".join(part for part in parts if isinstance(part, str)), times_ms


def lesson(chance: np.random.Generator) -> tuple[Samples, np.ndarray]:
    """A second and a half of tones and silences, and the label of each frame."""
    samples, labels = chance.normal(0, 0.001, 24_000).astype(np.float32), np.zeros(74, dtype=np.int64)
    middles = np.arange(74) * 320 + 200
    at, letter = int(chance.integers(0, 3000)), -1
    while at < len(samples):
        letter = int((letter + chance.integers(1, len(LETTERS))) % len(LETTERS))
        tone = sing(LETTERS[letter])[: len(samples) - at]
        samples[at : at + len(tone)] += tone
        labels[(middles >= at) & (middles < at + len(tone))] = VOCABULARY.index(LETTERS[letter].upper())
        at += len(tone) + (int(chance.integers(800, 6000)) if chance.random() < 0.3 else 0)
    return samples, labels


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`align/en` holds a model of tones."""
    folder = tmp_path_factory.mktemp("models") / "align" / "en"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    model = transformers.Wav2Vec2ForCTC(transformers.Wav2Vec2Config(
        vocab_size=len(VOCABULARY), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        conv_dim=(24,) * 7, num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, feat_extract_norm="layer",
        pad_token_id=0, mask_time_prob=0.0, layerdrop=0.0, hidden_dropout=0.0, attention_dropout=0.0,
        activation_dropout=0.0, feat_proj_dropout=0.0, final_dropout=0.0))
    optimizer, chance = torch.optim.AdamW(model.parameters(), 3e-3), np.random.default_rng(0)
    for _ in range(130):
        samples, labels = zip(*(lesson(chance) for _ in range(4)), strict=True)
        logits = model(torch.from_numpy(np.stack(samples))).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(np.stack(labels)).flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval().save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({entry: code for code, entry in enumerate(VOCABULARY)}))
    transformers.Wav2Vec2Processor(
        feature_extractor=transformers.Wav2Vec2FeatureExtractor(do_normalize=False),
        tokenizer=transformers.Wav2Vec2CTCTokenizer(str(folder / "vocab.json"), unk_token="<unk>", pad_token="<pad>",
                                                    word_delimiter_token="|"),
    ).save_pretrained(folder)
    return folder.parents[1]


@pytest.fixture(scope="module")
def source(models: Path) -> WhisperX:
    return WhisperX(models)


def timed(source: WhisperX, samples: Samples, text: str) -> Alignment:
    return align(samples, RATE_HZ, read(text, "en"), [], text=text, language="en", method="whisperx",
                 sources={"whisperx": source}, check=lambda: None)


def errors_ms(alignment: Alignment, truth_ms: Sequence[tuple[int, int]]) -> np.ndarray:
    return np.array([(word.start_ms, word.end_ms) for word in alignment.timeline.words]) - np.array(truth_ms)


def test_words_are_where_the_model_hears_their_letters(source: WhisperX) -> None:
    samples, text, truth_ms = song(0.5, "abcd", 0.2, "had", "fed", 1.5, "cab", 0.1, "beef", 0.7)
    alignment = timed(source, samples, text)
    assert np.abs(errors_ms(alignment, truth_ms)).max() <= 25
    assert all(word.score is not None and word.score > 0.7 for word in alignment.timeline.words)
    assert alignment.timeline.method == "whisperx" and alignment.warnings == ()


def test_the_last_word_ends_with_its_sound_not_before(source: WhisperX) -> None:
    samples, text, truth_ms = song(0.3, "had", 0.2, "cab", 1.0)
    assert abs(timed(source, samples, text).timeline.words[-1].end_ms - truth_ms[-1][1]) <= 20


def test_letters_and_signs_that_the_model_does_not_know_move_nothing(source: WhisperX) -> None:
    samples, _, truth_ms = song(0.5, "bad", 0.3, "cafe", 0.5)
    token = Token("caf\u00e9!", 4, 9, "caf\u00e9!", ("caf\u00e9zz",))
    spans = source.align(samples, [read("bad,", "en")[0], token], "en")
    assert spans[0] is not None and spans[1] is not None
    assert abs(spans[0].start_ms - truth_ms[0][0]) <= 20 and abs(spans[1].start_ms - truth_ms[1][0]) <= 20
    assert abs(spans[0].end_ms - truth_ms[0][1]) <= 20


def test_long_audio_is_aligned_in_blocks_without_a_seam(source: WhisperX) -> None:
    words = ["abcd", 0.3, "had", 0.1, "fed", 2.0, "cab", 0.1, "beg", 0.4] * 20
    samples, text, truth_ms = song(*words)
    assert len(samples) > 80 * RATE_HZ
    assert np.abs(errors_ms(timed(source, samples, text), truth_ms)).max() <= 25


def test_a_language_without_a_model_is_not_supported(source: WhisperX, tmp_path: Path) -> None:
    assert source.supports("en") is source.supports("en-GB") is None
    assert "no alignment model for 'de'" in str(source.supports("de"))
    assert WhisperX(tmp_path).supports("en") is not None


def test_a_broken_model_is_a_reason_to_step_down_and_prints_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "align" / "en").mkdir(parents=True)
    (tmp_path / "align" / "en" / "config.json").write_text("{}")
    with pytest.raises(TimingError, match="cannot be loaded"):
        WhisperX(tmp_path).align(silence(1.0), read("bad", "en"), "en")
    assert capsys.readouterr().out == ""


def test_a_text_without_a_letter_of_the_models_is_no_evidence(source: WhisperX) -> None:
    with pytest.raises(NoEvidence, match="alphabet"):
        source.align(silence(1.0), read("xyz", "en"), "en")


def test_audio_too_short_for_its_text_is_no_evidence(source: WhisperX) -> None:
    with pytest.raises(NoEvidence, match="too short"):
        source.align(silence(0.02), read("abcdefgh", "en"), "en")


def test_threads_may_share_one_source(source: WhisperX) -> None:
    samples, text, _ = song(0.5, "abcd", 0.2, "had", 0.5)
    expected = timed(source, samples, text)
    results: list[Alignment] = []
    threads = [threading.Thread(target=lambda: results.append(timed(source, samples, text))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


def test_a_model_is_loaded_once(models: Path) -> None:
    source = WhisperX(models)
    samples, text, _ = song(0.5, "abcd", 0.5)
    first = timed(source, samples, text)
    (models / "align" / "en").rename(models / "align" / "away")
    try:
        assert source.align(samples, read(text, "en"), "en")[0] is not None and first.timeline.words
    finally:
        (models / "align" / "away").rename(models / "align" / "en")


def test_word_times_are_nearer_to_the_truth_than_those_of_whisperxs_own_align(
    models: Path, source: WhisperX, tmp_path: Path
) -> None:
    import whisperx

    punkt.install(tmp_path)
    samples, text, truth_ms = song(0.5, "abcd", 0.2, "had", 0.4, "fed", 0.5)
    model, metadata = whisperx.load_align_model("en", "cpu", model_name=str(models / "align" / "en"))
    segment = {"text": text, "start": 0.0, "end": len(samples) / RATE_HZ}
    words = whisperx.align([segment], model, metadata, samples, "cpu")["word_segments"]
    theirs = np.array([(word["start"] * 1000, word["end"] * 1000) for word in words]) - np.array(truth_ms)
    assert np.abs(errors_ms(timed(source, samples, text), truth_ms)).mean() < np.abs(theirs).mean()


def test_a_transcriber_without_its_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(TimingError, match="no Whisper model"):
        WhisperXTranscriber(tmp_path)
