"""Serve the tuned model with OpenAI's chat API: by vLLM on a GPU, by llama.cpp's server on a CPU.

With llama.cpp, `lectern/publishing/gateway.py` stands before the server: it keeps other sites of the browser out, and
answers 400 above OpenAI's limits (`lectern/publishing/chat_requests.py`).
"""

import os
import shutil

import click

from lectern.apps.web import server
from lectern.core import stage
from lectern.core.errors import LecternError
from lectern.core.printing import say
from lectern.llm import llama_server
from lectern.publishing import chat_requests, engine_options, exporting, fidelity, gateway, vllm
from lectern.tools import export
from lectern.tools.terminal import Command, tell

MOST_CONTEXT = 4096
"""Most tokens of a conversation for which memory is reserved; fewer if the model reads fewer."""
RUNNING = "http://127.0.0.1:8080"
"""Where a server is when nothing else is said."""


def choose_engine(asked: str) -> str:
    """The engine that was asked for; with `auto`, vllm if there is a GPU, else llama_cpp."""
    if asked != "auto":
        return asked
    import torch

    return "vllm" if torch.cuda.is_available() else "llama_cpp"


def serve_llama_cpp(kind: str, host: str, port: int, context: int | None, max_tokens: int) -> None:
    """Export what is missing, and serve it until the process is interrupted.

    Raises:
        LecternError: the model cannot be exported or served, or other machines could reach it without a key.
    """
    if max_tokens < 1 or (context is not None and context < 1):
        raise LecternError("--context and --max-tokens must be at least 1.")
    key = llama_server.get_key(host)
    bound = server.bind(port, host)  # first, so that nothing is written if the port is in use
    export.main(gguf=True)
    model = export.read_model()
    room = context or min(model.base.context_length, MOST_CONTEXT)
    llama = llama_server.start(exporting.gguf_file(model, export.OUT, kind), name=model.name, context=room)
    served = gateway.Served(model.name, room, model.decoding, max_tokens, host, key)
    app = gateway.build(served, llama_server.socket_of(llama.listening_address) or "")
    where = f"http://{server.show_host(host)}:{bound.getsockname()[1]}/v1"
    server.listen(bound)
    for difference in engine_options.list_differences(model.decoding, engine_options.LLAMA_CPP):
        tell(f"serve: {difference}")
    say(f"serve: {where}   model {model.name} ({kind}), {room} tokens   (Ctrl-C ends it)")
    try:
        server.run(app, bound)
    finally:
        llama.close()
    say("serve: ended")
    os._exit(0)  # otherwise llama.cpp's threads would keep the process alive


def serve_vllm(host: str, port: int, *, only_print: bool) -> str:
    """Write vLLM's configuration and run vLLM, or return the command to run.

    Raises:
        LecternError: other machines could reach it without a key, or there is nothing to export.
    """
    key = llama_server.get_key(host)
    export.main(gguf=False)
    model = export.read_model()
    file = vllm.write(vllm.configure(model, export.OUT, host=host, port=port), model.decoding, export.OUT)
    if only_print or shutil.which("vllm") is None:
        missing = (
            ""
            if only_print
            else "vLLM is not installed; it needs an environment of its own: pip install vllm. "
        )
        with_key = f"export VLLM_API_KEY=${llama_server.KEY} && " if key else ""
        return f"{missing}{with_key}{vllm.show(file)}"
    env = {**os.environ, **({"VLLM_API_KEY": key} if key else {})}
    os.execvpe("vllm", vllm.command(file), env)


def check(url: str) -> str:
    """Compare a running llama.cpp server with the merged model on held-out prompts. Returns a summary.

    Raises:
        LecternError: it does not answer, or turns a prompt into other tokens than the training did.
    """
    address, key = url.rstrip("/").removesuffix("/v1"), llama_server.get_key(llama_server.HOST)
    fidelity.greet(address, key)  # first, since loading the original model takes time
    found = fidelity.measure(address, exporting.ask_original(export.read_model(), export.OUT), key)
    return (
        f"the prompts have the tokens of the training; {found['same_tokens']:.1%} of {found['tokens']} tokens in "
        f"{found['prompts']} answers are the server's most likely too, {found['same_answers']} whole answers are equal"
    )


@click.command(
    "serve",
    cls=Command,
    examples=(
        "lectern serve",
        "lectern serve --kind q4_k_m --port 0",
        "LECTERN_API_KEY=... lectern serve --host 0.0.0.0",
        "lectern serve --engine vllm --print",
        "lectern serve --check http://127.0.0.1:8080",
    ),
)
@click.option(
    "--engine",
    type=click.Choice(["auto", "llama_cpp", "vllm"]),
    default="auto",
    show_default=True,
    help="The server. auto is vllm where there is a GPU, and llama_cpp elsewhere.",
)
@click.option(
    "--kind",
    type=click.Choice(exporting.KINDS),
    default=exporting.KINDS[0],
    show_default=True,
    help="Which GGUF file llama_cpp serves: with 8 bits a weight, or with 4.",
)
@click.option(
    "--host",
    default=llama_server.HOST,
    show_default=True,
    help="The address to listen on. Whoever lets other machines in has to set the variable LECTERN_API_KEY.",
)
@click.option("--port", type=int, default=8080, show_default=True, help="The port; 0 takes any that is free.")
@click.option(
    "--context",
    metavar="TOKENS",
    type=int,
    help=f"The tokens of a conversation that memory is taken for. {MOST_CONTEXT} if it is not given, or as many as the "
    "model reads.",
)
@click.option(
    "--max-tokens",
    metavar="TOKENS",
    type=int,
    default=chat_requests.DEFAULT_TOKENS,
    show_default=True,
    help="The tokens of an answer at most where the request does not say `max_tokens` (llama_cpp).",
)
@click.option(
    "--print", "only_print", is_flag=True, help="Only write vllm's configuration, and print the command."
)
@click.option(
    "--check",
    "checked",
    metavar="[URL]",
    is_flag=False,
    flag_value=RUNNING,
    help=f"Do not serve, but compare a server that runs with the tuned model. {RUNNING} if no URL is given.",
)
def command(
    engine: str,
    kind: str,
    host: str,
    port: int,
    context: int | None,
    max_tokens: int,
    only_print: bool,
    checked: str | None,
) -> None:
    """Serve the tuned model with OpenAI's chat API.

    On a GPU it is served by vLLM, which has an environment of its own, on a CPU by llama.cpp. Reads models/export,
    which is written where it is missing or old. Ctrl-C ends it.
    """
    stage.quieten_libraries()
    if checked:
        tell(f"serve: {check(checked)}")
    elif choose_engine(engine) == "vllm":
        tell(f"serve: {serve_vllm(host, port, only_print=only_print)}")
    else:
        serve_llama_cpp(kind, host, port, context, max_tokens)
