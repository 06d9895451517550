"""The semaphore that keeps the sum of budgets below the machine's memory."""

from __future__ import annotations

import threading
from pathlib import Path

from sandbox.outside.admission import MIB, OVERHEAD_MB, Admission, machine_memory_mb


def test_as_many_are_let_in_as_fit() -> None:
    admission = Admission(2 * (100 + OVERHEAD_MB))
    with admission.admitted(100) as first, admission.admitted(100) as second:
        assert first
        assert second
        with admission.admitted(100, lambda: True) as third:
            assert not third
    with admission.admitted(100, lambda: True) as again:
        assert again


def test_who_waits_is_let_in_when_there_is_room() -> None:
    admission = Admission(100 + OVERHEAD_MB)
    asked, inside = threading.Event(), threading.Event()

    def wait() -> None:
        with admission.admitted(100, lambda: bool(asked.set())) as admitted:
            assert admitted
            inside.set()

    with admission.admitted(100):
        thread = threading.Thread(target=wait)
        thread.start()
        assert asked.wait(10)
        assert not inside.is_set()
    thread.join(10)
    assert inside.is_set()


def test_one_larger_than_the_machine_runs_alone() -> None:
    admission = Admission(100)
    with admission.admitted(5000) as alone:
        assert alone
        with admission.admitted(1, lambda: True) as other:
            assert not other


def test_room_is_given_back_when_a_run_raises() -> None:
    admission = Admission(100)
    try:
        with admission.admitted(50):
            raise RuntimeError
    except RuntimeError:
        pass
    with admission.admitted(50, lambda: True) as admitted:
        assert admitted


def test_the_machine_has_memory() -> None:
    assert machine_memory_mb() > 100
    assert Admission.of_this_machine().capacity_mb < machine_memory_mb()
    assert Admission.of_this_machine(except_mb=10**9).capacity_mb == 1


def test_the_limit_of_a_service_managers_unit_is_seen(tmp_path: Path) -> None:
    """`MemoryMax=` on the unit, a looser one on its slice, none on the unit's own child."""
    own = tmp_path / "cgroup"
    own.write_text("1:name=systemd:/\n0::/system.slice/sandtable.service/main\n")
    mount = tmp_path / "fs"
    unit = mount / "system.slice" / "sandtable.service"
    (unit / "main").mkdir(parents=True)
    (unit / "main" / "memory.max").write_text("max\n")
    (unit / "memory.max").write_text(f"{300 * MIB}\n")
    (unit.parent / "memory.max").write_text(f"{400 * MIB}\n")
    assert machine_memory_mb(own, mount) == 300
    (unit.parent / "memory.max").write_text(f"{200 * MIB}\n")
    assert machine_memory_mb(own, mount) == 200


def test_the_limit_of_an_older_tree_is_seen(tmp_path: Path) -> None:
    own = tmp_path / "cgroup"
    own.write_text("4:cpu,memory:/docker/abc\n0::/\n")
    group = tmp_path / "fs" / "memory" / "docker" / "abc"
    group.mkdir(parents=True)
    (group / "memory.limit_in_bytes").write_text(f"{300 * MIB}\n")
    (tmp_path / "fs" / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert machine_memory_mb(own, tmp_path / "fs") == 300


def test_inside_a_container_the_limit_is_at_the_root(tmp_path: Path) -> None:
    own = tmp_path / "cgroup"
    own.write_text("0::/\n")
    (tmp_path / "memory.max").write_text(f"{300 * MIB}\n")
    assert machine_memory_mb(own, tmp_path) == 300
    own.write_text("0::/../../not/here\n")
    assert machine_memory_mb(own, tmp_path) == 300


def test_without_control_groups_the_machine_is_the_limit(tmp_path: Path) -> None:
    assert machine_memory_mb(tmp_path / "none", tmp_path) > 100


def test_the_trusted_side_counts_beside_the_children() -> None:
    admission = Admission(1000)
    with admission.held(950) as held:
        assert held
        with admission.admitted(1, lambda: True) as other:
            assert not other
        with admission.held(100, cancelled=lambda: True) as more:
            assert not more


def test_who_holds_room_for_a_child_does_not_wait_for_it_again() -> None:
    admission = Admission(500 + 100 + OVERHEAD_MB)
    with admission.held(500, 100) as held:
        assert held
        for _ in range(2):
            with admission.admitted(100, lambda: True) as child:
                assert child
        with admission.admitted(101, lambda: True) as larger:
            assert not larger

        def come() -> None:
            with admission.admitted(100, lambda: True) as strangers:
                results.append(strangers)

        results: list[bool] = []
        other = threading.Thread(target=come)
        other.start()
        other.join()
        assert results == [False]
    with admission.admitted(596, lambda: True) as all_of_it:
        assert all_of_it
