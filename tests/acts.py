"""The privileged acts that the services record, read off their source."""

import ast
import re
from pathlib import Path
from typing import TypeGuard

_ROOT = Path(__file__).parent.parent
_ACT, _ACTS = re.compile(r"[a-z_]+\.[a-z_]+"), re.compile(r"[a-z_]+\.[a-z_]*")


def recorded_acts(service: str = "*") -> tuple[set[str], set[str]]:
    """Names of acts of a service, or of all, and beginnings of such as are put together."""
    files = [*_ROOT.glob(f"services/{service}/commands/**/*.py"), *_ROOT.glob(f"services/{service}/commands.py")]
    found = [_acts_in(path.read_text()) for path in (*files, _ROOT / "shared" / "operations.py")]
    return {act for whole, _begun in found for act in whole}, {act for _whole, begun in found for act in begun}


def _acts_in(source: str) -> tuple[set[str], set[str]]:
    """What is handed on to be recorded: names of acts, whichever function passes them, and beginnings of such."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    given = [one for call in calls for one in (*call.args, *(keyword.value for keyword in call.keywords))]
    whole = {str(one.value) for one in given if isinstance(one, ast.Constant)}
    begun = {str(one.values[0].value) for one in given if isinstance(one, ast.JoinedStr) and _is_text(one.values[0])}
    return {text for text in whole if _ACT.fullmatch(text)}, {text for text in begun if _ACTS.fullmatch(text)}


def _is_text(node: ast.expr) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant)
