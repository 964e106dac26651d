"""What `./run bench fuzz` sends: damaged audio, requests that are nearly right, and URLs that lead inwards.

Every case comes from a `random.Random` of its own, so that its seed and number make it again.
"""
from __future__ import annotations

import base64
import io
import json
import random
import struct
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import soundfile

Chance = random.Random

ENCODINGS: dict[str, tuple[str, ...]] = {
    "wav": ("wav",), "wav24": ("wav", "-c:a", "pcm_s24le"), "wavf": ("wav", "-c:a", "pcm_f32le"),
    "rf64": ("wav", "-rf64", "always"), "adpcm": ("wav", "-c:a", "adpcm_ima_wav"), "aiff": ("aiff",),
    "flac": ("flac",), "mp3": ("mp3",), "mp3raw": ("mp3", "-id3v2_version", "0", "-write_xing", "0"),
    "vorbis": ("ogg",), "opus": ("opus",), "oggflac": ("ogg", "-c:a", "flac"), "m4a": ("m4a",),
    "m4afast": ("m4a", "-movflags", "+faststart"), "alac": ("m4a", "-c:a", "alac"),
    "mp4frag": ("mp4", "-movflags", "frag_keyframe+empty_moov"), "mov": ("mov", "-c:a", "pcm_s16le"),
    "aac": ("aac",), "webm": ("webm",), "mka": ("mka",),
}
LIBSNDFILE = {"sf-alaw": ("WAV", "ALAW"), "sf-ms-adpcm": ("WAV", "MS_ADPCM"), "sf-gsm": ("WAV", "GSM610"),
              "sf-aiff-f32": ("AIFF", "FLOAT"), "sf-aiff-ima": ("AIFF", "IMA_ADPCM"), "sf-wavex": ("WAVEX", "PCM_24")}
FIELDS = (b"fmt ", b"data", b"RIFF", b"ds64", b"fact", b"LIST", b"COMM", b"SSND", b"FORM", b"moov", b"mdat", b"stsz",
          b"stco", b"stsc", b"stts", b"mdhd", b"mp4a", b"esds", b"OpusHead", b"OggS", b"fLaC", b"Xing", b"ID3", b"trak",
          b"moof", b"trun", b"\x01vorbis", b"\x1a\x45\xdf\xa3", b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75")
"""Names in front of the numbers by which decoders measure, allocate and seek."""
EXTREMES = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)


def encoded() -> dict[str, bytes]:
    """Half a second of a chord in noise, in every format that is read, by FFmpeg and by libsndfile."""
    rate_hz = 24_000
    times = np.arange(rate_hz // 2) / rate_hz
    left = 0.2 * np.sin(2 * np.pi * 440 * times) + 0.02 * np.random.default_rng(1).standard_normal(len(times))
    sound = np.stack([left, 0.5 * left], axis=1).astype(np.float32)
    files = {}
    for name, (container, subtype) in LIBSNDFILE.items():
        buffer = io.BytesIO()
        soundfile.write(buffer, sound[:, :1] if subtype == "GSM610" else sound, rate_hz, format=container,
                        subtype=subtype)
        files[name] = buffer.getvalue()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "in.wav")
        soundfile.write(source, sound, rate_hz, subtype="PCM_16")
        for name, (extension, *options) in ENCODINGS.items():
            path = Path(folder, f"{name}.{extension}")
            subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", "-i", source, *options,
                            path], check=True)
            files[name] = path.read_bytes()
    return files


def _truncated(data: bytearray, chance: Chance, others: Sequence[bytes]) -> bytearray:
    return data[:chance.choice((0, 1, chance.randrange(64), chance.randrange(len(data) + 1)))]


def _flipped(data: bytearray, chance: Chance, others: Sequence[bytes]) -> bytearray:
    for _ in range(chance.choice((1, 4, 64))):
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def _header(data: bytearray, chance: Chance, others: Sequence[bytes]) -> bytearray:
    for _ in range(chance.randrange(1, 9)):
        if data:
            data[chance.randrange(min(len(data), 400))] = chance.randrange(256)
    return data


def _field(data: bytearray, chance: Chance, others: Sequence[bytes]) -> bytearray:
    """A size, a count or an offset near a known name becomes an extreme; sizes stand before names in MP4."""
    found = [place for name in FIELDS if (place := data.find(name)) >= 0]
    for _ in range(chance.randrange(1, 4)):
        place = (chance.choice(found) if found else 0) + chance.randrange(-8, 28)
        size = chance.choice((2, 4, 8))
        if 0 <= place <= len(data) - size:
            value = chance.choice(EXTREMES) & (1 << 8 * size) - 1
            data[place:place + size] = value.to_bytes(size, chance.choice(("little", "big")))
    return data


def _spliced(data: bytearray, chance: Chance, others: Sequence[bytes]) -> bytearray:
    other = chance.choice(others)
    return data[:chance.randrange(len(data) + 1)] + other[chance.randrange(len(other)):]


def _repeated(data: bytearray, chance: Chance, others: Sequence[bytes]) -> bytearray:
    start = chance.randrange(len(data) + 1)
    piece = data[start:start + chance.randrange(1, 4000)]
    return data[:start] + piece * chance.randrange(0, 40) + data[start + len(piece):]


def _overwritten(data: bytearray, chance: Chance, others: Sequence[bytes]) -> bytearray:
    start = chance.randrange(len(data) + 1)
    size = min(chance.randrange(1, 4000), len(data) - start)
    data[start:start + size] = chance.choice((bytes(size), b"\xff" * size, chance.randbytes(size)))
    return data


def _tagged(data: bytearray, chance: Chance, others: Sequence[bytes]) -> bytearray:
    size = chance.choice((0, 10, 5000, 0x0FFFFFFF))
    digits = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return bytearray(b"ID3\x04\0\0" + digits + chance.randbytes(min(size, chance.randrange(6000)))) + data


def _claimed(data: bytearray, chance: Chance, others: Sequence[bytes]) -> bytearray:
    """A WAV, 16 bit, whose header says anything of a few bytes."""
    n_channels, rate_hz = chance.choice(EXTREMES) & 0xFFFF, chance.choice((*EXTREMES, 8000, 24_000, 192_000))
    claim, width = chance.choice(EXTREMES), chance.choice((8, 16, 24, 32, 64, 0, 7))
    about = struct.pack("<HHIIHH", chance.choice((1, 2, 3, 6, 7, 17, 49, 0xFFFE)), n_channels, rate_hz,
                        chance.choice(EXTREMES), chance.choice(EXTREMES) & 0xFFFF, width)
    head = b"RIFF" + struct.pack("<I", chance.choice(EXTREMES)) + b"WAVEfmt " + struct.pack("<I", 16) + about
    return bytearray(head + b"data" + struct.pack("<I", claim) + data[:chance.randrange(4000)])


DAMAGES: tuple[Callable[[bytearray, Chance, Sequence[bytes]], bytearray], ...] = (
    _truncated, _flipped, _header, _field, _field, _spliced, _repeated, _overwritten, _tagged, _claimed)


def damaged(files: Mapping[str, bytes], chance: Chance) -> tuple[str, bytes]:
    """A file, and the names of its format and of what was done to it."""
    name = chance.choice(sorted(files))
    data, done = bytearray(files[name]), []
    for _ in range(chance.choice((1, 1, 2, 3))):
        damage = chance.choice(DAMAGES)
        data = damage(data, chance, list(files.values()))
        done.append(damage.__name__.strip("_"))
    return "+".join([name, *done]), bytes(data)


PRIVATE = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "192.88.99.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "168.63.129.16", "[::]", "[::1]", "[::7f00:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:10.0.0.1]",
    "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]", "[100::1]", "[2001::1]",
    "[2001:0:7f00:1::]", "[2001:db8::1]", "[2002:7f00:1::1]", "[2002:a9fe:a9fe::]", "[3fff::1]", "[fc00::1]",
    "[fd00:ec2::254]", "[fe80::1]", "[fe80::1%25eth0]", "[fec0::1]", "[ff02::1]", "[::127.0.0.1]",
)
WRITTEN_ODDLY = (
    "0x7f.1", "0x7f000001", "127.1", "127.0.1", "2130706433", "017700000001", "0177.0.0.1", "127.0.0.0x1",
    "00000000177.1", "1.1.1.1.1", "256.256.256.256", "127.0.0.1.", "127.1.", "%31%32%37.0.0.1", "①②⑦.0.0.1",
    "127。0。0。1", "[127.0.0.1]", "localhost", "LOCALHOST", "localhost.", "0", "0xa9fea9fe", "2852039166",
    "0251.0376.0251.0376", "169.254.43518", "４２.0.0.1", "127.0.0.1%00.example", "127.0.0.1\t", "l%6fcalhost",
)
NAMES = ("inner.example", "metadata.example", "both.example", "mapped.example", "six.example")
"""Names that RESOLVED leads inwards."""
RESOLVED = {"inner.example": ("127.0.0.1",), "metadata.example": ("169.254.169.254",),
            "six.example": ("fd00:ec2::254",), "both.example": ("8.8.8.8", "10.0.0.1"),
            "mapped.example": ("::ffff:127.0.0.1",),
            "localhost": ("127.0.0.1", "::1"), "public.example": ("8.8.8.8",)}
NO_WEB_ADDRESS = (
    "file:///etc/passwd", "file://127.0.0.1/etc/passwd", "gopher://127.0.0.1:6379/_SET%20a%201", "ftp://127.0.0.1/a",
    "dict://127.0.0.1:11211/stats", "ldap://127.0.0.1/", "data:audio/wav;base64,AAAA", "jar:http://127.0.0.1!/a",
    "s3://bucket/key", "unix:///var/run/docker.sock", "http+unix://%2Fvar%2Frun%2Fdocker.sock/info", "//127.0.0.1/a",
    "javascript:alert(1)", "tftp://127.0.0.1/a", "sftp://127.0.0.1/a", "netdoc:///etc/passwd", "http:/127.0.0.1/",
    "http:127.0.0.1", "http://", "http:///a", "http://?a", "https://[::1", "http://[", "http://[]/", "http://:80/", "",
    "http://public.example:22/", "http://public.example:6379/", "http://public.example:0/",
    "http://public.example:99999/", "http://public.example:-80/", "http://public.example:8 0/",
    "http://public.example:443.0/", "http://anna:secret@public.example/", "http://127.0.0.1@public.example/",
    "http://public.example@127.0.0.1/", "http://inner.example#@public.example/", "http://public.example\\@127.0.0.1/",
    "http://127.0.0.1\\.public.example/", "http://public.example/a b", "http://inner.example/a\r\nHost: b",
    "http://public.example/\x00", "http://public.example\x00.example/", "http://" + "a." * 200 + "example/",
    "http://public.example/" + "a" * 10_000, "http://" + "a" * 64 + ".example/", "http://-a.example/", "http://a..b/",
    "http://public.example\u2028/", "http://inner.example/\ud800",
)


def hostile_urls() -> list[str]:
    """None of these may lead to a connection, whoever asks."""
    hosts = [*PRIVATE, *WRITTEN_ODDLY, *NAMES]
    return [*(f"http://{host}/latest/meta-data/" for host in hosts), *(f"https://{host}:8443/a" for host in hosts),
            *NO_WEB_ADDRESS]


def hostile_url(chance: Chance) -> str:
    """A URL of parts that each are somebody's trick; its host is never a public one."""
    scheme = chance.choice(("http", "https", "HTTP", "hTTps", "http ", "\thttp", "file", "gopher", "http:http", ""))
    user = chance.choice(("", "", "", "a@", "a:b@", "six.example@", "six.example:80@", "%40", "@", "six.example#@"))
    host = chance.choice(sorted({*PRIVATE, *WRITTEN_ODDLY, *NAMES} - {"168.63.129.16"}))  # cut short it is public
    port = chance.choice(("", "", "", ":80", ":443", ":8080", ":6379", ":0", ":65536", ":", ":８０", ":+80", ":8:8"))
    rest = chance.choice(("/", "", "/a.wav", "?a=b", "#a", "/..%2f..", "//six.example/", "/%0d%0aHost:a", "\\", ";a"))
    colon = chance.choice(("://", "://", "://", ":/", ":", ":///", ":\\\\"))
    url = f"{scheme}{colon}{user}{host}{port}{rest}"
    if chance.random() < 0.2:
        place = chance.randrange(len(url))
        url = url[:place] + chance.choice("\t\n\r \x00\\@#?%/:.。\u200b\u00ad\ud800[]") + url[place:]
    return url


TEXTS = ("Hello there.", "One. Two! Three?", "It costs $3.50, or 5-10 kg at 3:30pm.", "日本語のテキスト",
         "Grüße aus Köln", "[pause:0.3s] after", "[voice:bob] Hello", "*so* it is",
         "a < b > c & d", "{\\an8}Hi\\N there", "مرحبا بك", "🙂 yes")
HOSTILE_TEXTS = (
    "", " ", "\n\n", "\u200b", "\ufeff", "🙂", "…", "—", "\x00", "a\x07b", "\u202eabc", "\ud800",
    "a\udfffb", "\u0301" * 50,
    "9" * 400, "1." * 200, "a" * 3000, "a " * 500, "." * 500, "[" * 500, "[pause:", "[pause:99999s]", "[pause:-1s]",
    "[pause:1e9s]", "[pause:nans]", "[pause:٣s]", "[voice:]", "[voice:../../etc]", "[voice:nobody] x", "[voice:bob]",
    "<script>alert(1)</script>", "{\\pos(1,1)}", "../../etc/passwd", "/etc/passwd", "${jndi:ldap://a}", "%s%n", "'; --",
    "x" * 100_001, "1\n00:00:00,000 --> 99:99:99,999\nhi\n", "WEBVTT\n\n00:01.000 --> 00:00.000\nx\n",
    '{"segments": [{"words": [null]}]}', "word,start\n\"unclosed", "1e309 -0.0 ½ Ⅷ ٣ 𝟙", "$" * 30, "1/0 0/0 -5% 1e5kg",
    "12:99pm 31/31/9999 MMMMCMXCIX", "http://" * 50, "a@" * 50,
)
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1.5, -0.0, 1e308, float("nan"), float("inf"), 2 ** 31, 2 ** 63, 2 ** 200, [], {}, [[]],
    [None], {"": None}, {"a": {"b": []}}, "", "0", "true", "null", ["srt", "srt"], [1] * 100, "all",
    {"by": 1}, {"$ref": "#"},
)
JOB_IDS = tuple(f"job-{index}" for index in range(25))
BAD_NAMES = ("../x", "a/b", "a.wav", ".wav", "", "x" * 65, "x" * 10_000, "con", "a b", "ä", "-", "_", "a\n", "a\x00",
             ".",
             "voices/bob", "bob.json", "\ud800")
KEYS = ("uploads/a.wav", "uploads/../voices/bob.wav", "uploads/", "voices/bob.wav", "/etc/passwd", "uploads//x",
        "uploads/a\x00", "uploads/" + "a/" * 400, "uploads/%2e%2e/x", "uploads/missing.wav", "uploads/noise.bin")


def _captions(chance: Chance) -> dict[str, Any]:
    options: dict[str, Sequence[Any]] = {
        "preset": ("shorts", "pop", "karaoke", "sentence", "broadcast", "none"), "max_words": (1, 4, 0, 41, 10 ** 9),
        "max_chars": (8, 42, 0, 10 ** 9), "max_lines": (1, 2, 99),
        "resolution": ([64, 64], [320, 180], [1, 1], [0, 0], [99, 10 ** 9], "a"),
        "font": ("Inter", "../../x", "a,b", "\\", ""), "color": ("#FFFFFF", "red", "#12345", "&H0"),
        "size": (1, 10 ** 6),
        "emphasis": (["*"], ["a"] * 300, [""], "a", [1]), "speaker_colors": ({"bob": "#FF0000"}, {"": ""}, []),
        "json_shapes": (["openai"], ["x"], [[]]), "emoji": (True, "x"), "keep_lines": (True, 1),
        "position": ("top", "up"),
    }
    return {name: chance.choice(options[name]) for name in chance.sample(sorted(options), chance.randrange(0, 4))}


_SLOW = {"verify", "render"}
"""Seconds each where they are right; there are fewer of them."""


class Requests:
    """Makes inputs, right ones and wrong ones. `good_url` and `bad_urls` lead to files of sound, `sound` is one."""

    def __init__(self, good_url: str, bad_urls: Sequence[str], sound: bytes) -> None:
        self.good_url, self.bad_urls = good_url, bad_urls
        self.base64 = base64.b64encode(sound).decode()

    def url(self, chance: Chance) -> str:
        kind = chance.random()
        return self.good_url if kind < 0.3 else chance.choice(self.bad_urls) if kind < 0.6 else hostile_url(chance)

    def near(self, chance: Chance) -> dict[str, Any]:
        """An input that is right, or nearly so."""
        makers: dict[str, Callable[[], dict[str, Any]]] = {
            "generate": lambda: self._spoken(chance), "align": lambda: self._aligned(chance),
            "upload": lambda: self._uploaded(chance),
            "render": lambda: self._rendered(chance),
            "verify": lambda: {"audio_url": self.url(chance) if chance.random() < 0.02 else hostile_url(chance)},
            "list_voices": lambda: {"limit": chance.choice((1, 100)),
                                    "cursor": chance.choice((None, "voices/bob.wav", "x"))},
            "get_voice": lambda: {"voice_name": self._name(chance)},
            "delete_voice": lambda: {"voice_name": self._name(chance)},
            "rename_voice": lambda: {"voice_name": self._name(chance), "new_name": self._name(chance)},
            "set_lexicon": lambda: {"lexicon_name": self._name(chance),
                                    "pronunciations": {chance.choice(TEXTS): "tomato"}},
            "get_lexicon": lambda: {"lexicon_name": self._name(chance)},
            "delete_lexicon": lambda: {"lexicon_name": self._name(chance)},
            "list_lexicons": lambda: {"limit": 5, "cursor": chance.choice((None, "lexicon/a.json"))},
            "status": lambda: {"job_id": chance.choice(JOB_IDS)}, "result": lambda: {"job_id": chance.choice(JOB_IDS)},
            "download": lambda: {"job_id": chance.choice(JOB_IDS), "type": chance.choice(("audio", "timing")),
                                 "format": chance.choice((None, "wav", "srt", "ass", "json"))},
            "health": dict,
        }
        endpoint = chance.choice(sorted(makers))
        if endpoint in _SLOW and chance.random() < 0.9:
            endpoint = chance.choice(sorted(set(makers) - _SLOW))
        return {"endpoint": endpoint, **makers[endpoint]()}

    def _name(self, chance: Chance) -> str:
        return chance.choice(("bob", "anna", "c3", *BAD_NAMES[:2]))

    def _rendered(self, chance: Chance) -> dict[str, Any]:
        background = chance.choice(({}, {"background_url": self.url(chance)}, {"background_key": chance.choice(KEYS)}))
        return {"source_job_id": chance.choice(JOB_IDS), "fps": 10, "captions": {"resolution": [64, 64]},
                "video_format": chance.choice(("mp4", "webm", "mov")), **background}

    def _spoken(self, chance: Chance) -> dict[str, Any]:
        texts = TEXTS if chance.random() < 0.7 else HOSTILE_TEXTS
        more = {
            "job_id": chance.choice(JOB_IDS), "local_voice": self._name(chance), "captions": _captions(chance),
            "audio_format": chance.choice(("wav", "mp3", "opus", "m4a", "flac", "pcm")), "loudness_lufs": -16.0,
            "timing_format": chance.choice(("all", "srt", ["vtt", "json"], "ass")), "stream": True, "force": True,
            "language": chance.choice(("en", "de", "ja", "xx", "en_US", "e")), "lexicon": self._name(chance), "seed": 5,
            "pronunciations": {chance.choice(TEXTS): chance.choice(HOSTILE_TEXTS)}, "quality": "fast",
            "timing_method": chance.choice(("auto", "pocketsphinx", "google", "whisperx")),
            "speed": chance.choice((0.5, 1, 2.0, 9)),
        }
        chosen = chance.sample(sorted(more), chance.randrange(5))
        return {"text": chance.choice(texts), **{name: more[name] for name in chosen}}

    def _aligned(self, chance: Chance) -> dict[str, Any]:
        given = chance.choice((
            {"text": chance.choice(TEXTS)}, {"transcript_text": chance.choice(HOSTILE_TEXTS)},
            {"transcript_text": "1\n00:00:00,000 --> 00:00:00,400\nHello\n", "keep_cues": True},
            {"transcript_url": self.url(chance)}))
        return {"audio_url": self.url(chance), "job_id": chance.choice(JOB_IDS), "captions": _captions(chance), **given}

    def _uploaded(self, chance: Chance) -> dict[str, Any]:
        data = chance.choice((self.base64, "data:audio/wav;base64," + self.base64, "AAAA", "=", "é", self.base64[:-3],
                              " \n"))
        source = chance.choice(({"voice_file_url": self.url(chance)}, {"s3_key": chance.choice(KEYS)},
                                {"voice_file_base64": data}))
        words = chance.choice(({"reference_text": chance.choice((*TEXTS, *HOSTILE_TEXTS))},
                               {"reference_text_url": self.url(chance)}, {}))
        return {"voice_name": self._name(chance), "overwrite": True, **source, **words}

    def mutated(self, chance: Chance) -> Any:
        """A job's `input` as JSON could carry it."""
        given: Any = self.near(chance)
        for _ in range(chance.choice((0, 0, 1, 1, 1, 2))):
            given = self._changed(given, chance)
        if chance.random() < 0.01:
            return chance.choice(ODD_VALUES)
        return json.loads(json.dumps(given))

    def _changed(self, given: dict[str, Any], chance: Chance) -> dict[str, Any]:
        name = chance.choice(sorted(given, key=str))
        kind = chance.randrange(9)
        if kind == 0 and name != "endpoint":
            return {key: value for key, value in given.items() if key != name}
        if kind == 1:
            unknown = (*BAD_NAMES, "text", "job_id", "voice_name", "__class__", "_sent")
            return {**given, chance.choice(unknown): chance.choice(ODD_VALUES)}
        if kind == 2:
            return {**given, name: [given[name]]}
        if kind == 3 and name != "endpoint":
            return {**given, name: _deep(chance.choice((10, 200, 450, 900)), chance)}
        if kind == 4:
            return {**self.near(chance), **given}
        if isinstance(given[name], str) and kind < 7:
            value = given[name]
            place = chance.randrange(len(value) + 1)
            piece = chance.choice(HOSTILE_TEXTS[:-12])
            return {**given, name: value[:place] + piece + value[place + chance.randrange(4):]}
        pool: Sequence[Any] = (*ODD_VALUES, *HOSTILE_TEXTS, *BAD_NAMES)
        return {**given, name: chance.choice(pool)} if name != "endpoint" or chance.random() < 0.2 else given


def _deep(levels: int, chance: Chance) -> Any:
    value: Any = "x"
    of_lists = chance.random() < 0.5
    for _ in range(levels):
        value = [value] if of_lists else {"a": value}
    return value

