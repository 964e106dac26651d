"""F5-TTS as a `tts.Engine`: the network and Vocos are loaded once, from local files, and speak line after line.

The GPU has one user at a time: a line. Jobs take turns, line by line, and a job that waits can be cancelled.
"""
from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from f5_tts.model import CFM
from torch import Tensor
from vocos import Vocos

from tts import EngineError, EngineLost, Line, Options, Samples, Utterance, Voice
from tts.f5 import mel, network, prompt, sampler
from tts.f5.prompt import Prompt, Reference

CACHED_VOICES = 32
"""References kept on the device, at most 0.5 MB each."""
_CHECK_S = 0.1


class F5Engine:
    """See `tts.Engine`. `revision` is the head of the checkpoint's sha256."""

    name = "f5"
    rate_hz = mel.RATE_HZ
    clones = True

    def __init__(self, model: str, revision: str, cfm: CFM, vocos: Vocos, vocabulary: Mapping[str, int],
                 device: torch.device) -> None:
        self.model, self.revision, self.device = model, revision, device
        self.cfm, self.vocos, self.vocabulary = cfm, vocos, vocabulary
        self.own_voice = prompt.own_voice()
        self._references: OrderedDict[tuple[str, float], Reference] = OrderedDict()
        self._queue: deque[object] = deque()
        self._moved = threading.Condition()

    @classmethod
    def load(cls, model_dir: Path, vocos_dir: Path, architecture: str, device: str = "auto") -> F5Engine:
        """Reads both models; `device` is `auto` (a GPU where there is one), `cpu` or `cuda[:n]`.

        `model_dir` is a checkpoint or the folder that holds one (`network.find_checkpoint`); a `vocab.txt` beside
        it is used, else the official one. `architecture` is a name or a file (`network.read_architecture`).
        Raises network.LoadError.
        """
        shape = network.read_architecture(architecture)
        checkpoint = network.find_checkpoint(model_dir, architecture)
        beside = checkpoint.parent / "vocab.txt"
        vocabulary = network.read_vocabulary(beside if beside.is_file() else network.VOCABULARY)
        place = _device(device)
        with ThreadPoolExecutor(max_workers=1) as pool:  # 1.35 GB take a second or more to hash
            digest = pool.submit(_sha256, checkpoint)
            vocos = mel.load_vocos(vocos_dir, place)
            cfm = network.load_network(checkpoint, shape, vocabulary, place)
            revision = digest.result()[:12]
        model = architecture if architecture in network.ARCHITECTURES else Path(architecture).stem
        return cls(model, revision, cfm, vocos, vocabulary, place)

    def max_bytes(self, voice: Voice | None, speed: float) -> int:
        return prompt.max_bytes(voice or self.own_voice, speed)

    def speak(self, lines: Sequence[Line], options: Options, *, check: Callable[[], None],
              progress: Callable[[float], None]) -> list[Utterance]:
        """Line i's noise depends on the seed and i alone. All lines are prepared before the first is spoken, so
        that one which cannot be said is refused before any work."""
        n_done = 0

        def step() -> None:
            nonlocal n_done
            check()
            progress(n_done / (len(lines) * options.nfe_step))
            n_done += 1

        try:
            prompts = self._prompts(lines, options, check)
            spoken = [self._say(told, sampler.draw_noise(options.seed, index, told.n_frames), options, check, step)
                      for index, told in enumerate(prompts)]
        except torch.OutOfMemoryError:
            spoken = None  # what fills the memory hangs on the exception, and goes with it
        except RuntimeError as error:
            if "CUDA error" not in str(error):
                raise
            # Every later call fails like this one: a CUDA context does not survive an error in a kernel.
            raise EngineLost("the GPU failed; this worker is replaced, send the job again") from error
        if spoken is None:
            torch.cuda.empty_cache()
            raise EngineError("the GPU has not enough memory for this text; send it again, or in shorter lines")
        progress(1.0)
        return [_utterance(samples, told, line.voice or self.own_voice)
                for samples, told, line in zip(spoken, prompts, lines, strict=True)]

    def warm_up(self) -> None:
        """Speaks one short line, so that the first job does not wait for what is made at first use."""
        self.speak([Line("Hello, world.", "en")], Options(nfe_step=4), check=lambda: None, progress=lambda _: None)

    def _prompts(self, lines: Sequence[Line], options: Options, check: Callable[[], None]) -> list[Prompt]:
        with self._turn(check):
            references = [self._reference(line.voice or self.own_voice, options.target_rms) for line in lines]
        prompts = []
        for reference, line in zip(references, lines, strict=True):
            check()
            prompts.append(prompt.compose(reference, line.text, self.vocabulary, options.speed))
        return prompts

    def _reference(self, voice: Voice, target_rms: float) -> Reference:
        key = (voice.fingerprint, target_rms)
        if key not in self._references:
            self._references[key] = prompt.hear(voice, target_rms, self.vocabulary, self.device)
        self._references.move_to_end(key)
        if len(self._references) > CACHED_VOICES:
            self._references.popitem(last=False)
        return self._references[key]

    def _say(self, told: Prompt, noise: Tensor, options: Options, check: Callable[[], None],
             step: Callable[[], None]) -> Samples:
        with self._turn(check):
            sound = sampler.sample(self.cfm, told, noise, options, step)
            return mel.decode(self.vocos, sound) * np.float32(told.reference.gain)

    @contextmanager
    def _turn(self, check: Callable[[], None]) -> Iterator[None]:
        """The GPU for as long as the block lasts, first come first served: a plain lock is retaken by who leaves it."""
        ticket = object()
        with self._moved:
            self._queue.append(ticket)
        try:
            check()
            while not self._is_first(ticket):
                check()
            yield
        finally:
            with self._moved:
                self._queue.remove(ticket)
                self._moved.notify_all()

    def _is_first(self, ticket: object) -> bool:
        with self._moved:
            return self._moved.wait_for(lambda: self._queue[0] is ticket, timeout=_CHECK_S)


def _utterance(samples: Samples, told: Prompt, voice: Voice) -> Utterance:
    warnings = [f"{where} has characters that the model does not know, they were left out: {_listed(lacking)}"
                for where, lacking in (("the text", told.lacking),
                                       (f"the reference text of voice {voice.name}", told.reference.lacking))
                if lacking]
    peak = float(np.abs(samples).max())
    if peak > 1.0:
        warnings.append(f"the speech peaked at {peak:.2f} of full scale and was clipped; a lower target_rms avoids it")
    return Utterance(np.clip(samples, -1.0, 1.0), warnings=tuple(warnings))


def _listed(characters: Sequence[str]) -> str:
    return " ".join(map(repr, characters[:20])) + (" …" if len(characters) > 20 else "")


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise network.LoadError(f"the device {name!r} is not known: auto, cpu, cuda or cuda:0") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise network.LoadError(f"the device {name} was asked for and PyTorch finds no GPU here")
    return device


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
