"""Member lists as people have them, and as nobody should have them."""

import csv
import gzip
from pathlib import Path

import pytest

from kith_local.errors import LocalError
from kith_local.geography import zone_of
from kith_local.member_files import open_members

pytestmark = pytest.mark.unit
PROFILES = Path(__file__).parents[2] / "../shared/data/profiles/so2016_profiles_sample12000.csv.gz"


def write(tmp_path, text, *, name="members.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def rows_of(path, **given):
    with open_members(path, **given) as members:
        return list(members)


def refusal(path, **given):
    with pytest.raises(LocalError) as caught:
        rows_of(path, **given)
    return str(caught.value)


def test_columns_are_recognised_by_the_names_people_give_them(tmp_path):
    text = (
        "Respondent ID;Full Name;Tech do;Tech-Want;Years of experience;Language;Availability;Shoe size\n"
        "7;Ada Lovelace;Python:5 | SQL;C; 3.5;en;Mon 18:00-20:30 | tue 9:00-10:00;38\n"
    )
    row = rows_of(write(tmp_path, text.replace(" | ", "|").replace("C; 3", "C;3")))[0]
    assert row.fields == {
        "external_id": "7",
        "display_name": "Ada Lovelace",
        "skills_offered": [{"tag": "Python", "level": 5}, {"tag": "SQL"}],
        "skills_wanted": [{"tag": "C"}],
        "experience_years": "3.5",
        "languages": ["en"],
        "availability": [
            {"weekday": 0, "start": 1080, "end": 1230},
            {"weekday": 1, "start": 540, "end": 600},
        ],
    }
    with open_members(write(tmp_path, text)) as members:
        assert members.header.unused == ["Shoe size"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_that_say_what_they_are_are_read(tmp_path, encoding):
    row = rows_of(write(tmp_path, "id,name\n1,Björn Ærø 李\n", encoding=encoding))[0]
    assert row.fields["display_name"] == "Björn Ærø 李"


def test_another_encoding_must_be_told_and_then_works(tmp_path):
    path = write(tmp_path, "id,name\n1,Björn\n", encoding="cp1252")
    assert "--encoding cp1252" in refusal(path)
    assert rows_of(path, encoding="cp1252")[0].fields["display_name"] == "Björn"
    assert "no encoding" in refusal(path, encoding="klingon")


def test_a_compressed_file_is_read_as_it_is(tmp_path):
    path = tmp_path / "members.csv.gz"
    path.write_bytes(gzip.compress(b"id\n1\n2\n"))
    assert [row.fields["external_id"] for row in rows_of(path)] == ["1", "2"]
    broken = write(tmp_path, b"not gzip", name="broken.csv.gz")
    assert "cannot be read" in refusal(broken)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("  \n\n", "is empty"),
        ("name,city\nAda,London\n", "tells members apart"),
        ("id,id\n1,2\n", "two columns called 'id'"),
    ],
)
def test_a_file_that_cannot_be_a_member_list_says_what_to_do(tmp_path, text, words):
    assert words in refusal(write(tmp_path, text))


def test_a_file_that_is_not_there_or_is_a_directory_is_told(tmp_path):
    assert "cannot be opened" in refusal(tmp_path / "nothing.csv")
    assert "cannot be opened" in refusal(tmp_path)


def test_a_mapping_names_columns_that_exist_and_fields_that_exist(tmp_path):
    path = write(tmp_path, "nr,wie heisst du\n1,Ada\n")
    row = rows_of(path, mapping={"nr": "external_id", "wie heisst du": "display_name"})[0]
    assert row.fields == {"external_id": "1", "display_name": "Ada"}
    assert "no column 'number'" in refusal(path, mapping={"number": "external_id"})
    assert "no field 'shoe'" in refusal(path, mapping={"nr": "shoe"})


@pytest.mark.parametrize(
    ("cell", "column", "words"),
    [
        ("=HYPERLINK(1)", "name", "spreadsheet formula"),
        ("@SUM(1)", "name", "spreadsheet formula"),
        ("+cmd|' /C calc'!A0", "name", "spreadsheet formula"),
        ("x" * 10_001, "name", "the most is 10,000"),
        ("Ada\0", "name", "contains a NUL character"),
        ("whenever", "availability", "is not a window"),
        ("Mox 18:00-19:00", "availability", "is not a window"),
    ],
)
def test_a_cell_that_cannot_be_sent_is_an_error_with_its_column(tmp_path, cell, column, words):
    other = "availability" if column == "name" else "name"
    path = tmp_path / "members.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["id", column, other], ["1", cell, ""], ["2", "", ""]])
    first, second = rows_of(path)
    assert [(error.line, error.column) for error in first.errors] == [(2, column)]
    assert words in first.errors[0].reason
    assert second.errors == []


@pytest.mark.parametrize("level", ["²", "9" * 5000])
def test_a_level_that_is_no_number_says_what_a_level_may_be(tmp_path, level):
    row = rows_of(write(tmp_path, f"id,skills\n1,python:{level}\n"))[0]
    assert "a level is a number from 1 to 5" in row.errors[0].reason
    assert "skills_offered" not in row.fields


def test_negative_numbers_and_missing_marks_are_no_formulas(tmp_path):
    row = rows_of(write(tmp_path, "id,weekly_hours,bio\n1,-3,N/A\n"))[0]
    assert (row.fields, row.errors) == ({"external_id": "1", "weekly_hours": "-3"}, [])


def test_a_ten_megabyte_cell_is_one_refused_row(tmp_path):
    path = write(tmp_path, 'id,bio\n1,"' + "a" * 10_000_000 + '"\n2,fine\n')
    first, second = rows_of(path)
    assert "10,000,000 characters" in first.errors[0].reason
    assert second.fields == {"external_id": "2", "bio": "fine"}


def test_rows_of_another_length_and_lost_quotes_are_told(tmp_path):
    rows = rows_of(write(tmp_path, "id,name\n1\n2,Ada,extra\n3,Grace\n"))
    assert [bool(row.errors) for row in rows] == [True, True, False]
    assert "1 cells, fewer" in rows[0].errors[0].reason


def test_a_quote_that_never_closes_is_told_with_its_line_and_swallows_nothing(tmp_path):
    lost = write(tmp_path, 'id,name\n1,"Two\nlines"\n2,"Ada\n3,Grace\n4,Lin\n')
    assert "a quote opened on line 4 never closes" in refusal(lost)
    with open_members(lost) as members:
        assert next(iter(members)).fields["display_name"] == "Two\nlines"
    assert "a quote opened on line 3 never closes" in refusal(write(tmp_path, 'id,name\n1,"a\nb","Ada\n2,Lin'))
    assert "a quote opened on line 1 never closes" in refusal(write(tmp_path, 'id,"name\n1,Ada\n'))


def test_a_quote_in_the_middle_of_a_cell_is_a_row_error_unless_it_may_have_swallowed_rows(tmp_path):
    first, second = rows_of(write(tmp_path, 'id,name\n1,"Bobby" Smith\n2,Lin\n'))
    assert [(error.line, error.column) for error in first.errors] == [(2, "row")]
    assert "a quote in the middle" in first.errors[0].reason
    assert (first.cells, second.errors) == (["1", "Bobby Smith"], [])
    assert "in the row of lines 2 to 4" in refusal(write(tmp_path, 'id,name\n1,"Ada\n2,Lin\n3,"Grace"\n'))


def test_a_blank_first_line_is_told_as_such(tmp_path):
    for start in ("\n", "  \n", ",,\n"):
        assert "begins with a blank line" in refusal(write(tmp_path, start + "id,name\n1,Ada\n"))


def test_a_damaged_archive_is_told_as_such(tmp_path):
    whole = gzip.compress(b"id\n" + b"".join(b"%d\n" % (n * n) for n in range(5000)))
    cut = write(tmp_path, whole[:-100], name="cut.csv.gz")
    assert "is cut off" in refusal(cut)
    damaged = write(tmp_path, whole[:60] + b"\xff" * 60 + whole[120:], name="damaged.csv.gz")
    assert "copy it again" in refusal(damaged)
    other_sum = write(tmp_path, whole[:-8] + b"\0" * 8, name="sum.csv.gz")
    assert "copy it again" in refusal(other_sum)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_recognised_and_read_when_told(tmp_path, encoding):
    path = write(tmp_path, "id,name\n1,Björn Ærø 李\n", encoding=encoding)
    assert f"--encoding {encoding}" in refusal(path)
    assert rows_of(path, encoding=encoding)[0].fields["display_name"] == "Björn Ærø 李"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_mark_is_no_part_of_the_first_column_when_the_encoding_is_told(tmp_path, encoding):
    path = write(tmp_path, '\ufeff"id",name\n1,Ada\n', encoding=encoding)
    assert rows_of(path, encoding=encoding)[0].fields == {"external_id": "1", "display_name": "Ada"}


def test_countries_have_zones_and_nonsense_has_none():
    assert zone_of("Austria") == "Europe/Vienna"
    assert zone_of("United  Kingdom") == "Europe/London"
    assert zone_of("aliens") is None


def test_the_real_profiles_are_read_without_an_error():
    if not PROFILES.exists():
        pytest.skip("real profiles (shared/data/profiles) are not here")
    rows = rows_of(PROFILES)
    assert len(rows) == 12_000
    assert sum(1 for row in rows if row.errors) == 0
    assert all(row.fields["skills_offered"] for row in rows)
