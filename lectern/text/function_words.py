"""Keep the words that carry style, and mask those that carry the topic."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import regex

ENDING = 2
"""Letters that a masked word keeps: they tell a past tense from a plural, and hardly one topic from another."""
SHORTEST = 4
"""A masked word with fewer letters keeps none of them, because they would be the whole word."""
MASK, NUMBER = "*", "#"
_DIGIT = regex.compile(r"\p{N}")

_ENGLISH = """
a an the this that these those some any no every each either neither both all half such what which whose
i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers
herself it its itself they them their theirs themselves one oneself who whom whoever whatever whichever someone
somebody something anyone anybody anything everyone everybody everything nobody nothing none other others another
am is are was were be been being have has had having do does did doing done can could may might must shall should
will would ought need dare used cannot can't couldn't won't wouldn't shouldn't mustn't don't doesn't didn't isn't
aren't wasn't weren't hasn't haven't hadn't ain't i'm i've i'd i'll you're you've you'd you'll he's he'd he'll
she's she'd she'll we're we've we'd we'll they're they've they'd they'll it's it'd it'll that's that'll that'd
there's there'll here's what's who's where's how's when's why's let's let
about above across after against along alongside amid among around as at before behind below beneath beside
besides between beyond by despite down during except for from in inside into like near of off on onto out outside
over past per since than through throughout till to toward towards under until up upon via with within without
and or but nor so yet if unless because although though while whereas whether when whenever where wherever why how
once not never ever always often sometimes usually rarely seldom again already still just only even also too very
quite rather almost enough much many more most less least few fewer several little lot lots bit kind sort really
actually basically literally simply probably perhaps maybe possibly certainly definitely surely obviously clearly
course indeed anyway however therefore thus hence moreover furthermore nevertheless nonetheless otherwise instead
meanwhile then now here there well oh ah yeah yes okay ok right um uh hmm mm mean know think guess say says said
see look go going gonna wanna gotta get gets got getting make makes made take come goes went want thing things way
ways stuff ones first second last next same different own else back away together apart ahead especially
particularly generally essentially exactly pretty somewhat somehow somewhere anywhere everywhere nowhere today
soon later earlier ago etc two three time times overall additionally finally specifically ultimately similarly
consequently
"""
ENGLISH = frozenset(_ENGLISH.split())
"""English function words, and the adverbs and verbs that fill speech whatever it is about; as `text.words` splits."""


def mask_topic(words: Sequence[str], kept: Collection[str], endings: Collection[str] = ()) -> list[str]:
    """Replace each word that is not `kept` by a mask, with its ending if that is one of `endings`; a number by `#`.

    This is text distortion (Stamatatos 2017, "Authorship attribution using text distortion", EACL), which masks all but
    frequent words; the ending is added.

    Args:
        words: as `text.words` splits them.
        kept: the words that stay as they are. Membership is asked for each word, so a set is quick.
        endings: the endings that stay, as `find_endings` finds them.
    """
    return [word if word in kept else _mask(word, endings) for word in words]


def find_endings(words: Iterable[str], least: int) -> set[str]:
    """Return the endings that at least `least` different words have: fewer might be those of one topic."""
    counts = Counter(word[-ENDING:] for word in set(words) if len(word) >= SHORTEST)
    return {ending for ending, count in counts.items() if count >= least}


def _mask(word: str, endings: Collection[str]) -> str:
    if _DIGIT.search(word):
        return NUMBER
    ending = word[-ENDING:]
    return MASK + (ending if len(word) >= SHORTEST and ending in endings else "")
