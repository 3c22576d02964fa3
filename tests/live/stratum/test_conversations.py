"""A process that talks with a pool is confirmed by its socket and its memory; who only knows such talk is clean."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.live.stratum.support import HERE, compiled, lacking, line_of, pool, running, until_shares
from tests.unit import addresses

from davy.host import live
from davy.model.incidents import Incident, Verdict
from davy.model.reach import Reach
from davy.model.snapshot import Snapshot
from davy.scan import scan

pytestmark = pytest.mark.live
WITHOUT_PTRACE = Reach(ptrace=False)


def accusing(pid: int) -> tuple[Snapshot, Incident | None]:
    """A whole scan of this machine, and the incident that has the process in it."""
    snapshot, judgement = scan(live(), reach=WITHOUT_PTRACE)
    found = [one for one in judgement.incidents if any(actor.pid == pid for actor in one.actors)]
    return snapshot, found[0] if found else None


@pytest.fixture(scope="module")
def reader() -> Iterator[Path]:
    """The client under an innocent name, in an innocent place."""
    folder = Path("/opt/davy-test-tables")
    folder.mkdir(exist_ok=True)
    yield compiled("client.c", folder / "tablereader")
    shutil.rmtree(folder)


def confirmed_by_talk(pid: int, wallet: str) -> None:
    snapshot, incident = accusing(pid)
    assert incident is not None, [gap for gap in snapshot.gaps if gap.collector == "memory"]
    assert incident.verdict is Verdict.CONFIRMED
    rules = {finding.rule for finding in incident.findings}
    assert {"content.stratum-conversation", "network.stratum-connection"} <= rules
    assert not any(rule.startswith("identity.") for rule in rules)
    assert incident.family is None
    assert wallet in {sighting.address for sighting in snapshot.wallets}


@pytest.mark.parametrize(
    ("dialect", "kind"), [("x", "timed"), ("x", "untimed"), ("x", "old"), ("b", "timed"), ("b", "old")]
)
def test_conversation_on_loopback_is_confirmed_by_socket_and_memory(reader: Path, dialect: str, kind: str) -> None:
    wallet = addresses.monero(os.urandom(64))
    with pool(kind) as (server, port), running(reader, said=f"{port} {dialect} {wallet} 1\n") as client:
        until_shares(server, 2)
        confirmed_by_talk(client.pid, wallet)


def test_conversation_under_encryption_is_plain_in_memory(tmp_path: Path) -> None:
    certificate = tmp_path / "pool.pem"
    made = shutil.which("openssl")
    if made is None:
        lacking("needs openssl")
    subprocess.run(
        [str(made), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1",
         "-keyout", str(certificate), "-out", str(tmp_path / "certificate")],
        check=True, capture_output=True,
    )  # fmt: skip
    certificate.write_text(certificate.read_text() + (tmp_path / "certificate").read_text())
    wallet = addresses.monero(os.urandom(64))
    with pool("timed", certificate) as (server, port):
        script = HERE / "tls_client.py"
        with running(sys.executable, script, said=f"{port} {wallet}\n") as client:
            until_shares(server, 2)
            confirmed_by_talk(client.pid, wallet)


DOCUMENTATION = r"""
import os, sys
text = open(sys.argv[1]).read() if len(sys.argv) > 1 else ""
pages = [text + str(number) for number in range(50)]
print("ready", flush=True)
total = 0
while True:
    total += sum(len(page) for page in pages)
"""
EXAMPLES = """
{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3Xjr\
pDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A","pass":"x","agent":"XMRig/6.21.0"}}
{"jsonrpc":"2.0","method":"job","params":{"blob":"0707d5efb9d6057e95a35f868231780b3a8649c4e57f3c77eaf437329243eef0b9f4\
b6987d05b900000000cae7754cb85a0ad8eebf3e0bf55f3ec5e754a1d6b05d46e5c358f907dbcbb72b01","job_id":"4BiGm3","target":\
"b88d0600","id":"1be0b7b6-b15a-47be-a17d-46b2911cf7d0"}}
{"id":2,"jsonrpc":"2.0","method":"submit","params":{"id":"1be0b7b6-b15a-47be-a17d-46b2911cf7d0","job_id":"4BiGm3",\
"nonce":"d0030040","result":"e1364b8782719d7683e2ccd3d8f724bc59dfa780a9e960e7c0e0046acdb40100"}}
Connect to stratum+tcp://pool.supportxmr.com:3333 or xmr-eu1.nanopool.org.
"""


def test_python_that_burns_with_a_pool_s_documentation_in_memory_is_clean(tmp_path: Path) -> None:
    script, page = tmp_path / "index.py", tmp_path / "api.md"
    script.write_text(DOCUMENTATION)
    page.write_text(EXAMPLES)
    home = Path("/srv/davy-test-docs")
    home.mkdir(exist_ok=True)
    try:
        shutil.copy(script, home / "index.py")
        shutil.copy(page, home / "api.md")
        with running(sys.executable, home / "index.py", home / "api.md") as process:
            assert line_of(process.stdout) == "ready"
            snapshot, incident = accusing(process.pid)
            assert incident is None, [finding.summary for finding in incident.findings]
            subject = next(one.subject for one in snapshot.processes if one.pid == process.pid)
            said = [one for one in snapshot.conversations if one.subject == subject]
            assert said, "its memory was read"
    finally:
        shutil.rmtree(home)


def test_the_pool_itself_is_no_miner(reader: Path) -> None:
    wallet = addresses.monero(os.urandom(64))
    with pool("timed") as (server, port), running(reader, said=f"{port} x {wallet} 1\n"):
        until_shares(server, 1)
        _, incident = accusing(server.pid)
        assert incident is None
