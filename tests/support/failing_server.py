"""A server with OpenAI's chat API that fails on purpose, in a process of its own.

Run: python tests/support/failing_server.py [--faults 0.3] [--seed 0] [--latency 0.2] [--log FILE] [--tell N]
It listens on a free port of 127.0.0.1 and prints it. A request says `request 17` in its first user message; by the
seed, that number and how often it came, the server decides whether this call fails and how. The log has a line for
each call: what was done, and whether a whole reply went out. After N whole replies it prints a second line. It ends
with its standard input.
"""

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from email.utils import formatdate
from pathlib import Path
from typing import Any, TextIO

NUMBER = re.compile(r"request (\d+)")
GOOD = '{"answer": "of request %d"}'
CONTENTS = {
    "invalid": '{"answer": "of requ',
    "wrong schema": '{"reply": 3}',
    "truncated": '{"answer": "of a very long',
}
STATUSES = {"400": 400, "401": 401, "404": 404, "500": 500, "529": 529, "wait": 429}
USUAL = ("429", "500", "hang", "cut", "closed", "no choices", "not json", *CONTENTS)
RETRY_AFTER = (
    ("retry-after-ms", "5"),
    ("Retry-After", "0.01"),
    ("Retry-After", "date"),
    ("Retry-After", "0"),
)
USAGE = {"prompt_tokens": 50, "completion_tokens": 10, "total_tokens": 60}


class Server:
    """What it was told, and what it has done."""

    def __init__(self, given: argparse.Namespace, log: TextIO | None) -> None:
        self.given, self.log = given, log
        self.came: Counter[int] = Counter()
        self.not_before: dict[int, float] = {}
        self.flying = self.whole = 0

    def choose(self, number: int) -> str | None:
        """The fault of this call, if it is to fail."""
        rng = random.Random(f"{self.given.seed}/{number}/{self.came[number]}")
        return rng.choice(self.given.kinds) if rng.random() < self.given.faults else None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's calls until one side closes it."""
        try:
            while await self.answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one call; False when the connection is to be closed."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        body = json.loads(await reader.readexactly(int(length[1]) if length else 0))
        found = NUMBER.search(next(m["content"] for m in body["messages"] if m["role"] == "user"))
        number = int(found[1]) if found else 0
        early = time.monotonic() < self.not_before.get(number, 0)
        self.came[number] += 1
        self.flying += 1
        fault, flying = self.choose(number), self.flying
        if self.given.latency:
            await asyncio.sleep(self.given.latency)
        open_ = await self.reply(fault, number, body, head, reader, writer)
        self.flying -= 1
        whole = fault in (None, *CONTENTS)
        self.whole += whole
        if self.log:
            last = body["messages"][-1]["content"]
            entry = {"number": number, "fault": fault, "early": early, "flying": flying, "whole": whole}
            entry |= {
                "format": body.get("response_format"),
                "last": last,
                "repair": len(body["messages"]) > 1,
            }
            self.log.write(json.dumps(entry | {"good": fault is None}) + "\n")
            self.log.flush()
        if whole and self.whole == self.given.tell:
            print("reached", flush=True)
        return open_

    async def reply(
        self,
        fault: str | None,
        number: int,
        body: dict[str, Any],
        head: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Do what the fault says; False when the connection is to be closed."""
        if fault == "429":
            name, value = RETRY_AFTER[(number + self.came[number]) % len(RETRY_AFTER)]
            wait = float(value) / (1000 if name.endswith("ms") else 1) if value != "date" else 0.0
            self.not_before[number] = time.monotonic() + wait
            header = f"{name}: {formatdate(usegmt=True) if value == 'date' else value}\r\n"
            return await send(writer, 429, {"error": {"message": "too many requests"}}, header)
        if fault in STATUSES:  # with the token that it was sent, as careless servers do, here and there
            sent = re.search(r"authorization: .*?(?=\r)", head, re.IGNORECASE)
            said = f"{'.' * (180 + 2 * number)} not with {sent[0] if sent else 'nothing'}"
            header = "Retry-After: 86400\r\n" if fault == "wait" else ""
            return await send(
                writer,
                STATUSES[fault],
                {"error": {"message": said}},
                header,
            )
        if fault == "hang":  # until the client gives up
            await reader.read(1)
            return False
        if fault == "closed":
            return False
        if fault == "not json":
            return await send(writer, 200, '{"choices": [{"message": {"cont')
        if fault == "no choices":
            return await send(writer, 200, {"choices": []})
        content = CONTENTS.get(fault or "", GOOD % number)
        if self.given.echo:  # the key that came with the call, as a proxy or a careless plugin has it
            sent = re.search(r"authorization: bearer (.*?)(?=\r)", head, re.IGNORECASE)
            content = json.dumps({"answer": f"with {sent[1] if sent else 'nothing'}, of request {number}"})
        message = {"role": "assistant", "content": content}
        finish = "length" if fault == "truncated" else "stop"
        completion = {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [{"index": 0, "finish_reason": finish, "message": message}],
            "usage": USAGE,
        }
        await send(writer, 200, completion, cut=fault == "cut")
        return fault != "cut"


async def send(
    writer: asyncio.StreamWriter, status: int, body: object, header: str = "", cut: bool = False
) -> bool:
    """Send a reply, or the first half of it; True."""
    content = (body if isinstance(body, str) else json.dumps(body)).encode()
    kind = f"content-type: application/json\r\n{header}content-length: {len(content)}"
    writer.write(f"HTTP/1.1 {status} x\r\n{kind}\r\n\r\n".encode())
    writer.write(content[: len(content) // 2] if cut else content)
    await writer.drain()
    return True


def launch(*options: object) -> tuple["subprocess.Popen[str]", str]:
    """Start a server with these options. Returns: its process, a context that ends it; and its address."""
    command = [sys.executable, __file__, *options]
    process = subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    return process, f"http://127.0.0.1:{int(process.stdout.readline())}/v1"


async def main(server: Server) -> None:
    """Serve until standard input ends."""
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=1024)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)  # without a word about the connections that are still open


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--faults", type=float, default=0.0, help="share of the calls")
    parser.add_argument("--kinds", nargs="+", choices=[*USUAL, *STATUSES], default=list(USUAL))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--echo", action="store_true", help="good replies repeat the key that they were asked with"
    )
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    parser.add_argument("--log", type=Path)
    parser.add_argument("--tell", type=int, help="print a line after so many whole replies")
    options = parser.parse_args()
    file = options.log.open("a", encoding="utf-8") if options.log else None
    asyncio.run(main(Server(options, file)))
