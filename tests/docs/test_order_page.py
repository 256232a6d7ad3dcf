"""docs/order.md is generated; it must be what the table says today."""

from pathlib import Path

from meshlib.cli.order import order_page
from meshlib.pipeline import PIPELINE

PAGE = Path(__file__).parents[2] / "docs" / "order.md"


def test_the_page_is_what_the_table_says() -> None:
    """`python -m meshlib.cli.order > docs/order.md` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == order_page()


def test_every_layer_stands_on_the_page_in_its_place_with_its_reason() -> None:
    rows = [line for line in order_page().splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert len(rows) == len(PIPELINE)
    for number, (row, place) in enumerate(zip(rows, PIPELINE, strict=True), 1):
        assert row.startswith(f"| {number} | [`{place.name}`]")
        assert place.why in row
