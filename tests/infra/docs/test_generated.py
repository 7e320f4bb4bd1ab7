"""Generated parts are as the code and the measurements have them; nothing that is measured is written by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anonymizer.config import RunConfig, fields_of
from anonymizer.lake.manifest import SCHEMA
from infra.docs.generate import __main__ as command
from infra.docs.generate import command_line, figures, live, markers, pages, reference
from infra.docs.generate.figures import FORMS, Measurement
from infra.proof.machine import processor

ROOT = Path(__file__).parents[3]
PAGES = [str(page.relative_to(ROOT)) for page in pages.pages()]
KNOWN = figures.load()
MEASURED = re.compile(r"\d[\d.,]*(?:\s|\u00a0)?%|\b0\.\d{2,}\b|\b\d[\d,]* of \d[\d,]*|[\d.,]+ (?:img|images)/s")
#: Numbers that are no measurement: how it is measured, and how sure an interval is.
BY_HAND = {
    "README.md": set(),
    "infra/docs/threat-model.md": {"80 %", "0.017"},
    "infra/docs/model-card.md": {"80 %", "16 %", "95 %", "40 %"},
}


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


class TestPages:
    @pytest.mark.parametrize("page", PAGES)
    def test_is_up_to_date_and_stays_so(self, page: str) -> None:
        made = pages.written(text_of(page), KNOWN, is_live=False)
        assert made == text_of(page), "run `make docs`"
        assert pages.written(made, KNOWN, is_live=False) == made

    def test_a_stale_page_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        page = tmp_path / "a.md"
        page.write_text("<!-- generated: settings -->\nold\n<!-- /generated -->\n", encoding="utf-8")
        monkeypatch.setattr(pages, "pages", lambda: [page])
        monkeypatch.setattr(command, "ROOT", tmp_path)
        assert command.main(["--check"]) == 1
        assert capsys.readouterr().out == "a.md is stale: run `make docs`\n"
        page.write_text(pages.written(page.read_text(encoding="utf-8"), KNOWN, is_live=False), encoding="utf-8")
        assert command.main(["--check"]) == 0

    def test_every_part_stands_somewhere(self) -> None:
        there = {name for page in PAGES for name, _ in markers.bodies(text_of(page))}
        assert there == {*pages.PARTS, *pages.LIVE, *pages.measured_parts()}

    @pytest.mark.parametrize(
        "text", ["<!-- generated: no-such-part -->\n<!-- /generated -->", "<!-- figure: a.b --><!-- / -->"]
    )
    def test_an_unknown_name_is_an_error(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"no-such-part|no figure a\.b"):
            pages.written(text, KNOWN, is_live=False)

    def test_what_is_not_installed_leaves_the_part_as_it_is(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def absent() -> str:
            raise live.Unavailable("needs a tool")

        monkeypatch.setattr(pages, "LIVE", {"formats": absent})
        text = "<!-- generated: formats -->\nas it was\n<!-- /generated -->"
        assert pages.written(text, KNOWN, is_live=True) == text
        assert "needs a tool" in capsys.readouterr().err


class TestMarkers:
    def test_blocks_and_figures_are_put_in(self) -> None:
        text = (
            "a <!-- figure: m.x -->1<!-- / --> b\n<!-- generated: t -->\nold\n<!-- /generated -->\n"
            "end <!-- figure(made): m --><!-- / -->"
        )
        made = markers.rewritten(text, lambda name, body: f"{name} {body}", lambda name, form: f"{form} {name}")
        assert made.splitlines() == [
            "a <!-- figure: m.x -->plain m.x<!-- / --> b",
            *("<!-- generated: t -->", "t old", "<!-- /generated -->"),
            "end <!-- figure(made): m -->made m<!-- / -->",
        ]
        assert markers.without(made) == "a  b\n\nend "
        assert list(markers.figures(made)) == [("m.x", "plain", "plain m.x"), ("m", "made", "made m")]

    @pytest.mark.parametrize(
        "text",
        [
            *("<!-- generated: a -->\n", "<!-- /generated -->", "  <!-- generated: a -->\n<!-- /generated -->"),
            *("<!-- figure: a.b -->1", "1<!-- / -->", "<!-- figures: a.b -->1<!-- / -->"),
        ],
    )
    def test_a_marker_without_its_partner_is_an_error(self, text: str) -> None:
        with pytest.raises(ValueError, match="without its partner"):
            markers.rewritten(text, lambda *_: "", lambda *_: "")


class TestFigures:
    def test_forms(self) -> None:
        share = {"hits": 2621, "of": 2715, "low": 0.952, "high": 0.976}
        assert {form: show(share) for form, show in FORMS.items()} == {
            "plain": "96.5 %",
            "percent": "96.5 %",
            "counts": "2,621 of 2,715",
            "fraction": "0.965",
            "interval": "0.965 [0.952, 0.976] of 2715",
        }
        rounds = {"median": 1.061, "least": 1.0, "most": 1.2, "unit": "s", "target": None}
        plain = FORMS["plain"]
        assert [plain(one) for one in (rounds, 12345.6, "text", {"value": 0.5, "low": 0, "high": 1})] == [
            *("1.06 s", "12,346", "text", "0.500"),
        ]

    def test_what_is_kept_comes_back_with_its_date_and_processor(self, tmp_path: Path) -> None:
        file = tmp_path / "figures.json"
        file.write_text("{}")
        figures.save("m", "make it", {"x": 3}, "a note", file=file)
        kept = figures.load(file)
        assert figures.shown("m.x", "plain", kept) == "3"
        assert figures.shown("m", "made", kept).endswith("; a note")
        assert processor() in kept["m"].made
        with pytest.raises(ValueError, match="no form words"):
            figures.shown("m.x", "words", kept)

    def test_older_figures_say_that_nobody_wrote_the_processor_down(self) -> None:
        old = Measurement("make it", "2026-01-02", "", {})
        assert old.made == "`make it`, 2026-01-02, processor not recorded"
        assert figures.when({"a": old, "b": old}) == "- Measured 2026-01-02, processor not recorded: all lines."

    @pytest.mark.parametrize("name", KNOWN)
    def test_every_measurement_says_how_and_when(self, name: str) -> None:
        assert KNOWN[name].command
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", KNOWN[name].date)


class TestByHand:
    @pytest.mark.parametrize("page", BY_HAND)
    def test_no_figure_but_through_a_marker(self, page: str) -> None:
        found = {one.strip(" .,") for one in MEASURED.findall(markers.without(text_of(page)))}
        assert found - BY_HAND[page] == set(), "quote it through a marker"

    @pytest.mark.parametrize("page", PAGES)
    def test_no_share_of_a_preset_is_repeated_by_hand(self, page: str) -> None:
        left = markers.without(text_of(page))
        for name, one in KNOWN["detection"].values.items():
            if name.endswith((".recall20", ".complete", ".touched")):
                exact = f"{one['hits'] / one['of']:.4f}"
                for shown in (FORMS["counts"](one), f"{one['hits']}/{one['of']}", FORMS["plain"](one), exact):
                    assert not re.search(rf"(?<![\d.]){re.escape(shown)}(?!\d)", left), (name, shown)

    def test_the_headline_is_the_same_everywhere(self) -> None:
        wanted = {"README.md", "infra/docs/threat-model.md"}
        for name in ("detection.wider_val.balanced.recall20", "detection.nonface.balanced.touched"):
            assert wanted <= {page for page in PAGES if name in {one for one, _, _ in markers.figures(text_of(page))}}


class TestReference:
    def test_every_setting(self) -> None:
        shown = re.findall(r"^\| `([a-z_.]+)` \|", reference.settings(), re.MULTILINE)
        assert shown == [name for name, _, _ in fields_of(RunConfig)]

    def test_every_column_with_its_type(self) -> None:
        lines = [[cell.strip(" `") for cell in line.split("|")[1:4]] for line in reference.columns().splitlines()[2:]]
        assert [name for name, _, _ in lines] == ["run_id", *SCHEMA.names]
        assert all(kind and text for _, kind, text in lines)
        assert {name: kind for name, kind, _ in lines}["source_modified"] == "timestamp[us, tz=UTC]"

    def test_every_error_code_has_advice(self) -> None:
        advice = text_of("infra/docs/operations.md").partition("## Error codes of rows")[2].partition("\n## ")[0]
        assert reference.codes() - set(re.findall(r"`([a-z_]+)`", advice)) == set()

    def test_every_option_of_every_command(self) -> None:
        for name, parser in command_line.commands().items():
            known = set(re.findall(r"--[a-z-]+", parser.format_help())) - {"--help"}
            assert set(re.findall(r"^\| `(--[a-z-]+)", command_line.options(name), re.MULTILINE)) == {
                option for action in parser._actions for option in action.option_strings if option in known
            }

    def test_options_are_set_as_code_once(self) -> None:
        assert command_line._code("see --max-failures and `--out`, consent.strict.") == (
            "see `--max-failures` and `--out`, `consent.strict`."
        )


class TestDemo:
    def test_what_moves_is_always_the_same(self) -> None:
        first, second = (
            f"run          r2026{tail}\nlisted       15, 1.6 MB\nanonymized   9\n"
            f"time         {seconds} s, 2.4 images/s, first results after 4.8 s\n"
            f"manifest     file:///a/{tail}/demo/out.manifest\n"
            for tail, seconds in (("1130T1-ab", "1.6"), ("1201T2-cd", "2.7"))
        )
        assert first != second
        assert live.stable(first) == live.stable(second)
        assert "listed       15, 1.6 MB\nanonymized   9\n" in live.stable(first)


class TestProcessor:
    def test_linux_names_model_and_instruction_sets(self, tmp_path: Path) -> None:
        text = "model name\t: Some(R) Model(TM) Processor\nflags\t: sse avx2 avx512f avx_vnni\n\nmodel name\t: second\n"
        (tmp_path / "cpuinfo").write_text(text)
        assert processor(tmp_path / "cpuinfo").startswith("Some Model (AVX2, AVX-512, VNNI), ")

    def test_without_it_python_says_what_it_knows(self, tmp_path: Path) -> None:
        assert processor(tmp_path / "absent").endswith(" CPUs")
