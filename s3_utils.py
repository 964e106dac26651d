"""The store of voices, audio, timings and job records: one name for all of `storage/`.

    store = S3Store("bucket", endpoint_url=None, region="us-east-1", access_key_id="...", secret_access_key="...")
    store.put(audio_key("job-1", "wav"), data, "audio/wav")
    url = store.presign(audio_key("job-1", "wav"), 3600, "job-1.wav", "audio/wav")

`S3Store` keeps objects in a bucket of Amazon S3 or a service that speaks its protocol, `GcsStore` in a bucket of Google
Cloud Storage, `FolderStore` in a local folder; all keep the promises of `Store`. Two workers agree on who does a job by
conditional puts. Where a service has none, `check` says so in the store's `warning`, and a weaker way is taken.
"""
from __future__ import annotations

from storage.contract import (
    DEADLINE,
    MAX_EXPIRES_S,
    MIN_EXPIRES_S,
    TALLY,
    Entry,
    Head,
    MissingKey,
    Page,
    StorageError,
    Store,
    Tally,
    TooLarge,
    is_cursor,
)
from storage.disposition import attachment
from storage.folder import FolderStore
from storage.gcs import GcsStore
from storage.keys import (
    LEXICONS,
    audio_key,
    check_job_id,
    check_voice_name,
    font_key,
    is_upload_key,
    lexicon_key,
    line_key,
    lines_key,
    picture_key,
    record_key,
    timing_key,
    version_key,
    versions_prefix,
    voice_index_key,
    voice_key,
    words_key,
)
from storage.leaving import OutOfTime
from storage.retries import Insistent, Leavable, delays, insist
from storage.s3 import S3Store

__all__ = [
    "DEADLINE", "LEXICONS", "MAX_EXPIRES_S", "MIN_EXPIRES_S", "TALLY", "Entry", "FolderStore", "GcsStore", "Head",
    "Insistent", "Leavable", "MissingKey", "OutOfTime", "Page", "S3Store", "StorageError", "Store", "Tally", "TooLarge",
    "attachment", "audio_key", "check_job_id", "check_voice_name", "delays", "font_key", "insist", "is_cursor",
    "is_upload_key", "lexicon_key", "line_key", "lines_key", "picture_key", "record_key", "timing_key", "version_key",
    "versions_prefix", "voice_index_key", "voice_key", "words_key",
]
