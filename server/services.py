"""Services: what handlers need of the running service, made once and handed in by name."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from server.db import Store
from server.passwords import Passwords
from server.request_counts import RequestCounts
from server.settings import Settings
from server.throttle import LoginThrottle


@dataclass(frozen=True, eq=False)
class Services:
    """A handler asks for `services: NamedDependency[Services]`."""

    settings: Settings
    store: Store
    passwords: Passwords
    logins: LoginThrottle = field(default_factory=LoginThrottle)
    counts: RequestCounts = field(default_factory=RequestCounts)
    stopping: threading.Event = field(default_factory=threading.Event)
