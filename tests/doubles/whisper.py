"""A tiny multilingual Whisper, converted as faster-whisper wants it. Whatever is said, it hears the letter a."""
from __future__ import annotations

import shutil
from pathlib import Path

import torch
from ctranslate2.converters import TransformersConverter
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerFast,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)
from transformers.models.whisper.tokenization_whisper import LANGUAGES

END, START = "<|endoftext|>", "<|startoftranscript|>"
SPECIAL = [END, START, *(f"<|{code}|>" for code in LANGUAGES), "<|translate|>", "<|transcribe|>", "<|startoflm|>",
           "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]


def make_whisper(folder: Path) -> None:
    """Writes the model to `folder`."""
    scratch = folder.with_name(f"{folder.name}-transformers")
    tokenizer = _tokenizer()
    _model(tokenizer).save_pretrained(scratch)
    tokenizer.save(str(scratch / "tokenizer.json"))
    PreTrainedTokenizerFast(tokenizer_file=str(scratch / "tokenizer.json"), bos_token=END, eos_token=END, unk_token=END,
                            pad_token=END, additional_special_tokens=SPECIAL[1:]).save_pretrained(scratch)
    WhisperFeatureExtractor(feature_size=80).save_pretrained(scratch)
    TransformersConverter(str(scratch), copy_files=["tokenizer.json", "preprocessor_config.json"]).convert(str(folder))
    shutil.rmtree(scratch)


def _tokenizer() -> Tokenizer:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    # CTranslate2 takes a model for multilingual by the empty string in its vocabulary.
    vocabulary = {letter: index for index, letter in enumerate([*letters, ""])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(each, special=True, normalized=False) for each in SPECIAL])
    tokenizer.add_tokens([AddedToken(f"<|{index * 0.02:.2f}|>", normalized=False) for index in range(1501)])
    return tokenizer


def _model(tokenizer: Tokenizer) -> WhisperForConditionalGeneration:
    code = tokenizer.token_to_id
    config = WhisperConfig(
        vocab_size=tokenizer.get_vocab_size(), num_mel_bins=80, d_model=32, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64,
        max_source_positions=1500, max_target_positions=448, pad_token_id=code(END), bos_token_id=code(END),
        eos_token_id=code(END), decoder_start_token_id=code(START), suppress_tokens=[],
        begin_suppress_tokens=[code(END)])
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(config)
    with torch.no_grad():
        decoder = model.model.decoder
        decoder.layer_norm.bias.fill_(1.0)
        decoder.embed_tokens.weight[code("a")] = 2.0
    model.generation_config = GenerationConfig(
        no_timestamps_token_id=code("<|notimestamps|>"), lang_to_id={f"<|{each}|>": code(f"<|{each}|>")
                                                                     for each in LANGUAGES},
        task_to_id={"transcribe": code("<|transcribe|>"), "translate": code("<|translate|>")}, is_multilingual=True,
        alignment_heads=[[0, 0]], decoder_start_token_id=code(START), eos_token_id=code(END), pad_token_id=code(END),
        suppress_tokens=[], begin_suppress_tokens=[code(END)], max_length=448)
    return model
