"""Settings of uploads and downloads of evidence in one serving process."""

from typing import ClassVar

from pydantic import Field

from ledger.sections import SettingsSection


class TransferSettings(SettingsSection):
    """How many uploads and downloads of evidence one process serves at once, and how long one may stand still."""

    title: ClassVar[str] = "Uploads and downloads of evidence"

    transfers_max: int = Field(
        64, ge=1, le=10_000, description="Uploads and downloads of evidence that a process serves at once."
    )
    transfers_per_caller_max: int = Field(
        4, ge=1, le=1_000, description="The same for one officer, or one client that acts for itself; others wait."
    )
    transfer_stall_seconds: float = Field(
        30, gt=0, le=3_600, description="How long a download waits for a client that reads nothing before it ends."
    )
