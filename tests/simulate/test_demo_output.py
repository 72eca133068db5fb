"""What the demo says while it works: on a terminal a bar, and in a file, where none can be drawn, lines as it goes."""

from __future__ import annotations

import io

from rich.console import Console

from twofold.simulate.demo import busy, progress


def test_a_file_is_told_as_it_goes() -> None:
    """Not only at the end: whoever runs it in a CI, or through a pipe, sees that it lives."""
    written = io.StringIO()
    out = Console(file=written, width=80)
    with busy(out, "Waiting for the last deliveries"):
        assert written.getvalue() == "Waiting for the last deliveries …\n"
    seen = []
    with progress(out, "Shoppers at work") as told:
        for done in range(219):
            told(done, 218)
            seen.append(written.getvalue().splitlines()[-1])
    assert list(dict.fromkeys(seen)) == [
        "Shoppers at work: 0 of 218", "Shoppers at work: 55 of 218", "Shoppers at work: 109 of 218",
        "Shoppers at work: 164 of 218", "Shoppers at work: 218 of 218",
    ]  # fmt: skip


def test_a_terminal_has_its_bar() -> None:
    written = io.StringIO()
    out = Console(file=written, width=80, force_terminal=True)
    with progress(out, "Shoppers at work") as told:
        told(218, 218)
    assert "━" in written.getvalue()
    assert "218/218" in written.getvalue()
