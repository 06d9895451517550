"""The schema, as steps that are only ever added to. Times are ms since the epoch, UTC."""

from __future__ import annotations

from sqlite_utils import Database, Migrations

migrations = Migrations("sandtable")

ACCOUNTS = """
create table users (
    id integer primary key autoincrement,
    name text not null unique collate nocase,
    password_hash text not null,
    is_admin integer not null default 0 check (is_admin in (0, 1)),
    disabled_at_ms integer,
    created_at_ms integer not null,
    max_running integer,
    max_queued integer,
    max_storage_mb integer,
    last_claim integer not null default 0
) strict;

create table sessions (
    digest text primary key,
    user_id integer not null references users (id) on delete cascade,
    created_at_ms integer not null,
    expires_at_ms integer not null,
    address text not null default ''
) strict, without rowid;
create index sessions_user on sessions (user_id);

create table tokens (
    id integer primary key autoincrement,
    user_id integer not null references users (id) on delete cascade,
    label text not null default '',
    prefix text not null,
    digest text not null unique,
    created_at_ms integer not null,
    last_used_at_ms integer,
    expires_at_ms integer
) strict;
create index tokens_user on tokens (user_id);
"""

STRATEGIES = """
create table blobs (
    sha256 text primary key,
    body text not null
) strict, without rowid;

create table strategies (
    id text primary key,
    user_id integer not null references users (id) on delete cascade,
    name text not null,
    version integer not null,
    created_at_ms integer not null,
    updated_at_ms integer not null
) strict;
create index strategies_user on strategies (user_id, updated_at_ms);

create table strategy_versions (
    strategy_id text not null references strategies (id) on delete cascade,
    version integer not null,
    source_sha256 text not null references blobs (sha256),
    name text not null,
    valid integer not null check (valid in (0, 1)),
    problems text not null,
    parameters text not null,
    created_at_ms integer not null,
    primary key (strategy_id, version)
) strict;
create index strategy_versions_source on strategy_versions (source_sha256);
"""

# `seq` orders the queue and the lists, `attempt` counts the times a run was started; a result
# counts only when it carries the attempt that is in force.
BACKTESTS = """
create table backtests (
    seq integer primary key autoincrement,
    id text not null unique,
    user_id integer not null references users (id) on delete cascade,
    name text not null,
    status text not null
        check (status in ('queued', 'running', 'completed', 'failed', 'cancelled')),
    symbol text not null,
    timeframe text not null,
    trading_mode text not null,
    payload_sha256 text not null references blobs (sha256),
    source_sha256 text not null references blobs (sha256),
    strategy_id text,
    strategy_version integer,
    created_at_ms integer not null,
    started_at_ms integer,
    finished_at_ms integer,
    attempt integer not null default 0,
    cancel_requested integer not null default 0 check (cancel_requested in (0, 1)),
    bars_done integer not null default 0,
    bars integer not null default 0,
    error text,
    summary text,
    storage_bytes integer not null default 0
) strict;
create index backtests_user on backtests (user_id, seq);
create index backtests_queue on backtests (user_id, seq) where status = 'queued';
create index backtests_live on backtests (status) where status in ('queued', 'running');
create index backtests_strategy on backtests (strategy_id);
create index backtests_source on backtests (source_sha256);
create index backtests_payload on backtests (payload_sha256);
create index backtests_finished on backtests (finished_at_ms) where status = 'completed';

create table idempotency_keys (
    user_id integer not null references users (id) on delete cascade,
    key text not null,
    request_sha256 text not null,
    backtest_ids text not null,
    created_at_ms integer not null,
    primary key (user_id, key)
) strict, without rowid;
"""

# What people write on their backtests, and the links by which they show one.
MARKS = """
create table marks (
    backtest_id text primary key references backtests (id) on delete cascade,
    starred integer not null default 0 check (starred in (0, 1)),
    tags text not null default '',
    note text not null default ''
) strict, without rowid;

create table shares (
    id integer primary key autoincrement,
    digest text not null unique,
    backtest_id text not null references backtests (id) on delete cascade,
    user_id integer not null references users (id) on delete cascade,
    with_code integer not null check (with_code in (0, 1)),
    created_at_ms integer not null,
    expires_at_ms integer not null
) strict;
create index shares_backtest on shares (backtest_id);
"""


@migrations(name="0001_accounts")
def accounts(db: Database) -> None:
    _run(db, ACCOUNTS)


@migrations(name="0002_strategies")
def strategies(db: Database) -> None:
    _run(db, STRATEGIES)


@migrations(name="0003_backtests")
def backtests(db: Database) -> None:
    _run(db, BACKTESTS)


@migrations(name="0004_marks")
def marks(db: Database) -> None:
    _run(db, MARKS)


@migrations(name="0005_equity")
def equity(db: Database) -> None:
    # What the portfolio of a running backtest was last heard to be worth: the child's claim, shown
    # while one waits and replaced by the replay's figures at the end.
    _run(db, "alter table backtests add column equity real")


@migrations(name="0006_figures")
def figures(db: Database) -> None:
    # What a list shows of a result, as columns to sort and narrow by. They are read from the
    # summary, so that they cannot differ from it; the indexes keep what was read.
    for name in (
        "total_return",
        "buy_and_hold_return",
        "max_drawdown",
        "sharpe_ratio",
        "closed_trades",
    ):
        _run(
            db,
            f"alter table backtests add column {name} real"
            f" generated always as (json_extract(summary, '$.metrics.{name}')) virtual;\n"
            f"create index backtests_{name} on backtests (user_id, {name}, seq);\n",
        )


@migrations(name="0007_indexes")
def indexes(db: Database) -> None:
    # Who waits and what runs, in the order in which an account's runs are claimed (seq, the row's
    # number, ends every index), and what an account stores: found without reading the rows of all
    # that ended. The two partial indexes served fewer of these questions than they seemed to:
    # SQLite does not take an index on "status in (...)" for "status = ...".
    _run(
        db,
        """drop index backtests_live;
        drop index backtests_queue;
        create index backtests_status on backtests (status, user_id, attempt);
        create index backtests_storage on backtests (user_id, storage_bytes);
        """,
    )


@migrations(name="0008_scopes")
def scopes(db: Database) -> None:
    # What a token may do, and when a session last proved that its user knows the password. Tokens
    # made before may do what they could; sessions made before are asked once more.
    _run(
        db,
        """alter table tokens add column scope text not null default 'run'
            check (scope in ('read', 'run'));
        alter table sessions add column confirmed_at_ms integer not null default 0;
        """,
    )


# Not bound to `users`: what was done to an account is still told when the account is gone.
AUDIT = """
create table audit (
    seq integer primary key autoincrement,
    at_ms integer not null,
    kind text not null,
    actor text not null,
    actor_id integer,
    subject text not null,
    subject_id integer,
    address text not null default '',
    detail text not null default ''
) strict;
create index audit_subject on audit (subject_id, seq);
create index audit_failed on audit (subject_id, (kind = 'sign_in_failed'), seq);
create index audit_at on audit (at_ms)
"""


@migrations(name="0009_audit")
def audit(db: Database) -> None:
    _run(db, AUDIT)
    db.conn.execute(
        "create trigger audit_is_only_added_to before update on audit"
        " begin select raise(abort, 'the audit log is only added to'); end"
    )


# A list's filters are judged in these indexes alone: a row lies beside some kilobytes of summary,
# and reading 50,000 of those to find none that fits takes a fifth of a second. Star and tags are
# copied from the marks, so that they are in the index too.
LISTS = """
alter table backtests add column starred integer not null default 0;
alter table backtests add column tags text not null default '';
update backtests set starred = m.starred, tags = m.tags from marks m
    where m.backtest_id = backtests.id;
create index backtests_list on backtests (user_id, seq, status, symbol, starred, tags,
    total_return, buy_and_hold_return, max_drawdown, sharpe_ratio, closed_trades);
create index backtests_search on backtests (user_id, seq, name, id);
create index backtests_all on backtests (user_id, seq, name, id, status, symbol, starred, tags,
    total_return, buy_and_hold_return, max_drawdown, sharpe_ratio, closed_trades);
create index backtests_of_status on backtests (user_id, status, seq);
create index backtests_of_symbol on backtests (user_id, symbol, seq);
drop index backtests_strategy;
create index backtests_of_strategy on backtests (strategy_id, user_id, seq);
create index backtests_of_tags on backtests (user_id, tags) where tags <> ''
"""


@migrations(name="0010_lists")
def lists(db: Database) -> None:
    _run(db, LISTS)
    copied = "update backtests set starred = {starred}, tags = {tags} where id = {row}.backtest_id"
    for event, row in (("insert", "new"), ("update", "new"), ("delete", "old")):
        gone = event == "delete"
        change = copied.format(
            row=row,
            starred="0" if gone else "new.starred",
            tags="''" if gone else "new.tags",
        )
        db.conn.execute(f"create trigger marks_{event} after {event} on marks begin {change}; end")


@migrations(name="0011_storage")
def storage(db: Database) -> None:
    # What a run's cache and its own code take, what is set aside for it until it ends, and what
    # each version's code takes: all that an account stores is found without a look at every run.
    _run(
        db,
        """alter table backtests add column cache_bytes integer not null default 0;
        alter table backtests add column code_bytes integer not null default 0;
        alter table backtests add column reserved_bytes integer not null default 0;
        alter table strategy_versions add column code_bytes integer not null default 0;
        update strategy_versions set code_bytes = (
            select length(cast(body as blob)) from blobs where sha256 = source_sha256);
        alter table users add column runs_bytes integer not null default 0;
        drop index backtests_storage;
        create index strategy_versions_code on strategy_versions
            (strategy_id, source_sha256, code_bytes);
        update users set runs_bytes = (
            select coalesce(sum(storage_bytes), 0) from backtests where user_id = users.id);
        """,
    )
    # What an account's runs take is asked at every claim, and must not cost more with every run
    # that has ended: it is kept as they change.
    total = "{0}.storage_bytes + {0}.cache_bytes + {0}.code_bytes"
    for event, change, row in (
        ("insert", total.format("new"), "new"),
        (
            "update of storage_bytes, cache_bytes, code_bytes",
            f"{total.format('new')} - ({total.format('old')})",
            "new",
        ),
        ("delete", f"-({total.format('old')})", "old"),
    ):
        db.conn.execute(
            f"create trigger backtests_bytes_{event.split()[0]} after {event} on backtests begin"
            f" update users set runs_bytes = runs_bytes + {change} where id = {row}.user_id; end"
        )


@migrations(name="0012_slow_bars")
def slow_bars(db: Database) -> None:
    # When a running backtest was last heard to have finished a bar, and the line it is at since.
    _run(
        db,
        """alter table backtests add column bar_at_ms integer;
        alter table backtests add column line integer""",
    )


@migrations(name="0013_ended")
def ended(db: Database) -> None:
    # What is too old to be kept is found without reading what is not.
    _run(
        db,
        "create index backtests_ended on backtests (finished_at_ms)"
        " where finished_at_ms is not null",
    )


@migrations(name="0014_version_messages")
def version_messages(db: Database) -> None:
    _run(db, "alter table strategy_versions add column message text not null default ''")


# A list that is sorted by a figure is read in that order until it has a page: whatever else it is
# narrowed by has to be in the same index, or all of the account's runs are sorted first.
SORTED = """
drop index backtests_{0};
create index backtests_{0} on backtests (user_id, {0}, seq, status, symbol, starred, tags,
    name, id, {1})
"""


@migrations(name="0015_sorted_lists")
def sorted_lists(db: Database) -> None:
    names = (
        "total_return",
        "buy_and_hold_return",
        "max_drawdown",
        "sharpe_ratio",
        "closed_trades",
    )
    for name in names:
        _run(db, SORTED.format(name, ", ".join(other for other in names if other != name)))


# Rows outlive the runs that they are of; families their strategies: what was tried was tried.
LEDGER = """
create table families (
    id text primary key,
    user_id integer not null references users (id) on delete cascade,
    strategy_id text,
    created_at_ms integer not null
) strict, without rowid;
create index families_user on families (user_id);
create unique index families_strategy on families (strategy_id) where strategy_id is not null;

create table family_codes (
    seq integer primary key autoincrement,
    family text not null references families (id) on delete cascade,
    words_sha256 text not null,
    words text not null,
    unique (family, words_sha256)
) strict;

create table trial_ledger (
    seq integer primary key autoincrement,
    at_ms integer not null,
    user_id integer not null references users (id) on delete cascade,
    kind text not null check (kind in ('run', 'trial', 'walk_forward')),
    family text not null,
    config_hash text not null,
    symbols text not null,
    timeframe text not null,
    trading_mode text not null,
    start_date text not null,
    end_date text not null,
    days integer not null,
    sharpe real,
    skewness real,
    kurtosis real,
    status text not null,
    backtest_id text,
    study_id text,
    fold integer,
    trial integer
) strict;
create unique index trial_ledger_once on trial_ledger
    (user_id, family, config_hash, start_date, end_date);
create index trial_ledger_user on trial_ledger (user_id, seq)
"""


@migrations(name="0016_ledger")
def ledger(db: Database) -> None:
    _run(db, LEDGER)
    db.conn.execute(
        "create trigger trial_ledger_is_only_added_to before update on trial_ledger"
        " begin select raise(abort, 'the trial ledger is only added to'); end"
    )


def unknown_steps(db: Database) -> list[str]:
    """Steps that the database went through and this program does not know: of a newer one."""
    known = {step.name for step in migrations.pending(Database(memory=True))}
    return [step.name for step in migrations.applied(db) if step.name not in known]


def _run(db: Database, script: str) -> None:
    # Not executescript: that would commit the transaction the migration runs in.
    for statement in script.split(";\n"):
        if statement.strip():
            db.conn.execute(statement)
