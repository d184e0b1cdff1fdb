"""The samples of the documents: each is part of a test that runs it, or read by what will read it.

Python, XML and SQL samples are pieces of the addons ``queue_job_guide`` and ``queue_job_migration`` in ``tests/addons``,
line by line (one is of an e2e test).
Configurations go through the parsers of the runner. Of commands, the program and the options have to exist.
"""

import ast
import configparser
import inspect
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from odoo.addons.queue_job.core.channel_manager import ChannelManager
from odoo.addons.queue_job.core.runner_config import RunnerConfig, resolve
from odoo.addons.queue_job.core.states import STATES

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = (
    "README.rst",
    "docs/guide.rst",
    "docs/operating.rst",
    "docs/coming_from_connector.rst",
    "docs/coming_from_job_worker.rst",
    "benchmarks/README.rst",
)
GUIDE_ADDON = "tests/addons/queue_job_guide"
MIGRATION_ADDON = "tests/addons/queue_job_migration"
SAMPLE_FILES = {
    "python": (
        f"{GUIDE_ADDON}/models/*.py",
        f"{GUIDE_ADDON}/tests/*.py",
        f"{MIGRATION_ADDON}/models/*.py",
        f"{MIGRATION_ADDON}/tests/*.py",
        "tests/e2e/test_operating_guide.py",
    ),
    "xml": (
        f"{GUIDE_ADDON}/data/*.xml",
        f"{GUIDE_ADDON}/views/*.xml",
        f"{MIGRATION_ADDON}/data/*.xml",
    ),
    "sql": (f"{GUIDE_ADDON}/tests/*.py",),
}
#: Long and short options of Odoo's own that the documents use.
ODOO_OPTIONS = {"-c", "-d", "-i", "-u", "--addons-path", "--stop-after-init"}
RUNNER_OPTIONS = {
    *("channels", "scheme", "host", "port", "http_auth_user", "http_auth_password"),
    *("poll_only", "health_file"),
    *(f"jobrunner_db_{name}" for name in ("host", "port", "user", "password")),
}
PROGRAM_FILES = {
    "bin/bench": ("bin/bench", "benchmarks/options.py"),
    "bin/demo": ("bin/demo",),
    "bin/test": ("bin/test", "tools/run_tests.py"),
    "odoo": ("queue_job/cli/jobrunner.py",),
}


@dataclass(frozen=True)
class Block:
    document: str
    line: int
    language: str
    text: str

    def __str__(self):
        return f"{self.document}:{self.line}"


def blocks(document):
    """Yield the literal blocks of a document; those after ``::`` have the language ``shell``."""
    lines = (REPOSITORY / document).read_text().splitlines()
    for number, line in enumerate(lines):
        directive = re.fullmatch(r"( *)\.\. code-block:: (\w+)", line)
        if directive:
            indent, language = len(directive[1]), directive[2]
        elif line.endswith("::"):
            indent, language = len(line) - len(line.lstrip()), "shell"
        else:
            continue
        text = textwrap.dedent("\n".join(_indented(lines[number + 1 :], indent))).strip("\n")
        yield Block(document, number + 1, language, text)


def _indented(lines, indent):
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            return
        yield line


ALL = [block for document in DOCUMENTS for block in blocks(document)]


def of(*languages):
    found = [block for block in ALL if block.language in languages]
    return pytest.mark.parametrize("block", found, ids=map(str, found))


def contains(text, sample):
    """Whether the lines of ``sample`` are in ``text``, one after the other, at any indentation."""
    lines, wanted = text.splitlines(), sample.splitlines()
    return any(
        textwrap.dedent("\n".join(lines[start : start + len(wanted)])).splitlines() == wanted
        for start, line in enumerate(lines)
        if line.strip() == wanted[0].strip()
    )


def test_every_language_has_a_check():
    assert {block.language for block in ALL} <= {*SAMPLE_FILES, "ini", "text", "shell"}
    assert len(ALL) > 40


@of(*SAMPLE_FILES)
def test_sample_is_in_a_test(block):
    files = [path for glob in SAMPLE_FILES[block.language] for path in REPOSITORY.glob(glob)]
    assert any(contains(path.read_text(), block.text) for path in files), block.text


def test_a_changed_sample_is_found():
    assert contains("a\n  b\n    c\n", "b\n  c")
    assert not contains("a\n  b\n    c\n", "b\n  d")


@of("ini")
def test_configuration(block):
    parser = configparser.RawConfigParser()
    parser.read_string(block.text)
    assert set(parser.sections()) <= {"options", "queue_job"}
    section = dict(parser["queue_job"]) if parser.has_section("queue_job") else {}
    assert set(section) <= RUNNER_OPTIONS
    config = resolve({}, section, dict(parser["options"]) if "options" in parser else {})
    assert config.channels


@of("text")
def test_channels(block):
    ChannelManager().simple_configure(block.text)


@of("shell")
def test_commands(block):
    for line in block.text.splitlines():
        command = re.sub(r"^(\w+=\S+ )+", "", line.partition("#")[0]).split()
        if not command:
            continue
        program, *arguments = command
        assert program in {*PROGRAM_FILES, "pip", "docker"}, line
        if program not in PROGRAM_FILES:
            continue
        own = "".join((REPOSITORY / name).read_text() for name in PROGRAM_FILES[program])
        for option in (argument.partition("=")[0] for argument in arguments):
            if option.startswith("-") and option != "--":
                known = option in ODOO_OPTIONS if program == "odoo" else False
                assert known or f'"{option}"' in own or f"{option})" in own, line
        for tier in arguments if program == "bin/test" else ():
            if tier == "--":
                break
            assert (REPOSITORY / "tests" / tier).is_dir() or tier == "odoo", line
        if program == "odoo" and arguments and not arguments[0].startswith("-"):
            assert arguments[0] == "jobrunner", line


# -- what docs/operating.rst lists


OPERATING = (REPOSITORY / "docs/operating.rst").read_text()


def test_environment_variables():
    """All that are listed change the configuration, and none is missing."""
    listed = set(re.findall(r"ODOO_QUEUE_JOB_[A-Z_]+[A-Z]", OPERATING))
    values = {"CHANNELS": "root:7", "SCHEME": "https", "PORT": "7", "POLL_ONLY": "1"}
    for name in listed:
        key = name.removeprefix("ODOO_QUEUE_JOB_")
        assert resolve({name: values.get(key, "other")}, {}, {}) != RunnerConfig(), name
    assert listed == {f"ODOO_QUEUE_JOB_{name.upper()}" for name in RUNNER_OPTIONS}


def test_states():
    assert all(f"``{state}``" in OPERATING for state, _label in STATES)


def logged_texts():
    """The constant strings of what runs and executes jobs, with ``…`` for what is put into them."""
    paths = [*(REPOSITORY / "queue_job" / "jobrunner").glob("*.py")]
    paths += [
        REPOSITORY / "queue_job" / name
        for name in (
            *("acquisition.py", "next_claim.py", "settlement.py", "slot_cursor.py"),
            *("controllers/main.py", "sql/gate.py"),
        )
    ]
    texts = []
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = (getattr(part, "value", None) for part in node.values)
                texts.append("".join(part if isinstance(part, str) else "…" for part in parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value.replace("%s", "…"))
    return texts


LOGGED = re.findall(r"^``([^`]+)``$", OPERATING, re.MULTILINE)


def test_the_log_is_explained():
    assert len(LOGGED) > 8


@pytest.mark.parametrize("text", LOGGED)
def test_logged(text):
    assert any(text in known for known in logged_texts()), text


URLS = re.findall(r"``(/queue_job/create_test_job\S*)``", OPERATING)


def test_urls_are_tried():
    tried = (REPOSITORY / GUIDE_ADDON / "tests" / "test_operating.py").read_text()
    assert URLS
    assert all(f'"{url}"' in tried for url in URLS)


@pytest.mark.parametrize("url", URLS)
def test_url_parameters(url):
    tree = ast.parse((REPOSITORY / "queue_job/controllers/demo.py").read_text())
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    known = {argument.arg for argument in functions["create_test_job"].args.args}
    assert {name for name, _value in parse_qsl(urlsplit(url).query)} <= known


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links(document):
    """Links lead to files of the repository, or to sections of the document."""
    path = REPOSITORY / document
    text = path.read_text()
    for target in re.findall(r"`(?:[^`<]* )?<([^>`]+)>`_", text):
        assert (path.parent / target).exists(), target
    titles = set(re.findall(r"^(.+)\n[=-]{3,}$", text, re.MULTILINE))
    named = re.findall(r"(?<!`)`([^`<>]+)`_(?!_)", text) + re.findall(r"\b([A-Z]\w+)_\b", text)
    assert {inspect.cleandoc(name) for name in named} <= titles


def test_each_fault_has_the_test_that_is_named():
    """The table of ``tests/faults/README.rst`` is complete, and names what is there."""
    faults = REPOSITORY / "tests/faults"
    table = (faults / "README.rst").read_text()
    named = re.findall(r"``(test_\w+\.py)`` +``(test_\w+)``", table)
    assert len(named) > 40
    for file, test in named:
        assert f"def {test}(" in (faults / file).read_text(), f"{file}: {test}"
    assert {file for file, _test in named} == {path.name for path in faults.glob("test_*.py")}
