"""Records made up for tests."""

from meshlib.cli.demo.record import Record


def record(due=0.0, ok=True, seconds=0.02, method="GET", attempts=1):
    return Record(due, method, ok, seconds, attempts, "200" if ok else "ConnectError")


def steady(start, end, rate, failing=()):
    """A call every 1/rate seconds from start to end; those due within one of the `failing` stretches fail."""
    count = round((end - start) * rate)
    times = [start + number / rate for number in range(count)]
    return [record(due=t, ok=not any(a <= t < b for a, b in failing)) for t in times]
