"""The life of a child: the fork server forks it, it locks itself in, does one task, and ends.

`forkserver` is warm and reads no tenant's byte; `lockdown` shuts the locks in the order that its
`main` reads; `tasks` run a strategy, a check or a cut in the locked room.
"""
