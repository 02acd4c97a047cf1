"""Which scopes each part of the graph needs, by name; docs/graph.md has the same as a table.

An outer list is alternatives, an inner one must be had whole. The sets named *_STAFF hold only scopes that a
regulator's token can have, so that nobody else gets a silent null where a field is the regulator's alone.
"""

from auth import scopes

Need = list[list[str]]

COMPLAINTS_READ: Need = [[scopes.COMPLAINTS_READ]]
COMPLAINTS_FILE: Need = [[scopes.COMPLAINTS_FILE]]
COMPLAINTS_DECIDE: Need = [[scopes.COMPLAINTS_DECIDE]]
COMPLAINANTS_REVEAL: Need = [[scopes.COMPLAINANTS_REVEAL]]
ORDERS_READ: Need = [[scopes.ORDERS_READ]]
ORDERS_DRAFT: Need = [[scopes.ORDERS_DRAFT]]
ORDERS_APPROVE: Need = [[scopes.ORDERS_APPROVE]]
ORDERS_ACKNOWLEDGE: Need = [[scopes.ORDERS_ACKNOWLEDGE]]
NUMBERS_READ: Need = [[scopes.NUMBERS_READ]]
NUMBERS_MANAGE: Need = [[scopes.NUMBERS_MANAGE]]
MEMBERS_READ: Need = [[scopes.MEMBERS_READ]]
MEMBERS_MANAGE: Need = [[scopes.MEMBERS_MANAGE]]
AUDIT_READ: Need = [[scopes.AUDIT_READ]]
FEED_READ: Need = [[scopes.FEED_READ]]
SIGNALS_READ: Need = [[scopes.SIGNALS_READ]]
SIGNALS_CONTRIBUTE: Need = [[scopes.SIGNALS_CONTRIBUTE]]
SIGNALS_REVOKE: Need = [[scopes.SIGNALS_REVOKE]]
PARTICIPATIONS_MANAGE: Need = [[scopes.PARTICIPATIONS_MANAGE]]
HOLDS_MANAGE: Need = [[scopes.HOLDS_MANAGE]]

ORDER_STAFF: Need = [[scopes.ORDERS_DRAFT], [scopes.ORDERS_APPROVE], [scopes.AUDIT_READ]]
COMPLAINT_STAFF: Need = [[scopes.COMPLAINTS_DECIDE], [scopes.AUDIT_READ]]
NUMBER_STAFF: Need = [
    [scopes.COMPLAINTS_DECIDE],
    [scopes.ORDERS_DRAFT],
    [scopes.ORDERS_APPROVE],
    [scopes.NUMBERS_MANAGE],
    [scopes.AUDIT_READ],
]
MEMBER_STAFF: Need = [
    [scopes.MEMBERS_MANAGE],
    [scopes.COMPLAINTS_DECIDE],
    [scopes.ORDERS_DRAFT],
    [scopes.ORDERS_APPROVE],
    [scopes.AUDIT_READ],
]
SIGNAL_STAFF: Need = [[scopes.SIGNALS_REVOKE], [scopes.PARTICIPATIONS_MANAGE], [scopes.AUDIT_READ]]
PARTICIPATION_READERS: Need = [[scopes.SIGNALS_READ], [scopes.PARTICIPATIONS_MANAGE], [scopes.AUDIT_READ]]
KEY_ROTATORS: Need = [[scopes.SIGNALS_CONTRIBUTE], [scopes.PARTICIPATIONS_MANAGE]]
