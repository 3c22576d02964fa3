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


def work(timed: bool) -> dict[str, object]:
    """A job; where it is not timed its header is made of random numbers, as no chain's is."""
    header = b"\x10\x10" + varint(int(time.time())) if timed else b"\xff" * 7
    blob = header + secrets.token_bytes(32) + bytes(4) + secrets.token_bytes(32) + b"\x07"
    return {
        "blob": blob.hex(),
        "job_id": secrets.token_hex(8),
        "target": "b88d0600",
        "algo": "rx/0",
        "height": 3_000_000,
    }


def notify() -> list[object]:
    return [
        secrets.token_hex(4), secrets.token_hex(32), secrets.token_hex(60), secrets.token_hex(60),
        [secrets.token_hex(32)], "20000000", "1703a30c", f"{int(time.time()):08x}", True,
    ]  # fmt: skip


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timed: bool) -> None:
    def say(message: dict[str, object]) -> None:
        writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    try:
        while line := await reader.readline():
            asked = json.loads(line)
            method, number = asked["method"], asked["id"]
            if method == "login":
                session = secrets.token_hex(8)
                say({"id": number, "jsonrpc": "2.0", "error": None,
                     "result": {"id": session, "job": work(timed) | {"id": session}, "status": "OK"}})  # fmt: skip
            elif method == "mining.subscribe":
                say({"id": number, "error": None, "result": [[["mining.notify", "1"]], secrets.token_hex(4), 4]})
            elif method == "mining.authorize":
                say({"id": number, "error": None, "result": True})
                say({"id": None, "method": "mining.notify", "params": notify()})
            elif method == "submit":
                print("share", flush=True)
                say({"id": number, "jsonrpc": "2.0", "error": None, "result": {"status": "OK"}})
                say({"jsonrpc": "2.0", "method": "job", "params": work(timed)})
            elif method == "mining.submit":
                print("share", flush=True)
                say({"id": number, "error": None, "result": True})
                say({"id": None, "method": "mining.notify", "params": notify()})
            await writer.drain()
    finally:
        writer.close()


async def main(timed: bool, certificate: str | None) -> None:
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = await asyncio.start_server(lambda r, w: talk(r, w, timed), "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main("timed" in sys.argv, next((word for word in sys.argv if word.endswith(".pem")), None)))
