"""From the queue to a stored result: claiming, running, replaying, storing.

`worker` is a process beside the web process, `worker_link` the line between them. `scheduler`
claims jobs fairly, an `executor` runs them, `execution` replays what came back and stores it.
"""
