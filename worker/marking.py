"""How this worker marks speech as made by a machine, and what marks a recording carries."""
from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from intake import audio, net
from tts import Samples
from tts.provenance import SIGNED_TYPES, Provenance, manifest_of
from tts.watermark import MIN_SCORE, Watermark, WatermarkError
from worker import VERSION
from worker.requests import Verify
from worker.settings import Settings
from worker.watch import watched

MAX_AUDIO_BYTES = 100_000_000
MAX_AUDIO_S = 3600.0
_FETCH_S = 120.0


@dataclass(frozen=True)
class Marking:
    """The layers that are on; each is absent where the operator has not set it up."""

    watermark: Watermark | None = None
    provenance: Provenance | None = None

    def waveform(self, samples: Samples, rate_hz: int) -> Samples:
        return self.watermark.mark(samples, rate_hz) if self.watermark else samples

    def file(self, path: Path) -> tuple[list[str], list[str]]:
        """Signs the file where that is set up and the format can carry it.

        Returns the marks that it carries now, and a warning where it cannot carry the manifest.
        """
        signed = self.provenance is not None and self.provenance.sign(path)
        bare = self.provenance is not None and not signed
        return [*(["watermark"] if self.watermark else []), *(["c2pa"] if signed else [])], [
            f"marking: {path.suffix[1:]} has no place for the signed manifest; {', '.join(SIGNED_TYPES)} have"] * bare


def of(settings: Settings, device: str) -> Marking:
    """What MARKING asks for. Raises WatermarkError, ProvenanceError: a mark that cannot be made stops the start."""
    watermark = Watermark(device) if "watermark" in settings.marking else None
    certificate, key = settings.c2pa_certificate, settings.c2pa_private_key
    signs = "c2pa" in settings.marking and certificate is not None and key is not None
    return Marking(watermark, Provenance(str(certificate).encode(), str(key).encode(), VERSION) if signs else None)


def verify(request: Verify, settings: Settings, check: Callable[[], None]) -> dict[str, Any]:
    """Endpoint `verify`: which marks a recording carries."""
    data = net.fetch(request.audio_url, max_bytes=MAX_AUDIO_BYTES, deadline_s=_FETCH_S,
                     allow_hosts=settings.url_allow_hosts, check=check)
    return {"status": "completed", **watched(lambda stop: marks_of(data, stop), check)}


def marks_of(data: bytes, check: Callable[[], None]) -> dict[str, Any]:
    """`c2pa`: the manifest or None. `watermark`: its score, None where it could not be looked for, as `warnings` say.

    Raises UnsupportedAudio, TooLarge.
    """
    recording = audio.decode(data, max_duration_s=MAX_AUDIO_S, check=check)
    warnings, score = list(recording.warnings), None
    try:
        score = round(_detector().score(recording.samples, recording.rate_hz), 3)
    except WatermarkError:
        warnings.append("watermark: not looked for, resemble-perth is not in this environment")
    try:
        manifest = _manifest(data)
    except ImportError:
        manifest = None
        warnings.append("c2pa: not looked for, c2pa-python is not in this environment")
    found = [*(["watermark"] if (score or 0.0) >= MIN_SCORE else []), *(["c2pa"] if manifest else [])]
    return {"marked": found, "c2pa": manifest, "watermark": score, "warnings": warnings}


@cache
def _detector() -> Watermark:
    """Loaded at the first look (0.3 s), then kept."""
    return Watermark()


def _manifest(data: bytes) -> dict[str, Any] | None:
    """The first manifest that any of the formats finds: names of files are not to be trusted."""
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        for extension in SIGNED_TYPES:
            path = Path(folder, f"audio.{extension}")
            path.write_bytes(data)
            if found := manifest_of(path):
                return asdict(found)
            path.unlink()
    return None
