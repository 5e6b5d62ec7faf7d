"""Containers and Kubernetes: what can't be run here is held to its schema, its linter, and to our own settings."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import kubernetes_validate
import pytest
import yaml

from fsflows.flow.loader import load_flows
from fsflows.server.checks import faults
from fsflows.server.worker.service import APOLOGY
from fsflows.settings import load

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
KUBERNETES = sorted((DOCKER / "kubernetes").glob("*.yaml"))
BIN = Path(sys.executable).parent


def run(*arguments, **named):
    ran = subprocess.run(
        [str(each) for each in arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **named,
    )
    return ran.returncode, ran.stdout + ran.stderr


def compose():
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())


def settings_of(text, tmp_path):
    """The settings in a file, with secrets that are there."""
    secret = tmp_path / "secret"
    secret.write_text("postgresql+psycopg://fsflows:0123456789abcdef@postgres/fsflows")
    secret.chmod(0o600)
    file = tmp_path / "fsflows.yaml"
    file.write_text(re.sub(r"_file: \S+", f"_file: {secret}", text))
    return load(file, environ={})


# --- the images ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["Dockerfile", "freeswitch/Dockerfile"])
def test_the_linter_has_nothing_to_say(file):
    assert (0, "") == run(BIN / "hadolint", "--no-color", DOCKER / file)


def test_what_the_images_copy_is_there():
    for file, context in (("Dockerfile", ROOT), ("freeswitch/Dockerfile", DOCKER / "freeswitch")):
        text = (DOCKER / file).read_text()
        for source in re.findall(r"^COPY (?!--from)(\S+) ", text, re.MULTILINE):
            assert (context / source).exists(), source
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert "docker/secrets" in ignored
    assert "docker" not in ignored


def test_every_module_that_is_loaded_is_in_the_image():
    text = (DOCKER / "freeswitch" / "Dockerfile").read_text()
    packages = {
        f"mod_{name.replace('-', '_')}" for name in re.findall(r"freeswitch-mod-([\w-]+)", text)
    }
    core = ET.parse(DOCKER / "freeswitch" / "conf" / "configuration" / "core.xml")
    loaded = {each.get("module") for each in core.iter("load")}
    assert {"mod_vosk"} == loaded - packages
    assert "/mod_vosk.so" in text


# --- compose ------------------------------------------------------------------------------------------------------


def test_the_compose_file_keeps_its_schema():
    status, said = run(
        BIN / "check-jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        DOCKER / "compose.yaml",
    )
    assert 0 == status, said


def test_the_parts_of_the_compose_file_fit_together():
    parts = compose()
    services = parts["services"]
    assert {"fsflows", "freeswitch", "vosk", "postgres", "prometheus", "grafana"} == set(services)
    for name, service in services.items():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DOCKER / source).exists(), f"{name}: {source}"
            else:
                assert source in parts["volumes"], f"{name}: {source}"
        assert set(service.get("secrets", ())) <= set(parts["secrets"]), name
        assert set(service.get("depends_on", ())) <= set(services), name
        # To anybody but this machine nothing is open, unless BIND says so.
        for port in service.get("ports", ()):
            assert port.startswith(("127.0.0.1:", "${BIND:-127.0.0.1}:")), f"{name}: {port}"
    ports = re.search(r"rtp-end-port\" value=\"(\d+)", _conf("configuration/core.xml"))[1]
    assert f"16384-{ports}/udp" in services["freeswitch"]["ports"][-1]
    assert f"16384-{ports}/udp" in (DOCKER / "freeswitch" / "Dockerfile").read_text()


def test_calls_end_before_freeswitch_does():
    """Compose stops who depends first. FreeSWITCH hangs everybody up as soon as it is to stop."""
    services = compose()["services"]
    assert "freeswitch" in services["fsflows"]["depends_on"]
    assert "fsflows" not in services["freeswitch"]["depends_on"]


def test_what_a_killed_container_has_left_is_its_successor_s():
    """The journal knows nodes and FreeSWITCHes by their hosts' names."""
    for name in ("fsflows", "freeswitch"):
        assert name == compose()["services"][name]["hostname"]
    readme = (DOCKER / "README.md").read_text()
    [alone] = re.findall(r"docker run -d --name fsflows .*?fsflows\n", readme, re.DOTALL)
    for option in ("--hostname fsflows", "--stop-timeout 90", "--group-add"):
        assert option in alone


def test_settings_that_an_editor_replaces_are_read_again():
    """A file that is mounted alone stays the old one."""
    mounted = compose()["services"]["fsflows"]["volumes"]
    assert "./fsflows:/etc/fsflows:ro" in mounted
    assert (DOCKER / "fsflows" / "fsflows.yaml").is_file()


def test_settings_among_the_containers(tmp_path):
    parts = compose()
    service = parts["services"]["fsflows"]
    settings = settings_of((DOCKER / "fsflows" / "fsflows.yaml").read_text(), tmp_path)
    assert [] == faults(settings)
    grace = float(service["stop_grace_period"].removesuffix("s"))
    assert grace > settings.server.drain_timeout + APOLOGY
    flows = load_flows([ROOT / "conf" / "flows"])
    assert settings.flows.default in flows
    named = set(
        re.findall(r"/run/secrets/(\w+)", (DOCKER / "fsflows" / "fsflows.yaml").read_text())
    )
    assert named == set(service["secrets"])
    assert ["freeswitch:8021"] == list(settings.freeswitch.addresses)
    assert "8084" == settings.server.listen.rpartition(":")[2]
    assert "fsflows:8084" == parts["services"]["freeswitch"]["environment"]["FSFLOWS"]
    image = settings_of((DOCKER / "fsflows" / "default.yaml").read_text(), tmp_path)
    assert [] == faults(image)
    assert "FSFLOWS_CONFIG=/etc/fsflows/fsflows.yaml" in (DOCKER / "Dockerfile").read_text()


def test_prometheus_and_grafana_among_the_containers(tmp_path):
    services = compose()["services"]
    text = (DOCKER / "prometheus" / "prometheus.yml").read_text()
    (tmp_path / "token").write_text("x")
    text = text.replace("/etc/prometheus/rules", str(ROOT / "conf" / "prometheus"))
    file = tmp_path / "prometheus.yml"
    file.write_text(text.replace("/run/secrets/console_token", str(tmp_path / "token")))
    status, said = run(shutil.which("promtool"), "check", "config", file)
    assert 0 == status, said
    mounted = " ".join(services["prometheus"]["volumes"])
    for rules in (ROOT / "conf" / "prometheus").glob("*.rules.yml"):
        assert f"../conf/prometheus/{rules.name}:/etc/prometheus/rules/{rules.name}" in mounted
    [source] = yaml.safe_load((DOCKER / "grafana" / "datasources.yaml").read_text())["datasources"]
    assert ("prometheus", True) == (source["type"], source["isDefault"])
    assert "http://prometheus:9090" == source["url"]
    [provider] = yaml.safe_load((DOCKER / "grafana" / "dashboards.yaml").read_text())["providers"]
    mounts = [each.split(":")[:2] for each in services["grafana"]["volumes"]]
    assert ["../conf/grafana", provider["options"]["path"]] in mounts


def test_secrets_are_made_once(tmp_path):
    script = tmp_path / "prepare"
    shutil.copy(DOCKER / "prepare", script)
    status, said = run(script)
    assert 1 == status
    assert "signalwire_token" in said
    (tmp_path / "secrets" / "signalwire_token").write_text("token")
    made = {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}
    assert (0, True) == ((again := run(script))[0], "docker compose" in again[1])
    assert made == {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}
    declared = {Path(secret["file"]).name for secret in compose()["secrets"].values()}
    assert declared == set(made)
    values = [made[name] for name in made if name != "signalwire_token"]
    assert len(set(values)) == len(values)
    assert all(len(value) >= 32 for value in values)
    assert made["postgres_password"] in made["database_url"]
    assert 0o700 == (tmp_path / "secrets").stat().st_mode & 0o777
    assert "docker/secrets/" in (ROOT / ".gitignore").read_text()


# --- FreeSWITCH's configuration -------------------------------------------------------------------------------------


def _conf(name):
    return (DOCKER / "freeswitch" / "conf" / name).read_text()


def test_freeswitch_s_files_are_xml_and_its_variables_are_set():
    texts = {
        path.relative_to(DOCKER / "freeswitch" / "conf").as_posix(): path.read_text()
        for path in (DOCKER / "freeswitch" / "conf").rglob("*.xml")
    }
    assert len(texts) == 4
    for text in texts.values():
        ET.fromstring(text)
    main = texts["freeswitch.xml"]
    made = set(re.findall(r'cmd="(?:exec-)?set" data="(\w+)=', main))
    used = set(re.findall(r"\$\$\{(\w+)\}", "".join(texts.values())))
    assert used - made == {"local_ip_v4", "sounds_dir"}  # FreeSWITCH's own
    environment = set(re.findall(r"\$\{([A-Z_]+):-", main))
    assert set(compose()["services"]["freeswitch"]["environment"]) <= environment
    secrets = set(re.findall(r"\}/(\w+)\"", main))
    assert secrets == set(compose()["services"]["freeswitch"]["secrets"])


def test_7000_goes_to_fsflows_as_the_dialplan_of_the_repository_says():
    def actions(text):
        found = {}
        for extension in ET.fromstring(text).iter("extension"):
            [condition] = extension.iter("condition")
            found[condition.get("expression")] = [
                (each.get("application"), each.get("data") or "") for each in condition
            ]
        return found

    theirs = actions(_conf("dialplan/fsflows.xml"))
    ours = actions((ROOT / "dialplan" / "fsflows.xml").read_text())
    spread = actions((ROOT / "dialplan" / "distributor.xml").read_text())
    for number, path in (("^7000$", ""), ("^71([a-z0-9_]+)$", "/$1")):
        for found in (theirs, ours, spread):
            names = [name for name, _ in found[number] if name != "set"]
            assert ["socket", "answer", "playback", "hangup"] == names
            assert ("set", "socket_resume=true") == found[number][0]
            assert ("set", "RECORD_USE_THREAD=false") == found[number][1]
            [socket] = [data for name, data in found[number] if name == "socket"]
            assert socket.endswith(" async full")
        [socket] = [data for name, data in theirs[number] if name == "socket"]
        assert f"$${{fsflows}}{path} async full" == socket


def test_mod_distributor_s_list_is_the_one_that_the_dialplan_asks_for():
    lists = ET.parse(ROOT / "dialplan" / "distributor.conf.xml")
    assert ["fsflows"] == [each.get("name") for each in lists.iter("list")]
    nodes = [each.get("name") for each in lists.iter("node")]
    assert len(nodes) == 2
    assert all(re.fullmatch(r"[\d.]+:\d+", node) for node in nodes)
    assert "${distributor(fsflows)}" in (ROOT / "dialplan" / "distributor.xml").read_text()


# --- several nodes ------------------------------------------------------------------------------------------------


def test_settings_of_several_nodes(tmp_path):
    node = settings_of((ROOT / "conf" / "fsflows.cluster.yaml").read_text(), tmp_path)
    agent = settings_of((ROOT / "conf" / "fsflows.agent.yaml").read_text(), tmp_path)
    assert [] == faults(node)
    assert [] == faults(agent)
    assert node.database.url.startswith("postgresql+psycopg://")
    assert agent.recordings.published.startswith("s3://")
    assert (node.recordings.staging, node.recordings.agent_secret) == (
        agent.recordings.staging,
        agent.recordings.agent_secret,
    )


# --- Kubernetes -----------------------------------------------------------------------------------------------------


def objects():
    return [
        (file.name, each)
        for file in KUBERNETES
        if file.name != "kustomization.yaml"
        for each in yaml.safe_load_all(file.read_text())
    ]


def kind(wanted, name="fsflows"):
    [found] = [
        each for _, each in objects() if (each["kind"], each["metadata"]["name"]) == (wanted, name)
    ]
    return found


@pytest.mark.parametrize("version", ["1.29", "1.33"])
def test_the_manifests_keep_kubernetes_schemas(version):
    for file, each in objects():
        try:
            kubernetes_validate.validate(each, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            pytest.fail(f"{file}: {each['kind']}: {error.message}")
    listed = yaml.safe_load((DOCKER / "kubernetes" / "kustomization.yaml").read_text())
    assert sorted(listed["resources"]) == sorted({file for file, _ in objects()})
    for file, each in objects():
        if each["kind"] != "Namespace":
            assert listed["namespace"] == each["metadata"]["namespace"], file


def test_a_word_that_kubernetes_does_not_know_is_noticed():
    manifest = kind("StatefulSet")
    manifest["spec"]["template"]["spec"]["terminationGracePeriod"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, "1.33", strict=True)


def test_a_pod_gets_the_time_that_it_needs_and_settings_that_work(tmp_path):
    pod = kind("StatefulSet")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    settings = settings_of(kind("ConfigMap")["data"]["fsflows.yaml"], tmp_path)
    assert [] == faults(settings)
    waits = float(container["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert pod["terminationGracePeriodSeconds"] > waits + settings.server.drain_timeout + APOLOGY
    mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    assert {"/etc/fsflows", *settings.flows.paths, "/secrets", "/tmp", "/var/lib/fsflows"} == set(
        mounts
    )
    claims = {
        each["metadata"]["name"] for each in kind("StatefulSet")["spec"]["volumeClaimTemplates"]
    }
    assert set(mounts.values()) == claims | {each["name"] for each in pod["volumes"]}
    assert settings.database.spool.startswith("/var/lib/fsflows/")
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert str(ports["eventsocket"]) == settings.server.listen.rpartition(":")[2]
    assert str(ports["console"]) == settings.console.listen.rpartition(":")[2]
    # FreeSWITCH's accesses, the console's, and the probes, are all to ports that there are.
    for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
        assert container[probe]["httpGet"]["port"] in ports
    assert "/ready" == container["readinessProbe"]["httpGet"]["path"]
    for service in ("fsflows", "fsflows-pods"):
        spec = kind("Service", service)["spec"]
        assert spec["selector"] == kind("StatefulSet")["spec"]["selector"]["matchLabels"]
        assert {each["targetPort"] for each in spec["ports"]} <= set(ports)


def test_the_flow_of_the_manifests_is_one(tmp_path):
    for name, text in kind("ConfigMap", "fsflows-flows")["data"].items():
        (tmp_path / name).write_text(text)
    assert ["welcome"] == list(load_flows([tmp_path]))
