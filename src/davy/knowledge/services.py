"""Services that let miners in: how each is known, what its configuration says, what makes it open, what its logs tell.

A file per service in ``services/``.  Everything in it is data: `davy.collect.services` reads the host by it,
`davy.detect.exposures` judges by it, `davy.collect.logs` searches by its signs, `davy.correlate.door` weighs them.
"""

from __future__ import annotations

import fnmatch
import functools
import os
import re
from enum import StrEnum
from typing import Final

from msgspec import Struct

from davy.knowledge.data import listed, read
from davy.knowledge.matching.patterns import pattern
from davy.model.exposures import Severity
from davy.model.logs import Shows
from davy.model.services import ReachedFrom

_LINE_LIMIT: Final = 65536
"""Characters of a command line that are looked at."""
_FROM: Final = {"from_": "from"}
_compiled = functools.lru_cache(maxsize=4096)(re.compile)


@functools.lru_cache(maxsize=4096)
def _searched(text: str) -> re.Pattern[bytes]:
    return pattern(text).python()


class ConfigFormat(StrEnum):
    """The language of a configuration file; each has a reader in `davy.collect.services.formats`."""

    DIRECTIVES = "directives"
    """``key value`` by the line, ``#`` comments, as redis.conf, sshd_config, mosquitto.conf."""
    PROPERTIES = "properties"
    """``key=value`` or ``key: value``, as Java's and .env files."""
    INI = "ini"
    """Sections; a key is ``section.key``, as php-fpm pools, qBittorrent.conf, my.cnf."""
    POSTGRESQL = "postgresql"
    """``key = 'value'``, the last counts; ``include``."""
    HBA = "hba"
    """pg_hba.conf: each line is one value of the key ``hba``, its words with one blank between."""
    YAML = "yaml"
    """A key is its path with dots; of lists ``key.0``, ``key.1``.  Anchors and tags are not followed."""
    JSON = "json"
    TOML = "toml"
    HADOOP = "hadoop"
    """``<property><name>key</name><value>value</value></property>``."""
    XML = "xml"
    """Elements: ``a.b.c`` is its text, ``a.b.c@name`` its attribute."""
    NGINX = "nginx"
    """Blocks: ``http.server.listen``; ``include`` is followed."""
    APACHE = "apache"
    """Directives and ``<sections>``."""
    PYTHON = "python"
    """``c.ServerApp.token = ''``: assignments of plain values, by name without the ``c.``; nothing is run."""
    ERLANG = "erlang"
    """rabbitmq.config's terms, as far as plain values go."""
    NATS = "nats"
    """nats-server.conf: ``key: value``, blocks."""
    UNIT = "unit"
    """systemd units: ``Section.Key``."""
    COMPOSE = "compose"
    """Compose files: ``services.NAME.ports`` and so on."""
    TEXT = "text"
    """Anything else: the setting's expression is searched in it."""


APPENDED: Final = frozenset({
    ConfigFormat.DIRECTIVES, ConfigFormat.PROPERTIES, ConfigFormat.POSTGRESQL, ConfigFormat.YAML, ConfigFormat.PYTHON,
})  # fmt: skip
"""Languages in which a line at the end of the file is a setting of the whole."""


class LogFormat(StrEnum):
    """How the records of a log are told apart and timed; each has a reader in `davy.collect.logs.formats`."""

    LOG4J = "log4j"
    """``2020-10-17 03:17:44,446 WARN ...``: Flink, YARN, Kafka, Solr, Confluence, ActiveMQ, Ray."""
    LOG4J_SHORT = "log4j-short"
    """``20/10/17 03:17:44 INFO ...``: Spark."""
    REDIS = "redis"
    POSTGRESQL = "postgresql"
    """With any ``log_line_prefix`` that begins with a time (%m, %t)."""
    LOGFMT = "logfmt"
    """``time="2024-01-02T03:04:05Z" level=warning msg="..."``: dockerd, containerd."""
    KLOG = "klog"
    """``I0102 03:04:05.678901       1 file.go:1] ...``: Kubernetes, etcd of old; without a year."""
    ACCESS = "access"
    """Apache's and nginx's common and combined format."""
    NGINX_ERROR = "nginx-error"
    APACHE_ERROR = "apache-error"
    PHP = "php"
    """``[17-Oct-2020 03:17:44] NOTICE: ...``: php-fpm, PHP's error log."""
    SYSLOG = "syslog"
    """auth.log, secure, messages, cron, kern.log, mail: RFC 3164 without a year, or RFC 5424's times."""
    JENKINS = "jenkins"
    TORNADO = "tornado"
    """``[W 2024-01-02 03:04:05.678 ServerApp] ...``: Jupyter."""
    JSON = "json"
    """One object a line with a time in it: GitLab, etcd, Elasticsearch, Docker's json-file logs, Kubernetes audit."""
    AUDITD = "auditd"
    """``type=EXECVE msg=audit(1602904664.446:123): ...``."""
    UTMP = "utmp"
    """wtmp, btmp, utmp: binary records, each told as one line of text."""
    LASTLOG = "lastlog"
    JOURNAL = "journal"
    """systemd's own binary files; a record's text is ``IDENTIFIER[PID]: MESSAGE``."""
    LARAVEL = "laravel"
    """``[2021-01-02 03:04:05] production.ERROR: ...``."""
    NATS = "nats"
    """``[1234] 2024/01/02 03:04:05.678901 [INF] ...``."""
    ISO = "iso"
    """Any that begins a record with ``2024-01-02T03:04:05`` or ``2024-01-02 03:04:05``, in brackets or not."""
    MOSQUITTO = "mosquitto"
    """``1602904664: ...``: seconds since the epoch."""


class Recognition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a process of the service is known.  All that is given has to hold."""

    programs: tuple[str, ...] = ()
    """Names of the executable, by its path, never by what the process calls itself; ``*`` within a name."""
    arguments: tuple[str, ...] = ()
    """Expressions: each has to be found in the command line, its words with one blank between."""
    but_not: tuple[str, ...] = ()
    """Expressions of which none may be found there: clients, checks."""
    must_match: tuple[tuple[str, ...], ...] = ()
    """Each: the path of the executable, then the words of the command line."""
    must_not_match: tuple[tuple[str, ...], ...] = ()

    def meets(self, exe: str | None, words: tuple[str, ...]) -> bool:
        """Whether a process that runs ``exe`` with these words is one."""
        name = exe.rpartition("/")[2] if exe else ""
        if self.programs and not any(fnmatch.fnmatchcase(name, program) for program in self.programs):
            return False
        line = " ".join(words)[:_LINE_LIMIT]
        return all(_compiled(text).search(line) for text in self.arguments) and not any(
            _compiled(text).search(line) for text in self.but_not
        )


class ConfigFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the service's configuration stands."""

    format: ConfigFormat
    argument: str | None = None
    """An expression over the command line with one group: the file, or the folder if ``name`` is given."""
    environment: str | None = None
    """An environment variable that names it."""
    name: str | None = None
    """The file's name in the folder that ``argument`` or ``environment`` gives; ``*`` allowed."""
    beside: str | None = None
    """The file's path relative to the working folder or the program's (``../conf/x.xml``), where nothing names it."""
    places: tuple[str, ...] = ()
    """Its usual places, of which those that are there are read; ``*`` allowed, ``~`` is every home."""


class KnownSetting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One setting that says how it listens, whom it trusts, or how old it is."""

    name: str
    """By which `Opening` asks for it."""
    keys: tuple[str, ...] = ()
    """As configuration files say it; the first that is there counts.  Case counts where the format's does.

    ``*`` is allowed (``*.listen`` of every php-fpm pool): then each key has its own value.
    """
    arguments: tuple[str, ...] = ()
    """Expressions over the command line with one group; it outranks the file."""
    environment: tuple[str, ...] = ()
    """Variables, of the process or its container; they outrank the file, arguments outrank them."""
    program: str | None = None
    """A path with ``*`` relative to the program's or working folder, or absolute, whose name has the value in it."""
    expression: str | None = None
    """With one group, what of ``program``'s path, of its content (where it is a text), or of the value is meant."""
    default: str | None = None
    """What is in force where nothing says it; None: it is absent."""
    default_in_image: str | None = None
    """What is in force instead in a container of one of the service's images: some are built otherwise."""
    repeated: str | None = None
    """Of one that stands many times: ``all`` count, the ``first``, or the ``last``; None: as its format has it."""
    gives: str = "value"
    """``value``, ``address`` (``10.0.0.1``, ``*``, ``10.0.0.1:99``, ``[::]:99``; many by blanks or commas), ``port``,
    ``secret`` (whether it is set, never what it is), ``log`` (the path of a log file or of a folder of them),
    ``version``."""


class Condition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=_FROM):
    """A question about one setting: true if any of its values answers so."""

    setting: str
    any_of: tuple[str, ...] | None = None
    """One of these, whatever the case."""
    none_of: tuple[str, ...] | None = None
    """There is a value, and it is none of these."""
    matches: str | None = None
    """An expression is found in it."""
    absent: bool | None = None
    """It has no value or an empty one (true), or it has one (false)."""
    below: tuple[str, ...] | None = None
    """A version for each branch that was mended, e.g. ``5.15.16``, ``5.16.7``: older than that of its own branch, or
    of a branch that was not mended and is older than the newest that was; a value that is no version answers no."""
    from_: str | None = None
    """With ``below``: and not older than this version, in which the hole came in."""


class Opening(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=_FROM):
    """One thing that makes it open: what has to be so, who may do what then, and how it is closed."""

    id: str
    when: tuple[Condition, ...] = ()
    """All of these."""
    unless: tuple[Condition, ...] = ()
    """None of these."""
    from_: ReachedFrom = ReachedFrom.PRIVATE
    """It is open only if it is reached from so far at least: ``loopback`` means anywhere."""
    severity: Severity
    """Where it is reached from anywhere; one degree less from private networks only, and of loopback low."""
    this_host: bool = False
    """It lets in whoever is on this host and nobody else: told of what only this host reaches, no exposure."""
    running_only: bool = False
    """Whether it needs a process: what is only installed serves nobody."""
    who: str
    """Who may do what, in a sentence without a subject: ``may run programs as the user redis``."""
    fix: tuple[str, ...]
    """Exact configuration lines and commands, in order.  ``{file}`` is the configuration file, ``{user}``, ``{unit}``,
    ``{port}``, ``{address}``, ``{version}`` and ``{container}`` what the host says."""
    line: str | None = None
    """The one configuration line that closes it, where one is enough: what ``davy harden --apply`` writes."""
    line_setting: str | None = None
    """The setting whose line it takes the place of; it is added where that has none."""
    restart: str | None = None
    """The command that makes it count, for a person: ``systemctl restart redis-server``."""
    cves: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    must_match: tuple[dict[str, str], ...]
    """Settings by their names (several values by line feeds), with ``reached_from`` unless that is ``any``: open."""
    must_not_match: tuple[dict[str, str], ...]


class KnownLog(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it keeps a log, and of which format it is."""

    id: str
    format: LogFormat
    places: tuple[str, ...] = ()
    """``*`` and ``~`` allowed; rotated and compressed ones beside them are found by their names."""
    setting: str | None = None
    """The setting of the kind ``log`` that names it."""
    journal: tuple[str, ...] = ()
    """Identifiers or units of its records in systemd's journal."""
    shared: bool = False
    """Whether another service writes it, and it would only tell of this one, too: a web server's access log of the
    pages behind it.  That it is there says nothing of this one."""


class Sign(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a record of a log may say, and what that means."""

    id: str
    logs: tuple[str, ...]
    """The ids of the logs in which it stands."""
    pattern: str
    """As `davy.knowledge.matching` has them: bounded, without anchors; the fast search goes by it."""
    groups: str | None = None
    """An expression over the record with any of the groups ``address``, ``user``, ``detail``; it also has to match, so
    that what a name or a user agent imitates is not taken for the record itself.  ``^`` is the record's begin."""
    shows: Shows
    bits: float
    """How much it says for this door, log2: 1 hardly, 4 suggests, 8 proves by itself; 0 for noise and state."""
    after: str | None = None
    """It shows that only after a record of this sign (else it is an attempt)."""
    unless: str | None = None
    """It is an attempt where as many records of this sign follow: those who are at home there leave both."""
    within_seconds: float | None = None
    """How long after at most."""
    least: int = 1
    """So many of it from one address within ten minutes mean that (a burst of failures); fewer are noise."""
    meaning: str
    """In a sentence; ``{address}``, ``{user}``, ``{detail}`` allowed."""
    technique: str = "T1190"
    must_match: tuple[str, ...]
    """Records as they stand in a log; addresses of documentation (RFC 5737), names of nobody."""
    must_not_match: tuple[str, ...]

    def said(self, record: str) -> dict[str, str] | None:
        """What a record says by this sign: its groups, empty where the sign has none; None if it is none of it."""
        if not _searched(self.pattern).search(os.fsencode(record)):
            return None
        if self.groups is None:
            return {}
        found = _compiled(self.groups).search(record)
        return {name: value for name, value in found.groupdict().items() if value} if found else None


class Probe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A harmless question to the service on this host, asked with ``davy harden --probe`` only."""

    protocol: str
    """``http``, ``https``, ``redis``, ``postgresql``, ``nats``, ``mqtt``, ``mysql``: `davy.collect.services.probes`."""
    question: str
    """The path of a GET, or the protocol's own question."""
    open_if: str
    """An expression over the answer's first 4,096 bytes, the status line included: it answers without asking who."""
    closed_if: str
    """The same: it asks who."""
    setting: str
    """The setting that the answer becomes, ``open`` or ``closed``, for the openings to ask."""
    must_match: tuple[str, ...]
    """Answers that mean open."""
    must_not_match: tuple[str, ...]
    """Answers that mean closed."""

    def told(self, answer: str) -> str | None:
        """``open``, ``closed``, or None for an answer that says neither."""
        if _compiled(self.open_if).search(answer):
            return "open"
        return "closed" if _compiled(self.closed_if).search(answer) else None


class KnownService(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is known of one service."""

    id: str
    name: str
    ports: tuple[int, ...] = ()
    """Its usual ports: they tell whose a published port is where nothing else does."""
    process: tuple[Recognition, ...] = ()
    """Any of these."""
    images: tuple[str, ...] = ()
    """Names of container images, without registry and tag: ``library/redis``, ``bitnami/redis``; ``*`` allowed."""
    spawns: str | None = None
    """In words, what its process starts when somebody runs things through it; for the reader only."""
    config: tuple[ConfigFile, ...] = ()
    setting: tuple[KnownSetting, ...] = ()
    opening: tuple[Opening, ...] = ()
    log: tuple[KnownLog, ...] = ()
    sign: tuple[Sign, ...] = ()
    probe: tuple[Probe, ...] = ()
    files: tuple[str, ...] = ()
    """Paths with ``*`` of what an intruder leaves when he comes in here: uploaded jars, launch folders."""
    references: tuple[str, ...] = ()
    basis: str
    """``sourced``, ``partly-memory`` (some of it needs care), or ``seen`` (tried on the real service)."""

    def opening_by_id(self, identity: str) -> Opening | None:
        return next((each for each in self.opening if each.id == identity), None)

    def sign_by_id(self, identity: str) -> Sign | None:
        return next((each for each in self.sign if each.id == identity), None)


@functools.cache
def known_services() -> dict[str, KnownService]:
    """Every known service by its id, in the order of the files' names."""
    return {each.id: each for each in (read(name, KnownService) for name in listed("services"))}


_VERSION: Final = re.compile(r"\d+(?:\.\d+)*")


def version_of(text: str) -> tuple[int, ...] | None:
    """The numbers of a version (``5.15.16-SNAPSHOT`` is 5, 15, 16); None for what is none."""
    found = _VERSION.match(text.strip().lstrip("vV"))
    return tuple(int(part[:9]) for part in found[0].split(".")[:6]) if found else None
