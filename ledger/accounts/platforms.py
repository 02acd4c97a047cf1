"""Platforms by the names that people write and by the domains of their addresses. Pure.

A name or a domain that isn't listed is another platform's; a name that only resembles a listed one is not that one.
"""

import re
import unicodedata

from ledger.texts import INVISIBLE
from ledger.vocabulary import Platform

PLATFORM_NAME_LENGTH_MAX = 253
_NAMES: dict[Platform, tuple[str, ...]] = {
    Platform.WHATSAPP: ("whatsapp", "wa", "whatsappbusiness", "wabusiness", "whatsappmessenger"),
    Platform.TELEGRAM: ("telegram", "tg", "telegrammessenger"),
    Platform.FACEBOOK: ("facebook", "fb", "messenger", "facebookmessenger", "fbmessenger"),
    Platform.INSTAGRAM: ("instagram", "ig"),
    Platform.TIKTOK: ("tiktok",),
    Platform.X: ("x", "twitter", "xtwitter", "twitterx", "xformerlytwitter"),
    Platform.LINE: ("line", "linemessenger"),
    Platform.SIGNAL: ("signal", "signalmessenger"),
    Platform.YOUTUBE: ("youtube", "yt"),
    Platform.DISCORD: ("discord",),
    Platform.VIBER: ("viber", "vibermessenger"),
}
_DOMAINS: dict[Platform, tuple[str, ...]] = {
    Platform.WHATSAPP: ("whatsapp.com", "wa.me"),
    Platform.TELEGRAM: ("t.me", "telegram.me", "telegram.dog", "telegram.org"),
    Platform.FACEBOOK: ("facebook.com", "fb.com", "fb.me", "fb.watch", "m.me", "messenger.com"),
    Platform.INSTAGRAM: ("instagram.com", "instagr.am", "ig.me"),
    Platform.TIKTOK: ("tiktok.com",),
    Platform.X: ("x.com", "twitter.com"),
    Platform.LINE: ("line.me", "lin.ee"),
    Platform.SIGNAL: ("signal.me", "signal.group", "signal.org"),
    Platform.YOUTUBE: ("youtube.com", "youtu.be"),
    Platform.DISCORD: ("discord.com", "discordapp.com", "discord.gg"),
    Platform.VIBER: ("viber.com",),
}
_BY_NAME = {name: platform for platform, names in _NAMES.items() for name in names}
_BY_DOMAIN = {domain: platform for platform, domains in _DOMAINS.items() for domain in domains}
_SIGNS = re.compile(r"[^\w.]+|_+")

BY_NUMBER = frozenset({Platform.WHATSAPP, Platform.VIBER})
"""The platforms on which every account is a telephone number's."""


def find_platform_by_name(text: str) -> Platform | None:
    """Return the listed platform with this name, however it is spaced and cased; None for any other name.

    A full stop counts: what.sapp is somebody's domain.
    """
    return _BY_NAME.get(_SIGNS.sub("", _fold(text)))


def find_platform_by_host(host: str) -> tuple[Platform, str, str] | None:
    """Return the listed platform of a host in ASCII, the domain, and what stands before it; None for any other host."""
    labels = host.split(".")
    for place in range(len(labels) - 1):
        domain = ".".join(labels[place:])
        if domain in _BY_DOMAIN:
            return _BY_DOMAIN[domain], domain, ".".join(labels[:place])
    return None


def name_other(text: str) -> str:
    """Return the name under which a platform that isn't listed is kept: folded, with single spaces, never empty."""
    return " ".join(_fold(text).split())[:PLATFORM_NAME_LENGTH_MAX].strip() or "?"


def _fold(text: str) -> str:
    visible = "".join(character for character in text if character not in INVISIBLE)
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
