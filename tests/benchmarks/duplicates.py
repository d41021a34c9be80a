"""What finding duplicates costs at 100,000 examples, three tenths of them planted, and how well each kind is found.

Run: python tests/benchmarks/duplicates.py [--rows 100000] [--near 0.8] [--semantic 0.85]
First it prints how many pairs written by hand are found at each threshold (paraphrases.txt beside this file,
paraphrases and pairs that are close but different); the conditions on words were chosen on them. The threshold was
chosen on real pairs (duplicate_pairs.py). Then it makes up the examples, which share nothing with those: facts about
many things, in sentences of four forms each, so that most rows have close relatives that say something else (another
thing, another number, another condition); a third of the kinds of facts have neither numbers nor names. Of each 100
rows 70 are distinct facts, 10 are copies in other case and punctuation, 10 have about 3 % of their answer's words
changed (slips of letters, words left out and put in), and 10 say the same in another of the forms, with clauses in
another order and synonyms from a table: such paraphrases keep the names of things, and are easier than the best that
people write.

Recall is the share of planted pairs of which one row was dropped, for whatever reason; precision the share of the rows
dropped for a reason whose kept row states the same fact.
"""

import argparse
import random
import re
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lectern.core.schema import Example, Message, Provenance
from lectern.curation import dedupe, paraphrases
from lectern.models import embeddings

KINDS = ("exact", "near", "paraphrase")
SHARE = 0.1
CHANGED = 0.03
THRESHOLDS = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)

# domain -> (first parts of names, nouns): a thing is one of each.
THINGS = {
    "machine": (
        "old new small large portable diesel electric rented spare blue yellow main second indoor outdoor heavy light "
        "backup mobile hydraulic",
        "crane pump press lathe generator compressor forklift excavator boiler fan saw mixer conveyor welder "
        "drill oven",
    ),
    "service": (
        "billing login search payroll booking mail backup image report message order stock map chat video survey "
        "archive token alert audit",
        "service server worker gateway queue database cache scheduler proxy importer exporter index dashboard monitor",
    ),
    "dish": (
        "lentil barley tomato pumpkin spinach mushroom chestnut leek carrot potato apple plum walnut rye oat bean "
        "cabbage beetroot onion pepper",
        "soup stew pie bread salad dumpling pancake gratin risotto cake omelette sauce pudding tart",
    ),
    "plant": (
        "dwarf climbing wild alpine red white early late giant creeping silver golden water desert coastal mountain "
        "black sweet bitter northern",
        "rose fern lily maple clover iris ivy thistle poppy willow orchid heather sage lavender aster birch",
    ),
    "rule": (
        "parental sick study travel unpaid annual hardship relocation language meal bicycle training phone housing "
        "overtime night weekend moving childcare equipment",
        "leave allowance grant refund bonus subsidy loan discount voucher",
    ),
    "place": (
        "harbour castle valley riverside station hilltop lakeside market abbey forest university mill bridge garden "
        "village tower cathedral canal island meadow",
        "museum library pool theatre campsite hostel cinema zoo archive gallery café clinic gym ice-rink",
    ),
}

NAMES = (
    "Ahlen Borka Cadiz Dorst Elmau Farle Gotha Hamra Ilves Jarva Kalmo Lorca Mirna "
    "Norde Ostra Palma Quedo Rila Sorge Tarva"
)

# domain -> facts, each with forms of the question and of the answer that say the same. {t} is the thing, {n} and {m}
# are numbers, {N} is a name, {c} a condition; {w}, {s} and {p} are words. The first of each domain has neither numbers
# nor names, by which different facts could be told apart.
FACTS = {
    "machine": [
        (
            [
                "What should I do when the {t} makes a {s} noise?",
                "The {t} gives off a {s} sound. How do I react?",
                "How is a {s} noise of the {t} dealt with?",
                "I hear something {s} in the {t}. What now?",
            ],
            [
                "Switch it off and look at the {p} first, {c}. If the noise stays, call the workshop.",
                "Turn the power off, {c}, then check the {p}; should the sound not go away, the workshop must come.",
                "{C}, stop it and inspect the {p} before anything else. The workshop helps if that is not the cause.",
                "The {p} is the first thing to check, once it is switched off, {c}. Ask the workshop when it goes on.",
            ],
        ),
        (
            [
                "What load may the {t} carry at site {n}?",
                "How much weight is the {t} at site {n} allowed to take?",
                "At site {n}, what is the greatest load permitted for the {t}?",
                "Tell me the weight limit of the {t} that stands at site {n}.",
            ],
            [
                "The {t} at site {n} may carry {m} kilograms. Beyond that the alarm sounds and the motor is stopped, "
                "{c}.",
                "Its limit is {m} kilograms. If more is put on the {t}, an alarm goes off and the motor stops, {c}.",
                "No more than {m} kilograms: the motor of the {t} is cut and an alarm rings as soon as there is more "
                "on "
                "it, {c}.",
                "A load of {m} kilograms is the maximum. {C}, anything heavier sets off the alarm and switches the "
                "motor "
                "of the {t} off.",
            ],
        ),
        (
            [
                "How often must the {t} in hall {n} be oiled?",
                "After how many hours does the {t} in hall {n} need oil?",
                "What is the oiling interval for the {t} in hall {n}?",
                "When do I have to lubricate the {t} that we use in hall {n}?",
            ],
            [
                "Every {m} hours of work, {c}. Use the thick {w} oil, and wipe off what runs out at the seals.",
                "It needs oil after each {m} hours that it has run, {c}. The thick {w} oil is the right one; what "
                "leaks "
                "at the seals is to be wiped away.",
                "{C}, oil it whenever it has worked for {m} hours. Take the thick {w} oil and clean the seals of any "
                "that runs out.",
                "Lubricate it once in {m} working hours with the thick {w} oil, {c}, and remove whatever comes out of "
                "the seals.",
            ],
        ),
    ],
    "service": [
        (
            [
                "Who may restart the {t} when it is {s}?",
                "Which team is allowed to restart a {s} {t}?",
                "The {t} is {s}. Who can start it again?",
                "Whose task is it to restart the {t} if it becomes {s}?",
            ],
            [
                "Only the {p} team, {c}. Others open a ticket and wait for its answer.",
                "That is for the {p} team alone, {c}; everybody else writes a ticket and waits.",
                "{C}, nobody but the {p} team. If you belong to another, open a ticket.",
                "The {p} team does it, {c}, and no one else, so send them a ticket.",
            ],
        ),
        (
            [
                "Which port does the {t} in {N} listen on?",
                "On what port can the {t} in {N} be reached?",
                "What port is used by the {t} that runs in {N}?",
                "I want to connect to the {t} in {N}. Which port do I need?",
            ],
            [
                "It listens on port {m} by default, {c}. Change it in the {w} file and start the service again.",
                "The default is {m}, {c}. To use another port, edit the {w} file and restart it.",
                "Port {m}, unless you have changed it in the {w} file, which takes effect after a restart, {c}.",
                "{C}, you reach it on {m}. Another port can be set in the {w} file; it has to be restarted then.",
            ],
        ),
        (
            [
                "How long does the {t} in {N} keep its logs?",
                "For what time are the logs of the {t} in {N} stored?",
                "When are old logs of the {t} in {N} deleted?",
                "What is the retention time for logs of the {t} running in {N}?",
            ],
            [
                "For {m} days, {c}. Then a job that runs at night removes them, and only the counts per {w} remain.",
                "Logs stay for {m} days, {c}. A nightly job deletes them afterwards and leaves just the counts for "
                "each "
                "{w}.",
                "They are removed by a nightly job once they are {m} days old, {c}; the number per {w} is all that is "
                "kept.",
                "{C}, it stores them {m} days. After that they are purged overnight, except for the totals by {w}.",
            ],
        ),
    ],
    "dish": [
        (
            [
                "What goes well with the {t} when it is served {s}?",
                "Which side fits a {s} {t}?",
                "I serve the {t} {s}. What should I put beside it?",
                "What would you eat together with {s} {t}?",
            ],
            [
                "Some {p}, {c}. It takes away the heaviness and brings out the taste.",
                "{P} is what I would serve, {c}, as it makes the taste clearer and the whole less heavy.",
                "{C}, add {p}: the dish becomes lighter and one tastes more of it.",
                "Put a bowl of {p} beside it, {c}, which makes it less heavy and gives it more flavour.",
            ],
        ),
        (
            [
                "How long do I bake the {t} for {n} people?",
                "What is the baking time of the {t} for {n} people?",
                "The {t} is for {n} people. When is it done?",
                "For how many minutes should a {t} for {n} guests stay in the oven?",
            ],
            [
                "About {m} minutes at medium heat, {c}. It is done when a {w} stick comes out clean.",
                "Leave it in for roughly {m} minutes, {c}, with the heat at medium. Test it with a {w} stick, which "
                "must "
                "come out clean.",
                "{C}, it takes some {m} minutes on medium heat; once a {w} stick stays clean, take it out.",
                "It needs around {m} minutes in a medium oven, {c}. If nothing sticks to a {w} stick, you can stop.",
            ],
        ),
        (
            [
                "How much salt goes into {n} litres of the {t} from {N}?",
                "What amount of salt do {n} litres of the {t} from {N} need?",
                "I am cooking {n} litres of the {t} as in {N}. How much salt should I add?",
                "With {n} litres of the {N} {t}, how salty must it be made?",
            ],
            [
                "Put in {m} grams, and no more before it has boiled, {c}. A pinch of {w} helps if it tastes flat.",
                "{M} grams are enough, {c}. Wait until it has boiled before you add any; if the taste is flat, use a "
                "bit "
                "of {w}.",
                "Add {m} grams of it, {c}, and the rest only after boiling. Should it taste flat, a little {w} will "
                "do.",
                "{C}, take {m} grams. Anything further comes after it has boiled, and a pinch of {w} cures a flat "
                "taste.",
            ],
        ),
    ],
    "plant": [
        (
            [
                "Which soil does the {t} like in a {s} place?",
                "What ground is best for the {t} where it is {s}?",
                "My garden is {s}. In what soil should the {t} stand?",
                "What kind of earth do I give the {t} at a {s} spot?",
            ],
            [
                "A {p} one, {c}. Mix in compost every second year and never let it dry out.",
                "{P} ground suits it, {c}; it wants compost once in two years and has to stay moist.",
                "{C}, choose {p} earth. Compost is needed each second year, and water before it gets dry.",
                "It does well in {p} soil, {c}, kept moist, with compost every other year.",
            ],
        ),
        (
            [
                "How high does the {t} grow in {N}?",
                "What height does the {t} reach in {N}?",
                "How tall can the {t} become around {N}?",
                "In {N}, to what size will the {t} grow?",
            ],
            [
                "It grows to {m} centimetres, {c}. In dry years it stays lower and its leaves turn {w}.",
                "Up to {m} centimetres, {c}; when there is little rain it remains smaller, with leaves that become "
                "{w}.",
                "{C}, it gets {m} centimetres tall. Drought keeps it shorter and makes the leaves {w}.",
                "A height of {m} centimetres is usual, {c}. If the year is dry, expect less, and {w} leaves.",
            ],
        ),
        (
            [
                "When should I cut the {t} that is {n} years old?",
                "What is the right week to prune a {t} of {n} years?",
                "My {t} is {n} years old. At what time of the year is it pruned?",
                "In which week do you trim the {t} once it is {n} years old?",
            ],
            [
                "In week {m}, {c}. Cut above the third bud and cover the wound with {w} paste.",
                "Prune it in week {m}, {c}: leave three buds, and put {w} paste on the cut.",
                "{C}, week {m} is best. The cut goes just over the third bud, and {w} paste closes it.",
                "Wait until week {m}, {c}. Three buds stay on, and the cut place is sealed by {w} paste.",
            ],
        ),
    ],
    "rule": [
        (
            [
                "Whom do I ask about the {t} as a {s} employee?",
                "Who answers questions on the {t} for {s} staff?",
                "I am a {s} employee. Who knows about the {t}?",
                "Where do {s} employees get help with the {t}?",
            ],
            [
                "The {p} office, {c}. Come in person, since it does not answer by mail.",
                "Go to the {p} office, {c}; write no mail, they only talk to people who come.",
                "{C}, it is the {p} office that helps, but only those who come by themselves.",
                "Ask at the {p} office, {c}, and go there yourself, because mails are not read.",
            ],
        ),
        (
            [
                "Who can get the {t} in {N}?",
                "Which people are entitled to the {t} in {N}?",
                "What do I need in order to receive the {t} in {N}?",
                "Am I eligible for the {t} if I work in {N}?",
            ],
            [
                "Everybody who has worked here for {m} months, {c}. Hand in the {w} form with your contract.",
                "All who have been employed for at least {m} months, {c}; bring the contract and the {w} form.",
                "{C}, you get it after {m} months of work for us. The {w} form and your contract must be handed in.",
                "You have to have been with us for {m} months, {c}. Apply with the {w} form, and attach your "
                "contract.",
            ],
        ),
        (
            [
                "How much is the {t} for grade {n}?",
                "What sum does the {t} come to in grade {n}?",
                "I am in grade {n}. How high is the {t} for me?",
                "Which amount is paid as {t} to somebody in grade {n}?",
            ],
            [
                "It is {m} euros a year, {c}, and it is paid together with the salary of {w}.",
                "{M} euros each year, {c}. The money comes with the {w} salary.",
                "{C}, you receive {m} euros per year, along with your pay for {w}.",
                "The sum is {m} euros annually, {c}; it arrives with the wages of {w}.",
            ],
        ),
    ],
    "place": [
        (
            [
                "Is the {t} a good place to visit with {s}?",
                "Can I take {s} to the {t}?",
                "Would you go to the {t} together with {s}?",
                "How suitable is the {t} for a trip with {s}?",
            ],
            [
                "It is, {c}, but leave out the {p}, where the stairs are steep and the light is poor.",
                "You can, {c}. Just avoid the {p}: it is dark there and the steps are steep.",
                "{C}, it is fine, apart from the {p} with its steep stairs and bad light.",
                "I would, {c}; only the {p} is no good, being badly lit and up steep stairs.",
            ],
        ),
        (
            [
                "What does a ticket for the {t} in {N} cost?",
                "How much do I pay to enter the {t} in {N}?",
                "What is the entrance fee of the {t} in {N}?",
                "I would like to visit the {t} in {N}. What is the price?",
            ],
            [
                "{M} crowns, {c}. Children under twelve are free, and on {w} everybody pays half.",
                "A ticket is {m} crowns, {c}; half of that on {w}, and nothing for children below the age of twelve.",
                "{C}, you pay {m} crowns. On {w} it is half the price, and those younger than twelve get in free.",
                "The price is {m} crowns, {c}. It is halved on {w}, and kids who are not yet twelve need no ticket.",
            ],
        ),
        (
            [
                "How do I get from the station to the {t} in {N}?",
                "What is the way to the {t} in {N} if I arrive by train?",
                "Which bus goes from the railway station to the {t} in {N}?",
                "I come to {N} by rail. How can I reach the {t}?",
            ],
            [
                "Take bus {m} from the station as far as the {w} stop, {c}, and walk on along the wall.",
                "Bus {m} brings you there from the station, {c}. Get off at the {w} stop and follow the wall on foot.",
                "{C}, bus {m} leaves in front of the station. From the {w} stop you walk beside the wall.",
                "From the station it is bus {m}, {c}; leave it at the {w} stop, then keep to the wall.",
            ],
        ),
    ],
}

CONDITIONS = (
    "in winter as in summer",
    "as long as the weather is dry",
    "if nobody has asked for anything else",
    "on working days at least",
    "whatever the old notice says",
    "provided that it was checked this year",
    "except in the first week of the year",
    "according to the manager",
    "since the rules were changed last spring",
    "even when two people share it",
    "unless the sign at the door is red",
    "for as long as the trial goes on",
)
WORDS = {
    "machine": "green brown mineral synthetic marine",
    "service": "main local network override secrets",
    "dish": "wooden thin metal bamboo long",
    "plant": "yellow brown grey purple pale",
    "rule": "May June October November March",
    "place": "Mondays Tuesdays Thursdays Sundays Fridays",
}
STATES = {
    "machine": "knocking hissing grinding whistling rattling humming",
    "service": "overloaded frozen offline outdated slow locked",
    "dish": "cold hot sliced frozen baked fresh",
    "plant": "shady windy sunny damp rocky sheltered",
    "rule": "new part-time retired seasonal foreign temporary",
    "place": "toddlers dogs wheelchairs pupils seniors strollers",
}
PARTS = {
    "machine": "belt bearing valve filter gear shaft",
    "service": "network storage security release support research",
    "dish": "mustard yoghurt parsley vinegar cheese horseradish",
    "plant": "sandy loamy chalky peaty stony acid",
    "rule": "payroll personnel legal finance union welfare",
    "place": "cellar roof annex tunnel loft basement",
}
SYNONYMS = {
    "about": "approximately",
    "roughly": "more or less",
    "often": "frequently",
    "need": "require",
    "everybody": "everyone",
    "usual": "common",
    "removes": "deletes",
    "enough": "sufficient",
    "best": "ideal",
    "stop": "halt",
    "clean": "spotless",
    "begin": "start",
    "get": "obtain",
    "kids": "children",
    "sum": "amount",
    "permitted": "allowed",
    "greatest": "largest",
    "leaves": "departs",
    "cut": "trim",
    "right": "correct",
    "arrive": "come",
    "edit": "change",
}
CASES: tuple[Callable[[str], str], ...] = (str.upper, str.lower, str.title, str)
SLIPS = ("really", "you know", "well", "again", "just")


class Fact(NamedTuple):
    """One fact, from which a row is made in any of its forms."""

    domain: str
    kind: int
    values: tuple[tuple[str, str], ...]

    def render(self, question: int, answer: int) -> tuple[str, str]:
        """The question and the answer in one of the forms each."""
        questions, answers = FACTS[self.domain][self.kind]
        values = dict(self.values)
        return questions[question].format_map(values), answers[answer].format_map(values)


def make_facts(rng: random.Random) -> Iterator[Fact]:
    """Distinct facts, without end: no two ask the same of the same thing."""
    asked = set()
    while True:
        domain = rng.choice(list(THINGS))
        kind = rng.randrange(len(FACTS[domain]))
        first, nouns = THINGS[domain]
        thing = f"{rng.choice(first.split())} {rng.choice(nouns.split())}"
        name, number = rng.choice(NAMES.split()), str(rng.randint(2, 40))
        forms = " ".join(FACTS[domain][kind][0])
        state, part = (rng.choice(words[domain].split()) for words in (STATES, PARTS))
        given = {"{N}": name, "{n}": number, "{s}": state}
        key = (domain, kind, thing, *(value for slot, value in given.items() if slot in forms))
        if key in asked:
            continue
        asked.add(key)
        condition, value = rng.choice(CONDITIONS), str(rng.randint(2, 999))
        yield Fact(
            domain,
            kind,
            (
                ("t", thing),
                ("N", name),
                ("n", number),
                ("m", value),
                ("M", value),
                ("c", condition),
                ("C", condition[0].upper() + condition[1:]),
                ("w", rng.choice(WORDS[domain].split())),
                ("s", state),
                ("p", part),
                ("P", part.capitalize()),
            ),
        )


def copy_exactly(text: str, rng: random.Random) -> str:
    """The same words in other case and punctuation."""
    change, end = rng.choice(CASES), rng.choice([".", "!", "", " ..."])
    return change(re.sub(r"[.,:;?!]", rng.choice(["", ","]), text)).replace(" ", "  ") + end


def change_words(text: str, rng: random.Random) -> str:
    """About CHANGED of the words, one at least, misspelt, left out or joined by another; numbers and names stay."""
    words = text.split(" ")
    for _ in range(max(1, round(CHANGED * len(words)))):
        places = [i for i, word in enumerate(words) if word.isalpha() and word.islower() and len(word) > 3]
        i = rng.choice(places)
        how = rng.randrange(3)
        if how == 0:
            at = rng.randrange(len(words[i]) - 1)
            words[i] = words[i][:at] + words[i][at + 1] + words[i][at] + words[i][at + 2 :]
        elif how == 1:
            del words[i]
        else:
            words.insert(i, rng.choice(SLIPS))
    return " ".join(words)


def use_synonyms(text: str, rng: random.Random) -> str:
    """Each word of the table replaced or not."""
    return re.sub(
        r"[a-z]+",
        lambda m: SYNONYMS.get(m[0], m[0]) if rng.random() < 0.7 else m[0],
        text,
    )


def make_rows(count: int) -> tuple[list[Example], dict[tuple[str, str], int], list[str]]:
    """Examples in random order, (id, item) of each -> number of its fact, and kind of copy by number of the fact."""
    rng = random.Random(0)
    copies = round(SHARE * count)
    kinds = [kind for kind in KINDS for _ in range(copies)]
    kinds += ["none"] * (count - 2 * len(kinds))
    rows: list[Example] = []
    fact_of: dict[tuple[str, str], int] = {}

    def add(number: int, pair: tuple[str, str]) -> None:
        question, answer = pair
        messages = [Message(role="user", content=question), Message(role="assistant", content=answer)]
        row = Example.of(
            messages, Provenance(item=f"item-{len(rows):06}", start=float(rng.randrange(3600)), method="qa")
        )
        rows.append(row)
        fact_of[row.id, row.provenance.item] = number

    facts = make_facts(rng)
    for number, kind in enumerate(kinds):
        fact = next(facts)
        q, a = rng.randrange(4), rng.randrange(4)
        pair = fact.render(q, a)
        add(number, pair)
        if kind == "exact":
            add(number, (copy_exactly(pair[0], rng), copy_exactly(pair[1], rng)))
        elif kind == "near":
            add(number, (pair[0], change_words(pair[1], rng)))
        elif kind == "paraphrase":
            other = fact.render((q + rng.randint(1, 3)) % 4, (a + rng.randint(1, 3)) % 4)
            add(number, (use_synonyms(other[0], rng), use_synonyms(other[1], rng)))
    rng.shuffle(rows)
    return rows, fact_of, kinds


def split_pair(text: str) -> paraphrases.Pair:
    """`question | answer` as a pair."""
    question, answer = text.split("|")
    return question.strip(), answer.strip()


def try_by_hand() -> None:
    """Print what is found of the hand-written pairs at each threshold."""
    lines = Path(__file__).with_name("paraphrases.txt").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line[:1] in "=!"]
    same = [line[0] == "=" for line in lines]
    first, second = zip(*(map(split_pair, line[1:].split("||")) for line in lines), strict=True)
    similar = np.minimum(
        *(
            embeddings.similarity(*(embeddings.embed([pair[i] for pair in side]) for side in (first, second)))
            for i in (0, 1)
        )
    )
    meanings = paraphrases.Meanings([*first, *second], min(THRESHOLDS))
    alike = meanings.alike(range(len(first)), range(len(first), 2 * len(first)))
    agree = [n + len(first) in (other for _, other in alike.get(n, ())) for n in range(len(first))]
    print(f"by hand: {sum(same)} paraphrases, {len(same) - sum(same)} close but different; found of each")
    for threshold in THRESHOLDS:
        found = [a and s >= threshold for a, s in zip(agree, similar, strict=True)]
        alone = [s >= threshold for s in similar]
        print(
            f"  {threshold:.2f}: {sum(f and s for f, s in zip(found, same, strict=True))} and "
            f"{sum(f and not s for f, s in zip(found, same, strict=True))}; by similarity alone "
            f"{sum(f and s for f, s in zip(alone, same, strict=True))} and "
            f"{sum(f and not s for f, s in zip(alone, same, strict=True))}"
        )


def main(count: int, near: float, least: float | None) -> None:
    """Make the rows, drop the duplicates, and print the figures."""
    if least is not None:
        try_by_hand()
    rows, fact_of, kinds = make_rows(count)
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    kept, decisions = dedupe.drop_duplicates(rows, near=near, semantic=least, ratings={})
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{len(rows)} rows, near {near}, semantic {least}: kept {len(kept)} in {wall:.0f} s ({cpu:.0f} CPU s); peak "
        f"memory {after.ru_maxrss / 1e6:.2f} GB, of which {before.ru_maxrss / 1e6:.2f} before"
    )
    right: Counter[str] = Counter()
    gone: dict[int, Counter[str]] = {}
    for decision in decisions:
        fact = fact_of[decision.id, decision.item]
        is_right = fact == fact_of[str(decision.kept_id), str(decision.kept_item)]
        right[decision.reason] += is_right
        gone.setdefault(fact, Counter())[decision.reason] += is_right
    dropped = Counter(decision.reason for decision in decisions)
    for reason in sorted(dropped):
        share = right[reason] / dropped[reason]
        print(f"  {reason}: {dropped[reason]} dropped, {right[reason]} rightly: precision {share:.4f}")
    for kind in KINDS:
        planted = [number for number, k in enumerate(kinds) if k == kind]
        found = Counter(reason for n in planted for reason, count in gone.get(n, {}).items() if count)
        print(
            f"  {kind}: {len(planted)} planted, {found.total()} found: recall {found.total() / len(planted):.4f} "
            f"({', '.join(f'{reason} {n}' for reason, n in sorted(found.items()))})"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--near", type=float, default=0.8)
    parser.add_argument("--semantic", type=float, default=0.85, help="0 compares no meanings")
    given = parser.parse_args()
    main(given.rows, given.near, given.semantic or None)
