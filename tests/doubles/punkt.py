"""NLTK's sentence tokenizer, which WhisperX's `align` needs, trained here instead of downloaded."""
from __future__ import annotations

from pathlib import Path


def install(folder: Path, text: str = "One sentence. Another one. Dr. Smith spoke to Mr. Jones. They left.") -> None:
    """Writes `tokenizers/punkt_tab/english` into `folder`, and lets NLTK look there."""
    import nltk
    from nltk.tokenize.punkt import PunktTrainer, save_punkt_params

    english = folder / "tokenizers" / "punkt_tab" / "english"
    english.mkdir(parents=True)
    nltk.data.path.insert(0, str(folder))  # first: NLTK writes nowhere else
    save_punkt_params(PunktTrainer(text).get_params(), dir=str(english))
