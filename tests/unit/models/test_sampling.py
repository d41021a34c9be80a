"""How tokens are chosen: the same as transformers' own `generate` with the same options, and draws that follow it."""

from typing import Any

import pytest

from lectern.models import chat_format, generation, loading, sampling
from lectern.models.sampling import Draw
from lectern.settings.decoding import Decoding
from tests.settings import configure
from tests.support.generating import SINGLE
from tests.support.tiny import TINY

TOKENS = 24
LOOPING = [
    {"repetition_penalty": 1.15},
    {"repetition_penalty": 0.5},  # a reward, which would take up the tokens of the prompt if it counted them
    {"no_repeat_ngram_size": 2},
    {"no_repeat_ngram_size": 3},
    {"repetition_penalty": 1.3, "no_repeat_ngram_size": 2},
]
SAMPLED = [
    {"temperature": 0.7},
    {"temperature": 1.0, "top_k": 7},
    {"temperature": 1.3, "top_p": 0.6},
    {"temperature": 0.8, "min_p": 0.4},
    {"temperature": 1.2, "top_k": 40, "top_p": 0.9, "min_p": 0.05},
    {"temperature": 0.9, "top_k": 40, "repetition_penalty": 1.4, "no_repeat_ngram_size": 2},
]


@pytest.fixture(scope="module")
def model() -> Any:
    """With weights so large that every token before decides the next one: it says many things, and repeats itself."""
    import torch

    restless = loading.get_model(TINY)
    with torch.no_grad():
        for weight in restless.parameters():
            weight.mul_(6 if weight.dim() > 1 else 1)
    return restless


@pytest.fixture(scope="module")
def prompts(tokenizer: Any) -> list[list[int]]:
    """Of different lengths, so that a batch pads them."""
    asked = [[*e.messages[:-1]] for e in SINGLE[:4]]
    asked[1][0] = asked[1][0].model_copy(update={"content": "Why, " * 20})
    return chat_format.serve(tokenizer, asked, answering=True)


def ask_transformers(model: Any, prompt: list[int], **options: Any) -> Any:
    """Transformers' own `generate`. It is given embeddings, so that its penalties cannot see the prompt either."""
    import torch
    from transformers import GenerationConfig

    embedded = model.get_input_embeddings()(torch.tensor([prompt]))
    with torch.inference_mode():
        return model.generate(
            inputs_embeds=embedded,
            attention_mask=torch.ones((1, len(prompt)), dtype=torch.long),
            generation_config=GenerationConfig(
                max_new_tokens=TOKENS,
                eos_token_id=2,
                pad_token_id=2,
                num_beams=1,
                return_dict_in_generate=True,
                output_scores=True,
                output_logits=True,
                **options,
            ),
        )


def answer(model: Any, prompts: list[list[int]], decoding: Decoding, batch_size: int = 4) -> list[list[int]]:
    draws = [Draw(str(number), decoding) for number in range(len(prompts))]
    made = generation.answer(
        model, prompts, max_new_tokens=TOKENS, stop={2}, pad=2, batch_size=batch_size, draws=draws
    )
    return [one.tokens for one in made]


@pytest.mark.filterwarnings("ignore:Passing `")
@pytest.mark.parametrize("options", LOOPING, ids=str)
def test_greedy_answers_are_those_of_transformers(
    model: Any, prompts: list[list[int]], options: dict[str, Any]
) -> None:
    ours = answer(model, prompts, configure(Decoding, **options))
    theirs = [
        ask_transformers(model, one, do_sample=False, **options).sequences[0].tolist() for one in prompts
    ]
    assert ours == [tokens[: tokens.index(2)] if 2 in tokens else tokens for tokens in theirs]
    # property: the options do something here
    assert ours != answer(model, prompts, configure(Decoding))


@pytest.mark.filterwarnings("ignore:Passing `")
@pytest.mark.parametrize("options", SAMPLED, ids=str)
def test_the_distribution_is_that_of_transformers(
    model: Any, prompts: list[list[int]], options: dict[str, Any]
) -> None:
    import torch

    decoding = configure(Decoding, **options)
    torch.manual_seed(0)
    given = {"top_k": 0, "top_p": 1.0, **options}
    found = ask_transformers(model, prompts[0], do_sample=True, **given)
    written = found.sequences
    assert len(found.scores) > 4
    for number, (theirs, logits) in enumerate(zip(found.scores, found.logits, strict=True)):
        before = logits.clone()
        ours = sampling.reshape(decoding, written[:, :number], logits)
        # property: every token has the probability that it has there, and the model's own scores stay as they are
        assert torch.equal(ours, theirs)
        assert torch.equal(logits, before)


# each option stands in one of these; alone, they are compared with transformers above
@pytest.mark.parametrize("options", [LOOPING[1], LOOPING[-1], *SAMPLED[-2:]], ids=str)
def test_neighbours_and_padding_change_no_answer(
    model: Any, prompts: list[list[int]], options: dict[str, Any]
) -> None:
    decoding = configure(Decoding, **options)
    assert answer(model, prompts, decoding) == answer(model, prompts, decoding, batch_size=1)


def test_rows_of_one_batch_may_have_other_options() -> None:
    import torch

    scores = torch.randn((3, 50), generator=torch.Generator().manual_seed(1))
    read = torch.tensor([[7, 7, 3, 3]] * 3)
    draws = [
        Draw("a", configure(Decoding)),
        Draw("b", configure(Decoding, repetition_penalty=1.5)),
        Draw("c", configure(Decoding, temperature=1.0, top_k=2)),
    ]
    together = sampling.make_sampler(draws, 2)(read, scores.clone())
    for place, draw in enumerate(draws):
        own = slice(place, place + 1)
        assert torch.equal(together[own], sampling.make_sampler([draw], 2)(read[own], scores[own].clone()))
    assert torch.equal(together[0], scores[0])
    # property: the penalty lowers the token that was generated, and no token of the prompt
    assert (together[1] != scores[1]).nonzero().flatten().tolist() == [3]
    assert together[1, 3] < scores[1, 3]
    assert together[2].isfinite().sum() == 2


@pytest.mark.parametrize("options", SAMPLED, ids=str)
def test_draws_follow_the_distribution(options: dict[str, Any]) -> None:
    import torch

    many, vocabulary = 4000, 12
    scores = 2 * torch.randn((1, vocabulary), generator=torch.Generator().manual_seed(5))
    written = torch.tensor([[1, 4, 1]])
    decoding = configure(Decoding, **options)
    draws = [Draw(str(number), decoding) for number in range(many)]
    changed = sampling.make_sampler(draws, 0)(written.expand(many, -1), scores.repeat(many, 1))
    shares = torch.bincount(changed.argmax(dim=-1), minlength=vocabulary) / many
    wanted = sampling.reshape(decoding, written, scores).softmax(dim=-1)[0]
    # property: five standard errors of a share; what was excluded is never drawn
    assert ((shares - wanted).abs() <= 5 * (wanted * (1 - wanted) / many).sqrt() + 1e-6).all()
