"""What a source does, as far as it can be read off it, whatever the names were imported as."""

import ast
import re
from collections.abc import Iterator

CLOCKS = {
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today",
    "time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime", "time.asctime", "time.strftime",
    "time.clock_gettime", "time.clock_gettime_ns",
}  # fmt: skip
"""What tells the time of day. A stopwatch (`time.monotonic`, `time.perf_counter`) does not."""

_SQL_CLOCK = re.compile(
    r"\b(now\s*\(\s*\)|current_(timestamp|date|time)|localtime(stamp)?"
    r"|(clock|statement|transaction)_timestamp\s*\(|timeofday\s*\()|'(now|today)'\s*::",
    re.IGNORECASE,
)
_SQL_COMMIT = re.compile(r"\s*(commit(\s+(work|transaction))?|end\s*(;|work|transaction))\s*;?\s*", re.IGNORECASE)
_DATABASE = {"engine", "connection", "session", "tx", "db"}


def referred(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported that is named, called or not."""
    known = dict(_imported(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, dot, rest = ast.unparse(node).partition(".")
            if first in known:
                yield node.lineno, known[first] + dot + rest
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                yield alias.asname or name, name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def commits(tree: ast.Module) -> list[int]:
    """Lines that end a transaction: by name, by the end of a block, by SQL, or by not beginning one."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr="commit" | "autocommit"):
                found.append(node.lineno)
            case ast.With() | ast.AsyncWith():
                found += [item.context_expr.lineno for item in node.items if _begins(item.context_expr)]
            case ast.Call(func=ast.Attribute(attr="begin", value=receiver)):
                if _DATABASE & set(re.findall(r"\w+", ast.unparse(receiver))):
                    found.append(node.lineno)
            case ast.Constant(value=str(text)):
                if _SQL_COMMIT.fullmatch(text) or text == "AUTOCOMMIT":
                    found.append(node.lineno)
    return found


def _begins(context: ast.expr) -> bool:
    return isinstance(context, ast.Call) and ast.unparse(context.func).endswith(".begin")


def clocks_in_sql(tree: ast.Module) -> list[int]:
    """Lines whose statement asks the database for the time; what docstrings say is no statement."""
    sentences = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in sentences:
            found += [node.lineno] if _SQL_CLOCK.search(node.value) else []
        elif isinstance(node, ast.Attribute) and "func" in ast.unparse(node.value).split("."):
            found += [node.lineno] if _SQL_CLOCK.search(f"{node.attr}()") else []
    return found
