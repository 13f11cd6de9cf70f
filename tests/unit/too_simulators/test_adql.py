import pytest
from hypothesis import given
from hypothesis import strategies as st
from too_simulators.ztf.adql import AdqlError, parse_adql

ROWS = [{"field": field, "obsjd": 2470000.5 + field / 10, "code": "zg"} for field in range(10)]
TABLES, COLUMNS = ("ztf.meta",), ("field", "obsjd", "code")


def run(text):
    return parse_adql(text, tables=TABLES, columns=COLUMNS).run(ROWS)


@pytest.mark.parametrize(
    ("where", "fields"),
    [
        ("field < 3", [0, 1, 2]),
        ("field IN (1, 5) AND obsjd >= 2470000.9", [5]),
        ("field BETWEEN 2 AND 4", [2, 3, 4]),
        ("field NOT BETWEEN 2 AND 8", [0, 1, 9]),
        ("NOT (field > 1 OR code = 'zr')", [0, 1]),
        ("(field=1) or (field<>1 and field > 8)", [1, 9]),
        ("obsjd > 2.47000135e6", [9]),
        ("t.field = 3", [3]),
        ("field NOT IN (0,1,2,3,4,5,6,7)", [8, 9]),
        ("field > -1 AND field < +2", [0, 1]),
    ],
)
def test_where(where, fields):
    rows = run(f"SELECT field FROM ztf.meta AS t WHERE {where}")
    assert [row["field"] for row in rows] == fields


def test_select_top_order_count():
    assert run("select top 2 field, obsjd from ZTF.meta order by field desc") == [
        {"field": 9, "obsjd": 2470001.4},
        {"field": 8, "obsjd": 2470001.3},
    ]
    assert run("SELECT COUNT(*) AS n FROM ztf.meta") == [{"count": 10}]
    assert set(run("SELECT * FROM ztf.meta;")[0]) == set(COLUMNS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT",
        "SELECT nothing FROM ztf.meta",
        "SELECT field FROM other",
        "SELECT field FROM ztf.meta WHERE",
        "SELECT field FROM ztf.meta WHERE field",
        "SELECT field FROM ztf.meta WHERE field = ",
        "SELECT field FROM ztf.meta LIMIT 5",
        "SELECT TOP x field FROM ztf.meta",
        "DELETE FROM ztf.meta",
        "SELECT field FROM ztf.meta WHERE field = 1; DROP TABLE x",
    ],
)
def test_refused(text):
    with pytest.raises(AdqlError):
        run(text)


@given(st.text(alphabet="SELECTFROMWHREfieldztf.meta,()*<>=' 0123456789-", max_size=60))
def test_nothing_else_than_a_refusal(text):
    try:
        parse_adql(text, tables=TABLES, columns=COLUMNS)
    except AdqlError:
        return
