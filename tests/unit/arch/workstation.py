"""The workstation of the second seed's author, who trains models on it: Arch Linux, systemd's timers, no cron, Flink.

What is in the files is written for the test; the names, places and settings are Arch's of October 2020.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.unit.arch.pacman import Package, install

USER = "huangxiao"
HOME = f"home/{USER}"
_FLINK = f"{HOME}/flink-1.11.2"
_UNITS = "usr/lib/systemd/system"

_FILESYSTEM = Package(
    name="filesystem",
    version="2020.09.03-1",
    folders=("home", "opt", "root", "run", "srv", "tmp", "var/tmp", "var/log", "etc/systemd/system"),
    files={
        "etc/passwd": "root:x:0:0::/root:/bin/bash\n",
        "etc/group": "root:x:0:root\n",
        "etc/fstab": "# Static information about the filesystems.\n",
        "etc/profile": (
            '# /etc/profile\nappend_path () {\n  case ":$PATH:" in\n    *:"$1":*) ;;\n    *) PATH="${PATH:+$PATH:}$1"\n'
            "  esac\n}\nappend_path '/usr/local/sbin'\nappend_path '/usr/local/bin'\nexport PATH\n"
            "if test -d /etc/profile.d/; then\n  for profile in /etc/profile.d/*.sh; do\n"
            '    test -r "$profile" && . "$profile"\n  done\n  unset profile\nfi\n'
        ),
        "etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
        "etc/os-release": 'NAME="Arch Linux"\nID=arch\nBUILD_ID=rolling\n',
        "etc/profile.d/locale.sh": (
            '#!/bin/sh\nif [ -z "$LANG" ]; then\n  if [ -r /etc/locale.conf ]; then\n    . /etc/locale.conf\n  fi\nfi\n'
        ),
        "etc/crypttab": "# Configuration for encrypted block devices.\n",
    },
    links={
        "bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib", "sbin": "usr/bin", "usr/sbin": "bin",
        "usr/lib64": "lib", "var/run": "../run", "var/lock": "../run/lock",
    },
    backup=("etc/passwd", "etc/group", "etc/fstab", "etc/profile", "etc/ld.so.conf", "etc/crypttab"),
)  # fmt: skip
_BASH = Package(
    name="bash",
    version="5.0.018-1",
    programs=("usr/bin/bash",),
    links={"usr/bin/sh": "bash"},
    files={
        "etc/bash.bashrc": (
            "# /etc/bash.bashrc\n[[ $- != *i* ]] && return\n[[ $DISPLAY ]] && shopt -s checkwinsize\n"
            "PS1='[\\u@\\h \\W]\\$ '\n[ -r /usr/share/bash-completion/bash_completion ] && "
            ". /usr/share/bash-completion/bash_completion\n"
        ),
        "etc/bash.bash_logout": "# /etc/bash.bash_logout\n",
        "etc/skel/.bashrc": "#\n# ~/.bashrc\n#\n[[ $- != *i* ]] && return\nalias ls='ls --color=auto'\n",
        "etc/skel/.bash_profile": "#\n# ~/.bash_profile\n#\n[[ -f ~/.bashrc ]] && . ~/.bashrc\n",
    },
    backup=("etc/bash.bashrc", "etc/bash.bash_logout", "etc/skel/.bashrc", "etc/skel/.bash_profile"),
)
_SYSTEMD = Package(
    name="systemd",
    version="246.6-1",
    programs=("usr/lib/systemd/systemd", "usr/bin/systemd-tmpfiles", "usr/bin/systemctl"),
    files={
        f"{_UNITS}/systemd-tmpfiles-clean.timer": (
            "[Unit]\nDescription=Daily Cleanup of Temporary Directories\nDocumentation=man:tmpfiles.d(5)\n\n"
            "[Timer]\nOnBootSec=15min\nOnUnitActiveSec=1d\n"
        ),
        f"{_UNITS}/systemd-tmpfiles-clean.service": (
            "[Unit]\nDescription=Cleanup of Temporary Directories\nDefaultDependencies=no\n\n"
            "[Service]\nType=oneshot\nExecStart=systemd-tmpfiles --clean\nSuccessExitStatus=DATAERR\n"
            "IOSchedulingClass=idle\n"
        ),
        f"{_UNITS}/getty@.service": (
            "[Unit]\nDescription=Getty on %I\n\n"
            "[Service]\nExecStart=-/sbin/agetty -o '-p -- \\\\u' --noclear %I $TERM\n"
            "Type=idle\nRestart=always\n\n[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n"
        ),
        f"{_UNITS}/multi-user.target": "[Unit]\nDescription=Multi-User System\nRequires=basic.target\n",
        f"{_UNITS}/timers.target": "[Unit]\nDescription=Timers\n",
        "usr/lib/udev/rules.d/60-cdrom_id.rules": (
            'KERNEL=="sr[0-9]*", IMPORT{program}="cdrom_id --lock-media $devnode"\n'
        ),
        "etc/pam.d/systemd-user": (
            "account include system-login\nsession required pam_loginuid.so\nsession include system-login\n"
        ),
        "usr/share/libalpm/hooks/30-systemd-daemon-reload.hook": (
            "[Trigger]\nType = Path\nOperation = Install\nTarget = usr/lib/systemd/system/*\n\n"
            "[Action]\nDescription = Reloading system manager configuration...\nWhen = PostTransaction\n"
            "Exec = /usr/share/libalpm/scripts/systemd-hook daemon-reload\n"
        ),
        "usr/share/libalpm/scripts/systemd-hook": "#!/bin/sh -e\nsystemctl --system daemon-reload\n",
    },
    links={
        f"{_UNITS}/timers.target.wants/systemd-tmpfiles-clean.timer": "../systemd-tmpfiles-clean.timer",
        f"{_UNITS}/default.target": "multi-user.target",
    },
    backup=("etc/pam.d/systemd-user",),
)
_MAN_DB = Package(
    name="man-db",
    version="2.9.3-1",
    programs=("usr/bin/mandb", "usr/bin/man"),
    files={
        f"{_UNITS}/man-db.timer": (
            "[Unit]\nDescription=Daily man-db regeneration\nDocumentation=man:mandb(8)\n\n"
            "[Timer]\nOnCalendar=daily\nAccuracySec=12h\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n"
        ),
        f"{_UNITS}/man-db.service": (
            "[Unit]\nDescription=Daily man-db regeneration\nConditionACPower=true\n\n[Service]\nType=oneshot\n"
            "ExecStart=+/usr/bin/install -d -o root -g root -m 0755 /var/cache/man\n"
            "ExecStart=/usr/bin/find /var/cache/man -type f -name *.gz -atime +6 -delete\n"
            "ExecStart=/usr/bin/mandb --quiet\nUser=root\nNice=19\n"
        ),
        "etc/man_db.conf": "MANDATORY_MANPATH /usr/share/man\n",
    },
    links={f"{_UNITS}/timers.target.wants/man-db.timer": "../man-db.timer"},
    backup=("etc/man_db.conf",),
)
_SHADOW = Package(
    name="shadow",
    version="4.8.1-4",
    programs=("usr/bin/pwck", "usr/bin/grpck", "usr/bin/su"),
    files={
        f"{_UNITS}/shadow.timer": (
            "[Unit]\nDescription=Daily verification of password and group files\n\n"
            "[Timer]\nOnCalendar=daily\nAccuracySec=12h\nPersistent=true\n"
        ),
        f"{_UNITS}/shadow.service": (
            "[Unit]\nDescription=Verify integrity of password and group files\n\n[Service]\nType=simple\n"
            "ExecStart=/bin/sh -c '/usr/bin/pwck -r || r=1; /usr/bin/grpck -r && exit $r'\nNice=19\n"
        ),
        "etc/pam.d/passwd": "password required pam_unix.so sha512 shadow nullok\n",
    },
    links={f"{_UNITS}/timers.target.wants/shadow.timer": "../shadow.timer"},
    backup=("etc/pam.d/passwd",),
)
_PAMBASE = Package(
    name="pambase",
    version="20200721.1-2",
    files={
        "etc/pam.d/system-auth": (
            "auth required pam_faillock.so preauth\nauth [success=1 default=bad] pam_unix.so try_first_pass nullok\n"
            "auth required pam_permit.so\nsession required pam_limits.so\nsession required pam_unix.so\n"
        ),
        "etc/pam.d/system-login": "auth include system-auth\nsession optional pam_loginuid.so\n",
    },
    backup=("etc/pam.d/system-auth", "etc/pam.d/system-login"),
)
_SUDO = Package(
    name="sudo",
    version="1.9.3.p1-1",
    programs=("usr/bin/sudo",),
    files={"etc/sudoers": "root ALL=(ALL) ALL\n@includedir /etc/sudoers.d\n"},
    backup=("etc/sudoers",),
)
_CUDA = Package(
    name="cuda",
    version="11.1.0-2",
    programs=("opt/cuda/bin/nvcc",),
    files={
        "etc/ld.so.conf.d/cuda.conf": "/opt/cuda/lib64\n/opt/cuda/nvvm/lib64\n",
        "etc/profile.d/cuda.sh": "#!/bin/sh\nexport CUDA_PATH=/opt/cuda\nexport PATH=$PATH:/opt/cuda/bin\n",
        "opt/cuda/doc/Getting started (Linux).txt": "What a name with blanks and brackets is for.\n",
    },
)
_DBUS = Package(
    name="dbus",
    version="1.12.20-1",
    programs=("usr/bin/dbus-daemon",),
    files={
        f"{_UNITS}/dbus.service": (
            "[Unit]\nDescription=D-Bus System Message Bus\n\n[Service]\nExecStart=/usr/bin/dbus-daemon --system\n"
        ),
        "etc/X11/xinit/xinitrc.d/80-dbus": "#!/bin/bash\ndbus-update-activation-environment --systemd DISPLAY\n",
    },
)
_GNOME = Package(
    name="gnome-keyring",
    version="3.36.0-3",
    programs=("usr/bin/gnome-keyring-daemon",),
    files={
        "etc/xdg/autostart/gnome-keyring-ssh.desktop": (
            "[Desktop Entry]\nType=Application\nName=SSH Key Agent\n"
            "Exec=/usr/bin/gnome-keyring-daemon --start --components=ssh\nOnlyShowIn=GNOME;\n"
        ),
        "usr/share/dbus-1/services/org.gnome.keyring.service": (
            "[D-BUS Service]\nName=org.gnome.keyring\n"
            "Exec=/usr/bin/gnome-keyring-daemon --start --foreground --components=secrets\n"
        ),
    },
)
_FINDERS = Package(name="coreutils", version="8.32-1", files={}, programs=("usr/bin/install", "usr/bin/ls"))
_FIND = Package(name="findutils", version="4.7.0-2", files={}, programs=("usr/bin/find",))
_AGETTY = Package(name="util-linux", version="2.36-4", files={}, programs=("usr/bin/agetty",))

PACKAGES = (
    _FILESYSTEM, _BASH, _SYSTEMD, _MAN_DB, _SHADOW, _PAMBASE, _SUDO, _CUDA, _DBUS, _GNOME, _FINDERS, _FIND, _AGETTY,
)  # fmt: skip

_ACCOUNTS = (
    f"root:x:0:0::/root:/bin/bash\nnobody:x:65534:65534::/:/usr/bin/nologin\n{USER}:x:1000:1000::/{HOME}:/bin/bash\n"
)
BASHRC = (
    "#\n# ~/.bashrc\n#\n[[ $- != *i* ]] && return\nalias ls='ls --color=auto'\n"
    f"export FLINK_HOME=/{_FLINK}\nexport PATH=$FLINK_HOME/bin:$PATH\n"
    f"__conda_setup=\"$('/{HOME}/miniconda3/bin/conda' 'shell.bash' 'hook' 2> /dev/null)\"\n"
    'if [ $? -eq 0 ]; then\n    eval "$__conda_setup"\nfi\nunset __conda_setup\n'
)
_OWN_FILES = {
    f"{HOME}/.bash_profile": "#\n# ~/.bash_profile\n#\n[[ -f ~/.bashrc ]] && . ~/.bashrc\n",
    f"{HOME}/.bashrc": BASHRC,
    f"{_FLINK}/bin/start-cluster.sh": '#!/usr/bin/env bash\nbin=`dirname "$0"`\n. "$bin"/config.sh\n',
    f"{_FLINK}/bin/config.sh": "#!/usr/bin/env bash\nDEFAULT_ENV_PID_DIR=/tmp\n",
    f"{_FLINK}/conf/flink-conf.yaml": "jobmanager.rpc.address: localhost\nrest.port: 8081\n",
    f"{_FLINK}/log/flink-{USER}-standalonesession-0-{USER}-lab.log": (
        "2020-10-17 00:09:40,372 WARN  org.apache.flink.runtime.dispatcher.DispatcherRestEndpoint   [] - "
        "Unhandled exception\njava.io.IOException: Connection reset by peer\n"
    ),
    f"{HOME}/train/train.py": "import torch\n",
}


def workstation(root: Path) -> None:
    """Build it below ``root``, as it was before anybody broke in."""
    install(root, PACKAGES)
    (root / "etc/passwd").write_text(_ACCOUNTS)
    for folder in ("tmp", "var/tmp"):
        (root / folder).chmod(0o1777)
    for path, text in _OWN_FILES.items():
        put(root, path, text, uid=1000)
    getty = root / "etc/systemd/system/getty.target.wants/getty@tty1.service"
    getty.parent.mkdir()
    getty.symlink_to(f"/{_UNITS}/getty@.service")
    (root / f"{_FLINK}/lib").mkdir()
    (root / f"{_FLINK}/lib/flink-dist_2.11-1.11.2.jar").write_bytes(b"PK\x03\x04" + bytes(64))


def put(root: Path, path: str, content: str | bytes, *, uid: int = 0, mode: int = 0o644) -> None:
    """Write a file below ``root``, with the folders above it; whose it is needs root."""
    file = root / path
    missing = [each for each in file.parents if not each.exists()]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    file.chmod(0o755 if mode == 0o644 and file.read_bytes().startswith(b"#!") else mode)
    if os.geteuid() == 0:
        for each in (file, *missing):
            os.chown(each, uid, uid)
