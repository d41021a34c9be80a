"""Serve the tuned model with OpenAI's chat API: by vLLM on a GPU, by llama.cpp's server on a CPU.

Run: lectern serve [--engine auto|llama_cpp|vllm] [--kind q8_0|q4_k_m] [--host HOST] [--port PORT]
                            [--context TOKENS] [--max-tokens TOKENS]
     lectern serve --check [URL]        (does the server say what the adapter says?)
     lectern serve --engine vllm --print        (write the configuration, and print the command)
(make serve; a tool, no stage of the pipeline.) Reads models/export, which it writes where it is missing or old. Whoever
lets other machines in (--host) has to set LECTERN_API_KEY.

With llama.cpp, `lectern/publishing/gateway.py` stands before the server: it keeps other sites of the browser out, and
answers 400 above OpenAI's limits (`lectern/publishing/chat_requests.py`). An answer has --max-tokens tokens
at most where the request does not say `max_tokens`, and `finish_reason` is `length` then.
"""

import argparse
import os
import shutil
import sys

from lectern.apps.web import server
from lectern.core import stage
from lectern.core.errors import LecternError
from lectern.publishing import chat_requests, exporting, fidelity, gateway, llama_server, vllm
from lectern.tools import export

MOST_CONTEXT = 4096
"""Tokens of a conversation that memory is taken for; less where the model reads less."""


def choose_engine(asked: str) -> str:
    """Vllm where there is a GPU, else llama_cpp; or what was asked for."""
    if asked != "auto":
        return asked
    import torch

    return "vllm" if torch.cuda.is_available() else "llama_cpp"


def serve_llama_cpp(kind: str, host: str, port: int, context: int | None, max_tokens: int) -> None:
    """Export what is missing, and serve it until the process is interrupted.

    Raises:
        LecternError: it cannot be exported or served, or others can reach it without a key.
    """
    if max_tokens < 1 or (context is not None and context < 1):
        raise LecternError("--context and --max-tokens are 1 at least.")
    key = llama_server.get_key(host)
    bound = server.bind(port, host)  # before anything is written
    export.main(gguf=True)
    model = export.read_model()
    room = context or min(model.base.context_length, MOST_CONTEXT)
    llama = llama_server.start(exporting.gguf_file(model, export.OUT, kind), name=model.name, context=room)
    served = gateway.Served(model.name, room, max_tokens, host, key)
    app = gateway.build(served, llama_server.socket_of(llama.listening_address) or "")
    where = f"http://{server.show_host(host)}:{bound.getsockname()[1]}/v1"
    server.listen(bound)
    print(f"serve: {where}   model {model.name} ({kind}), {room} tokens   (Ctrl-C ends it)", flush=True)
    try:
        server.run(app, bound)
    finally:
        llama.close()
    print("serve: ended", flush=True)
    os._exit(0)  # llama.cpp's threads would go on


def serve_vllm(host: str, port: int, *, only_print: bool) -> str:
    """Write vLLM's configuration and run it, or say how.

    Raises:
        LecternError: others can reach it without a key, or nothing is exported.
    """
    key = llama_server.get_key(host)
    export.main(gguf=False)
    file = vllm.write(vllm.configure(export.read_model(), export.OUT, host=host, port=port), export.OUT)
    if only_print or shutil.which("vllm") is None:
        missing = (
            "" if only_print else "vLLM is not here; it wants an environment of its own: pip install vllm. "
        )
        with_key = f"export VLLM_API_KEY=${llama_server.KEY} && " if key else ""
        return f"{missing}{with_key}{vllm.show(file)}"
    env = {**os.environ, **({"VLLM_API_KEY": key} if key else {})}
    os.execvpe("vllm", vllm.command(file), env)


def check(url: str) -> str:
    """Compare a running llama.cpp server with the merged model on held-out prompts.

    Raises:
        LecternError: it does not answer, or writes a prompt in other tokens than the training.
    """
    address, key = url.rstrip("/").removesuffix("/v1"), llama_server.get_key(llama_server.HOST)
    fidelity.greet(address, key)  # before the original is loaded
    found = fidelity.measure(address, exporting.ask_original(export.read_model(), export.OUT), key)
    return (
        f"the prompts have the tokens of the training; {found['same_tokens']:.1%} of {found['tokens']} tokens of "
        f"{found['prompts']} answers are the server's likeliest too, {found['same_answers']} whole answers are the same"
    )


def main(given: argparse.Namespace) -> None:
    """Do what the arguments say."""
    stage.quieten_libraries()
    if given.check:
        print(f"serve: {check(given.check)}")
    elif choose_engine(given.engine) == "vllm":
        print(f"serve: {serve_vllm(given.host, given.port, only_print=given.print)}")
    else:
        serve_llama_cpp(given.kind, given.host, given.port, given.context, given.max_tokens)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", choices=("auto", "llama_cpp", "vllm"), default="auto")
    parser.add_argument(
        "--kind", choices=exporting.KINDS, default=exporting.KINDS[0], help="of the GGUF file"
    )
    parser.add_argument(
        "--host", default=llama_server.HOST, help="to listen on; others than 127.0.0.1 want a key"
    )
    parser.add_argument("--port", type=int, default=8080, help="0 takes any that is free")
    parser.add_argument("--context", type=int, help="tokens of a conversation")
    parser.add_argument(
        "--max-tokens",
        type=int,
        default=chat_requests.DEFAULT_TOKENS,
        help="of an answer, where the request does not say (llama_cpp)",
    )
    parser.add_argument("--print", action="store_true", help="with vllm: only write the configuration")
    parser.add_argument(
        "--check", nargs="?", const="http://127.0.0.1:8080", metavar="URL", help="of a running server"
    )
    try:
        main(parser.parse_args())
    except LecternError as error:
        sys.exit(f"serve: error: {error}")
