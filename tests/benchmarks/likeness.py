"""How well style alone tells the speaker from others on unseen episodes: the AUC by size of pool, and rival methods.

Run: python -m tests.benchmarks.likeness FOLDER [SPEAKER] [--taught WORDS] [--skip WORDS] [--rivals]

FOLDER holds transcripts with the speakers' names (.vtt, .srt, .json), one file an episode. SPEAKER is the name as the
files write it; without it, the name that most of the files have. Everyone else who is labelled is the others.

Each episode in turn is left out of learning and scored. --taught learns from so many words of either side of an episode
only. --skip leaves out the first and the last words of either side of each episode, because whoever greets and takes
leave is known by that. With --rivals the methods are also chosen and reported on
separate halves of the episodes: within each half every method is learned from all but one of its episodes and scored on
that one, the method with the highest AUC of 300 words is chosen, and on the other half it is reported, learned from all
other episodes.
"""

import argparse
import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from lectern.evaluation import likeness
from lectern.evaluation.bootstrap import Interval
from lectern.evaluation.likeness import Pool, Said, Scored
from lectern.formats import caption_files
from lectern.formats.captions import read_ready
from lectern.text import function_words

SIZES = (20, 50, 100, 300, 600)
CHOSEN_BY = 300
Episodes = Mapping[str, Mapping[bool, Sequence[Said]]]
"""Episode -> what the speaker (True) and the others (False) say."""
Method = Callable[[Sequence[tuple[Sequence[str], bool]], Sequence[Sequence[str]]], Sequence[float]]
"""Takes pieces with their side, and unseen texts; returns a score for each of these."""


def read(folder: Path, speaker: str | None, skip: int = 0) -> Episodes:
    """Read what each side says in each episode. Words whose speaker the file does not name are left out.

    Args:
        folder: the transcripts.
        speaker: the name as the files write it; None takes the name that most files have.
        skip: words left out at the beginning and at the end of each side of an episode.
    """
    turns = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in {".vtt", ".srt", ".json"}:
            ready = read_ready(path, path.stem)
            at, said = 0, []
            for turn in ready.turns:
                text = []
                while at < len(ready.transcript.words) and ready.transcript.words[at].start < turn.end:
                    text.append(ready.transcript.words[at].text)
                    at += 1
                said.append((turn.speaker, " ".join(text)))
            turns[path.stem] = said
    names = Counter(
        name for said in turns.values() for name in {name for name, _ in said} - {caption_files.UNKNOWN}
    )
    name = speaker or names.most_common(1)[0][0]
    episodes = {}
    for item, said in turns.items():
        # One text a side: a sentence goes on in the next turn of the file, which is only a line of a caption.
        sides = {
            True: " ".join(text for who, text in said if who == name),
            False: " ".join(text for who, text in said if who not in (name, caption_files.UNKNOWN)),
        }
        episodes[item] = {
            side: [Said(item, " ".join(text.split()[skip : -skip or None]))] for side, text in sides.items()
        }
    return episodes


def ours(
    episodes: Episodes, size: int, words: int | None = None
) -> tuple[Interval, list[Scored], list[Scored]]:
    """Leave each episode out in turn; return the AUC, and the pools of the speaker and of the others.

    Learned from the first `words` words of either side of each other episode.
    """
    own, others = [], []
    for out, sides in episodes.items():
        taught = {
            side: [
                Said(item, " ".join(one.text.split()[:words]))
                for item in episodes
                if item != out
                for one in episodes[item][side]
            ]
            for side in (True, False)
        }
        learned = likeness.learn(taught[True], taught[False], pool_words=size)
        own += learned.score_pools(sides[True])
        others += learned.score_pools(sides[False])
    return likeness.auc(own, others), own, others


def log_loss(own: Sequence[Scored], others: Sequence[Scored]) -> float:
    """Cross-entropy in bits of the calibrated scores, both sides with equal weight; 1 says as much as a coin."""
    sides = ([one.log_odds for one in own], [-one.log_odds for one in others])
    return sum(float(np.mean(np.logaddexp(0, -np.array(side)))) for side in sides) / 2 / math.log(2)


# The rivals, each from pieces of PIECE words


def keep_list(said: Sequence[str]) -> list[str]:
    return [word if word in function_words.ENGLISH else f"*{word[-function_words.ENDING :]}" for word in said]


def tf_idf(
    analyse: Callable[[Sequence[str]], Sequence[str]], penalty: float = likeness.STRENGTH, scale: bool = False
) -> Method:
    """Logistic regression on tf-idf of what `analyse` finds in a text, standardised if `scale`."""

    def score(
        pieces: Sequence[tuple[Sequence[str], bool]], unseen: Sequence[Sequence[str]]
    ) -> Sequence[float]:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        steps = [TfidfVectorizer(analyzer=analyse, sublinear_tf=True, min_df=3, max_features=8000)]
        steps += [StandardScaler(with_mean=False)] if scale else []
        model = make_pipeline(*steps, LogisticRegression(C=penalty, class_weight="balanced", max_iter=1000))
        model.fit([piece for piece, _ in pieces], [side for _, side in pieces])
        return list(model.decision_function(list(unseen)))

    return score


def cut_characters(said: Sequence[str]) -> list[str]:
    """All runs of 2 to 5 characters."""
    text = f" {' '.join(said)} "
    return [text[at : at + n] for n in range(2, 6) for at in range(len(text) - n + 1)]


def delta(frequent: int, cosine: bool) -> Method:
    """Burrows's Delta (2002) on the most frequent kept words, or its cosine variant (Smith and Aldridge 2011)."""

    def score(
        pieces: Sequence[tuple[Sequence[str], bool]], unseen: Sequence[Sequence[str]]
    ) -> Sequence[float]:
        counts = Counter(word for piece, _ in pieces for word in piece if word in function_words.ENGLISH)
        place = {word: at for at, (word, _) in enumerate(counts.most_common(frequent))}

        def rates(texts: Sequence[Sequence[str]]) -> np.ndarray:
            found = np.zeros((len(texts), len(place)))
            for row, text in enumerate(texts):
                for word in text:
                    if word in place:
                        found[row, place[word]] += 1 / len(text)
            return found

        known, sides = rates([piece for piece, _ in pieces]), np.array([side for _, side in pieces])
        middle, spread = known.mean(axis=0), known.std(axis=0) + 1e-9
        own, others = (((known[sides == side] - middle) / spread).mean(axis=0) for side in (True, False))
        new = (rates(unseen) - middle) / spread
        if cosine:
            new /= np.linalg.norm(new, axis=1, keepdims=True)
            return list(new @ (own / np.linalg.norm(own)) - new @ (others / np.linalg.norm(others)))
        return list(np.abs(new - others).mean(axis=1) - np.abs(new - own).mean(axis=1))

    return score


def chosen(pieces: Sequence[tuple[Sequence[str], bool]], unseen: Sequence[Sequence[str]]) -> Sequence[float]:
    """What `likeness` does, without the calibration, which changes no order within a model."""
    sides = {
        side: [Said("", " ".join(piece)) for piece, whose in pieces if whose is side]
        for side in (True, False)
    }
    fitted = likeness._fit(sides, likeness.PIECE)
    return list(likeness._margins(fitted, unseen))


def masked_characters(
    pieces: Sequence[tuple[Sequence[str], bool]], unseen: Sequence[Sequence[str]]
) -> Sequence[float]:
    """Runs of characters of the text as `likeness` masks it."""
    kept, endings = likeness._keep(
        {side: [list(piece) for piece, whose in pieces if whose is side] for side in (True, False)}
    )

    def analyse(said: Sequence[str]) -> list[str]:
        return cut_characters(function_words.mask_topic(said, kept, endings))

    return tf_idf(analyse)(pieces, unseen)


RIVALS: Mapping[str, Method] = {
    "likeness (words and pairs, masked)": chosen,
    "the list and all endings kept": tf_idf(
        lambda said: [*keep_list(said), *map(" ".join, pairwise(keep_list(said)))]
    ),
    "function words alone": tf_idf(lambda said: [word for word in said if word in function_words.ENGLISH]),
    "function words alone, standardised": tf_idf(
        lambda said: [word for word in said if word in function_words.ENGLISH], 0.01, scale=True
    ),
    "characters, masked as likeness does": masked_characters,
    "characters, all endings kept": tf_idf(lambda said: cut_characters(keep_list(said))),
    "Burrows's Delta, 150 words": delta(150, cosine=False),
    "Burrows's Delta, 300 words": delta(300, cosine=False),
    "cosine Delta, 300 words": delta(300, cosine=True),
}


def score_rival(
    method: Method, episodes: Episodes, learned: Sequence[str], reported: Sequence[str]
) -> dict[int, tuple[list[Scored], list[Scored]]]:
    """Score the pools of each reported episode, learned from the others among `learned`."""
    found: dict[int, tuple[list[Scored], list[Scored]]] = {size: ([], []) for size in SIZES}
    for out in reported:
        pieces = [
            (pool.words, side)
            for side in (True, False)
            for pool in likeness.pools(
                [one for item in learned if item != out for one in episodes[item][side]], likeness.PIECE
            )
        ]
        unseen: list[tuple[int, bool, Pool]] = [
            (size, side, pool)
            for size in SIZES
            for side in (True, False)
            for pool in likeness.pools(episodes[out][side], size)
        ]
        scores = method(pieces, [pool.words for _, _, pool in unseen])
        for (size, side, _), score in zip(unseen, scores, strict=True):
            found[size][0 if side else 1].append(Scored(out, float(score)))
    return found


def show(interval: Interval) -> str:
    bounds = "" if interval.low is None else f" ({interval.low:.3f} to {interval.high:.3f})"
    return f"{interval.value:.3f}{bounds}"


def main(folder: Path, speaker: str | None, taught: int | None, skip: int, rivals: bool) -> None:
    """Print a table by size of pool, and with `rivals` the choice of a method."""
    episodes = read(folder, speaker, skip)
    print(f"{len(episodes)} episodes; each is scored by what was learned from all others")
    print("words  AUC (95 %)                speaker's pools  others'  lowest episode  log loss, bits")
    for size in SIZES:
        if taught and size > taught:
            continue
        area, own, others = ours(episodes, size, taught)
        alone = [
            likeness.auc(
                [one for one in own if one.item == item], [one for one in others if one.item == item]
            ).value
            for item in episodes
        ]
        print(
            f"{size:5}  {show(area):24}  {len(own):15}  {len(others):7}  {np.nanmin(alone):14.3f}"
            f"  {log_loss(own, others):14.3f}",
            flush=True,
        )
    if rivals:
        choose(episodes)


def choose(episodes: Episodes) -> None:
    """Choose a method on each half of the episodes and report it on the other one."""
    items = list(episodes)
    halves = {"even": items[::2], "odd": items[1::2]}
    reports: dict[int, tuple[list[Scored], list[Scored]]] = {size: ([], []) for size in SIZES}
    for name, half in halves.items():
        best: dict[str, float] = {}
        print(f"within the {name} half, AUC of {', '.join(map(str, SIZES))} words")
        for rival, method in RIVALS.items():
            found = score_rival(method, episodes, half, half)
            areas = {size: likeness.auc(*found[size], resamples=1).value for size in SIZES}
            best[rival] = areas[CHOSEN_BY]
            print(f"  {rival:36}", *(f"{area:.3f}" for area in areas.values()), flush=True)
        winner = max(best, key=lambda rival: best[rival])
        other = halves["odd" if name == "even" else "even"]
        print(f"  chosen: {winner}; reported on the other half")
        for size, (own, others) in score_rival(RIVALS[winner], episodes, items, other).items():
            reports[size][0].extend(own)
            reports[size][1].extend(others)
    for size, (own, others) in reports.items():
        print(f"{size:5}  {show(likeness.auc(own, others))}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("speaker", nargs="?")
    parser.add_argument("--taught", type=int, help="words of each side of an episode to learn from")
    parser.add_argument("--skip", type=int, default=0, help="words left out at both ends")
    parser.add_argument("--rivals", action="store_true")
    arguments = parser.parse_args()
    sys.exit(main(arguments.folder, arguments.speaker, arguments.taught, arguments.skip, arguments.rivals))
