"""A stand-in pool on loopback: it hands out work that is none, and is told shares that nobody has found."""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
import sys
import time


def varint(number: int) -> bytes:
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*found, number))


def work(kind: str) -> dict[str, object]:
    """A job: of now, of years ago, or, untimed, with a header of random numbers, as no chain's is."""
    made = {"timed": int(time.time()), "old": 1_523_480_000}.get(kind)
    header = b"\x10\x10" + varint(made) if made else b"\xff" * 7
    blob = header + secrets.token_bytes(32) + bytes(4) + secrets.token_bytes(32) + b"\x07"
    return {
        "blob": blob.hex(),
        "job_id": secrets.token_hex(8),
        "target": "b88d0600",
        "algo": "rx/0",
        "height": 3_000_000,
    }


def notify(kind: str) -> list[object]:
    made = 1_523_480_000 if kind == "old" else int(time.time())
    return [
        secrets.token_hex(4), secrets.token_hex(32), secrets.token_hex(60), secrets.token_hex(60),
        [secrets.token_hex(32)], "20000000", "1703a30c", f"{made:08x}", True,
    ]  # fmt: skip


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: str) -> None:
    def say(message: dict[str, object]) -> None:
        writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    try:
        while line := await reader.readline():
            asked = json.loads(line)
            method, number = asked["method"], asked["id"]
            if method == "login":
                session = secrets.token_hex(8)
                say({"id": number, "jsonrpc": "2.0", "error": None,
                     "result": {"id": session, "job": work(kind) | {"id": session}, "status": "OK"}})  # fmt: skip
            elif method == "mining.subscribe":
                say({"id": number, "error": None, "result": [[["mining.notify", "1"]], secrets.token_hex(4), 4]})
            elif method == "mining.authorize":
                say({"id": number, "error": None, "result": True})
                say({"id": None, "method": "mining.notify", "params": notify(kind)})
            elif method == "submit":
                print("share", flush=True)
                say({"id": number, "jsonrpc": "2.0", "error": None, "result": {"status": "OK"}})
                say({"jsonrpc": "2.0", "method": "job", "params": work(kind)})
            elif method == "mining.submit":
                print("share", flush=True)
                say({"id": number, "error": None, "result": True})
                say({"id": None, "method": "mining.notify", "params": notify(kind)})
            await writer.drain()
    finally:
        writer.close()


async def main(kind: str, certificate: str | None) -> None:
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = await asyncio.start_server(lambda r, w: talk(r, w, kind), "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], next((word for word in sys.argv if word.endswith(".pem")), None)))
