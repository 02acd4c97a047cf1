"""What an event may say."""

import pytest

from ledger.feed.events import PAYLOAD_KEYS, EventDraft, PayloadError
from ledger.feed.vocabulary import EventKind, Subject


class TestEventDraft:
    def test_says_what_its_kind_may_say(self):
        draft = EventDraft(
            kind=EventKind.COMPLAINT_FILED,
            subject=Subject.COMPLAINT,
            subject_id="1",
            payload={"category": "FRAUD", "medium": "SMS"},
        )
        assert draft.payload["category"] == "FRAUD"

    @pytest.mark.parametrize("kind", [kind for kind in EventKind if kind is not EventKind.OTHER])
    def test_says_nothing_else(self, kind: EventKind):
        with pytest.raises(PayloadError, match=f"{kind} may not contain chronology"):
            EventDraft(kind=kind, subject=Subject.COMPLAINT, subject_id="1", payload={"chronology": "told at length"})

    def test_has_no_key_for_what_people_write(self):
        written = {"note", "purpose", "summary", "chronology", "name", "phone", "email", "address", "e164", "number"}
        assert {key for keys in PAYLOAD_KEYS.values() for key in keys} & written == set()

    def test_never_has_the_kind_or_subject_that_stands_for_those_of_later_versions(self):
        for sides in ({"kind": EventKind.OTHER}, {"subject": Subject.OTHER}):
            with pytest.raises(PayloadError, match="OTHER"):
                EventDraft(
                    **({"kind": EventKind.ORDER_ISSUED, "subject": Subject.BLOCK_ORDER, "subject_id": "1"} | sides)
                )
