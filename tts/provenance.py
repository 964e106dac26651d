"""Signed provenance of an audio file: a C2PA manifest that says a trained model made it, and by which program.

Content Credentials (c2pa.org) go into wav, mp3 and m4a; c2pa-rs has no place for them in flac or opus
(its docs/supported-formats.md). The signature needs the operator's own certificate: one made here would prove nothing.
"""
from __future__ import annotations

import io
import json
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from tts import EngineError

SIGNED_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "m4a": "audio/mp4"}
"""File extension -> content type of the files that can carry a manifest."""
SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's term for media made by a trained model."""


class ProvenanceError(EngineError):
    """The certificate or key is unusable, or a file could not be signed."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file says of its origin. `trusted` is false unless the signer is on C2PA's trust list."""

    generator: str
    source_type: str
    signer: str
    state: Literal["Valid", "Invalid", "Trusted"]


class Provenance:
    """Signs files. `certificate_pem` is the chain, leaf first; the key is PKCS 8.

    A tenth of a second of silence is signed at once, so that a worker with an unusable certificate does not start.
    Raises ProvenanceError.
    """

    def __init__(self, certificate_pem: bytes, private_key_pem: bytes, version: str) -> None:
        self._version = version
        try:
            import c2pa

            self._signer: Any = c2pa.Signer.from_info(c2pa.C2paSignerInfo(
                alg=_algorithm(private_key_pem), sign_cert=certificate_pem, private_key=private_key_pem, ta_url=None))
            self._write(SIGNED_TYPES["wav"], io.BytesIO(_silence()), io.BytesIO())
        except ProvenanceError:
            raise
        except Exception as error:  # c2pa raises classes of its own, one for each cause
            raise ProvenanceError(f"the C2PA certificate or key cannot be used: {type(error).__name__}") from error

    def sign(self, path: Path) -> bool:
        """Writes the manifest into the file, whole or not at all. False where the format has no place for one."""
        content_type = SIGNED_TYPES.get(path.suffix.lstrip("."))
        if content_type is None:
            return False
        signed = path.with_name(path.name + ".signed")
        try:
            with path.open("rb") as source, signed.open("w+b") as target:
                self._write(content_type, source, target)
            signed.replace(path)
        except Exception as error:  # as above
            raise ProvenanceError(f"the file could not be signed: {type(error).__name__}") from error
        finally:
            signed.unlink(missing_ok=True)
        return True

    def _write(self, content_type: str, source: BinaryIO, target: BinaryIO) -> None:
        import c2pa

        created = {"action": "c2pa.created", "digitalSourceType": SYNTHETIC}
        manifest = {"claim_generator_info": [{"name": "f5-voice-worker", "version": self._version}],
                    "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}]}
        with c2pa.Builder(manifest) as builder:
            builder.sign(self._signer, content_type, source, target)


def _silence() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 24_000, 0, "NONE", ""))
        writer.writeframes(bytes(4800))
    return file.getvalue()


def _algorithm(private_key_pem: bytes) -> bytes:
    """The signature that C2PA allows for this kind of key (its specification, 13.2)."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(private_key_pem, password=None)
    except (ValueError, TypeError) as error:
        raise ProvenanceError("the C2PA private key is no unencrypted PEM key") from error
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {256: b"es256", 384: b"es384", 521: b"es512"}[key.curve.key_size]
    if isinstance(key, rsa.RSAPrivateKey):
        return b"ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return b"ed25519"
    raise ProvenanceError("C2PA allows ECDSA, RSA and Ed25519 keys")


def manifest_of(path: Path) -> Manifest | None:
    """The file's own manifest, None where it has none or is of another format."""
    content_type = SIGNED_TYPES.get(path.suffix.lstrip("."))
    if content_type is None:
        return None
    import c2pa

    try:
        with path.open("rb") as file, c2pa.Reader(content_type, file) as reader:
            store, state = json.loads(reader.json()), reader.get_validation_state()
    except c2pa.C2paError:
        return None
    active = store["manifests"][store["active_manifest"]]
    actions = [action for assertion in active.get("assertions", ()) if assertion["label"].startswith("c2pa.actions")
               for action in assertion["data"].get("actions", ())]
    generator = (active.get("claim_generator_info") or [{}])[0]
    return Manifest(
        generator=f"{generator.get('name', 'unknown')} {generator.get('version', '')}".strip(),
        source_type=next((str(action["digitalSourceType"]) for action in actions if "digitalSourceType" in action), ""),
        signer=str(active.get("signature_info", {}).get("issuer", "")), state=state)
