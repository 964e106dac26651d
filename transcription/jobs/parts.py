"""What the service and its workers both are built from, by the settings."""
from __future__ import annotations

from dataclasses import dataclass

from s3_utils import FolderStore, S3Store, Store
from transcription.jobs.record import JobStore, Queue
from transcription.jobs.sqlite import SqliteJobs, SqliteQueue
from transcription.settings import Settings


@dataclass(frozen=True)
class Parts:
    """Job records, the queue of them, and the store of audio and results."""

    settings: Settings
    jobs: JobStore
    queue: Queue
    store: Store


def build(settings: Settings) -> Parts:
    jobs = SqliteJobs(settings.data_dir / "jobs.sqlite3")
    return Parts(settings, jobs, SqliteQueue(jobs, settings.lease_s), _store(settings))


def _store(settings: Settings) -> Store:
    if not settings.s3_bucket or settings.s3_access_key_id is None or settings.s3_secret_access_key is None:
        return FolderStore(settings.data_dir)
    return S3Store(settings.s3_bucket, endpoint_url=settings.s3_endpoint_url, region=settings.s3_region,
                   access_key_id=settings.s3_access_key_id.get_secret_value(),
                   secret_access_key=settings.s3_secret_access_key.get_secret_value())
