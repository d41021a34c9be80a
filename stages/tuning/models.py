"""The base model and its tokenizer, from one of three places.

`embedded`: packaged weights that need no model hub (`core.embedded`), converted once into the user's cache.
`hub`: a model hub, or a directory. `random`: untrained and tiny, with the packaged tokenizer, for smoke runs and tests.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core import embedded
from stages.core.errors import LecternError
from stages.core.packaged import converted
from stages.tuning import templates

SOURCES = ("embedded", "hub", "random")
ARCHITECTURES = ("llama", "mistral", "phi")


@dataclass(frozen=True)
class BaseModel:
    """The model that is tuned: section `base_model` of params.yaml, which render, train and generate share."""

    name: str
    """what the adapter and the report call it"""
    source: str
    """embedded, hub or random"""
    context_length: int
    """tokens; no row may be longer"""
    end_of_turn: str
    """the token that ends each turn of its chat template; trained in each answer, and it stops generation"""
    chat_template: str | None = None
    """a file of stages/tuning/chat_templates: the model's own template plus generation marks; null where the model's
    own has them"""
    own_template: bool = True
    """false where the model has no chat template, or not this one: `chat_template` is what it is served with too"""
    package: str | None = None
    """the packaged model of core/embedded.py; for `random`, the one whose tokenizer is used"""
    hub_id: str | None = None
    """for `hub`: organisation/model, or a directory"""
    revision: str | None = None
    """for `hub`: a commit, so that the weights cannot change under the experiment"""
    architecture: str | None = None
    """for `random`: llama, mistral or phi"""
    seed: int = 0
    """for `random`: of the weights"""

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise ValueError(f"source is {self.source!r}; choose one of {', '.join(SOURCES)}")
        needed = {"embedded": ["package"], "hub": ["hub_id"], "random": ["package", "architecture"]}[
            self.source
        ]
        if missing := [field for field in needed if getattr(self, field) is None]:
            raise ValueError(
                f"source {self.source} needs {' and '.join(missing)}; give it in conf/base_model"
            )
        if not self.own_template and self.chat_template is None:
            raise ValueError("own_template is false, so chat_template must name the file to serve with")
        if self.package is not None and self.package not in embedded.PACKAGES:
            raise ValueError(f"package is {self.package!r}; choose one of {', '.join(embedded.PACKAGES)}")
        if self.source == "random" and self.architecture not in ARCHITECTURES:
            raise ValueError(
                f"architecture is {self.architecture!r}; choose one of {', '.join(ARCHITECTURES)}"
            )
        if self.context_length < 1:
            raise ValueError(
                f"context_length is {self.context_length}; give the number of tokens the model can read"
            )

    @property
    def identity(self) -> str:
        """What an adapter records as its base: the hub's name where there is one, never a directory."""
        on_hub = self.source == "hub" and self.hub_id is not None and not Path(self.hub_id).is_dir()
        return str(self.hub_id) if on_hub else self.name


def get_tokenizer(base: BaseModel) -> Any:
    """The tokenizer with the chat template that serving uses, padding token set.

    Raises:
        LecternError: the model cannot be had, has no chat template, or `end_of_turn` is not one of its tokens.
    """
    from transformers import AutoTokenizer

    tokenizer = _load(base, lambda place, **options: AutoTokenizer.from_pretrained(place, **options))
    if base.end_of_turn not in tokenizer.get_vocab():
        raise LecternError(
            f"base_model {base.name}: end_of_turn {base.end_of_turn!r} is not a token of it. Look for the token that "
            "ends a turn in its chat template and correct conf/base_model."
        )
    if not base.own_template:
        tokenizer.chat_template = templates.without_marks(
            templates.training_template(tokenizer, base.chat_template)
        )
    if tokenizer.chat_template is None:
        raise LecternError(
            f"base_model {base.name} has no chat template of its own. Set own_template: false in conf/base_model and "
            "name the format it shall learn in chat_template, such as phi_qa.jinja."
        )
    if tokenizer.pad_token is None:
        # Labels are masked by length, never by this token, so the end of a turn stays trained even when they are one.
        tokenizer.pad_token = tokenizer.eos_token or base.end_of_turn
    return tokenizer


def get_model(base: BaseModel) -> Any:
    """The causal language model, float32, in evaluation mode.

    Raises:
        LecternError: the model cannot be had.
    """
    import torch
    from transformers import AutoModelForCausalLM

    if base.source == "random":
        return _random_model(base, get_tokenizer(base))
    model = _load(
        base,
        lambda place, **options: AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32, **options),
    )
    limit = getattr(model.config, "max_position_embeddings", base.context_length)
    if base.context_length > limit:
        raise LecternError(
            f"base_model {base.name}: context_length {base.context_length} is above the {limit} tokens that the model "
            "can read. Lower it in conf/base_model."
        )
    return model.eval()


def _load(base: BaseModel, load: Callable[..., Any]) -> Any:
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    if base.source != "hub":
        assert base.package is not None
        return load(converted(base.package), local_files_only=True)
    try:
        return load(base.hub_id, revision=base.revision)
    except OSError as error:
        raise LecternError(_why_not(base, error)) from error


def _why_not(base: BaseModel, error: OSError) -> str:
    reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    what = f"base_model {base.name}: {base.hub_id} could not be loaded: {reason}"
    chain = [error, error.__cause__, error.__context__]
    if any(type(link).__name__ == "GatedRepoError" for link in chain) or "gated repo" in str(error):
        return (
            f"{what}\nIts owner asks for consent: accept the licence at https://huggingface.co/{base.hub_id}, make a "
            "token at https://huggingface.co/settings/tokens, and set HF_TOKEN to it."
        )
    return (
        f"{what}\nCheck the connection to the hub and base_model.hub_id and .revision (HF_TOKEN for a private model), "
        "or copy the model here and set base_model.hub_id to its directory."
    )


def _random_model(base: BaseModel, tokenizer: Any) -> Any:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(
        base.architecture,
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=base.context_length,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(base.seed)
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
