"""What the site says of the project is made from the project: senses, options, choices, sources.

Mkdocs calls `on_files` and `on_page_markdown` (see `mkdocs.yml`). A comment in a page,
`<!-- made: senses trip -->`, stands where something is made; the functions of `MADE` make it.
"""

import html
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from pathlib import Path

from hydra import compose, initialize_config_module
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from omegaconf import OmegaConf

from envs.engine.spec import Column, WorldSpec, find, words_of
from experiments.running.options import option_rows
from experiments.running.schema import SCHEMAS, register

ROOT = Path(__file__).resolve().parent.parent
MARK = re.compile(r"^<!-- made: (\w+)((?: [\w./]+)*) -->$", re.MULTILINE)
UPWARDS = re.compile(r"\]\((\.\./[^)#]+)\)")
LOCAL = re.compile(r"!?\[([^]]+)\]\((?!https?:)[^)]*\)")
LANGUAGES = {".py": "python", ".yaml": "yaml", ".json": "json", ".toml": "toml"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each file of the repository, outside of `docs/`, that a page links to."""
    pages = [file for file in files if file.is_documentation_page()]
    links = [
        (file.src_uri, link) for file in pages for link in UPWARDS.findall(file.content_string)
    ]
    for path in sorted({outside(*link) for link in links} - {""}):
        files.append(File.generated(config, f"source/{path}.md", content=source_page(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put in what is made, and lead links out of `docs/` to the pages of `on_files`."""
    here = page.file.src_uri

    def led(link: re.Match[str]) -> str:
        path = outside(here, link[1])
        to = posixpath.relpath(f"source/{path}.md", posixpath.dirname(here) or ".")
        return f"]({to})" if path else link[0]

    markdown = UPWARDS.sub(led, markdown)
    return MARK.sub(lambda mark: MADE[mark[1]](*mark[2].split()), markdown)


def outside(page: str, link: str) -> str:
    """Return the path in the repository that a page links to; empty if it is in `docs/`."""
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link))
    return "" if path.startswith("docs/") else path


def source_page(path: str) -> str:
    """Return a page that shows a file of the repository."""
    if path.endswith(".md"):
        text = (ROOT / path).read_text("utf-8")
        return LOCAL.sub(r"\1", text)  # its links lead to what is not on the site
    return f"# {path}\n\n{source(path)}\n"


def source(path: str) -> str:
    """Return a file of the repository as a block of code."""
    text = (ROOT / path).read_text("utf-8")
    return f"````{LANGUAGES.get(Path(path).suffix, 'text')}\n{text.rstrip()}\n````"


# ---- What is made ----


def senses(world: str) -> str:
    """Return the table of all that a body senses in a world, number by number."""
    spec = find(world)
    rows = [row for sense, some in spec.columns.items() for row in _sense_rows(sense, some)]
    return f"{_images(spec)}\n\n{table(('Sense', 'Index', 'Name', 'Range', 'At rest'), rows)}"


def words(world: str) -> str:
    """Return what there is to do, to see and to happen in a world, in words."""
    spec = find(world)
    named = {
        "Motor commands": spec.action_names,
        "Skills of its bodies": spec.skills,
        "Missions": spec.missions,
        "Objects": spec.objects,
        "Colors": spec.colors,
        "Events": _happening(spec.events),
        "Causes of events": _happening(spec.causes),
    }
    return table(("There are", "Which"), [(name, ", ".join(some)) for name, some in named.items()])


def options() -> str:
    """Return the options of each command, with its examples."""
    return "\n\n".join(command_options(command) for command in SCHEMAS)


def command_options(command: str) -> str:
    """Return the options of one command, under the heading that its help begins with."""
    register(command)
    with initialize_config_module("configs", version_base="1.3"):
        config = compose(command, return_hydra_config=True)
    hydra = OmegaConf.to_container(config.hydra.help, resolve=False)
    assert isinstance(hydra, dict)
    said = hydra["template"].partition("What can be")[0].rstrip()
    (module,) = re.findall(r"python -m (experiments\.[\w.]+)", said)[:1]
    rows = [
        (f"`{name}`", kind, _code(value), text)
        for name, kind, value, text in option_rows(SCHEMAS[command], config)
    ]
    listed = table(("Option", "Type", "Default", "Meaning"), rows)
    return f"## {module.removeprefix('experiments.')}\n\n```text\n{said}\n```\n\n{listed}"


def _code(value: str) -> str:
    """Return a value as code that may be broken after a comma."""
    return f"<code>{html.escape(value).replace(',', ',<wbr>')}</code>" if value else ""


def choices() -> str:
    """Return each configuration that can be chosen, by group, as it is written."""
    groups: dict[str, list[Path]] = {}
    for path in sorted((ROOT / "configs").glob("*/**/*.yaml")):
        group = path.parent.relative_to(ROOT / "configs").as_posix()
        groups.setdefault(group, []).append(path)
    return "\n\n".join(
        f"## {group}\n\n" + "\n\n".join(map(_choice, paths)) for group, paths in groups.items()
    )


MADE: dict[str, Callable[..., str]] = {
    "senses": senses, "words": words, "options": options, "choices": choices, "source": source,
}  # fmt: skip


def _images(spec: WorldSpec) -> str:
    space = spec.observation_space()
    image, mission, clock = (space[name] for name in ("image", "mission", "clock"))
    rows = [
        ("`image`", image.shape, image.dtype, "7x7 cells ahead: object, color, state of each"),
        *(
            (f"`{sense}`", (len(some),), "float32", "as in the table below")
            for sense, some in spec.columns.items()
        ),
        ("`mission`", mission.shape, mission.dtype, "what is asked; `mission_words` of the spec"),
        ("`clock`", clock.shape, clock.dtype, "ticks since the episode began"),
    ]
    return table(("Key", "Shape", "Type", "What"), rows)


def _sense_rows(sense: str, some: Sequence[Column]) -> Iterator[tuple[object, ...]]:
    for index, one in enumerate(some):
        unit = f" {one.unit}" if one.unit else ""
        rest = f"{one.rest:g}" if one.varies else f"{one.rest:g}, always"
        yield f"`{sense}`", index, f"`{one.name}`", f"{one.low:g} to {one.high:g}{unit}", rest


def _happening(kinds: type[IntEnum]) -> tuple[str, ...]:
    return tuple(word for word in words_of(kinds) if word != "none")


def _choice(path: Path) -> str:
    text = path.read_text("utf-8").rstrip()
    about = next((line for line in text.splitlines() if re.match(r"# (?!@)", line)), "# ")
    code = f"```yaml\n{text}\n```".replace("\n", "\n    ")
    title = f"`{path.stem}`: {about[2:]}".replace('"', "'")
    return f'??? note "{title}"\n    {code}'


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
