"""What owners, their tools and honest installers start by themselves is accused of nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.unit.snapshots import TAKEN, cron, executable, followed, judged, service, snapshot

from davy.collect.commands import programs_of
from davy.knowledge.shell.encoded import decoded
from davy.knowledge.shell.telling import telling_lines
from davy.model.autostarts import Autostart, AutostartKind, Step
from davy.model.facts import Executable
from davy.model.incidents import Verdict

COMMANDS = (
    # owners' own
    "/home/ada/bin/backup.sh --quiet",
    "cd /srv/shop && ./bin/console cache:clear && php artisan schedule:run >> /dev/null 2>&1",
    "/opt/vendor/agent/bin/agent --daemon --config /opt/vendor/agent/etc/agent.yml",
    "/usr/local/bin/restic backup /srv --exclude /tmp > /tmp/restic.log 2>&1",
    "pg_dump shop | gzip | openssl enc -aes-256-cbc -salt -pass file:/root/.pw | ssh b@backup.example.org 'cat > s'",
    "flock -n /tmp/sync.lock /home/ada/.local/bin/sync",
    "sleep $((RANDOM % 3600)); /usr/local/sbin/report",
    "find /tmp -name 'sess_*' -mmin +60 -delete; find /var/tmp/.cache -type f -mtime +9 -delete",
    "/bin/bash -lc 'cd /home/deploy/app && RAILS_ENV=production bundle exec rake jobs:work'",
    "pgrep -f worker.py > /dev/null || nohup python3 /home/ada/worker.py >> /tmp/worker.log 2>&1 &",
    # fetchers
    "wget -q -O - https://shop.example.org/cron.php?cron_key=abc > /dev/null",
    "wget -O - -q -t 1 http://localhost/cron.php",
    "curl -fsS -m 10 --retry 5 -o /dev/null https://hc-ping.example.org/uuid",
    "curl -s http://169.254.169.254/latest/meta-data/instance-id > /var/lib/cloud/id",
    "curl -sSL https://repos.example.org/install.sh | sudo bash",
    "curl -fsSL https://get.example.org | sh -s -- --channel stable",
    "curl -s 'https://dyn.example.org/update?host=h&ip='$(curl -s https://ifconfig.example.org)",
    "curl -s http://10.0.0.5/jobs/nightly.sh | sh",
    "curl -s https://1.1.1.1/cdn-cgi/trace | grep ip= | logger",
    # configuration management, certificates, containers
    "/opt/puppetlabs/bin/puppet agent --onetime --no-daemonize --splay",
    "/usr/bin/ansible-pull -U https://git.example.org/infra.git -d /var/lib/ansible local.yml",
    "test -x /usr/bin/certbot -a \\! -d /run/systemd/system && perl -e 'sleep int(rand(43200))' && certbot -q renew",
    '"/root/.acme.sh"/acme.sh --cron --home "/root/.acme.sh" > /dev/null',
    "docker run --rm -v /srv:/srv:ro -v /tmp:/tmp registry.example.org/backup:latest",
    "/usr/local/bin/docker-compose -f /srv/app/docker-compose.yml up -d",
    "/usr/bin/gitlab-runner run --working-directory /home/gitlab-runner --config /etc/gitlab-runner/config.toml",
    "/usr/local/bin/k3s server --write-kubeconfig-mode 644",
    "/usr/local/bin/node_exporter --collector.textfile.directory=/var/lib/node_exporter",
    "kubectl get secret db -o jsonpath='{.data.password}' | base64 -d > /run/db.pw",
    "echo LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUIwVENDQVhlZ0F3SUJBZ0lVCg== | base64 -d > /etc/ssl/own.pem",
    # profiles
    'eval "$(rbenv init - bash)"',
    'eval "$(pyenv init -)"',
    '[ -s "$NVM_DIR/nvm.sh" ] && \\. "$NVM_DIR/nvm.sh"',
    "__conda_setup=\"$('/home/ada/miniconda3/bin/conda' 'shell.bash' 'hook' 2> /dev/null)\"",
    '. "$HOME/.cargo/env"',
    "source $ZSH/oh-my-zsh.sh",
    'eval "$(ssh-agent -s)" > /dev/null',
    'eval "$(starship init zsh)"',
    "source <(kubectl completion bash)",
    "[[ -r ~/.bash_profile.d/prompt ]] && . ~/.bash_profile.d/prompt",
    "PS1='\\[\\033[01;32m\\]\\u@\\h\\[\\033[00m\\]:\\[\\033[01;34m\\]\\w\\[\\033[00m\\]\\$ '",
    "test -r /home/ada/.opam/opam-init/init.sh && . /home/ada/.opam/opam-init/init.sh > /dev/null 2> /dev/null || true",
    "[ -f ~/.fzf.bash ] && source ~/.fzf.bash",
    'if [ -d "$HOME/.local/bin" ]; then PATH="$HOME/.local/bin:$PATH"; fi',
)

SCRIPTS = (
    # an installer that an owner keeps and runs
    """
set -e
curl -fsSL https://download.example.org/linux/gpg | gpg --dearmor -o /usr/share/keyrings/x.gpg
curl -fsSL https://deb.example.org/setup_20.x | bash -
wget -q https://example.org/tool.tgz -O /tmp/tool.tgz && tar xzf /tmp/tool.tgz -C /opt && chmod +x /opt/tool/run
/tmp/tool/install.sh
""",
    # a watchdog
    """
if ! pgrep -f shop-worker > /dev/null; then
  cd /srv/shop && nohup ./worker >> /tmp/worker.log 2>&1 &
fi
curl -fsS https://hc-ping.example.org/uuid > /dev/null
""",
    # a clean-up after an infection
    """
pkill -9 kdevtmpfsi; pkill -9 kinsing
rm -rf /tmp/kdevtmpfsi /var/tmp/kinsing /tmp/.X25-unix
chattr -i /etc/crontab; crontab -l | grep -v 192.0.2.7 | crontab -
""",
    # keys from a directory, and a deployment
    """
curl -s https://keys.example.org/ada.keys >> /home/ada/.ssh/authorized_keys
echo "$TLS_CERT" | base64 -d > /etc/ssl/private/site.pem
""",
)


def stranger(path: str, **changes: Any) -> Executable:
    return msgspec.structs.replace(executable(path, owner_package=None), elf=False, **changes)


@pytest.mark.parametrize("kind", [AutostartKind.CRON, AutostartKind.SERVICE, AutostartKind.PROFILE])
@pytest.mark.parametrize("command", COMMANDS)
def test_an_honest_command_is_accused_of_nothing(command: str, kind: AutostartKind) -> None:
    line = Autostart(
        kind=kind, path="/etc/entry", line=3, text=command, command=command, user="root",
        programs=programs_of(command, home="/root"),
    )  # fmt: skip
    texts = [followed(line, text=text, step=Step.DECODED) for text in decoded(command)]
    files = [
        followed(line, path, stranger(path, birth=TAKEN - 3600))
        for path in line.programs
        if path.startswith(("/home", "/opt", "/srv", "/usr/local", "/root"))
    ]
    assert judged(snapshot(line, *texts, *files)).verdict is Verdict.CLEAN


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_honest_script_is_accused_of_nothing(script: str) -> None:
    line = cron("/usr/local/bin/nightly")
    facts = [followed(line, "/usr/local/bin/nightly", stranger("/usr/local/bin/nightly", birth=TAKEN - 3600))]
    facts.append(followed(line, "/usr/local/bin/nightly", step=Step.SCRIPT, text=telling_lines(script, 4096)))
    facts += [followed(line, text=text, step=Step.DECODED) for text in decoded(script)]
    facts += [
        followed(line, path, stranger(path), step=Step.SCRIPT)
        for path in programs_of(script, home="/root")
        if not path.startswith("/usr/")
    ]
    assert judged(snapshot(line, *facts)).verdict is Verdict.CLEAN


def test_a_unit_whose_program_was_uninstalled_is_accused_of_nothing() -> None:
    unit = service("/opt/app/server")
    assert judged(snapshot(unit, followed(unit, "/opt/app/server"))).verdict is Verdict.CLEAN


def test_a_new_program_of_an_owners_among_the_distributions_is_accused_of_nothing() -> None:
    unit, vendors = service("/usr/bin/kubelet"), cron("/usr/bin/true", path="/etc/cron.d/x", owner_package="x")
    new = msgspec.structs.replace(executable("/usr/bin/kubelet", owner_package=None), birth=TAKEN - 3600)
    found = snapshot(unit, vendors, followed(unit, "/usr/bin/kubelet", new, folder_mode=0o755))
    assert judged(found).verdict is Verdict.CLEAN
