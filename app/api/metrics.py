"""Figures for Prometheus: calls by route template and status, deliveries by status, documents made. No person in it."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The figures of one running app. Labels come from closed lists only: never from a path, a body or a header."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._calls = Counter(
            "sameday_http_requests", "Calls answered", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "sameday_http_request_seconds",
            "From the first byte of a call to the end of its answer",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._deliveries = Gauge("sameday_deliveries", "Deliveries", ["status"], registry=self._registry)
        self._documents = Gauge("sameday_documents", "Sealed documents", registry=self._registry)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one call. route: the template, such as /api/v1/outcomes/{outcome}; status 0: the client had gone."""
        known = method if method in _METHODS else "other"
        self._calls.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)

    def text(self, *, deliveries: Mapping[str, int], documents: int) -> bytes:
        """All figures in Prometheus' text format. deliveries: how many there are of each status."""
        self._deliveries.clear()
        for status, count in deliveries.items():
            self._deliveries.labels(status).set(count)
        self._documents.set(documents)
        return generate_latest(self._registry)
