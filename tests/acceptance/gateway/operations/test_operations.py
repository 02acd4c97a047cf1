"""What an operator sees of a process: its health, its readiness, its metrics, its end."""

import http.client
import socket
import threading

import pytest
from prometheus_client import generate_latest

from gateway.process.server import serve_metrics
from gateway.settings import Settings
from tests.support.sample_gateway import Gateway


async def pass_check() -> None:
    pass


async def fail_check() -> None:
    raise ConnectionError("postgresql://user:hunter2@host is away")


class TestHealth:
    def test_is_200_while_the_process_answers(self, gateway: Gateway) -> None:
        assert gateway.send("GET", "/healthz").body == {"status": "ok"}


class TestReadiness:
    def test_is_200_when_every_check_passes(self, serve) -> None:
        reply = serve(ready_checks={"database": pass_check, "schema": pass_check}).send("GET", "/readyz")
        assert (reply.status, reply.body["checks"]) == (200, {"database": "ok", "schema": "ok"})

    def test_is_503_and_names_the_check_that_fails_and_no_more(self, serve) -> None:
        reply = serve(ready_checks={"database": fail_check, "schema": pass_check}).send("GET", "/readyz")
        assert (reply.status, reply.body["checks"]) == (503, {"database": "failing", "schema": "ok"})
        assert b"hunter2" not in reply.content

    def test_is_503_while_the_process_drains(self, serve) -> None:
        gateway = serve()
        gateway.app.state.readiness.is_draining = True
        assert gateway.send("GET", "/readyz").body["status"] == "draining"


class TestMetrics:
    def test_count_requests_operations_and_refusals_by_code(self, serve) -> None:
        gateway = serve()
        gateway.post("{ open }")
        gateway.post("{ viewer }")
        gateway.post("{ nothing }")
        gateway.send("GET", "/made/up/path")
        text = generate_latest(gateway.app.state.metrics.registry).decode()
        for line in (
            'jembatan_http_requests_total{route="/graphql",status="200"} 2.0',
            'jembatan_http_requests_total{route="other",status="404"} 1.0',
            'jembatan_operations_total{kind="query",outcome="done"} 1.0',
            'jembatan_operations_total{kind="query",outcome="partial"} 1.0',
            'jembatan_errors_total{code="UNAUTHENTICATED"} 1.0',
            'jembatan_errors_total{code="GRAPHQL_VALIDATION_FAILED"} 1.0',
            "jembatan_operations_in_flight 0.0",
        ):
            assert line in text

    def test_are_served_on_a_port_of_their_own_and_not_on_the_graphs(self, serve) -> None:
        gateway = serve()
        gateway.app.state.metrics.watch_pools(lambda: {"database": {"used": 3, "idle": 7}})
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        handle = serve_metrics(gateway.app.state.metrics, Settings(metrics_port=port))
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
            connection.close()
        finally:
            handle.shutdown()
            handle.server_close()
        assert 'jembatan_pool_connections{pool="database",state="used"} 3.0' in text
        assert gateway.send("GET", "/metrics").status == 404


class TestShutdown:
    def test_lets_a_running_operation_finish(self, serve) -> None:
        gateway = serve(operation_timeout_seconds=0.5, drain_seconds=5)
        replies = []
        running = threading.Thread(target=lambda: replies.append(gateway.post("{ slow }")))
        running.start()
        while gateway.app.state.services.in_flight.running == 0 and running.is_alive():
            running.join(0.01)
        gateway.server.handle_exit(15, None)
        running.join(10)
        gateway.thread.join(10)
        assert gateway.app.state.readiness.is_draining
        assert gateway.server._captured_signals == [], "a process that did as it was told ends with status 0"
        assert [reply.status for reply in replies] == [504]
        assert not gateway.thread.is_alive()
        with pytest.raises(ConnectionRefusedError):
            gateway.send("GET", "/healthz")
