"""Snapshots: whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Store, parse

from hfm_kg import store
from hfm_kg.errors import SnapshotError
from hfm_kg.store import Snapshot

THING, VALUE = NamedNode("https://example.org/thing"), NamedNode("https://example.org/value")


def quads(value: str, count: int = 1) -> list[Quad]:
    return [Quad(THING, VALUE, Literal(f"{value}{number}")) for number in range(count)]


def write(folder: Path, value: str) -> Snapshot:
    return store.write(folder, value, quads(value), {"value": value})


def values(opened: Store) -> set[str]:
    return {quad.object.value for quad in opened if isinstance(quad.object, Literal)}


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "snapshots").iterdir()}


def test_what_is_written_is_current_and_can_be_read(tmp_path: Path) -> None:
    written = store.write(tmp_path, "one", quads("a", 3), {"colour": "green"})
    assert store.current(tmp_path) == written
    assert written.manifest == {"name": "one", "colour": "green"}
    assert set(written.open()) == set(quads("a", 3))
    assert set(parse(path=str(written.dump), format=RdfFormat.N_QUADS)) == set(quads("a", 3))


def test_the_folder_is_made_if_need_be(tmp_path: Path) -> None:
    assert write(tmp_path / "not" / "there", "a").manifest["value"] == "a"


def test_the_dump_is_sorted_and_free_of_repetitions() -> None:
    wanted = store.nquads(quads("a", 12))
    assert store.nquads(reversed(quads("a", 12))) == wanted
    assert wanted.splitlines() == sorted(wanted.splitlines())
    assert store.nquads([]) == b""


def test_a_snapshot_is_read_only(tmp_path: Path) -> None:
    opened = write(tmp_path, "a").open()
    with pytest.raises(RuntimeError, match="read-write"):
        opened.extend(quads("b"))
    assert values(opened) == {"a0"}


def test_the_next_snapshot_takes_the_place_of_the_first(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b")
    assert values(store.current(tmp_path).open()) == {"b0"}


def test_until_a_snapshot_is_whole_the_one_before_is_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = write(tmp_path, "a")
    seen = []
    for name in ("rename", "replace"):
        swap = getattr(Path, name)

        def looked(self: Path, target: Path, swap: Callable[[Path, Path], Path] = swap) -> Path:
            seen.append(store.current(tmp_path))
            return swap(self, target)

        monkeypatch.setattr(Path, name, looked)
    write(tmp_path, "b")
    assert seen == [before, before]


def test_a_reader_keeps_its_snapshot_while_another_is_written(tmp_path: Path) -> None:
    many = store.write(tmp_path, "a", quads("a", 20_000), {}).open()
    begun = iter(many)
    first = next(begun)
    write(tmp_path, "b")
    assert {first, *begun} == set(quads("a", 20_000))
    assert len(many) == 20_000
    assert values(store.current(tmp_path).open()) == {"b0"}


def test_the_current_snapshot_and_the_one_before_stay(tmp_path: Path) -> None:
    for value in "abcd":
        write(tmp_path, value)
    assert names(tmp_path) == {"c", "d"}


def test_a_snapshot_that_is_held_stays_however_old_it_is(tmp_path: Path) -> None:
    first = write(tmp_path, "a")
    with first.held(), first.held():
        for name in "bcd":
            write(tmp_path, name)
        assert names(tmp_path) == {"a", "c", "d"}
        assert values(first.open()) == {"a0"}
    write(tmp_path, "e")
    assert names(tmp_path) == {"d", "e"}
    with pytest.raises(SnapshotError, match="has gone"), first.held():
        pass


def test_what_ends_with_its_process_holds_nothing(tmp_path: Path) -> None:
    first = write(tmp_path, "a")
    program = f"""if True:
        from pathlib import Path
        from hfm_kg.store import current
        with current(Path({str(tmp_path)!r})).held():
            print("held", flush=True)
            input()
    """
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        write(tmp_path, "b")
        write(tmp_path, "c")
        assert first.dump.exists()
        holder.kill()
    write(tmp_path, "d")
    assert names(tmp_path) == {"c", "d"}


def test_the_same_snapshot_can_be_written_again_and_again(tmp_path: Path) -> None:
    paths = [write(tmp_path, "a").path for _ in range(4)]
    assert len(names(tmp_path)) == 2
    assert paths[-1] != paths[-2]
    assert {path.name for path in paths[-2:]} == names(tmp_path)
    assert values(store.current(tmp_path).open()) == {"a0"}


def test_a_clock_that_was_set_back_does_not_cost_the_current_snapshot(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b")
    for path in (tmp_path / "snapshots").iterdir():
        os.utime(path, (4e9, 4e9))
    assert values(write(tmp_path, "c").open()) == {"c0"}
    assert {"b", "c"} <= names(tmp_path)


def test_without_a_snapshot_the_error_tells_the_cure(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match=r"no snapshot in .*; make one with: hfm-kg build"):
        store.current(tmp_path)


def manifest_folder(snapshot: Snapshot) -> None:
    (snapshot.path / "manifest.json").unlink()
    (snapshot.path / "manifest.json").mkdir()


def no_store(snapshot: Snapshot) -> None:
    (snapshot.path / "store").rename(snapshot.path / "elsewhere")


def cut_store(snapshot: Snapshot) -> None:
    for path in (snapshot.path / "store").glob("*.sst"):
        path.write_bytes(b"")


def content(place: str, value: bytes) -> Callable[[Snapshot], None]:
    def change(snapshot: Snapshot) -> None:
        (snapshot.path / place).write_bytes(value)

    return change


SPOILT: dict[str, Callable[[Snapshot], None]] = {
    "the pointer is no text": content("../../current", b"\xff"),
    "the pointer holds NUL": content("../../current", b"a\0"),
    "the pointer points nowhere": content("../../current", b"nowhere\n"),
    "the manifest is no JSON": content("manifest.json", b"{"),
    "the manifest is no object": content("manifest.json", b"[]"),
    "the manifest is no text": content("manifest.json", b"\xff"),
    "the manifest is a folder": manifest_folder,
    "the store is not there": no_store,
    "the store is cut off": cut_store,
    "the store is garbled": content("store/CURRENT", b"garbage"),
}


@pytest.mark.parametrize("change", SPOILT.values(), ids=SPOILT.keys())
def test_a_spoilt_snapshot_gives_an_error_with_the_cure_and_can_be_replaced(
    change: Callable[[Snapshot], None], tmp_path: Path
) -> None:
    change(write(tmp_path, "a"))
    with pytest.raises(SnapshotError, match=r"build it anew|make one with: hfm-kg build"):
        store.current(tmp_path).open()
    assert values(write(tmp_path, "b").open()) == {"b0"}


def test_a_folder_that_cannot_be_written_gives_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SnapshotError, match=r"cannot write a snapshot to .*file"):
        write(tmp_path / "file" / "below", "a")


def test_a_write_that_fails_leaves_the_snapshot_before_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write(tmp_path, "a")
    monkeypatch.setattr(json, "dumps", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(tmp_path, "b")
    assert store.current(tmp_path) == before
    assert names(tmp_path) == {"a"}


KILLED = """
import sys
from pathlib import Path
from unittest import mock
from pyoxigraph import Literal, NamedNode, Quad
from hfm_kg import store

def stop(*_, **__):
    print("here", flush=True)
    sys.stdin.read()

term = NamedNode("https://example.org/thing")
with mock.patch(sys.argv[2], stop):
    store.write(Path(sys.argv[1]), "killed", [Quad(term, term, Literal("killed"))], {})
"""


@pytest.mark.parametrize("place", ["hfm_kg.store.Store", "json.dumps", "pathlib.Path.rename", "pathlib.Path.replace"])
def test_a_killed_write_leaves_the_snapshot_before_and_the_next_one_cleans_up(place: str, tmp_path: Path) -> None:
    before = write(tmp_path, "a")
    command = [sys.executable, "-c", KILLED, str(tmp_path), place]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        assert len(names(tmp_path)) == 2
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert store.current(tmp_path) == before
    assert values(before.open()) == {"a0"}
    write(tmp_path, "b")
    write(tmp_path, "c")
    assert names(tmp_path) == {"b", "c"}
    assert {path.name for path in tmp_path.iterdir()} == {"current", "snapshots"}


def test_what_a_running_build_has_begun_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "snapshots" / f".building-{os.getpid()}-x"
    strange = tmp_path / "snapshots" / ".building-by-hand"
    for path in (mine, strange):
        path.mkdir(parents=True)
    write(tmp_path, "a")
    assert names(tmp_path) == {"a", mine.name, strange.name}
