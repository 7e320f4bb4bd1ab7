"""Options of every command, and what commands end with, from the parsers and from `anonymizer.run.summary`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping

from anonymizer import cli
from anonymizer.run.summary import RUN_STATUSES, VERIFY_STATUSES


def commands() -> dict[str, argparse.ArgumentParser]:
    """Every command of `anonymizer` with its parser."""
    (choices,) = (one.choices for one in cli.parser()._actions if isinstance(one, argparse._SubParsersAction))
    return dict(choices)


def options(command: str) -> str:
    """Markdown: how a command is called, what it does, and a table of all that it takes."""
    parser = commands()[command]
    actions = [one for one in parser._actions if one.dest != "help"]
    lines = [f"    {_synopsis(command, actions)}", "", _code(parser.description or ""), "", "| | |", "|---|---|"]
    lines += [f"| {_cell(_spelled(one))} | {_cell(_code((one.help or '').replace('%%', '%')))} |" for one in actions]
    groups = [(group.title, group.description) for group in parser._action_groups if group.description]
    lines += [f"\n*{title}*: {_code(text or '')}" for title, text in groups]
    return "\n".join(lines)


def _synopsis(command: str, actions: list[argparse.Action]) -> str:
    given = [f"[{one.metavar}]" if one.nargs == "?" else str(one.metavar) for one in actions if not one.option_strings]
    needed = [f"{one.option_strings[0]} {one.metavar}" for one in actions if one.option_strings and one.required]
    return " ".join(["anonymizer", command, *given, *needed, "[OPTIONS]"])


def _spelled(action: argparse.Action) -> str:
    """`--method smooth|blur`, as it is typed."""
    if not action.option_strings:
        return f"`{action.metavar}`"
    value = "|".join(map(str, action.choices)) if action.choices else action.metavar
    takes = action.nargs != 0
    return f"`{action.option_strings[0]}{f' {value}' if takes and value else ''}`"


def statuses_of_run() -> str:
    """Markdown: what `anonymizer run` ends with."""
    return _statuses("`anonymizer run`", RUN_STATUSES)


def statuses_of_verify() -> str:
    """Markdown: what `anonymizer verify` ends with."""
    return _statuses("`anonymizer verify`", VERIFY_STATUSES)


def _statuses(command: str, statuses: Mapping[int, str]) -> str:
    lines = [f"| {command} ends with | the first that holds |", "|---|---|"]
    return "\n".join([*lines, *(f"| {status} | {_code(text)} |" for status, text in statuses.items())])


def _code(text: str) -> str:
    """Options and settings of a plain text in the font of code; what stands in it already stays."""
    parts = re.split(r"(`[^`]*`)", text)
    named = re.compile(r"(?<![\w`/-])(--[a-z][a-z-]*|[a-z]+\.[a-z_]+[a-z])(?![\w`(/])")
    return "".join(part if part.startswith("`") else named.sub(r"`\1`", part) for part in parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
