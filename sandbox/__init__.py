"""Runs strangers' code in a locked room. Assume that the code is hostile and that it knows us.

Theory of operation
===================

Four kinds of process, each with less power than the one before:

    supervisor    the worker (or `sandtable run`): `client`, `supervisor`, `verdicts`. Has the
        |         database, the files and the network of the service. Reads frames.
        |  fixed structs and descriptors, over a socket pair
    fork server   `forkserver`: exec'ed anew with a constructed environment, so that it inherits no
        |         secret; imports and exercises everything a strategy may use (`warmup`); then only
        |         forks, and tells how each child ended. Never reads a byte of a tenant's.
        |  fork
    child         `child`: locks itself in, step by step, then does one task (`tasks`) and ends.
                  The only process in which a tenant's text is parsed or run.

Into a child go sealed memory with the job and sealed memory with the bars (`sealed`). Out of it
come two pipes: the log, raw bytes of which a bounded part is kept, and the result, frames that
are judged before they are allocated (`wire`). Nothing is unpickled. There is one more way in, for
a child that repeats a run to see whether it looks ahead: a pipe from which it is fed its bars
(`dialogue`, `rechecks`, `fed_tasks`), the one thing that a filter of its own lets it read.

A child may also run a strategy again and again, with one set of parameters after another
(`set_tasks`, `parameter_sets`). It is the same child with the same locks; sets of one tenant share
nothing but the bars, what a strategy can change outside its module is put back between them
(`strategy_code`), and some are run again alone, to see whether that is so.

Why it holds
============

- The first wall is a list of the 23 system calls that computing needs (`seccomp`). None of them
  names a file, a socket or another process; memory cannot become executable; only the two pipes
  can be written. It cannot be taken off again.
- The second wall is a Landlock domain without files, TCP or outsiders (`landlock`): it stands if
  a number in the first is wrong.
- As root, each child has a user id of its own that owns nothing (`pool`). It cannot be traced, it
  dumps no core, it gains no privilege, it dies with the fork server, which ends with the
  supervisor.
- What it may use up is bounded by the kernel (`rlimits`), and by the supervisor: wall clock, log
  and result bytes are counted outside, and the only signal is SIGKILL. `admission` keeps the sum
  of budgets below the machine's memory.
- Each lock fails closed: a step that fails ends the child (`child.main` reads in the order of the
  steps), and the child rattles at each door before it says HELLO. The service does the same at
  start (`probes`), through real children, and serves no strategies when a door opens.
- The supervisor believes nothing: the orders that a child reports are replayed by trusted code,
  and a child that claims other fills has committed a security violation. Plots and indicators
  cannot be replayed; they are counted and bounded frame by frame, and drawn, and nothing else.

The language layer (`compiler` and its modules) is courtesy: it keeps results honest and errors
kind, and it shuts the easy paths. No argument above uses it; the attack tests run plain Python in
the same room, by a fork server that only the tests have.

What remains: one kernel for all, and what any computation can see of it (clocks, its own process
id, shared caches). SECURITY.md has the table.
"""
