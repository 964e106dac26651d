from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from worker.settings import Settings, SettingsError

CONFIG = (Path(__file__).resolve().parents[2] / "CONFIG.md").read_text(encoding="utf-8")


def shown_default(default: object) -> str:
    if default is None or default is MISSING or default == frozenset():
        return ""
    if isinstance(default, frozenset):
        return f"`{','.join(sorted(default))}`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`"


def test_config_md_has_one_row_for_every_setting_and_no_other() -> None:
    rows = re.findall(r"^\| (`[A-Z0-9_`, ]+) \| (.*?) \| (.+) \|$", CONFIG, re.MULTILINE)
    expected = [
        (", ".join(f"`{name}`" for name in each.metadata["names"]), shown_default(each.default), each.metadata["doc"])
        for each in fields(Settings)
    ]
    assert rows == expected


def test_the_first_name_that_is_set_wins_and_runpods_own_names_work() -> None:
    settings = Settings.from_env({"BUCKET_NAME": "b", "BUCKET_ACCESS_KEY_ID": "k", "BUCKET_SECRET_ACCESS_KEY": "s"})
    assert (settings.s3_bucket, settings.s3_access_key_id, settings.s3_secret_access_key) == ("b", "k", "s")
    assert Settings.from_env({"S3_BUCKET": "a", "BUCKET_NAME": "b", "AWS_ACCESS_KEY_ID": "k",
                              "AWS_SECRET_ACCESS_KEY": "s"}).s3_bucket == "a"


def test_blanks_and_line_ends_around_a_value_are_no_part_of_it() -> None:
    settings = Settings.from_env({"S3_BUCKET": " \n", "BUCKET_NAME": "b ", "AWS_ACCESS_KEY_ID": " k",
                                  "AWS_SECRET_ACCESS_KEY": "s\n", "TTS_ENGINE": "espeak ", "LEASE_S": " 40\n"})
    assert (settings.s3_bucket, settings.s3_access_key_id, settings.s3_secret_access_key) == ("b", "k", "s")
    assert (settings.tts_engine, settings.lease_s) == ("espeak", 40)


@pytest.mark.parametrize(("environ", "named"), [
    ({"JOB_DEADLINE_S": "²"}, "JOB_DEADLINE_S"),
    ({"METRICS_PORT": "99999"}, "METRICS_PORT"),
    ({"TTS_ENGINE": "f6"}, "TTS_ENGINE"),
    ({"TIMING_FALLBACK": "maybe"}, "TIMING_FALLBACK"),
    ({"JOB_DEADLINE_S": "ten"}, "JOB_DEADLINE_S"),
    ({"LEASE_S": "0"}, "LEASE_S"),
    ({"REQUIRE_CONSENT": "perhaps"}, "REQUIRE_CONSENT"),
    ({"RUNPOD_POD_ID": "pod"}, "S3_BUCKET"),
    ({"S3_BUCKET": "b"}, "AWS_ACCESS_KEY_ID"),
    ({"MARKING": "c2pa,loud"}, "MARKING"),
    ({"MARKING": "off,c2pa"}, "MARKING"),
    ({"C2PA_CERTIFICATE": "pem"}, "C2PA_PRIVATE_KEY"),
])
def test_a_setting_that_makes_no_sense_stops_the_start_by_name(environ: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        Settings.from_env(environ)
