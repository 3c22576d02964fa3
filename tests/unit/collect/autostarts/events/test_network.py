"""What runs as the network comes, changes and goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.events.network import interfaces_entries, network_hooks, openvpn_entries, wireguard_entries
from davy.collect.autostarts.reading import Entry as Line
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

RUN = Entry(b"#!/bin/sh\n", mode=0o100755, mtime=4.0)


def read(files: dict[str, bytes | str | Entry]) -> list[Autostart | Gap]:
    return list(network_hooks(Host(MemoryRoot(files))))


def test_a_script_is_an_entry_of_its_own_that_root_runs() -> None:
    path = "/etc/NetworkManager/dispatcher.d/50-x"
    assert read({path: RUN}) == [
        Autostart(
            kind=AutostartKind.NETWORK_HOOK, path=path, command=path, schedule="network dispatcher", user="root",
            programs=(path,), mtime=4.0, ctime=4.0,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "schedule"),
    [
        ("/usr/lib/NetworkManager/dispatcher.d/pre-up.d/x", "network pre-up"),
        ("/etc/networkd-dispatcher/routable.d/x", "network routable"),
        ("/etc/network/if-post-down.d/x", "network if-post-down"),
        ("/etc/ppp/ip-up.d/x", "network ip-up"),
        ("/etc/ppp/ip-up.local", "network ip-up.local"),
        ("/sbin/ifup-local", "network ifup-local"),
        ("/etc/udhcpc/default.script", "network udhcpc"),
    ],
)
def test_every_place_of_scripts_is_read_where_they_may_be_executed(path: str, schedule: str) -> None:
    (found,) = read({path: RUN})
    assert isinstance(found, Autostart)
    assert (found.path, found.schedule) == (path, schedule)
    assert read({path: "#!/bin/sh\n"}) == []


@pytest.mark.parametrize(
    ("path", "schedule"),
    [
        ("/etc/dhcp/dhclient-exit-hooks.d/x", "network dhclient-exit-hooks"),
        ("/etc/dhcp/dhclient-enter-hooks", "network dhclient-enter-hooks"),
        ("/etc/dhcpcd.exit-hook", "network dhcpcd.exit-hook"),
        ("/usr/lib/dhcpcd/dhcpcd-hooks/50-x", "network dhcpcd-hooks"),
    ],
)
def test_hooks_that_are_sourced_need_not_be_executable(path: str, schedule: str) -> None:
    (found,) = read({path: "x\n"})
    assert isinstance(found, Autostart)
    assert (found.path, found.schedule) == (path, schedule)


def test_a_script_that_two_folders_name_is_one_entry_with_its_link() -> None:
    path, link = "/etc/NetworkManager/dispatcher.d/x", "/etc/NetworkManager/dispatcher.d/pre-up.d/x"
    (found,) = read({path: RUN, link: Entry(target="../x")})
    assert isinstance(found, Autostart)
    assert (found.path, found.links) == (path, (link,))


def test_commands_of_interfaces_are_read_over_several_lines_and_the_stanza_stays() -> None:
    content = "iface eth0 inet static\n  address 192.0.2.9\n\tpre-up /a \\\n  --b\n  down c\n  updelay 3\n#up /x\n"
    assert list(interfaces_entries(content)) == [
        Line("/a   --b", "network pre-up", 3, "\tpre-up /a \\\n  --b", 4),
        Line("c", "network down", 5, "  down c"),
    ]


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("up /etc/openvpn/x", "/etc/openvpn/x"),
        ('up "/bin/sh -c \\"/tmp/x\\""', '/bin/sh -c "/tmp/x"'),
        ("client-connect '/tmp/x y'", "/tmp/x y"),
        ("--route-up /x", "/x"),
    ],
)
def test_commands_of_openvpn_are_read_with_their_quotes(line: str, command: str) -> None:
    assert [entry.command for entry in openvpn_entries(f"dev tun\n{line}\nupload 3\n# up /x\nup-restart\n")] == [
        command
    ]


def test_commands_of_wireguard_are_what_bash_runs() -> None:
    content = "[Interface]\nPrivateKey = x=\npostup = /tmp/x %i # why\nPostDown=b; c\n"
    assert [(entry.line, entry.command) for entry in wireguard_entries(content)] == [(3, "/tmp/x %i"), (4, "b; c")]


def test_files_of_vpns_are_read_and_a_fifo_is_a_gap() -> None:
    found = read(
        {
            "/etc/openvpn/server/a.conf": "up /a\n",
            "/etc/wireguard/wg0.conf": "PostUp=/b\n",
            "/etc/network/interfaces.d/c": "up /c\n",
            "/etc/wireguard/wg1.conf": Entry(mode=0o010600),
        }
    )
    assert [fact.command for fact in found if isinstance(fact, Autostart)] == ["/c", "/a", "/b"]
    assert [fact.what for fact in found if isinstance(fact, Gap)] == ["/etc/wireguard/wg1.conf"]


@given(st.text(alphabet=st.sampled_from("up \t\\\r\n#;\0\"'=PostUx\udcff"), max_size=200))
def test_any_text_is_read(content: str) -> None:
    lines = content.split("\n")
    for parse in (interfaces_entries, openvpn_entries, wireguard_entries):
        for entry in parse(content):
            assert entry.command
            assert entry.line is not None
            assert entry.text.split("\n")[0] == lines[entry.line - 1].removesuffix("\r")
