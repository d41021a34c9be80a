"""What many calls to an endpoint take, beside the ideal and beside a plain loop of one call after another.

Run from the root: python -m tests.benchmarks.llm_calls [--calls 2000] [--latency 0.2] [--in-flight 64] [--loop 25]
A server in a process of its own answers each call after the latency, without a model. The client asks and stores as a
stage does. It prints seconds, CPU seconds of the client, and its memory on the way; the plain loop makes fewer calls,
from which its time for all is extrapolated.
"""

import argparse
import math
import os
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from lectern.core.schema import Message
from lectern.llm import endpoint
from lectern.llm.replies import Replies
from lectern.llm.request import Reply, Request, make_request
from lectern.settings.llm import LLM
from tests.settings import configure
from tests.support import failing_server

PASSAGE = "The text of a passage goes here, some three hundred words of it. " * 30
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}


def memory() -> float:
    """Resident memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(requests: Sequence[Request], llm: LLM, folder: Path) -> tuple[float, float, dict[int, float]]:
    """Seconds, CPU seconds, and memory after each quarter of the calls."""
    store, came, seen = Replies(folder), 0, {}

    def done(reply: Reply) -> None:
        nonlocal came
        store.put(reply)
        came += 1
        if came % (len(requests) // 4) == 0:
            seen[came] = memory()

    began, used = time.perf_counter(), cpu()
    failed = endpoint.answer(requests, llm, done, "teacher")
    store.close(request.key for request in requests)
    wall, used = time.perf_counter() - began, cpu() - used
    assert not failed, failed
    return wall, used, seen


def run_loop(requests: Sequence[Request], llm: LLM) -> float:
    """Seconds for one call after another, with the package's plain client."""
    import openai

    with openai.OpenAI(base_url=llm.base_url, api_key="none") as client:
        began = time.perf_counter()
        for request in requests:
            client.chat.completions.create(
                model=llm.model, messages=[{"role": "user", "content": request.messages[0].content}]
            )
        return time.perf_counter() - began


def main(calls: int, latency: float, in_flight: int, loop: int) -> None:
    """Start the server, ask in both ways and print the figures."""
    began = time.perf_counter()
    import openai  # noqa: F401

    loading = time.perf_counter() - began
    server, url = failing_server.launch("--latency", latency)
    with tempfile.TemporaryDirectory() as scratch, server:
        llm = configure(LLM, "benchmark", "openai", "none", base_url=url, concurrency=in_flight)
        requests = [
            make_request(llm, [Message(role="user", content=f"request {n}\n{PASSAGE}")], SCHEMA)
            for n in range(calls)
        ]
        wall, used, seen = run(requests, llm, Path(scratch) / "replies" / "teach")
        alone = run_loop(requests[:loop], llm) / loop * calls
    ideal = calls / in_flight * latency
    rounds = math.ceil(calls / in_flight) * latency
    what = f"{calls} calls, {latency * 1000:.0f} ms each at the server, {in_flight} in flight"
    print(f"{what}; the openai package loads in {loading:.1f} s")
    print(f"ideal   {ideal:7.2f} s ({rounds:.2f} s in whole rounds)")
    print(
        f"client  {wall:7.2f} s, {wall / ideal:.3f} of the ideal; {used:.2f} CPU s, {used / wall:.2f} of a core"
    )
    print("memory  " + ", ".join(f"{mb:.1f} MB after {n}" for n, mb in seen.items()))
    print(f"loop    {alone:7.2f} s, {alone / wall:.0f} times as long (extrapolated from {loop} calls)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds")
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--loop", type=int, default=25, help="calls of the plain loop")
    given = parser.parse_args()
    main(given.calls, given.latency, given.in_flight, given.loop)
