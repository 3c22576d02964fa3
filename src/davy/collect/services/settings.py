"""The settings of a service that are in force: arguments before the environment before files before what is usual."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final, TypeVar

from davy.collect.services.configuration import Configuration, Entry
from davy.collect.services.first_match import asked
from davy.collect.services.formats import CASELESS
from davy.collect.services.instance import Instance
from davy.knowledge.data import wild
from davy.knowledge.services import ConfigFormat, KnownSetting
from davy.model.services import Setting, SettingSource

T = TypeVar("T")

LINE_CHARACTERS: Final = 65_536
VALUE_CHARACTERS: Final = 2_048
VALUES_LIMIT: Final = 500
"""Values of one setting."""
PROGRAM_BYTES: Final = 64 << 10
"""Of a file whose content says a version."""
SET: Final = "(set)"
_ALL: Final = frozenset({
    ConfigFormat.HBA, ConfigFormat.NGINX, ConfigFormat.APACHE, ConfigFormat.XML, ConfigFormat.UNIT, ConfigFormat.TEXT,
})  # fmt: skip
"""Formats in which what stands many times counts many times."""
_MANY: Final = frozenset({"address", "port", "log"})
"""Of directives, what counts many times."""
_compiled = lru_cache(maxsize=4096)(re.compile)


def settings(instance: Instance, configuration: Configuration) -> tuple[Setting, ...]:
    """All settings that are in force, in the order of `KnownService.setting`."""
    found: list[Setting] = []
    told = _Told(configuration.entries)
    for known in instance.known.setting:
        found += _in_force(instance, known, configuration, told)[:VALUES_LIMIT]
    return tuple(found)


class _Told:
    """What files say, by their keys as each language compares them."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._by_key: dict[str, list[Entry]] = {}
        for entry in entries:
            self._by_key.setdefault(_folded(entry.key, entry.format), []).append(entry)
        self.texts = [entry for entry in entries if entry.format is ConfigFormat.TEXT]

    def by(self, key: str) -> list[list[Entry]]:
        """The entries with a key, or of each key that a pattern matches."""
        if wild(key):
            pattern = key.replace("[", "[[]")
            return [
                several
                for own, several in self._by_key.items()
                if fnmatchcase(own, _folded(pattern, several[0].format))
            ]
        foldings = dict.fromkeys((key, key.casefold(), key.casefold().replace("-", "_")))
        found = (
            [entry for entry in self._by_key.get(folded, ()) if _folded(key, entry.format) == folded]
            for folded in foldings
        )
        return [several for several in found if several]


def _in_force(instance: Instance, known: KnownSetting, configuration: Configuration, told: _Told) -> list[Setting]:
    for of in (_of_arguments, _of_environment):
        if values := list(of(instance, known)):
            return values
    if values := _of_files(instance, known, told):
        return values
    if known.program is not None and (version := _of_program(instance, known, configuration)) is not None:
        return [version]
    if known.gives == "version" and (tag := _tag(instance)) is not None:
        return [Setting(name=known.name, value=tag, source=SettingSource.PROGRAM)]
    default = known.default
    if known.default_in_image is not None and instance.of_its_image:
        default = known.default_in_image
    return [] if default is None else [Setting(name=known.name, value=default, source=SettingSource.DEFAULT)]


def _of_arguments(instance: Instance, known: KnownSetting) -> Iterator[Setting]:
    for line in instance.lines:
        values = [
            found[1]
            for expression in known.arguments
            for found in _compiled(expression).finditer(line[:LINE_CHARACTERS])
            if found[1] is not None
        ]
        if values:
            for value in _counted(values, known, everything=known.gives in _MANY):
                yield from _setting(known, value.strip(), SettingSource.ARGUMENT)
            return


def _of_environment(instance: Instance, known: KnownSetting) -> Iterator[Setting]:
    for name in known.environment:
        if (value := instance.environment.get(name)) is not None:
            yield from _setting(known, value, SettingSource.ENVIRONMENT)
            return


def _of_files(instance: Instance, known: KnownSetting, told: _Told) -> list[Setting]:
    """By the first key that is there and says something."""
    for key in known.keys:
        if found := [one for several in told.by(key) for one in _of_several(instance, known, several)]:
            return found
    texts = told.texts if known.expression else ()
    return [one for text in texts for one in _searched(instance, known, text)]


def _of_several(instance: Instance, known: KnownSetting, several: Sequence[Entry]) -> Iterator[Setting]:
    format_ = several[0].format
    if format_ is ConfigFormat.HBA:
        several = [one for one, counts in zip(several, asked([one.value for one in several]), strict=True) if counts]
    everything = format_ in _ALL or (format_ is ConfigFormat.DIRECTIVES and known.gives in _MANY)
    for entry in _counted(several, known, everything=everything):
        yield from _setting(known, entry.value, SettingSource.FILE, instance, entry.path, entry.line)


def _counted(values: Sequence[T], known: KnownSetting, *, everything: bool) -> Sequence[T]:
    """Of several values those that count."""
    how = known.repeated or ("all" if everything else "last")
    return values if how == "all" else values[:1] if how == "first" else values[-1:]


def _folded(key: str, format_: ConfigFormat) -> str:
    if format_ not in CASELESS:
        return key
    return key.casefold().replace("-", "_") if format_ is ConfigFormat.INI else key.casefold()


def _searched(instance: Instance, known: KnownSetting, entry: Entry) -> Iterator[Setting]:
    """What an expression finds in a text."""
    for found in _compiled(known.expression or "").finditer(entry.value):
        line = entry.value.count("\n", 0, found.start(1)) + 1
        yield from _setting(known, found[1] or "", SettingSource.FILE, instance, entry.path, line, searched=True)


def _setting(
    known: KnownSetting, value: str, source: SettingSource, instance: Instance | None = None, path: str | None = None,
    line: int | None = None, *, searched: bool = False,
) -> Iterator[Setting]:  # fmt: skip
    """The setting that a value is; none where its expression finds nothing in it."""
    if known.expression is not None and known.program is None and not searched:
        found = _compiled(known.expression).search(value[:LINE_CHARACTERS])
        if found is None:
            return
        value = found[1] or ""
    text = None
    if known.gives == "secret":
        value = SET if value else ""
    elif instance is not None and path is not None and line is not None:
        text = _line(instance, path, line)
    outside = instance.ground.path_outside(path) if instance is not None and path is not None else None
    yield Setting(name=known.name, value=value[:VALUE_CHARACTERS], source=source, path=outside, line=line, text=text)


def _line(instance: Instance, path: str, line: int) -> str | None:
    lines = (instance.ground.text(path) or "").split("\n", line)
    return lines[line - 1] if len(lines) >= line and len(lines[line - 1]) <= VALUE_CHARACTERS else None


def _tag(instance: Instance) -> str | None:
    """The version that a container's image is tagged with, if it is one of the service's own."""
    if instance.container is None or not instance.of_its_image:
        return None
    tag = (instance.container.image or "").partition("@")[0].rpartition("/")[2].partition(":")[2]
    return tag if tag[:1].isdigit() else None


def _of_program(instance: Instance, known: KnownSetting, configuration: Configuration) -> Setting | None:
    """What the name or the content of a file of the program says."""
    for path in _program_files(instance, known.program or "", configuration):
        value: str | None = path
        if known.expression is not None:
            found = _compiled(known.expression).search(path)
            if found is None and (own := instance.ground.regular(path)) is not None:
                text = instance.ground.text(own, PROGRAM_BYTES)
                found = _compiled(known.expression).search(text) if text and "\0" not in text[:512] else None
            value = found[1] if found else None
        if value:
            outside = instance.ground.path_outside(path)
            return Setting(name=known.name, value=value[:VALUE_CHARACTERS], source=SettingSource.PROGRAM, path=outside)
    return None


def _program_files(instance: Instance, pattern: str, configuration: Configuration) -> Iterator[str]:
    """The files that a pattern may mean, likeliest first: its program, its words, then what lies around it."""
    anywhere = pattern if pattern.startswith("/") else f"*/{pattern.removeprefix('./')}"
    if instance.exe and fnmatchcase(instance.exe, anywhere):
        yield instance.exe
        return
    for line in instance.lines:
        for word in re.split(r"[\s:=,]", line[:LINE_CHARACTERS]):
            if word.startswith("/") and fnmatchcase(word, anywhere):
                yield word
    if pattern.startswith("/"):
        yield from instance.ground.lying(pattern)
        return
    around = [
        instance.cwd,
        posixpath.dirname(instance.exe or ""),
        posixpath.dirname(posixpath.dirname(instance.exe or "")),
    ]
    for file in configuration.files[:3]:
        folder = posixpath.dirname(file)
        around += [folder, posixpath.dirname(folder)]
    for folder in dict.fromkeys(filter(None, around)):
        if folder != "/":
            yield from instance.ground.lying(posixpath.normpath(posixpath.join(folder, pattern)))
