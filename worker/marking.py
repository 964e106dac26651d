"""How this worker marks speech as made by a machine, and what marks a recording carries."""
from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intake import audio, net
from tts import Samples
from tts.provenance import SIGNED_TYPES, Provenance, manifest_of
from tts.watermark import MIN_SCORE, Watermark, WatermarkError
from worker import VERSION
from worker.requests import Verify
from worker.settings import Settings
from worker.watch import watched

if TYPE_CHECKING:
    from worker.jobs import Job

MAX_AUDIO_BYTES = 100_000_000
MAX_AUDIO_S = 3600.0
_FETCH_S = 120.0
_LOOK_HZ = 24_000
"""What a recording is read at to look for marks: they lie below 2 kHz, and an hour is within the decoder's limit."""


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


def verify(request: Verify, settings: Settings, own: Marking, job: Job) -> dict[str, Any]:
    """Endpoint `verify`: which marks a recording carries. The network that looks for them may have to be loaded first,
    which takes a cold machine most of a minute; where this worker marks its own speech, that one looks.
    """
    with job.stage("fetch", 0.0):
        data = net.fetch(request.audio_url, max_bytes=MAX_AUDIO_BYTES, deadline_s=_FETCH_S,
                         allow_hosts=settings.url_allow_hosts, check=job.check)
    with job.stage("load", 0.2):
        watermark = own.watermark or watched(lambda _: _detector(), job.check)
    with job.stage("look", 0.5):
        return {"status": "completed", **watched(lambda stop: marks_of(data, stop, watermark), job.check)}


def marks_of(data: bytes, check: Callable[[], None], watermark: Watermark | None = None) -> dict[str, Any]:
    """`c2pa`: the manifest or None. `watermark`: its score, None where it could not be looked for, as `warnings` say.

    Raises UnsupportedAudio, TooLarge.
    """
    recording = audio.decode(data, max_duration_s=MAX_AUDIO_S, to_hz=_LOOK_HZ, check=check)
    warnings, score = list(recording.warnings), None
    if (detector := watermark or _detector()) is not None:
        score = round(detector.score(recording.samples, recording.rate_hz, check), 3)
    else:
        warnings.append("watermark: not looked for, resemble-perth is not in this environment")
    try:
        manifest = _manifest(data)
    except ImportError:
        manifest = None
        warnings.append("c2pa: not looked for, c2pa-python is not in this environment")
    found = [*(["watermark"] if (score or 0.0) >= MIN_SCORE else []), *(["c2pa"] if manifest else [])]
    return {"marked": found, "c2pa": manifest, "watermark": score, "warnings": warnings}


_loading = threading.Lock()


def _detector() -> Watermark | None:
    """Loaded at the first look, by one at a time, then kept. A look that was left has loaded it for the next."""
    with _loading:
        return _loaded()


@cache
def _loaded() -> Watermark | None:
    try:
        return Watermark()
    except WatermarkError:
        return None


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
