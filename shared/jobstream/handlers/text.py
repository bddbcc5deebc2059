"""Text of unknown make, brought within what PostgreSQL, UTF-8 and the contracts take."""

import re

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def clean_text(text: str, limit: int, *, keep: str = "start") -> str:
    """``text`` without NUL and lone surrogates, cut to ``limit`` characters.

    Args:
        keep: which side survives a cut, ``start`` or ``end`` (of a traceback the end says most).
    """
    if len(text) > limit:
        text = text[: limit - 1] + "…" if keep == "start" else "…" + text[1 - limit :]
    return _UNSTORABLE.sub("�", text)
