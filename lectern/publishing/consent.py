"""Who has agreed that their words are published, and which licences apply; `push` requires both."""

from collections.abc import Mapping

from lectern.publishing.facts import Facts, Voice
from lectern.settings.publish import Publish

EVERYBODY = "*"


def find(voice: Voice, consent: Mapping[str, str]) -> str | None:
    """How somebody agreed: by name, by all items that they are in, or with everybody; `None` if they did not."""
    if voice.name in consent:
        return consent[voice.name]
    by_item = [consent[item] for item in voice.items if item in consent]
    if by_item and len(by_item) == len(voice.items):
        return "; ".join(dict.fromkeys(by_item))
    return consent.get(EVERYBODY)


def list_missing(facts: Facts, consent: Mapping[str, str]) -> list[str]:
    """The names of the people whose words are in the data and who have not agreed."""
    return [voice.name for voice in facts.voices if find(voice, consent) is None]


def list_unlicensed(facts: Facts) -> list[str]:
    """The items that name no licence."""
    return [source.item for source in facts.sources if not (source.licence or "").strip()]


def list_problems(facts: Facts, chosen: Publish) -> list[str]:
    """Everything that prevents a push, each with its remedy."""
    problems = []
    if missing := list_missing(facts, chosen.consent):
        problems.append(
            f"publish.consent does not say that {_name(missing)} agreed: add them in conf/config.yaml (a name, an "
            "item, or `*`: how and when they agreed) and run `lectern params`"
        )
    if chosen.unlicensed == "refuse" and (unlicensed := list_unlicensed(facts)):
        problems.append(
            f"{_name(unlicensed)} name no licence: add one to the source's metadata, or set publish.unlicensed to allow"
        )
    for repo, name in ((chosen.model_repo, "licence"), (chosen.dataset_repo, "dataset_licence")):
        if repo is not None and not getattr(chosen, name):
            problems.append(f"publish.{name} is empty: state the terms under which {repo} may be used")
    if chosen.model_repo is None and chosen.dataset_repo is None:
        problems.append(
            "publish.model_repo and publish.dataset_repo are empty: set one, such as you/lectern-talks"
        )
    return problems


def _name(names: list[str], shown: int = 6) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(" ".join(name.split())[:80] for name in names[:shown]) + more
