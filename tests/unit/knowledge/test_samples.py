"""Every entry of knowledge has samples that it must match and samples that it must leave alone, and keeps to them."""

from __future__ import annotations

import re
import shlex

import pytest

from davy.knowledge import families, family_by_command, family_by_key, family_by_name, family_by_path, family_by_unit
from davy.knowledge.arguments import arguments, opened, program, script_argument
from davy.knowledge.commands import Shape, shapes, suspicious_command
from davy.knowledge.data import read
from davy.knowledge.families import Family
from davy.knowledge.modules import (
    KnownModule,
    honest_place,
    kept_place,
    module_by_name,
    module_by_path,
    modules,
    telling_function,
)
from davy.knowledge.pools import miner_port, pool_endpoint, pool_host, pools
from davy.knowledge.preloads import honest_preload, preload_rules
from davy.knowledge.programs import (
    honest_hidden,
    kernel_thread_like,
    login_shell,
    near_miss,
    programs,
    shared_parent,
)
from davy.knowledge.weights import weight_of
from davy.knowledge.words import benign, mining_words, reads, words

RULES = (
    *words(),
    *shapes(),
    *arguments().interpreter,
    *arguments().wrapper,
    *benign().reader,
    *modules().module,
    modules().honest,
    modules().kept,
    programs().honest_hidden,
    programs().daemons,
    programs().kernel_threads,
    programs().shared_parents,
    programs().shells,
    pools().hosts,
    pools().endpoints,
    pools().ports,
    preload_rules().honest,
)

TECHNIQUE = re.compile(r"T\d{4}(?:\.\d{3})?")


def by_id(rule: object) -> str:
    return str(getattr(rule, "id", type(rule).__name__))


@pytest.mark.parametrize("rule", RULES, ids=by_id)
def test_every_rule_has_both_kinds_of_samples(rule: object) -> None:
    assert getattr(rule, "must_match", None), "a sample that it must match"
    assert getattr(rule, "must_not_match", None), "a sample that it must not match"


@pytest.mark.parametrize("rule", RULES, ids=by_id)
def test_every_rule_gives_its_reason(rule: object) -> None:
    for field in ("reason", "falsepositives"):
        assert getattr(rule, field, "not of this kind")


# Families


def families_by_id(family: Family) -> str:
    return family.id


@pytest.mark.parametrize("family", families(), ids=families_by_id)
class TestFamily:
    def test_has_samples_of_each_kind_of_value_it_is_recognised_by(self, family: Family) -> None:
        for field in ("names", "paths", "units", "cron", "keys"):
            if getattr(family, field):
                assert getattr(family.must_match, field), field
                assert getattr(family.must_not_match, field), field
        assert family.must_match.names or family.must_match.paths

    def test_recognises_its_samples(self, family: Family) -> None:
        samples = family.must_match
        for name in samples.names:
            assert (match := family_by_name(name)), name
            assert match.family == family.id, name
        for path in samples.paths:
            assert (placed := family_by_path(path)), path
            assert placed.family == family.id, path
        for unit in samples.units:
            assert (match := family_by_unit(unit)), unit
            assert match.family == family.id, unit
        for line in samples.cron:
            assert (placed := family_by_command(line)), line
            assert placed.family == family.id, line
        for line in samples.keys:
            assert family_by_key(line) == family.id, line

    def test_leaves_other_samples_alone(self, family: Family) -> None:
        samples = family.must_not_match
        found = [
            *(name for name in samples.names if family_by_name(name)),
            *(path for path in samples.paths if family_by_path(path)),
            *(unit for unit in samples.units if family_by_unit(unit)),
            *(line for line in samples.cron if family_by_command(line)),
            *(line for line in samples.keys if family_by_key(line)),
        ]
        assert not found

    def test_says_weak_and_unverified_of_values_it_has(self, family: Family) -> None:
        values = {
            *family.names,
            *family.guardian_names,
            *family.paths,
            *family.units,
            *family.preload,
            *family.modules,
            *family.cron,
            *family.hosts,
            *family.addresses,
            *family.wallets,
        }
        assert {*family.weak, *family.from_memory} <= values

    def test_is_described(self, family: Family) -> None:
        assert family.references
        assert family.techniques
        assert all(TECHNIQUE.fullmatch(technique) for technique in family.techniques)
        assert family.falsepositives.strip()
        assert family.notes

    def test_has_expressions_without_groups(self, family: Family) -> None:
        assert all(re.compile(expression).groups == 0 for expression in family.cron)

    def test_is_called_as_its_file(self, family: Family) -> None:
        assert read(f"families/{family.id}.toml", Family) == family


def test_ids_are_unique() -> None:
    for ids in (
        [family.id for family in families()],
        [word.id for word in words()],
        [shape.id for shape in shapes()],
        [rule.id for rule in arguments().interpreter],
        [rule.id for rule in arguments().wrapper],
        [rule.id for rule in benign().reader],
        [module.id for module in modules().module],
    ):
        assert len(ids) == len(set(ids))


# Words


@pytest.mark.parametrize(("word", "line"), [(word, line) for word in words() for line in word.must_match])
def test_word_is_found(word: object, line: str) -> None:
    found = {match.id: match.strong for match in mining_words(shlex.split(line))}
    assert found.get(word.id) == (word.strength == "strong")  # type: ignore[attr-defined]


@pytest.mark.parametrize(("word", "line"), [(word, line) for word in words() for line in word.must_not_match])
def test_word_is_not_found(word: object, line: str) -> None:
    assert word.id not in {match.id for match in mining_words(shlex.split(line))}  # type: ignore[attr-defined]


@pytest.mark.parametrize("line", [line for reader in benign().reader for line in reader.must_match])
def test_reader_is_given_words_in_vain(line: str) -> None:
    (command,) = opened(shlex.split(line))
    assert reads(program(command))
    assert mining_words(shlex.split(line)) == ()


@pytest.mark.parametrize("line", [line for reader in benign().reader for line in reader.must_not_match])
def test_no_reader_is_excused(line: str) -> None:
    (command,) = opened(shlex.split(line))
    assert not reads(program(command))
    assert mining_words(shlex.split(line))


# Commands


@pytest.mark.parametrize(("shape", "line"), [(shape, line) for shape in shapes() for line in shape.must_match])
def test_shape_is_found(shape: Shape, line: str) -> None:
    assert shape.id in {match.id for match in suspicious_command(line)}


@pytest.mark.parametrize(("shape", "line"), [(shape, line) for shape in shapes() for line in shape.must_not_match])
def test_shape_is_not_found(shape: Shape, line: str) -> None:
    assert shape.id not in {match.id for match in suspicious_command(line)}


@pytest.mark.parametrize("shape", shapes(), ids=by_id)
def test_shape_is_of_one_kind_and_has_a_technique(shape: Shape) -> None:
    kinds = [shape.pattern is not None, shape.program is not None, shape.words, shape.pieces]
    assert kinds.count(True) == 1
    assert shape.spare is None or shape.program is not None
    assert TECHNIQUE.fullmatch(shape.technique)
    assert 0 < weight_of(shape.rule, shape.id).bits <= 8


# Programs


@pytest.mark.parametrize("sample", [each for rule in arguments().interpreter for each in rule.must_match])
def test_script_and_inline_text_are_found(sample: object) -> None:
    argv = shlex.split(sample.line)  # type: ignore[attr-defined]
    expected = (sample.script, sample.inline)  # type: ignore[attr-defined]
    assert script_argument(argv[0].removeprefix("-"), argv) == expected


@pytest.mark.parametrize("line", [line for rule in arguments().interpreter for line in rule.must_not_match])
def test_neither_script_nor_inline_text_is_found(line: str) -> None:
    argv = shlex.split(line)
    assert script_argument(argv[0].removeprefix("-"), argv) == (None, None)


@pytest.mark.parametrize(
    ("line", "expected"), [pair for rule in arguments().wrapper for pair in rule.must_match.items()]
)
def test_wrapper_is_taken_off(line: str, expected: str) -> None:
    (command,) = opened(shlex.split(line))
    assert program(command) == expected


@pytest.mark.parametrize("line", [line for rule in arguments().wrapper for line in rule.must_not_match])
def test_other_program_is_no_wrapper(line: str) -> None:
    argv = shlex.split(line)
    assert [*opened(argv)] == [tuple(argv)]


WRAPPERS = [(shlex.split(next(iter(rule.must_match)))[0], rule) for rule in arguments().wrapper]


@pytest.mark.parametrize(
    ("name", "option", "operands"),
    [
        *((name, option, rule.operands) for name, rule in WRAPPERS for option in rule.values),
        *((name, option, 0) for name, rule in WRAPPERS for option in rule.instead),
    ],
)
def test_option_of_a_wrapper_takes_one_word(name: str, option: str, operands: int) -> None:
    assert [*opened([name, option, "value", *["own"] * operands, "/x"])] == [("/x",)]


@pytest.mark.parametrize(("name", "option"), [(name, option) for name, rule in WRAPPERS for option in rule.inline])
def test_option_of_a_wrapper_takes_a_text(name: str, option: str) -> None:
    assert [*opened([name, option, "/x; /y", "z"])] == [("/x",), ("/y",)]


@pytest.mark.parametrize(("name", "option"), [(name, option) for name, rule in WRAPPERS for option in rule.elsewhere])
def test_with_some_options_a_wrapper_runs_nothing(name: str, option: str) -> None:
    assert [*opened([name, option, "/x", "/y"])] == []


@pytest.mark.parametrize("path", programs().honest_hidden.must_match)
def test_hidden_folder_is_honest(path: str) -> None:
    assert honest_hidden(path)


@pytest.mark.parametrize("path", programs().honest_hidden.must_not_match)
def test_hidden_folder_is_not_honest(path: str) -> None:
    assert not honest_hidden(path)


@pytest.mark.parametrize(("name", "daemon"), programs().daemons.must_match.items())
def test_near_miss_names_the_daemon(name: str, daemon: str) -> None:
    assert near_miss(name) == daemon


@pytest.mark.parametrize("name", [*programs().daemons.must_not_match, *programs().daemons.names])
def test_honest_name_is_no_near_miss(name: str) -> None:
    assert near_miss(name) is None


@pytest.mark.parametrize("name", programs().kernel_threads.must_match)
def test_name_is_like_a_kernel_thread(name: str) -> None:
    assert kernel_thread_like(name)


@pytest.mark.parametrize("name", [*programs().kernel_threads.must_not_match, *programs().daemons.names])
def test_name_is_not_like_a_kernel_thread(name: str) -> None:
    assert not kernel_thread_like(name)


@pytest.mark.parametrize("name", programs().shared_parents.must_match)
def test_parent_is_shared(name: str) -> None:
    assert shared_parent(name)


@pytest.mark.parametrize("name", programs().shared_parents.must_not_match)
def test_parent_is_not_shared(name: str) -> None:
    assert not shared_parent(name)


@pytest.mark.parametrize("name", programs().shells.must_match)
def test_name_is_a_shell(name: str) -> None:
    assert login_shell(name)


@pytest.mark.parametrize("name", programs().shells.must_not_match)
def test_name_is_no_shell(name: str) -> None:
    assert not login_shell(name)


# Pools


def test_pool_hosts_keep_to_their_samples() -> None:
    hosts = pools().hosts
    assert [name for name in hosts.must_match if not pool_host(name)] == []
    assert [name for name in hosts.must_not_match if pool_host(name)] == []


def test_pool_endpoints_keep_to_their_samples() -> None:
    def known(endpoint: str) -> bool:
        address, _, port = endpoint.rpartition(":")
        return pool_endpoint(address, int(port))

    endpoints = pools().endpoints
    assert [each for each in endpoints.must_match if not known(each)] == []
    assert [each for each in endpoints.must_not_match if known(each)] == []


def test_miner_ports_keep_to_their_samples() -> None:
    ports = pools().ports
    assert [port for port in ports.must_match if not miner_port(port)] == []
    assert [port for port in ports.must_not_match if miner_port(port)] == []


# Kernel modules


def known_module(value: str) -> str | None:
    match = module_by_path(value) if value.startswith("/") else module_by_name(value)
    return match.id if match else None


@pytest.mark.parametrize("module", modules().module, ids=by_id)
def test_modules_keep_to_their_samples(module: KnownModule) -> None:
    assert [value for value in module.must_match if known_module(value) != module.id] == []
    assert [value for value in module.must_not_match if known_module(value) == module.id] == []


@pytest.mark.parametrize("module", modules().module, ids=by_id)
def test_a_module_is_weak_or_of_a_family_only_if_there_is_such_a_one(module: KnownModule) -> None:
    assert {*module.weak} <= {*module.names}
    family = next((each for each in families() if each.id == module.family), None)
    assert module.family is None or (family is not None and {*module.names} <= {*family.modules})
    assert module.references


def test_functions_that_rootkits_hook_keep_to_their_samples() -> None:
    hooked = modules().hooked
    assert [name for name in hooked.must_match if not telling_function(name)] == []
    assert [name for name in hooked.must_not_match if telling_function(name)] == []
    assert hooked.references


def test_places_of_modules_keep_to_their_samples() -> None:
    for folders, within in ((modules().honest, honest_place), (modules().kept, kept_place)):
        assert [path for path in folders.must_match if not within(path)] == []
        assert [path for path in folders.must_not_match if within(path)] == []


# Preloads


@pytest.mark.parametrize("path", preload_rules().honest.must_match)
def test_a_product_s_preload_is_known(path: str) -> None:
    assert honest_preload(path)


@pytest.mark.parametrize("path", preload_rules().honest.must_not_match)
def test_no_other_preload_is_excused(path: str) -> None:
    assert not honest_preload(path)
