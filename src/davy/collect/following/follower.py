"""One command after another, followed to its files and texts."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from davy.collect.autostarts.commands import programs_of
from davy.collect.autostarts.links import Links
from davy.collect.executables import Contents, executable
from davy.host import Gone, Host, HostError
from davy.host.packages import packages
from davy.knowledge import family_by_path
from davy.knowledge.arguments import commands, interpreter, program, shell
from davy.knowledge.encoded import decoded
from davy.knowledge.telling import telling_lines
from davy.model.autostarts import Autostart, AutostartKind, Followed, Step
from davy.model.facts import Executable, Gap

SCRIPT_BYTES: Final = 64 << 10
"""What is read of one script."""
TEXT_LIMIT: Final = 4096
"""Characters that are kept of what was decoded, or of a script's lines."""
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
        AutostartKind.WEB_MODULE, AutostartKind.PYTHON, AutostartKind.PROFILE,
    }
)  # fmt: skip
"""Kinds whose command's first words are no names of programs, or, in a profile, mostly the shell's own."""


class File(NamedTuple):
    """A path as it is named, what it leads to, and what it is."""

    path: str
    executable: Executable | None
    folder_mode: int | None


class Follower:
    """Follows commands; each file is looked at once, however many entries come to it."""

    def __init__(self, host: Host, homes: Mapping[str, str]) -> None:
        self._root, self._host, self._homes = host.root, host, homes
        self._database = packages(host.root, forgiving=True)
        self._links = Links(host.root)
        self._contents: Contents = {}
        self._files: dict[str, File] = {}
        self._scripts: dict[str, str | None] = {}
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
        return any(
            text is not None and (file := self._files[named].executable) is not None and file.path == path
            for named, text in self._scripts.items()
        )

    def follow(self, autostart: Autostart) -> Iterator[Followed]:
        """What one autostart comes to."""
        home = self._homes.get(autostart.user or "")
        told = set[str]()
        named = (*autostart.programs, *self._named_without_path(autostart, home))
        scripts = _scripts_named(autostart.command)
        yield from self._of_programs(autostart, named, Step.COMMAND, told)
        yield from self._of_decoded(autostart, autostart.command, home, told)
        for path in named:
            text = self._script(path, named_as_script=posixpath.basename(path) in scripts)
            if text is not None:
                yield from self._of_script(autostart, path, text, home, told)

    def _of_programs(
        self, autostart: Autostart, paths: Iterable[str], step: Step, told: set[str]
    ) -> Iterator[Followed]:
        wanted = [path for path in dict.fromkeys(paths) if path not in told]
        self._look_at(wanted)
        for path in wanted:
            file = self._files.get(path)
            if file is None:
                continue
            mentioned = step is Step.SCRIPT
            ordinary = (file.executable is None and not family_by_path(path)) or (
                file.executable is not None and _trusted(file.executable)
            )
            if mentioned and ordinary:
                continue
            told.add(path)
            yield Followed(
                autostart=autostart.subject, step=step, path=path, executable=file.executable,
                folder_mode=file.folder_mode,
            )  # fmt: skip

    def _of_decoded(self, autostart: Autostart, text: str, home: str | None, told: set[str]) -> Iterator[Followed]:
        for inner in decoded(text):
            yield Followed(autostart=autostart.subject, step=Step.DECODED, text=inner[:TEXT_LIMIT])
            yield from self._of_programs(autostart, programs_of(inner, home=home), Step.DECODED, told)

    def _of_script(
        self, autostart: Autostart, path: str, text: str, home: str | None, told: set[str]
    ) -> Iterator[Followed]:
        if lines := telling_lines(text, TEXT_LIMIT):
            yield Followed(autostart=autostart.subject, step=Step.SCRIPT, path=path, text=lines)
        yield from self._of_decoded(autostart, text, home, told)
        paths = programs_of(text, home=home, directory=home)
        yield from self._of_programs(autostart, paths, Step.SCRIPT, told)

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

    def _look_at(self, paths: list[str]) -> None:
        """Take the identity of files that were not looked at yet; whose they are is asked of all together."""
        fresh = [path for path in paths if path not in self._files][: max(FILES_LIMIT - len(self._files), 0)]
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

    def _script(self, path: str, *, named_as_script: bool) -> str | None:
        """The beginning of a script of nobody's package; None of what is none."""
        file = self._files.get(path)
        if file is None or file.executable is None or file.executable.elf or _trusted(file.executable):
            return None
        if path not in self._scripts:
            try:
                data = self._root.read(file.executable.path, SCRIPT_BYTES)
            except HostError as error:
                self._gap(path, error)
                data = b""
            text = data.decode("utf-8", "surrogateescape")
            self._scripts[path] = text if b"\0" not in data[:512] and (data[:2] == b"#!" or named_as_script) else None
        return self._scripts[path]

    def _gap(self, path: str, error: HostError) -> None:
        if len(self.gaps) < _GAPS_LIMIT:
            self.gaps.append(Gap("autostarts", path, str(error)))


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
