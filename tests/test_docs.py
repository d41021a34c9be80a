"""The documentation says what is so: its links, commands, choices, figures and messages."""

import ast
import difflib
import html.parser
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from lectern.evaluation import reruns
from lectern.tools.main import SUMMARIES
from lectern.tools.reference import __main__ as reference
from lectern.tools.reference import files, picture, pipeline, site

ROOT = Path(__file__).parents[1]
PAGES = [
    Path(path)
    for path in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", *map(str, Path().glob("docs/**/*.md")))
]
GUIDES = sorted({*PAGES, *map(Path, site.PAGES)} - {Path("dev/LOG.md")})
"""All of them with the READMEs below data/ and models/, which are pages of the site too."""
PIPELINE = pipeline.read(Path())
COMMANDS = set(SUMMARIES)
"""Of `lectern`."""
FORMER = COMMANDS - {"check", "completion", "run", "times", "verify"}
"""Those that `make` had, under the same name."""
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(text: str) -> str:
    return BLOCK.sub("", text)


def code(text: str) -> str:
    """What stands in blocks of code and between backticks, a piece a line."""
    return "\n".join([body for _, body in BLOCK.findall(text)] + INLINE.findall(prose(text)))


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^()\s]+)\)", re.sub(r"(?<!\[)`[^`\n]+`", "", prose(read(page))))


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(read(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", GUIDES, ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        if ":" in path:
            continue
        target = Path(site.resolve(path, str(page))) if path else page
        assert target.exists(), f"{page} links to {link}"
        assert not anchor or anchor in anchors(target), f"{page} links to {link}: {sorted(anchors(target))}"


@pytest.mark.parametrize("page", GUIDES, ids=str)
def test_what_belongs_to_a_list_is_indented_as_the_sites_markdown_wants_it(page: Path) -> None:
    # Behind an empty line it wants four spaces, where GitHub's takes two or three; a list would begin anew there.
    text = re.sub(r"^```.*?^```", "", read(page), flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"\n\n {1,3}\S.*", text) == []


@pytest.mark.parametrize("page", GUIDES, ids=str)
def test_every_command_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read(Path("Makefile")), re.MULTILINE))
    written = code(read(page))
    made = set(re.findall(r"(?:^|&& |\$ )make ([a-z-]+)", written, re.MULTILINE))
    called = set(re.findall(r"(?:^|&& |\$ )lectern ([a-z][a-z-]*)", written, re.MULTILINE))
    if page.name != "CHANGELOG.md":  # which names the former ones too
        assert made <= targets - FORMER
    assert called <= COMMANDS


def test_the_readme_is_short_and_begins_with_what_works_at_once() -> None:
    text = read(Path("README.md"))
    assert len(text.splitlines()) <= 150
    first = BLOCK.search(text)
    assert first is not None
    assert re.findall(r"^make (\w+)", first[2], re.MULTILINE) == ["demo", "test"]
    assert "](docs/images/report.png)" in text


def test_the_menu_has_every_page_once() -> None:
    def leaves(entries: Any) -> Iterator[str]:
        for entry in entries:
            for value in entry.values():
                yield from [value] if isinstance(value, str) else leaves(value)

    settings = re.sub(r"!ENV.*", "", read(Path("mkdocs.yml")))
    menu = list(leaves(yaml.safe_load(settings)["nav"]))
    written = {str(page.relative_to("docs")) for page in PAGES if page.is_relative_to("docs")}
    assert sorted(menu) == sorted(written | set(site.PAGES.values()))


@pytest.mark.parametrize("page", GUIDES, ids=str)
def test_every_choice_and_parameter_exists(page: Path) -> None:
    groups = {folder.name for folder in Path("conf").iterdir() if folder.is_dir()} - {"search", "accelerate"}
    params = OmegaConf.load("params.yaml")
    for key, value in re.findall(
        r"(?:^|[\s`'+])([a-z_]+(?:\.[a-z_]+)?)=([\w.-]+)", code(read(page)), re.MULTILINE
    ):
        section, _, name = key.partition(".")
        if key in groups:
            for choice in [value] if "-" in value else value.split(","):
                assert Path(f"conf/{key}/{choice}.yaml").is_file() or choice in ("...", "gpt_9"), (
                    f"{key}={value}"
                )
        elif name and section in groups | set(params):
            assert name in params[section] or section == "comparators", f"{page}: {key}"


def test_every_composition_that_is_shown_composes() -> None:
    from hydra import compose, initialize_config_dir

    shown = {
        line.partition("   ")[0].partition(" && ")[0].replace("$(git rev-parse main)", "4df32fa")
        for page in PAGES
        for _, block in BLOCK.findall(read(page))
        for line in block.splitlines()
        if line.startswith("lectern params")
    }
    overrides = [line.replace("'", "").split()[2:] for line in shown]
    several = [given for given in overrides if len(given) > 1 or any(one.startswith("+") for one in given)]
    assert len(several) >= 6, "of a single choice each, tests/conf composes"
    with initialize_config_dir(str((ROOT / "conf").resolve()), version_base=None):
        for given in several:
            assert compose("config", overrides=given)


@pytest.mark.parametrize("page", GUIDES, ids=str)
def test_every_file_and_name_of_the_code_exists(page: Path) -> None:
    text = prose(read(page))
    for path in re.findall(r"`((?:lectern|stages|conf|tests|notebooks|dev|\.ci)/[\w./-]+)`", text):
        if not re.search(r"(^|/)x(\.py|/|$)", path):
            assert Path(path).exists(), f"{page} names {path}"
    for path in re.findall(r"(?:python -m (?:tests\.[\w.]+)|python tests/[\w/]+\.py)", text):
        words = path.split()
        found = words[1] if words[1] != "-m" else words[2].replace(".", "/") + ".py"
        assert Path(found).is_file(), f"{page} names {path}"
    for name, path in re.findall(r"`(\w+)`\s+(?:in|of|to)\s+`([\w/]+\.py)`", text):
        assert re.search(rf"^(?:def |class |async def )?{name}\b", read(Path(path)), re.MULTILINE), (
            f"{path}: {name}"
        )


# The figures


def committed(path: str) -> Any:
    """A metric of the last commit: what lies in the checkout may be its user's own run."""
    shown = subprocess.run(["git", "show", f"HEAD:{path}"], capture_output=True, text=True, check=True)
    return json.loads(shown.stdout)


@pytest.fixture(scope="module")
def scores() -> Any:
    params = subprocess.run(["git", "show", "HEAD:params.yaml"], capture_output=True, text=True, check=True)
    if yaml.safe_load(params.stdout)["corpus"]["name"] != "demo":
        pytest.skip("the committed run is somebody's own, as the README invites to")
    return reruns.widen(committed("metrics/scores.json"), committed("metrics/noise/seeds.json"))


def show(value: float, decimals: int, sign: str = "") -> str:
    return f"{value:{sign}.{decimals}f}".replace("-", "−")


def write_row(label: str, key: str, decimals: int, scores: Any, *, percent: bool = False) -> str:
    """A line of the README's table."""
    scale, unit, points = (100, " %", " points") if percent else (1, "", "")
    base, tuned = (show(scale * scores[who][key]["value"], decimals) + unit for who in ("base", "tuned"))
    found = scores["difference"][key]
    low, high = (
        show(scale * found[end], decimals, "+") if not found["low"] > 0 > found["high"] else ""
        for end in ("low", "high")
    )
    chance = ", may be chance" if found["low"] <= 0 <= found["high"] else ""
    difference = show(scale * found["value"], decimals, "+") + points
    return f"| {label} | {base} | {tuned} | {difference} | {low} to {high}{points}{chance} |"


def test_the_readmes_table_has_the_figures_of_the_run(scores: Any) -> None:
    true = scores["reference"]
    words, repeated = show(true["words"]["value"], 0), show(100 * true["repetition4"]["value"], 0)
    rows = [
        write_row("negative log-likelihood, nats per token", "nll", 3, scores),
        write_row("ROUGE-1", "rouge1", 3, scores),
        write_row("ROUGE-L", "rougeL", 3, scores),
        write_row("chrF", "chrf", 1, scores),
        write_row("similarity of meanings", "similarity", 3, scores),
        write_row(f"words (true answers: {words})", "words", 0, scores),
        write_row(
            f"repeated runs of four words (true answers: {repeated} %)",
            "repetition4",
            1,
            scores,
            percent=True,
        ),
        write_row("answers that the model ended itself", "finished", 0, scores, percent=True),
    ]
    table = [line for line in read(Path("README.md")).splitlines() if re.match(r"\| .* \d", line)][
        1:
    ]  # without its head
    assert table == rows


def test_the_text_has_the_figures_of_the_run(scores: Any) -> None:
    def value(who: str, key: str, decimals: int = 3, scale: float = 1) -> str:
        return show(scale * abs(scores[who][key]["value"]), decimals)

    low, high = (show(-scores["difference"]["nll"][end], 3) for end in ("high", "low"))
    made, split = committed("metrics/examples.json")["by_method"], committed("metrics/leakage.json")
    questions = made["description_questions"]["rows"]
    talks = sum(split["items"].values())
    heard, export, judge = (committed(f"metrics/{name}.json") for name in ("speech", "export", "judge"))
    pairs = judge["calibration"]["pairs"]

    def share(found: Any) -> str:
        return "{} % ({} to {} %)".format(*(show(100 * found[key], 1) for key in ("value", "low", "high")))

    def tokens(kind: str) -> str:
        among = export[kind]["tokens"]
        return show(100 * round(among * export[kind]["same_tokens"]) / among, 1)

    sentences = {
        "README.md": [
            f"has {questions} questions from {talks} talks, and trains on {split['items']['train']} of the talks",
            f"the {scores['rows']} held-out answers of {scores['recordings']} talks",
        ],
        "docs/did-it-help.md": [
            f"{value('tuned', 'nll')} nats per token against {value('base', 'nll')}, which is "
            f"{value('difference', 'nll')} less (95 % interval {low} to {high})",
            f"it ends {value('tuned', 'finished', 0, 100)} % of its answers itself, the base model "
            f"{value('base', 'finished', 0, 100)} %, and its answers have {value('tuned', 'words', 0)} words instead "
            f"of {value('base', 'words', 0)} (true answers: {value('reference', 'words', 0)})",
            f"ROUGE-L {value('tuned', 'rougeL')} against {value('base', 'rougeL')}",
            f"chrF falls from {value('base', 'chrf', 1)} to {value('tuned', 'chrf', 1)}",
            f"turns with the order in {100 * pairs['flip_rate']['value']:.0f} % of {pairs['judged']} labelled pairs, "
            f"and its kappa is {pairs['kappa']['value']:.0f}",
        ],
        "docs/benchmarks.md": [
            share(heard["wer"]),
            share(heard["der"]),
            f"words with the right speaker in the demo | {100 * heard['word_speaker_accuracy']['value']:.0f} %",
        ],
        "docs/chat-serve-publish.md": [
            f"8-bit file finds {tokens('q8_0')} % of {export['q8_0']['tokens']} tokens",
            f"4-bit file {tokens('q4_k_m')} %",
        ],
    }
    for page, wanted in sentences.items():
        text = " ".join(read(Path(page)).split())
        assert [sentence for sentence in wanted if sentence not in text] == [], page


def test_the_table_of_base_models_is_what_their_files_say() -> None:
    rows = {
        cells[0].strip("` "): [cell.strip() for cell in cells[1:6]]
        for cells in (
            line.strip("|").split("|") for line in read(Path("docs/tune-and-sweep.md")).splitlines()
        )
        if cells[0].strip().startswith("`") and Path(f"conf/base_model/{cells[0].strip('` ')}.yaml").is_file()
    }
    assert set(rows) == {
        path.stem for path in Path("conf/base_model").glob("*.yaml") if "tiny" not in path.stem
    }
    for name, (_, context, *memory) in rows.items():
        text = read(Path(f"conf/base_model/{name}.yaml"))
        assert context == f"{yaml.safe_load(text)['context_length']:,}", name
        for method, shown in zip(("qlora", "lora", "full"), memory, strict=True):
            found = re.search(rf"\b{method} ([\d.]+ GB)", text)
            assert found is not None
            assert f"{shown} GB" == found[1], f"{name}: {method}"


# The messages


@dataclass(frozen=True)
class Template:
    """A string of the code: its literal parts, with anything between them."""

    literals: tuple[str, ...]

    @property
    def shown(self) -> str:
        """For people."""
        return "...".join(self.literals)

    @property
    def length(self) -> int:
        """Characters of the literal parts."""
        return sum(map(len, self.literals))

    def makes(self, text: str, share: float) -> bool:
        """Whether the text can be this string, behind the name of a command, or as the larger end of an error.

        Args:
            text: of a message.
            share: of the text that the literal parts are at least.
        """
        found = self.length / len(text)
        if found < share or not all(literal in text for literal in self.literals):
            return False
        begins = r"(?:[\w./-]+: )*" if found < 0.2 else r"(?:.*[:.] )?"
        between = r"\s*.*?\s*".join(map(re.escape, self.literals))
        return re.fullmatch(rf"{begins}\s*{between}\s*", text, re.DOTALL) is not None


def squeeze(text: str) -> str:
    """With single spaces, and a command's old name as its present one."""
    return re.sub(r"\bmake (" + "|".join(FORMER) + r")\b", r"lectern \1", " ".join(text.split()))


def parts(node: ast.expr) -> list[str | None]:
    """Literal parts of an expression, and None for each value between them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return [part for value in node.values for part in parts(value)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return parts(node.left) + parts(node.right)
    return [None]


def make_template(pieces: list[str | None]) -> Template:
    """The template of a string of the code, from its literal parts and its values."""
    text = "".join("\0" if piece is None else piece for piece in pieces)
    return Template(tuple(squeeze(literal) for literal in re.split("\0+", text)))


def strings(tree: ast.AST) -> Iterator[ast.expr]:
    """The strings of a program, each as a whole."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp) and any(parts(node)):
            yield node
        else:
            yield from strings(node)


@pytest.fixture(scope="module")
def templates() -> list[Template]:
    code = [*Path("lectern").rglob("*.py"), *Path("stages").rglob("*.py")]
    found = [make_template(parts(node)) for path in code for node in strings(ast.parse(read(path)))]
    for path in (Path("Makefile"), Path("lectern/speech/python-whisperx")):
        for said in re.findall(r'echo "(error.*?)"[ ;]', read(path)):
            found.append(make_template([re.sub(r"\$+\([^()]*(\([^()]*\))?[^()]*\)", "\0", said)]))
    return [template for template in found if template.length >= 15]


def messages() -> list[str]:
    return [
        body.strip() for kind, body in BLOCK.findall(read(Path("docs/troubleshooting.md"))) if kind == "text"
    ]


def test_there_are_twenty_errors() -> None:
    assert len(messages()) >= 20


@pytest.mark.parametrize("message", messages(), ids=lambda message: message[:60])
def test_a_message_is_one_that_the_code_prints(message: str, templates: list[Template]) -> None:
    # A stage or command stands before it; values stand between its words; other errors may stand in it as values.
    whole = squeeze(message)
    lines = [squeeze(line.removeprefix("  - ")) for line in message.splitlines()]

    def made(text: str, share: float) -> bool:
        return any(template.makes(text, share) for template in templates)

    if made(whole, 0.2) or all(made(line, 0.08) for line in lines):
        return
    near = max(
        (template for template in templates if template.length >= 30),
        key=lambda template: difflib.SequenceMatcher(None, template.shown, whole[:600]).quick_ratio(),
    )
    pytest.fail(f"no string of the code makes\n  {whole}\nThe nearest one is\n  {near.shown}")


# What is generated, and the site


@pytest.mark.parametrize("path", reference.PAGES)
def test_a_generated_file_is_what_is_generated_now(path: str) -> None:
    assert read(Path(path)) == reference.PAGES[path](PIPELINE), "run `python -m lectern.tools.reference`"


def test_every_stage_has_its_step_and_its_place() -> None:
    names = [stage.name for stage in PIPELINE.stages]
    assert sorted(name for step in pipeline.STEPS.values() for name in step) == sorted(names)
    assert set(picture.PLACES) == set(names)


def test_every_output_and_input_has_a_text_and_no_other_has() -> None:
    texts = files.read_texts()
    assert list(texts["outputs"]) == [path for stage in PIPELINE.stages for path in stage.writes]
    assert sorted(texts["inputs"]) == PIPELINE.list_inputs()


class Needs(html.parser.HTMLParser):
    """Addresses that a browser asks by itself when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("script", "img", "iframe", "source"):
            self.found.append(values.get("src") or "")
        elif tag == "link" and (values.get("rel") or "") not in ("canonical", "next", "prev"):
            self.found.append(values.get("href") or "")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_asks_no_network(built: Path) -> None:
    shown = sorted(built.rglob("*.html"))
    assert len(shown) > len(PAGES)
    for path in shown:
        needs = Needs()
        needs.feed(read(path))
        assert [address for address in needs.found if re.match(r"(https?:)?//", address)] == [], path
    assert not any(re.search(r"url\(['\"]?(https?:)?//", read(path)) for path in built.rglob("*.css"))


def test_pages_outside_the_folder_are_in_the_site(built: Path) -> None:
    corrections = read(built / "speakers-and-review.html")
    assert 'href="data/corrections.html"' in corrections
    assert (built / "data/corrections.html").is_file()
    assert 'src="images/report.png"' in read(built / "index.html")
