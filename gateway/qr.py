"""QR codes as SVG to put into a page: always black on white, with the full quiet zone of four modules."""

from base64 import b64encode
from functools import lru_cache
from html import escape
from typing import Any

import qrcode
from qrcode.constants import ERROR_CORRECT_M, ERROR_CORRECT_Q

QUIET_ZONE = 4
_MASK = 3


def svg(text: str, label: str, *, on_paper: bool = False) -> str:
    """An `<svg>` element; `label` is read aloud in its place. What is carried about on paper is made for stains."""
    rows = matrix(text, ERROR_CORRECT_Q if on_paper else ERROR_CORRECT_M)
    side = len(rows)
    # One path of runs: a fraction of the size of a square for every module.
    path = "".join(f"M{x},{y}h{length}v1h-{length}z" for y, row in enumerate(rows) for x, length in _runs(row))
    return (
        f'<svg class="qr" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img"'
        f' aria-label="{escape(label)}" shape-rendering="crispEdges">'
        f'<rect width="{side}" height="{side}" fill="#fff"/><path d="{path}" fill="#000"/></svg>'
    )


@lru_cache(maxsize=1024)
def matrix(text: str, level: int = ERROR_CORRECT_M) -> list[list[bool | None]]:
    """The modules, row by row, with the quiet zone.

    The mask is fixed: choosing the best of eight takes six times as long, and a screen of rotating
    codes asks for 120 at once.
    """
    code = qrcode.QRCode(error_correction=level, border=QUIET_ZONE, mask_pattern=_MASK)
    code.add_data(text)
    code.make(fit=True)
    rows: list[list[bool | None]] = code.get_matrix()
    return rows


def packed(text: str) -> dict[str, Any]:
    """The modules as JSON for a script that draws them: {side, bits: base64, most significant bit first}."""
    rows = matrix(text)
    bits = "".join("1" if dark else "0" for row in rows for dark in row)
    whole = bits.ljust(-(-len(bits) // 8) * 8, "0")
    return {"side": len(rows), "bits": b64encode(int(whole, 2).to_bytes(len(whole) // 8, "big")).decode("ascii")}


def _runs(row: list[bool | None]) -> list[tuple[int, int]]:
    """Where dark modules lie side by side: (first, how many)."""
    runs: list[tuple[int, int]] = []
    for x, dark in enumerate(row):
        if not dark:
            continue
        if runs and sum(runs[-1]) == x:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((x, 1))
    return runs
