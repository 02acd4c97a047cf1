"""What /metrics of a real process tells: of the work that waits, and every name that the documents and alerts use."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import asyncpg
import pytest
import yaml

from ledger.complaints.filing import file_complaints
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from tests.support.cluster import ROLE_PREFIX, Cluster
from tests.support.country import Parties, found_country
from tests.support.faults.processes import Serving
from tests.support.journeys import (
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    acknowledge,
    complaint_draft,
    draft_orders,
    file_verified,
    issue_orders,
)
from tests.support.operator import render_keys
from tests.support.places import ROOT
from tests.support.waiting import until

TWO_DAYS_AGO = datetime.now(UTC) - timedelta(days=2)
AN_HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)
NAME = re.compile(r"\bjembatan_\w+")


@dataclass
class Site:
    serving: Serving
    database: Database
    parties: Parties
    owner: asyncpg.Connection
    orders: list

    async def read(self) -> dict[str, float]:
        """Every sample, by its name with its labels as they are printed."""
        async with aiohttp.ClientSession() as http, http.get(self.url) as response:
            lines = [line for line in (await response.text()).splitlines() if not line.startswith("#")]
        return {told: float(value) for told, _, value in (line.rpartition(" ") for line in lines)}

    async def list_families(self) -> dict[str, str]:
        """The type of each family by name, without those that tell when a counter was made."""
        async with aiohttp.ClientSession() as http, http.get(self.url) as response:
            found = re.findall(r"^# TYPE (\w+) (\w+)$", await response.text(), re.MULTILINE)
        return {name: kind for name, kind in found if not name.endswith("_created")}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.serving.metrics_port}/metrics"


@pytest.fixture(scope="module")
async def site(cluster: Cluster, keyring: Keyring, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    name = await cluster.clone()
    url = cluster.url_of(name)
    # Two complainants are wanted before a draft is not held; a source without complainants counts as one.
    settings = LedgerSettings(database_url=url, role_prefix=ROLE_PREFIX, guard_complainants_min=2)
    strict = Database.connect(settings, keyring)
    database = Database.connect(settings.model_copy(update={"guard_complainants_min": 1}), keyring)
    parties = await found_country(database, TWO_DAYS_AGO)
    orders = await issue_orders(database, parties, TWO_DAYS_AGO, [TELKOMSEL_NUMBER, "+6281200000002", INDOSAT_NUMBER])
    await acknowledge(database, parties.telkomsel, TWO_DAYS_AGO, orders[0], AcknowledgementKind.RECEIVED)
    await acknowledge(database, parties.indosat, TWO_DAYS_AGO, orders[2])
    await issue_orders(database, parties, AN_HOUR_AGO, ["+6285600000002"])
    for at in (TWO_DAYS_AGO, AN_HOUR_AGO):
        async with database.transaction(parties.agency, as_of=at) as tx:
            await file_complaints(tx, [complaint_draft("+6281200000009")])
    drafted = ["+6281200000003", "+6281200000004"]
    await file_verified(database, parties, AN_HOUR_AGO, [*drafted, "+6281200000005"])
    await draft_orders(database, parties, AN_HOUR_AGO, drafted[:1])
    await draft_orders(strict, parties, AN_HOUR_AGO, drafted[1:])
    await strict.close()
    environment = {
        "JEMBATAN_DATABASE_URL": url,
        "JEMBATAN_ROLE_PREFIX": ROLE_PREFIX,
        "JEMBATAN_JOB_SECONDS": "0.2",
    } | render_keys(keyring)
    folder: Path = tmp_path_factory.mktemp("work")
    owner = await asyncpg.connect(cluster.url_of(name, owner=True))
    async with aiohttp.ClientSession() as http:
        serving = Serving("work", folder, environment, http)
        await serving.start()
        yield Site(serving, database, parties, owner, orders)
        await serving.terminate()
    await owner.close()
    await database.close()
    await cluster.drop(name)


class TestTheWorkThatWaits:
    async def test_is_told_by_kind_and_by_carrier(self, site: Site) -> None:
        told = await site.read()
        assert {name: value for name, value in told.items() if NAME.match(name) and name in EXPECTED} == EXPECTED

    async def test_is_told_anew_on_the_next_beat(self, site: Site) -> None:
        measured = (await site.read())["jembatan_work_measured_timestamp_seconds"]
        await acknowledge(site.database, site.parties.telkomsel, datetime.now(UTC), site.orders[1])

        async def is_answered() -> bool:
            return (await site.read())['jembatan_orders_unanswered{carrier="telkomsel"}'] == 0

        await until(is_answered, "the order is no longer told as unanswered")
        told = await site.read()
        assert told['jembatan_orders_overdue{carrier="telkomsel"}'] == 1
        assert told["jembatan_work_measured_timestamp_seconds"] > measured

    async def test_tells_of_a_job_that_fails_until_it_succeeds(self, site: Site) -> None:
        await site.owner.execute("ALTER TABLE fraud_signals RENAME TO gone")
        failures = 'jembatan_job_failures{name="expire_signals"}'

        async def has_failed_thrice() -> bool:
            return (await site.read()).get(failures, 0) >= 3

        await until(has_failed_thrice, "the job has failed three times")
        await site.owner.execute("ALTER TABLE gone RENAME TO fraud_signals")

        async def is_well() -> bool:
            return failures not in await site.read()

        await until(is_well, "the job has succeeded again")


EXPECTED = {
    "jembatan_complaints_awaiting_verification": 2,
    "jembatan_complaints_verification_overdue": 1,
    "jembatan_complaints_needing_information": 0,
    "jembatan_complaints_unforwarded": 1,
    "jembatan_drafts_awaiting_approval": 2,
    "jembatan_drafts_held": 1,
    "jembatan_proposals_awaiting_approval": 0,
    "jembatan_orders_unconfirmed": 0,
    'jembatan_orders_open{carrier="telkomsel"}': 2,
    'jembatan_orders_open{carrier="indosat"}': 1,
    'jembatan_orders_open{carrier="xlsmart"}': 0,
    'jembatan_orders_overdue{carrier="telkomsel"}': 2,
    'jembatan_orders_overdue{carrier="indosat"}': 0,
    'jembatan_orders_overdue{carrier="xlsmart"}': 0,
    'jembatan_orders_unanswered{carrier="telkomsel"}': 1,
    'jembatan_orders_unanswered{carrier="indosat"}': 0,
    'jembatan_orders_unanswered{carrier="xlsmart"}': 0,
}


class TestTheDocuments:
    async def test_of_operating_explain_every_metric_and_no_other(self, site: Site) -> None:
        page = (ROOT / "docs/operating.md").read_text()
        explained = set(re.findall(r"^\| `(jembatan_\w+)(?:\{[\w, ]+\})?` \|", page, re.MULTILINE))
        assert explained == (await site.list_families()).keys()

    async def test_of_operating_name_the_labels_that_there_are(self, site: Site) -> None:
        page = (ROOT / "docs/operating.md").read_text()
        explained = dict(re.findall(r"^\| `(jembatan_\w+)(?:\{([\w, ]+)\})?` \|", page, re.MULTILINE))
        for told in await site.read():
            name, _, labels = told.rstrip("}").partition("{")
            family = re.sub(r"_(bucket|sum|count)$", "", name) if name not in explained else name
            if family in explained:
                given = set(re.findall(r'(\w+)="', labels)) - {"le"}
                assert given == set(filter(None, explained[family].split(", "))), told

    async def test_of_alerts_name_only_metrics_that_there_are(self, site: Site) -> None:
        families = await site.list_families()
        known = set(families) | {
            f"{name}_{part}"
            for name, kind in families.items()
            if kind == "histogram"
            for part in ("bucket", "sum", "count")
        }
        rules = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
        named = {name for group in rules["groups"] for rule in group["rules"] for name in NAME.findall(rule["expr"])}
        assert named - known == set()
        assert len(named) >= 18
