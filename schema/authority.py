"""Named sets of scopes that the parts of the graph require; docs/graph.md lists the requirements as a table.

Any one inner list suffices, and all of its scopes are required. The sets named *_STAFF contain only scopes that a
regulator's token can have, so that any other caller gets an error instead of a silent null for a regulator-only field.
"""

from auth import scopes

Need = list[list[str]]

COMPLAINTS_READ: Need = [[scopes.COMPLAINTS_READ]]
ACCOUNT_READERS: Need = [[scopes.COMPLAINTS_READ], [scopes.REFERRALS_READ]]
COMPLAINTS_FILE: Need = [[scopes.COMPLAINTS_FILE]]
COMPLAINTS_DECIDE: Need = [[scopes.COMPLAINTS_DECIDE]]
COMPLAINANTS_REVEAL: Need = [[scopes.COMPLAINANTS_REVEAL]]
EVIDENCE_READ: Need = [[scopes.EVIDENCE_READ]]
EVIDENCE_RELEASE: Need = [[scopes.EVIDENCE_RELEASE]]
ORDERS_READ: Need = [[scopes.ORDERS_READ]]
ORDERS_DRAFT: Need = [[scopes.ORDERS_DRAFT]]
ORDERS_APPROVE: Need = [[scopes.ORDERS_APPROVE]]
ORDERS_ACKNOWLEDGE: Need = [[scopes.ORDERS_ACKNOWLEDGE]]
REFERRALS_READ: Need = [[scopes.REFERRALS_READ]]
REFERRALS_OFFER: Need = [[scopes.REFERRALS_OFFER]]
REFERRALS_RESPOND: Need = [[scopes.REFERRALS_RESPOND]]
BOTH_INSTRUMENTS: Need = [[scopes.ORDERS_READ, scopes.REFERRALS_READ]]
NUMBERS_READ: Need = [[scopes.NUMBERS_READ]]
NUMBERS_MANAGE: Need = [[scopes.NUMBERS_MANAGE]]
MEMBERS_READ: Need = [[scopes.MEMBERS_READ]]
MEMBERS_MANAGE: Need = [[scopes.MEMBERS_MANAGE]]
AUDIT_READ: Need = [[scopes.AUDIT_READ]]
FEED_READ: Need = [[scopes.FEED_READ]]
FEED_WITNESS: Need = [[scopes.FEED_WITNESS]]
SIGNALS_READ: Need = [[scopes.SIGNALS_READ]]
SIGNALS_CONTRIBUTE: Need = [[scopes.SIGNALS_CONTRIBUTE]]
SIGNALS_CONFIRM: Need = [[scopes.SIGNALS_CONFIRM]]
SIGNALS_REVOKE: Need = [[scopes.SIGNALS_REVOKE]]
PARTICIPATIONS_MANAGE: Need = [[scopes.PARTICIPATIONS_MANAGE]]
PARTICIPATIONS_ACCEPT: Need = [[scopes.PARTICIPATIONS_ACCEPT]]
PARTICIPATIONS_LEAVE: Need = [[scopes.PARTICIPATIONS_LEAVE]]
HOLDS_MANAGE: Need = [[scopes.HOLDS_MANAGE]]
OUTAGE_READERS: Need = [[scopes.FEED_READ], [scopes.ORDERS_READ]]
STATISTICS_READERS: Need = [[scopes.COMPLAINTS_READ], [scopes.ORDERS_READ]]

ORDER_STAFF: Need = [[scopes.ORDERS_DRAFT], [scopes.ORDERS_APPROVE], [scopes.AUDIT_READ]]
REFERRAL_STAFF: Need = [[scopes.REFERRALS_OFFER], [scopes.AUDIT_READ]]
COMPLAINT_STAFF: Need = [[scopes.COMPLAINTS_DECIDE], [scopes.AUDIT_READ]]
NUMBER_STAFF: Need = [
    [scopes.COMPLAINTS_DECIDE],
    [scopes.ORDERS_DRAFT],
    [scopes.ORDERS_APPROVE],
    [scopes.NUMBERS_MANAGE],
    [scopes.AUDIT_READ],
]
NUMBERING_STAFF: Need = [[scopes.NUMBERS_MANAGE], [scopes.AUDIT_READ]]
MEMBER_STAFF: Need = [
    [scopes.MEMBERS_MANAGE],
    [scopes.COMPLAINTS_DECIDE],
    [scopes.ORDERS_DRAFT],
    [scopes.ORDERS_APPROVE],
    [scopes.AUDIT_READ],
]
OFFICER_KEEPERS: Need = [[scopes.MEMBERS_MANAGE], [scopes.OFFICERS_MANAGE]]
"""Who looks after officers: those of any member, or those of the own member alone."""
OFFICER_READERS: Need = [
    *OFFICER_KEEPERS,
    [scopes.PARTICIPATIONS_MANAGE],
    [scopes.PARTICIPATIONS_ACCEPT],
    [scopes.AUDIT_READ],
]
"""Who sees officers of members as such: a member its own, and the regulator's staff."""
SIGNAL_STAFF: Need = [[scopes.SIGNALS_REVOKE], [scopes.PARTICIPATIONS_MANAGE], [scopes.AUDIT_READ]]
CONTRIBUTION_READERS: Need = [[scopes.SIGNALS_CONTRIBUTE], *SIGNAL_STAFF]
PARTICIPATION_READERS: Need = [
    [scopes.SIGNALS_READ],
    [scopes.PARTICIPATIONS_MANAGE],
    [scopes.PARTICIPATIONS_ACCEPT],
    [scopes.AUDIT_READ],
]
SIGNATORIES: Need = [[scopes.PARTICIPATIONS_ACCEPT], [scopes.PARTICIPATIONS_MANAGE]]
NARROWERS: Need = [[scopes.PARTICIPATIONS_LEAVE], [scopes.PARTICIPATIONS_MANAGE]]
KEY_ROTATORS: Need = [[scopes.SIGNALS_CONTRIBUTE], [scopes.PARTICIPATIONS_MANAGE]]
