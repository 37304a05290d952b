"""Arrow's compute functions by name.

`pyarrow.compute` makes its functions while it is imported, so that type checkers see none of them.
"""

from typing import Any

import pyarrow.compute as pc


def compute(function: str, *arguments: Any, options: Any = None) -> Any:
    """Call a compute function of Arrow on arrays, chunked arrays or scalars."""
    return pc.call_function(function, list(arguments), options)


def matches(texts: Any, pattern: str) -> Any:
    """For each text whether the regular expression (RE2) is found in it; null for null."""
    return compute("match_substring_regex", texts, options=pc.MatchSubstringOptions(pattern))
