"""How much is tried where examples are made up, and which ones."""

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("ORDERWIRE_FUZZ_EXAMPLES", "0"))
"""How many examples of each kind are tried. 0: few, and the same ones each time."""


def bounded(few: int) -> settings:
    """`few` examples, unless ORDERWIRE_FUZZ_EXAMPLES says how many."""
    return settings(
        max_examples=EXAMPLES or few,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        # The data of a whole operation is large, and a test process may have to share its core.
        suppress_health_check=list(HealthCheck),
    )
