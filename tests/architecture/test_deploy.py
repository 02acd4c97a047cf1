"""The files under deploy/ agree with the settings' defaults, with each other, and with docs/operating.md."""

import re
import subprocess

import pytest
import yaml

from gateway.settings import Settings, variable_name
from ledger.storage.roles import render_dba_sql, render_role_statements
from tests.support.places import ROOT

DEPLOY = ROOT / "deploy"
NGINX = (DEPLOY / "nginx/jembatan.conf").read_text()
UNIT = (DEPLOY / "systemd/jembatan.service").read_text()
ALERTS = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())
SCRAPE = yaml.safe_load((DEPLOY / "prometheus/scrape.yml").read_text())
PAGE = (ROOT / "docs/operating.md").read_text()
DEFAULTS = Settings()
UNITS = {"": 1, "s": 1, "k": 1024, "m": 1024**2, "d": 86_400}


def directive(name: str) -> int:
    """A number in nginx's configuration, in bytes or seconds."""
    found = re.search(rf"^\s*{name}\s+(\d+)([a-z]?);", NGINX, re.MULTILINE)
    assert found, name
    return int(found[1]) * UNITS[found[2]]


def unit_value(name: str) -> int:
    found = re.search(rf"^{name}=(\d+)$", UNIT, re.MULTILINE)
    assert found, name
    return int(found[1])


def rules() -> list[dict]:
    return [rule for group in ALERTS["groups"] for rule in group["rules"]]


class TestNginx:
    def test_lets_the_gateway_refuse_what_is_too_large(self) -> None:
        assert directive("client_max_body_size") > DEFAULTS.body_bytes_max

    def test_lets_parts_of_uploads_through_as_they_come_and_no_more(self) -> None:
        [part] = re.findall(r"location \^~ /evidence/ \{(.*?)\}", NGINX, re.DOTALL)
        limit = re.search(r"client_max_body_size\s+(\d+)m;", part)
        assert limit
        assert 0 <= int(limit[1]) * UNITS["m"] - DEFAULTS.upload_bytes_max < UNITS["m"]
        assert re.search(r"proxy_request_buffering\s+off;", part)
        assert NGINX.count("client_max_body_size") == 2, "another path takes large bodies"

    def test_waits_longer_than_an_operation_and_than_a_silent_stream(self) -> None:
        wait = directive("proxy_read_timeout")
        assert wait > DEFAULTS.operation_timeout_seconds
        assert wait > 2 * DEFAULTS.stream_heartbeat_seconds

    def test_closes_an_idle_connection_before_the_gateway_does(self) -> None:
        default_seconds = 60  # of keepalive_timeout in an upstream
        assert "keepalive_timeout" not in NGINX
        assert default_seconds < DEFAULTS.keep_alive_seconds

    def test_passes_on_to_where_the_gateway_listens_by_default(self) -> None:
        assert f"server {DEFAULTS.host}:{DEFAULTS.port};" in NGINX


class TestUnit:
    def test_stops_no_process_that_drains(self) -> None:
        margin_seconds = 5
        assert unit_value("TimeoutStopSec") > DEFAULTS.drain_seconds + margin_seconds

    def test_allows_as_many_files_as_connections(self) -> None:
        assert unit_value("LimitNOFILE") > DEFAULTS.connections_max

    def test_runs_as_many_workers_as_are_scraped(self) -> None:
        workers = re.search(r"serve --workers (\d+)$", UNIT, re.MULTILINE)
        assert workers
        ports = [
            int(target.rpartition(":")[2]) for target in SCRAPE["scrape_configs"][0]["static_configs"][0]["targets"]
        ]
        assert ports == [DEFAULTS.metrics_port + place for place in range(int(workers[1]))]


class TestSettingsFiles:
    @pytest.mark.parametrize("name", ["jembatan.env", "migrate.env"])
    def test_read_alike_by_a_shell_and_by_systemd(self, name: str) -> None:
        """systemd takes what stands between the quotes; a shell must take the same."""
        path = DEPLOY / "systemd" / name
        plain = dict(re.findall(r'^(\w+)="(.*)"$', path.read_text(), re.MULTILINE))
        assert plain.keys() <= {variable_name(field) for field in Settings.model_fields}
        read = ["sh", "-c", f"set -a; . {path}; env"]
        told = subprocess.run(read, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True).stdout
        assert {line for line in told.splitlines() if line.startswith("JEMBATAN_")} == {
            f"{key}={value}" for key, value in plain.items()
        }
        assert len(plain) == len([line for line in path.read_text().splitlines() if line and not line.startswith("#")])

    def test_are_valid_once_passwords_and_keys_are_filled_in(self) -> None:
        plain = dict(re.findall(r'^(\w+)="(.*)"$', (DEPLOY / "systemd/jembatan.env").read_text(), re.MULTILINE))
        given = {key.removeprefix("JEMBATAN_").lower(): value for key, value in plain.items()}
        Settings(**given)


class TestAlerts:
    def test_each_has_a_severity_and_says_what_is_wrong(self) -> None:
        assert {rule["labels"]["severity"] for rule in rules()} == {"page", "ticket"}
        assert all(rule["annotations"]["summary"].endswith((".", "?")) for rule in rules())

    def test_each_is_explained_and_no_other(self) -> None:
        explained = re.findall(r"^\| `(Jembatan\w+)` \|", PAGE, re.MULTILINE)
        assert sorted(explained) == sorted(rule["alert"] for rule in rules())

    def test_select_the_scraped_job(self) -> None:
        [job] = SCRAPE["scrape_configs"]
        assert {name for rule in rules() for name in re.findall(r'job="(\w+)"', rule["expr"])} == {job["job_name"]}


class TestPage:
    def test_puts_passwords_in_in_the_order_in_which_they_are_printed(self) -> None:
        printed = render_dba_sql("jembatan_", database="jembatan")
        logins = re.findall(r"CREATE ROLE (\w+) LOGIN .*'change-me'", printed)
        put_in = re.findall(r"ROLES/change-me/\$(\w+)_PASSWORD", PAGE)
        assert logins == [f"jembatan_{name.lower()}" for name in put_in]
        assert printed.count("change-me") == len(put_in)

    def test_gives_new_roles_by_the_lines_about_roles_alone(self) -> None:
        found = re.search(r"grep -E '([^']+)'", PAGE)
        assert found
        printed = render_dba_sql("jembatan_", database="jembatan").splitlines()
        about_roles = [f"{line};" for line in render_role_statements("jembatan_", login="jembatan_app")]
        assert [line for line in printed if re.search(found[1], line)] == about_roles

    def test_names_every_file_and_no_other(self) -> None:
        """Those for containers are explained in docs/container.md."""
        named = set(re.findall(r"\bdeploy/[\w./-]+\w", PAGE))
        folders = [DEPLOY / name for name in ("nginx", "prometheus", "systemd")]
        assert named == {str(path.relative_to(ROOT)) for folder in folders for path in folder.iterdir()}

    def test_names_only_tests_that_exist(self) -> None:
        sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
        assert set(re.findall(r"`(test_\w+)`", PAGE)) - set(re.findall(r"def (test_\w+)\(", sources)) == set()

    def test_names_only_lines_of_the_log_that_there_are(self) -> None:
        section = PAGE.partition("## The log of a process")[2].partition("## Backup")[0]
        rows = re.findall(r"^\| (`.*?) \|", section.partition("| event |")[2], re.MULTILINE)
        named = {event for row in rows for event in re.findall(r"`([\w ]+)`", row)}
        packages = ("auth", "gateway", "ledger")
        sources = "\n".join(path.read_text() for package in packages for path in (ROOT / package).rglob("*.py"))
        logged = set(re.findall(r'_log(?:ger)?\.(?:info|warning|error|exception)\(\s*"([^"]+)"', sources))
        assert len(named) > 10
        assert named - logged == set()
