"""How the things of the shop are declared: as values, which are never changed but replaced.

That a value is not changed is for the type checker to see. The standard library's frozen classes see to it at run time
too, and take five times as long to make: a page is made of hundreds.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Declare a class of values: compared and hashed by what they hold, and made anew by `dataclasses.replace`."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
