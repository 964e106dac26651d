"""Speech that says that it is made: a watermark in the sound, a signed manifest in the file."""
from __future__ import annotations

import datetime
import subprocess
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
import soxr
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.doubles.processes import peak_mb
from tests.timing.recordings import FIRST, SECOND, say
from tts import Cancelled, Samples
from tts.provenance import SYNTHETIC, Provenance, ProvenanceError, manifest_of
from tts.watermark import MIN_SCORE, Watermark

RATE_HZ = 24_000


@cache
def speech() -> Samples:
    samples = np.concatenate([say(FIRST)[0], say(SECOND)[0]])
    return soxr.resample(samples, 16_000, RATE_HZ).astype(np.float32)


@pytest.fixture(scope="module")
def watermark() -> Watermark:
    return Watermark()


@pytest.fixture(scope="module")
def marked(watermark: Watermark) -> Samples:
    return watermark.mark(speech(), RATE_HZ)


def test_a_mark_is_found_and_its_absence_too(watermark: Watermark, marked: Samples) -> None:
    assert marked.shape == speech().shape and marked.dtype == np.float32
    assert watermark.score(marked, RATE_HZ) > 0.9
    assert watermark.score(speech(), RATE_HZ) < 0.1


def test_the_mark_leaves_what_lies_above_its_band(marked: Samples) -> None:
    added = np.abs(np.fft.rfft(marked - speech())) ** 2
    above = np.fft.rfftfreq(len(speech()), 1 / RATE_HZ) > 2500
    assert added[above].sum() < 1e-4 * added.sum()


def through_ffmpeg(samples: Samples, rate_hz: int, *codec: str, suffix: str, folder: Path) -> tuple[Samples, int]:
    plain, coded = folder / "plain.wav", folder / f"coded.{suffix}"
    soundfile.write(plain, samples, rate_hz)
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", plain, *codec, coded], check=True)
    decoded, rate_hz = soundfile.read(coded, dtype="float32")
    return decoded, rate_hz


@pytest.mark.parametrize(("suffix", "codec"), [
    ("mp3", ("-b:a", "64k")), ("ogg", ("-c:a", "libopus", "-b:a", "32k")), ("wav", ("-ar", "16000")),
    ("wav", ("-af", "loudnorm=I=-16", "-ar", "24000"))])
def test_the_mark_survives_what_happens_to_files(watermark: Watermark, marked: Samples, tmp_path: Path, suffix: str,
                                                 codec: tuple[str, ...]) -> None:
    assert watermark.score(*through_ffmpeg(marked, RATE_HZ, *codec, suffix=suffix, folder=tmp_path)) >= MIN_SCORE
    assert watermark.score(*through_ffmpeg(speech(), RATE_HZ, *codec, suffix=suffix, folder=tmp_path)) < MIN_SCORE


def test_the_mark_is_in_every_second(watermark: Watermark, marked: Samples) -> None:
    cuts = [marked[start:start + RATE_HZ] for start in range(0, len(marked) - RATE_HZ, RATE_HZ)]
    assert all(watermark.score(cut, RATE_HZ) >= MIN_SCORE for cut in cuts)


@pytest.mark.parametrize("samples", [np.zeros(0, np.float32), np.zeros(100, np.float32), np.zeros(48_000, np.float32)])
def test_what_is_too_short_or_silent_stays_as_it_is(watermark: Watermark, samples: Samples) -> None:
    assert watermark.mark(samples, RATE_HZ).shape == samples.shape
    assert watermark.score(samples, RATE_HZ) == 0.0


def test_blocks_leave_no_gap(watermark: Watermark) -> None:
    """Longer than one block: the mark is found on both sides of the seam and across it."""
    long = np.tile(speech(), 5)
    marked = watermark.mark(long, RATE_HZ)
    seam = 30 * RATE_HZ
    assert len(long) > seam + 4 * RATE_HZ
    assert watermark.score(marked[seam - 2 * RATE_HZ:seam + 2 * RATE_HZ], RATE_HZ) >= MIN_SCORE
    assert watermark.score(marked[seam + RATE_HZ:seam + 4 * RATE_HZ], RATE_HZ) >= MIN_SCORE


def peak_growth_mb(work: Callable[[], object]) -> int:
    """By how much the resident memory of this process grew at its highest (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_mb()
    work()
    return peak_mb() - before


def test_looking_for_a_mark_takes_no_memory_by_the_length(watermark: Watermark, marked: Samples) -> None:
    long = np.tile(marked, 16)
    assert len(long) > 120 * RATE_HZ
    assert peak_growth_mb(lambda: watermark.score(long, RATE_HZ)) < 200


def test_a_recording_that_is_marked_in_half_of_its_sound_says_so(watermark: Watermark, marked: Samples) -> None:
    """Silence and noise around the speech are nobody's sound, whatever blocks they fill."""
    quiet = np.random.default_rng(1).normal(0, 1e-4, 35 * RATE_HZ).astype(np.float32)
    assert watermark.score(np.concatenate([quiet, np.tile(marked, 3)]), RATE_HZ) > 0.75
    mixed = np.concatenate([np.tile(speech(), 4), np.tile(marked, 4)])
    assert 0.3 < watermark.score(mixed, RATE_HZ) < 0.7


def test_looking_for_a_mark_ends_at_its_next_look(watermark: Watermark, marked: Samples) -> None:
    looks: list[float] = []

    def check() -> None:
        looks.append(time.monotonic())
        if len(looks) == 2:
            raise Cancelled("the job was cancelled")

    with pytest.raises(Cancelled):
        watermark.score(np.tile(marked, 16), RATE_HZ, check)
    assert looks[1] - looks[0] < 5


def certificate(subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, issuer_key: ec.EllipticCurvePrivateKey,
                is_ca: bool) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                           "encipher_only", "decipher_only"), False)
    builder = (
        x509.CertificateBuilder().subject_name(named(subject)).issuer_name(named(issuer)).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), True)
        .add_extension(x509.KeyUsage(digital_signature=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca, **usage), True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))
    if not is_ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
    return builder.sign(issuer_key, hashes.SHA256())


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name),
                      x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Narrators")])


@pytest.fixture(scope="module")
def chain() -> tuple[bytes, bytes]:
    """Certificate chain and key as an operator would have them."""
    root, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    leaf = certificate("speech", key, "authority", root, is_ca=False)
    authority = certificate("authority", root, "authority", root, is_ca=True)
    pem = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in (leaf, authority))
    return pem, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                  serialization.NoEncryption())


@pytest.fixture
def provenance(chain: tuple[bytes, bytes]) -> Provenance:
    return Provenance(*chain, version="1.2")


@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_a_signed_file_says_what_made_it_and_sounds_the_same(provenance: Provenance, tmp_path: Path,
                                                             suffix: str) -> None:
    path = tmp_path / f"speech.{suffix}"
    soundfile.write(path, speech(), RATE_HZ)
    before, _ = soundfile.read(path)
    assert manifest_of(path) is None
    assert provenance.sign(path)
    found = manifest_of(path)
    assert found is not None
    assert (found.generator, found.source_type, found.signer) == ("f5-voice-worker 1.2", SYNTHETIC, "Narrators")
    assert found.state == "Valid"
    assert np.array_equal(soundfile.read(path)[0], before)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_changed_sound_is_no_longer_valid(provenance: Provenance, tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    soundfile.write(path, speech(), RATE_HZ)
    provenance.sign(path)
    data = bytearray(path.read_bytes())
    data[5000] ^= 0x55
    path.write_bytes(data)
    found = manifest_of(path)
    assert found is not None and found.state == "Invalid"


def test_a_format_without_a_place_is_left_alone(provenance: Provenance, tmp_path: Path) -> None:
    path = tmp_path / "speech.flac"
    soundfile.write(path, speech(), RATE_HZ)
    before = path.read_bytes()
    assert not provenance.sign(path)
    assert path.read_bytes() == before and manifest_of(path) is None


def test_a_file_that_cannot_be_signed_stays_whole(provenance: Provenance, tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(b"RIFF no audio")
    with pytest.raises(ProvenanceError):
        provenance.sign(path)
    assert path.read_bytes() == b"RIFF no audio"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("part", ["certificate", "key", "both"])
def test_an_unusable_certificate_is_noticed_at_start_without_its_content(chain: tuple[bytes, bytes],
                                                                         part: str) -> None:
    pem = b"secret" if part in ("certificate", "both") else chain[0]
    key = b"secret" if part in ("key", "both") else chain[1]
    with pytest.raises(ProvenanceError) as raised:
        Provenance(pem, key, version="1")
    assert "secret" not in str(raised.value)
