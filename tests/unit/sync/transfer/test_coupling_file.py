"""What a file says of couplings, and everything that is told of one that cannot be read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.by_hand.named_records import is_id
from sync.by_hand.pairing import First
from sync.mapping import TableMapping
from sync.mappings import MAPPINGS
from sync.transfer.coupling_file import MOST_ROWS, FaultyFileError, FileRow, Unsaid, read_file
from sync.transfer.csv_text import write_rows

CUSTOMER = MAPPINGS["CUSTOMER"]
BC_ID = "5d115c9c-44e3-ea11-bb43-000d3a2feca1"
CRM_ID = "b7f1c2aa-1111-4111-8111-000000000001"
GUIDS = st.uuids().map(str)
TEXTS = st.text(max_size=12).filter(lambda text: text.isprintable())


def rows_of(text: str, mapping: TableMapping = CUSTOMER) -> list[FileRow]:
    return read_file(text, mapping, Unsaid())


def row(line: int = 2, **changes) -> FileRow:
    blank = FileRow(
        line=line, bc_id="", bc_key="", crm_id="", crm_key=(), first=First.NONE, replaces=False
    )
    return replace(blank, **changes)


def faults_of(text: str, mapping: TableMapping = CUSTOMER) -> dict[str, str]:
    with pytest.raises(FaultyFileError) as refused:
        read_file(text, mapping, Unsaid())
    assert (refused.value.status, refused.value.code) == (422, "file-faulty")
    return {each["member"]: each["message"] for each in refused.value.errors}


# What is read


def test_records_are_named_by_their_ids():
    [found] = rows_of(f"bc_id,crm_id\r\n{BC_ID.upper()}, {CRM_ID} \r\n")
    assert found == row(bc_id=BC_ID, crm_id=CRM_ID)


def test_records_are_named_by_number_and_natural_key():
    text = "bc_key;accountnumber;first;replace\n10000;C-1;to_crm;yes\n20000;C-2;;\n"
    assert rows_of(text) == [
        row(
            bc_key="10000",
            crm_key=(("accountnumber", "C-1"),),
            first=First.TO_CRM,
            replaces=True,
        ),
        row(3, bc_key="20000", crm_key=(("accountnumber", "C-2"),)),
    ]


def test_ids_come_before_what_else_names_a_record():
    text = f"bc_id,bc_key,crm_id,accountnumber\n{BC_ID},10000,{CRM_ID},C-1\n,10000,,C-1\n"
    assert rows_of(text) == [
        row(bc_id=BC_ID, crm_id=CRM_ID),
        row(3, bc_key="10000", crm_key=(("accountnumber", "C-1"),)),
    ]


def test_the_first_match_key_without_a_blank_part_names_the_record():
    text = "bc_key,accountnumber,crm.name,address1_postalcode\n1,,Adatum,SW1\n2,C-2,Adatum,SW1\n"
    assert [each.crm_key for each in rows_of(text)] == [
        (("name", "Adatum"), ("address1_postalcode", "SW1")),
        (("accountnumber", "C-2"),),
    ]


def test_headings_are_known_in_any_case_and_with_blanks():
    assert rows_of(f" BC_ID ,Crm_Id\n{BC_ID},{CRM_ID}") == [row(bc_id=BC_ID, crm_id=CRM_ID)]


def test_a_crm_column_may_be_written_with_its_prefix():
    [found] = rows_of("bc_key,CRM.AccountNumber\n1,C-1")
    assert found.crm_key == (("accountnumber", "C-1"),)


def test_the_name_of_an_export_is_not_read():
    [found] = rows_of("bc_key,name,accountnumber\n1,=nonsense(),C-1")
    assert found == row(bc_key="1", crm_key=(("accountnumber", "C-1"),))


def test_rows_that_are_all_blank_are_none():
    assert [each.line for each in rows_of("bc_key,accountnumber\n , \n\n1,C-1\n,\n")] == [4]


@pytest.mark.parametrize("yes", ["true", "TRUE", "yes", "1"])
def test_replace_is_yes_or_no(yes):
    assert rows_of(f"bc_key,accountnumber,replace\n1,C-1,{yes}")[0].replaces
    assert not rows_of("bc_key,accountnumber,replace\n1,C-1,no")[0].replaces


def test_what_a_row_does_not_say_may_be_said_for_all_of_them():
    text = "bc_key,accountnumber,first,replace\n1,C-1,,\n2,C-2,none,no\n"
    unsaid = Unsaid(first=First.FROM_CRM, replaces=True)
    said = [(each.first, each.replaces) for each in read_file(text, CUSTOMER, unsaid)]
    assert said == [(First.FROM_CRM, True), (First.NONE, False)]
    [without_columns] = read_file("bc_key,accountnumber\n1,C-1", CUSTOMER, unsaid)
    assert (without_columns.first, without_columns.replaces) == (First.FROM_CRM, True)


@given(
    rows=st.lists(
        st.tuples(GUIDS, TEXTS, TEXTS, GUIDS, TEXTS, TEXTS, TEXTS), min_size=1, max_size=5
    )
)
def test_what_an_export_writes_is_read(rows):
    headings = ["bc_id", "bc_key", "name", "crm_id", "state", "coupled_at", "synchronized_at"]
    found = rows_of(write_rows([headings, *rows]))
    assert [(each.bc_id, each.crm_id) for each in found] == [(one[0], one[3]) for one in rows]


@given(key=TEXTS.map(str.strip).filter(bool), value=TEXTS.map(str.strip).filter(bool))
def test_numbers_that_look_like_formulas_are_read_as_they_are(key, value):
    [found] = rows_of(write_rows([["bc_key", "accountnumber"], [key, value]]))
    assert (found.bc_key, found.crm_key) == (key, (("accountnumber", value),))


@given(text=st.text(st.sampled_from("bc_id,crm_id;\n\"'\udce9 1=ab-"), max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        found = read_file(f"bc_id,crm_id\n{text}", CUSTOMER, Unsaid())
    except FaultyFileError:
        return
    assert all(is_id(each.bc_id) and is_id(each.crm_id) for each in found)


# What is wrong


@pytest.mark.parametrize(
    ("header", "member", "words"),
    [
        ("bc_id,crm_id,colour", "line 1, column 14", "'colour' is none of the headings"),
        ("bc_id,crm_id,BC_ID", "line 1, column 14", "bc_id is there twice"),
        ("bc_id,crm_id,", "line 1, column 14", "'' is none of the headings"),
        ("crm_id", "line 1, column 1", "by bc_id or bc_key"),
        ("bc_id", "line 1, column 1", "by crm_id, or by accountnumber, or by crm.name with"),
        ("bc_id,crm.name", "line 1, column 7", "crm.name names no record without address1_postal"),
    ],
)
def test_headings_that_are_wrong_are_told(header, member, words):
    assert words in faults_of(f"{header}\n{BC_ID},{CRM_ID},\n")[member]


def test_a_table_without_numbers_is_named_by_ids_only():
    told = faults_of(f"bc_key,crm_id\n10000,{CRM_ID}\n", MAPPINGS["SALESPRC-PRODPRICE"])
    assert told == {"line 1, column 1": "No column names the Business Central records: by bc_id."}


@pytest.mark.parametrize(
    ("line", "member", "words"),
    [
        ("x,{crm},,", "line 2, column 1", "'x' is no id"),
        ("{bc},{crm},sideways,", "line 2, column 75", "one of to_crm, from_crm, none"),
        ("{bc},{crm},,perhaps", "line 2, column 76", "yes or no"),
        (",{crm},,", "line 2, column 1", "names no record of Business Central"),
        ("{bc},,,", "line 2, column 1", "names no record of Dynamics 365 Sales"),
        ("{bc},{crm}", "line 2, column 1", "has 2 cells, the headings are 4"),
        ('"a\nb",{crm},,', "line 2, column 1", "Control characters"),
        ("{long},{crm},,", "line 2, column 1", "Longer than 250"),
    ],
)
def test_rows_that_are_wrong_are_told(line, member, words):
    text = line.format(bc=BC_ID, crm=CRM_ID, long="1" * 251)
    with pytest.raises(FaultyFileError) as refused:
        read_file(f"bc_id,crm_id,first,replace\n{text}\n", CUSTOMER, Unsaid())
    told = [each["message"] for each in refused.value.errors if each["member"] == member]
    assert any(words in each for each in told), refused.value.errors


def test_a_lookup_is_named_by_its_id():
    told = faults_of(
        f"bc_id,_parentcustomerid_value,emailaddress1\n{BC_ID},Adatum,a@adatum.example\n",
        MAPPINGS["CONTACT"],
    )
    assert told == {"line 2, column 38": "'Adatum' is no id."}


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "empty"), ("\ufeff\r\n", "empty"), ("bc_id,crm_id\n", "no row"), (" , \n", "headings")],
)
def test_a_file_without_rows_is_refused(text, words):
    with pytest.raises(FaultyFileError) as refused:
        read_file(text, CUSTOMER, Unsaid())
    assert any(words in each["message"] for each in refused.value.errors)


def test_faults_of_encoding_headings_and_rows_are_told_together_in_their_order():
    assert list(faults_of('bc_id,colour\n1,2,3\nM\udcfcller,x\na,"b"c\n')) == [
        "line 1, column 7",
        "line 2, column 1",
        "line 3, column 2",
        "line 4, column 6",
    ]


def test_the_first_faults_are_told_and_all_are_counted():
    rows = "".join(f"x,{CRM_ID}\n" for _ in range(120))
    with pytest.raises(FaultyFileError) as refused:
        read_file(f"bc_id,crm_id\n{rows}", CUSTOMER, Unsaid())
    assert len(refused.value.errors) == 50
    assert "120 places" in refused.value.message
    assert "first 50" in refused.value.message


def test_a_file_has_a_largest_number_of_rows():
    rows = "1,2\n" * (MOST_ROWS + 1)
    assert len(rows_of(f"bc_key,accountnumber\n{rows[4:]}")) == MOST_ROWS
    assert (
        "Divide it" in faults_of(f"bc_key,accountnumber\n{rows}")[f"line {MOST_ROWS + 2}, column 1"]
    )
