"""Pods that a kubelet starts by itself."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.collect.autostarts.taking_out import found

from davy.collect.autostarts.reading import FILE_BYTES
from davy.collect.autostarts.services.static_pods import pod_containers, static_pods
from davy.model.autostarts import AutostartKind

POD = """\
apiVersion: v1
spec:
  containers:
  - name: a
    image: "busybox:1" # the smallest
    command: ["sh", '-c', "a\\tb", plain word]
  - args:
    - --data=/var/lib # where
    # a comment
    - 'it''s'

    - |
      first | sh
        second
    command:
    - /bin/b
    image: registry.example.org:5000/b
    ports:
    - containerPort: 80
  - image: c
    args: [
      "x",
      "y" ]
"""


def test_the_containers_of_a_manifest_are_read_in_every_style() -> None:
    assert list(pod_containers(POD)) == [
        ("busybox:1", ("sh", "-c", "a\tb", "plain word")),
        ("registry.example.org:5000/b", ("/bin/b", "--data=/var/lib", "it's", "first | sh\nsecond")),
        ("c", ("x", "y")),
    ]


def test_a_manifest_may_be_json() -> None:
    tree = {
        "spec": {"initContainers": [{"image": "a", "command": ["b"], "args": ["c"]}], "containers": [{"image": "d"}]}
    }
    assert list(pod_containers(json.dumps(tree))) == [("a", ("b", "c")), ("d", ())]


@pytest.mark.parametrize(
    "folder",
    ["/etc/kubernetes/manifests", "/var/lib/rancher/k3s/server/manifests", "/srv/pods"],
)
def test_one_manifest_is_one_entry_as_a_file(folder: str) -> None:
    (entry,) = found(
        static_pods, {f"{folder}/x.yaml": POD, "/var/lib/kubelet/config.yaml": "staticPodPath: /srv/pods\n"}
    )
    assert (entry.kind, entry.path, entry.line, entry.user, entry.programs) == (
        AutostartKind.STATIC_POD, f"{folder}/x.yaml", None, "root", (),
    )  # fmt: skip
    assert entry.command.startswith("sh -c 'a\tb' 'plain word'; /bin/b --data=/var/lib")
    assert entry.image == "busybox:1, registry.example.org:5000/b, c"


def test_a_manifest_without_a_command_is_its_images_and_one_without_containers_is_none() -> None:
    files = {
        "/etc/kubernetes/manifests/a.yaml": "spec:\n  containers:\n  - image: x/y\n",
        "/etc/kubernetes/manifests/b.yaml": "kind: Secret\n",
    }
    assert [entry.command for entry in found(static_pods, {**files})] == ["x/y"]


@given(st.lists(st.sampled_from([*" -:[]{}|>#'\"\n,\\", "image: ", "command:", "args:"])).map("".join))
def test_whatever_the_text_nothing_is_raised(text: str) -> None:
    list(pod_containers(text))
    list(pod_containers("{" + text))


def test_hostile_manifests_take_less_than_two_seconds() -> None:
    started = time.process_time()
    for piece in (
        "args: [",
        "command:\n",
        "- image: x\n",
        "args: [\n",
        "- args:\n- |\n",
        "[",
        '{"a":',
        'command: ["',
        " ",
    ):
        list(pod_containers(piece * (FILE_BYTES // len(piece))))
    assert time.process_time() - started < 2.0
