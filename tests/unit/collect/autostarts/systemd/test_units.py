"""What systemd starts, read from its files alone."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.formats.unit_files import (
    dropin_folders,
    exec_commands,
    exec_text,
    template_of,
    unit_settings,
)
from davy.collect.autostarts.systemd.unit_folders import FILE_BYTES, UNITS_LIMIT
from davy.collect.autostarts.systemd.units import systemd_units
from davy.collect.commands import UNKNOWN
from davy.host import Denied, DirectoryRoot, Entry, Host, MemoryRoot, live
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

PASSWD = "root:x:0:0:root:/root:/bin/bash\nbob:x:1000:1000::/home/bob:/bin/sh\n"
ETC, RUN, USR = "/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"
Files = dict[str, bytes | str | Entry]


def found(files: Files) -> tuple[dict[str, Autostart], list[Gap]]:
    """The autostarts by their path, and the gaps."""
    facts = list(systemd_units(Host(MemoryRoot({"/etc/passwd": PASSWD, **files}))))
    autostarts = [fact for fact in facts if isinstance(fact, Autostart)]
    by_path = {fact.path: fact for fact in autostarts}
    assert len(by_path) == len(autostarts)
    return by_path, [fact for fact in facts if isinstance(fact, Gap)]


def units(files: Files) -> dict[str, Autostart]:
    by_path, gaps = found(files)
    assert gaps == []
    return by_path


def service(*lines: str) -> str:
    return "\n".join(["[Service]", *lines, ""])


def link(target: str) -> Entry:
    return Entry(target=target)


def test_a_service_is_an_autostart_with_its_command_user_restart_links_and_programs() -> None:
    path = f"{ETC}/bot.service"
    text = (
        "[Unit]\nDescription=x\n[Service]\nExecStartPre=-/bin/mkdir /x\nExecStart=/bin/sh -c '/tmp/kinsing; true'\n"
        "ExecStartPost=/bin/true\nExecReload=/bin/kill -HUP $MAINPID\nExecStop=/bin/false\nRestart=always\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
    wants = f"{ETC}/multi-user.target.wants/bot.service"
    assert units({path: Entry(text.encode(), mtime=7.0), wants: link(path)}) == {
        path: Autostart(
            kind=AutostartKind.SERVICE,
            path=path,
            command="/bin/mkdir /x; /bin/sh -c '/tmp/kinsing; true'; /bin/true; /bin/kill -HUP $MAINPID; /bin/false",
            schedule="restart=always",
            user="root",
            unit="bot.service",
            links=(wants,),
            programs=("/bin/mkdir", "/bin/sh", "/tmp/kinsing", "/bin/true", "/bin/kill", "/bin/false"),
            mtime=7.0,
            ctime=7.0,
        )
    }


@pytest.mark.parametrize(
    "folder",
    [
        "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
        "/lib/systemd/system", "/etc/systemd/system.control", "/run/systemd/transient", "/run/systemd/generator",
        "/run/systemd/generator.early", "/run/systemd/generator.late", "/etc/systemd/user", "/usr/lib/systemd/user",
        "/run/systemd/user", "/home/bob/.config/systemd/user", "/root/.local/share/systemd/user",
        "/run/user/1000/systemd/transient", "/run/user/4242/systemd/generator",
    ],
)  # fmt: skip
def test_every_folder_that_systemd_looks_in_is_read(folder: str) -> None:
    path = f"{folder}/x.service"
    assert [fact.command for fact in units({path: service("ExecStart=/x")}).values()] == ["/x"]


def test_a_folder_that_is_a_link_to_another_is_read_once() -> None:
    files: Files = {"/lib": link("usr/lib"), f"{USR}/x.service": service("ExecStart=/x")}
    assert list(units(files)) == [f"{USR}/x.service"]


def test_the_administrators_file_replaces_the_vendors() -> None:
    files: Files = {
        f"{USR}/a.service": service("ExecStart=/usr"),
        f"{RUN}/a.service": service("ExecStart=/run"),
        f"{ETC}/a.service": service("ExecStart=/etc"),
        f"{USR}/b.service": service("ExecStart=/usr"),
        f"{RUN}/b.service": service("ExecStart=/run"),
    }
    assert sorted(units(files)) == [f"{ETC}/a.service", f"{RUN}/b.service"]


@pytest.mark.parametrize("mask", [link("/dev/null"), link("../../../dev/null"), b"", Entry(b"")])
def test_a_masked_unit_yields_nothing_nor_do_its_drop_ins(mask: bytes | Entry) -> None:
    files: Files = {
        f"{USR}/a.service": service("ExecStart=/x"),
        f"{ETC}/a.service": mask,
        f"{ETC}/a.service.d/b.conf": service("ExecStartPost=/y"),
    }
    assert units(files) == {}


def test_a_drop_in_that_adds_a_command_is_an_autostart_of_its_own() -> None:
    unit, dropin = f"{USR}/ssh.service", f"{ETC}/ssh.service.d/override.conf"
    by_path = units({unit: service("ExecStart=/usr/sbin/sshd"), dropin: service("ExecStartPost=/tmp/x", "Nice=1")})
    assert by_path[unit].command == "/usr/sbin/sshd"
    assert (by_path[dropin].command, by_path[dropin].unit, by_path[dropin].programs) == (
        "/tmp/x",
        "ssh.service",
        ("/tmp/x",),
    )


def test_a_drop_in_without_a_command_changes_the_unit_and_is_no_autostart() -> None:
    dropin = service("User=bob", "Restart=on-failure")
    by_path = units({f"{USR}/a.service": service("ExecStart=/a"), f"{RUN}/a.service.d/x.conf": dropin})
    assert [(fact.path, fact.user, fact.schedule) for fact in by_path.values()] == [
        (f"{USR}/a.service", "bob", "restart=on-failure")
    ]


def test_a_drop_in_that_has_the_unit_load_a_library_is_an_autostart_of_its_own() -> None:
    unit, dropin = f"{USR}/ssh.service", f"{ETC}/ssh.service.d/env.conf"
    variables = 'Environment=A=b "LD_PRELOAD=/tmp/x.so /tmp/y.so" LD_AUDIT='
    by_path = units({unit: service("ExecStart=/usr/sbin/sshd", "Environment=HOME=/x"), dropin: service(variables)})
    assert by_path[unit].command == "/usr/sbin/sshd"
    assert (by_path[dropin].command, by_path[dropin].programs, by_path[dropin].unit) == (
        "LD_PRELOAD=/tmp/x.so /tmp/y.so",
        ("/tmp/x.so", "/tmp/y.so"),
        "ssh.service",
    )


def test_what_runs_at_the_stop_is_told_and_a_socket_s_stop_too() -> None:
    by_path = units({
        f"{ETC}/a.service": service("ExecStart=/a", "ExecStopPost=-/tmp/again"),
        f"{ETC}/b.socket": "[Socket]\nListenStream=1\nExecStopPost=/tmp/b\n",
    })  # fmt: skip
    assert by_path[f"{ETC}/a.service"].command == "/a; /tmp/again"
    assert by_path[f"{ETC}/b.socket"].programs == ("/tmp/b",)


def test_an_empty_value_takes_back_what_was_set_before() -> None:
    unit, dropin = f"{USR}/a.service", f"{ETC}/a.service.d/x.conf"
    by_path = units({
        unit: service("ExecStart=/zero", "ExecStart=", "ExecStart=/old", "ExecStartPre=/pre", "User=bob", "User="),
        dropin: service("ExecStart=", "ExecStart=/new"),
    })  # fmt: skip
    assert (by_path[unit].command, by_path[unit].user) == ("/pre", "root")
    assert by_path[dropin].command == "/new"


def test_drop_ins_of_one_name_replace_each_other_and_all_apply_in_the_order_of_their_names() -> None:
    by_path = units({
        f"{USR}/a.service": service("ExecStart=/a", "Restart=no"),
        f"{USR}/a.service.d/10.conf": service("ExecStartPost=/usr10"),
        f"{RUN}/a.service.d/10.conf": service("ExecStartPost=/run10"),
        f"{ETC}/a.service.d/10.conf": service("ExecStartPost=/etc10"),
        f"{USR}/a.service.d/20.conf": service("ExecStartPost=/usr20", "Restart=always"),
        f"{ETC}/a.service.d/20.conf": link("/dev/null"),
        f"{USR}/a.service.d/30.conf": service("Restart=always"),
        f"{ETC}/a.service.d/05.conf": service("Restart=on-abort"),
        f"{ETC}/a.service.d/ignored.txt": service("ExecStart=/x"),
    })  # fmt: skip
    assert {path: fact.command for path, fact in by_path.items()} == {
        f"{USR}/a.service": "/a",
        f"{ETC}/a.service.d/10.conf": "/etc10",
    }
    assert by_path[f"{USR}/a.service"].schedule == "restart=always"


def test_drop_ins_for_a_type_a_prefix_or_a_template_apply_and_are_told_once() -> None:
    by_path = units({
        f"{USR}/foo-a.service": service("ExecStart=/a"),
        f"{USR}/foo-b@.service": service("ExecStart=/b"),
        f"{ETC}/service.d/x.conf": service("ExecStartPre=/all"),
        f"{ETC}/foo-.service.d/x.conf": service("ExecStartPre=/prefix"),
        f"{ETC}/foo-b@1.service.d/y.conf": service("ExecStartPre=/instance %i"),
    })  # fmt: skip
    assert {path: (fact.command, fact.unit) for path, fact in by_path.items()} == {
        f"{USR}/foo-a.service": ("/a", "foo-a.service"),
        f"{USR}/foo-b@.service": ("/b", "foo-b@.service"),
        f"{ETC}/foo-.service.d/x.conf": ("/prefix", None),
        f"{ETC}/foo-b@1.service.d/y.conf": ("/instance %i", "foo-b@1.service"),
    }


def test_links_that_enable_or_rename_a_unit_are_told_with_it() -> None:
    by_path = units({
        f"{USR}/redis-server.service": service("ExecStart=/r"),
        f"{USR}/getty@.service": service("ExecStart=/g"),
        f"{ETC}/redis.service": link("/lib/systemd/system/redis-server.service"),
        "/lib": link("usr/lib"),
        f"{ETC}/multi-user.target.wants/redis-server.service": link(f"{USR}/redis-server.service"),
        f"{USR}/a.target.requires/redis.service": link("../redis.service"),
        f"{RUN}/b.target.upholds/redis-server.service": link("/nowhere"),
        f"{ETC}/c.target.wants/redis-server.service": link("/dev/null"),
        f"{ETC}/getty.target.wants/getty@tty1.service": link(f"{USR}/getty@.service"),
        f"{USR}/autovt@.service": link("getty@.service"),
    })  # fmt: skip
    assert {path: fact.links for path, fact in by_path.items()} == {
        f"{USR}/redis-server.service": (
            f"{ETC}/multi-user.target.wants/redis-server.service",
            f"{ETC}/redis.service",
            f"{RUN}/b.target.upholds/redis-server.service",
            f"{USR}/a.target.requires/redis.service",
        ),
        f"{USR}/getty@.service": (f"{ETC}/getty.target.wants/getty@tty1.service", f"{USR}/autovt@.service"),
    }


def test_a_unit_that_lies_elsewhere_is_told_with_the_file_and_the_link_to_it() -> None:
    by_path = units(
        {f"{ETC}/x.service": link("/tmp/.x/y.service"), "/tmp/.x/y.service": service("ExecStart=/tmp/.x/m")}
    )
    assert [(fact.path, fact.unit, fact.links) for fact in by_path.values()] == [
        ("/tmp/.x/y.service", "x.service", (f"{ETC}/x.service",))
    ]


def test_a_link_that_leads_nowhere_gives_way_to_the_next_folder() -> None:
    files: Files = {f"{ETC}/x.service": link("/gone"), f"{USR}/x.service": service("ExecStart=/x")}
    assert list(units(files)) == [f"{USR}/x.service"]


def test_a_timer_is_told_with_its_times_and_with_what_its_service_runs() -> None:
    by_path = units({
        f"{ETC}/system-kernel.timer": "[Timer]\nOnCalendar=daily\nOnBootSec=1\nOnCalendar=\nOnBootSec=5s\n"
        "OnCalendar=*:0/1\n",
        f"{ETC}/system-kernel.service": service("ExecStart=/tmp/x y", "User=bob"),
        f"{ETC}/other.timer": "[Timer]\nOnUnitActiveSec=5s\nUnit=a@b.service\n",
        f"{ETC}/a@.service": service("ExecStart=/opt/%i"),
        f"{ETC}/lost.timer": "[Timer]\nOnBootSec=1\n",
    })  # fmt: skip
    timer = by_path[f"{ETC}/system-kernel.timer"]
    assert (timer.kind, timer.activates, timer.schedule) == (
        AutostartKind.TIMER,
        "system-kernel.service",
        "OnCalendar=*:0/1; OnBootSec=5s",
    )
    assert (timer.command, timer.programs, timer.user) == ("/tmp/x y", ("/tmp/x",), "bob")
    other = by_path[f"{ETC}/other.timer"]
    assert (other.activates, other.command) == ("a@b.service", "/opt/%i")
    lost = by_path[f"{ETC}/lost.timer"]
    assert (lost.activates, lost.command, lost.user) == ("lost.service", "", "root")


def test_paths_and_sockets_are_told_with_what_sets_them_off() -> None:
    by_path = units({
        f"{ETC}/a.path": "[Path]\nPathChanged=/tmp/x\nPathExists=/y\n",
        f"{ETC}/a.service": service("ExecStart=/a"),
        f"{ETC}/b.socket": "[Socket]\nListenStream=4444\nService=a.service\nExecStartPre=/pre\n",
        f"{ETC}/c.socket": "[Socket]\nListenStream=1\nAccept=yes\n",
        f"{ETC}/b.socket.d/x.conf": "[Socket]\nExecStartPost=/post\n",
    })  # fmt: skip
    rows = {path: (fact.kind, fact.activates, fact.schedule, fact.command) for path, fact in by_path.items()}
    assert rows[f"{ETC}/a.path"] == (AutostartKind.UNIT, "a.service", "PathExists=/y; PathChanged=/tmp/x", "/a")
    assert rows[f"{ETC}/b.socket"] == (AutostartKind.UNIT, "a.service", "ListenStream=4444", "/pre; /a")
    assert rows[f"{ETC}/b.socket.d/x.conf"] == (AutostartKind.UNIT, "a.service", "ListenStream=4444", "/post")
    assert rows[f"{ETC}/c.socket"] == (AutostartKind.UNIT, "c@.service", "ListenStream=1", "")


def test_a_users_units_run_as_the_user_and_the_home_is_known() -> None:
    home = "/home/bob/.config/systemd/user"
    by_path = units({
        f"{home}/x.service": service("ExecStart=%h/.local/bin/x %u", "User=root"),
        f"{home}/default.target.wants/x.service": link(f"{home}/x.service"),
        f"{home}/pipewire.service.d/x.conf": service("ExecStartPost=%h/y"),
        "/usr/lib/systemd/user/pipewire.service": service("ExecStart=/usr/bin/pipewire"),
        "/usr/lib/systemd/user/masked.service": service("ExecStart=/usr/bin/still-there"),
        f"{home}/masked.service": link("/dev/null"),
    })  # fmt: skip
    assert {path: (fact.user, fact.programs) for path, fact in by_path.items()} == {
        f"{home}/x.service": ("bob", ("/home/bob/.local/bin/x",)),
        f"{home}/pipewire.service.d/x.conf": ("bob", ("/home/bob/y",)),
        "/usr/lib/systemd/user/pipewire.service": (None, ("/usr/bin/pipewire",)),
        "/usr/lib/systemd/user/masked.service": (None, ("/usr/bin/still-there",)),
    }
    assert by_path[f"{home}/x.service"].links == (f"{home}/default.target.wants/x.service",)


def test_the_working_directory_and_a_dynamic_user_count() -> None:
    lines = ("WorkingDirectory=-/opt/m", "ExecStart=/usr/bin/python3 m.py", "DynamicUser=yes")
    fact = units({f"{ETC}/m.service": service(*lines)})[f"{ETC}/m.service"]
    assert (fact.programs, fact.user) == (("/usr/bin/python3", "/opt/m/m.py"), "m")


def test_units_of_other_types_and_other_files_are_passed_over() -> None:
    files: Files = {
        f"{ETC}/{name}": service("ExecStart=/x") for name in ("a.target", "a.mount", "a.slice", "README", "a")
    }
    assert units(files) == {}


def test_fifos_folders_and_loops_where_a_unit_should_be_are_gaps(tmp_path: Path) -> None:
    folder = tmp_path / "etc/systemd/system"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "fifo.service")
    (folder / "folder.service").mkdir()
    (folder / "loop.service").symlink_to("loop.service")
    (folder / "a.service").write_text(service("ExecStart=/a"))
    (folder / "a.service.d").mkdir()
    os.mkfifo(folder / "a.service.d/fifo.conf")
    (folder / "loop.service.d").symlink_to("loop.service.d")
    facts = list(systemd_units(Host(DirectoryRoot(str(tmp_path)))))
    assert [fact.path for fact in facts if isinstance(fact, Autostart)] == [f"{ETC}/a.service"]
    assert sorted(fact.what for fact in facts if isinstance(fact, Gap)) == [
        f"{ETC}/a.service.d/fifo.conf",
        f"{ETC}/fifo.service",
        f"{ETC}/folder.service",
        f"{ETC}/loop.service",
        f"{ETC}/loop.service.d",
    ]
    assert {fact.collector for fact in facts if isinstance(fact, Gap)} == {"systemd"}


class Closed(MemoryRoot):
    """A root with a home that only its owner may list."""

    def names(self, path: str) -> list[str]:
        if path.startswith("/home/bob/.config"):
            raise Denied(f"{path}: Permission denied")
        return super().names(path)


def test_a_folder_that_may_not_be_listed_is_a_gap_and_what_is_not_there_is_silence() -> None:
    facts = list(systemd_units(Host(Closed({"/etc/passwd": PASSWD}))))
    assert {fact.what for fact in facts if isinstance(fact, Gap)} == {
        "/home/bob/.config/systemd/user",
        "/home/bob/.config/systemd/user.control",
    }
    assert list(systemd_units(Host(MemoryRoot({})))) == []


def test_a_huge_unit_file_is_read_in_part_and_a_gap_says_so() -> None:
    by_path, gaps = found({f"{ETC}/a.service": service("ExecStart=/a", "#" * FILE_BYTES, "ExecStart=/b")})
    assert by_path[f"{ETC}/a.service"].command == "/a"
    assert [gap.what for gap in gaps] == [f"the rest of {ETC}/a.service"]


class Crowded(MemoryRoot):
    """A root with more units than anyone has."""

    def names(self, path: str) -> list[str]:
        return [f"{number}.service" for number in range(UNITS_LIMIT + 5)] if path == ETC else super().names(path)

    def lstat(self, path: str):  # type: ignore[no-untyped-def]
        return super().lstat(f"{ETC}/0.service" if path.startswith(f"{ETC}/") else path)

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        return super().read(f"{ETC}/0.service" if path.startswith(f"{ETC}/") else path, limit)


def test_a_host_of_very_many_units_is_read_in_part_and_one_gap_says_so() -> None:
    facts = list(systemd_units(Host(Crowded({f"{ETC}/0.service": service("ExecStart=/a")}))))
    assert len([fact for fact in facts if isinstance(fact, Autostart)]) == UNITS_LIMIT
    assert len([fact for fact in facts if isinstance(fact, Gap)]) == 1


def test_hostile_unit_files_take_less_than_two_seconds() -> None:
    started = time.process_time()
    pieces = ["ExecStart=x\nExecStartPre=\n", "ExecStart=/x\n", "ExecStart=\\\n", "\\\n", "\n"]
    for piece in [*pieces, "'\"", "%", "$", "\\", "[", "\\x41 ", "'", "; "]:
        text = "[Service]\nExecStart=/x " + piece * (FILE_BYTES // len(piece))
        units_of = systemd_units(Host(MemoryRoot({f"{ETC}/a-{'-' * 200}.service": text})))
        assert any(isinstance(fact, Autostart) for fact in units_of)
    assert time.process_time() - started < 2.0


def test_a_setting_may_go_on_in_the_next_line_past_comments() -> None:
    text = (
        "[Service]\nExecStart=/a \\\n# not this \\\n  b \\\n; nor this\n  c\n"
        "  Restart = always  \n#User=x\n\nUser=y \\\n\nNice=1\nExecStart=/z \\"
    )
    assert [tuple(setting) for setting in unit_settings(text, {"ExecStart", "Restart", "User"})] == [
        ("Service", "ExecStart", "/a  b  c"),
        ("Service", "Restart", "always"),
        ("Service", "User", "y"),
        ("Service", "ExecStart", "/z"),
    ]


def test_settings_count_only_in_their_section() -> None:
    files: Files = {
        f"{ETC}/a.service": "ExecStart=/no\n[Unit]\nExecStart=/no\n[X-Y]\nExecStart=/no\n[Service]\r\nExecStart=/a"
    }
    assert units(files)[f"{ETC}/a.service"].command == "/a"


@pytest.mark.parametrize(
    ("value", "commands"),
    [
        ("/a b", [["/a", "b"]]),
        ("-/a b", [["/a", "b"]]),
        ("@-/a b c", [["/a", "c"]]),
        ("!!/a", [["/a"]]),
        ("+/a ; -/b c ; ", [["/a"], ["/b", "c"]]),
        ("/a \\; ';' b", [["/a", ";", ";", "b"]]),
        ("/a 'b c' \"d e\" f'g'", [["/a", "b c", "d e", "fg"]]),
        ("/tmp/\\x6dine\\162 \\u00e9 \\n \\q", [["/tmp/miner", "é", "\n", "\\q"]]),
        ("/a \\xff", [["/a", "\udcff"]]),
        ("/a %n %p %i %% %z", [["/a", "x@y.service", "x", "y", "%", UNKNOWN]]),
        ("/a $B ${B}/c $$D b$c", [["/a", UNKNOWN, f"{UNKNOWN}/c", "$D", "b$c"]]),
        ("/a 'b", [["/a", "b"]]),
        ("", []),
        ("-", [[""]]),
    ],
)
def test_the_words_of_an_exec_line_are_those_that_execve_gets(value: str, commands: list[list[str]]) -> None:
    specifiers = {"n": "x@y.service", "p": "x", "i": "y", "%": "%"}
    assert list(exec_commands(value, specifiers)) == commands


def test_the_text_of_an_exec_line_loses_only_its_prefixes() -> None:
    assert exec_text("@-:+!!/a 'b' -c") == "/a 'b' -c"


def test_names_lead_to_templates_and_drop_in_folders() -> None:
    assert template_of("getty@tty1.service") == "getty@.service"
    assert template_of("getty@.service") is None
    assert template_of("getty.service") is None
    assert list(dropin_folders("a-b-c@d.service")) == [
        "a-b-c@d.service.d",
        "a-b-c@.service.d",
        "a-b-.service.d",
        "a-.service.d",
        "service.d",
    ]


@given(
    st.text()
    | st.lists(st.sampled_from(["[Service]", "\n", "\\\n", "ExecStart", "=", " ", "\\", "#", "a"])).map("".join)
)
def test_whatever_the_text_settings_are_stripped_and_asked_for(text: str) -> None:
    for setting in unit_settings(text, {"ExecStart", "a"}):
        assert setting.key in {"ExecStart", "a"}
        assert setting.value == setting.value.strip()


@given(
    st.text()
    | st.lists(st.sampled_from(["'", '"', "\\", " ", ";", "/a", "%", "$", "\\ud800", "\\xff", "@"])).map("".join)
)
def test_whatever_the_exec_line_its_words_can_be_bytes_again(value: str) -> None:
    for words in exec_commands(value.encode("utf-8", "replace").decode(), {"%": "%"}):
        for word in words:
            os.fsencode(word)


NAMES = st.sampled_from(
    ["a.service", "a.timer", "b@.service", "b@1.service", "a.service.d/x.conf", "x.target.wants/a.service"]
)
TARGETS = st.sampled_from(["/dev/null", "a.service", "b@.service", "../a.timer", "/", "b@1.service"])


@given(st.dictionaries(NAMES, st.binary(max_size=80) | TARGETS.map(link)))
def test_whatever_the_folder_holds_there_are_only_autostarts_and_gaps(tree: dict[str, bytes | Entry]) -> None:
    for fact in systemd_units(Host(MemoryRoot({f"{ETC}/{name}": content for name, content in tree.items()}))):
        assert isinstance(fact, Autostart | Gap)


@pytest.mark.live
def test_on_this_host_every_fact_is_an_autostart_of_its_kind_or_a_gap() -> None:
    kinds = {AutostartKind.SERVICE, AutostartKind.TIMER, AutostartKind.UNIT}
    for fact in systemd_units(live()):
        assert isinstance(fact, Autostart | Gap)
        if isinstance(fact, Autostart):
            assert fact.kind in kinds
            assert fact.path.startswith("/")
            assert fact.line is None
            assert fact.mtime
            assert (fact.activates is None) == (fact.kind is AutostartKind.SERVICE)
            assert all(path.startswith("/") for path in (*fact.programs, *fact.links))
