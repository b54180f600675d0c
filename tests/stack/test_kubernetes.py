"""deploy/k8s says the same as docker-compose.yml: settings, secrets, images, commands, health, networks."""

import base64
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deployment.kubernetes import OVERLAYS, complaint, without_kinds_of_operators
from service_kit.web.server import GRACE_SECONDS
from tests.stack.manifests import ROOT, Manifests, Object, load_all, substituted

if not shutil.which("kubectl"):
    pytest.skip("no kubectl, which puts the manifests together", allow_module_level=True)

COMPOSE: dict[str, Object] = load_all((ROOT / "docker-compose.yml").read_text())[0]["services"]
REDIS = {"redis-broker", "redis-cache"}
OURS = sorted(name for name, one in COMPOSE.items() if "build" in one)
APIS = ("auth", "event", "notification")
BACKGROUND = {
    "auth-relay", "event-relay", "notification-maintenance", "notification-beat",
    "notification-worker",
}  # fmt: skip
# Past PgBouncer goes what needs a session of its own; the others through it.
HOSTS = {"pgbouncer", "postgres-rw"}
# What an overlay says otherwise than Compose, and where.
OTHERWISE = {"production": {"BROKER_HOST", "CACHE_HOST"}, "development": {"ENVIRONMENT"}}


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def manifests(overlay: str) -> Manifests:
    return Manifests.of(overlay)


def differing(manifests: Manifests, overlay: str, name: str) -> list[str]:
    """Settings that Compose gives a container and the manifests do not, or with another value although
    nobody may choose it; and those that only the manifests give, or the other way about."""
    wanted: Object = COMPOSE[name].get("environment", {})
    given = manifests.environment(manifests.main(name))
    found = [f"{one} is not Compose's" for one in given.keys() - wanted.keys()]
    for setting, value in wanted.items():
        if substituted(value) and setting not in given:
            found.append(f"{setting} is missing")
        is_free = "${" in str(value) or value is None or setting in OTHERWISE.get(overlay, ())
        if is_free or setting not in given:
            continue
        expected = HOSTS if setting == "DATABASE_HOST" else {substituted(value)}
        if name == "preflight":
            # It lays each service's own over what services have with different values.
            expected |= {substituted(COMPOSE[api]["environment"].get(setting)) for api in APIS}
        if given[setting] not in expected:
            found.append(f"{setting} is {given[setting]}")
    return found


@pytest.mark.parametrize("name", [*OURS, "gateway"])
def test_a_process_has_the_settings_that_compose_gives_it(
    manifests: Manifests, overlay: str, name: str
) -> None:
    assert differing(manifests, overlay, name) == []


def test_control_a_setting_that_is_missing_or_wrong_would_be_found() -> None:
    manifests = Manifests.of("production")
    for one in manifests.all("ConfigMap").values():
        one["data"].pop("HEARTBEAT_FILE", None)
        if "HOLD_SECONDS" in one["data"]:
            one["data"] |= {"DATABASE_USER": "auth", "HOLD_SECOND": "1"}
            del one["data"]["HOLD_SECONDS"]
    assert sorted(differing(manifests, "production", "event")) == [
        "DATABASE_USER is auth", "HEARTBEAT_FILE is missing", "HOLD_SECOND is not Compose's",
        "HOLD_SECONDS is missing",
    ]  # fmt: skip
    assert differing(manifests, "production", "auth") == ["HEARTBEAT_FILE is missing"]


def test_migrations_and_nothing_else_go_past_pgbouncer(manifests: Manifests) -> None:
    hosts = {n: manifests.environment(manifests.main(n))["DATABASE_HOST"] for n in OURS}
    past = {name for name, host in hosts.items() if host == "postgres-rw"}
    assert past == {"auth-migrate", "event-migrate", "notification-migrate"}


@pytest.mark.parametrize("name", OURS)
def test_a_process_gets_the_secrets_that_compose_gives_it(manifests: Manifests, name: str) -> None:
    assert manifests.secrets(name) == set(COMPOSE[name]["secrets"])


def test_control_a_secret_that_is_missing_would_be_found() -> None:
    manifests = Manifests.of("small")
    for one in manifests.pod("event")["volumes"]:
        if one["name"] == "secrets":
            one["projected"]["sources"][1]["secret"]["items"].pop()
    assert set(COMPOSE["event"]["secrets"]) - manifests.secrets("event") == {"sentry_dsn"}


def test_no_secret_is_a_variable_and_none_stands_in_production(manifests: Manifests) -> None:
    for name in OURS:
        for setting in manifests.environment(manifests.main(name)):
            is_secret = re.fullmatch(r"\w*(PASSWORD|SECRET|SECRET_KEY|DSN)", setting)
            assert not is_secret, setting
    in_repository = {overlay for overlay in OVERLAYS if Manifests.of(overlay).all("Secret")}
    assert in_repository == {"development"}


def test_secrets_of_development_are_those_of_compose() -> None:
    secrets = Manifests.of("development").all("Secret")
    folder = ROOT / "deploy" / "development" / "secrets"
    # CloudNativePG has an exporter of its own.
    for file in set(folder.iterdir()) - {folder / "monitoring_database_password"}:
        service = file.name.removesuffix("_database_password")
        if service == file.name:
            value = secrets["parterre"]["data"][file.name]
        else:
            value = secrets[f"{service}-database"]["data"]["password"]
        assert base64.b64decode(value).decode().strip() == file.read_text().strip(), file.name


def test_images_commands_and_limits_are_those_of_compose(manifests: Manifests) -> None:
    there = manifests.all("Deployment", "StatefulSet", "Job").keys() & COMPOSE.keys()
    assert there >= {*OURS, "gateway"}
    for name in there:
        compose, main = COMPOSE[name], manifests.main(name)
        image = compose["image"].removesuffix(":${TAG:-latest}")
        assert f"/{main['image']}:".count(f"/{image}:") == 1, name
        command = [substituted(part) for part in compose.get("command", [])]
        assert main["args" if name in REDIS else "command" if command else "image"] == (
            command or main["image"]
        ), name
        memory = substituted(compose["mem_limit"])
        assert main["resources"]["limits"]["memory"] == f"{memory}i", name
        assert ("cpu" in main["resources"]["requests"]) and main["resources"]["limits"]["cpu"]


def test_everything_of_compose_is_there() -> None:
    for overlay, elsewhere in {"small": set(), "development": set(), "production": REDIS}.items():
        there = Manifests.of(overlay).all("Deployment", "StatefulSet", "Job", "Cluster").keys()
        missing = {name for name, one in COMPOSE.items() if "profiles" not in one} - there
        assert missing == elsewhere


def test_health_is_asked_as_compose_asks(manifests: Manifests) -> None:
    app = (ROOT / "service-kit/service_kit/web/app.py").read_text()
    for name in APIS:
        main = manifests.main(name)
        asked = {
            kind: main[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")
        }
        paths = {kind: one["path"] for kind, one in asked.items()}
        assert paths == {
            "startup": "/health/live", "readiness": "/health/ready", "liveness": "/health/live",
        }  # fmt: skip
        assert all(f'@app.get("{path}"' in app for path in paths.values())
        assert all(
            one["httpHeaders"] == [{"name": "Host", "value": "localhost"}] for one in asked.values()
        )
        assert main["ports"] == [{"name": "http", "containerPort": 8000}]
    for name in BACKGROUND:
        test = COMPOSE[name]["healthcheck"]["test"][1].replace("$$", "$")
        main = manifests.main(name)
        assert main["readinessProbe"]["exec"]["command"][-1] == test
        assert main["livenessProbe"]["exec"]["command"][-1] == test.replace("-mmin -1", "-mmin -10")
    port, path = COMPOSE["flower"]["healthcheck"]["test"][3:]
    assert manifests.main("flower")["livenessProbe"]["httpGet"]["path"] == path
    assert manifests.main("flower")["ports"] == [{"name": "http", "containerPort": int(port)}]
    asks = manifests.main("gateway")["livenessProbe"]["exec"]["command"]
    assert asks == COMPOSE["gateway"]["healthcheck"]["test"][1:]


def test_whoever_leaves_has_the_time_for_it(manifests: Manifests) -> None:
    for name in (*APIS, "notification-worker", "gateway"):
        grace = manifests.pod(name)["terminationGracePeriodSeconds"]
        assert grace >= int(COMPOSE[name]["stop_grace_period"].removesuffix("s")), name
        if name in APIS:
            drain = float(manifests.environment(manifests.main(name))["DRAIN_SECONDS"])
            assert grace >= drain + GRACE_SECONDS + 5
            # Red, and out of the Service, long before the door is shut.
            probe = manifests.main(name)["readinessProbe"]
            assert probe["periodSeconds"] * probe["failureThreshold"] < drain
    asleep = manifests.main("gateway")["lifecycle"]["preStop"]["exec"]["command"]
    grace_period = re.search(
        r"grace_period (\d+)s", Path(ROOT, "deploy/gateway/Caddyfile").read_text()
    )
    assert grace_period
    assert manifests.pod("gateway")["terminationGracePeriodSeconds"] > int(asleep[1]) + int(
        grace_period[1]
    )


def test_updates_surge_first_and_one_process_is_alone(manifests: Manifests) -> None:
    deployments = manifests.all("Deployment")
    surge = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert all(
        deployments[name]["spec"]["strategy"] == surge for name in (*APIS, "gateway", "pgbouncer")
    )
    beat = deployments["notification-beat"]["spec"]
    assert (beat["replicas"], beat["strategy"]) == (1, {"type": "Recreate"})
    scaled = {
        one["spec"]["scaleTargetRef"]["name"]
        for one in manifests.all("HorizontalPodAutoscaler").values()
    }
    assert "notification-beat" not in scaled
    # An update would set back what was scaled.
    assert [name for name in scaled if "replicas" in deployments[name]["spec"]] == []


def test_every_process_waits_for_its_own_migration(manifests: Manifests) -> None:
    for name in (*APIS, *BACKGROUND):
        [waiting] = manifests.pod(name)["initContainers"]
        migrate = f"{name.split('-')[0]}-migrate"
        assert waiting["command"] == [*manifests.main(migrate)["command"], "--wait"]
        assert waiting["image"] == manifests.main(name)["image"]
        assert waiting["envFrom"] == manifests.main(name)["envFrom"]


def test_no_variable_is_made_of_a_service(manifests: Manifests) -> None:
    """Kubernetes would set AUTH_PORT and its like."""
    pods = manifests.all("Deployment", "StatefulSet", "Job")
    assert [name for name in pods if manifests.pod(name)["enableServiceLinks"] is not False] == []


def test_the_gateway_has_each_of_its_files() -> None:
    volumes = Manifests.of("small").pod("gateway")["volumes"]
    maps = Manifests.of("small").all("ConfigMap")
    [sources] = [one["projected"]["sources"] for one in volumes if "projected" in one]
    found = {}
    for source in (one["configMap"] for one in sources):
        paths = {item["key"]: item["path"] for item in source.get("items", [])}
        for key, text in maps[source["name"]]["data"].items():
            found[paths.get(key, key)] = text
    folder = ROOT / "deploy" / "gateway"
    files = [
        file for file in folder.rglob("*") if file.suffix == ".caddy" or file.name == "Caddyfile"
    ]
    assert found == {str(file.relative_to(folder)): file.read_text() for file in files}


def requested(manifests: Manifests) -> tuple[int, int]:
    """Thousandths of a processor and MiB of all that runs all the time, at the least of each scale."""
    least = {
        one["spec"]["scaleTargetRef"]["name"]: one["spec"]["minReplicas"]
        for one in manifests.all("HorizontalPodAutoscaler").values()
    }
    cluster = manifests.all("Cluster")["postgres"]["spec"]
    wanted = [(cluster["instances"], cluster["resources"]["requests"])]
    for name, one in manifests.all("Deployment", "StatefulSet").items():
        count = least.get(name, one["spec"].get("replicas", 1))
        wanted.append((count, manifests.main(name)["resources"]["requests"]))
    cpu = sum(count * int(one["cpu"].removesuffix("m")) for count, one in wanted)
    return cpu, sum(count * int(one["memory"].removesuffix("Mi")) for count, one in wanted)


def test_the_small_cluster_holds_it_also_without_one_of_its_nodes() -> None:
    cpu, memory = requested(Manifests.of("small"))
    # Of 2 processors and 4 GB a node leaves so much for pods.
    assert cpu <= 2 * 1800
    assert memory <= 2 * 3300


def test_control_a_small_cluster_that_is_too_small_would_be_found() -> None:
    manifests = Manifests.of("small")
    before = requested(manifests)
    manifests.all("Deployment")["notification-worker"]["spec"]["replicas"] += 20
    assert requested(manifests)[0] > 2 * 1800
    assert requested(manifests)[1] > 2 * 3300
    assert requested(Manifests.of("small")) == before


def test_workers_are_scaled_by_a_metric_that_there_is() -> None:
    worker = Manifests.of("production").all("HorizontalPodAutoscaler")["notification-worker"]
    [metric] = [one["external"]["metric"]["name"] for one in worker["spec"]["metrics"]]
    health = (ROOT / "notification-service/notification_service/health.py").read_text()
    assert f'"{metric}"' in health
    assert f'name: {{as: "{metric}"}}' in (ROOT / "deploy/k8s/README.md").read_text()


def test_data_is_reached_by_whom_compose_lets_and_nobody_else(overlay: str) -> None:
    manifests = Manifests.of(overlay)
    processes = [name for name in OURS if not name.endswith("-migrate") and name != "preflight"]
    pods = manifests.all("Deployment", "StatefulSet", "Job").keys()
    reached = {
        name: {one for one in pods if manifests.may_connect(one, name, 5432)}
        for name in ("pgbouncer", "postgres")
    }
    assert reached["pgbouncer"] == set(processes) - {"flower"}
    assert reached["postgres"] == {
        "pgbouncer",
        "auth-migrate",
        "event-migrate",
        "notification-migrate",
    }
    for redis in REDIS & pods:
        assert {one for one in pods if manifests.may_connect(one, redis, 6379)} == set(processes)
    for api in APIS:
        assert manifests.may_connect("gateway", api, 8000)
    assert {one for one in pods if manifests.may_connect(one, "flower", 5555)} == {"gateway"}
    assert {one for one in pods if manifests.ways_out(one)} == {"notification-worker", "preflight"}
    assert manifests.ways_out("notification-worker") == {25, 465, 587}


def test_control_a_policy_that_is_too_wide_would_be_found() -> None:
    manifests = Manifests.of("small")
    assert not manifests.may_connect("gateway", "pgbouncer", 5432)
    for name in ("gateway", "pgbouncer"):
        spec = manifests.all("NetworkPolicy")[name]["spec"]
        spec["egress"] = spec["ingress"] = [{"ports": [{"port": 5432}]}]
    assert manifests.may_connect("gateway", "pgbouncer", 5432)
    assert manifests.ways_out("gateway") == {5432}


def test_postgresql_gets_out_only_with_the_component_for_its_backups(tmp_path: Path) -> None:
    assert Manifests.of("small").ways_out("postgres") == set()
    base = os.path.relpath(ROOT / "deploy" / "k8s", tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(
        f"namespace: parterre\nresources: [{base}/overlays/small]\n"
        f"components: [{base}/components/backups-to-storage]\n"
    )
    built = subprocess.run(
        ["kubectl", "kustomize", tmp_path.resolve()], capture_output=True, text=True, check=True
    )
    manifests = Manifests(load_all(built.stdout))
    assert manifests.ways_out("postgres") == {443}
    assert manifests.ways_out("pgbouncer") == set()
    assert "components/backups-to-storage" in (ROOT / "deploy/k8s/README.md").read_text()


def test_commands_of_the_readme_touch_only_jobs_of_ours(manifests: Manifests) -> None:
    """CloudNativePG has Jobs of its own in the namespace."""
    readme = (ROOT / "deploy/k8s/README.md").read_text()
    commands = re.findall(r"kubectl -n parterre (?:delete|wait)[^\n`]* job[^\n&`]*", readme)
    assert len(commands) == 2
    label = "app.kubernetes.io/part-of"
    assert [one for one in commands if f"-l {label}=parterre" not in one] == []
    jobs = manifests.all("Job").values()
    assert {job["metadata"]["labels"].get(label) for job in jobs} == {"parterre"}
    assert [one for one in commands if "--all" in one] == []


def test_only_kinds_of_operators_that_are_named_are_left_out() -> None:
    text = "apiVersion: v1\nkind: Service\n---\napiVersion: postgresql.cnpg.io/v1\nkind: {}\n"
    assert without_kinds_of_operators(text.format("Cluster")) == "apiVersion: v1\nkind: Service\n"
    assert without_kinds_of_operators(text.format("Clusters")) == text.format("Clusters")


def test_a_warning_of_a_kind_that_nobody_knows_is_a_complaint() -> None:
    assert complaint(["sh", "-c", "echo WARN no schema for kind Clusters"]).startswith("WARN")
    assert complaint(["sh", "-c", "echo wrong >&2; exit 1"]) == "wrong"
    assert complaint(["sh", "-c", "echo nothing to say"]) == ""
