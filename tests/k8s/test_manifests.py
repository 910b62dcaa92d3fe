"""k8s/base, rendered as kubectl would apply it, and held together: what refers to something finds it."""

import pathlib
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROCESSES = ["dispatcher", "gateway", "mailer", "scheduler"]


@pytest.fixture(scope="session")
def objects():
    done = subprocess.run(["kubectl", "kustomize", str(ROOT / "k8s" / "base")], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


@pytest.fixture(scope="session")
def example_secrets():
    with open(ROOT / "k8s" / "secrets.example.yaml") as file:
        return {each["metadata"]["name"]: set(each["stringData"]) for each in yaml.safe_load_all(file)}


def of_kind(objects, kind):
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def workloads(objects):
    return of_kind(objects, "Deployment") | of_kind(objects, "Job")


def pod_of(workload):
    return workload["spec"]["template"]["spec"]


def containers(objects):
    for name, workload in workloads(objects).items():
        for container in pod_of(workload)["containers"]:
            yield name, container


def variables(container):
    """name -> value source, of env."""
    return {each["name"]: each.get("valueFrom", {}) for each in container.get("env", [])}


def configuration(objects, container):
    """The variables that come from config maps."""
    maps = of_kind(objects, "ConfigMap")
    found = {}
    for source in container.get("envFrom", []):
        found |= maps[source["configMapRef"]["name"]]["data"]
    return found


def matches(selector, labels):
    return bool(selector) and selector.items() <= labels.items()


def test_kinds(objects):
    assert sorted(of_kind(objects, "Deployment")) == [f"croncoco-{name}" for name in PROCESSES]
    assert sorted(of_kind(objects, "PodDisruptionBudget")) == [f"croncoco-{name}" for name in PROCESSES]
    assert list(of_kind(objects, "Job")) == ["croncoco-migrate"]
    assert list(of_kind(objects, "Service")) == ["croncoco-gateway"]
    assert not of_kind(objects, "Secret"), "the base holds no secrets"


def test_names_are_unique_and_in_the_namespace(objects):
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(names) == len(set(names))
    namespace = next(iter(of_kind(objects, "Namespace")))
    for each in objects:
        if each["kind"] != "Namespace":
            assert each["metadata"]["namespace"] == namespace


def test_replicas(objects):
    assert {name: each["spec"]["replicas"] for name, each in of_kind(objects, "Deployment").items()} == {
        "croncoco-gateway": 2, "croncoco-scheduler": 2, "croncoco-dispatcher": 2, "croncoco-mailer": 1}


def test_selectors_match_one_deployment(objects):
    deployments = of_kind(objects, "Deployment")
    selectors = [(name, each["spec"]["selector"]["matchLabels"]) for name, each in deployments.items()]
    selectors += [(name, each["spec"]["selector"]["matchLabels"])
                  for name, each in of_kind(objects, "PodDisruptionBudget").items()]
    selectors += [(name, each["spec"]["selector"]) for name, each in of_kind(objects, "Service").items()]
    for name, selector in selectors:
        matched = [other for other, workload in workloads(objects).items()
                   if matches(selector, workload["spec"]["template"]["metadata"]["labels"])]
        assert matched == [name]
    for name, each in deployments.items():
        for spread in pod_of(each)["topologySpreadConstraints"]:
            assert spread["labelSelector"]["matchLabels"] == each["spec"]["selector"]["matchLabels"]


def test_secrets_are_those_of_the_example(objects, example_secrets):
    used = {}
    for _, container in containers(objects):
        for source in variables(container).values():
            if "secretKeyRef" in source:
                used.setdefault(source["secretKeyRef"]["name"], set()).add(source["secretKeyRef"]["key"])
    assert used == example_secrets


def test_a_process_sees_its_own_secrets_only(objects):
    shared = {"croncoco-tokens": {"croncoco-gateway", "croncoco-mailer"},
              "croncoco-signing": {"croncoco-gateway", "croncoco-dispatcher"}}
    for name, container in containers(objects):
        for variable, source in variables(container).items():
            if "secretKeyRef" in source:
                secret = source["secretKeyRef"]["name"]
                assert name == secret or name in shared.get(secret, ()), f"{name} reads {variable} of {secret}"
        for source in container.get("envFrom", []):
            assert "secretRef" not in source


def test_database_and_nats(objects):
    for name, container in containers(objects):
        names = set(variables(container))
        assert ("DATABASE_URL" in names) == (name != "croncoco-mailer"), name
        assert ("NATS_URL" in names) == (name != "croncoco-migrate"), name


def test_probes_and_ports(objects):
    for name, workload in of_kind(objects, "Deployment").items():
        (container,) = pod_of(workload)["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        settings = configuration(objects, container)
        assert ports["admin"] == int(settings["ADMIN_PORT"]), name
        assert settings["ADMIN_ADDRESS"] == "0.0.0.0"
        for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
            assert container[probe]["httpGet"]["path"] == path
            assert container[probe]["httpGet"]["port"] in ports
        annotations = workload["spec"]["template"]["metadata"]["annotations"]
        assert annotations["prometheus.io/port"] == str(ports["admin"])


def test_the_service_reaches_the_gateway(objects):
    (container,) = pod_of(of_kind(objects, "Deployment")["croncoco-gateway"])["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    settings = configuration(objects, container)
    assert settings["LISTEN_ADDRESS"] == "0.0.0.0"
    for port in of_kind(objects, "Service")["croncoco-gateway"]["spec"]["ports"]:
        assert ports[port["targetPort"]] == int(settings["PORT"])


def test_a_pod_has_time_to_drain(objects):
    for name, workload in of_kind(objects, "Deployment").items():
        (container,) = pod_of(workload)["containers"]
        waits_s = int(configuration(objects, container)["DRAIN_TIMEOUT_MS"]) / 1000
        hook = container.get("lifecycle", {}).get("preStop")
        if hook:
            command, seconds = hook["exec"]["command"]
            assert command == "sleep"
            waits_s += int(seconds)
        assert pod_of(workload)["terminationGracePeriodSeconds"] > waits_s, name


def test_volumes_and_mounts(objects):
    for name, workload in workloads(objects).items():
        pod = pod_of(workload)
        volumes = {volume["name"] for volume in pod.get("volumes", [])}
        mounts = {mount["name"] for container in pod["containers"] for mount in container.get("volumeMounts", [])}
        assert volumes == mounts, name


def test_pods_may_do_little(objects):
    for name, workload in workloads(objects).items():
        pod = pod_of(workload)
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {"allowPrivilegeEscalation": False,
                                                    "readOnlyRootFilesystem": True,
                                                    "capabilities": {"drop": ["ALL"]}}
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


def test_variables_are_known(objects):
    """Every variable is a row of the configuration table, and read by that process."""
    rows = {}
    for line in (ROOT / "README.md").read_text().splitlines():
        if line.startswith("| `") and line.count("|") == 5:
            variable, used_by = (cell.strip() for cell in line.split("|")[1:3])
            rows[variable.strip("`")] = used_by
    assert "NATS_URL" in rows
    for name, container in containers(objects):
        process = "scheduler" if name == "croncoco-migrate" else name.removeprefix("croncoco-")
        assert container["args"][0] == process
        for variable in list(variables(container)) + list(configuration(objects, container)):
            assert rows[variable] == "all" or process in rows[variable].split(", "), f"{name}: {variable}"
