"""Text without what cannot be seen."""

import pytest

from kith_groups.plain import plain

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("hidden", "\u202a\u202e\u2066\u2069\u200b\ufeff\u2060\u00ad\U000e0041")
def test_characters_that_hide_or_reorder_are_taken_out(hidden):
    assert plain(f"{hidden} pay{hidden}pal {hidden}") == "paypal"
    with pytest.raises(ValueError, match="can be seen"):
        plain(hidden * 3)


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "\u05d0 1\u200f",
        "\u2764\ufe0f",
        "one\n\ttwo",
    ],
    ids=["family", "persian", "hindi", "flag", "hebrew", "heart", "lines"],
)
def test_what_scripts_and_emoji_need_is_kept(text):
    assert plain(text) == text


@pytest.mark.parametrize("text", ["\u200d", "\u200c \u200d", "\u3164\u2800", "\ufe0f", "\u00a0\u200b"])
def test_text_of_only_invisible_characters_is_empty(text):
    with pytest.raises(ValueError, match="can be seen"):
        plain(text)


@pytest.mark.parametrize("text", ["bell\x07", "nul\x00", "del\x7f", "next\x85line"])
def test_control_characters_are_refused(text):
    with pytest.raises(ValueError, match="control"):
        plain(text)
