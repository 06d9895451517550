"""The service: people, pages, an API and the queue of backtests between them and the sandbox.

Two processes share one SQLite database. The web process answers requests and never runs a
replay nor a strategy; it starts a worker process, which claims queued backtests, drives the
sandbox, replays the orders, computes the results and stores them.
"""

from __future__ import annotations

VERSION = "0.1.0"
