"""What the steps of the journey share: the parties, the clock, and what came out so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.demo.cast import AGENCY, INDOSAT, PROVIDER, TELKOMSEL, XLSMART, Cast
from gateway.demo.clock import DemoClock
from gateway.demo.parties import Party, expect

LEGAL_BASIS = "PM Kominfo 5/2021, Lampiran XII"
SUBSCRIBER_NOTICE = "Blocked after verified complaints of misuse. Appeal with your operator's help desk."


@dataclass(slots=True, kw_only=True)
class Story:
    """Owned by the task that plays the journey. order_ids is by number, complaint_ids by the agency's reference."""

    cast: Cast
    clock: DemoClock
    parties: Mapping[str, Party]
    complaint_ids: dict[str, str] = field(default_factory=dict)
    order_ids: dict[str, str] = field(default_factory=dict)
    order_nos: dict[str, str] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def ana(self) -> Party:
        """The officer who drafts."""
        return self.parties["ana"]

    @property
    def budi(self) -> Party:
        """The officer who approves."""
        return self.parties["budi"]

    @property
    def agency(self) -> Party:
        """The agency's system."""
        return self.parties[AGENCY]

    @property
    def telkomsel(self) -> Party:
        """One carrier's system."""
        return self.parties[TELKOMSEL]

    @property
    def indosat(self) -> Party:
        """Another's, which signs assertions."""
        return self.parties[INDOSAT]

    @property
    def xlsmart(self) -> Party:
        """A third's."""
        return self.parties[XLSMART]

    @property
    def provider(self) -> Party:
        """The OTT provider's system."""
        return self.parties[PROVIDER]


def taken(results: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    """The orders of a bulk answer in which nothing was refused. Errors: StepFailedError."""
    refused = [result["problem"] for result in results if result["problem"]]
    expect(not refused, f"{what}, not {refused}")
    return [result["blockOrder"] for result in results]
