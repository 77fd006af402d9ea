"""The wheel holds all that the command needs, and nothing of the checkout is needed beside it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from newsletter.cli.overview import COMMANDS

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_templates_and_sample_posts_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    for wanted in (
        "newsletter/packaged/templates/default/issue.mjml.j2",
        "newsletter/packaged/templates/web/base.html.j2",
        "newsletter/packaged/templates/preview/issue.html.j2",
        "newsletter/packaged/templates/preview/static/desk.js",
        "newsletter/packaged/posts/new-lathe.md",
        "newsletter/packaged/newsletter.toml",
        "newsletter/store/migrations/versions/0001_first_tables.py",
        "newsletter/posts/closing_headings.txt",
        "newsletter/emails/mjml_tags.json",
        "newsletter/py.typed",
        "scheduler/tick.py",
    ):
        assert wanted in names
    assert not [name for name in names if name.startswith(("tests/", "posts/", "templates/"))]


def test_the_installed_command_does_the_main_job_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "site-packages"
    zipfile.ZipFile(wheel).extractall(installed)
    program = f"import sys; sys.path.insert(0, {str(installed)!r}); from newsletter.cli.main import main; main()"

    done = subprocess.run(
        [sys.executable, "-c", program, "demo", "site"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "sent: 3 of 3" in done.stdout
    assert len(list((tmp_path / "site" / "outbox").rglob("*.eml"))) == 3


# --- what is loaded -------------------------------------------------------------------------------------------

HEAVY = frozenset(
    {"pydantic", "sqlalchemy", "jinja2", "premailer", "requests", "apscheduler", "rich", "lxml", "yaml", "fastapi"}
    | {"watchfiles", "cssselect", "zoneinfo"}
)


def loaded_by(*arguments: str) -> set[str]:
    """What the command imports, as modules."""
    program = (
        "import atexit, sys; before = set(sys.modules)\n"
        "atexit.register(lambda: print(*(set(sys.modules) - before), file=sys.stderr))\n"
        "from newsletter.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_answer_without_loading_any_library(option: str) -> None:
    loaded = loaded_by(option)

    ours = {name for name in loaded if name.startswith("newsletter.cli.")}
    assert packages(loaded) - sys.stdlib_module_names == {"newsletter"}
    assert ours == {"newsletter.cli.main", "newsletter.cli.overview"}


@pytest.mark.parametrize(
    ("command", "module"), [("status", "sending"), ("check", "check"), ("subscribers list", "subscribers")]
)
def test_help_of_a_command_loads_its_own_file_and_nothing_heavy(command: str, module: str) -> None:
    loaded = loaded_by(*command.split(), "--help")

    assert {file for file, _ in COMMANDS.values() if f"newsletter.cli.{file}" in loaded} == {module}
    assert not packages(loaded) & HEAVY
