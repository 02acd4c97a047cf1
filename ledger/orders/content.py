"""The content of an order: what an approver reads and approves by its hash, and what is then issued, to the letter.

The content is what was drafted: a complaint that joins later changes nothing in it (docs/adr/0085).
"""

from collections.abc import Mapping
from typing import Any

from ledger.canonical import hash_canonical, render_canonical
from ledger.errors import ConflictError
from ledger.orders.table import BlockOrder


class ContentChangedError(ConflictError):
    """The hash does not match the present content."""

    code = "CONTENT_CHANGED"
    hint = "Read contentText again, and name the contentHash that belongs to it."


def describe_content(order: BlockOrder) -> Mapping[str, Any]:
    """Return the content of an order, or of its lift if the record has the basis of one, for ledger/canonical.py.

    The record must have been read with the regulator's rights; version is the one that is, or is to be, issued.
    """
    content: dict[str, Any] = {
        "kind": "BLOCK",
        "orderId": order.id,
        "orderNo": order.order_no,
        "version": order.version,
        "directiveId": order.directive_id,
        "supersedesId": order.supersedes_id,
        "number": order.e164,
        "epoch": order.epoch,
        "carrierId": order.carrier_id,
        "brandId": order.brand_id,
        "category": order.category,
        "scope": order.scope,
        "legalBasis": order.legal_basis,
        "summary": order.summary,
        "subscriberNotice": order.subscriber_notice,
        "holdReasons": order.hold_reasons,
        "complaintCount": order.drafted_complaint_count,
        "complainantCount": order.drafted_complainant_count,
    }
    if order.lift_basis is not None:
        content |= {"kind": "LIFT", "liftBasis": order.lift_basis, "liftNote": order.lift_note}
    return content


def render_content(order: BlockOrder) -> str:
    """Return the canonical text of an order's content."""
    return render_canonical(describe_content(order))


def hash_content(order: BlockOrder) -> str:
    """Return the hexadecimal SHA-256 of the canonical text of an order's content."""
    return hash_canonical(render_content(order))


def require_content(order: BlockOrder, content_hash: str) -> None:
    """Errors: ContentChangedError unless this is the hash of the order's content."""
    if hash_content(order) != content_hash.strip().lower():
        raise ContentChangedError(field="contentHash")
