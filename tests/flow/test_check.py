"""`newsletter check` as editors, machines and `approve` use it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from newsletter.emails.checks.registry import packaged_checks
from tests.sites import ISSUE, SETTINGS, SiteFolder, site

__all__ = ["site"]

DOCUMENT = Path(__file__).parents[2] / "docs" / "checking.md"
NEWS = Path(__file__).parents[3] / "shared" / "content" / "proud2bops-news.txt"
BAD_LINK = "See [click here](https://www.example.net/x).\n"
OWN_CHECK = """\
from newsletter.emails.checks.problem import Check, Found


def find(checked):
    for post in checked.posts:
        yield Found(post.source.at("title:"), f"{post.title} is about {%s}", "write of something else")


CHECK = Check("topic", "error", find)
"""


def draft(site: SiteFolder, **posts: str) -> str:
    """The draft of 16 November with these posts; one dull post where none is named."""
    for name, text in (posts or {"dull": "Nothing to see here, and nothing wrong with it."}).items():
        site.post(name, text=text)
    issue: str = site.facts("build", "--on", "2023-11-16")["issue"]
    return issue


def checks(site: SiteFolder, *words: str) -> list[str]:
    """The ids of the checks that found something."""
    said = site.run("check", *words, "--json")
    return [problem["check"] for problem in json.loads(said.out)["problems"]]


# --- what is looked at -----------------------------------------------------------------------------------------


def test_a_good_draft_has_no_problem(site: SiteFolder) -> None:
    draft(site, workshop="The workshop opens on Thursday evening, with soup, a fire and the new lathe to try out.")
    text = site.read(f"issues/{ISSUE}/issue.md").replace(
        "preheader: ", "preheader: Soup, a fire and a lathe on Thursday evening, and who is there. #", 1
    )
    site.write(f"issues/{ISSUE}/issue.md", text)

    said = site.run("check", ISSUE)

    assert (said.exit_code, said.out) == (0, f"{ISSUE}: 0 errors, 0 warnings\n")


def test_the_json_is_as_agreed_and_names_post_and_line(site: SiteFolder) -> None:
    draft(site, a=BAD_LINK)

    said = site.run("check", ISSUE, "--json")

    assert said.exit_code == 0
    assert set(said.json) == {"issue", "problems"}
    assert said.json["issue"] == ISSUE
    (problem,) = (one for one in said.json["problems"] if one["check"] == "link-text")
    assert list(problem) == ["check", "level", "where", "message", "fix"]
    assert (problem["level"], problem["where"]) == ("warning", "posts/a.md:5")
    assert "“Title of a”" in problem["message"]


def test_without_a_name_the_next_draft_is_looked_at_else_the_newest_that_is_not_sent(site: SiteFolder) -> None:
    draft(site)
    site.facts("approve", ISSUE, "--yes")
    approved = site.run("check", "--json").json["issue"]
    site.post("later", on="2023-11-17")
    site.facts("build", "--on", "2023-11-23")

    assert approved == ISSUE
    assert site.run("check", "--json").json["issue"] == "weekly-2023-11-23"


def test_an_approved_issue_is_looked_at_as_it_was_frozen(site: SiteFolder) -> None:
    draft(site, a=BAD_LINK)
    site.facts("approve", ISSUE, "--yes")
    before = checks(site, ISSUE)
    site.post("a", text="Now it is a good text without any link in it.")
    site.write("templates/default/issue.mjml.j2", "<mjml><mj-body></mj-body></mjml>")

    assert "link-text" in before
    assert checks(site, ISSUE) == before


def test_what_keeps_an_issue_from_being_rendered_is_a_problem_at_its_place(site: SiteFolder) -> None:
    draft(site)
    site.write("templates/default/parts/footer.mjml.j2", "<mj-section>\n<mj-quote></mj-quote></mj-section>")
    template = site.run("check", ISSUE, "--json")
    site.write(f"issues/{ISSUE}/issue.md", "---\nsubject: [\n---\n")
    issue_file = site.run("check", ISSUE, "--json")

    assert (template.exit_code, issue_file.exit_code) == (1, 1)
    assert template.json["problems"][0]["where"] == "templates/default/parts/footer.mjml.j2:2"
    assert issue_file.json["problems"][0]["where"].startswith(f"issues/{ISSUE}/issue.md:")


def test_a_site_without_issues_is_told_what_to_run(site: SiteFolder) -> None:
    said = site.run("check")

    assert said.exit_code == 2
    assert "newsletter build" in said.err


def test_only_online_are_links_tried_and_never_within_this_machine(site: SiteFolder) -> None:
    draft(site, a="See [the stalls](http://127.0.0.1:9/stalls).\n")

    offline, online = checks(site, ISSUE), site.run("check", ISSUE, "--online")

    assert "link-target" not in offline
    assert online.exit_code == 1
    assert "posts/a.md:5: error: in “Title of a” the link “the stalls”" in online.out
    assert "private network" in online.out


# --- levels ----------------------------------------------------------------------------------------------------


def test_the_site_sets_levels_and_errors_make_the_command_fail(site: SiteFolder) -> None:
    draft(site, a=BAD_LINK)
    site.write("newsletter.toml", SETTINGS + '[checks]\nlink-text = "error"\n')
    failed = site.run("check", ISSUE)
    site.environ["NEWSLETTER_CHECKS__LINK_TEXT"] = "off"
    passed = site.run("check", ISSUE)

    assert failed.exit_code == 1
    assert failed.out.startswith("posts/a.md:5: error: ")
    assert passed.exit_code == 0
    assert "link-text" not in passed.out


def test_a_check_that_does_not_exist_is_told_with_those_that_do(site: SiteFolder) -> None:
    draft(site)
    site.write("newsletter.toml", SETTINGS + '[checks]\ncontrst = "off"\n')

    said = site.run("check", ISSUE)

    assert said.exit_code == 1
    assert "checks.contrst" in said.err
    assert "contrast," in said.err


# --- approve ---------------------------------------------------------------------------------------------------


def test_approve_refuses_on_errors_and_the_draft_stays_one(site: SiteFolder) -> None:
    draft(site, a=BAD_LINK)
    site.write("newsletter.toml", SETTINGS + '[checks]\nlink-text = "error"\n')

    said = site.run("approve", ISSUE, "--yes")

    assert said.exit_code == 1
    assert "posts/a.md:5: in “Title of a” a link says only “click here” [link-text]" in said.err
    assert site.facts("status", ISSUE)["state"] == "draft"
    assert not (site.folder / "issues" / ISSUE / "manifest.json").exists()


def test_approve_lists_the_warnings_and_goes_on(site: SiteFolder) -> None:
    site.write("newsletter.toml", SETTINGS.replace('postal_address = "1 Example Street, London"', ""))
    draft(site)

    said = site.run("approve", ISSUE, "--yes")

    assert said.exit_code == 0
    assert "warning: newsletter.toml:7: there is no postal address" in said.err


# --- for machines ----------------------------------------------------------------------------------------------


def test_annotations_name_file_and_line_as_seen_from_the_working_folder(
    site: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft(site, a="See [100%: click, here](https://www.example.net/x) and [click here](https://www.example.net/y).\n")
    monkeypatch.chdir(site.folder.parent)

    said = site.run("check", ISSUE, "--site", "site", "--format", "github")

    (line,) = (line for line in said.out.splitlines() if "title=link-text" in line)
    assert line.startswith("::warning file=site/posts/a.md,line=5,title=link-text::in “Title of a”")
    assert "\n" not in line


def test_sarif_names_rule_level_file_and_line(site: SiteFolder) -> None:
    draft(site, a=BAD_LINK)

    facts = json.loads(site.run("check", ISSUE, "--format", "sarif").out)

    (run,) = facts["runs"]
    (result,) = (one for one in run["results"] if one["ruleId"] == "link-text")
    place = result["locations"][0]["physicalLocation"]
    assert facts["version"] == "2.1.0"
    assert result["level"] == "warning"
    assert place == {"artifactLocation": {"uri": "posts/a.md"}, "region": {"startLine": 5}}
    assert {one["id"] for one in run["tool"]["driver"]["rules"]} == {one["ruleId"] for one in run["results"]}


# --- a check of one's own --------------------------------------------------------------------------------------


def test_a_check_of_the_sites_own_is_one_file_and_has_a_level(site: SiteFolder) -> None:
    draft(site)
    site.write("checks/topic.py", OWN_CHECK % "post.id")

    as_written = site.run("check", ISSUE)
    site.write("newsletter.toml", SETTINGS + '[checks]\ntopic = "warning"\n')
    as_set = site.run("check", ISSUE)

    assert (as_written.exit_code, as_set.exit_code) == (1, 0)
    assert "posts/dull.md:2: error: Title of dull is about dull [topic]" in as_written.out


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (OWN_CHECK % "nonsense", "checks/topic.py:6: NameError"),
        ("import nonsense_that_is_not_there\n", "checks/topic.py:1: ModuleNotFoundError"),
        ("def find(\n", "checks/topic.py:1: SyntaxError"),
        ("x = 1\n", "checks/topic.py: has no CHECK"),
        (OWN_CHECK.replace('"topic"', '"contrast"') % "post.id", "'contrast' is taken"),
    ],
)
def test_a_mistake_in_a_check_of_the_sites_own_is_told_with_its_line(site: SiteFolder, content: str, says: str) -> None:
    draft(site)
    site.write("checks/topic.py", content)

    said = site.run("check", ISSUE)

    assert said.exit_code == 1
    assert says in said.err
    assert "docs/checking.md" in said.err
    assert "Traceback" not in said.err


def test_python_beside_the_posts_is_never_run(site: SiteFolder) -> None:
    draft(site)
    for folder in ("posts/checks", "templates/checks", f"issues/{ISSUE}/checks"):
        site.write(f"{folder}/topic.py", OWN_CHECK % "post.id")

    assert "topic" not in checks(site, ISSUE)


def test_the_check_in_the_document_works(site: SiteFolder) -> None:
    draft(site)
    site.write("checks/picture.py", DOCUMENT.read_text("utf-8").split("```python\n")[1].split("```")[0])

    assert "picture" in checks(site, ISSUE)


def test_every_check_stands_in_its_document_and_no_other() -> None:
    rows = [line.split("|") for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| `")]

    documented = {row[1].strip(" `"): row[2].strip() for row in rows}

    assert documented == {check.id: check.level for check in packaged_checks()}


# --- no false alarms -------------------------------------------------------------------------------------------


def test_the_demo_has_no_error(site: SiteFolder) -> None:
    assert site.run("demo", "demo").exit_code == 0

    said = site.run("check", "--site", "demo", "--json")

    assert [one["check"] for one in said.json["problems"]] == ["list-headers"], said.out
    assert said.exit_code == 0


@pytest.mark.skipif(not NEWS.is_file(), reason="the real input is not here")
def test_the_real_input_has_no_error(site: SiteFolder) -> None:
    assert site.run("import", "posts", str(NEWS)).exit_code == 0
    issue = site.facts("build", "--on", "2023-11-16")["issue"]

    said = site.run("check", issue, "--json")

    assert [one for one in said.json["problems"] if one["level"] == "error"] == []


def test_awful_posts_have_no_error(site: SiteFolder) -> None:
    columns = "|".join(f" column {number} " for number in range(12))
    draft(
        site,
        long="x" * 300 + " and " + "Donaudampfschifffahrtsgesellschaft" * 9,
        table=f"|{columns}|\n|{'---|' * 12}\n|{columns}|\n",
        arabic="هذا نص طويل باللغة العربية عن السوق الشتوي على ضفة النهر " * 30,
        japanese="冬の市場は川沿いにあります。" * 40,
        code="```\n" + "call(argument_number_one, argument_number_two)  # " * 5 + "\n```\n",
        soup="<table><tr><td><script>x()</script><b onclick='x()'>bold<i>both</b></i><font color=white>pale</font>",
        braces="Write {{ name }} and *|FNAME|* and %recipient.name%, `{{ code }}` too.",
        empty="&nbsp;",
        links="[](https://www.example.net/a) [x](javascript:x()) [y](#z) <https://www.example.net/b>",
        mojibake="<b>unclosed <i>tags <p>everywhere",
    )

    said = site.run("check", ISSUE, "--json")

    assert [one for one in said.json["problems"] if one["level"] == "error"] == []


def test_help_loads_no_check() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from newsletter.cli.edge import app;"
        "assert CliRunner().invoke(app, ['check', '--help']).exit_code == 0;"
        "print([name for name in sys.modules if name.startswith(('newsletter.emails', 'lxml', 'cssselect'))])"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "[]"
