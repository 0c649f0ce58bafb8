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
from tests.recipe_shell import Shell

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
            found[f"{path.name}:{number}"] = shlex.split(re.sub(r"\$\([^)]*\)", "today", bare))
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
    assert f"-o metrics={metrics} -o csv={plots} -o html={stage['outs'][0]}" in stage["cmd"]
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
    of_check = [name for name, one in action["outputs"].items() if "steps.check.outputs" in one["value"]]
    assert set(of_check) <= set(given)
    assert set(action["outputs"]) - set(of_check) == {"page"}, "what uploading it says"
    for one in [*job["steps"], *action["runs"]["steps"]]:
        assert "${{" not in one.get("run", ""), "foreign text in a script"


def _outputs() -> str:
    from driftcli.reports import github
    from tests.reports import samples

    return github.outputs(samples.rich())


def cron() -> tuple[dict[str, str], list[str]]:
    """The variables and the commands of the crontab."""
    lines = [line for line in (RECIPES / "crontab").read_text().splitlines() if line and line[0] != "#"]
    variables = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]+=", line))
    entries = [line for line in lines if not re.match(r"[A-Z]+=", line)]
    assert not any("%" in entry for entry in entries), "cron turns it into a line break"
    return variables, [entry.split(None, 5)[5] for entry in entries]


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
    yield from (("sh", entry) for entry in cron()[1])


@pytest.mark.parametrize(("shell", "script"), list(shells()))
def test_shell_is_shell(shell, script):
    ran = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


# ---------------------------------------------------------------- run


@pytest.fixture
def shell(tmp_path):
    """A shell whose `driftcli` is this one; whatever else a recipe calls must be given a stand-in."""
    made = Shell(tmp_path / "shell")
    yield made
    made.close()


@pytest.fixture
def place(tmp_path, world):
    """A folder such as the recipes describe: the reference, and good images that have just come in."""
    folder = tmp_path / "place"
    folder.mkdir()
    (folder / "ref").symlink_to(world.ref)
    (folder / "incoming").symlink_to(world.fresh)
    return folder


def drifts(place: Path, world) -> None:
    """From now on, brighter images come in."""
    (place / "incoming").unlink()
    (place / "incoming").symlink_to(world.bright)


def page(path: Path, verdict: str) -> None:
    """It is a page about this verdict, with pictures."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert f"<title>{verdict}: " in text
    assert text.count("<img ") > 1


QUIET = re.compile(r"warn|error|caution", re.IGNORECASE)
"""What a run in which all is well says nowhere."""
ONE = {"DRIFTCLI_WORKERS": "1"}


def step(name: str) -> dict:
    """A step of the action, by its name."""
    return next(one for one in yaml.safe_load(ACTION.read_text())["runs"]["steps"] if one.get("name") == name)


def bash(script: str) -> list[str]:
    """As GitHub's runner does it."""
    return ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]


CHECK = {"ARTIFACT": "ref", "SOURCE": "incoming\n", "OPTIONS": "", "REPORTS": "drift", "PAGE": "cam 1.html"}
RUN = {
    "GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "org/images", "GITHUB_RUN_ID": "42",
    "GITHUB_STEP_SUMMARY": "summary.md", "GITHUB_OUTPUT": "outputs",
}  # fmt: skip
RUN_PAGE = "https://github.example/org/images/actions/runs/42"


def test_the_action_leaves_a_page_and_a_summary(shell, place, world):
    """Green: one line and notices in the log. Drift: exit 1 and errors, and all reports are there all the same."""
    ran = shell.run(bash(step("Check")["run"]), place, {**ONE, **RUN, **CHECK})
    assert (ran.returncode, ran.stderr) == (0, "")
    assert not QUIET.search(ran.stdout)
    assert [line.split()[0] for line in ran.stdout.splitlines()] == ["driftcli:", "::notice"]
    page(place / "drift" / "cam 1.html", "PASS")
    drifts(place, world)
    ran = shell.run(bash(step("Check")["run"]), place, {**ONE, **RUN, **CHECK})
    assert ran.returncode == 1
    assert "::error title=driftcli%3A DRIFT::" in ran.stdout
    page(place / "drift" / "cam 1.html", "DRIFT")
    assert {path.name for path in (place / "drift").iterdir()} == {
        "cam 1.html", "result.json", "junit.xml", "report.md", "images.csv",
    }  # fmt: skip
    outputs = (place / "outputs").read_text()
    assert re.search(rf"^report<<.*\n{re.escape(RUN_PAGE)}$", outputs, re.MULTILINE)
    assert f'<property name="report" value="{RUN_PAGE}"' in (place / "drift" / "junit.xml").read_text()
    linked = shell.run(
        bash(step("Link the page")["run"]), place, {**RUN, "PAGE": "https://github.example/a/1"}
    )
    assert linked.returncode == 0
    summary = (place / "summary.md").read_text()
    assert summary.endswith("\n[The page with pictures](https://github.example/a/1)\n")
    assert RUN_PAGE not in summary, "the summary stands on that very page"


def test_the_action_hands_over_every_word_and_the_exit_code(shell, tmp_path):
    """Sources with blanks, quotes and dollars stay one word each; blank lines are none; options are split."""
    shell.program("driftcli", '#!/bin/sh\nprintf "%s\\n" "$@" > words\nexit 3\n')
    env = {
        "ARTIFACT": "my ref", "REPORTS": "out put", "PAGE": "drift.html",
        "SOURCE": "a folder\n\n$(touch hacked)\n'quoted'\n", "OPTIONS": "--alpha 0.001\n--fail-on warn",
    }  # fmt: skip
    command = bash(step("Check")["run"])
    ran = shell.run(command, tmp_path, env)
    assert (ran.returncode, ran.stderr) == (3, "")
    words = (tmp_path / "words").read_text().splitlines()
    assert words[words.index("--") :] == ["--", "my ref", "a folder", "$(touch hacked)", "'quoted'"]
    assert words[words.index("--alpha") :][:4] == ["--alpha", "0.001", "--fail-on", "warn"]
    assert {"json=out put/result.json", "html=out put/drift.html"} <= set(words)
    assert (tmp_path / "out put").is_dir()
    assert not (tmp_path / "hacked").exists()
    assert shell.run(command, tmp_path, {**env, "OPTIONS": "", "SOURCE": "a"}).returncode == 3


@pytest.mark.parametrize(
    ("system", "index", "extras"),
    [
        ("Linux", "https://index.example/cpu", ""),
        ("Linux", "", "notify,heif"),
        ("macOS", "https://index.example/cpu", ""),
    ],
)
def test_the_action_installs_a_torch_without_cuda_first(shell, tmp_path, system, index, extras):
    """On Linux, unless told otherwise; then this driftcli with its extras. pip's cache has a key of what is wanted."""
    pips = tmp_path / "pips"
    pip = tmp_path / "temp" / "driftcli" / "bin" / "pip"
    shell.program("pip", f'#!/bin/sh\necho "$*" >> {pips}\n')
    shell.program(
        "python",
        f"""#!/bin/sh
case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp {shell.programs}/pip "$3/bin/pip" ;;
  "-m pip cache dir") echo /cache/pip ;;
  *) exec {sys.executable} "$@" ;;
esac
""",
    )
    env = {
        "RUNNER_OS": system, "RUNNER_TEMP": str(tmp_path / "temp"), "GITHUB_PATH": "path", "GITHUB_OUTPUT": "outputs",
        "GITHUB_ACTION_PATH": str(ACTION.parent), "TORCH_INDEX": index, "EXTRAS": extras, "CHOSEN": f"{index} {extras}",
    }  # fmt: skip
    for name in ("What pip caches, and for what", "Install"):
        ran = shell.run(bash(step(name)["run"]), tmp_path, env)
        assert (ran.returncode, ran.stderr) == (0, ""), name
    torch = [f"install -q torch torchvision --index-url {index}"] if system == "Linux" and index else []
    own = f"install -q {ACTION.parent}/../../..{f'[{extras}]' if extras else ''}"
    assert pips.read_text().splitlines() == [*torch, own]
    assert (tmp_path / "path").read_text() == f"{pip.parent}\n"
    assert re.fullmatch(r"folder=/cache/pip\nkey=3\.\d+-[0-9a-f]{16}\n", (tmp_path / "outputs").read_text())


def test_gitlabs_job_leaves_a_page_where_its_link_leads(shell, place):
    """All that the job keeps is there; a green job says nothing alarming."""
    job = loaded("gitlab.yml")["drift"]
    env = {**ONE, "CI_PROJECT_DIR": str(place), "CI_JOB_URL": "https://gitlab.example/org/images/-/jobs/7"}
    ran = shell.run(["sh", "-e", "-c", "\n".join(job["script"])], place, env)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert not QUIET.search(ran.stdout)
    for kept in (*job["artifacts"]["paths"], *job["artifacts"]["reports"].values()):
        assert (place / kept).exists(), kept
    page(place / "drift" / "report.html", "PASS")
    link = json.loads((place / "drift" / "result.json").read_text())["link"]
    root, _, kept = link.partition("/artifacts/file/")
    assert root == env["CI_JOB_URL"]
    page(place / kept, "PASS")


def test_jenkins_build_leaves_a_page_where_its_link_leads(shell, place, world):
    """A folder without anything inside the page that Jenkins' policy forbids; 1 makes the build unstable."""
    text = (RECIPES / "Jenkinsfile").read_text()
    make, check = re.findall(r"(?:sh|script:) '(.*)'", text)
    env = {
        **ONE, "WORKSPACE": str(place), "JENKINS_URL": "https://ci.example/",
        "BUILD_URL": "https://ci.example/job/drift/9/",
    }  # fmt: skip
    drifts(place, world)
    for script, code in ((make, 0), (check, 1)):
        ran = shell.run(["sh", "-xe", "-c", script], place, env)
        assert ran.returncode == code, ran.stderr
    assert "if (code == 1) {\n            unstable(" in text
    (kept,) = re.findall(r"archiveArtifacts artifacts: '([^']*)'", text)
    link = json.loads((place / "drift" / "result.json").read_text())["link"]
    root, _, inside = link.partition("artifact/")
    assert root == env["BUILD_URL"]
    assert Path(inside) in {path.relative_to(place) for path in place.glob(f"{kept}/*")}
    page(place / inside, "DRIFT")
    assert "<style" not in (place / inside).read_text()


def test_kubernetes_job_leaves_its_own_page(shell, place):
    """Words as the kubelet expands them; every path it writes to is mounted, and writable."""
    mounts = {mount["mountPath"]: mount.get("readOnly", False) for mount in container()["volumeMounts"]}
    (place / "reports").mkdir()
    names = {one["name"] for one in container()["env"]}
    words = []
    for word in container()["args"]:
        assert set(re.findall(r"\$\((\w+)\)", word)) <= names
        written = re.match(r"--output=\w+=(/\w+)/", word)
        assert written is None or mounts[written[1]] is False, word
        words.append(word.replace("$(JOB)", "drift-29").replace("/data/", f"{place}/").replace("=/reports", f"={place}/reports"))  # fmt: skip
    ran = shell.run(["driftcli", *words], place, {**ONE, "DRIFTCLI_NOTIFY": ""})
    (event,) = map(json.loads, ran.stderr.splitlines())
    assert (ran.returncode, event["level"], event["exit_code"], event["error"]) == (0, "info", 0, None)
    assert not QUIET.search(ran.stdout)
    page(place / "reports" / "drift-29.html", "PASS")
    link = json.loads((place / "reports" / "result.json").read_text())["link"]
    assert link == "https://drift.example.org/drift-29.html"


def test_airflows_task_leaves_a_page_for_the_day(shell, place, monkeypatch, world):
    """The very task, with the shell's `driftcli`; drift fails it for good."""
    module, kept, fail, _ = airflow(monkeypatch)
    ((check, _),) = kept.ran
    for name, folder in (("REFERENCE", "ref"), ("IMAGES", "in"), ("REPORTS", "drift")):
        monkeypatch.setattr(module, name, str(place / folder))
    (place / "in").mkdir()
    (place / "drift").mkdir()
    monkeypatch.setattr(module.subprocess, "run", lambda words, **_: shell.run(words, place, ONE))
    for day, images, verdict in (("2026-11-21", world.fresh, "PASS"), ("2026-11-22", world.bright, "DRIFT")):
        (place / "in" / day).symlink_to(images)
        if verdict == "PASS":
            check(day)
        else:
            with pytest.raises(fail, match="drifted"):
                check(day)
        page(place / "drift" / f"{day}.html", verdict)
        assert json.loads((place / "drift" / f"{day}.json").read_text())["link"].endswith(f"/{day}.html")


def test_dvcs_stage_leaves_all_that_it_names(shell, place):
    stage = loaded("dvc.yaml")["stages"]["drift"]
    ran = shell.run(["sh", "-c", stage["cmd"]], place, ONE)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert not QUIET.search(ran.stdout)
    assert all((place / name).exists() for name in stage["deps"])
    assert all((place / next(iter(one))).is_file() for one in (*stage["metrics"], *stage["plots"]))
    page(place / stage["outs"][0], "PASS")


def test_the_crontab_runs_and_pings_the_exit_code(shell, place, world):
    """0 and a page for a good day, with a quiet log; 1 for a drifted one; 75 while another runs; 3 without a reference."""
    variables, (check, clean) = cron()
    check, clean = (
        line.replace("/srv/drift", str(place)).replace("/var/lib/node_exporter", str(place))
        for line in (check, clean)
    )
    pings = shell.noting("curl")

    def run() -> str:
        """What cron does; the end of the address that curl was given."""
        shell.run([variables["SHELL"], "-c", check], place, {**ONE, "PING": variables["PING"]})
        return pings.read_text().split()[-1].removeprefix(variables["PING"])

    assert run() == "/0", (place / "drift.log").read_text()
    assert not QUIET.search((place / "drift.log").read_text())
    assert 'verdict="pass"} 1.0' in (place / "driftcli.prom").read_text()
    (today,) = (place / "pages").iterdir()
    page(today, "PASS")
    drifts(place, world)
    assert run() == "/1"
    assert json.loads((place / "result.json").read_text())["verdict"] == "drift"
    with (place / "drift.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run() == "/75"
    (place / "ref").unlink()
    assert run() == "/3"
    old = today.with_name("2026-01-01.html")
    old.touch()
    os.utime(old, (0, 0))
    assert shell.run([variables["SHELL"], "-c", clean], place).returncode == 0
    assert list((place / "pages").iterdir()) == [today]


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
