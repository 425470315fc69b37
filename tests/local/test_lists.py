"""Lists of participants and of past pairings, as CSV and as JSON Lines."""

import gzip
import json

import pytest

from kith_local.errors import LocalError
from kith_local.imports import import_members, rejected_path
from kith_local.lists import MEMBERS, PAIRINGS, PARTICIPANTS
from kith_local.member_files import open_members

pytestmark = pytest.mark.unit


class Api:
    """Stands where the client stands, and takes every row but those of Refused."""

    def __init__(self):
        self.rows, self.given, self.document = [], {}, ""

    async def mutate(self, document, given):
        self.document, rows = document, given.pop("rows")
        self.rows += rows
        self.given = given
        errors = [
            {"line": row["line"], "column": "external_id", "reason": "names nobody"}
            for row in rows
            if row.get("external_id") == "Refused"
        ]
        return {"imported": {"created": len(rows) - len(errors), "updated": 0, "unchanged": 0, "errors": errors}}


async def bring(path, kind, **into):
    api = Api()
    with open_members(path, kind=kind) as rows:
        return api, await import_members(api, rows, rejected_path=rejected_path(path), into=into)


def write(path, text):
    path.write_text(text)
    return path


async def test_a_csv_list_of_participants_is_sent_with_the_program_and_refused_rows_are_kept(tmp_path):
    rows = ["mia,mentor,3,Give back; Learn,40", "mia,mentor,,,", "mia,mentee,,,", "Refused,mentee,1,,"]
    text = "\n".join(["ID,Role,Capacity,Goals,Shoe size", *rows])
    api, result = await bring(write(tmp_path / "people.csv", text), PARTICIPANTS, programId="p")
    assert "importParticipants(input: $input)" in api.document
    assert "$input: ImportParticipantsInput!" in api.document
    assert api.given == {"programId": "p"}
    assert api.rows[0] == {
        "external_id": "mia", "side": "mentor", "max_pairings": "3", "goals": ["Give back", "Learn"], "line": 2,
    }  # fmt: skip
    assert [(e.line, e.column) for e in result.errors] == [(3, "ID"), (5, "ID")]
    assert result.rejected_file.read_text().splitlines()[1:] == [
        "mia,mentor,,,,ID is the same as on line 2",
        "Refused,mentee,1,,,ID names nobody",
    ]


async def test_json_lines_are_sent_as_they_are_and_refused_ones_can_be_corrected(tmp_path):
    rows = [
        {"external_id": "mia", "side": "mentor", "max_pairings": 3, "goals": ["Give back"]},
        {"external_id": "Refused", "side": "mentee"},
        {"external_id": "mia", "side": "mentor"},
    ]
    text = "\ufeff" + "\n\n".join(json.dumps(row) for row in rows)
    path = tmp_path / "people.jsonl.gz"
    path.write_bytes(gzip.compress(text.encode()))
    api, result = await bring(path, PARTICIPANTS)
    assert api.rows == [rows[0] | {"line": 1}, rows[1] | {"line": 3}]
    assert [(e.line, e.column) for e in result.errors] == [(3, "external_id"), (5, "external_id")]
    assert result.rejected_file.name == "people.rejected.jsonl"
    left = [json.loads(line) for line in result.rejected_file.read_text().splitlines()]
    assert left[0] == rows[1] | {"kith_error": "external_id names nobody"}
    corrected = result.rejected_file.read_text().replace("Refused", "noa")
    api, again = await bring(write(result.rejected_file, corrected), PARTICIPANTS)
    assert (again.created, again.rejected) == (2, 0)
    assert "kith_error" not in api.rows[0]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"external_id": "a"', "is no JSON"),
        ('["a"]', "is no JSON object"),
        ("NaN", "is no JSON object"),
        ('{"external_id": "a\\u0000"}', "cannot be stored"),
        ('{"external_id": "\\ud800"}', "cannot be stored"),
        ('{"weekly_hours": NaN}', "is none"),
        ('{"weekly_hours": 1e999}', "is none"),
        ('{"max_pairings": 9223372036854775808}', "64 bits"),
        ('{"goals": ' + "[" * 20 + "]" * 20 + "}", "nests"),
        ("[" * 100_000, "is no JSON"),
        ('{"goals": "' + "x" * 200_001 + '"}', "characters"),
    ],
)
async def test_a_line_that_cannot_be_sent_is_an_error_and_the_others_go_on(tmp_path, line, reason):
    path = write(tmp_path / "people.jsonl", f'{line}\n{{"external_id": "mia", "side": "mentor"}}\n')
    api, result = await bring(path, PARTICIPANTS)
    assert [row["external_id"] for row in api.rows] == ["mia"]
    [error] = result.errors
    assert (error.line, error.column) == (1, "row")
    assert reason in error.reason
    assert len(result.rejected_file.read_text().splitlines()) == 1


async def test_members_come_from_json_lines_as_well(tmp_path):
    path = write(tmp_path / "members.ndjson", '{"external_id": "mia", "skills_offered": [{"tag": "go"}]}\n')
    api, _ = await bring(path, MEMBERS)
    assert api.rows == [{"external_id": "mia", "skills_offered": [{"tag": "go"}], "line": 1}]


async def test_past_pairings_need_to_say_who_and_when(tmp_path):
    text = "Mentor;Mentee;From;Until;Reason\nmia;noa;2024-01-01;2024-06-30;completed\nmia;noa;2024-01-01;;\n"
    api, result = await bring(write(tmp_path / "past.csv", text), PAIRINGS)
    assert api.rows[0] == {
        "mentor_external_id": "mia", "mentee_external_id": "noa", "began_on": "2024-01-01", "ended_on": "2024-06-30",
        "end_reason": "completed", "line": 2,
    }  # fmt: skip
    assert [(e.line, e.column) for e in result.errors] == [(3, "Mentor")]
    with pytest.raises(LocalError, match=r"lacks a column. Name one `ended_on`, .*--map 'mentor=ended_on'"):
        await bring(write(tmp_path / "less.csv", "mentor,mentee,from\na,b,2024-01-01\n"), PAIRINGS)


async def test_json_lines_cut_off_in_the_middle_say_so(tmp_path):
    path = tmp_path / "people.jsonl.gz"
    whole = gzip.compress(
        "".join(json.dumps({"external_id": str(n), "side": "peer"}) + "\n" for n in range(99_999)).encode()
    )
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LocalError, match="is cut off"):
        await bring(path, PARTICIPANTS)
