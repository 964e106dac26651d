"""How well each state of a phone matches each frame of speech, by the English model in PocketSphinx' wheel and the
French one in SoundSwallower's.

Their decoders say only how well the best path fits, and forget every path outside their beam. Here the models' own
files are read and evaluated for a whole stretch at once, so that any path can be weighed against any other.

The models are phonetically tied (Hwang 1993): 128 Gaussians for each phone and each of three streams (cepstra, their
first and second differences), and for each senone, the tied state of a triphone, weights of these Gaussians.
"""
from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from timing import cepstra
from timing.cepstra import N_CEPSTRA, Filters
from timing.dictionary import Dictionary
from timing.edges import Samples

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

NATS = 1024 * math.log(1.0001)
"""One step of a stored weight; the decoder's own unit of scores."""
FLOOR = 96 * NATS
"""A frame's Gaussians are at most so much worse than its best one: MAX_NEG_ASCR."""
VARIANCE_FLOOR = 1e-4
DENSITIES, STATES = 128, 3
CHUNK, BANDS_PER_S = 64, 10
"""Frames at a time: what all Gaussians say of them fits into a processor's cache."""
INTERNAL, BEGIN, END, SINGLE = range(4)


@dataclass(frozen=True)
class Files:
    """Where a package keeps a model, and the lowest and highest frequency and the number of the filters it takes."""

    package: str
    files: str
    dictionary: str
    filters: tuple[float, float, int]

    def is_installed(self) -> bool:
        return find_spec(self.package) is not None

    def folder(self) -> Path:
        """Of the package's models; it is not imported."""
        found = find_spec(self.package)
        if found is None or found.origin is None:
            raise ModuleNotFoundError(self.package)
        return Path(found.origin).with_name("model")


MODELS = {
    "en": Files("pocketsphinx", "en-us/en-us", "en-us/cmudict-en-us.dict", (130.0, 6800.0, 25)),
    "fr": Files("soundswallower", "fr-fr", "fr-fr/dict.txt", (130.0, 3700.0, 20)),
}


class Model:
    """The model's files in memory, 12 MB. Not for two threads at once."""

    def __init__(self, frames_per_s: int, language: str = "en") -> None:
        """Of a language in `MODELS`."""
        self._frames_per_s = frames_per_s
        model = MODELS[language]
        files = model.folder() / model.files
        self.filters = Filters.between(*model.filters)
        self.dictionary = Dictionary(model.folder() / model.dictionary, language)
        self._read_phones((files / "mdef").read_bytes())
        self._read_gaussians(files)
        self._weights = _read_weights((files / "sendump").read_bytes(), self._n_senones)

    def _read_phones(self, data: bytes) -> None:
        at = 12 + int(np.frombuffer(data, "<i4", 3)[2])
        n_ci, n_phones, _, _, self._n_senones, _, n_sequences, _, n_tree, _ = map(
            int, np.frombuffer(data, "<i4", 10, at))
        names = data[at + 40 :].split(b"\0", n_ci)[:n_ci]
        self.phones = {name.decode(): number for number, name in enumerate(names)}
        at += 40 + (sum(len(name) + 1 for name in names) + 3) // 4 * 4 + 8 * n_tree
        entry = np.dtype([("sequence", "<i4"), ("transitions", "<i4"), ("place", "u1"), ("context", "u1", 3)])
        entries = np.frombuffer(data, entry, n_phones, at)
        at += entry.itemsize * n_phones + 4
        sequences = np.frombuffer(data, "<u2", STATES * n_sequences, at).reshape(-1, STATES).astype(np.int64)
        self._senones_of = sequences[entries["sequence"]]
        triphones = entries[n_ci:]
        rows = np.column_stack([triphones["place"], triphones["context"]]).astype(np.int64)
        keys = _keys(rows)
        order = np.argsort(keys)
        self._triphones, self._triphone_at = keys[order], n_ci + order
        self.ci_senones = self._senones_of[:n_ci]
        self._codebook = np.zeros(self._n_senones, dtype=np.int64)
        self._codebook[self._senones_of[n_ci:]] = rows[:, 1, None]
        self._codebook[self.ci_senones] = np.arange(n_ci)[:, None]

    def _read_gaussians(self, files: Path) -> None:
        means, variances = (_read_parameters((files / name).read_bytes()) for name in ("means", "variances"))
        variances = np.maximum(variances, VARIANCE_FLOOR)
        of_cepstra = means[:, 0].reshape(-1, N_CEPSTRA).astype(np.float64)
        self._covariance = of_cepstra.T @ of_cepstra / len(of_cepstra) + np.diag(variances[:, 0].mean(axis=(0, 1)))
        self._spread = np.sqrt(np.diag(self._covariance) - of_cepstra.mean(axis=0) ** 2)
        precision = 0.5 / variances  # [codebook, stream, density, 13]
        constant = -0.5 * np.log(2 * np.pi * variances).sum(-1) - (precision * means**2).sum(-1)
        stacked = np.concatenate([-precision, 2 * precision * means, constant[..., None]], axis=-1)
        by_stream = stacked.transpose(1, 3, 0, 2).astype(np.float32)
        self._gaussians = by_stream.reshape(*by_stream.shape[:2], -1)  # [stream, 27, codebook * density]

    def cepstra(self, audio: Samples) -> Floats:
        """[n_frames, 13]; those of sound without high or low frequencies are estimated from what there is."""
        powers = cepstra.filter_powers(audio, self._frames_per_s, self.filters)
        present = cepstra.sounding_filters(powers)
        transform = cepstra.transform_of(self.filters, present, self._covariance)
        return cepstra.cepstra(cepstra.without_noise(powers[:, present]), transform, self._spread)

    def missing_bands(self, audio: Samples) -> float:
        """The share of its filters that let nothing of the voice through."""
        powers = cepstra.filter_powers(audio, BANDS_PER_S, self.filters)
        return 1 - float(cepstra.sounding_filters(powers).mean())

    def pronunciations(self, word: str) -> list[list[int]]:
        """Its phones in each way that the dictionary knows; a word that it lacks is pronounced by rules."""
        return [[self.phones[phone] for phone in way] for way in self.dictionary.ways(word)]

    def shifted(self, shifts: Floats) -> Floats:
        """Its Gaussians, for `scores` and `expected`, where the means of each phone's cepstra lie elsewhere by so much:
        [n_phones, 13]."""
        found = self._gaussians.copy()
        rows = found[0].reshape(len(found[0]), len(shifts), DENSITIES)
        by = shifts.T[:, :, None]
        rows[-1] += (by * (rows[:N_CEPSTRA] * by - rows[N_CEPSTRA:-1])).sum(axis=0)
        rows[N_CEPSTRA:-1] -= 2 * rows[:N_CEPSTRA] * by
        return found

    def scores(self, cepstra: Floats, senones: Ints, gaussians: Floats | None = None) -> Iterator[Floats]:
        """Log likelihoods in nats, [up to `CHUNK` frames, n_senones] at a time, of senones as `in_order` has them.

        The next ones are written over them. `gaussians` are its own, or as `shifted`.
        """
        gaussians = self._gaussians if gaussians is None else gaussians
        codebooks, firsts = np.unique(self._codebook[senones], return_index=True)
        weights = np.exp(-NATS * self._weights[:, :, senones].astype(np.float32))
        tied = [(slice(codebook * DENSITIES, (codebook + 1) * DENSITIES), slice(first, stop))
                for codebook, first, stop in zip(codebooks, firsts, [*firsts[1:], len(senones)], strict=True)]
        inputs = _inputs(cepstra)
        kept, mixed = np.empty((2, CHUNK, len(senones)), np.float32)
        densities = np.empty((CHUNK, gaussians.shape[-1]), np.float32)
        for start in range(0, len(cepstra), CHUNK):
            stop = min(start + CHUNK, len(cepstra))
            found, mixed, densities = kept[: stop - start], mixed[: stop - start], densities[: stop - start]
            found[:] = 1
            for stream, weight, of_stream in zip(inputs, weights, gaussians, strict=True):
                _densities(np.matmul(stream[start:stop], of_stream, out=densities))
                for codebook, inside in tied:
                    np.matmul(densities[:, codebook], weight[:, inside], out=mixed[:, inside])
                found *= mixed
            yield np.log(found, out=found)

    def expected(self, stream: int, values: Floats, senones: Ints,
                 gaussians: Floats | None = None) -> tuple[Floats, Floats]:
        """What a stream's frames [n, 13], each in its senone, are measured by: the mean precision of the Gaussians that
        they are likely of, and of precision times mean, both [n, 13]; `gaussians` as for `scores`."""
        every = (self._gaussians if gaussians is None else gaussians)[stream]
        inputs = np.concatenate([values**2, values, np.ones((len(values), 1), np.float32)], axis=1)
        precision, aim = np.empty_like(values), np.empty_like(values)
        for codebook in np.unique(self._codebook[senones]):
            chosen = self._codebook[senones] == codebook
            own = every[:, codebook * DENSITIES : (codebook + 1) * DENSITIES]
            logs = inputs[chosen] @ own - NATS * self._weights[stream][:, senones[chosen]].T
            shares = np.exp(logs - logs.max(axis=1, keepdims=True))
            shares /= shares.sum(axis=1, keepdims=True)
            precision[chosen] = shares @ (-2 * own[:N_CEPSTRA].T)
            aim[chosen] = shares @ own[N_CEPSTRA : 2 * N_CEPSTRA].T
        return precision, aim

    def phone_of(self, senones: Ints) -> Ints:
        """Whose Gaussians each senone weighs: a row of `shifted`'s shifts."""
        return self._codebook[senones]

    def in_order(self, senones: Ints) -> tuple[Ints, Ints]:
        """Each of the senones once, those of a codebook together, and where each of those given is among them."""
        key, at = np.unique(self._codebook[senones] * self._n_senones + senones, return_inverse=True)
        return key % self._n_senones, at

    def senones(self, phones: Ints, lefts: Ints, rights: Ints, places: Ints) -> Ints:
        """The states of triphones, [n, 3], or of the nearest ones that the model has."""
        silence = np.full_like(phones, self.phones["SIL"])
        edge = places != INTERNAL
        contexts = [(lefts, rights), (np.where(edge & (places != END), silence, lefts),
                                      np.where(edge & (places != BEGIN), silence, rights))]
        found: Ints = self._senones_of[phones]
        open_ = np.ones(len(phones), np.bool_)
        for left, right in contexts:
            for place in (places, *(np.full_like(places, other) for other in range(4))):
                keys = _keys(np.column_stack([place, phones, left, right]))
                at = np.minimum(np.searchsorted(self._triphones, keys), len(self._triphones) - 1)
                known = open_ & (self._triphones[at] == keys)
                found[known] = self._senones_of[self._triphone_at[at[known]]]
                open_ &= ~known
        return found


def _densities(scores: Floats) -> None:
    """Each Gaussian's likelihood over that of the best in its frame, [n_frames, n_gaussians], in place.

    Four in five lie on the floor.
    """
    scores -= scores.max(axis=1, keepdims=True)
    flat = scores.reshape(-1)
    above = np.flatnonzero(flat > -FLOOR)
    found = np.exp(flat[above])
    flat.fill(np.exp(np.float32(-FLOOR)))
    flat[above] = found


def differences(cepstra: Floats) -> list[Floats]:
    """The model's streams: the cepstra, their first and their second differences."""
    n = len(cepstra)
    at = np.pad(cepstra, ((3, 3), (0, 0)), mode="edge")
    change = at[5 : n + 5] - at[1 : n + 1]
    bend = at[6 : n + 6] - at[2 : n + 2] - at[4 : n + 4] + at[:n]
    return [cepstra, change, bend]


def _inputs(cepstra: Floats) -> list[Floats]:
    """What the Gaussians of each stream are multiplied with: squares, values, one."""
    ones = np.ones((len(cepstra), 1), np.float32)
    return [np.concatenate([each**2, each, ones], axis=1) for each in differences(cepstra)]


def _keys(rows: Ints) -> Ints:
    """One number for each row of place, phone, left and right context."""
    return rows @ 256 ** np.arange(4)[::-1]


def _read_parameters(data: bytes) -> Floats:
    """[codebook, stream, density, dimension] of a file of Gaussian parameters."""
    at = data.index(b"endhdr\n") + 7 + 4
    n_codebooks, n_streams, n_densities = map(int, np.frombuffer(data, "<i4", 3, at))
    at += 12 + 4 * n_streams
    count = int(np.frombuffer(data, "<i4", 1, at)[0])
    values = np.frombuffer(data, "<f4", count, at + 4)
    return values.reshape(n_codebooks, n_streams, n_densities, -1)


def _read_weights(data: bytes, n_senones: int) -> npt.NDArray[np.uint8]:
    """Negative log weights in steps of `NATS`, [stream, density, senone]."""
    at = 0
    while size := int(np.frombuffer(data, "<i4", 1, at)[0]):  # lines of text, then an empty one
        at += 4 + size
    n_densities, n_columns = map(int, np.frombuffer(data, "<i4", 2, at + 4))
    table = np.frombuffer(data, np.uint8, STATES * n_densities * n_columns, at + 12)
    return table.reshape(STATES, n_densities, n_columns)[:, :, :n_senones]
