"""Signed notes and checkpoints: the published ones verify, and nothing that differs from them by one character does."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.feed.merkle import EMPTY_ROOT, hash_leaf
from ledger.feed.notes import (
    NOTE_LENGTH_MAX,
    SIGNATURES_MAX,
    Checkpoint,
    Failure,
    NoteFault,
    NoteSigner,
    SignedCheckpoint,
    SignedText,
    VerifierKey,
    parse_checkpoint,
    parse_verifier_key,
    render_checkpoint,
    sign_note,
    verify_checkpoint,
    verify_note,
)

# The example of Go's sumdb/note, with its private key.
PETER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
PETER_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
PETER_NOTE = f"{PETER_TEXT}\n{PETER_LINE}"

# The example of C2SP tlog-checkpoint.
SOFA_TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
SOFA_LINE = (
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)

ORIGIN = "feed.example/jembatan"
CHECKPOINT = Checkpoint(origin=ORIGIN, size=7, root=hash_leaf(b"7"))


def make_signer(seed, name=ORIGIN):
    return NoteSigner(name=name, private_key=Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed).digest()))


PETER = parse_verifier_key(PETER_KEY)
OLD, NEW, STRANGER = make_signer(b"old"), make_signer(b"new"), make_signer(b"stranger", "witness.example")
NOTE = sign_note(render_checkpoint(CHECKPOINT), [OLD])
TEXTS = st.lists(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"])), min_size=1).map(
    lambda lines: "".join(f"{line}\n" for line in lines)
)


def judge(note, *signers):
    return verify_note(note, keys=[signer.verifier_key for signer in signers])


class TestVerifierKey:
    def test_is_read_from_its_published_form_and_rendered_to_it(self):
        assert PETER.name == "PeterNeumann"
        assert PETER.key_id.hex() == "c74f20a3"
        assert PETER.render() == PETER_KEY

    def test_is_not_read_from_any_part_of_it(self):
        parts = (PETER_KEY[start:end] for start in range(len(PETER_KEY)) for end in range(start, len(PETER_KEY) + 1))
        assert all(parse_verifier_key(part) is None for part in parts if part != PETER_KEY)

    def test_is_not_read_with_one_character_changed(self):
        for place, character in enumerate(PETER_KEY):
            for other in {chr(ord(character) + 1), chr(ord(character) ^ 32), "+", "é"} - {character}:
                assert parse_verifier_key(PETER_KEY[:place] + other + PETER_KEY[place + 1 :]) is None

    @pytest.mark.parametrize(
        "key", [b"\x01" + bytes(31), b"\x01" + bytes(33), b"\x02" + bytes(32), b"\x04" + bytes(32), b"", b"\x01"]
    )
    def test_is_nothing_but_an_ed25519_key_whatever_its_key_id_says(self, key):
        key_id = hashlib.sha256(b"log.example\n" + key).hexdigest()[:8]
        assert parse_verifier_key(f"log.example+{key_id}+{base64.b64encode(key).decode()}") is None

    @pytest.mark.parametrize("name", ["", "two words", "a+b", "no\u00a0break", "line\n", "nul\0", "\ud800", "x" * 257])
    def test_has_a_name_that_a_line_can_hold(self, name):
        with pytest.raises(ValueError, match="name"):
            VerifierKey(name=name, public_key=bytes(32))
        with pytest.raises(ValueError, match="name"):
            sign_note("text\n", [make_signer(b"key", name)])

    @given(st.binary(min_size=32, max_size=32), st.text(st.characters(categories=["L", "N", "P"]), min_size=1))
    def test_survives_being_published(self, public_key, name):
        key = VerifierKey(name=name.replace("+", "-")[:100], public_key=public_key)
        assert parse_verifier_key(key.render()) == key


class TestSignNote:
    def test_makes_the_published_note_to_the_byte(self):
        private_key = Ed25519PrivateKey.from_private_bytes(PETER_SEED)
        assert sign_note(PETER_TEXT, [NoteSigner(name="PeterNeumann", private_key=private_key)]) == PETER_NOTE

    @pytest.mark.parametrize("text", ["", "no end", "tab\t\n", "return\r\n", "nul\0\n", "half a pair \ud800\n"])
    def test_signs_nothing_that_could_not_be_read_back(self, text):
        with pytest.raises(ValueError, match="complete lines"):
            sign_note(text, [OLD])

    def test_needs_a_signer(self):
        with pytest.raises(ValueError, match="signer"):
            sign_note("text\n", [])

    @settings(deadline=None)
    @given(TEXTS)
    def test_signs_any_text_so_that_it_verifies(self, text):
        assert judge(sign_note(text, [OLD, NEW]), NEW, OLD) == SignedText(text, (OLD.verifier_key, NEW.verifier_key))


class TestVerifyNote:
    def test_takes_the_published_note(self):
        assert verify_note(PETER_NOTE, keys=[PETER]) == SignedText(PETER_TEXT, (PETER,))

    def test_takes_no_note_with_one_character_changed_added_or_left_out(self):
        for place, character in enumerate(NOTE):
            for other in ("", "\n", " ", "A", "+", "—", character * 2, chr(ord(character) ^ 1)):
                if other != character:
                    assert not judge(NOTE[:place] + other + NOTE[place + 1 :], OLD)

    def test_takes_no_part_of_a_note(self):
        assert not any(judge(NOTE[:end], OLD) for end in range(len(NOTE)))
        assert not any(judge(NOTE[start:], OLD) for start in range(1, len(NOTE)))

    def test_ignores_who_is_unknown_and_needs_one_who_is_known(self):
        note = sign_note(CHECKPOINT.origin + "\n", [STRANGER, OLD, NEW])
        assert judge(note, OLD).signed_by == (OLD.verifier_key,)
        assert judge(note, NEW, OLD).signed_by == (OLD.verifier_key, NEW.verifier_key)
        assert judge(note, make_signer(b"another")) == Failure(NoteFault.KEY_UNKNOWN)
        assert judge(note) == Failure(NoteFault.KEY_UNKNOWN)

    def test_readers_of_either_key_take_a_note_while_keys_rotate(self):
        rotating = sign_note("text\n", [OLD, NEW])
        assert judge(rotating, OLD)
        assert judge(rotating, NEW)
        assert not judge(sign_note("text\n", [NEW]), OLD)

    def test_a_known_key_that_signed_something_else_spoils_the_note(self):
        other_line = sign_note("other text\n", [NEW]).rpartition("\n\n")[2]
        spoiled = sign_note("text\n", [OLD]) + other_line
        assert judge(spoiled, OLD)
        assert judge(spoiled, OLD, NEW) == Failure(NoteFault.SIGNATURE)

    def test_a_key_of_the_same_name_or_the_same_id_is_not_the_known_one(self):
        namesake, old = make_signer(b"namesake"), OLD.verifier_key
        assert judge(sign_note("text\n", [namesake]), OLD).reason == NoteFault.KEY_UNKNOWN
        forged = base64.b64encode(old.key_id + namesake.private_key.sign(b"text\n")).decode()
        assert judge(f"text\n\n— {ORIGIN} {forged}\n", OLD).reason == NoteFault.SIGNATURE
        assert judge(f"text\n\n— other.example {forged}\n", OLD).reason == NoteFault.KEY_UNKNOWN

    def test_a_line_twice_counts_once(self):
        assert judge(PETER_NOTE + PETER_LINE).reason == NoteFault.KEY_UNKNOWN
        assert verify_note(PETER_NOTE + PETER_LINE, keys=[PETER]).signed_by == (PETER,)

    def test_the_last_blank_line_parts_text_and_signatures(self):
        text = "first\n\n— looks.like AAAABBBB\n\nlast\n\n"
        assert judge(sign_note(text, [OLD]), OLD).text == text

    @pytest.mark.parametrize(
        "note",
        [
            "",
            "\n",
            "\n\n",
            PETER_TEXT,
            PETER_LINE,
            f"\n{PETER_LINE}",
            f"{PETER_TEXT}\n",
            f"{PETER_TEXT}{PETER_LINE}",
            f"{PETER_NOTE}\n",
            f"{PETER_NOTE}— \n",
            PETER_NOTE[:-1],
            PETER_NOTE.replace("\n", "\r\n"),
            PETER_NOTE.replace("—", "-"),
            PETER_NOTE.replace("— ", "—"),
            PETER_NOTE.replace("— ", "—  "),
            PETER_NOTE.replace("— ", "—\u00a0"),
            PETER_NOTE.replace(" x08", "  x08"),
            PETER_NOTE.replace("AM=", "AM"),
            PETER_NOTE.replace("AM=", "AN="),  # the same bytes by a lenient reader
            PETER_NOTE.replace("AM=", "AM= "),
            PETER_NOTE.replace("PeterNeumann", "Peter+Neumann"),
            PETER_NOTE.replace("PeterNeumann", "Peter\u2003Neumann"),
            f"{PETER_TEXT}\n— PeterNeumann \n",
            f"{PETER_TEXT}\n— PeterNeumann\n",
            f"{PETER_TEXT}\n— PeterNeumann x08gow==\n",  # a key id and nothing signed
            f"{PETER_NOTE}note\n",
            f"\x1b{PETER_NOTE}",
            f"\udcff{PETER_NOTE}",
        ],
    )
    def test_is_strict_about_form(self, note):
        assert verify_note(note, keys=[PETER]) == Failure(NoteFault.MALFORMED)

    def test_is_bounded_in_length_and_signatures(self):
        stranger_line = sign_note("text\n", [STRANGER]).rpartition("\n\n")[2]
        assert verify_note(PETER_NOTE + stranger_line * (SIGNATURES_MAX - 1), keys=[PETER])
        too_many = PETER_NOTE + stranger_line * SIGNATURES_MAX
        assert verify_note(too_many, keys=[PETER]) == Failure(NoteFault.MALFORMED)
        too_long = sign_note("x" * NOTE_LENGTH_MAX + "\n", [OLD])
        assert judge(too_long, OLD) == Failure(NoteFault.TOO_LONG)

    @settings(deadline=None)
    @given(st.text() | st.text("— \n\n+=Aa\ud800", max_size=40).map(lambda end: f"text\n\n— a {end}"))
    def test_answers_whatever_comes_with_a_verdict(self, note):
        assert not judge(note, OLD)


class TestCheckpoint:
    def test_is_read_as_the_specification_has_it(self):
        root = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
        sofa = Checkpoint(origin="example.com/behind-the-sofa", size=20_852_163, root=root)
        assert parse_checkpoint(SOFA_TEXT) == sofa
        assert render_checkpoint(sofa) == SOFA_TEXT
        published = verify_note(f"{SOFA_TEXT}\n{SOFA_LINE}", keys=[PETER])
        assert published == Failure(NoteFault.KEY_UNKNOWN)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            SOFA_TEXT[:-1],
            "\n" + SOFA_TEXT,
            SOFA_TEXT + "\n",
            SOFA_TEXT + "extension\n\n",
            SOFA_TEXT.partition("\n")[2],
            SOFA_TEXT.replace("example.com/behind-the-sofa", ""),
            SOFA_TEXT.replace("20852163", ""),
            SOFA_TEXT.replace("20852163", "020852163"),
            SOFA_TEXT.replace("20852163", "+20852163"),
            SOFA_TEXT.replace("20852163", "-1"),
            SOFA_TEXT.replace("20852163", "0x10"),
            SOFA_TEXT.replace("20852163", " 20852163"),
            SOFA_TEXT.replace("20852163", "٢٠"),
            SOFA_TEXT.replace("20852163", str(1 << 63)),
            SOFA_TEXT.replace("20852163", "9" * 5_000),
            SOFA_TEXT.replace("q2I=", "q2J="),
            SOFA_TEXT.replace("q2I=", "q2I"),
            SOFA_TEXT.replace("q2I=", ""),
            SOFA_TEXT.replace("CsUY", "AAAACsUY"),
        ],
    )
    def test_is_strict_about_form(self, text):
        assert parse_checkpoint(text) is None

    def test_lines_of_others_after_the_third_are_passed_over(self):
        assert parse_checkpoint(SOFA_TEXT + "extension\n") == parse_checkpoint(SOFA_TEXT)

    def test_of_the_empty_feed_is_one_too(self):
        empty = Checkpoint(origin=ORIGIN, size=0, root=EMPTY_ROOT)
        assert render_checkpoint(empty).splitlines()[1:] == ["0", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]
        assert parse_checkpoint(render_checkpoint(empty)) == empty

    @pytest.mark.parametrize(
        "change", [{"origin": "two words"}, {"origin": ""}, {"origin": "a+b"}, {"size": -1}, {"root": b"short"}]
    )
    def test_that_could_not_be_read_back_is_not_rendered(self, change):
        fields = {"origin": ORIGIN, "size": 7, "root": EMPTY_ROOT} | change
        with pytest.raises(ValueError, match="checkpoint"):
            render_checkpoint(Checkpoint(**fields))

    def test_is_taken_from_a_known_key_and_for_its_own_log_only(self):
        keys = [OLD.verifier_key]
        assert verify_checkpoint(NOTE, origin=ORIGIN, keys=keys) == SignedCheckpoint(CHECKPOINT, (OLD.verifier_key,))
        assert verify_checkpoint(NOTE, origin="other.example", keys=keys) == Failure(NoteFault.ORIGIN)
        assert verify_checkpoint(NOTE, origin=ORIGIN, keys=[PETER]) == Failure(NoteFault.KEY_UNKNOWN)
        assert verify_checkpoint(PETER_NOTE, origin=ORIGIN, keys=[PETER]) == Failure(NoteFault.CHECKPOINT)

    @given(st.integers(0, (1 << 63) - 1), st.binary(min_size=32, max_size=32))
    def test_survives_being_rendered(self, size, root):
        checkpoint = Checkpoint(origin=ORIGIN, size=size, root=root)
        assert parse_checkpoint(render_checkpoint(checkpoint)) == checkpoint
