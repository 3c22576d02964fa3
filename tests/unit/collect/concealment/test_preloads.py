"""What is preloaded is read where the loader reads it, each library with whom it hides and whom it names."""

from __future__ import annotations

import hashlib

import pytest

from davy.collect.concealment.preloads import preloads
from davy.host import Host, MemoryRoot, RecordedKernel
from davy.host.clean_start import Start
from davy.host.procfs import RecordedProcfs
from davy.model.concealment import Preload, PreloadKind
from davy.model.facts import Gap

INFO = "/var/lib/dpkg/info/"
LOADER = "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
GENUINE = "\x7fELF ... GLIBC_PRIVATE\0/etc/ld.so.preload\0 ..."


def md5(content: str) -> str:
    return hashlib.md5(content.encode()).hexdigest()


def stat(pid: int, name: str, started: int = 100) -> str:
    return f"{pid} ({name}) S 1 1 1 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 {started} 0 0 " + "0 " * 20


def processes(*named: tuple[int, str], **files: str) -> RecordedProcfs:
    """Processes that share Davy's files, each running ``/opt/NAME``."""
    answers: dict[str, bytes | str] = {"self/ns/mnt": "->mnt:[1]"}
    for pid, name in named:
        answers |= {f"{pid}/stat": stat(pid, name), f"{pid}/exe": f"->/opt/{name}", f"{pid}/environ": "A=b\0"}
    return RecordedProcfs(answers | files)


def read(files: dict[str, str], procfs: RecordedProcfs | None = None, start: Start | None = None) -> list[Preload]:
    return [one for one in everything(files, procfs, start) if isinstance(one, Preload)]


def everything(
    files: dict[str, str], procfs: RecordedProcfs | None = None, start: Start | None = None
) -> list[Preload | Gap]:
    kernel = RecordedKernel(procfs) if procfs else None
    return list(preloads(Host(MemoryRoot(files), kernel, start or Start())))


def test_a_host_without_a_preload_file_has_nothing_to_tell() -> None:
    assert everything({"/etc/passwd": ""}, processes((7, "netdnsd"))) == []


def test_every_entry_of_the_preload_file_with_its_line() -> None:
    text = "# ours\n\n/opt/a.so:/opt/b.so\n/opt/gone.so\n"
    found = read({"/etc/ld.so.preload": text, "/opt/a.so": "a", "/opt/b.so": "b"})
    assert [(one.kind, one.path, one.line, one.text, one.library is not None) for one in found] == [
        (PreloadKind.FILE, "/opt/a.so", 3, "/opt/a.so:/opt/b.so", True),
        (PreloadKind.FILE, "/opt/b.so", 3, "/opt/a.so:/opt/b.so", True),
        (PreloadKind.FILE, "/opt/gone.so", 4, "/opt/gone.so", False),
    ]


@pytest.mark.parametrize(
    ("entry", "path"), [("/$LIB/x.so", "/lib64/x.so"), ("/${LIB}/x.so", "/lib64/x.so"), ("y.so", "/usr/local/lib/y.so")]
)
def test_an_entry_leads_to_the_file_that_the_loader_finds(entry: str, path: str) -> None:
    (one,) = read({"/etc/ld.so.preload": entry, "/lib64/x.so": "x", "/usr/local/lib/y.so": "y"})
    assert (one.entry, one.path) == (entry, path)
    assert one.library is not None


def test_a_package_s_library_is_known_as_such() -> None:
    files = {INFO + "libx.list": "/usr/lib/x.so\n", INFO + "libx.md5sums": f"{md5('x')}  usr/lib/x.so\n"}
    for content, unmodified in (("x", True), ("y", False)):
        (one,) = read({**files, "/etc/ld.so.preload": "/usr/lib/x.so", "/usr/lib/x.so": content})
        assert one.library is not None
        assert (one.library.owner_package, one.library.unmodified) == ("libx", unmodified)


def test_a_variable_in_an_environment() -> None:
    procfs = processes(
        (7, "app"), (8, "other"),
        **{"7/environ": "A=b\0LD_PRELOAD=/opt/a.so /opt/a.so\0", "8/environ": "LD_AUDIT=/opt/a.so\0", "8/root": "->/",
           "8/ns/mnt": "->mnt:[1]", "7/root": "->/", "7/ns/mnt": "->mnt:[1]", "9/environ": "LD_PRELOAD=/opt/a.so\0",
           "9/root": "->/", "9/ns/mnt": "->mnt:[2]"},
    )  # fmt: skip
    found = read({"/opt/a.so": "a"}, procfs)
    assert [(one.kind, one.source, one.path, one.pids) for one in found] == [
        (PreloadKind.ENVIRONMENT, "LD_PRELOAD", "/opt/a.so", (7,)),
        (PreloadKind.ENVIRONMENT, "LD_AUDIT", "/opt/a.so", (8,)),
    ]


def test_whom_the_library_names_is_told_by_whole_texts_alone() -> None:
    files = {"/etc/ld.so.preload": "/opt/a.so", "/opt/a.so": "..\0netdnsd\0..\0oth\0another"}
    (one,) = read(files, processes((7, "netdnsd"), (8, "other"), (9, "anot")))
    assert one.names == ("process:7:100",)


def test_whom_davy_did_not_see_while_the_library_was_loaded() -> None:
    start = Start(was_preloaded=("/opt/a.so",), unlisted=frozenset({7, 99}), listed_at=50.0)
    found = everything({"/etc/ld.so.preload": "/opt/a.so", "/opt/a.so": "a"}, processes((7, "x"), (8, "y")), start)
    assert isinstance(found[0], Gap)
    assert "was preloaded with /opt/a.so; it started again" in found[0].why
    (one,) = (each for each in found if isinstance(each, Preload))
    assert one.hides == ("process:7:100",)


def test_what_only_davy_s_own_environment_named_is_told_too() -> None:
    start = Start(was_preloaded=("/opt/a.so",))
    (one,) = read({"/opt/a.so": "a"}, processes((7, "x")), start)
    assert (one.kind, one.path) == (PreloadKind.ENVIRONMENT, "/opt/a.so")


def test_a_preload_that_could_not_be_left_out_is_a_gap() -> None:
    (gap,) = everything({"/opt/a.so": "a"}, None, Start(still_preloaded=("/opt/a.so",), why="not permitted"))
    assert gap == Gap("preloads", "Davy itself", "is preloaded with /opt/a.so, and goes on: not permitted")


@pytest.mark.parametrize("packaged", [True, False])
def test_the_genuine_loader_is_no_preload(packaged: bool) -> None:
    sums = {INFO + "libc6:amd64.md5sums": f"{md5(GENUINE)}  {LOADER[1:]}\n"} if packaged else {}
    assert read({"/lib64/ld-linux-x86-64.so.2": GENUINE, LOADER: GENUINE, **sums}) == []


def test_a_loader_that_reads_another_file_is_one_and_so_is_what_that_names() -> None:
    patched = GENUINE.replace("/etc/ld.so.preload", "/lib/.x/ld.preload")
    found = read({"/lib64/ld-linux-x86-64.so.2": patched, "/lib/.x/ld.preload": "/opt/a.so\n", "/opt/a.so": "a"})
    assert [(one.kind, one.source, one.path) for one in found] == [
        (PreloadKind.LOADER, "/lib64/ld-linux-x86-64.so.2", "/lib64/ld-linux-x86-64.so.2"),
        (PreloadKind.FILE, "/lib/.x/ld.preload", "/opt/a.so"),
    ]
    assert "/lib/.x/ld.preload" in found[0].text


def test_a_stand_in_for_the_loader_is_none() -> None:
    """musl's, gcompat's and NixOS's stand under its name, and read no preload file."""
    assert read({"/lib64/ld-linux-x86-64.so.2": "\x7fELF ... \0musl libc\0 ..."}) == []


def test_what_anybody_can_have_hashed_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("davy.collect.concealment.preloads._HASHED_LIMIT", 10)
    procfs = processes(
        (7, "app"),
        **{"7/environ": "LD_PRELOAD=/opt/a.so:/opt/b.so:/opt/c.so\0", "7/root": "->/", "7/ns/mnt": "->mnt:[1]"},
    )
    found = read({"/opt/a.so": "a" * 6, "/opt/b.so": "b" * 6, "/opt/c.so": "c" * 4}, procfs)
    assert [(one.path, one.library is not None and one.library.sha256 is not None) for one in found] == [
        ("/opt/a.so", True), ("/opt/b.so", False), ("/opt/c.so", True),
    ]  # fmt: skip


def test_a_search_for_names_ends_in_time_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("davy.collect.concealment.preloads._NAMES_SECONDS", -1.0)
    files = {"/etc/ld.so.preload": "/opt/a.so", "/opt/a.so": "..\0netdnsd\0.."}
    (one, gap) = everything(files, processes((7, "netdnsd")))
    assert isinstance(one, Preload)
    assert one.names == ()
    assert isinstance(gap, Gap)
    assert gap.what == "names in libraries"


def test_hiding_is_not_put_down_to_a_known_product_beside_a_stranger() -> None:
    agent, stranger = "/opt/dynatrace/agent.so", "/opt/x/a.so"
    start = Start(was_preloaded=(agent, stranger), unlisted=frozenset({7}), listed_at=50.0)
    files = {"/etc/ld.so.preload": f"{agent}\n{stranger}\n", agent: "agent", stranger: "a"}
    found = read(files, processes((7, "x")), start)
    assert {one.path: one.hides for one in found} == {agent: (), stranger: ("process:7:100",)}
