"""When scheduled forwarding runs are due: moments in the legal time zone, from a policy and a time, without any I/O.

Daily: each day at an hour. Monthly: each month on a day at that hour. Continuous: every so many minutes of a legal day,
which begins anew at midnight.
"""

from datetime import datetime, timedelta

from ledger.legal_time import LEGAL_ZONE
from ledger.policies import ForwardingPolicy


def find_moment(policy: ForwardingPolicy, as_of: datetime) -> datetime | None:
    """Return the latest moment that is not after as_of; None if no runs are scheduled."""
    local = as_of.astimezone(LEGAL_ZONE)
    match policy.forwarding_schedule:
        case "off":
            return None
        case "continuous":
            passed = local - begin_day(local)
            every = timedelta(minutes=policy.forwarding_minutes)
            return local - passed % every
        case "daily":
            moment = begin_day(local).replace(hour=policy.forwarding_hour)
            return moment if moment <= local else moment - timedelta(days=1)
        case "monthly":
            moment = begin_day(local).replace(day=policy.forwarding_day, hour=policy.forwarding_hour)
            return moment if moment <= local else _step_month(moment, -1)


def find_next_moment(policy: ForwardingPolicy, as_of: datetime) -> datetime | None:
    """Return the first moment after as_of; None if no runs are scheduled."""
    moment = find_moment(policy, as_of)
    if moment is None or policy.forwarding_schedule == "off":
        return None
    match policy.forwarding_schedule:
        case "continuous":
            midnight = begin_day(moment) + timedelta(days=1)
            return min(moment + timedelta(minutes=policy.forwarding_minutes), midnight)
        case "daily":
            return moment + timedelta(days=1)
        case "monthly":
            return _step_month(moment, 1)


def begin_day(moment: datetime) -> datetime:
    """Return the beginning of the legal day that a moment is in."""
    return moment.astimezone(LEGAL_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)


def _step_month(moment: datetime, step: int) -> datetime:
    """Return the same day and hour of another month; the policy has no day that some month lacks."""
    months = moment.year * 12 + moment.month - 1 + step
    return moment.replace(year=months // 12, month=months % 12 + 1)
