"""A stand-in pool: answers a miner's conversation, and gives jobs that lead nowhere.  In a namespace of its own."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from contextlib import suppress
from typing import Any

_LINE_LIMIT = 1 << 16
_JOB_SECONDS = 1.0


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _header(number: int) -> str:
    """A block's header of now, whose predecessor and transactions are nobody's.  Source: CNS003."""
    nobodys = hashlib.sha256(str(number).encode()).digest()
    return (b"\x10\x10" + _varint(int(time.time())) + nobodys + bytes(4) + nobodys + b"\x07").hex()


def _monero_job(number: int) -> dict[str, Any]:
    return {
        "blob": _header(number), "job_id": f"{number:016x}", "target": "b88d0600", "algo": "rx/0",
        "height": 3_000_000 + number, "seed_hash": f"{number // 100:064x}",
    }  # fmt: skip


def _monero(message: dict[str, Any], number: int) -> list[dict[str, Any]]:
    answer: dict[str, Any] = {"status": "KEEPALIVED" if message.get("method") == "keepalived" else "OK"}
    if message.get("method") == "login":
        answer = {"id": "standin", "job": _monero_job(number), "extensions": ["algo", "keepalive"], "status": "OK"}
    return [{"id": message.get("id"), "jsonrpc": "2.0", "error": None, "result": answer}]


def _stratum_job(number: int) -> dict[str, Any]:
    now = f"{int(time.time()):08x}"
    parameters = [f"{number:x}", "00" * 32, "01" * 20, "02" * 20, [], "20000000", "1d00ffff", now, True]
    return {"id": None, "method": "mining.notify", "params": parameters}


def _stratum(message: dict[str, Any], number: int) -> list[dict[str, Any]]:
    method = message.get("method")
    if method == "mining.subscribe":
        result: Any = [[["mining.set_difficulty", "1"], ["mining.notify", "1"]], "08000002", 4]
        return [
            {"id": message.get("id"), "result": result, "error": None},
            {"id": None, "method": "mining.set_difficulty", "params": [2048]}, _stratum_job(number),
        ]  # fmt: skip
    return [{"id": message.get("id"), "result": True, "error": None}]


async def _serve(protocol: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    number = 1

    def say(*messages: dict[str, Any]) -> None:
        for message in messages:
            writer.write(json.dumps(message).encode() + b"\n")

    async def jobs() -> None:
        nonlocal number
        while True:
            await asyncio.sleep(_JOB_SECONDS)
            number += 1
            monero = {"jsonrpc": "2.0", "method": "job", "params": _monero_job(number)}
            say(monero if protocol == "xmr" else _stratum_job(number))

    giving: asyncio.Task[None] | None = None
    with suppress(OSError, ValueError):
        while line := await reader.readline():
            giving = giving or asyncio.create_task(jobs())
            say(*(_monero if protocol == "xmr" else _stratum)(json.loads(line), number))
    if giving is not None:
        giving.cancel()
    writer.close()


async def _main(address: str, port: int, protocol: str) -> None:
    server = await asyncio.start_server(
        lambda reader, writer: _serve(protocol, reader, writer), address, port, limit=_LINE_LIMIT
    )
    print("listening", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
