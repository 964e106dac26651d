"""Google Speech-to-Text v1 on loopback: the real client talks real gRPC to it."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import grpc
from google.cloud import speech_v1
from google.cloud.speech_v1.services.speech.transports import SpeechGrpcTransport

Heard = Sequence[tuple[str, float, float]]
MAX_SYNCHRONOUS_S = 60


@dataclass
class Speech(grpc.GenericRpcHandler):
    """Hears `heard[i]` (word, start, end in seconds) in the i-th request; `faults` are raised first."""

    heard: list[Heard]
    faults: list[tuple[grpc.StatusCode, str]] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)

    def service(self, handler_call_details: Any) -> Any:
        if handler_call_details.method != "/google.cloud.speech.v1.Speech/Recognize":
            return None
        return grpc.unary_unary_rpc_method_handler(
            self._recognize, request_deserializer=speech_v1.RecognizeRequest.deserialize,
            response_serializer=speech_v1.RecognizeResponse.serialize)

    def _recognize(self, request: Any, context: grpc.ServicerContext) -> Any:
        if self.faults:
            context.abort(*self.faults.pop(0))
        config = request.config
        if config.encoding != speech_v1.RecognitionConfig.AudioEncoding.LINEAR16 or not config.language_code:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "bad encoding or language")
        if len(request.audio.content) / 2 / config.sample_rate_hertz > MAX_SYNCHRONOUS_S:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Sync input too long.")
        self.requests.append(request)
        words = [speech_v1.WordInfo(word=word, start_time=timedelta(seconds=start), end_time=timedelta(seconds=end),
                                    confidence=0.9)
                 for word, start, end in self.heard[min(len(self.requests), len(self.heard)) - 1]]
        alternative = speech_v1.SpeechRecognitionAlternative(transcript=" ".join(w.word for w in words), words=words)
        return speech_v1.RecognizeResponse(results=[speech_v1.SpeechRecognitionResult(alternatives=[alternative])])


@contextmanager
def serving(service: Speech) -> Iterator[Any]:
    """Runs the service on a free port; yields a real `SpeechClient` that is connected to it."""
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[service],
                         options=[("grpc.max_receive_message_length", 16 << 20)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield speech_v1.SpeechClient(transport=SpeechGrpcTransport(channel=grpc.insecure_channel(f"127.0.0.1:{port}")))
    finally:
        server.stop(None)
