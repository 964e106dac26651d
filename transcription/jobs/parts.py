"""What the service and its workers both are built from, by the settings."""
from __future__ import annotations

from dataclasses import dataclass

from s3_utils import FolderStore, GcsStore, S3Store, Store
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
    """Google's libraries are loaded where they are used, which `./run` on one machine does not."""
    if settings.state == "sqlite":
        table = SqliteJobs(settings.data_dir / "jobs.sqlite3")
        return Parts(settings, table, SqliteQueue(table, settings.lease_s), _store(settings))
    from transcription.jobs.firestore import FirestoreJobs
    from transcription.jobs.pubsub import PubSubQueue

    jobs = FirestoreJobs(str(settings.google_cloud_project), settings.firestore_database)
    return Parts(settings, jobs, PubSubQueue(jobs, settings), _store(settings))


def _store(settings: Settings) -> Store:
    if settings.gcs_bucket:
        return GcsStore(settings.gcs_bucket, project=settings.google_cloud_project)
    if not settings.s3_bucket or settings.s3_access_key_id is None or settings.s3_secret_access_key is None:
        return FolderStore(settings.data_dir)
    return S3Store(settings.s3_bucket, endpoint_url=settings.s3_endpoint_url, region=settings.s3_region,
                   access_key_id=settings.s3_access_key_id.get_secret_value(),
                   secret_access_key=settings.s3_secret_access_key.get_secret_value())
