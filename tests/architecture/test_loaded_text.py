"""No text from outside reaches a command or a statement unread: NUL and control characters break PostgreSQL."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from marshmallow import Schema, fields, validate

from shared.fields import Line

PROJECT = Path(__file__).parents[2]
SOURCES = sorted([*PROJECT.glob("services/*/api*.py"), *PROJECT.glob("services/*/api/*.py")])
KERNEL = PROJECT / "shared" / "operations.py"


def loaded_schemas() -> Iterator[type[Schema]]:
    """Every schema that a route reads its arguments with."""
    for source in [*SOURCES, KERNEL]:
        module = importlib.import_module(".".join(source.relative_to(PROJECT).with_suffix("").parts))
        for dotted in re.findall(r"\.arguments\(\s*([\w.]+)", source.read_text(encoding="utf-8")):
            found: ModuleType | type[Schema] = module
            for name in dotted.split("."):
                found = getattr(found, name)
            assert isinstance(found, type)
            yield found


def is_read(field: fields.Field[Any]) -> bool:
    """Whether a text field looks at what it takes in: a line of text, a choice, or a reading of its own."""
    if isinstance(field, fields.List):
        return is_read(field.inner)
    if isinstance(field, fields.Nested):
        return all(is_read(inner) for inner in field.schema.load_fields.values())
    if not isinstance(field, fields.String) or isinstance(field, fields.UUID | Line):
        return True
    reads_itself = type(field)._deserialize is not fields.String._deserialize
    return reads_itself or any(isinstance(one, validate.OneOf) for one in field.validators)


def test_every_text_that_a_route_loads_is_read() -> None:
    schemas = set(loaded_schemas())
    assert len(schemas) > 20
    unread = [
        f"{schema.__module__}.{schema.__name__}.{name}"
        for schema in schemas
        for name, field in schema().load_fields.items()
        if not is_read(field)
    ]
    assert unread == []
