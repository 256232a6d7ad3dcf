"""The base of every section model: the one place where a setting's name, type, default, range, unit and help stand.

Names in the environment, `docs/settings.md`, error texts and `meshlib check` are all derived from these models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)

CONFLICT = "conflict"  # pydantic's name for our errors between two fields, as against errors of one


@dataclass_transform(kw_only_default=True, frozen_default=True)  # read from the very metaclass, not from its base
class _Checked(ModelMetaclass):
    """Makes `Retry(max_attempts=0)` in code raise ConfigError, as every other wrong setting does."""

    if not TYPE_CHECKING:  # type checkers keep reading the fields as the constructor's parameters

        def __call__(cls, *args: Any, **fields: Any) -> Any:  # noqa: N805 - of a metaclass
            from meshlib.config.problems import in_code

            try:
                return super().__call__(*args, **fields)
            except ValidationError as error:
                raise in_code(cls, error) from None


class Section(BaseModel, metaclass=_Checked):
    """A frozen table of settings; which of them were given is remembered, so that sources merge field by field."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    section: ClassVar[str] = ""
    """Its name: the folder, the file's table, the environment's segment. Empty for a table inside a section."""
    switchable: ClassVar[bool] = True
    """Whether `false` may stand in its place."""
    default_on: ClassVar[bool] = True
    """Whether a service that says nothing has it, with its defaults."""
    replaces: ClassVar[dict[str, str]] = {}
    """Fields that stand in place of another: where a stronger source sets one, a weaker source's other is dropped."""

    def conflicts(self) -> Iterator[str]:
        """What is wrong between two fields that are each right on their own."""
        for field, other in self.replaces.items():
            if {field, other} <= self.model_fields_set:
                yield f"{field} stands in place of {other}: give one of them"

    @model_validator(mode="after")
    def _refuse_conflicts(self) -> Self:
        for text in self.conflicts():
            raise PydanticCustomError(CONFLICT, "{text}", {"text": text})
        return self

    def __eq__(self, other: object) -> bool:
        # Retry() and Retry(max_attempts=3) hold the same values, but only one of them overrides weaker sources.
        return super().__eq__(other) and self.model_fields_set == getattr(other, "model_fields_set", None)

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))


def setting(default: Any, help: str, *, unit: str = "", code_only: bool = False) -> Any:  # noqa: A002 - its plain name
    """One field of a section. Ranges stand in its type (`Count`, `Ratio`, ...).

    `code_only`: it holds an object, which neither the environment nor a file can express.
    """
    return Field(default=default, description=help, json_schema_extra={"unit": unit, "code_only": code_only})


def is_code_only(model: type[Section], field: str) -> bool:
    info = model.model_fields.get(field)
    extra = info.json_schema_extra if info else None
    return isinstance(extra, dict) and bool(extra["code_only"])


def table_in(annotation: Any) -> type[Section] | None:
    """The section model of a field that may be given as a table, else None."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for part in get_args(annotation) if (found := table_in(part))), None)
