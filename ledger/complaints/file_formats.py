"""The formats of files of complaints, by the names that operators type. Pure; reading them is in files.py."""

from enum import StrEnum


class FileFormat(StrEnum):
    """The format of a file of complaints."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    FTC_DNC = "ftc-dnc"
