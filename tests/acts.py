"""The privileged acts that the services record, read off their source."""

import ast
import re
from pathlib import Path
from typing import TypeGuard

_ROOT = Path(__file__).parent.parent
_ACT, _ACTS = re.compile(r"[a-z_]+\.[a-z_]+"), re.compile(r"[a-z_]+\.[a-z_]*")


def recorded_acts(service: str = "*") -> tuple[set[str], set[str]]:
    """Names of acts of a service, or of all, and beginnings of such as are put together."""
    found = [_acts_in(source) for source in _sources(service)]
    refused = {act for source in (*_sources(service), *_queries(service)) for act in _refused_in(source)}
    return {act for whole, _begun in found for act in whole} | refused, {
        act for _whole, begun in found for act in begun
    }


def recorded_details() -> set[str]:
    """The names of all that any service records with its acts."""
    return {name for source in _sources("*") for name in _details_in(source)}


def _sources(service: str) -> list[str]:
    files = [*_ROOT.glob(f"services/{service}/commands/**/*.py"), *_ROOT.glob(f"services/{service}/commands.py")]
    return [path.read_text() for path in (*files, _ROOT / "shared" / "operations.py")]


def _acts_in(source: str) -> tuple[set[str], set[str]]:
    """What is handed on to be recorded: names of acts, whichever function passes them, and beginnings of such."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    given = [one for call in calls for one in (*call.args, *(keyword.value for keyword in call.keywords))]
    whole = {str(one.value) for one in given if isinstance(one, ast.Constant)}
    begun = {str(one.values[0].value) for one in given if isinstance(one, ast.JoinedStr) and _is_text(one.values[0])}
    return {text for text in whole if _ACT.fullmatch(text)}, {text for text in begun if _ACTS.fullmatch(text)}


def _queries(service: str) -> list[str]:
    return [path.read_text() for path in _ROOT.glob(f"services/{service}/queries/**/*.py")]


def _refused_in(source: str) -> set[str]:
    """How the acts are called that `shared.audit` records of what is tried in the own case; where the name of what is
    tried is handed on, it stands beside another of the same noun.
    """
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    acts = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Tried"]
    texts = [act.values[0] if isinstance(act, ast.JoinedStr) else act for act in acts]
    return {f"{str(text.value).partition('.')[0]}.refuse_own" for text in texts if _is_text(text)}


def _is_text(node: ast.expr) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant)


def _details_in(source: str) -> set[str]:
    """The names of all that is recorded with acts: of dictionaries that are called, or handed on as, detail."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        value: ast.AST | None = None
        if isinstance(node, ast.keyword) and node.arg == "detail":
            value = node.value
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            value = node.value if isinstance(target, ast.Name) and target.id in ("detail", "details", "named") else None
        elif isinstance(node, ast.FunctionDef) and node.name == "in_brief":
            value = node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_audit":
            found |= {keyword.arg for keyword in node.keywords if keyword.arg}
        for inner in ast.walk(value) if value is not None else ():
            if isinstance(inner, ast.Dict):
                found |= {str(key.value) for key in inner.keys if isinstance(key, ast.Constant)}
    return found
