"""One command after another, followed to its files and texts."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from davy.collect.commands import programs_of
from davy.collect.executables import Contents, executable
from davy.host import Gone, Host, HostError
from davy.host.links import Links
from davy.host.packages import PackageDatabase
from davy.knowledge import family_by_path
from davy.knowledge.arguments import commands, interpreter, program, shell
from davy.knowledge.shell.encoded import decoded
from davy.knowledge.shell.telling import telling_lines
from davy.model.autostarts import Autostart, AutostartKind, Followed, Step
from davy.model.facts import Executable, Gap

SCRIPT_BYTES: Final = 64 << 10
"""What is read of one script."""
TEXT_LIMIT: Final = 4096
"""Characters that are kept of what was decoded, or of a script's lines."""
TEXTS_LIMIT: Final = 600
"""Texts that are kept of all autostarts together."""
FILES_LIMIT: Final = 2_000
"""Files that are looked at for all autostarts together."""
_HASHED_FILE: Final = 16 << 20
_HASHED_BYTES: Final = 48 << 20
"""Bytes that are hashed, of one program and of all."""
_GAPS_LIMIT: Final = 16
_PATH: Final = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_OF_A_HOME: Final = (".local/bin", "bin")
_NO_COMMANDS: Final = frozenset(
    {
        AutostartKind.MODULE, AutostartKind.AUTHORIZED_KEY, AutostartKind.LOADER, AutostartKind.LINGER,
        AutostartKind.ENVIRONMENT, AutostartKind.PAM, AutostartKind.SUDOERS, AutostartKind.SSHD, AutostartKind.POLKIT,
        AutostartKind.WEB_MODULE, AutostartKind.PYTHON, AutostartKind.PROFILE, AutostartKind.CONTAINER,
        AutostartKind.STATIC_POD,
    }
)  # fmt: skip
"""Kinds whose command's first words are no names of programs of this root, or, in a profile, mostly the shell's own."""


class File(NamedTuple):
    """A path as it is named, what it leads to, and what it is."""

    path: str
    executable: Executable | None
    folder_mode: int | None


class _Trail(NamedTuple):
    """What one autostart's words say: the files they name, and the texts they decode with the files those name."""

    autostart: Autostart
    home: str | None
    named: tuple[str, ...]
    decoded: tuple[tuple[str, tuple[str, ...]], ...]


class _Script(NamedTuple):
    """A script of nobody's package, as far as it was read."""

    lines: str
    named: tuple[str, ...]
    decoded: tuple[tuple[str, tuple[str, ...]], ...]


class Follower:
    """Follows commands; each file is looked at once, however many entries come to it."""

    def __init__(
        self, host: Host, database: PackageDatabase, homes: Mapping[str, str], entry_files: frozenset[str]
    ) -> None:
        """``homes`` by users' names.  ``entry_files`` hold autostarts, whose lines speak for themselves."""
        self._root, self._host, self._homes, self._database = host.root, host, homes, database
        self._entry_files = entry_files
        self._links = Links(host.root)
        self._contents: Contents = {}
        self._files: dict[str, File] = {}
        self._scripts: dict[tuple[str, str | None], _Script] = {}
        self._interpreted: set[str] = set()
        self._found_by_name: dict[tuple[str, str | None], str | None] = {}
        self._left = _HASHED_BYTES
        self.gaps: list[Gap] = []

    @property
    def strangers(self) -> list[Executable]:
        """The files of nobody's package, each once."""
        found = {
            one.executable.key: one.executable
            for one in self._files.values()
            if one.executable is not None and not _trusted(one.executable)
        }
        return list(found.values())

    def interpreted(self, path: str) -> bool:
        """Whether a file was read as a script."""
        return path in self._interpreted

    def follow(self, autostarts: Sequence[Autostart], deadline: float) -> Iterator[Followed]:
        """What autostarts come to; the package database is asked twice, for all of them together.

        After ``deadline``, a `time.monotonic` time, no further command is read, and a gap says so.
        """
        trails = []
        for count, autostart in enumerate(autostarts):
            if time.monotonic() > deadline:
                left = len(autostarts) - count
                self.gaps.append(Gap("autostarts", f"what {left} of them run", "there was no time to follow them"))
                break
            trails.append(self._trail(autostart))
        self._look_at(path for trail in trails for path in _paths(trail.named, trail.decoded))
        for trail in trails:
            if time.monotonic() > deadline:
                break
            self._read_scripts(trail)
        self._look_at(path for script in self._scripts.values() for path in _paths(script.named, script.decoded))
        texts = 0
        for trail in trails:
            for one in self._told(trail):
                texts += one.text is not None
                if one.text is None or texts <= TEXTS_LIMIT:
                    yield one
        if texts > TEXTS_LIMIT:
            left = texts - TEXTS_LIMIT
            self.gaps.append(Gap("autostarts", f"{left} texts that they run", f"more than {TEXTS_LIMIT} of them"))

    def _trail(self, autostart: Autostart) -> _Trail:
        home = self._homes.get(autostart.user or "")
        named = dict.fromkeys((*autostart.programs, *self._named_without_path(autostart, home)))
        return _Trail(autostart, home, tuple(named), _decoded(autostart.command, home))

    def _told(self, trail: _Trail) -> Iterator[Followed]:
        told = set[str]()
        autostart = trail.autostart
        yield from self._of_programs(autostart, trail.named, Step.COMMAND, told)
        yield from self._of_decoded(autostart, trail.decoded, told)
        for path in trail.named:
            script = self._scripts.get((path, trail.home))
            if script is None:
                continue
            if script.lines:
                yield Followed(autostart=autostart.subject, step=Step.SCRIPT, path=path, text=script.lines)
            yield from self._of_decoded(autostart, script.decoded, told)
            yield from self._of_programs(autostart, script.named, Step.SCRIPT, told)

    def _of_programs(
        self, autostart: Autostart, paths: Iterable[str], step: Step, told: set[str]
    ) -> Iterator[Followed]:
        for path in paths:
            file = self._files.get(path)
            if file is None or path in told or (step is Step.SCRIPT and _ordinary(file)):
                continue
            told.add(path)
            yield Followed(
                autostart=autostart.subject, step=step, path=path, executable=file.executable,
                folder_mode=file.folder_mode,
            )  # fmt: skip

    def _of_decoded(
        self, autostart: Autostart, texts: Iterable[tuple[str, tuple[str, ...]]], told: set[str]
    ) -> Iterator[Followed]:
        for text, paths in texts:
            yield Followed(autostart=autostart.subject, step=Step.DECODED, text=text[:TEXT_LIMIT])
            yield from self._of_programs(autostart, paths, Step.DECODED, told)

    def _named_without_path(self, autostart: Autostart, home: str | None) -> Iterator[str]:
        """Where the programs lie that a command names without a path, as far as the usual search path says."""
        if autostart.kind in _NO_COMMANDS or not autostart.command:
            return
        for words in commands(autostart.command):
            name = program(words)
            if "/" not in name and name and len(name) < 256:
                key = (name, home)
                if key not in self._found_by_name:
                    self._found_by_name[key] = self._by_name(name, home)
                if path := self._found_by_name[key]:
                    yield path

    def _by_name(self, name: str, home: str | None) -> str | None:
        folders = (*_PATH, *(f"{home}/{folder}" for folder in _OF_A_HOME)) if home else _PATH
        for folder in folders:
            try:
                if self._root.stat(f"{folder}/{name}").regular:
                    return f"{folder}/{name}"
            except HostError:
                continue
        return None

    def _look_at(self, paths: Iterable[str]) -> None:
        """Take the identity of files that were not looked at yet; whose they are is asked of all together."""
        fresh = [path for path in dict.fromkeys(paths) if path not in self._files]
        fresh = fresh[: max(FILES_LIMIT - len(self._files), 0)]
        leads = {path: self._leads_to(path) for path in fresh}
        owners = self._database.owners({*fresh, *leads.values()}) if fresh else {}
        for path, target in leads.items():
            self._files[path] = File(path, self._identity(target, owners.get(target)), self._folder_mode(target))

    def _leads_to(self, path: str) -> str:
        try:
            return self._links.resolve(path)
        except HostError as error:
            self._gap(path, error)
            return path

    def _identity(self, path: str, owner: str | None) -> Executable | None:
        """What lies at a path without links; nothing is hashed of what a package owns, or of what is too large."""
        try:
            if owner is not None:
                return msgspec.structs.replace(executable(self._host, path, size_limit=0), owner_package=owner)
            limit = min(_HASHED_FILE, self._left)
            found = executable(self._host, path, size_limit=limit, contents=self._contents)
            if found.sha256 is not None:
                self._left -= found.size
            if found.elf and found.md5 is not None:
                return executable(self._host, path, None, self._database, limit, self._contents)
            return found
        except Gone:
            return None
        except HostError as error:
            self._gap(path, error)
            return None

    def _folder_mode(self, path: str) -> int | None:
        try:
            return self._root.stat(posixpath.dirname(path)).mode & 0o7777
        except HostError:
            return None

    def _read_scripts(self, trail: _Trail) -> None:
        """Read the scripts of nobody's package that a command names, each once."""
        given = _scripts_named(trail.autostart.command)
        for path in trail.named:
            file = self._files.get(path)
            if (path, trail.home) in self._scripts or file is None or file.executable is None:
                continue
            another = path in self._entry_files and path != trail.autostart.path
            if file.executable.elf or another or _trusted(file.executable):
                continue
            text = self._text(
                file.executable.path, given=posixpath.basename(path) in given or path == trail.autostart.path
            )
            if text is not None:
                self._interpreted.add(file.executable.path)
                self._scripts[path, trail.home] = _Script(
                    telling_lines(text, TEXT_LIMIT),
                    programs_of(text, home=trail.home, directory=trail.home),
                    _decoded(text, trail.home),
                )

    def _text(self, path: str, *, given: bool) -> str | None:
        """The beginning of a script; None of what is none.  ``given`` to an interpreter, any text is one."""
        try:
            data = self._root.read(path, SCRIPT_BYTES)
        except HostError as error:
            self._gap(path, error)
            return None
        if b"\0" in data[:512] or not (given or data.startswith(b"#!")):
            return None
        return data.decode("utf-8", "surrogateescape")

    def _gap(self, path: str, error: HostError) -> None:
        if len(self.gaps) < _GAPS_LIMIT:
            self.gaps.append(Gap("autostarts", path, str(error)))


def _paths(named: Iterable[str], texts: Iterable[tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    yield from named
    for _, paths in texts:
        yield from paths


def _decoded(text: str, home: str | None) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The texts that a text decodes, each with the programs it runs."""
    return tuple((inner, programs_of(inner, home=home)) for inner in decoded(text))


def _ordinary(file: File) -> bool:
    """Whether a script does nothing worth telling by naming a file: it is a package's, or not there."""
    if file.executable is None:
        return family_by_path(file.path) is None
    return _trusted(file.executable)


def _trusted(file: Executable) -> bool:
    """Whether a package put it there, or the very same content elsewhere."""
    return file.twin is not None or (file.owner_package is not None and file.unmodified is not False)


def _scripts_named(command: str) -> frozenset[str]:
    """The (file) names that a command gives to an interpreter, or has a shell read."""
    return frozenset(
        posixpath.basename(program(words))
        for words in commands(command)
        if words[0] in (".", "source") or interpreter(posixpath.basename(words[0])) or shell(words[0])
    )
