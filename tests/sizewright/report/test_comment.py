"""The comment under a pull request: short, danger first, and inert with any names."""

import re
from html.parser import HTMLParser

import pytest

from sizewright.reading.stack.plan import read_plan
from sizewright.report.change.comment import CUT, LIMIT, comment, safe
from sizewright.review.changes import Effect
from sizewright.review.compare import Change, ResourceChange, ServiceChange
from sizewright.review.review import Review
from tests.sizewright.conftest import ROOT

CHAT = read_plan([ROOT / "tests/workloads/chat.yaml"], ROOT / "Pulumi.dev.yaml").services[0]
BUCKET = "aws:s3/bucket:Bucket"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
GROUP = "aws:eks/nodeGroup:NodeGroup"
HOSTILE = [
    "<script>alert(1)</script>",
    "</code></details><img src=x onerror=alert(1)>",
    "[x](https://example.com) ![y](https://example.com/y.png)",
    "`rm -rf /` $(reboot) ${HOME} ; && | \\",
    "@octocat #1 owner/name#2 :tada: https://example.com www.example.com a@b.example",
    "| a | b |\n|---|---|\n# heading\n- [ ] task\n> [!CAUTION]",
    "--> <!-- sizewright:diff other -->",
    "**bold** _it_ ~~no~~ $x^2$ &amp; &#60;b&#62;",
    "\u202e\x1b[31m\x00 \u2028",
]
TAGS = {"code", "details", "summary"}


class Tags(HTMLParser):
    """Tags and comments of a text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.comments: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert attrs == []

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def changed(
    name: str,
    effect: Effect = Effect.update,
    type_: str = GROUP,
    *leaves: Change,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> ResourceChange:
    return ResourceChange(effect, type_, name, type_ == BUCKET, leaves, before, after)


def answer(
    resources: list[ResourceChange], causes: tuple[Change, ...] = (), name: str = "chat"
) -> Review:
    services = (ServiceChange(name, CHAT, CHAT, causes, ()),)
    return Review(services, tuple(resources), 7, True)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_are_text(hostile: str) -> None:
    leaf = Change(hostile, hostile, f"{hostile}2")
    text = comment(
        answer(
            [changed(hostile, Effect.delete, BUCKET), changed(hostile, Effect.update, GROUP, leaf)],
            (leaf,),
            hostile,
        ),
        hostile,
    )
    seen = Tags(text)
    assert seen.tags <= TAGS
    assert len(seen.comments) == 1
    assert text.startswith("<!-- sizewright:diff ")
    outside = re.sub(r"<code>.*?</code>", "", text.split("\n", 1)[1])
    for sign in ("@", "http", "www.", "`", "$(", "![", "](", ":tada:", "\x1b", "\u202e", "\x00"):
        assert sign not in outside
    inside = "".join(re.findall(r"<code>(.*?)</code>", text))
    for sign in "@`$*_~[]()!|<>\\:^":
        assert sign not in inside
    assert "www." not in inside


def test_code_is_read_back_whole() -> None:
    class Reader(HTMLParser):
        text = ""

        def handle_data(self, data: str) -> None:
            self.text += data

    reader = Reader()
    reader.feed(safe("a<b>&c|d`e @f"))
    reader.close()
    assert reader.text == "a<b>&c|d`e @f"


@pytest.mark.parametrize("lost", [0, 2000])
def test_two_thousand_resources_fit_with_cause_danger_and_counts(lost: int) -> None:
    causes = (Change("traffic.daily_users", 100_000, 130_000),)
    leaf = Change("spec." + "x" * 200, "|" * 300, "<" * 300)
    effect, type_ = (Effect.replace, BUCKET) if lost else (Effect.update, GROUP)
    resources = [changed(f"bucket|{n}" * 9, effect, type_, leaf) for n in range(2000)]
    text = comment(answer(resources, causes), "Pulumi.prod.yaml")
    assert len(text) <= LIMIT
    assert text.endswith(CUT)
    assert (
        "<code>traffic.daily&#95;users</code> | <code>100,000</code> | <code>130,000</code>" in text
    )
    word = "0 updated, 2000 replaced" if lost else "2000 updated, 0 replaced"
    assert f"**Resources**: 0 created, {word}, 0 deleted, 7 unchanged" in text
    assert ("**replace 2000 <code>s3.Bucket</code>**" in text) is bool(lost)
    assert text.count("<details>") == text.count("</details>") > 0


def test_danger_comes_before_cause_and_counts_before_details() -> None:
    text = comment(
        answer(
            [changed("data", Effect.delete, BUCKET), changed("pool")],
            (Change("data.retention_days", 365, 30),),
        ),
        "Pulumi.dev.yaml",
    )
    places = [
        text.index(part)
        for part in ("1 store would be", "[!CAUTION]", "cause", "**Resources**", "<details>")
    ]
    assert places == sorted(places)
    assert "**delete 1 <code>s3.Bucket</code>**: <code>data</code>" in text
    assert "<summary>1 deleted</summary>" in text
    assert "<summary>1 updated</summary>" in text


def test_nothing_changes() -> None:
    text = comment(Review((), (), 130, True), "Pulumi.dev.yaml")
    assert "nothing changes" in text
    assert "130 unchanged" in text


def test_many_services_are_counted() -> None:
    services = tuple(ServiceChange(f"s{n}", None, None, (), ()) for n in range(500))
    text = comment(Review(services, (), 0, True), "Pulumi.dev.yaml")
    assert len(text) <= LIMIT
    assert "And 480 more services" in text


def test_many_long_causes_fit_and_leave_counts_and_verdict_whole() -> None:
    leaf = tuple(Change(f"tags.k{n}|{'|' * 90}", "<" * 3000, ">" * 3000) for n in range(60))
    services = tuple(ServiceChange(f"s{n}", None, CHAT, leaf, ()) for n in range(40))
    rules = [
        changed(
            f"a|{n}", Effect.create, INGRESS, before=None, after={"cidrIpv4": f"192.0.{n}.0/24"}
        )
        for n in range(200)
    ]
    text = comment(Review(services, tuple(rules), 7, True, (), leaf), "Pulumi.dev.yaml")
    assert len(text) <= LIMIT
    assert "### sizewright: ⚠️ the internet gets access" in text
    assert "200 created, 0 updated, 0 replaced, 0 deleted, 7 unchanged" in text
    assert "more dangers" in text
    assert "#### site: cause" in text


def test_a_cause_is_whole_in_the_comment() -> None:
    value = "x" * 1_500
    text = comment(answer([], (Change("model.source.s3.uri", None, value),)), "Pulumi.dev.yaml")
    assert f"| <code>absent</code> | <code>{value}</code> |" in text
