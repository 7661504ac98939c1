"""JSON that a stranger wrote: values out, or one kind of error.

The json module raises ValueError for bad syntax and for integers of thousands of digits, and
RecursionError for deep nesting. It also takes NaN and Infinity, which are no JSON. All of them are
the sender's fault and become a JsonRefused here.
"""

from __future__ import annotations

import json
from typing import NoReturn


class JsonRefused(ValueError):
    """The text is not JSON that this house reads; the message says why, for the sender."""


def decode_json(document: str | bytes) -> object:
    """Parse one document, UTF-8 when it is bytes. Raises JsonRefused."""
    try:
        text = document.decode("utf-8") if isinstance(document, bytes) else document
        value: object = _DECODER.decode(text)
    except JsonRefused:
        raise
    except UnicodeDecodeError:
        raise JsonRefused("not valid UTF-8") from None
    except RecursionError:
        raise JsonRefused("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise JsonRefused(f"{error.msg} at character {error.pos}") from None
    except ValueError:
        raise JsonRefused("a number has too many digits") from None
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise JsonRefused(f"{name} is not a JSON number")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)  # made once: it costs 4 µs
