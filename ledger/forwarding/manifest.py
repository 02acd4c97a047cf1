"""The manifest of a run as the text that an approver reads, and whose hash the approver names."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ledger.canonical import render_canonical
from ledger.forwarding.table import ForwardingItem

_OF_OFFERS = frozenset({"account_id", "provider_id", "referral_id"})


def render_manifest(items: Sequence[ForwardingItem]) -> str:
    """Return the canonical text of a manifest's items, in order; its SHA-256 is the manifest's hash."""
    return render_canonical({"items": [_render_item(item) for item in items]})


def _render_item(item: ForwardingItem) -> Mapping[str, Any]:
    """An item's fields; those that manifests of earlier versions don't have are left out where they are empty."""
    return {name: value for name, value in asdict(item).items() if value is not None or name not in _OF_OFFERS}
