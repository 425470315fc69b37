"""The time zone of a country, roughly: the first zone the IANA database lists for it."""

import re
from functools import cache
from importlib.resources import files

_OTHER_NAMES = {
    "united kingdom": "GB", "russian federation": "RU", "south korea": "KR", "iran": "IR", "viet nam": "VN",
    "republic of korea": "KR", "czech republic": "CZ", "bosnia herzegovina": "BA", "macedonia": "MK", "moldova": "MD",
    "venezuela, bolivarian republic of": "VE", "syrian arab republic": "SY", "hong kong (s.a.r.)": "HK",
    "tanzania": "TZ", "bolivia": "BO", "trinidad and tobago": "TT", "libyan arab jamahiriya": "LY",
    "iran, islamic republic of...": "IR", "cote d'ivoire": "CI", "myanmar": "MM", "swaziland": "SZ",
    "republic of moldova": "MD", "united republic of tanzania": "TZ", "democratic republic of the congo": "CD",
}  # fmt: skip
# Where most people live, in countries whose first zone is not that.
_POPULOUS = {"US": "America/Chicago", "CA": "America/Toronto", "AU": "Australia/Sydney", "BR": "America/Sao_Paulo",
             "RU": "Europe/Moscow", "MX": "America/Mexico_City"}  # fmt: skip


@cache
def _tables() -> tuple[dict[str, str], dict[str, str]]:
    data = files("tzdata") / "zoneinfo"
    codes: dict[str, str] = {}
    zones: dict[str, str] = {}
    for line in (data / "iso3166.tab").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            code, name = line.split("\t")[:2]
            codes[name.lower()] = code
    for line in (data / "zone.tab").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            code, _, zone = line.split("\t")[:3]
            zones.setdefault(code, zone)
    return codes | _OTHER_NAMES, zones | _POPULOUS


def zone_of(country: str) -> str | None:
    """An IANA zone for the English name of a country; None when it is none we know."""
    codes, zones = _tables()
    name = re.sub(r"\s+", " ", country).strip().lower()
    return zones.get(codes.get(name, ""))
