"""The store of voices, audio, timings and job records: one name for all of `storage/`.

    store = S3Store("bucket", endpoint_url=None, region="us-east-1", access_key_id="...", secret_access_key="...")
    store.put(audio_key("job-1", "wav"), data, "audio/wav")
    url = store.presign(audio_key("job-1", "wav"), 3600, "job-1.wav", "audio/wav")

`S3Store` keeps objects in a bucket of Amazon S3 or a service that speaks its protocol, `FolderStore` in a local folder;
both keep the promises of `Store`. Two workers agree on who does a job by conditional puts. Where a service has none,
`check` says so in the store's `warning`, and a weaker way is taken.
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
)
from storage.folder import FolderStore
from storage.keys import (
    LEXICONS,
    attachment,
    audio_key,
    check_job_id,
    check_voice_name,
    is_upload_key,
    lexicon_key,
    record_key,
    timing_key,
    version_key,
    versions_prefix,
    voice_key,
    words_key,
)
from storage.retries import Insistent, OutOfTime, delays, insist
from storage.s3 import S3Store

__all__ = [
    "DEADLINE", "LEXICONS", "MAX_EXPIRES_S", "MIN_EXPIRES_S", "TALLY", "Entry", "FolderStore", "Head", "Insistent",
    "MissingKey", "OutOfTime", "Page", "S3Store", "StorageError", "Store", "Tally", "TooLarge", "attachment",
    "audio_key", "check_job_id", "check_voice_name", "delays", "insist", "is_upload_key", "lexicon_key", "record_key",
    "timing_key", "version_key", "versions_prefix", "voice_key", "words_key",
]
