"""Cosignatures as C2SP tlog-cosignature has them, and what is none."""

import base64
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.feed.cosigning import (
    WitnessKey,
    cosign,
    find_witness_key,
    is_cosigned,
    parse_cosignature,
    parse_witness_key,
)
from ledger.feed.notes import NoteSigner, parse_verifier_key, sign_note, verify_note

# The example of the specification: a line, and the time that the text beside it gives.
EXAMPLE = (
    "\N{EM DASH} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin"
    "1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA=="
)
EXAMPLE_SECONDS = 1_679_315_147

NAME = "witness.telkomsel.example"
AT = datetime(2026, 5, 1, 12, 0, 0, 900_000, tzinfo=UTC)
TEXT = f"graph.example.id/feed\n7\n{base64.b64encode(bytes(32)).decode()}\n"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = find_witness_key(NAME, PRIVATE)


class TestForm:
    def test_reads_the_example_of_the_specification(self) -> None:
        cosignature = parse_cosignature(EXAMPLE)
        assert cosignature is not None
        assert cosignature.name == "witness.example.com/w1"
        assert cosignature.key_id.hex() == "8d66cf3f"
        assert cosignature.cosigned_at == datetime.fromtimestamp(EXAMPLE_SECONDS, UTC)

    def test_signs_the_header_the_time_and_the_whole_text(self) -> None:
        line = cosign(TEXT, name=NAME, private_key=PRIVATE, at=AT).rstrip("\n")
        seconds = int(AT.timestamp())
        data = base64.b64decode(line.rpartition(" ")[2])
        key_id = sha256(NAME.encode() + b"\n\x04" + KEY.public_key).digest()[:4]
        assert (data[:4], data[4:12], len(data)) == (key_id, seconds.to_bytes(8, "big"), 76)
        signed = f"cosignature/v1\ntime {seconds}\n{TEXT}".encode()
        PRIVATE.public_key().verify(data[12:], signed)

    def test_publishes_its_key_under_a_type_of_its_own(self) -> None:
        assert parse_witness_key(KEY.render()) == KEY
        assert parse_verifier_key(KEY.render()) is None
        logs = NoteSigner(name=NAME, private_key=PRIVATE).verifier_key
        assert parse_witness_key(logs.render()) is None
        assert logs.key_id != KEY.key_id

    def test_stands_beside_the_logs_signature_under_one_note(self) -> None:
        log = NoteSigner(name="graph.example.id/feed", private_key=Ed25519PrivateKey.generate())
        note = sign_note(TEXT, [log]) + cosign(TEXT, name=NAME, private_key=PRIVATE, at=AT)
        assert verify_note(note, keys=[log.verifier_key])

    @pytest.mark.parametrize(
        "line",
        [
            "",
            "no line",
            EXAMPLE[:-4],
            EXAMPLE.replace("jWbP", "jWb"),
            EXAMPLE + "\n",
            EXAMPLE.removeprefix("\N{EM DASH} "),
            f"\N{EM DASH} {'w' * 600} AAAA",
            "\N{EM DASH} w " + base64.b64encode(bytes(4) + b"\xff" * 8 + bytes(64)).decode(),
        ],
    )
    def test_is_none_in_any_other_form(self, line: str) -> None:
        assert parse_cosignature(line) is None


class TestIsCosigned:
    @pytest.fixture
    def cosignature(self):
        return parse_cosignature(cosign(TEXT, name=NAME, private_key=PRIVATE, at=AT).rstrip("\n"))

    def test_holds_for_its_text_and_key(self, cosignature) -> None:
        assert is_cosigned(TEXT, cosignature, KEY)

    def test_does_not_hold_for_another_text_time_or_name(self, cosignature) -> None:
        assert not is_cosigned(TEXT.replace("\n7\n", "\n8\n"), cosignature, KEY)
        assert not is_cosigned(TEXT, replace(cosignature, cosigned_at=datetime(2026, 5, 2, tzinfo=UTC)), KEY)
        assert not is_cosigned(TEXT, cosignature, WitnessKey(name="other.example", public_key=KEY.public_key))

    def test_forged_key_of_the_same_name_does_not_verify(self, cosignature) -> None:
        forger = Ed25519PrivateKey.generate()
        forged = parse_cosignature(cosign(TEXT, name=NAME, private_key=forger, at=AT).rstrip("\n"))
        assert forged is not None
        assert not is_cosigned(TEXT, forged, KEY)
        # Nor with the id of the true key before it: the id proves nothing.
        assert not is_cosigned(TEXT, replace(forged, key_id=KEY.key_id), KEY)
