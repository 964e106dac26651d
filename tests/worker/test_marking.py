"""What a job says of its marks, and the endpoint that looks for them."""
from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from intake.audio import UnsupportedAudio
from tests.doubles.host import start_host
from tests.tts.test_marking import RATE_HZ, chain, speech  # noqa: F401 - a fixture
from tts.encode import FORMATS, encode, write
from tts.provenance import SYNTHETIC, Provenance, ProvenanceError
from tts.watermark import Watermark
from worker import marking
from worker.jobs import Job
from worker.marking import Marking, marks_of, of
from worker.requests import Verify, parse
from worker.settings import Settings


@pytest.mark.parametrize("extension", ["wav", "mp3", "m4a"])
def test_both_layers_are_made_named_and_found_again(chain: tuple[bytes, bytes], tmp_path: Path,  # noqa: F811
                                                    extension: str) -> None:
    marking = Marking(Watermark(), Provenance(*chain, version="1"))
    path = tmp_path / f"speech.{extension}"
    write(lambda: [marking.waveform(speech(), RATE_HZ)], RATE_HZ, FORMATS[extension], path)
    assert marking.file(path) == (["watermark", "c2pa"], [])
    found = marks_of(path.read_bytes(), lambda: None)
    assert found["marked"] == ["watermark", "c2pa"] and found["warnings"] == []
    assert found["c2pa"]["source_type"] == SYNTHETIC and found["watermark"] > 0.9


def test_a_format_that_cannot_be_signed_is_not_said_to_be(chain: tuple[bytes, bytes], tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / "speech.flac"
    soundfile.write(path, speech(), RATE_HZ)
    marks, warnings = Marking(None, Provenance(*chain, version="1")).file(path)
    assert marks == [] and warnings[0].startswith("marking: flac has no place for the signed manifest")
    assert marks_of(path.read_bytes(), lambda: None)["marked"] == []


def test_settings_decide_which_layers_are_on(chain: tuple[bytes, bytes]) -> None:  # noqa: F811
    certificate, key = (part.decode() for part in chain)
    signed = of(Settings(c2pa_certificate=certificate, c2pa_private_key=key), "cpu")
    assert signed.provenance is not None and signed.watermark is None
    off = Settings(marking=frozenset({"off"}), c2pa_certificate=certificate, c2pa_private_key=key)
    assert of(off, "cpu") == Marking() == of(Settings(), "cpu")
    assert of(Settings(marking=frozenset({"watermark"})), "cpu").watermark is not None


def test_an_unusable_certificate_stops_the_start() -> None:
    with pytest.raises(ProvenanceError):
        of(Settings(c2pa_certificate="none", c2pa_private_key="none"), "cpu")


def test_what_is_no_audio_is_refused() -> None:
    with pytest.raises(UnsupportedAudio):
        marks_of(b"not audio", lambda: None)


def test_a_worker_that_marks_its_own_speech_loads_no_second_network(
        settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Marking(Watermark())
    marked = own.waveform(speech(), RATE_HZ)
    monkeypatch.setattr(marking, "_loaded", lambda: pytest.fail("loaded again"))
    with start_host({"/a.wav": encode(marked, RATE_HZ, FORMATS["wav"]).data}) as host:
        request = parse(Verify, {"audio_url": f"{host.url}/a.wav"})
        found = marking.verify(request, settings, own, Job("a", 60.0, lambda stage, share: None))
    assert found["marked"] == ["watermark"]
