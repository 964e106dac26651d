"""Google's own emulators of Firestore and Pub/Sub, where they are found: `gcloud components install` brings their jars.

One of each serves a whole test run; every test takes a project of its own name.
"""
from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_ROOTS = ("/usr/lib/google-cloud-sdk", "/opt/google-cloud-sdk", "/google-cloud-sdk", "/snap/google-cloud-cli/current",
          "/usr/share/google-cloud-sdk", str(Path.home() / "google-cloud-sdk"))
_START_S = 60.0
ACK_DEADLINE_S = 10
"""The shortest that Pub/Sub allows."""


@dataclass(frozen=True)
class Emulators:
    environ: dict[str, str]
    """What makes Google's libraries talk to them."""

    def project(self, *, max_deliveries: int = 5) -> str:
        """A new project with topic, subscription and dead letters, as deploy/cloudrun/terraform makes them."""
        from google.cloud import pubsub_v1

        name = f"test-{uuid.uuid4().hex[:12]}"
        publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
        topic, dead = (publisher.topic_path(name, each) for each in ("transcription-jobs", "transcription-dead"))
        for each in (topic, dead):
            publisher.create_topic(name=each)
        subscriber.create_subscription(name=subscriber.subscription_path(name, "transcription-dead"), topic=dead,
                                       ack_deadline_seconds=ACK_DEADLINE_S)
        subscriber.create_subscription(request={
            "name": subscriber.subscription_path(name, "transcription-jobs"), "topic": topic,
            "ack_deadline_seconds": ACK_DEADLINE_S,
            "dead_letter_policy": {"dead_letter_topic": dead, "max_delivery_attempts": max_deliveries}})
        return name


def emulators() -> Iterator[Emulators]:
    """The body of a fixture: both run, and this process's own libraries talk to them. Skips where there are none."""
    jars = {"FIRESTORE_EMULATOR_HOST": _jar("cloud-firestore-emulator/cloud-firestore-emulator.jar"),
            "PUBSUB_EMULATOR_HOST": _jar("pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar")}
    java = shutil.which("java")
    missing = [name for name, jar in jars.items() if name not in os.environ and (jar is None or java is None)]
    if missing:
        reason = ("Google's emulators of Firestore and Pub/Sub were not found (gcloud components install "
                  "cloud-firestore-emulator pubsub-emulator; and Java): NOTHING of Google Cloud is tested")
        warnings.warn(reason, stacklevel=1)
        pytest.skip(reason)
    with _running({name: jar for name, jar in jars.items() if jar and name not in os.environ}) as started:
        environ = {**{name: os.environ[name] for name in jars if name in os.environ}, **started}
        before = {name: os.environ.get(name) for name in environ}
        os.environ.update(environ)
        yield Emulators(environ)
        for name, value in before.items():
            if value is None:
                del os.environ[name]


def _jar(pattern: str) -> Path | None:
    gcloud = shutil.which("gcloud")
    roots = [*([Path(gcloud).resolve().parents[1]] if gcloud else []), *map(Path, _ROOTS)]
    return next((jar for root in roots for jar in sorted((root / "platform").glob(pattern))), None)


@contextmanager
def _running(jars: dict[str, Path]) -> Iterator[dict[str, str]]:
    ports = {name: _free_port() for name in jars}
    with tempfile.TemporaryDirectory() as folder:
        processes = [subprocess.Popen(_command(name, jar, ports[name], folder), cwd=folder, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL) for name, jar in jars.items()]
        try:
            for port in ports.values():
                _wait_for(port)
            yield {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        finally:
            for process in processes:
                process.kill()
                process.wait()


def _command(name: str, jar: Path, port: int, folder: str) -> list[str]:
    address = ["--host=127.0.0.1", f"--port={port}"]
    java = ["java", "-Xmx512m", "-Duser.language=en", f"-Djava.io.tmpdir={folder}"]
    if name == "FIRESTORE_EMULATOR_HOST":
        return [*java, "-cp", str(jar), "com.google.cloud.datastore.emulator.firestore.CloudFirestore", *address]
    return [*java, "-jar", str(jar), *address]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    end = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < end, "an emulator did not start"
            time.sleep(0.1)
