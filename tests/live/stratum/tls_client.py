"""Talks to the stand-in pool under TLS, and burns CPU without mining anything."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import time

port, wallet = sys.stdin.readline().split()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
link = context.wrap_socket(socket.create_connection(("127.0.0.1", int(port))))
lines = link.makefile("rw")


def say(message: dict[str, object]) -> None:
    lines.write(json.dumps(message) + "\n")
    lines.flush()


say({"id": 1, "jsonrpc": "2.0", "method": "login", "params": {"login": wallet, "pass": "x", "agent": "reader/1.0"}})
heard = [lines.readline()]
job = json.loads(heard[0])["result"]["job"]
number = total = 0
while True:
    number += 1
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        total = (total * 1103515245 + 12345) & (1 << 256) - 1
    say({"id": number, "jsonrpc": "2.0", "method": "submit", "params": {
        "id": job["id"], "job_id": job["job_id"], "nonce": f"{number:08x}", "result": f"{total:064x}"}})  # fmt: skip
    heard = [lines.readline(), lines.readline()]
    job = json.loads(heard[1])["params"] | {"id": job["id"]}
