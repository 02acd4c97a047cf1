"""What the paths of each platform's links lead to. Pure: from an address that was taken apart to a handle in it.

A path that isn't known here leads nowhere; the platform's own pages are never taken for somebody's name.
Source: the platforms' own documents of their links; docs/adr/0150.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ledger.accounts.vocabulary import AccountKind
from ledger.vocabulary import Platform

APPS = {
    "whatsapp": Platform.WHATSAPP,
    "tg": Platform.TELEGRAM,
    "line": Platform.LINE,
    "sgnl": Platform.SIGNAL,
    "viber": Platform.VIBER,
}
"""The schemes of addresses that open a platform's program."""

_MIRRORS = frozenset({"", "www", "m", "mobile", "web", "mbasic", "touch"})
_LOCALE = re.compile(r"[a-z]{2}-[a-z]{2}", re.ASCII)
_DIGITS = re.compile(r"[1-9][0-9]{0,19}", re.ASCII)
_DIALLED = re.compile(r"\+?[1-9][0-9]{6,14}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Link:
    """An address taken apart: the platform's domain or scheme, what stands before it, and the rest, decoded once.

    With a scheme, before is what stands in the host's place.
    """

    domain: str
    before: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    fragment: str

    @property
    def is_mirror(self) -> bool:
        """Whether the host shows what the domain itself shows, in another form or language."""
        return self.before in _MIRRORS or bool(_LOCALE.fullmatch(self.before))


Found = AccountKind | str | None
"""What a link leads to: an account, by its handle as the link has it; something else; or nothing that is known."""


def read_link(platform: Platform, link: Link) -> Found:
    """Return what a link of the platform leads to."""
    reader = _READERS.get(platform)
    return None if reader is None else reader(link)


def _list_words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _dial(digits: str) -> str | None:
    """Return a number as links have it: with its country code, and with or without a + (which queries decode)."""
    bare = digits.strip()
    return f"+{bare.removeprefix('+')}" if _DIALLED.fullmatch(bare) else None


def _read_whatsapp(link: Link) -> Found:
    if link.domain == "whatsapp":
        return AccountKind.GROUP if link.before == "chat" else _dial(link.query.get("phone", ""))
    match (link.domain, link.before, *link.path):
        case ("whatsapp.com", "chat", *_) | ("whatsapp.com", "" | "www", "channel", *_):
            return AccountKind.GROUP
        case (_, "" | "www" | "api" | "web", "send"):
            return _dial(link.query.get("phone", ""))
        case ("wa.me", "" | "www", digits) | ("wa.me", "" | "www", "c", digits):
            return _dial(digits)
    return None


_TELEGRAMS_OWN = _list_words(
    "addemoji addlist addstickers addtheme auth bg boost confirmphone contact giftcode invoice iv joinchat login m nft "
    "proxy s setlanguage share socks www"
)


def _read_telegram(link: Link) -> Found:  # noqa: C901, PLR0911 - a case for each form
    if link.domain == "tg":
        return _read_telegrams_scheme(link)
    path = link.path
    if link.domain == "t.me" and link.before not in {"", "www"}:
        path = (link.before, *path)
    elif link.before not in {"", "www"} or link.domain == "telegram.org":
        return None
    if path[:1] == ("s",):
        path = path[1:]
    match path:
        case ("joinchat", _, *_):
            return AccountKind.GROUP
        case ("c", _, *_):
            return AccountKind.POST
        case (first,) if first.startswith("+"):
            return _dial(first) or AccountKind.GROUP
        case (first, *_) if first.lower() in _TELEGRAMS_OWN:
            return None
        case (name,):
            return name
        case (_, number, *_) if number.isdigit():
            return AccountKind.POST
    return None


def _read_telegrams_scheme(link: Link) -> Found:
    if link.before == "join":
        return AccountKind.GROUP
    if link.before != "resolve":
        return None
    if "post" in link.query:
        return AccountKind.POST
    return link.query.get("domain") or _dial(link.query.get("phone", ""))


_FACEBOOKS_OWN = _list_words(
    "about ads business dialog events friends gaming groups hashtag help home.php legal login login.php marketplace "
    "me messages notes notifications pages people plugins policies privacy profile.php public search settings share "
    "sharer sharer.php terms"
)
_FACEBOOKS_POSTS = _list_words(
    "permalink.php photo photo.php photos posts reel stories story.php video.php videos watch"
)
_FACEBOOKS_TABS = _list_words("about community followers friends reviews")


def _read_facebook(link: Link) -> Found:  # noqa: C901, PLR0911 - a case for each form
    if link.domain == "fb.watch":
        return AccountKind.POST
    if link.domain == "fb.me" or not link.is_mirror:
        return None
    if link.domain in {"m.me", "messenger.com"}:
        return _read_messenger(link)
    match link.path[1:] if link.path[:1] == ("pg",) else link.path:
        case ("profile.php",):
            return _identify(link.query.get("id", ""))
        case ("people" | "pages", _, digits) | ("groups", _, "user", digits):
            return _identify(digits)
        case ("groups", *_):
            return AccountKind.GROUP
        case (first, *_) if first.lower() in _FACEBOOKS_POSTS:
            return AccountKind.POST
        case (_, second, *_) if second.lower() in _FACEBOOKS_POSTS:
            return AccountKind.POST
        case (first, *_) if first.lower() in _FACEBOOKS_OWN:
            return None
        case (name,):
            return _identify(name) or name
        case (name, tab) if tab in _FACEBOOKS_TABS:
            return _identify(name) or name
    return None


def _read_messenger(link: Link) -> Found:
    """Messenger's own addresses have the same names; digits at messenger.com may be a group's conversation."""
    match (link.domain, *link.path):
        case ("m.me", name):
            return _identify(name) or name
        case ("messenger.com", "t", name) if not name.isdigit():
            return name
    return None


def _identify(digits: str) -> str | None:
    return f"profile.php?id={digits}" if _DIGITS.fullmatch(digits) else None


_INSTAGRAMS_OWN = _list_words(
    "about accounts ar archive create developer direct directory explore legal locations oauth reels s share "
    "stories tags web"
)
_INSTAGRAMS_POSTS = _list_words("p reel tv")
_INSTAGRAMS_TABS = _list_words("followers following reels tagged")


def _read_instagram(link: Link) -> Found:  # noqa: PLR0911 - a case for each form
    if not link.is_mirror:
        return None
    match (link.domain, *link.path):
        case ("ig.me", "m", name) | ("instagram.com", "_u", name):
            return name
        case ("ig.me", *_):
            return None
        case (_, "stories", _, *_):
            return AccountKind.POST
        case (_, first, *_) if first in _INSTAGRAMS_POSTS:
            return AccountKind.POST
        case (_, _, second, *_) if second in _INSTAGRAMS_POSTS:
            return AccountKind.POST
        case (_, first, *_) if first.lower() in _INSTAGRAMS_OWN:
            return None
        case (_, name):
            return name
        case (_, name, tab) if tab in _INSTAGRAMS_TABS:
            return name
    return None


def _read_tiktok(link: Link) -> Found:
    if not link.is_mirror:
        return None
    match link.path:
        case (name,) | (name, "live") if name.startswith("@"):
            return name
        case (_, "video" | "photo", *_):
            return AccountKind.POST
    return None


_XS_OWN = _list_words(
    "about compose download explore hashtag home i intent jobs login logout messages notifications oauth privacy "
    "search settings share signup tos who_to_follow"
)
_XS_TABS = _list_words("articles followers following highlights likes media with_replies")


def _read_x(link: Link) -> Found:  # noqa: PLR0911 - a case for each form
    if not link.is_mirror:
        return None
    match link.path:
        case ("intent", "user" | "follow"):
            return link.query.get("screen_name")
        case (_, "status" | "statuses", *_):
            return AccountKind.POST
        case (first, *_) if first.lower() in _XS_OWN:
            return None
        case (name,):
            return name
        case (name, tab) if tab in _XS_TABS:
            return name
    return None


def _read_line(link: Link) -> Found:
    path = (link.before, *link.path) if link.domain == "line" else link.path
    if path[:1] in {("R",), ("r",)}:
        path = path[1:]
    match (link.domain, *path):
        case ("line.me", name) if link.before == "page":
            return f"@{name.removeprefix('@')}"
        case (_, "ti", "g" | "g2", *_):
            return AccountKind.GROUP
        case (_, "ti", "p", name) if name.startswith(("~", "@")):
            return name
    return None


def _read_signal(link: Link) -> Found:
    if link.domain == "signal.group":
        return AccountKind.GROUP
    at_signal = link.domain == "signal.me" or (link.domain, link.before) == ("sgnl", "signal.me")
    return _dial(link.fragment[2:]) if at_signal and link.fragment.startswith("p/") else None


_YOUTUBES_POSTS = _list_words("embed live playlist post shorts watch")
_YOUTUBES_TABS = _list_words("about community featured live playlists shorts streams videos")


def _read_youtube(link: Link) -> Found:
    if not link.is_mirror:
        return None
    if link.domain == "youtu.be":
        return AccountKind.POST
    path = link.path[:-1] if len(link.path) > 1 and link.path[-1] in _YOUTUBES_TABS else link.path
    match path:
        case (name,) if name.startswith("@"):
            return name
        case ("channel" | "c" | "user", name):
            return f"{path[0]}/{name}"
        case (first, *_) if first in _YOUTUBES_POSTS:
            return AccountKind.POST
    return None


def _read_discord(link: Link) -> Found:
    match (link.domain, *link.path):
        case ("discord.gg", _, *_) | (_, "invite", *_):
            return AccountKind.GROUP
        case (_, "channels", *_):
            return AccountKind.POST
        case (_, "users", digits) if link.is_mirror:
            return f"users/{digits}"
    return None


def _read_viber(link: Link) -> Found:
    if link.domain == "viber":
        return _dial(link.query.get("number", "")) if link.before in {"add", "chat", "contact"} else None
    return AccountKind.GROUP if link.before in {"chats", "invite"} else None


_READERS: Mapping[Platform, Callable[[Link], Found]] = {
    Platform.WHATSAPP: _read_whatsapp,
    Platform.TELEGRAM: _read_telegram,
    Platform.FACEBOOK: _read_facebook,
    Platform.INSTAGRAM: _read_instagram,
    Platform.TIKTOK: _read_tiktok,
    Platform.X: _read_x,
    Platform.LINE: _read_line,
    Platform.SIGNAL: _read_signal,
    Platform.YOUTUBE: _read_youtube,
    Platform.DISCORD: _read_discord,
    Platform.VIBER: _read_viber,
}
