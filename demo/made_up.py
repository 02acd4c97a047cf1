"""The complaints of the demo: made up, about numbers that no one holds, by people named by letters."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

TELKOMSEL_NUMBER, BYU_NUMBER, APPEALED_NUMBER = "+6289011110001", "+6289051110002", "+6289011110008"
INDOSAT_NUMBER, TRI_NUMBER = "+6289111110003", "+6289151110004"
XL_NUMBER, AXIS_NUMBER, SMARTFREN_NUMBER = "+6289201110005", "+6289211110006", "+6289221110007"
FOREIGN_NUMBER = "+12025550143"
"""Reserved for fiction in the North American plan."""
EMERGENCY_NUMBER = "+62110"

REPEATED_TEXT = "My number won a prize and I should pay the tax first."


@dataclass(frozen=True, slots=True)
class MadeUp:
    """One complaint before it is sent, with the number as its complainant wrote it."""

    reference: str
    number: str | None
    category: str
    complainant: str
    chronology: str
    medium: str = "SMS"
    platform: str | None = None
    handle: str | None = None
    remedy: str = "NUMBER_BLOCK"

    def render(self, *, now: datetime) -> dict[str, Any]:
        """Return it as the mutation's input."""
        complainant = {
            "name": f"Complainant {self.complainant}",
            "email": f"complainant.{self.complainant.lower()}@example.org",
        }
        return {
            "sourceReference": self.reference,
            "number": self.number,
            "accountPlatform": self.platform,
            "accountHandle": self.handle,
            "category": self.category,
            "medium": self.medium,
            "remedy": self.remedy,
            "chronology": self.chronology,
            "incidentAt": (now - timedelta(hours=3)).isoformat(),
            "complainant": complainant,
        }


COMPLAINTS = (
    MadeUp("A-01", "0890-1111-0001", "FRAUD", "A", "Asked for an advance fee for a loan.", "VOICE"),
    MadeUp("A-02", "+62 890 1111 0001", "FRAUD", "B", "Sent a link to a false bank page."),
    MadeUp("A-03", "6289011110001", "IMPERSONATION", "C", "Claimed to be my bank and asked for the code.", "VOICE"),
    MadeUp("A-04", "0890 5111 0002", "VOICE_PHISHING", "D", "Claimed that my card was used abroad.", "VOICE"),
    MadeUp("A-05", "0891 1111 0003", "FRAUD", "E", "Sold a telephone that never came."),
    MadeUp("A-06", "0891 1111 0003", "FRAUD", "F", "Took a deposit for a room that does not exist."),
    MadeUp("A-07", "0891 5111 0004", "ONLINE_GAMBLING", "G", "Sends gambling links every day."),
    MadeUp("A-08", "0892 0111 0005", "FRAUD", "H", "Promised a job against a fee."),
    MadeUp("A-09", "0892 1111 0006", "SPAM_ADVERT", "I", "Advertises loans every hour."),
    MadeUp("A-10", "0892 2111 0007", "EXTORTION", "J", "Threatens to publish a picture.", "VOICE"),
    MadeUp("A-11", "0890 1111 0008", "FRAUD", "K", REPEATED_TEXT),
    MadeUp("A-12", "0890 1111 0008", "FRAUD", "L", REPEATED_TEXT),
    MadeUp("A-13", "0890 1111 0008", "FRAUD", "M", REPEATED_TEXT),
    MadeUp("A-14", "+1 202 555 0143", "FRAUD", "N", "A foreign number asked for a transfer.", "VOICE"),
    MadeUp("A-15", "110", "IMPERSONATION", "O", "The display showed 110, the caller wanted money.", "VOICE"),
    MadeUp("A-16", "0891 1111 0003", "FRAUD", "E", "Sold a telephone that never came, told again."),
    MadeUp("A-17", "0892 0111 0009", "OTHER", "P", "Something was strange."),
    MadeUp("A-18", "12", "FRAUD", "Q", "The number was not written down."),
)
REPEATED, REJECTED, UNREADABLE = "A-16", "A-17", "A-18"
ILLUSTRATED = "A-02"
"""Has a screenshot with it."""
FIRST_OF_REPEATED = "A-05"
"""Reported again by the same complainant as A-16."""

FIRST_LIVE_NUMBER, GRAVE_NUMBER, NEXT_NUMBER = "+6289011110021", "+6289011110022", "+6289011110023"
OTHERS_NUMBER = "+6289111110024"
BEFORE_CUT = (MadeUp("B-01", "0890 1111 0021", "FRAUD", "R", "Said that a parcel is held until a fee is paid."),)
WHILE_AWAY = (
    MadeUp("B-02", "0890 1111 0022", "FRAUD", "S", "Sold tickets for a concert that is not held."),
    MadeUp("B-03", "0890 1111 0022", "FRAUD", "T", "Took money for tickets and went away."),
    MadeUp("B-04", "0890 1111 0022", "FRAUD", "U", "Sells the same seat to everybody."),
    MadeUp("B-05", "0890 1111 0023", "VOICE_PHISHING", "V", "Asked for the code that was just sent.", "VOICE"),
    MadeUp("B-06", "0891 1111 0024", "FRAUD", "W", "Offers a loan and wants the interest first."),
)
LIVE_AGAIN = (MadeUp("B-07", "0890 1111 0025", "FRAUD", "X", "Claims to collect for people in need."),)
"""What is reported while two parties follow, while they are cut off, and after they have resumed."""

BOTH_NUMBER = "+6289011110031"
DECLINED_HANDLE, LAPSED_HANDLE, REVERSED_HANDLE, OPEN_HANDLE = (
    "promo_hadiah",
    "loker_cepat",
    "admin_bank",
    "pinjam_kilat",
)


def _accuse(reference: str, handle: str, complainant: str, chronology: str, platform: str = "Telegram") -> MadeUp:
    return MadeUp(
        reference, None, "FRAUD", complainant, chronology, "OTT", platform=platform, handle=handle, remedy="OTT_ACTION"
    )


ACCUSED_FIRST = (_accuse("C-01", f"@{LAPSED_HANDLE}", "AA", "Promised a job and wanted money for the uniform."),)
ACCUSED = (
    MadeUp(
        "C-02", "0890 1111 0031", "FRAUD", "AB", "Took over a friend's account and asked for a transfer.", "OTT",
        platform="WhatsApp", handle="0890 1111 0031", remedy="BOTH",
    ),
    _accuse("C-03", f"https://t.me/{DECLINED_HANDLE}", "AC", "Said that I won a motorcycle."),
    _accuse("C-04", f"@{REVERSED_HANDLE}", "AD", "Claimed to be my bank."),
    _accuse("C-05", "tukang_tipu", "AE", "Sold a game account that was not his.", "Discord"),
)  # fmt: skip
ACCUSED_LAST = (_accuse("C-06", f"@{OPEN_HANDLE}", "AF", "Lends within minutes, and wants a deposit first."),)
"""About accounts: the first is offered by an officer alone, the last waits at the end for the firm's own system."""
