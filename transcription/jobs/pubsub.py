"""Pub/Sub as the queue of several machines. A message says that its job is to be looked after; the table says how.

A message is acknowledged when its job is over, whoever did it. So every job that is not over has a message, which is
held by one worker, or will be: a worker that dies gives its message back by no longer extending it. Who holds one
does, in this order: a job left behind by a lost worker, a more urgent job that waits, its own. Pub/Sub keeps no order
and delivers some messages twice; neither matters, since `Job.claimed` decides who does a job.

Pulled, a worker asks for one message, and for the next when that one's job is over; a thread extends it all the while.
(The library's streams promise less: they may bring many, and hold them back from idle workers.) Pushed, the service
that Pub/Sub calls holds the request open (`http.push`) and names the job to its worker, which is what scales to zero.
"""
from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from google.api_core import exceptions
from google.cloud import pubsub_v1

from transcription import logs
from transcription.errors import ApiError
from transcription.jobs.record import Delivery, Job, JobStore, Observer
from transcription.settings import Settings

log = logs.logger(__name__)

LOOK_S, WATCH_S, PUSHED_S = 0.1, 1.0, 60.0
"""How often a worker asks: for a message that has come, for a job that another one does, and when it is told anyway."""
PULL_S = 90.0
"""Pub/Sub answers an empty pull sooner by itself; what it would hand to a request that was given up, it hands to nobody
for a while."""
_TIMEOUT_S = 30.0
_AGAIN_S = 2.0
_DEAD_LETTERS = 20


@dataclass(frozen=True, eq=False)
class _Held:
    """`ack_id` is None for a message that was pushed: the service answers for it."""

    job_id: str
    ack_id: str | None = None


class PubSubQueue:
    """A `Queue`. Nothing is subscribed to before the first `take`: a service without workers only publishes."""

    def __init__(self, jobs: JobStore, settings: Settings) -> None:
        self._jobs, self._settings = jobs, settings
        self._project = str(settings.google_cloud_project)
        self._publisher: Any = pubsub_v1.PublisherClient()
        self._subscriber: Any = pubsub_v1.SubscriberClient()
        self._observer = Observer(settings.lease_s)
        self._mutex = threading.Lock()
        self._held: list[_Held] = []
        self._closed = threading.Event()
        self._puller: threading.Thread | None = None
        # The shortest that Pub/Sub knows is 10 s: a lost worker's message comes again after that.
        self._extension_s = round(min(600, max(10, 2 * settings.lease_s)))
        self._waiting: str | None = None

    @property
    def poll_s(self) -> float:
        if self._held:
            return WATCH_S
        return LOOK_S if self._pulls else PUSHED_S

    def put(self, job: Job) -> None:
        """Published when this returns. Raises ApiError."""
        topic = self._publisher.topic_path(self._project, self._settings.pubsub_topic)
        try:
            self._publisher.publish(topic, b"", job_id=job.job_id).result(_TIMEOUT_S)
        except (exceptions.GoogleAPIError, TimeoutError):
            raise ApiError("INFRASTRUCTURE_STATE", "the queue of jobs could not be reached; try again") from None

    def hold(self, job_id: str) -> None:
        with self._mutex:
            if job_id not in {held.job_id for held in self._held}:
                self._held.append(_Held(job_id))

    def take(self) -> Delivery | None:
        if self._pulls and self._puller is None:
            self._puller = threading.Thread(target=self._pull, name="puller", daemon=True)
            self._puller.start()
        with self._mutex:
            messages = list(self._held)
        for held in messages:
            job = self._jobs.get(held.job_id)
            if job is None or job.is_final:
                self._drop(held)
            elif (delivery := self._next(job)) is not None:
                return delivery
        return None

    def _next(self, job: Job) -> Delivery | None:
        if job.status == "in_progress" and self._observer.stands_still(job):
            return Delivery(job.job_id, (job.fence, job.beat))
        first = self._jobs.first_queued()
        if first is not None and (job.status != "queued" or first.priority > job.priority):
            return Delivery(first.job_id)
        return Delivery(job.job_id) if job.status == "queued" else None

    def mend(self) -> None:
        """A job that is the first to wait twice in a row may have no message: it gets another one."""
        first = self._jobs.first_queued()
        if first is not None and first.job_id == self._waiting:
            self.put(first)
        self._waiting = first.job_id if first else None
        if self._settings.pubsub_dead_letter is not None:
            self._revive(self._path(self._settings.pubsub_dead_letter))

    def close(self) -> None:
        self._closed.set()
        with self._mutex:
            held, self._held = self._held, []
        for message in held:
            self._extend(message, 0)

    @property
    def _pulls(self) -> bool:
        return self._settings.pubsub_delivery == "pull"

    def _path(self, subscription: str) -> str:
        return str(self._subscriber.subscription_path(self._project, subscription))

    def _pull(self) -> None:
        """In a thread: one message, which is extended until it is let go; then the next."""
        path = self._path(self._settings.pubsub_subscription)
        extended = 0.0
        while not self._closed.wait(LOOK_S):
            if not self._held:
                self._receive(path)
                extended = time.monotonic()
            elif time.monotonic() - extended > self._extension_s / 3:
                for message in list(self._held):
                    self._extend(message, self._extension_s)
                extended = time.monotonic()

    def _receive(self, path: str) -> None:
        try:
            answer = self._subscriber.pull(subscription=path, max_messages=1, timeout=PULL_S)
        except exceptions.DeadlineExceeded:
            return
        except exceptions.GoogleAPIError as error:
            log.warning("pull_failed", kind=type(error).__name__)
            self._closed.wait(_AGAIN_S)
            return
        for received in answer.received_messages:
            message = _Held(received.message.attributes.get("job_id", ""), received.ack_id)
            self._extend(message, self._extension_s)
            with self._mutex:
                is_late = self._closed.is_set()  # from here on `close` gives back what is held
                self._held += [] if is_late else [message]
            if is_late:
                self._extend(message, 0)

    def _extend(self, message: _Held, seconds: int) -> None:
        """0 gives it back. A message that could not be extended comes to another worker, which finds the job taken."""
        if message.ack_id is None:
            return
        try:
            self._subscriber.modify_ack_deadline(subscription=self._path(self._settings.pubsub_subscription),
                                                 ack_ids=[message.ack_id], ack_deadline_seconds=seconds,
                                                 timeout=_TIMEOUT_S)
        except exceptions.GoogleAPIError as error:
            log.warning("message_not_extended", job_id=message.job_id, kind=type(error).__name__)

    def _drop(self, held: _Held) -> None:
        with self._mutex:
            self._held = [each for each in self._held if each is not held]
        if held.ack_id is not None:
            with suppress(exceptions.GoogleAPIError):  # it comes again, and its job is still over
                self._subscriber.acknowledge(subscription=self._path(self._settings.pubsub_subscription),
                                             ack_ids=[held.ack_id], timeout=_TIMEOUT_S)

    def _revive(self, subscription: str) -> None:
        """A message that was delivered too often says nothing of its job: perhaps no worker was to be had for hours.

        The job goes into the queue anew; one that does kill its workers is failed by its own count of attempts.
        """
        try:
            answer = self._subscriber.pull(subscription=subscription, max_messages=_DEAD_LETTERS,
                                           return_immediately=True, timeout=_TIMEOUT_S)
        except exceptions.DeadlineExceeded:
            return
        for received in answer.received_messages:
            job = self._jobs.get(received.message.attributes.get("job_id") or "-")
            if job is not None and not job.is_final:
                self.put(job)
                log.warning("dead_letter_revived", job_id=job.job_id)
            self._subscriber.acknowledge(subscription=subscription, ack_ids=[received.ack_id], timeout=_TIMEOUT_S)
