"""Files of kernel modules: at known places whatever a listing says, and where autostarts load them from."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Iterable

import pytest

from davy.collect.autostarts.boot.modules import modprobe_lines, modules_load_lines
from davy.collect.autostarts.scheduled.cron import cron_lines
from davy.collect.concealment.module_files import files_of_modules, module_files
from davy.host import Entry, Host, MemoryRoot, RecordedKernel
from davy.host.procfs import RecordedProcfs
from davy.model.autostarts import Autostart
from davy.model.concealment import ModuleFile
from davy.model.facts import Gap

MAC = "/lib/udev/usb_control/iptable_mac.ko"
DEP = "/lib/modules/6.1.0/modules.dep"
BODY = b"\x7fELF\0\0.modinfo\0license=GPL\0name=iptable_mac\0depends=\0"
SIGNED = BODY + b"\0" * 40 + b"~Module signature appended~\n"
LOADS = "/etc/modules-load.d/usb.conf"
INSTALLS = "/etc/modprobe.d/usb.conf"

Files = dict[str, bytes | str | Entry]


class Unlisting(MemoryRoot):
    """A root whose listings leave out one name."""

    def names(self, path: str) -> list[str]:
        return [name for name in super().names(path) if name != "iptable_mac.ko"]


def facts(files: Files, kind: type[MemoryRoot] = MemoryRoot, live: bool = True) -> list[ModuleFile | Gap]:
    kernel = RecordedKernel(RecordedProcfs({}))
    kernel.release = "6.1.0"
    host = Host(kind(files), kernel if live else None)
    found: Iterable[Autostart | Gap] = (*modules_load_lines(host), *modprobe_lines(host), *cron_lines(host))
    return list(module_files(host, [each for each in found if isinstance(each, Autostart)]))


def one(files: Files, kind: type[MemoryRoot] = MemoryRoot, live: bool = True) -> ModuleFile:
    (found,) = facts(files, kind, live)
    assert isinstance(found, ModuleFile)
    return found


def test_a_known_file_is_found_with_its_name_signature_and_reason() -> None:
    found = one({MAC: BODY})
    assert (found.path, found.name, found.signed, found.listed) == (MAC, "iptable_mac", False, True)
    assert found.known
    assert found.executable.sha256
    assert found.executable.owner_package is None


def test_a_known_file_is_found_though_its_folder_does_not_list_it() -> None:
    found = one({MAC: BODY}, Unlisting)
    assert found.path == MAC
    assert found.listed is False


def test_a_file_in_a_folder_that_cannot_be_listed_hides_nothing() -> None:
    class Unreadable(MemoryRoot):
        def names(self, path: str) -> list[str]:
            return super().names("/no such folder" if path == "/lib/udev/usb_control" else path)

    assert one({MAC: BODY}, Unreadable).listed is True


@pytest.mark.parametrize(
    ("suffix", "content", "signed"),
    [
        ("", SIGNED, True),
        (".xz", lzma.compress(SIGNED), True),
        (".xz", lzma.compress(BODY), False),
        (".xz", SIGNED, None),
    ],
)
def test_a_signature_is_seen_packed_or_not(suffix: str, content: bytes, signed: bool | None) -> None:
    assert one({MAC + suffix: content}).signed is signed


@pytest.mark.parametrize(
    ("suffix", "content", "signed"), [(".gz", gzip.compress(SIGNED), True), (".zst", b"\x28\xb5\x2f\xfd", None)]
)
def test_other_packings_are_known_by_what_loads_them(suffix: str, content: bytes, signed: bool | None) -> None:
    path = f"/etc/udev/x{suffix and '.ko' + suffix}"
    found = one({path: content, INSTALLS: f"install x /sbin/insmod {path}\n"})
    assert found.signed is signed


def test_a_bomb_is_opened_only_so_far() -> None:
    found = one({MAC + ".xz": lzma.compress(b"\0" * (80 << 20))})
    assert found.signed is False


def test_it_is_loaded_by_the_line_that_names_it_and_the_command_that_does_it() -> None:
    found = one({MAC: BODY, LOADS: "iptable-mac\n", INSTALLS: f"install iptable_mac /sbin/insmod {MAC}\n"})
    assert found.loaded_by == (f"autostart:{LOADS}:1", f"autostart:{INSTALLS}:1")


def test_any_autostart_may_load_one_and_both_spellings_of_a_path_are_one_file() -> None:
    files: Files = {
        "/lib": Entry(target="usr/lib"),
        f"/usr{MAC}": BODY,
        "/etc/passwd": "root:x:0:0::/root:/bin/sh\n",
        "/etc/crontab": f"@reboot root insmod /usr{MAC}\n",
    }
    found = one(files)
    assert found.path == MAC
    assert found.loaded_by == ("autostart:/etc/crontab:1",)


def test_a_file_in_an_odd_place_that_a_command_loads_is_of_note_whatever_its_name() -> None:
    path = "/var/tmp/.x/helper.ko"
    found = one({path: BODY.replace(b"iptable_mac", b"helper"), INSTALLS: f"install snd insmod '{path}' && true\n"})
    assert (found.path, found.name, found.known) == (path, "helper", None)
    assert found.loaded_by == (f"autostart:{INSTALLS}:1",)


def test_the_name_is_what_the_module_says() -> None:
    path = "/etc/innocent.ko"
    found = one({path: BODY, INSTALLS: f"install innocent insmod {path}\n"})
    assert found.name == "iptable_mac"
    assert found.known


def test_what_modprobe_finds_in_its_own_folders_is_not_of_note() -> None:
    files: Files = {
        DEP: "updates/dkms/nvidia.ko:\nkernel/net/bridge/br_netfilter.ko.xz: kernel/net/bridge/bridge.ko.xz\n",
        "/lib/modules/6.1.0/updates/dkms/nvidia.ko": BODY,
        "/lib/modules/6.1.0/kernel/net/bridge/br_netfilter.ko.xz": lzma.compress(SIGNED),
        "/etc/modules-load.d/k8s.conf": "br_netfilter\nnvidia\noverlay\n",
    }
    assert facts(files) == []


def test_an_index_that_leads_elsewhere_is_followed() -> None:
    files: Files = {DEP: f"{MAC}:\nkernel/x.ko:\n", LOADS: "iptable_mac\n", MAC: BODY}
    assert one(files).loaded_by == (f"autostart:{LOADS}:1",)


def test_names_lead_to_files_with_dashes_and_packed() -> None:
    host = Host(MemoryRoot({DEP: "kernel/snd-pcm.ko.xz:\nextra/zfs.ko: extra/spl.ko\n../../etc/x.ko:\n"}))
    assert files_of_modules(host, "6.1.0", ["snd_pcm", "zfs", "x", "spl"]) == {
        "snd_pcm": "/lib/modules/6.1.0/kernel/snd-pcm.ko.xz",
        "zfs": "/lib/modules/6.1.0/extra/zfs.ko",
        "x": "/lib/etc/x.ko",
    }


def test_a_package_owns_its_file() -> None:
    path = "/lib/udev/reptile.ko"
    assert one({path: BODY, "/var/lib/dpkg/info/odd.list": f"{path}\n"}).executable.owner_package == "odd"


def test_what_is_no_regular_file_is_passed_over() -> None:
    assert facts({MAC: Entry(target="/dev/zero"), "/lib/udev/usb_control/raid.ko/x": b""}) == []


def test_an_image_is_read_for_every_kernel_it_has() -> None:
    assert one({"/lib/modules/5.4.0/extra/diamorphine.ko": BODY}, live=False).known


def test_a_clean_host_has_none() -> None:
    assert facts({"/etc/passwd": "", "/lib/udev/rules.d/60-usb.rules": ""}) == []


@pytest.mark.parametrize(
    ("uid", "mode", "loaded"), [(0, 0o100644, True), (1000, 0o100644, False), (0, 0o100666, False)]
)
def test_what_others_than_root_can_write_is_no_file_that_a_line_loads(uid: int, mode: int, loaded: bool) -> None:
    """Anybody may write another's module's name into a file of a known name."""
    claims = Entry(BODY.replace(b"name=iptable_mac", b"name=acme"), mode=mode, uid=uid)
    found = one({"/tmp/usb_pcs.ko": claims, LOADS: "acme\n"})
    assert found.name == "acme"
    assert (found.of_root, bool(found.loaded_by)) == (loaded, loaded)
