"""One record of a file as a complaint: columns, the words that files use, times without a zone. Pure.

The FTC's subjects are put under the categories here, by what the caller wanted.
Source: the columns of the FTC's Do Not Call complaint files and of its API.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import TypeVar

from ledger.complaints.complainants import ComplainantDraft
from ledger.complaints.drafts import ComplaintDraft
from ledger.complaints.vocabulary import Medium, Remedy
from ledger.errors import InvalidInputError, TimeInvalidError
from ledger.numbers.forms import HOME_REGION
from ledger.vocabulary import Category


class FileFormat(StrEnum):
    """How a file of complaints is written."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    FTC_DNC = "ftc-dnc"


class ComplaintFileError(InvalidInputError):
    """The file can't be read any further."""

    code = "FILE_UNREADABLE"

    def __init__(self, message: str, *, line: int, hint: str | None = None) -> None:
        """The line is the one at which reading stopped."""
        super().__init__(f"Line {line}: {message}", hint=hint)
        self.line = line


class TimeZoneMissingError(ComplaintFileError):
    """A time has no zone, and none was given for the file."""

    code = "TIMEZONE_REQUIRED"


class RowValueError(InvalidInputError):
    """The value is none of those that the column takes."""

    code = "ROW_VALUE_UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReading:
    """How to read a file: numbers without a country code as of the region, times without a zone as of the zone."""

    format: FileFormat
    region: str = HOME_REGION
    zone: tzinfo | None = None


Cells = Mapping[str, str]
COLUMN_NAMES = {
    "external_id": "source_reference", "id": "source_reference", "reference": "source_reference",
    "narrative": "chronology",
}  # fmt: skip
COLUMNS = (
    "source_reference", "number", "region", "account_platform", "account_handle", "account_url", "medium", "category",
    "incident_at", "chronology", "loss_rupiah", "remedy", "complainant_name", "complainant_identity_number",
    "complainant_phone", "complainant_email", "complainant_address",
)  # fmt: skip
_CATEGORY_NAMES = {"SPAM": Category.SPAM_ADVERT, "SCAM": Category.FRAUD}

FTC_FILE = (
    "Company_Phone_Number", "Created_Date", "Violation_Date", "Consumer_City", "Consumer_State",
    "Consumer_Area_Code", "Subject", "Recorded_Message_Or_Robocall",
)  # fmt: skip
FTC_API = ("created_date", "complaint_id", "company_phone_number", "consumer_area_code")
# Subjects without their doubled spaces. What only sells is SPAM_ADVERT, what promises money or a cure is FRAUD.
_FTC_SUBJECTS = {
    "calls pretending to be government, businesses, or family and friends": Category.IMPERSONATION,
    "computer & technical support": Category.IMPERSONATION,
    "reducing your debt (credit cards, mortgage, student loans)": Category.FRAUD,
    "lotteries, prizes & sweepstakes": Category.FRAUD,
    "work from home & other ways to make money": Category.FICTITIOUS_INVESTMENT,
    "charities": Category.FRAUD,
    "medical & prescriptions": Category.SPAM_ADVERT,
    "warranties & protection plans": Category.SPAM_ADVERT,
    "energy, solar, & utilities": Category.SPAM_ADVERT,
    "vacation & timeshares": Category.SPAM_ADVERT,
    "home improvement & cleaning": Category.SPAM_ADVERT,
    "home security & alarms": Category.SPAM_ADVERT,
    "dropped call or no message": Category.SPAM_ADVERT,
}


def read_cells(cells: Cells, reading: FileReading, line: int) -> ComplaintDraft:
    """A complaint from named cells, the same for CSV and JSON lines."""
    blank_free = {name: cell.strip() for name, cell in cells.items() if cell.strip()}
    find = blank_free.get
    name = find("complainant_name")
    details = {key: find(f"complainant_{key}") for key in ("identity_number", "phone", "email", "address")}
    has_complainant = name is not None or any(details.values())
    return ComplaintDraft(
        source_reference=find("source_reference"),
        number=find("number"),
        region=find("region") or reading.region,
        account_platform=find("account_platform"),
        account_handle=find("account_handle"),
        account_url=find("account_url"),
        medium=_read_choice(Medium, find("medium"), field="medium"),
        category=_CATEGORY_NAMES.get(_fold(find("category")))
        or _read_choice(Category, find("category"), field="category"),
        remedy=_read_choice(Remedy, find("remedy"), field="remedy") if find("remedy") else Remedy.NUMBER_BLOCK,
        incident_at=_read_time(find("incident_at"), reading, line),
        chronology=find("chronology"),
        loss_rupiah=_read_amount(find("loss_rupiah")),
        complainant=ComplainantDraft(name=name or "", **details) if has_complainant else None,
    )


def read_ftc_file(cells: Cells, reading: FileReading, line: int) -> ComplaintDraft:
    """A row of the daily file. What has no field of its own is kept in the chronology, and so tells rows apart."""
    subject = " ".join(cells["Subject"].split())
    chronology = (
        f"Subject: {subject}. Recorded message or robocall: {cells['Recorded_Message_Or_Robocall'].strip() or '-'}. "
        f"Consumer: {cells['Consumer_City'].strip() or '-'}, {cells['Consumer_State'].strip() or '-'}, "
        f"area code {cells['Consumer_Area_Code'].strip() or '-'}. Complained at {cells['Created_Date'].strip()}."
    )
    return ComplaintDraft(
        number=cells["Company_Phone_Number"],
        region=reading.region,
        medium=Medium.VOICE,
        category=_FTC_SUBJECTS.get(subject.lower(), Category.OTHER),
        incident_at=_read_time(cells["Violation_Date"].strip() or None, reading, line),
        chronology=chronology,
    )


def read_ftc_api(cells: Cells, reading: FileReading, _line: int) -> ComplaintDraft:
    """A record of the API: it tells the day of the complaint, never when the call came or what it was about."""
    return ComplaintDraft(
        source_reference=cells["complaint_id"],
        number=cells["company_phone_number"],
        region=reading.region,
        medium=Medium.VOICE,
        category=Category.OTHER,
        chronology=f"Consumer: area code {cells['consumer_area_code'].strip() or '-'}. "
        f"Complained on {cells['created_date'].strip()}.",
    )


def _fold(text: str | None) -> str:
    return (text or "").upper().replace(" ", "_").replace("-", "_")


_Choice = TypeVar("_Choice", bound=StrEnum)


def _read_choice(choices: type[_Choice], text: str | None, *, field: str) -> _Choice:
    try:
        return choices(_fold(text))
    except ValueError:
        raise RowValueError(field=field, hint=f"One of {', '.join(choices)}.") from None


def _read_time(text: str | None, reading: FileReading, line: int) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise TimeInvalidError(field="incidentAt", hint="Write times in ISO 8601.") from None
    if time.tzinfo is not None:
        return time
    if reading.zone is None:
        raise TimeZoneMissingError("a time without a zone.", line=line, hint="Give a time zone for the file.")
    return time.replace(tzinfo=reading.zone)


def _read_amount(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(2**63)):
        raise RowValueError(field="lossRupiah", hint="A whole number of rupiah, digits only.")
    return int(text)
