"""The user's own configuration: what is in force, what is refused, and what follows from it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config import areas, registry
from config.code import code_sha256
from config.overlay import HERE, VARIABLE, ConfigurationError, in_force
from config.settings import Settings, Smtp
from config.tables import config_table
from flows.doctor import BAD, examine
from page.track_record import level_track_record
from warehouse.sources import aid_suspensions
from warehouse.sources.tables import fetch_file

Write = Callable[..., Path]
CACHED = (
    config_table, code_sha256, registry.thresholds, registry.actors, registry.regions,
    registry.all_regions, registry.countries, registry.known_countries, registry.known_regions,
    registry.drawn_regions, registry.drawn_boundaries, registry.neighbour_regions, areas.area,
    areas.areas,
)  # fmt: skip


def forget() -> None:
    for function in CACHED:
        function.cache_clear()


@pytest.fixture
def write(tmp_path: Path, monkeypatch) -> Iterator[Write]:
    """Writes a file of the user's own; what was read of the configuration is forgotten."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv(VARIABLE, str(folder))

    def written(name: str, text: str) -> Path:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        forget()
        return path

    yield written
    monkeypatch.delenv(VARIABLE)
    forget()


def refusal(name: str) -> str:
    with pytest.raises(ConfigurationError) as excinfo:
        registry.thresholds() if name.endswith(".toml") else config_table(name)
    return str(excinfo.value)


def test_actors_are_laid_over_ours_by_name(write: Write) -> None:
    ours = config_table("actors.csv")
    write("actors.csv", "Actor;Actor_group\nJNIM;other\nISWAP;jihadist\n")
    groups = dict(registry.actors().iter_rows())
    assert len(groups) == ours.height + 1
    assert (groups["JNIM"], groups["ISWAP"], groups["AQIM"]) == ("other", "jihadist", "jihadist")


def test_a_register_takes_the_place_of_ours(write: Write) -> None:
    name = "registers/aid_suspensions.csv"
    first = (HERE / name).read_text("utf-8").splitlines(keepends=True)[:3]
    path = write(name, "".join(first))
    fetched = fetch_file(aid_suspensions.SOURCE, aid_suspensions.SOURCE.address)
    assert (fetched.url, fetched.release.version) == (str(path), "own aid_suspensions.csv")
    assert aid_suspensions.parse(fetched.content, fetched.url).height == 2


def test_thresholds_are_laid_over_ours_one_by_one(write: Write) -> None:
    ours = registry.thresholds()
    write("thresholds.toml", "[quarantine]\nalways_rows = 5\n[intensity.some]\nevents = 2\n")
    now = registry.thresholds()
    assert now["quarantine"] == {**ours["quarantine"], "always_rows": 5}
    assert now["intensity"] == {**ours["intensity"], "some": {"events": 2, "deaths": 1}}
    assert now["followed"] == ours["followed"]  # no level rests on these


def test_under_other_levels_nothing_is_said_of_ours(write: Write) -> None:
    import polars as pl

    write("thresholds.toml", "levels.watch = 0.2\n")
    assert registry.thresholds()["levels"]["watch"] == 0.2
    assert level_track_record(pl.DataFrame(schema={"part": pl.String})) is None
    followed = "[followed]\nwatch = { region_months = 10, escalated = 3 }\n"
    write("thresholds.toml", f"levels.watch = 0.2\n{followed}")
    record = level_track_record(pl.DataFrame(schema={"part": pl.String}))
    assert record and record.levels["watch"] == {"region_months": 10, "escalated": 3}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[levels]\n\nwacht = 0.2\n", "line 3, levels.wacht: no such threshold; nearest: watch"),
        ("[levels]\nwatch = 14\n", "line 2, levels.watch: 14 must be a share, above 0 and at mo"),
        ("[levels]\nwatch = 0.3\n", "line 1, levels: [0.3, 0.24, 0.33] must rise from watch to "),
        ("[escalation]\nblocks = 2.5\n", "line 2, escalation.blocks: 2.5 must be a whole number"),
        ("[escalation]\nratio = nan\n", "line 2, escalation.ratio: nan must be a number above 0"),
        ("[models.events]\nis_rescaled = 1\n", "is_rescaled: 1 must be true or false"),
        ("[level]\n", "line 1, level: no such threshold; nearest: levels"),
        ("[levels\n", "(at line 1, column 8); write it as TOML"),
    ],
)
def test_a_wrong_threshold_is_refused(text: str, said: str, write: Write) -> None:
    path = write("thresholds.toml", text)
    message = refusal("thresholds.toml")
    assert message.startswith(f"{path}: ") and said in message


REGIONS = "region_id,country_code,region_name"
COVERAGE = "source,country_code,kept_from,kept_until"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("actors.csv", "actor,actor_group\nLRA,rebels\n", "line 2, field actor_group: 'rebels' m"),
        ("actors.csv", "actor,group\nLRA,other\n", "line 1, column actor_group is missing; col"),
        (
            "actor_rules.csv",
            "name_pattern,fought_state,actor_group,reason\n(?=a),,other,x\n",
            "line 2, field name_pattern: '(?=a)' m",
        ),
        ("actors.csv", "actor,actor_group\nA,other\nA,other\n", "line 3, field actor: a line ab"),
        ("actors.csv", "actor,actor_group\nLRA,other", "line 2 has no line break at its end"),
        ("regions.csv", f"{REGIONS}\nMLI.x,MIL,X\n", "field country_code: 'MIL' is not in count"),
        ("regions.csv", f"{REGIONS}\nMLI X,MLI,X\n", "field region_id: 'MLI X' must be COUNTRY."),
        ("regions.csv", f"{REGIONS},name_variant\nMLI.x,MLI,X,\n", "name_variant is called name_"),
        ("scopes.csv", "scope,country_code,region_id\nn,MLI,MLI.gao;MLI.kidall\n",
         "line 2, field region_id: 'MLI.kidall' is not in regions.csv; write it as there (nearest"
         ": MLI.kidal"),
        ("registers/coverage.csv", f"{COVERAGE}\nx,MLI,2021-02-30,2021-03-01\n",
         "line 2, field kept_from: '2021-02-30' must be a day"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_refused_with_file_line_and_cure(
    name: str, text: str, said: str, write: Write
) -> None:
    path = write(name, text)
    message = refusal(name)
    assert message.startswith(f"{path}: ") and said in message


def test_columns_that_may_be_empty_may_be_missing(write: Write) -> None:
    write("regions.csv", f"{REGIONS}\nMLI.gao,MLI,Gao\n")
    regions = registry.all_regions()
    assert regions.filter(country_code="MLI").rows() == [("MLI.gao", "MLI", "Gao", "", "", "")]
    # Countries that the file has no region of have the world's units.
    assert "TGO.centre" in regions["region_id"]


def test_a_file_that_nothing_reads_is_refused(write: Write, tmp_path: Path, monkeypatch) -> None:
    write("notes.md", "ours")
    assert in_force("regions.csv") == HERE / "regions.csv"
    path = write("suspensions.csv", "a\n1\n")
    with pytest.raises(ConfigurationError) as excinfo:
        in_force("regions.csv")
    assert str(excinfo.value).startswith(
        f"{path}: no such file is read; call it regions.csv or reg"
    )
    path.rename(path.with_name("aid_suspensions.csv"))
    with pytest.raises(ConfigurationError, match=r"call it registers/aid_suspensions.csv below"):
        in_force("regions.csv")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="is no folder; make it, or unset TOCSIN_CONFIG"):
        Settings()


def test_recipients_of_the_folder_are_mailed(write: Write, monkeypatch) -> None:
    monkeypatch.delenv("TOCSIN_RECIPIENTS_FILE", raising=False)
    path = write("recipients.toml", "")
    assert Settings().recipients_file == path
    assert Settings(recipients_file=Path("mine.toml")).recipients_file == Path("mine.toml")


def test_the_digest_of_code_sees_what_is_in_force(write: Write) -> None:
    packages, libraries = ("config",), ("polars",)
    code_sha256.cache_clear()
    before = code_sha256(packages, libraries)
    write("recipients.toml", "")
    assert code_sha256(packages, libraries) == before  # input, as registers are
    write("thresholds.toml", "[levels]\nwatch = 0.2\n")
    first = code_sha256(packages, libraries)
    write("thresholds.toml", "[levels]\nwatch = 0.21\n")
    assert len({before, first, code_sha256(packages, libraries)}) == 3
    write("thresholds.toml", "[levels]\nwatch = 0.2\n")
    assert code_sha256(packages, libraries) == first
    assert code_sha256(("page",), libraries) != first


def test_the_doctor_says_which_file_is_in_force(write: Write, tmp_path: Path) -> None:
    write("actors.csv", "actor,actor_group\nJNIM,jihadist\nISWAP,jihadist\n")
    write("partners.csv", "partner,reason\nX,,,\n")
    write("scopes.csv", "scope,country_code,region_id\nnorth,MLI,MLI.gao\n")
    write("thresholds.toml", "[levels]\nwatch = 0.2\n")
    findings = {f.subject: f for f in examine(Settings(data_folder=tmp_path), Smtp())}
    folder = tmp_path / "own"
    assert findings["actors.csv"].detail == f"{folder}/actors.csv: 2 rows above our 27; 28 in force"
    assert findings["scopes.csv"].detail == (
        f"{folder}/scopes.csv: 1 rows in place of our 29, of which it lacks 28"
    )
    assert findings["thresholds.toml"].detail == (
        f"{folder}/thresholds.toml: above ours: levels.watch 0.2 (ours 0.14)"
    )
    assert "regions.csv" in findings["configuration"].detail
    assert "actors.csv" not in findings["configuration"].detail
    assert {f.subject for f in findings.values() if f.state == BAD} == set()
    path = write("names_fr.csv", "name,name_fr\nGao,\n")
    findings = {f.subject: f for f in examine(Settings(data_folder=tmp_path), Smtp())}
    assert (findings["names_fr.csv"].state, findings["names_fr.csv"].detail) == (
        BAD, f"{path}: line 2, field name_fr: '' must be filled in",
    )  # fmt: skip
