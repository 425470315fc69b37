"""Text people see, without what cannot be seen."""

import re
import unicodedata

# Taken out: they hide or reorder what stands beside them, and come along unseen when text is pasted. Kept: joiners
# (U+200C, U+200D), which emoji, Indic and Persian text need; the marks of direction U+200E, U+200F and U+061C, which
# turn nothing around but themselves; and tags (U+E0020 and on) where they spell a flag.
_HIDDEN = re.compile(
    "(\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f)"
    "|[\u00ad\u180e\u200b\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0001\U000e0020-\U000e007f]"
)
# Letters and symbols by category that show nothing: fillers of Hangul and the empty pattern of Braille.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_UNSEEN = frozenset({"Cc", "Cf", "Mn", "Me", "Zs", "Zl", "Zp"})


def plain(value: str) -> str:
    """The text without characters that hide or reorder others, and without space around it.

    Raises ValueError for control characters but line breaks and tabs, and when nothing is left that can be seen.
    """
    if value.isascii() and value.isprintable() and (shown := value.strip()):
        return shown  # most texts, without a look at each character
    if any(unicodedata.category(character) == "Cc" and character not in "\n\t" for character in value):
        raise ValueError("holds control characters")
    shown = _HIDDEN.sub(r"\1", value).strip()
    if all(unicodedata.category(character) in _UNSEEN or character in _BLANK for character in shown):
        raise ValueError("holds nothing that can be seen")
    return shown
