"""The seed's door, for real: a Flink that anybody may use, an entry, the door named, shut, and tried again."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from tests.live.eviction.support import Davy, actors, running, told, within

from .flink import PORT, REFUSED, SETTINGS, Cluster, dropper, identity_of
from .support import Network, stands_open

pytestmark = pytest.mark.live

CLOSING = ("rest.bind-address: 127.0.0.1", "web.submit.enable: false")


@pytest.fixture
def cluster(network: Network, folder: Path) -> Cluster:
    return Cluster(network, folder)


@pytest.mark.usefixtures("no_drill_left")
def test_the_door_of_the_seed_is_found_named_and_shut(cluster: Cluster, folder: Path, davy: Davy) -> None:
    jar = dropper(folder)
    cluster.configure("rest.bind-address: 0.0.0.0")
    cluster.start()
    found = stands_open(davy, "flink", cluster.pid)["jobs-by-anybody"]
    assert (found["severity"], found["reached_from"]) == ("critical", "any")
    assert f"{cluster.config}/{SETTINGS}: web.submit.enable: false" in found["fix"]

    uploaded = identity_of(cluster.upload(jar))
    answer = cluster.run(uploaded, f"{sys.executable} -m davy drill kdevtmpfsi --for 300")
    assert "No jobs included in application" in answer, answer
    assert within(10, lambda: running("/tmp/kdevtmpfsi")), Path(f"{cluster.log}.dropped").read_text()

    scanned = davy.scan()
    assert scanned.json["verdict"] == "confirmed", told(scanned)
    assert actors(scanned, "miner")
    assert actors(scanned, "guardian")
    (incident,) = scanned.json["incidents"]
    door = incident["door"]
    assert door is not None, json.dumps(incident, indent=1)
    assert door["kind"] == "flink", json.dumps(door, indent=1)
    assert door["address"].endswith(f":{PORT}")
    lines = cluster.log.read_text().splitlines()
    for said in ("Starting program (detached: true)", "No jobs included in application"):
        (line,) = [each for each in lines if said in each]
        assert any(line in evidence for evidence in door["evidence"]), door["evidence"]

    done = davy.evict(3)
    assert done.json["clean"], json.dumps(done.json, indent=1)
    assert os.path.exists(f"/proc/{cluster.pid}"), "the service itself is somebody's"
    cluster.stop()
    cluster.configure(*CLOSING)
    cluster.start()
    assert cluster.upload(jar) == "", "from outside nobody answers"
    assert REFUSED in cluster.upload(jar, "127.0.0.1")
    assert not stands_open(davy, "flink", cluster.pid)


def test_where_it_answers_but_takes_no_jars_nothing_stands_open(cluster: Cluster, folder: Path, davy: Davy) -> None:
    cluster.configure("rest.bind-address: 0.0.0.0", "web.submit.enable: false")
    cluster.start()
    assert REFUSED in cluster.upload(dropper(folder))
    assert not stands_open(davy, "flink", cluster.pid)


def test_a_refused_upload_is_an_attempt(cluster: Cluster, folder: Path, davy: Davy) -> None:
    cluster.configure("rest.bind-address: 10.0.0.1")
    cluster.start()
    text = folder / "x.txt"
    text.write_text("no jar")
    cluster.upload(text, "10.0.0.1")
    found = stands_open(davy, "flink", cluster.pid, "--logs")["jobs-by-anybody"]
    assert (found["severity"], found["reached_from"]) == ("high", "private")
    assert [(hit["sign"], hit["shows"]) for hit in found["used"]] == [("no-jar", "attempt")]
