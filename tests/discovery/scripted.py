"""A source that does what a test says, and a service that listens to it, for virtual time."""

from collections.abc import Callable

from meshlib.discovery.config import parse_source
from meshlib.discovery.lookup import Answer
from meshlib.discovery.watching import Watch
from meshlib.endpoint import Endpoints
from meshlib.events import Event


class Scripted:
    """Answers with what `behaviour` returns or raises; it may be replaced at any time."""

    def __init__(self, behaviour: Callable[[], Answer]) -> None:
        self.behaviour = behaviour
        self.asked = 0

    async def resolve(self) -> Answer:
        return self.resolve_blocking(None)

    def resolve_blocking(self, timeout: float | None) -> Answer:
        self.asked += 1
        return self.behaviour()


def hosts(*ips: str, ttl: float | None = None) -> Callable[[], Answer]:
    return lambda: Answer(tuple((ip, None) for ip in ips), ttl)


def raising(error: BaseException) -> Callable[[], Answer]:
    def behave() -> Answer:
        raise error

    return behave


class Service:
    """The endpoints of a service, and every event about them."""

    def __init__(self, url: str = "system://pay:8080", name: str = "pay") -> None:
        self.endpoints = Endpoints()
        self.events: list[Event] = []
        self.watch = Watch(parse_source(url), self.endpoints, name, self.events.append)

    @property
    def names(self) -> list[str]:
        current = self.endpoints.current
        return [e.name for e in current.endpoints] if current else []
