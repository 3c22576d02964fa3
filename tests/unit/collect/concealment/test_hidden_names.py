"""Names that a folder does not list are found, and what only looks so is not."""

from __future__ import annotations

from tests.unit.snapshots import cron, process, snapshot

from davy.collect.concealment.hidden_names import hidden_names
from davy.host import Host, MemoryRoot
from davy.host.clean_start import Start
from davy.model.concealment import HiddenName
from davy.model.reach import USUAL

FILES = {"/opt/app/run": "x", "/opt/app/other": "y", "/usr/bin/true": "z"}


class Hiding(MemoryRoot):
    """A tree whose listings leave names out, from the first look on or only in that."""

    def __init__(self, *hidden: str, looks: int = 9) -> None:
        super().__init__(FILES)
        self._hidden, self._looks = hidden, looks

    def names(self, path: str) -> list[str]:
        self._looks -= 1
        return [name for name in super().names(path) if name not in self._hidden or self._looks < 0]


def found(root: MemoryRoot, *facts: object, start: Start | None = None) -> list[HiddenName]:
    answers = list(hidden_names(Host(root, None, start or Start()), snapshot(*facts), USUAL))  # type: ignore[arg-type]
    assert all(isinstance(one, HiddenName) for one in answers)
    return answers  # type: ignore[return-value]


def test_a_program_that_its_folder_does_not_list() -> None:
    (one,) = found(Hiding("run"), process(7, "/opt/app/run"))
    assert one == HiddenName(path="/opt/app/run", listed_by="the kernel's", named_by="process 7")


def test_a_file_that_a_cron_line_runs() -> None:
    (one,) = found(Hiding("run"), cron("/opt/app/run -q"))
    assert (one.path, one.named_by) == ("/opt/app/run", "/var/spool/cron/crontabs/root")


def test_what_is_listed_is_not_hidden_and_neither_is_what_nobody_names() -> None:
    assert found(Hiding(), process(7, "/opt/app/run")) == []
    assert found(Hiding("other"), process(7, "/opt/app/run")) == []


def test_a_file_that_came_between_the_looks_is_not_hidden() -> None:
    assert found(Hiding("run", looks=1), process(7, "/opt/app/run")) == []


def test_a_file_that_is_gone_is_not_hidden() -> None:
    assert found(Hiding(), process(7, "/opt/app/gone")) == []


def test_another_spelling_of_a_listed_name_is_not_hidden() -> None:
    class Folding(MemoryRoot):
        def names(self, path: str) -> list[str]:
            return [name.upper() for name in super().names(path)]

    assert found(Folding(FILES), process(7, "/opt/app/run")) == []


def test_what_a_preloaded_library_left_out_is_told() -> None:
    start = Start(unlisted_names=("/opt/app/run", "/opt/app/gone"))
    (one,) = found(Hiding(), start=start)
    assert one == HiddenName(path="/opt/app/run", listed_by="the C library's", named_by="the kernel's listing")
