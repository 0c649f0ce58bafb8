"""The recipes are tried: their command lines parse, their shell runs, their keys mean what they should."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import typer
import yaml

from driftcli.cli.app import app
from driftcli.core import registry
from driftcli.reports.prometheus import HELP

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "configs" / "recipes"
ACTION = ROOT / ".github" / "actions" / "driftcli" / "action.yml"
YAML = sorted([ACTION, *RECIPES.glob("*.yml"), *RECIPES.glob("*.yaml")])


def loaded(name: str):
    return yaml.safe_load((RECIPES / name).read_text(encoding="utf-8"))


def container():
    return loaded("kubernetes-cronjob.yaml")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][
        0
    ]


def airflow(monkeypatch):
    """The DAG's module, with stand-ins for Airflow that keep the task."""
    kept = SimpleNamespace(ran=[])

    def task(**settings):
        kept.settings = settings
        return lambda function: lambda *args: kept.ran.append((function, args))

    fail = type("AirflowFailException", (Exception,), {})
    again = type("AirflowException", (Exception,), {})
    modules = {
        "airflow": {},
        "airflow.sdk": {"dag": lambda **_: lambda function: function, "task": task},
        "airflow.exceptions": {"AirflowFailException": fail, "AirflowException": again},
    }
    for name, content in modules.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location("airflow_dag", RECIPES / "airflow_dag.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, kept, fail, again


def command_lines(monkeypatch) -> dict[str, list[str]]:
    """Every command line of driftcli in the recipes, as words."""
    found = {"kubernetes": container()["args"], "airflow": airflow(monkeypatch)[0].command("2026-11-21")[1:]}
    for path in (ACTION, *RECIPES.iterdir()):
        text = path.read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if not line.lstrip().startswith(("#", "//"))]
        joined = re.sub(r"\s*\n\s+(?=-o )", " ", "\n".join(lines))
        for number, line in enumerate(re.findall(r"(?<!`)\bdriftcli (check\b[^\n]*)", joined)):
            bare = re.split(r" >>|; |'$", line, maxsplit=1)[0]
            found[f"{path.name}:{number}"] = shlex.split(bare)
    return found


def test_every_command_line_parses(monkeypatch):
    """By the command line itself: its options, its values' formats, its arguments."""
    found = command_lines(monkeypatch)
    assert {name.partition(":")[0] for name in found} == {
        "kubernetes", "airflow", "action.yml", "gitlab.yml", "Jenkinsfile", "crontab", "dvc.yaml",
    }  # fmt: skip
    check = typer.main.get_command(app).commands["check"]
    for name, (verb, *words) in found.items():
        assert verb == "check", name
        context = check.make_context("check", list(words))
        assert context.params["artifact"], name
        for output in context.params["output"]:
            assert output.partition("=")[0] in registry.kinds("reports"), name


@pytest.mark.parametrize("path", YAML, ids=lambda path: path.name)
def test_yaml_is_yaml(path):
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


def test_kubernetes_tries_again_only_what_may_pass():
    """1, 2 and 3 fail the job at once; two audits never run at once; the image runs as nobody special."""
    spec = loaded("kubernetes-cronjob.yaml")["spec"]
    job = spec["jobTemplate"]["spec"]
    pod = job["template"]["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    rule = job["podFailurePolicy"]["rules"][0]
    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"] == {
        "containerName": pod["containers"][0]["name"],
        "operator": "In",
        "values": [1, 2, 3],
    }
    assert job["backoffLimit"] > 0
    assert pod["restartPolicy"] == "Never", "what podFailurePolicy requires"
    assert {mount["name"] for mount in container()["volumeMounts"]} == {
        volume["name"] for volume in pod["volumes"]
    }


def test_gitlab_tries_again_only_an_internal_error_and_keeps_what_junit_attaches():
    job = loaded("gitlab.yml")["drift"]
    assert job["retry"]["exit_codes"] == [4]
    assert job["artifacts"]["when"] == "always"
    reports = job["artifacts"]["reports"]
    script = "\n".join(job["script"])
    assert f"-o junit={reports['junit']}" in script
    assert f"-o openmetrics={reports['metrics']}" in script


def test_dvc_keeps_what_the_stage_writes():
    stage = loaded("dvc.yaml")["stages"]["drift"]
    (metrics,), (plots,) = (list(stage[key][0]) for key in ("metrics", "plots"))
    assert f"-o metrics={metrics} -o csv={plots}" in stage["cmd"]
    assert "--exit-zero" in stage["cmd"]


def test_alerts_name_metrics_that_exist():
    rules = loaded("prometheus-rules.yml")["groups"][0]["rules"]
    used = {name for rule in rules for name in re.findall(r"driftcli_(\w+)", rule["expr"])}
    assert used <= set(HELP)
    assert used >= {"verdict", "last_run_timestamp_seconds", "images"}


def test_the_example_workflow_uses_inputs_and_outputs_of_the_action():
    action, job = yaml.safe_load(ACTION.read_text()), loaded("github.yml")["jobs"]["check"]
    step = next(step for step in job["steps"] if "driftcli" in step.get("uses", ""))
    assert set(step["with"]) <= set(action["inputs"])
    assert {name for name, one in action["inputs"].items() if one.get("required")} <= set(step["with"])
    text = (RECIPES / "github.yml").read_text()
    assert set(re.findall(r"steps\.drift\.outputs\.(\w+)", text)) <= set(action["outputs"])
    given = re.findall(r"^(\w+)<<", _outputs(), re.MULTILINE)
    assert set(action["outputs"]) <= set(given)
    for one in [*job["steps"], *action["runs"]["steps"]]:
        assert "${{" not in one.get("run", ""), "foreign text in a script"


def _outputs() -> str:
    from driftcli.reports import github
    from tests.reports import samples

    return github.outputs(samples.rich())


def cron() -> tuple[dict[str, str], str]:
    """The variables and the one command of the crontab."""
    lines = [line for line in (RECIPES / "crontab").read_text().splitlines() if line and line[0] != "#"]
    variables = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]+=", line))
    entry = next(line for line in lines if not re.match(r"[A-Z]+=", line))
    assert "%" not in entry, "cron turns it into a line break"
    return variables, entry.split(None, 5)[5]


def shells():
    """The shell parts of all recipes, with the shell that runs them."""
    for step in yaml.safe_load(ACTION.read_text())["runs"]["steps"]:
        if "run" in step:
            yield step["shell"], step["run"]
    for step in loaded("github.yml")["jobs"]["check"]["steps"]:
        if "run" in step:
            yield "bash", step["run"]
    yield from (("sh", line) for line in loaded("gitlab.yml")["drift"]["script"])
    yield from (
        ("sh", line) for line in re.findall(r"(?:sh|script:) '(.*)'", (RECIPES / "Jenkinsfile").read_text())
    )
    yield "sh", cron()[1]


@pytest.mark.parametrize(("shell", "script"), list(shells()))
def test_shell_is_shell(shell, script):
    ran = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def executable(path: Path, script: str) -> None:
    path.write_text(script)
    path.chmod(0o755)


def test_the_action_hands_over_every_word_and_the_exit_code(tmp_path):
    """Sources with blanks, quotes and dollars stay one word each; blank lines are none; options are split."""
    step = next(
        step for step in yaml.safe_load(ACTION.read_text())["runs"]["steps"] if step.get("id") == "check"
    )
    executable(tmp_path / "driftcli", '#!/bin/sh\nprintf "%s\\n" "$@" > words\nexit 3\n')
    env = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}", "ARTIFACT": "my ref", "REPORTS": "out put",
        "SOURCE": "a folder\n\n$(touch hacked)\n'quoted'\n", "OPTIONS": "--alpha 0.001\n--fail-on warn",
    }  # fmt: skip
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    ran = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (3, "")
    words = (tmp_path / "words").read_text().splitlines()
    assert words[words.index("--") :] == ["--", "my ref", "a folder", "$(touch hacked)", "'quoted'"]
    assert words[words.index("--alpha") :][:4] == ["--alpha", "0.001", "--fail-on", "warn"]
    assert "json=out put/result.json" in words
    assert (tmp_path / "out put").is_dir()
    assert not (tmp_path / "hacked").exists()
    alone = {**env, "OPTIONS": "", "SOURCE": "a"}
    assert subprocess.run(command, cwd=tmp_path, env=alone, check=False).returncode == 3


@pytest.fixture
def machine(tmp_path, world):
    """A place such as the crontab describes: driftcli, a curl that only takes notes, an artifact, images."""
    programs, place = tmp_path / "bin", tmp_path / "srv"
    programs.mkdir()
    place.mkdir()
    executable(
        programs / "driftcli",
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m driftcli "$@"\n',
    )
    executable(
        programs / "curl",
        f'#!/bin/sh\nfor last; do :; done\necho "$last" >> {shlex.quote(str(tmp_path / "pings"))}\n',
    )
    (place / "ref").symlink_to(world.ref)
    (place / "incoming").symlink_to(world.bright)
    variables, command = cron()
    command = command.replace("/srv/drift", str(place)).replace("/var/lib/node_exporter", str(place))
    env = {**variables, "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path)}

    def run() -> str:
        """What cron does; the last address that curl was given."""
        subprocess.run([env["SHELL"], "-c", command], cwd=tmp_path, env=env, check=True)
        return (tmp_path / "pings").read_text().splitlines()[-1].removeprefix(variables["PING"])

    return place, run


def test_the_crontab_runs_and_pings_the_exit_code(machine):
    """A drifted batch pings 1 and leaves its result; while another check runs, 75; without a reference, 3."""
    place, run = machine
    assert run() == "/1", (place / "drift.log").read_text()
    assert json.loads((place / "result.json").read_text())["verdict"] == "drift"
    assert 'verdict="drift"} 1.0' in (place / "driftcli.prom").read_text()
    with (place / "drift.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run() == "/75"
    (place / "ref").unlink()
    assert run() == "/3"


@pytest.mark.parametrize(
    ("code", "raised"), [(0, None), (1, "fail"), (2, "fail"), (3, "fail"), (4, "again"), (137, "again")]
)
def test_airflow_tries_again_only_what_may_pass(monkeypatch, code, raised):
    """Airflow itself is not here: its decorators and exceptions are stand-ins."""
    module, kept, fail, again = airflow(monkeypatch)
    monkeypatch.setattr(module.subprocess, "run", lambda *_a, **_k: SimpleNamespace(returncode=code))
    ((function, args),) = kept.ran
    assert args == ("{{ ds }}",)
    assert kept.settings["retries"] > 0
    if raised is None:
        function("2026-11-21")
        return
    with pytest.raises({"fail": fail, "again": again}[raised]):
        function("2026-11-21")


def test_the_dockerfile_copies_what_is_there():
    """No docker here: only that the build's context has what it copies, and that it does not run as root."""
    text = (RECIPES / "Dockerfile").read_text()
    for sources in re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE):
        assert all((ROOT / name).exists() for name in sources.split())
    assert re.search(r"^USER 10001$", text, re.MULTILINE)
    assert (
        str(
            loaded("kubernetes-cronjob.yaml")["spec"]["jobTemplate"]["spec"]["template"]["spec"][
                "securityContext"
            ]["runAsUser"]
        )
        in text
    )
