from pathlib import Path

import pytest

from tests import chromium


def test_chrome_is_found_on_the_path_and_where_its_installer_puts_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(chromium, "_PLACES", [place for place in chromium._PLACES if place.startswith("~")])
    assert chromium.find_chromium() is None
    for place in ("Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "bin/google-chrome-stable"):
        program = tmp_path / place
        program.parent.mkdir(parents=True)
        program.touch(mode=0o755)
        assert chromium.find_chromium() == str(program)
