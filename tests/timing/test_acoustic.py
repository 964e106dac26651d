from __future__ import annotations

from pathlib import Path

import numpy as np
import pocketsphinx

from benchmarks.timing_sets import Recording, telephone
from tests.timing.recordings import FIRST, passage
from timing import cepstra
from timing.acoustic import INTERNAL, NATS, Model
from timing.align import RATE_HZ
from timing.pocketsphinx import with_noise


def test_states_match_speech_as_well_as_the_decoder_says_itself(tmp_path: Path) -> None:
    samples = passage(0.3, FIRST, 0.3)[0]
    decoder = pocketsphinx.Decoder(samprate=RATE_HZ, frate=100, lm=None, bestpath=False, loglevel="FATAL",
                                   compallsen=True, senlogdir=str(tmp_path))
    decoder.add_fsg("nothing", decoder.create_fsg("nothing", 0, 1, [(0, 1, 1.0, "<sil>")]))
    decoder.activate_search("nothing")
    decoder.start_utt()
    decoder.process_raw((samples * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    [log] = tmp_path.iterdir()
    data = log.read_bytes()
    rows = np.frombuffer(data, "<i2", offset=data.index(b"endhdr\n") + 11).reshape(-1, 5127)
    theirs = rows[:, 1:] * -NATS
    model = Model(100)
    ours = np.concatenate(list(model.scores(model.cepstra(samples), np.arange(5126))), axis=1).T
    ours -= ours.max(axis=1, keepdims=True)
    best = theirs >= np.sort(theirs, axis=1)[:, -50:-49]
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs)[best].mean() < 1.2
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean() > 0.7


def test_a_triphone_that_the_model_lacks_has_the_states_of_a_near_one() -> None:
    model = Model(100)
    b, ah, t, silence = (model.phones[name] for name in ("B", "AH", "T", "SIL"))
    assert len({*model.senones(ah, b, t, INTERNAL).tolist(), *model.ci_senones[ah].tolist()}) > 3
    assert np.array_equal(model.senones(silence, b, t, INTERNAL), model.ci_senones[silence])


def test_cepstra_are_those_that_the_decoder_computes(tmp_path: Path) -> None:
    samples = passage(0.3, FIRST, 0.3)[0]
    samples = samples + np.random.default_rng(0).normal(0, 1e-3, len(samples)).astype(np.float32)
    decoder = pocketsphinx.Decoder(samprate=RATE_HZ, lm=None, bestpath=False, loglevel="FATAL", mfclogdir=str(tmp_path))
    decoder.add_fsg("nothing", decoder.create_fsg("nothing", 0, 1, [(0, 1, 1.0, "<sil>")]))
    decoder.activate_search("nothing")
    decoder.start_utt()
    decoder.process_raw((samples * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    [log] = tmp_path.iterdir()
    theirs = np.fromfile(log, ">f4", offset=4).reshape(-1, 13)
    theirs -= theirs[theirs[:, 0] >= 0].mean(axis=0)
    ours = Model(100).cepstra(samples)
    assert ours.shape == theirs.shape
    assert (np.abs(ours - theirs).mean(axis=0) < 0.01 * theirs.std(axis=0)).all()


def test_what_a_telephone_leaves_out_is_estimated_from_the_rest() -> None:
    recording = Recording(passage(0.3, FIRST, 0.3)[0], (), [])
    clean = with_noise(recording.samples)
    narrow = with_noise(telephone(recording, np.random.default_rng(0)).samples)
    assert cepstra.sounding_filters(cepstra.filter_powers(clean, 100)).all()
    present = cepstra.sounding_filters(cepstra.filter_powers(narrow, 100))
    assert present[2:18].all() and not present[20:].any()
    model = Model(100)
    expected, found = model.cepstra(clean), model.cepstra(narrow)
    assert (np.square(found - expected).mean() / expected.var()) < 0.3
