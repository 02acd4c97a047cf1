"""Corrections of acknowledgements, and the statement on which an order's state rests."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

FIND_STANDING = """
UPDATE block_orders o SET standing_acknowledgement_id = (
  SELECT a.id FROM order_acknowledgements a
  WHERE a.order_id = o.id AND a.version = o.version AND a.moved_state AND a.kind <> 'EXTENSION_REQUESTED'
  ORDER BY a.id DESC LIMIT 1)
WHERE o.last_acknowledgement IS NOT NULL
"""


def upgrade() -> None:
    op.add_column("block_orders", sa.Column("standing_acknowledgement_id", sa.Uuid(as_uuid=False), nullable=True))
    op.execute(FIND_STANDING)
    op.add_column("order_acknowledgements", sa.Column("corrects", sa.Uuid(as_uuid=False), nullable=True))
    op.create_foreign_key(
        op.f("fk_order_acknowledgements_corrects"),
        "order_acknowledgements",
        "order_acknowledgements",
        ["corrects"],
        ["id"],
    )
    op.create_unique_constraint(op.f("uq_order_acknowledgements_corrects"), "order_acknowledgements", ["corrects"])
    op.create_check_constraint(
        op.f("ck_order_acknowledgements_correction_with_note"),
        "order_acknowledgements",
        "corrects IS NULL OR (moved_state AND note IS NOT NULL)",
    )


def downgrade() -> None:
    op.drop_constraint("ck_order_acknowledgements_correction_with_note", "order_acknowledgements", type_="check")
    op.drop_constraint("uq_order_acknowledgements_corrects", "order_acknowledgements", type_="unique")
    op.drop_constraint("fk_order_acknowledgements_corrects", "order_acknowledgements", type_="foreignkey")
    op.drop_column("order_acknowledgements", "corrects")
    op.drop_column("block_orders", "standing_acknowledgement_id")
