from __future__ import annotations

import numpy as np
import pocketsphinx
import pytest

from benchmarks.timing_sets import Recording, telephone
from tests.timing.recordings import FIRST, passage
from timing import cepstra
from timing.acoustic import INTERNAL, NATS, Floats, Model
from timing.align import RATE_HZ, Samples
from timing.pocketsphinx import with_noise


@pytest.fixture(scope="module")
def decoded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Samples, Floats, Floats]:
    """Speech, the decoder's own cepstra of it, and how well it says each senone to match."""
    samples = passage(0.3, FIRST, 0.3)[0]
    samples = samples + np.random.default_rng(0).normal(0, 1e-3, len(samples)).astype(np.float32)
    cepstra_folder, senones_folder = tmp_path_factory.mktemp("cepstra"), tmp_path_factory.mktemp("senones")
    decoder = pocketsphinx.Decoder(samprate=RATE_HZ, frate=100, lm=None, bestpath=False, loglevel="FATAL",
                                   compallsen=True, senlogdir=str(senones_folder), mfclogdir=str(cepstra_folder))
    decoder.add_fsg("nothing", decoder.create_fsg("nothing", 0, 1, [(0, 1, 1.0, "<sil>")]))
    decoder.activate_search("nothing")
    decoder.start_utt()
    decoder.process_raw((samples * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    found = np.fromfile(next(cepstra_folder.iterdir()), ">f4", offset=4).reshape(-1, 13).astype(np.float32)
    found -= found[found[:, 0] >= 0].mean(axis=0)
    data = next(senones_folder.iterdir()).read_bytes()
    rows = np.frombuffer(data, "<i2", offset=data.index(b"endhdr\n") + 11).reshape(-1, 5127)
    return samples, found, (rows[:, 1:] * -NATS).astype(np.float32)


@pytest.fixture(scope="module")
def decoder() -> pocketsphinx.Decoder:
    return pocketsphinx.Decoder(samprate=RATE_HZ, lm=None, loglevel="FATAL")


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(100)


def test_cepstra_are_those_that_the_decoder_computes(decoded: tuple[Samples, Floats, Floats], model: Model) -> None:
    samples, theirs, _ = decoded
    powers = cepstra.without_noise(cepstra.filter_powers(samples, 100, model.filters))
    ours = cepstra.cepstra(powers, model.filters.transform, theirs.std(axis=0).astype(np.float64))
    assert ours.shape == theirs.shape
    assert (np.abs(ours - theirs).mean(axis=0) < 0.01 * theirs.std(axis=0)).all()


def test_states_match_speech_as_well_as_the_decoder_says_itself(decoded: tuple[Samples, Floats, Floats],
                                                                    model: Model) -> None:
    _, found, theirs = decoded
    senones, at = model.in_order(np.arange(5126))
    ours = np.concatenate([part.copy() for part in model.scores(found, senones)])[:, at]
    ours -= ours.max(axis=1, keepdims=True)
    best = theirs >= np.sort(theirs, axis=1)[:, -50:-49]
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs)[best].mean() < 1.2
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean() > 0.7


def test_phones_are_looked_for_where_they_are_shifted_to(decoded: tuple[Samples, Floats, Floats],
                                                         model: Model) -> None:
    _, found, _ = decoded
    senones, _ = model.in_order(np.arange(5126))
    by = 3 * np.random.default_rng(0).standard_normal(13).astype(np.float32)
    every, one = np.tile(by, (len(model.phones), 1)), np.zeros((len(model.phones), 13), np.float32)
    one[model.phones["AH"]] = by
    plain, moved, one_moved = (next(model.scores(cepstra_, senones, gaussians)).copy() for cepstra_, gaussians in (
        (found, None), (found + by, model.shifted(every)), (found, model.shifted(one))))
    assert np.abs(moved - plain).mean() < 0.01
    own = model.phone_of(senones) == model.phones["AH"]
    change = one_moved - plain
    change -= np.median(change[:, ~own], axis=1)[:, None]
    assert np.abs(change[:, ~own]).mean() < 0.01 < 0.2 < np.abs(change[:, own]).mean()


def test_a_triphone_that_the_model_lacks_has_the_states_of_a_near_one(model: Model) -> None:
    b, ah, t, silence = (model.phones[name] for name in ("B", "AH", "T", "SIL"))
    known, lacking = model.senones(*np.array([(ah, b, t, INTERNAL), (silence, b, t, INTERNAL)]).T)
    assert len({*known.tolist(), *model.ci_senones[ah].tolist()}) > 3
    assert np.array_equal(lacking, model.ci_senones[silence])


@pytest.mark.parametrize("word", ["read", "a", "tomato", "o'clock", "zyzzyva", "either", "'bout", "wouldn't've", "the"])
def test_words_are_pronounced_as_the_decoder_s_own_dictionary_has_them(decoder: pocketsphinx.Decoder,
                                                                       model: Model, word: str) -> None:
    names = [word, *(f"{word}({number})" for number in range(2, 6))]
    theirs = [said.split() for name in names if (said := decoder.lookup_word(name))]
    assert model.dictionary[word] == theirs


def test_what_a_telephone_leaves_out_is_estimated_from_the_rest(model: Model) -> None:
    recording = Recording(passage(0.3, FIRST, 0.3)[0], (), [])
    clean = with_noise(recording.samples)
    narrow = with_noise(telephone(recording, np.random.default_rng(0)).samples)
    assert cepstra.sounding_filters(cepstra.filter_powers(clean, 100, model.filters)).all()
    present = cepstra.sounding_filters(cepstra.filter_powers(narrow, 100, model.filters))
    assert present[2:18].all() and not present[20:].any()
    expected, found = model.cepstra(clean), model.cepstra(narrow)
    assert (np.square(found - expected).mean() / expected.var()) < 0.3
