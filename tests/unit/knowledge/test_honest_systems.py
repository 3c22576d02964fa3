"""No family's value of full weight is found on an ordinary Debian: its files, its units, its daemons, its cron lines.

Of a weak value an honest bearer is expected; that is what weak means.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from davy.knowledge import families, family_by_command, family_by_name, family_by_path, family_by_unit
from davy.knowledge.families import NameMatch, PathMatch

LISTS: Final = Path("/var/lib/dpkg/info")

DAEMONS: Final = """
accounts-daemon acpid agetty anacron apache2 apt-cacher-ng aptd atd auditd automount avahi-daemon bluetoothd boltd
borg bpfilter_umh celery certbot chronyd clamd collectd colord containerd containerd-shim containerd-shim-runc-v2 crio
cron crond crontab cups-browsed cupsd dbus-broker dbus-daemon dhclient dhcpcd dhcpd dnsmasq docker-proxy dockerd
dovecot elasticsearch envoy etcd exim4 fail2ban-server firewalld flink fwupd gdm3 gitaly gitlab-runner gmain gpg-agent
grafana gunicorn haproxy havegedd haveged hostapd httpd inetd init initd iperf3 irqbalance isc-dhcpd iscsid java
jenkins jupyter-lab kdump-tools keepalived ksmtuned ksmd kswapd kubelet kube-apiserver kube-proxy kworker lighttpd
lldpd login logrotate lvmetad mariadbd mdadm memcached minetest mongod monit mosquitto mysqld named netdata
NetworkManager networkd-dispatcher nfsd nginx nmbd node nscd nslcd ntpd ntpdate nvidia-persistenced open-vm-tools
openvpn packagekitd perf php-fpm8.2 pidof pipewire podman polkitd portainer postgres postfix postmaster
power-profiles-daemon prometheus pulseaudio puppet python3 qemu-system-x86_64 qmgr rabbitmq-server ray redis-server
resolvconf rngd rpcbind rsyslogd rtkit-daemon salt-master salt-minion screen sendmail sh slapd smartd smbd snapd snmpd
solr squid sshd sssd strongswan supervisord switcheroo-control syncthing sysstat systemd systemd-journald
systemd-logind systemd-network-generator systemd-networkd systemd-resolved systemd-sysupdate systemd-timesyncd
systemd-udevd telegraf thermald tmux tor traefik tracker-miner-fs-3 tuned udisksd ufw unattended-upgrade unbound
upowerd uuidd uwsgi vault vmtoolsd vnstatd vsftpd watchdog watchdogd wpa_supplicant xrdp xxl-job zabbix_agentd zed
"""
"""What runs on servers and desktops of all kinds."""

CRON: Final = """
17 * * * * root cd / && run-parts --report /etc/cron.hourly
25 6 * * * root test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }
5-55/10 * * * * root command -v debian-sa1 > /dev/null && debian-sa1 1 1
0 */12 * * * root test -x /usr/bin/certbot -a \\! -d /run/systemd/system && certbot -q renew
09,39 * * * * root [ -x /usr/lib/php/sessionclean ] && /usr/lib/php/sessionclean
57 0 * * 0 root if [ $(date +\\%d) -le 7 ]; then /usr/share/mdadm/checkarray --cron; fi
*/5 * * * * www-data php -f /var/www/nextcloud/cron.php
* * * * * cd /srv/app && php artisan schedule:run >> /dev/null 2>&1
* * * * * /usr/local/bin/flock -n /tmp/sync.lock rsync -a /srv/ backup:/srv/
0 3 * * * "/root/.acme.sh"/acme.sh --cron --home "/root/.acme.sh" > /dev/null
*/15 * * * * wget -q -O - https://example.org/wp-cron.php?doing_wp_cron >/dev/null 2>&1
*/5 * * * * curl -fsS -m 10 --retry 5 -o /dev/null https://hc.example.org/ping/0
@reboot /home/ada/.local/bin/tmux new-session -d
@reboot sleep 60 && /home/ada/bin/start.sh
0 4 * * 1 curl -fsSL https://get.example.org/update.sh | sh
30 2 * * * pg_dump app | gzip > /var/backups/app.sql.gz
*/10 * * * * /home/ada/.pyenv/versions/3.11.9/bin/python /home/ada/.config/jobs/mail.py
* * * * * pgrep -x worker >/dev/null || /opt/app/worker --daemon
""".strip().splitlines()


def strong(match: NameMatch | PathMatch | None) -> bool:
    return match is not None and not match.weak


def packaged_paths() -> Iterator[str]:
    for name in LISTS.glob("*.list"):
        yield from name.read_text(errors="surrogateescape").splitlines()


@pytest.fixture(scope="module")
def paths() -> frozenset[str]:
    if not LISTS.is_dir():
        assert not os.environ.get("CI")
        pytest.skip("no package database of dpkg on this system")
    return frozenset(packaged_paths())


def test_no_path_of_an_installed_package_is_a_family_s(paths: frozenset[str]) -> None:
    assert len(paths) > 1_000
    assert [path for path in sorted(paths) if strong(family_by_path(path))] == []


def test_no_program_of_an_installed_package_bears_a_family_s_name(paths: frozenset[str]) -> None:
    folders = ("/bin/", "/sbin/", "/libexec/", "/lib/systemd/", "/games/", "/etc/init.d/")
    names = {os.path.basename(path) for path in paths if any(folder in path for folder in folders)}
    assert [name for name in sorted(names) if strong(family_by_name(name))] == []


def test_no_unit_of_an_installed_package_is_a_family_s(paths: frozenset[str]) -> None:
    units = {os.path.basename(path) for path in paths if "/systemd/" in path and path.endswith((".service", ".timer"))}
    assert [unit for unit in sorted(units) if family_by_unit(unit)] == []


@pytest.mark.parametrize("name", DAEMONS.split())
def test_no_common_daemon_bears_a_family_s_name(name: str) -> None:
    for shown in (name, name[:15], f"/usr/sbin/{name}", f"/usr/bin/{name}", f"/usr/lib/{name}/{name}"):
        assert not strong(family_by_name(shown))
        assert not strong(family_by_path(shown))
    assert not strong(family_by_unit(f"{name}.service"))


@pytest.mark.parametrize("line", CRON)
def test_no_honest_cron_line_is_a_family_s(line: str) -> None:
    assert family_by_command(line) is None


def test_no_family_has_a_pattern_that_matches_anything() -> None:
    ordinary = ("a", "x1", "app", "run.sh", "kworker/u8:2", "main", "service", "12345", "config.json", "tmp.Xa91")
    assert [name for name in ordinary if family_by_name(name)] == []
    folders = ("/tmp", "/var/tmp", "/dev/shm", "/root", "/home/ada", "/usr/bin", "/etc", "/opt", "/var/www/html")
    assert [
        f"{folder}/{name}" for folder in folders for name in ordinary if strong(family_by_path(f"{folder}/{name}"))
    ] == []


def test_every_family_is_there() -> None:
    assert len(families()) == 41
