"""One record of a file as a complaint: the columns of each format, and the terms that files use. Pure.

The FTC's subjects are mapped to categories here, by what the caller wanted.
Source: the columns of the FTC's Do Not Call complaint files and of its API.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.drafts import ComplaintDraft
from ledger.complaints.file_formats import FileFormat
from ledger.complaints.vocabulary import Medium, Remedy
from ledger.numbers.forms import HOME_REGION
from ledger.spreadsheets import Column, Layout, choice_of, read_whole_number
from ledger.text_files import Encoding
from ledger.vocabulary import Category
from ledger.written_times import NOTHING_SAID, FileTimes, read_time


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReading:
    """How to read a file: the region of numbers without a country code, what was said of its times, and its encoding.

    An encoding of None is UTF-8, or UTF-16 with a byte order mark.
    """

    format: FileFormat
    region: str = HOME_REGION
    times: FileTimes = NOTHING_SAID
    encoding: Encoding | None = None


COMPLAINT = Layout(
    columns=(
        Column("source_reference", other_names=("external_id", "id", "reference")),
        Column("number"),
        Column("region"),
        Column("account_platform"),
        Column("account_handle"),
        Column("account_url"),
        Column("medium", choice_of(Medium), is_required=True),
        Column(
            "category",
            choice_of(Category, {"SPAM": Category.SPAM_ADVERT, "SCAM": Category.FRAUD}),
            is_required=True,
        ),
        Column("remedy", choice_of(Remedy), default=Remedy.NUMBER_BLOCK),
        Column("incident_at", read_time, field="incidentAt"),
        Column("chronology", other_names=("narrative",)),
        Column("loss_rupiah", read_whole_number, field="lossRupiah"),
        Column("complainant_name"),
        Column("complainant_identity_number"),
        Column("complainant_phone"),
        Column("complainant_email"),
        Column("complainant_address"),
    ),
    needed=(("medium",), ("category",), ("number", "account_platform")),
)
FTC_FILE = Layout(
    columns=(
        Column("Company_Phone_Number", is_required=True),
        Column("Created_Date", is_required=True),
        Column("Violation_Date", read_time, field="incidentAt"),
        Column("Consumer_City", default="-"),
        Column("Consumer_State", default="-"),
        Column("Consumer_Area_Code", default="-"),
        Column("Subject", is_required=True),
        Column("Recorded_Message_Or_Robocall", default="-"),
    )
)
FTC_API = Layout(
    columns=(
        Column("created_date", is_required=True),
        Column("complaint_id", is_required=True),
        Column("company_phone_number", is_required=True),
        Column("consumer_area_code", default="-"),
    )
)
# Subjects with runs of spaces collapsed. Sales calls are SPAM_ADVERT; promises of money and appeals for it are FRAUD.
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
_COMPLAINANT_PARTS = {
    name: name.removeprefix("complainant_") for name in COMPLAINT.names if name.startswith("complainant_")
}

MakeDraft = Callable[[dict[str, Any], str], ComplaintDraft]
"""Makes a complaint from a row's values, which it may consume, and the file's region."""


def make_complaint(values: dict[str, Any], region: str) -> ComplaintDraft:
    """Make a complaint from our own columns, which are the same in CSV and JSON lines."""
    person = {part: values.pop(name) for name, part in _COMPLAINANT_PARTS.items()}
    has_complainant = any(person.values())
    person["name"] = person["name"] or ""
    values["region"] = values["region"] or region
    return ComplaintDraft(**values, complainant=ComplainantDraft(**person) if has_complainant else None)


def make_ftc_file(values: dict[str, Any], region: str) -> ComplaintDraft:
    """Make one from a row of the daily file. Other columns go into the chronology, which keeps rows distinct."""
    subject = " ".join(values["Subject"].split())
    chronology = (
        f"Subject: {subject}. Recorded message or robocall: {values['Recorded_Message_Or_Robocall']}. "
        f"Consumer: {values['Consumer_City']}, {values['Consumer_State']}, "
        f"area code {values['Consumer_Area_Code']}. Complained at {values['Created_Date']}."
    )
    return ComplaintDraft(
        number=values["Company_Phone_Number"],
        region=region,
        medium=Medium.VOICE,
        category=_FTC_SUBJECTS.get(subject.lower(), Category.OTHER),
        incident_at=values["Violation_Date"],
        chronology=chronology,
    )


def make_ftc_api(values: dict[str, Any], region: str) -> ComplaintDraft:
    """Make one from a record of the API, which gives the day of the complaint, but no time or subject of the call."""
    return ComplaintDraft(
        source_reference=values["complaint_id"],
        number=values["company_phone_number"],
        region=region,
        medium=Medium.VOICE,
        category=Category.OTHER,
        chronology=f"Consumer: area code {values['consumer_area_code']}. Complained on {values['created_date']}.",
    )
