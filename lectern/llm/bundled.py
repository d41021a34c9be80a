"""The bundled LLM: a packaged model that runs in this process. It needs no server and no network.

Masks from xgrammar restrict the output to valid JSON. Only a reply that reaches `max_tokens` may be incomplete.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from lectern.core.errors import LecternError
from lectern.llm.request import CUT, Reply, Request
from lectern.llm.structured import find_problem
from lectern.models import integer_layers, packaged
from lectern.models.sampling import Draw, make_sampler
from lectern.settings.decoding import NEUTRAL, Decoding
from lectern.settings.llm import LLM

TOKENS_IN_BATCH = 16_384
"""Limit on prompt and reply tokens of all rows in a batch, padding included. It bounds the memory needed."""
PLAIN_CHARACTER, SHORT_ESCAPE = r"[^\0-\x1f\"\\]", r"[\"\\/bfnrt]"
"""Characters inside a JSON string, in EBNF."""
OPTIONS = {*asdict(NEUTRAL), "max_tokens", "seed", "int8"}
"""The options that an LLM in this process has. `int8: true` quantizes the linear layers to 8-bit integers: on a CPU
that is twice as fast and slightly less exact (lectern/models/integer_layers.py). no_repeat_ngram_size is for plain text
alone, because JSON has to repeat what its schema prescribes."""


@dataclass(frozen=True)
class Row:
    """A request whose prompt is tokenized."""

    request: Request
    prompt: list[int]
    limit: int
    """Most tokens that its reply may have."""

    @property
    def tokens(self) -> int:
        """Most tokens that the model reads and writes for this row."""
        return len(self.prompt) + self.limit


def answer(
    requests: Sequence[Request], llm: LLM, done: Callable[[Reply], None], what: str
) -> Mapping[str, str]:
    """Answer each request by a packaged model (an `Engine` of lectern.llm.client).

    Requests of similar length are computed together. A reply depends on its own request only, even when it is
    sampled, with one exception: batching changes the last bits of float32 sums. When two tokens are equally likely
    within that precision, the reply may depend on the other requests in its batch. The store keeps the first reply.

    Raises:
        LecternError: there is no such packaged model, it lacks an option, or its output cannot be restricted to a
            schema.
    """
    if unknown := sorted({name for request in requests for name in request.options} - OPTIONS):
        raise LecternError(
            f"the embedded LLM has no option {', '.join(unknown)}. Remove it from {what}.extra; the options are "
            + ", ".join(sorted(OPTIONS))
        )
    if any(
        request.schema is not None and request.options.get("no_repeat_ngram_size") for request in requests
    ):
        raise LecternError(
            f"{what}.extra has no_repeat_ngram_size, but JSON repeats what its schema prescribes. Remove it."
        )
    if not requests:
        return {}
    tokenizer = _load_tokenizer(llm.model)
    rows = [
        Row(request, encode(tokenizer, request), int(request.options.get("max_tokens", llm.max_tokens)))
        for request in requests
    ]
    fitting, failed = _within_limits(rows, llm, what)
    if fitting:
        model = _load_model(llm.model, int8=bool(llm.extra.get("int8")))
        limit = model.config.max_position_embeddings
        for row in fitting:
            if row.tokens > limit:
                failed[row.request.key] = (
                    f"a prompt of {len(row.prompt)} tokens and a reply of up to {row.limit} exceed the {limit} tokens "
                    f"that {llm.model} can read: lower parse.max_tokens or {what}.max_tokens"
                )
        _answer_all(
            model, tokenizer, [r for r in fitting if r.request.key not in failed], llm.concurrency, done, what
        )
    return failed


def encode(tokenizer: Any, request: Request) -> list[int]:
    """The tokens of the prompt, up to where the reply begins. Only the chat template can produce control tokens.

    A message that contains the text of a control token (`<|im_end|>`) gets ordinary tokens for it, so it cannot end
    its own turn.
    """
    slots = [
        {"role": message.role, "content": f"\ue000{number}\ue001"}
        for number, message in enumerate(request.messages)
    ]
    frame = tokenizer.apply_chat_template(slots, tokenize=False, add_generation_prompt=True)
    ids: list[int] = []
    for position, part in enumerate(re.split("\ue000([0-9]+)\ue001", frame)):
        is_message = position % 2 == 1
        text = request.messages[int(part)].content if is_message else part
        if text:
            ids += tokenizer(text, add_special_tokens=False, split_special_tokens=is_message)["input_ids"]
    return ids


def batches(rows: Sequence[Row], size: int) -> list[list[Row]]:
    """Rows of similar length together, longest first, within `size` and TOKENS_IN_BATCH; plain text apart from JSON."""
    cut: list[list[Row]] = []
    for row in sorted(
        rows, key=lambda row: (row.request.schema is None, -row.tokens, -len(row.prompt), row.request.key)
    ):
        batch = cut[-1] if cut else []
        if (
            batch
            and (row.request.schema is None) == (batch[0].request.schema is None)
            and len(batch) < size
            and (len(batch) + 1) * _width([*batch, row]) <= TOKENS_IN_BATCH
        ):
            batch.append(row)
        else:
            cut.append([row])
    return cut


def _width(batch: Sequence[Row]) -> int:
    return max(len(row.prompt) for row in batch) + max(row.limit for row in batch)


def _within_limits(rows: Sequence[Row], llm: LLM, what: str) -> tuple[list[Row], dict[str, str]]:
    """The rows that the budget allows even if they need all their tokens, and why the other rows are left out."""
    kept: list[Row] = []
    failed: dict[str, str] = {}
    tokens = 0
    for row in rows:
        if llm.max_calls is not None and len(kept) >= llm.max_calls:
            failed[row.request.key] = f"the budget {what}.max_calls = {llm.max_calls} is spent"
        elif llm.max_total_tokens is not None and tokens + row.tokens > llm.max_total_tokens:
            failed[row.request.key] = f"the budget {what}.max_total_tokens = {llm.max_total_tokens} is spent"
        else:
            tokens += row.tokens
            kept.append(row)
    return kept, failed


def _answer_all(
    model: Any, tokenizer: Any, rows: Sequence[Row], size: int, done: Callable[[Reply], None], what: str
) -> None:
    from tqdm import tqdm

    grammar = _grammars(tokenizer, model.config.vocab_size)
    with tqdm(total=len(rows), desc=what, unit="call", disable=None) as bar:
        for batch in batches(rows, size):
            written = _generate(model, tokenizer, batch, grammar)
            for row, tokens in zip(batch, written, strict=True):
                done(_reply(row, tokens, tokenizer))
            bar.update(len(batch))


def _generate(
    model: Any, tokenizer: Any, batch: Sequence[Row], grammar: Callable[[Mapping[str, Any]], Any]
) -> list[list[int]]:
    """The tokens of each reply. The last one ends the turn, unless the reply was cut."""
    import torch
    from transformers import GenerationConfig, LogitsProcessorList
    from xgrammar.contrib.hf import LogitsProcessor

    end = tokenizer.eos_token_id
    longest = max(len(row.prompt) for row in batch)
    ids = torch.full((len(batch), longest), end, dtype=torch.long)
    attention = torch.zeros_like(ids)
    for place, row in enumerate(batch):
        ids[place, longest - len(row.prompt) :] = torch.tensor(row.prompt)
        attention[place, longest - len(row.prompt) :] = 1
    schemas = [row.request.schema for row in batch if row.request.schema is not None]
    processors = [LogitsProcessor([grammar(schema) for schema in schemas])] if schemas else []
    with torch.inference_mode():
        made = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=attention.to(model.device),
            logits_processor=LogitsProcessorList([*processors, _sampler(batch, longest)]),
            generation_config=GenerationConfig(
                do_sample=False,
                num_beams=1,
                repetition_penalty=1.0,
                max_new_tokens=max(row.limit for row in batch),
                eos_token_id=end,
                pad_token_id=end,
            ),
        )
    written = []
    for row, tokens in zip(batch, made[:, longest:].tolist(), strict=True):
        upto = tokens.index(end) + 1 if end in tokens else len(tokens)
        written.append(tokens[: min(upto, row.limit)])
    return written


def _sampler(batch: Sequence[Row], prompt: int) -> Callable[[Any, Any], Any]:
    """A sampler whose draws for each row depend only on that row's request; `prompt` is the width of the prompts."""
    return make_sampler(
        [Draw(row.request.key, _choose_decoding(row.request.options)) for row in batch], prompt
    )


def _choose_decoding(options: Mapping[str, Any]) -> Decoding:
    """The options of a request. One that it lacks changes nothing."""
    return replace(
        NEUTRAL, **{name: value for name in asdict(NEUTRAL) if (value := options.get(name)) is not None}
    )


def _reply(row: Row, tokens: list[int], tokenizer: Any) -> Reply:
    text = tokenizer.decode(tokens, skip_special_tokens=True)
    if tokens and tokens[-1] == tokenizer.eos_token_id:
        problem = find_problem(text, row.request.schema)
    else:
        problem = f"{CUT} at max_tokens ({row.limit})"
    return Reply(
        key=row.request.key,
        model=row.request.model,
        text=text,
        problem=problem,
        input_tokens=len(row.prompt),
        output_tokens=len(tokens),
    )


def _grammars(tokenizer: Any, vocabulary: int) -> Callable[[Mapping[str, Any]], Any]:
    """A function from a JSON schema to its grammar over this vocabulary; each schema is compiled once."""
    import xgrammar

    compiler = xgrammar.GrammarCompiler(
        xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=vocabulary), max_threads=1
    )
    compiled: dict[str, Any] = {}

    def grammar(schema: Mapping[str, Any]) -> Any:
        text = grammar_text(schema)
        if text not in compiled:
            compiled[text] = compiler.compile_grammar(xgrammar.Grammar.from_ebnf(text))
        return compiled[text]

    return grammar


def grammar_text(schema: Mapping[str, Any]) -> str:
    """The EBNF of JSON that fits a schema: on one line, because small models loop on white space; fields in order.

    The rules for strings of bounded length are replaced. Those of xgrammar 0.2.8 allow no escapes, so that no string
    could hold a quotation mark, and they allow raw control characters, which are not valid JSON (its issue 800). Each
    becomes a chain with one rule for each character still to come: counted repetitions of "a character or an escape"
    cost xgrammar up to a second per token, and a chain costs nothing. Numeric escapes are left out, because some of
    them are unpaired surrogates, which are not text.

    Raises:
        LecternError: xgrammar cannot express the schema.
    """
    import xgrammar

    try:
        text = str(xgrammar.Grammar.from_json_schema(dict(schema), any_whitespace=False))
    except (RuntimeError, ValueError, TypeError) as error:
        raise LecternError(
            f"the embedded LLM cannot be held to the schema {dict(schema)}: {error}"
        ) from error
    text = re.sub(
        r"^basic_escape ::=.*$", lambda _: f"basic_escape ::= {SHORT_ESCAPE}", text, flags=re.MULTILINE
    )
    bounded = set(re.findall(r'^(\w+) ::= \(\(\[\^\\"\\\\\\r\\n\]\)\)$', text, flags=re.MULTILINE))
    bounds: set[tuple[int, int]] = set()

    def chained(match: re.Match[str]) -> str:
        if match["rule"] not in bounded:
            return match[0]
        bounds.add(bound := (int(match["least"]), int(match["most"])))
        return f'"\\"" {_rule(*bound)}'

    text = re.sub(r'"\\"" (?P<rule>\w+)\{(?P<least>\d+), (?P<most>-?\d+)\} "\\""', chained, text)
    return text + "\n".join(sorted({rule for least, most in bounds for rule in _chain(least, most)}))


def _chain(least: int, most: int) -> Iterator[str]:
    """The rules for the rest of a string that still needs `least` to `most` characters (`most` -1: no upper bound)."""
    while True:
        after = max(least - 1, 0), most - 1 if most > 0 else most
        ways = [] if least else [r'"\""']
        if most:
            ways += [f"{PLAIN_CHARACTER} {_rule(*after)}", rf'"\\" {SHORT_ESCAPE} {_rule(*after)}']
        yield f"{_rule(least, most)} ::= {' | '.join(ways)}"
        if after == (least, most) or not most:
            return
        least, most = after


def _rule(least: int, most: int) -> str:
    return f"text_{least}_{'any' if most < 0 else most}"


def _load_tokenizer(name: str) -> Any:
    from transformers import AutoTokenizer

    if name not in packaged.language_models():
        raise LecternError(
            f"there is no packaged language model {name!r}; choose one of {', '.join(packaged.language_models())}. "
            "For another model choose an LLM with engine openai, such as a local server."
        )
    return AutoTokenizer.from_pretrained(
        packaged.converted(name), local_files_only=True, trust_remote_code=False
    )


def _load_model(name: str, *, int8: bool) -> Any:
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(
        packaged.converted(name), dtype=torch.float32, local_files_only=True, trust_remote_code=False
    )
    if torch.cuda.is_available():
        return model.to("cuda").eval()
    if int8:
        integer_layers.quantise(model.model)  # all layers but the language-model head
    return model.eval()
