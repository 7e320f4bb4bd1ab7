import pytest

from anonymizer.config import (
    RunConfig,
    choices,
    fields_of,
    from_mapping,
    merge,
    parse_assignments,
    parse_file,
    settings_sha256,
)
from anonymizer.errors import ConfigError


def configured(*assignments: str) -> RunConfig:
    return from_mapping(RunConfig, parse_assignments(assignments))


def test_nothing_given_is_the_default():
    assert configured() == RunConfig()


@pytest.mark.parametrize(
    ("assignment", "section", "name", "value"),
    [
        ("detector.min_score=0.3", "detector", "min_score", 0.3),
        ("engine.workers=3", "engine", "workers", 3),
        ("engine.workers=", "engine", "workers", None),
        ("storage.unconditional=true", "storage", "unconditional", True),
        ("storage.unconditional=no", "storage", "unconditional", False),
        ("storage.input.endpoint_url=http://127.0.0.1:9", "storage", "input", {"endpoint_url": "http://127.0.0.1:9"}),
        ('storage.input.client_kwargs={"a": 1}', "storage", "input", {"client_kwargs": {"a": 1}}),
        ("redaction.method=blur", "redaction", "method", "blur"),
    ],
)
def test_text_becomes_the_type_of_the_setting(assignment, section, name, value):
    assert getattr(getattr(configured(assignment), section), name) == value


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("nonsense=1", "unknown setting 'nonsense'"),
        ("detector.nonsense=1", "unknown setting 'detector.nonsense'"),
        ("detector=centerface", "detector is a section"),
        ("detector.min_score=high", "detector.min_score must be a number"),
        ("detector.min_score=1.5", "must be in [0.0, 1.0]"),
        ("detector.min_score=nan", "must be in"),
        ("detector.name=retina", "detector.name must be one of centerface"),
        ("engine.workers=0", "must be in [1"),
        ("engine.workers=true", "engine.workers must be a number"),
        ("storage.shared=perhaps", "true or false"),
        ("storage.input=x", "needs a key"),
        ("no-equals-sign", "section.key=value"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(assignment, said):
    with pytest.raises(ConfigError) as caught:
        configured(assignment)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_value_is_no_section():
    with pytest.raises(ConfigError, match="already a value"):
        parse_assignments(["a=1", "a.b=2"])


def test_files_are_toml_or_json():
    assert parse_file(b'[detector]\nname = "haar"\n', "run.toml") == {"detector": {"name": "haar"}}
    assert parse_file(b'{"limit": 3}', "run.json") == {"limit": 3}
    for text, name in ((b"[", "a.toml"), (b"[]", "a.json"), (b"\xff", "a.toml")):
        with pytest.raises(ConfigError):
            parse_file(text, name)


def test_the_later_mapping_wins_section_by_section():
    assert merge({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 9}, "d": 4}) == {"a": {"b": 9, "c": 2}, "d": 4}


def test_every_setting_is_documented():
    names = [name for name, _, doc in fields_of(RunConfig) if doc.endswith(".")]
    assert len(names) == len(list(fields_of(RunConfig)))
    assert "detector.min_score" in names


def test_choices_come_from_the_type():
    assert choices(RunConfig, "consent.policy") == ("redact", "public")
    assert choices(RunConfig, "limit") is None


def test_the_settings_hash_speaks_of_the_output_only():
    base = settings_sha256(RunConfig(), "w", {"codec": 1})
    elsewhere = configured("output=/x", "engine.workers=7", "storage.shared=true", "consent.purpose=p")
    assert settings_sha256(elsewhere, "w", {"codec": 1}) == base
    others = [
        settings_sha256(configured("redaction.method=blur"), "w", {"codec": 1}),
        settings_sha256(configured("detector.min_score=0.2"), "w", {"codec": 1}),
        settings_sha256(configured("consent.policy=public"), "w", {"codec": 1}),
        settings_sha256(RunConfig(), "v", {"codec": 1}),
        settings_sha256(RunConfig(), "w", {"codec": 2}),
    ]
    assert len({base, *others}) == 6


def test_what_is_kept_is_one_of_a_list():
    for text in ("[dpi, icc]", '["dpi","icc"]'):
        values = parse_assignments([f"metadata.keep={text}"])
        assert from_mapping(RunConfig, values).metadata.keep == ("dpi", "icc")
    assert from_mapping(RunConfig, {"allow": ["archive_unread, video_unread", "table_unread"]}).allow == (
        *("archive_unread", "video_unread", "table_unread"),
    )
    with pytest.raises(ConfigError, match=r"allow must be one of archive_unread, .*, not 'not_an_image'"):
        from_mapping(RunConfig, {"allow": "not_an_image"})
    with pytest.raises(ConfigError, match=r"metadata\.keep must be one of orientation, .*, not 'faces'"):
        from_mapping(RunConfig, parse_assignments(["metadata.keep=[dpi,faces]"]))
