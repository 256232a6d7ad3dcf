"""docs/settings.md is generated; it must be what the models say today."""

from pathlib import Path

from meshlib.config.reference import settings_page
from meshlib.config.sections import SECTIONS

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_is_what_the_models_say() -> None:
    """`python -m meshlib.config.reference > docs/settings.md` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == settings_page()


def test_every_field_stands_on_the_page_with_type_and_environment_name() -> None:
    rows = [line.split(" | ") for line in settings_page().splitlines() if line.startswith("| `")]
    for name, model in SECTIONS.items():
        for field, info in model.model_fields.items():
            variable = f"`…{name.upper()}__{field.upper()}` |"
            (row,) = [
                r
                for r in rows
                if r[0] == f"| `{field}`" and r[-1] in (variable, "code only |") and info.description in r
            ]
            assert row[1]
