"""A manifest is read whole and checked, or the gateway doesn't start; what it holds is found by its hash."""

import json
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any

import pytest

from gateway.operations import trusted_documents
from gateway.operations.errors import (
    DocumentNotTrustedError,
    MalformedRequestError,
    PersistedQueryNotFoundError,
    PersistedQueryNotSupportedError,
)
from gateway.operations.requests import build_request
from gateway.operations.trusted_documents import TrustedDocuments, load_trusted_documents, parse_manifest
from gateway.settings import Settings, SettingsError

TEXT = "query Nomor { open }\n# naïve ✓"
HASH = sha256(TEXT.encode()).hexdigest()
OTHER = sha256(b"{ other }").hexdigest()


def apollo(*operations: dict[str, Any], **changes: Any) -> bytes:
    manifest = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}
    return json.dumps(manifest | changes).encode()


class TestManifest:
    @pytest.mark.parametrize(
        "content",
        [
            apollo({"id": HASH, "name": "Nomor", "type": "query", "body": TEXT}),
            json.dumps({HASH: TEXT}).encode(),
            json.dumps({f"sha256:{HASH}": TEXT}).encode(),
        ],
        ids=["Apollo's", "graphql-codegen's and Relay's", "with the prefix of GraphQL over HTTP"],
    )
    def test_of_either_form_is_read_by_hash(self, content: bytes) -> None:
        assert parse_manifest(content) == {HASH: TEXT}

    @pytest.mark.parametrize("content", [b"{}", apollo()])
    def test_may_be_empty(self, content: bytes) -> None:
        assert parse_manifest(content) == {}

    @pytest.mark.parametrize("identifier", [OTHER, HASH.upper(), HASH[:-1], sha1(TEXT.encode()).hexdigest(), "Nomor"])  # noqa: S324
    @pytest.mark.parametrize("is_apollo", [True, False])
    def test_with_an_id_that_is_not_the_sha_256_of_its_text_is_refused_by_name(
        self, identifier: str, *, is_apollo: bool
    ) -> None:
        plain = json.dumps({identifier: TEXT}).encode()
        with pytest.raises(MalformedRequestError, match=identifier[:20]):
            parse_manifest(apollo({"id": identifier, "body": TEXT}) if is_apollo else plain)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"[]",
            b"7",
            b"\xff",
            b'{"a": 1}',
            json.dumps({HASH: None}).encode(),
            json.dumps({HASH: {"body": TEXT}}).encode(),
            f'{{"{HASH}": "{{ a }}", "{HASH}": "{{ a }}"}}'.encode(),
            apollo({"id": HASH}),
            apollo({"body": TEXT}),
            apollo({"id": HASH, "body": TEXT}, version=2),
            apollo({"id": HASH, "body": TEXT}, format="another"),
            apollo(operations={HASH: TEXT}),
            json.dumps({"format": "apollo-persisted-query-manifest", "version": 1, "operations": [TEXT]}).encode(),
        ],
    )
    def test_of_any_other_form_is_refused(self, content: bytes) -> None:
        with pytest.raises(MalformedRequestError):
            parse_manifest(content)

    def test_has_a_bounded_number_of_documents(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(trusted_documents, "DOCUMENTS_MAX", 2)
        texts = ["{ a }", "{ b }", "{ c }"]
        entries = [(sha256(text.encode()).hexdigest(), text) for text in texts]
        assert len(parse_manifest(json.dumps(dict(entries[:2])).encode())) == 2
        with pytest.raises(MalformedRequestError, match="more than 2 documents"):
            parse_manifest(json.dumps(dict(entries)).encode())


class TestLoading:
    def test_without_a_manifest_trusts_nothing_and_takes_everything(self) -> None:
        assert load_trusted_documents(Settings()) == TrustedDocuments()

    def test_reads_the_file_that_the_setting_names(self, tmp_path: Path) -> None:
        manifest = tmp_path / "manifest.json"
        manifest.write_bytes(json.dumps({HASH: TEXT}).encode())
        settings = Settings(trusted_documents=manifest, trusted_documents_only=True)
        assert load_trusted_documents(settings) == TrustedDocuments({HASH: TEXT}, is_exclusive=True)

    def test_names_the_setting_where_the_file_is_missing_wrong_or_too_large(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wrong, large = tmp_path / "wrong.json", tmp_path / "large.json"
        wrong.write_text(json.dumps({OTHER: TEXT}))
        with pytest.raises(SettingsError, match=rf"^JEMBATAN_TRUSTED_DOCUMENTS: .*{OTHER}"):
            load_trusted_documents(Settings(trusted_documents=wrong))
        large.write_text(json.dumps({HASH: TEXT}))
        monkeypatch.setattr(trusted_documents, "MANIFEST_BYTES_MAX", large.stat().st_size)
        assert load_trusted_documents(Settings(trusted_documents=large)).texts == {HASH: TEXT}
        monkeypatch.setattr(trusted_documents, "MANIFEST_BYTES_MAX", large.stat().st_size - 1)
        refused = {tmp_path / "missing.json": "can't be read", tmp_path: "can't be read", large: "larger than"}
        for path, told in refused.items():
            with pytest.raises(SettingsError, match=rf"^JEMBATAN_TRUSTED_DOCUMENTS: .*{told}"):
                load_trusted_documents(Settings(trusted_documents=path))

    def test_of_nothing_else_than_nothing_is_refused(self) -> None:
        with pytest.raises(SettingsError, match=r"^JEMBATAN_TRUSTED_DOCUMENTS_ONLY: "):
            load_trusted_documents(Settings(trusted_documents_only=True))


def by_hash(name: str, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": name}}, **more}


class TestFinding:
    @pytest.mark.parametrize(
        "sent", [{"documentId": HASH}, {"documentId": f"sha256:{HASH}"}, by_hash(HASH), by_hash(HASH, query="")]
    )
    @pytest.mark.parametrize("is_exclusive", [True, False])
    def test_gives_the_text_by_either_name(self, sent: dict[str, Any], *, is_exclusive: bool) -> None:
        trusted = TrustedDocuments({HASH: TEXT}, is_exclusive=is_exclusive)
        assert trusted.find_text(build_request(sent)) == TEXT

    @pytest.mark.parametrize("sent", [{"documentId": HASH}, by_hash(HASH)])
    def test_without_a_manifest_is_not_supported_in_the_words_of_apollo(self, sent: dict[str, Any]) -> None:
        with pytest.raises(PersistedQueryNotSupportedError, match=r"^PersistedQueryNotSupported$"):
            TrustedDocuments().find_text(build_request(sent))

    @pytest.mark.parametrize(
        "sent", [{"documentId": OTHER}, {"documentId": "md5:abc"}, {"documentId": f"x-own:{HASH}"}, by_hash(OTHER)]
    )
    def test_of_an_unknown_name_is_not_found_or_where_nothing_else_is_taken_not_trusted(
        self, sent: dict[str, Any]
    ) -> None:
        with pytest.raises(PersistedQueryNotFoundError, match=r"^PersistedQueryNotFound$"):
            TrustedDocuments({HASH: TEXT}).find_text(build_request(sent))
        with pytest.raises(DocumentNotTrustedError):
            TrustedDocuments({HASH: TEXT}, is_exclusive=True).find_text(build_request(sent))

    def test_takes_a_text_with_its_own_hash_and_with_no_other(self) -> None:
        trusted = TrustedDocuments({OTHER: "{ other }"})
        assert trusted.find_text(build_request(by_hash(HASH, query=TEXT))) == TEXT
        for sent in (by_hash(OTHER, query=TEXT), {"documentId": f"sha256:{OTHER}", "query": TEXT}):
            with pytest.raises(MalformedRequestError):
                trusted.find_text(build_request(sent))

    @pytest.mark.parametrize(
        "sent",
        [
            {},
            {"documentId": None},
            {"documentId": ""},
            {"documentId": 7},
            {"documentId": "a\x00"},
            {"extensions": {"persistedQuery": HASH}},
            {"extensions": {"persistedQuery": {"version": 1}}},
            {"extensions": {"persistedQuery": {"sha256Hash": 7}}},
            {"extensions": {"persistedQuery": {"sha256Hash": ""}}},
        ],
    )
    def test_of_no_name_at_all_is_no_request(self, sent: dict[str, Any]) -> None:
        with pytest.raises(MalformedRequestError):
            build_request(sent)
