"""Settings come from where the user said, in the promised order, and mistakes are answered with place and advice."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from driftcli.config import resolve as config
from driftcli.config.resolve import OPTIONS, resolve, show_config, with_stored
from driftcli.config.settings import Settings
from driftcli.core.errors import UsageError


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def put(text):
        raw = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "drift.yaml").write_bytes(raw)
        return "drift.yaml"

    return put


def test_nothing_given_is_the_defaults():
    resolved = resolve()
    assert resolved.settings == Settings()
    assert config.given(resolved) == frozenset()
    assert set(resolved.origins.values()) == {"default"}


def test_precedence(write):
    """Option over --set over environment over file over default; each value knows where it came from."""
    file = write("seed: 1\nworkers: 1\ngate:\n  alpha: 0.1\n  min_images: 20\n  tolerance: 0.1\n")
    environ = {"DRIFTCLI_ALPHA": "0.2", "DRIFTCLI_SEED": "2", "DRIFTCLI_TOLERANCE": "0.2"}
    resolved = resolve(file, ["gate.alpha=0.3", "seed=3"], {"alpha": "0.4"}, environ)
    got, origin = resolved.settings, resolved.origins
    assert (got.gate.alpha, origin["gate.alpha"]) == (0.4, "--alpha")
    assert (got.seed, origin["seed"]) == (3, "--set")
    assert (got.gate.tolerance, origin["gate.tolerance"]) == (0.2, "DRIFTCLI_TOLERANCE")
    assert (got.gate.min_images, origin["gate.min_images"]) == (20, "drift.yaml:5")
    assert (got.gate.max_unreadable, origin["gate.max_unreadable"]) == (0.05, "default")
    assert config.given(resolved) == {"seed", "workers", "gate.alpha", "gate.min_images", "gate.tolerance"}


def test_a_value_equal_to_its_default_is_still_given():
    """A contradiction with the artifact must not depend on what the default is."""
    assert config.given(resolve(options={"alpha": "0.01"})) == {"gate.alpha"}


def test_what_the_artifact_remembers_goes_below_what_is_given():
    """Option > artifact > default (contract: precedence)."""
    resolved = resolve(options={"crop": "0,0,1,1"})
    stored = {
        "decode": {"crop": "9,9,9,9", "background": 0},
        "extractors": {"methods": ["properties"]},
        "old": 1,
    }
    merged = with_stored(resolved, stored)
    assert (merged.settings.decode.crop, merged.origins["decode.crop"]) == ("0,0,1,1", "--crop")
    assert (merged.settings.decode.background, merged.origins["decode.background"]) == (0, "artifact")
    assert merged.settings.extractors.methods == ("properties",)
    assert config.given(merged) == {"decode.crop"}


def test_only_a_named_file_is_read(write):
    """A stray file must not change a gate."""
    write("seed: 7\n")
    assert resolve().settings.seed == 0
    assert resolve(environ={"DRIFTCLI_CONFIG": "drift.yaml"}).settings.seed == 7
    assert resolve(environ={"DRIFTCLI_CONFIG": ""}).settings.seed == 0


@pytest.mark.parametrize(
    ("options", "key", "value"),
    [
        ({"max-unreadable": "20%"}, "gate.max_unreadable", 0.2),
        ({"max_loss_increase": "20 %"}, "gate.max_loss_increase", 0.2),
        ({"max_loss_increase": 0.2}, "gate.max_loss_increase", 0.2),
        ({"max_loss_increase": "none"}, "gate.max_loss_increase", None),
        ({"tolerance": "auto"}, "gate.tolerance", "auto"),
        ({"tolerance": "5%"}, "gate.tolerance", 0.05),
        ({"permutations": "999"}, "gate.permutations", 999),
        ({"method": ["mmd,properties"]}, "extractors.methods", ["embedding", "properties"]),
        ({"method": "mmd"}, "extractors.methods", ["embedding"]),
        ({"exclude": ["{a,b}*"]}, "input.exclude", ["{a,b}*"]),
        ({"group_by": "none"}, "input.group_by", None),
        ({"group_by": "5"}, "input.group_by", "5"),
        ({"no-thumbnails": True}, "fit.thumbnails", 0),
        ({"no_thumbnails": False}, "fit.thumbnails", 500),
        ({"holdout": "0"}, "fit.holdout", 0.0),
        ({"workers": "4"}, "workers", 4),
        ({"device": "cuda:1"}, "device", "cuda:1"),
        ({"alpha": None}, "gate.alpha", 0.01),
    ],
)
def test_options_are_read_as_their_setting_wants(options, key, value):
    from driftcli.config.layers import leaves

    found = dict(leaves(resolve(options=options).settings))[key]
    assert (list(found) if isinstance(found, tuple) else found) == value


def test_every_option_leads_to_a_setting_and_has_its_variable():
    """DRIFTCLI_ and the option's name in capitals."""
    from driftcli.config.layers import known

    assert set(OPTIONS.values()) <= set(known())
    environ = {
        "DRIFTCLI_MIN_IMAGES": "30",
        "DRIFTCLI_METHOD": "mmd, properties",
        "DRIFTCLI_TRUST_WEIGHTS": "1",
    }
    got = resolve(environ={**environ, "DRIFTCLI_NO_THUMBNAILS": "true", "DRIFTCLI_ALPHA": ""}).settings
    assert (got.gate.min_images, got.extractors.methods) == (30, ("embedding", "properties"))
    assert (got.weights.trust, got.fit.thumbnails, got.gate.alpha) == (True, 0, 0.01)


def test_an_unknown_variable_is_a_warning():
    """Another version may know it; it must not stop a nightly job."""
    resolved = resolve(environ={"DRIFTCLI_ALFA": "0.5", "DRIFTCLI_COLOR": "never", "PATH": "x"})
    assert resolved.warnings == (
        "DRIFTCLI_ALFA is no variable of driftcli: ignored; did you mean DRIFTCLI_ALPHA?",
    )


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("devcie: cpu\n", "drift.yaml:1:1: devcie: unknown key", "did you mean 'device'?"),
        ("gate:\n  alhpa: 1\n", "drift.yaml:2:3: gate.alhpa: unknown key", "did you mean 'alpha'?"),
        ("alpha: 0.1\n", "drift.yaml:1:1: alpha: unknown key", "did you mean 'gate.alpha'?"),
        ("gate.alpha: 0.1\n", "drift.yaml:1:1: gate.alpha: unknown key", "nest it: 'alpha' under 'gate'"),
        (
            "gate:\n  min-images: 9\n",
            "drift.yaml:2:3: gate.min-images: unknown key",
            "did you mean 'min_images'?",
        ),
        ("gate: 5\n", "drift.yaml:1:7: gate: must be a section of keys (got 5)", ""),
        ("gate:\n  alpha: 2\n", "drift.yaml:2:10: gate.alpha: should be less than 0.5 (got 2)", ""),
        (
            "gate:\n  alpha: off\n",
            "drift.yaml:2:10: gate.alpha: should be a valid number (got 'off')",
            "write a number",
        ),
        (
            "gate:\n  alpha: true\n",
            "drift.yaml:2:10: gate.alpha: should be a valid number (got true)",
            "write a number",
        ),
        ("seed: true\n", "drift.yaml:1:7: seed: should be a valid integer (got true)", ""),
        ("gate: {alpha: '0.1'}\n", "drift.yaml:1:15: gate.alpha: should be a valid number (got '0.1')", ""),
        (
            "input: {group_by: 5}\n",
            "drift.yaml:1:19: input.group_by: should be a valid string (got 5)",
            "quotes",
        ),
        ("workers: many\n", "drift.yaml:1:10: workers: should be 'auto' or a valid integer (got 'many')", ""),
        (
            "gate:\n  fail_on: drfit\n",
            "drift.yaml:2:12: gate.fail_on: should be 'drift', 'warn' or 'none'",
            "'drift'",
        ),
        (
            "extractors:\n  methods: [properties, mdm]\n",
            "drift.yaml:2:25: extractors.methods.1: should be",
            "",
        ),
        ("extractors: {methods: []}\n", "drift.yaml:1:23: extractors.methods: ", ""),
        ("device: gpu\n", "drift.yaml:1:9: device: is not one of the accepted words (got 'gpu')", "cuda:N"),
        ("decode: {foo: 1}\n", "drift.yaml:1:10: decode.foo: unknown key", ""),
        ("a: 1\na: 2\n", "drift.yaml:2:1: a: given twice (first on line 1)", ""),
        ("a: &x 1\nb: *x\n", "drift.yaml:2:4: aliases", ""),
        ("- 1\n", "drift.yaml:1:1: not a mapping", ""),
        ("1: x\n", "drift.yaml:1:1: a key must be a text", ""),
        ("a: !!python/object:os.system x\n", "drift.yaml:1:4: ", ""),
        ("a: [1\n", "drift.yaml:2:1: ", ""),
        ("a: 1\n---\nb: 2\n", "drift.yaml:2:1: ", ""),
        (b"seed: \xff\n", "drift.yaml:1: not UTF-8", "UTF-8"),
        ("seed: 1\nx: \x07\n", "drift.yaml:2: control characters", ""),
        ("seed: 1e999\n", "drift.yaml:1:7: '1e999' is not a usable float", ""),
        ("[" * 5000, "drift.yaml: nested too deeply", ""),
        ("#" * 70_000, "drift.yaml: larger than 64 KiB", ""),
    ],
)
def test_mistakes_have_a_place_and_advice(write, text, what, hint):
    with pytest.raises(UsageError) as caught:
        resolve(write(text))
    assert caught.value.what.startswith(what)
    assert hint in caught.value.hint
    assert caught.value.hint


def test_all_mistakes_are_named_at_once(write):
    with pytest.raises(UsageError) as caught:
        resolve(write("devcie: cpu\ngate:\n  alpha: 2\n"))
    assert len(caught.value.what.splitlines()) == 2


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "gate:\n", "\ufeffgate:\r\n  alpha: 1e-2\r\n", "gate: {tolerance: 0}\n"]
)
def test_harmless_files(write, text):
    """Empty sections, a byte-order mark, CRLF, YAML 1.2 floats."""
    assert resolve(write(text)).settings == Settings()


def test_words_stay_words(write):
    """YAML 1.1 would read `on` and `off` as booleans."""
    families = resolve(write("families: {file: {gate: on}, style: {gate: off}}\n")).settings.families
    assert (families.file.gate, families.style.gate) == ("on", "off")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("gate.alpha", "--set gate.alpha: not KEY=VALUE"),
        ("=3", "--set =3: not KEY=VALUE"),
        ("gate..alpha=3", "--set gate..alpha=3: not KEY=VALUE"),
        ("gate.alhpa=3", "--set gate.alhpa: unknown key"),
        ("gate.alpha=[", "--set gate.alpha:1:"),
        ("gate.alpha=x", "--set gate.alpha: should be a valid number (got 'x')"),
    ],
)
def test_set_is_checked_like_a_file(text, what):
    with pytest.raises(UsageError) as caught:
        resolve(sets=[text])
    assert caught.value.what.startswith(what)


def test_set_takes_values_as_yaml_does():
    got = resolve(
        sets=["families.file.gate=on", "extractors.methods=[mmd]", "gate={alpha: 2%}", "input.since=24h"]
    ).settings
    assert (got.families.file.gate, got.extractors.methods, got.gate.alpha) == ("on", ("embedding",), 0.02)


@pytest.mark.parametrize(
    "options",
    [
        {"alfa": 1},
        {"alpha": "x"},
        {"alpha": float("nan")},
        {"weights": "\udc80"},
        {"seed": object()},
        {"exclude": 5},
    ],
)
def test_python_callers_get_usage_errors_too(options):
    with pytest.raises(UsageError):
        resolve(options=options)


def test_show_config_is_what_set_takes(write):
    """Every line can be given to --set and gives the same settings."""
    resolved = resolve(
        write("gate: {fail_on: none, require_detectable: ['blur:2']}\ninput: {group_by: 'null'}\n"),
        options={"alpha": "5%"},
    )
    lines = show_config(resolved).splitlines()
    sets = [line.split("  #")[0].rstrip() for line in lines]
    assert resolve(sets=sets).settings == resolved.settings
    assert [line for line in lines if line.endswith("# --alpha")] == [
        line for line in lines if line.startswith("gate.alpha=")
    ]
    assert sum(line.endswith("# drift.yaml:1") for line in lines) == 2


yaml_like = st.text(
    alphabet=st.sampled_from(list("abgate:lph -[]{}#&*!|>'\"\n\t0123.eE%,?@~\x00\ufeff\u2028é")), max_size=200
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=200),
        yaml_like.map(lambda text: text.encode()),
        st.text(max_size=60).map(lambda text: f"gate: {{alpha: {text}}}".encode("utf-8", "surrogatepass")),
    )
)
def test_any_bytes_are_settings_or_a_usage_error(write, raw):
    """Nothing else ever comes out of a configuration file."""
    error = _error(file=write(raw))
    assert error is None or (error.what.startswith("drift.yaml") and error.hint)


def _error(**layers) -> UsageError | None:
    try:
        assert isinstance(resolve(**layers).settings, Settings)
    except UsageError as error:
        return error
    return None


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(OPTIONS)), st.text(max_size=30))
def test_any_text_is_an_option_or_a_usage_error(option, text):
    variable = "DRIFTCLI_" + option.replace("-", "_").upper()
    for layer in (
        {"options": {option: text}},
        {"environ": {variable: text}},
        {"sets": [f"{OPTIONS[option]}={text}"]},
    ):
        error = _error(**layer)
        assert error is None or error.hint
