"""Counts and durations for Prometheus; nothing in them is about a person.

Several workers write theirs into files of one folder, which the supervisor names in the
environment before ``prometheus_client`` is loaded; whichever worker is asked adds them up.
"""

import os
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from agent.validator.config import FOLDER_VARIABLE
from agent.validator.judging import Health

METRICS_TYPE: Final = CONTENT_TYPE_LATEST
ACCEPTED: Final = "accepted"
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class ServiceMetrics:
    """The figures of this process, and those of all workers when they are shown."""

    def __init__(self) -> None:
        """Start at zero."""
        self._registry = CollectorRegistry()
        self.verified = Counter(
            "ankong_verify",
            "Requests by the code of their answer.",
            ("kind", "code"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "ankong_verify_seconds",
            "From the head of a request to its answer.",
            ("kind",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.queue = Gauge(
            "ankong_verify_queue",
            "Requests that are judged or wait for it.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )

    def render(self, health: Health) -> bytes:
        """Return the figures in the text format; call it in a thread, since it reads files."""
        registry = self._registry
        if os.environ.get(FOLDER_VARIABLE):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        shown = CollectorRegistry()
        shown.register(_HealthCollector(health))
        return generate_latest(registry) + generate_latest(shown)


class _HealthCollector(Collector):
    """How long lists and trust will last, as the worker that was asked sees it."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """Return both gauges."""
        lists = GaugeMetricFamily(
            "ankong_verify_list_expires_seconds",
            "Until an authority's list is out of date; -Inf where there is none.",
            labels=["issuer"],
        )
        for issuer, seconds in self._health.lists.items():
            lists.add_metric([issuer], seconds)
        yield lists
        trust = GaugeMetricFamily(
            "ankong_verify_trust_expires_seconds", "Until the first authority's certificate ends."
        )
        trust.add_metric([], min(self._health.trust.values()))
        yield trust
