import pytest

from engine.errors import ValidationError
from server.accounts.users import set_disabled
from server.backtests.shares import create_share, find_share, list_shares, revoke_share
from tests.server.builders import queue_runs


@pytest.fixture
def run(fresh_db, settings, alice):
    return queue_runs(fresh_db, settings, alice)[0]


def test_a_link_opens_its_backtest_until_revoked(fresh_db, alice, run):
    secret = create_share(fresh_db, alice.id, run.id, with_code=True, days=7)
    share = find_share(fresh_db, secret)
    assert (share.backtest_id, share.with_code) == (run.id, True)
    assert list_shares(fresh_db, alice.id, run.id) == [share]
    assert revoke_share(fresh_db, alice.id, share.id)
    assert find_share(fresh_db, secret) is None


def test_a_link_expires(fresh_db, alice, run):
    secret = create_share(fresh_db, alice.id, run.id, with_code=False, days=1)
    with fresh_db.write() as db:
        db.conn.execute("update shares set expires_at_ms = 1")
    assert find_share(fresh_db, secret) is None
    assert list_shares(fresh_db, alice.id, run.id) == []


def test_the_links_of_a_locked_account_open_nothing(fresh_db, alice, run):
    secret = create_share(fresh_db, alice.id, run.id, with_code=False, days=1)
    set_disabled(fresh_db, alice.id, True)
    assert find_share(fresh_db, secret) is None


def test_the_secret_is_not_stored(fresh_db, alice, run):
    secret = create_share(fresh_db, alice.id, run.id, with_code=False, days=1)
    assert secret not in str([tuple(row) for row in fresh_db.rows("select * from shares")])


def test_another_user_can_neither_share_nor_revoke(fresh_db, alice, bob, run):
    assert create_share(fresh_db, bob.id, run.id, with_code=False, days=1) is None
    create_share(fresh_db, alice.id, run.id, with_code=False, days=1)
    (share,) = list_shares(fresh_db, alice.id, run.id)
    assert not revoke_share(fresh_db, bob.id, share.id)


@pytest.mark.parametrize("days", [0, 366])
def test_a_time_out_of_bounds_is_refused(fresh_db, alice, run, days):
    with pytest.raises(ValidationError):
        create_share(fresh_db, alice.id, run.id, with_code=False, days=days)
