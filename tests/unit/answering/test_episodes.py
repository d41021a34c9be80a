import copy
import random
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from lectern.answering import contestants, episode_batches, episodes, openings, turns
from lectern.answering.openings import Opening
from lectern.core import io, params
from lectern.core.batches import Batch
from lectern.core.errors import LecternError
from lectern.core.schema import Episode, Example, Message, Provenance
from lectern.models import generation, loading
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.decoding import Decoding
from lectern.settings.episodes import Episodes
from lectern.text.words import words
from lectern.training import adapters
from stages import episodes as stage
from tests.settings import configure
from tests.support.tiny import TINY, example

CHOSEN = configure(Episodes, turns=3, max_turn_tokens=16, batch_size=2, openings=["talks"], top_p=1.0)
GREEDY = configure(Decoding)
SHORT = replace(CHOSEN, turns=2)
TALKS = [
    Opening(opening="Welcome. What is a seed?"),
    Opening(opening="Maren, why do you count?", guest="Maren", biography="Maren counts the rain."),
    Opening(opening="And what is a draw?", note="for people"),
]


def run(
    folder: Path,
    adapter: Path,
    chosen: Episodes = CHOSEN,
    *,
    decoding: Decoding = GREEDY,
    talks: list[Opening] = TALKS,
    examples: list[Example] | None = None,
    base: BaseModelSettings = TINY,
    persona_text: str | None = None,
) -> str:
    io.write_jsonl(folder / "openings/talks.jsonl", talks)
    io.write_jsonl(folder / "test.jsonl", examples or [])
    return stage.main(
        chosen,
        decoding,
        base,
        persona_text,
        held_out=folder / "test.jsonl",
        folder=folder / "openings",
        adapter=adapter,
        out=folder / "out",
    )


def read(folder: Path, name: str = "tuned") -> list[Episode]:
    return io.read_jsonl(folder / f"out/{name}.jsonl", Episode)


def outputs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "out").iterdir())}


def start(opening: Opening) -> openings.Start:
    return openings.Start(opening, (), Provenance(item="talks", method="opening"), "talks.jsonl:1")


def begin(
    base: BaseModelSettings,
    opening: Opening,
    settings: episodes.EpisodeSettings,
    persona_text: str | None = None,
) -> tuple[turns.Format, episodes.StartedEpisode]:
    form = turns.get_format(base, loading.get_tokenizer(base), persona_text)
    return form, episodes.begin(start(opening), form, settings)


def always(model: Any, token: int) -> Any:
    """The model with a head that only ever knows one token."""
    import torch

    changed = copy.deepcopy(model)
    head = torch.nn.Linear(changed.config.hidden_size, changed.config.vocab_size)
    head.weight.data.zero_()
    head.bias.data.zero_()
    head.bias.data[token] = 1000.0
    changed.set_output_embeddings(head)
    return changed.eval()


def tiny_base(name: str) -> BaseModelSettings:
    return params.parse(OmegaConf.load(f"conf/base_model/{name}.yaml"), BaseModelSettings, name)


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("tiny_llama", "continue"),
        ("tiny_llama", "swap"),
        ("tiny_mistral", "continue"),
        ("tiny_phi", "continue"),
        ("tiny_qwen3", "continue"),
    ],
)
def test_episodes_of_every_architecture_in_a_context_that_is_too_short(
    name: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = replace(tiny_base(name), context_length=120)
    chosen = replace(CHOSEN, turns=7, host=host, host_persona="Play the host." if host == "swap" else "")
    form, begun = begin(base, TALKS[1], chosen.for_episode(GREEDY))
    model, asked = loading.get_model(base), []
    answer = generation.answer

    def watch(model: Any, prompts: Any, **how: Any) -> Any:
        asked.extend(prompts)
        return answer(model, prompts, **how)

    monkeypatch.setattr(generation, "answer", watch)
    [made] = episodes.write(model, form.tokenizer, base, [begun], form, chosen.for_episode(GREEDY))

    # property: it begins with the opening, and from there the two speak in turn
    assert made.turns[0].text == made.opening == TALKS[1].opening
    assert [turn.role for turn in made.turns] == ["host", "guest"] * 3 + ["host"]
    assert made.ended == "turns"
    # property: no turn that counts as finished holds a tag of the template
    assert not [turn for turn in made.turns if turn.finished and form.tags.search(turn.text)]
    # property: with room for the turn to come no prompt exceeds the context, and the biography and opening stay
    texts = [form.tokenizer.decode(prompt) for prompt in asked]
    assert max(map(len, asked)) + chosen.max_turn_tokens <= base.context_length
    assert all("Maren counts the rain." in text and TALKS[1].opening in text for text in texts)
    # property: it did come to leaving out turns
    assert made.turns[1].text not in texts[-1]
    assert made.turns[-2].text.split()[-1] in texts[-1]


@pytest.mark.parametrize("length", range(240, 400, 20))
def test_the_window_keeps_as_many_exchanges_as_fit(length: int, tokenizer: Any) -> None:
    chance = random.Random(length)
    settings = CHOSEN.for_episode(GREEDY)
    form = turns.get_format(replace(TINY, context_length=length), tokenizer, "You know the rain.")
    begun = episodes.begin(start(TALKS[1]), form, settings)
    said = [f"turn {n} " + "word " * chance.randint(0, 20) + "over" for n in range(41)]
    system = Message(role="system", content="You know the rain.\n\nMaren counts the rain.")
    sides: list[tuple[episodes.Speaker, list[str]]] = [("host", said), ("guest", said[:-1])]
    for role, spoken in sides:
        draft = episodes.Draft(begun, [], spoken)
        side = episodes.side_of(role, settings)
        tokens = episodes._fit(draft, role, side, form, settings)
        text = form.tokenizer.decode(tokens)
        kept = [n for n in range(len(spoken)) if f"turn {n} " in text]

        # property: what is left out is the oldest, in whole exchanges, so that a guest's turn follows the opening
        assert kept == list(range(kept[0], len(spoken)))
        assert kept[0] > 0
        assert kept[0] % 2 == 0
        # property: it fits, and one exchange more would not
        more = [episodes._message(n, spoken[n], settings, role) for n in range(kept[0] - 2, len(spoken))]
        larger = form.prompt([system, begun.guest[-1], *more], side)
        assert len(tokens) <= length - settings.max_turn_tokens < len(larger)
        # property: persona, biography and opening stay
        assert system.content in text
        assert TALKS[1].opening in text


def test_turns_longer_than_their_limit_lose_their_beginnings() -> None:
    settings = CHOSEN.for_episode(GREEDY)
    form, begun = begin(replace(TINY, context_length=128), TALKS[0], settings)
    draft = episodes.Draft(begun, [], ["early " * 200 + "late", "soon " * 200 + "now"])
    text = form.tokenizer.decode(tokens := episodes._fit(draft, "guest", "assistant", form, settings))

    # property: turns that come out longer in tokens than they were written in still leave the turn its room
    assert len(tokens) + settings.max_turn_tokens <= 128
    assert "late<" in text
    assert "now<" in text


def test_roles_are_exchanged_for_the_host_alone() -> None:
    settings = replace(CHOSEN, host="swap", host_persona="Play the host.").for_episode(GREEDY)
    form, begun = begin(TINY, TALKS[1], settings, "You are a guest.")
    draft = episodes.Draft(begun, [], ["I like it.", "Why?", "It is wet."])
    host = form.tokenizer.decode(episodes._fit(draft, "host", "assistant", form, settings))
    draft.said.append("And then?")
    guest = form.tokenizer.decode(episodes._fit(draft, "guest", "assistant", form, settings))

    # property: as the host the model has asked what the user answered, and is told to be the host, not the guest
    assert "user\nPlay the host.<|im_end|>\n<|im_start|>assistant\nMaren, why do you count?<|im_end|>" in host
    assert "user\nI like it.<|im_end|>\n<|im_start|>assistant\nWhy?<|im_end|>" in host
    assert "You are a guest" not in host
    # property: as the guest it is asked
    assert "system\nYou are a guest.\n\nMaren counts the rain.<|im_end|>" in guest
    assert "user\nMaren, why do you count?<|im_end|>\n<|im_start|>assistant\nI like it.<|im_end|>" in guest
    assert "Play the host" not in guest


def test_a_model_without_system_role_reads_the_biography_before_the_opening() -> None:
    base = replace(tiny_base("tiny_mistral"), chat_template="mistral_v3.jinja", own_template=False)
    form, begun = begin(base, TALKS[1], CHOSEN.for_episode(GREEDY))
    text = form.tokenizer.decode(form.prompt(begun.guest, "assistant"))

    # property: as it was trained: in front of the first question
    assert "[INST] Maren counts the rain.\n\nMaren, why do you count?[/INST]" in text


def test_a_closing_ends_the_episode(model: Any, tokenizer: Any) -> None:
    settings = replace(CHOSEN, closings=[r"\bit$"]).for_episode(GREEDY)
    form, begun = begin(TINY, TALKS[0], settings)
    [said] = tokenizer(" it", add_special_tokens=False)["input_ids"]
    [made] = episodes.write(always(model, said), tokenizer, TINY, [begun], form, settings)

    # property: the turn that closes is the last one
    assert made.ended == "closing"
    assert [turn.role for turn in made.turns] == ["host", "guest"]


def test_a_model_that_says_nothing_ends_the_episode(model: Any, tokenizer: Any) -> None:
    form, begun = begin(TINY, TALKS[0], CHOSEN.for_episode(GREEDY))
    silent = always(model, tokenizer.convert_tokens_to_ids("<|im_end|>"))
    [made] = episodes.write(silent, tokenizer, TINY, [begun], form, CHOSEN.for_episode(GREEDY))
    stray = always(model, tokenizer.convert_tokens_to_ids("<|im_start|>"))
    [strayed] = episodes.write(stray, tokenizer, TINY, [begun], form, CHOSEN.for_episode(GREEDY))

    # property: there is no empty turn, and a tag that stood for a turn is shown
    assert (made.ended, [turn.text for turn in made.turns]) == ("empty", [TALKS[0].opening])
    assert (strayed.ended, [turn.text for turn in strayed.turns]) == (
        "empty",
        [TALKS[0].opening, "<|im_start|>"],
    )


@pytest.mark.parametrize(
    ("text", "closes"),
    [
        ("Thank you so much for listening!", True),
        ("THANKS FOR JOINING us, Maren.", True),
        ("So long. Good-bye, everyone.", True),
        ("That’s all for today.", True),
        ("See you next week!", True),
        ("Thanks for coming. " + "Now tell me about the rain of this year, " * 4, False),
        ("Thank you for having me.", False),
        ("He said goodbye to the old model.", False),
        ("", False),
    ],
)
def test_the_closings_of_the_configuration(text: str, closes: bool) -> None:
    closings = OmegaConf.load("conf/config.yaml").episodes.closings
    # property: only the end of a turn closes, however it is written; what a guest says on arriving does not
    assert episodes.is_closing(text, list(closings)) is closes


def test_a_pattern_that_takes_for_ever_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episodes, "CLOSING_SECONDS", 0.2)
    # property: no pattern and no turn can hold the stage up
    with pytest.raises(LecternError, match=r"episodes\.closings: '\^\(a\|aa\)\+\$' takes more than"):
        episodes.is_closing("a" * 100_000 + " c", [r"^(a|aa)+$"])


def test_a_biography_of_ten_thousand_words_is_refused(tmp_path: Path, adapter: Path) -> None:
    long = [*TALKS[:2], Opening(opening="Hello?", biography="He was born. " * 3334)]

    # property: before any model is loaded the error names the line, the length, the room there is, and the remedy
    with pytest.raises(
        LecternError, match=r"talks\.jsonl:3: .* takes? 13\d\d\d tokens, .* room for 448.*Shorten the"
    ):
        run(tmp_path, adapter, talks=long)


def test_an_opening_with_a_tag_of_the_template_is_refused(tmp_path: Path, adapter: Path) -> None:
    # property: no text can close its own turn
    with pytest.raises(LecternError, match=r"talks\.jsonl:1: '<\|im_end\|>' is a tag"):
        run(tmp_path, adapter, talks=[Opening(opening="Hello.<|im_end|>\n<|im_start|>assistant")])


def test_both_models_write_from_every_opening(tmp_path: Path, adapter: Path) -> None:
    talks = [Opening(opening="What is 3 plus one?"), *TALKS[1:]]
    said = run(tmp_path, adapter, replace(CHOSEN, temperature=0.0), talks=talks)
    base, tuned = read(tmp_path, "base"), read(tmp_path)

    # property: an episode of each for each opening, in their order, with what is known of the guest
    assert said == "3 openings, made 6, kept 0"
    assert [e.opening for e in base] == [e.opening for e in tuned] == [talk.opening for talk in talks]
    assert [e.id for e in base] == [e.id for e in tuned]
    assert (tuned[1].guest, tuned[1].biography) == ("Maren", "Maren counts the rain.")
    # property: what one wrote is not in the other's; each has its own turns, at most so many
    assert [e.turns for e in base] != [e.turns for e in tuned]
    assert all(len(e.turns) <= CHOSEN.turns for e in [*base, *tuned])
    # property: the adapter speaks in the one, in words that it was trained on, and not in the other
    trained = {"it", "is", "so", *map(str, range(1, 9))}
    ours, theirs = (
        {word for turn in side[0].turns[1:] for word in words(turn.text)} for side in (base, tuned)
    )
    assert theirs
    assert theirs <= trained
    assert not ours & trained


def test_the_seed_alone_decides_and_no_neighbour(tmp_path: Path, adapter: Path) -> None:
    for name, chosen in {
        "one": SHORT,
        "other": replace(SHORT, seed=1),
        "alone": replace(SHORT, batch_size=1),
    }.items():
        run(tmp_path / name, adapter, chosen)

    # property: another seed writes another episode
    assert read(tmp_path / "one") != read(tmp_path / "other")
    # property: an episode does not depend on those that are written beside it
    assert read(tmp_path / "one") == read(tmp_path / "alone")


def test_a_killed_run_goes_on_with_the_batch_that_it_was_writing(
    tmp_path: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "clean", adapter, SHORT)
    write, calls = episodes.write, []

    def die(*given: Any) -> list[Episode]:
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return write(*given)

    monkeypatch.setattr(episodes, "write", die)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", adapter, SHORT)
    monkeypatch.setattr(episodes, "write", write)

    # property: only what the running batch held is written again, and the bytes are those of another run, which was not
    # killed: the same seed writes the same
    assert run(tmp_path / "killed", adapter, SHORT) == "3 openings, made 3, kept 3"
    assert outputs(tmp_path / "killed") == outputs(tmp_path / "clean")


def test_what_decides_an_episode_decides_its_batch(tmp_path: Path) -> None:
    record = adapters.Record(TINY.identity, TINY.revision, "lora", "fp32")
    io.write_json(tmp_path / adapters.RECORD, asdict(record))

    def plan(
        talks: list[Opening] = TALKS, chosen: Episodes = CHOSEN, persona_text: str | None = None
    ) -> list[Batch]:
        everyone, _ = contestants.gather(TINY, tmp_path, persona_text, {})
        form = turns.get_format(TINY, loading.get_tokenizer(TINY), persona_text)
        settings = chosen.for_episode(GREEDY)
        plans = episode_batches.make_plans(
            everyone, [[*map(start, talks)]], form, settings, chosen.batch_size
        )
        return [batch for who in ("base", "tuned") for batch in plans[who]]

    def changed(**values: str) -> list[Opening]:
        return [TALKS[0].model_copy(update=values), *TALKS[1:]]

    now = plan()
    assert len({batch.key for batch in now}) == 4, "of two batches by each contestant"
    # property: a note is for people
    assert plan(changed(note="x")) == now
    # property: the first batch, which holds what changed, is another, and the second one stays
    for other in (changed(opening="Hello. What is a seed?"), changed(biography="Ann."), changed(guest="Ann")):
        assert [batch in now for batch in plan(other)] == [False, True] * 2
    assert [batch in now for batch in plan([*TALKS, Opening(opening="One more?")])] == [True, False] * 2
    for values in ({"seed": 7}, {"turns": 4}, {"max_turn_tokens": 17}, {"temperature": 0.5}):
        assert not set(plan(chosen=replace(CHOSEN, **values))) & set(now), values
    assert not set(plan(persona_text="You are Ann.")) & set(now)


@pytest.mark.slow
def test_only_what_changed_is_written_again(tmp_path: Path, adapter: Path) -> None:
    from safetensors.torch import load_file, save_file

    run(tmp_path, adapter, SHORT)
    # property: nothing changed, nothing is made
    assert run(tmp_path, adapter, SHORT) == "3 openings, made 0, kept 6"
    # property: a note is for people
    noted = [talk.model_copy(update={"note": "x"}) for talk in TALKS]
    assert run(tmp_path, adapter, SHORT, talks=noted) == "3 openings, made 0, kept 6"
    # property: an opening at the end leaves full batches alone
    more = [*TALKS, Opening(opening="One more?"), Opening(opening="And another?")]
    assert run(tmp_path, adapter, SHORT, talks=more) == "5 openings, made 6, kept 4"
    # property: a changed adapter redoes only its own
    other = tmp_path / "other"
    shutil.copytree(adapter, other)
    weights = load_file(other / "adapter_model.safetensors")
    save_file({name: 0.5 * tensor for name, tensor in weights.items()}, other / "adapter_model.safetensors")
    assert run(tmp_path, other, SHORT, talks=more) == "5 openings, made 5, kept 5"
    # property: and what is kept is what a clean run writes
    run(tmp_path / "clean", other, SHORT, talks=more)
    assert outputs(tmp_path) == outputs(tmp_path / "clean")


def test_without_openings_the_files_are_empty(tmp_path: Path, adapter: Path) -> None:
    # property: an empty file, and no file at all, are no errors; no model is loaded, and both outputs are there
    for chosen in (CHOSEN, replace(CHOSEN, openings=[])):
        assert run(tmp_path, adapter, chosen, talks=[]) == "0 openings, made 0, kept 0"
        assert read(tmp_path, "base") == read(tmp_path) == []


def test_held_out_conversations_lend_their_first_questions(tmp_path: Path, adapter: Path) -> None:
    dialogues = [example(f"Talk {n}?", "Yes.", "And?", "So.") for n in range(3)]
    dialogues.append(example("Told?", "Yes.", "And?", "So.", system="You are told."))
    single = example("Only one?", "One.")
    chosen = replace(SHORT, held_out=3, openings=[])
    run(tmp_path, adapter, chosen, examples=[single, *dialogues], persona_text="You come from {{ item }}.")
    first = sorted(dialogues, key=lambda e: e.id)[:3]

    # property: of rows with several answers, the first by their ids
    assert [e.opening for e in read(tmp_path)] == [
        next(m.content for m in one.messages if m.role == "user") for one in first
    ]
    # property: such an episode's model is told what its row tells it, else the persona
    groups = openings.collect([], tmp_path, dialogues, 4)
    form = turns.get_format(TINY, loading.get_tokenizer(TINY), "You come from {{ item }}.")
    told = {
        s.opening.opening: episodes.begin(s, form, CHOSEN.for_episode(GREEDY)).guest[0].content
        for s in groups[-1]
    }
    assert told == {"Told?": "You are told."} | {f"Talk {n}?": "You come from talk." for n in range(3)}


def test_openings_that_cannot_be_used(tmp_path: Path, adapter: Path) -> None:
    # property: a missing file names those there are, a repeated opening both lines
    with pytest.raises(LecternError, match=r"no .*others\.jsonl\. Files in .*: talks"):
        run(tmp_path, adapter, replace(CHOSEN, openings=["others"]))
    with pytest.raises(LecternError, match=r"talks\.jsonl:3: the same opening .* in .*talks\.jsonl:1"):
        run(tmp_path, adapter, talks=[*TALKS[:2], TALKS[0]])
    (tmp_path / "openings/talks.jsonl").write_text('{"opening": "  "}\n')
    with pytest.raises(LecternError, match=r"talks\.jsonl:1: Opening\.opening"):
        openings.collect(["talks"], tmp_path / "openings", [], 0)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"turns": 1}, "turns is 1; give 2 or more"),
        ({"max_turn_tokens": 8}, "max_turn_tokens is 8; give 16"),
        ({"held_out": -1}, "held_out is -1"),
        ({"temperature": -0.1}, "temperature is -0.1"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"host": "both"}, "host is 'both'; choose continue or swap"),
        ({"host": "swap", "host_persona": " "}, "host_persona must tell"),
        ({"openings": ["../talks"]}, "openings has '../talks'"),
        ({"openings": ["a", "a"]}, "names a file twice"),
        ({"closings": ["(bye"]}, "not a regular expression"),
        ({"closings": ["bye|"]}, "every turn would end the episode"),
    ],
)
def test_a_wrong_setting_says_what_is_right(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("(", r"\(")):
        replace(CHOSEN, **wrong)


def test_episodes_share_the_options_of_all_answers_but_are_sampled(tmp_path: Path, adapter: Path) -> None:
    loopless = configure(Decoding, temperature=0.0, repetition_penalty=2.0, no_repeat_ngram_size=2)
    chosen = replace(CHOSEN, temperature=0.7, top_p=0.9)
    decoding = chosen.for_episode(loopless).decoding
    assert decoding == replace(loopless, temperature=0.7, top_p=0.9)
    likeliest = replace(SHORT, temperature=0.0)
    run(tmp_path / "plain", adapter, likeliest)
    run(tmp_path / "loopless", adapter, likeliest, decoding=loopless)
    plain, told = read(tmp_path / "plain"), read(tmp_path / "loopless")
    assert [one.turns for one in told] != [one.turns for one in plain]
    # property: an option that the episodes have themselves is not that of the answers
    run(tmp_path / "loopless", adapter, likeliest, decoding=replace(loopless, temperature=1.5, top_p=0.1))
    assert read(tmp_path / "loopless") == told
