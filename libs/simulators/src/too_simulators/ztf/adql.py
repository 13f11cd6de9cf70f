"""As much of ADQL as is asked of one table: columns, WHERE, ORDER BY, TOP, COUNT(*)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Value = int | float | str
Row = Mapping[str, Value]
Test = Callable[[Row], bool]
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"
    r"|(?P<text>'(?:[^']|'')*')"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)"
    r"|(?P<sign><=|>=|<>|!=|[<>=(),*+-]))"
)
_COMPARE: dict[str, Callable[[Value, Value], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,  # type: ignore[operator]
    "<=": lambda a, b: a <= b,  # type: ignore[operator]
    ">": lambda a, b: a > b,  # type: ignore[operator]
    ">=": lambda a, b: a >= b,  # type: ignore[operator]
}


class AdqlError(ValueError):
    """The query cannot be carried out; the text says why."""


@dataclass(frozen=True)
class Query:
    """A parsed query."""

    columns: tuple[str, ...]
    count: bool
    top: int | None
    where: Test
    order: tuple[tuple[str, bool], ...]

    def run(self, rows: Sequence[Row]) -> list[dict[str, Value]]:
        """Rows of the answer, before any limit of the server's."""
        found = [row for row in rows if self.where(row)]
        for column, descending in reversed(self.order):
            found.sort(key=lambda row: row[column], reverse=descending)
        if self.count:
            return [{"count": len(found)}]
        found = found if self.top is None else found[: self.top]
        return [{column: row[column] for column in self.columns} for row in found]


class _Parser:
    def __init__(self, text: str, columns: Sequence[str]) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._columns = columns

    def query(self, tables: Sequence[str]) -> Query:
        self._expect("SELECT")
        self._accept("ALL")
        top = int(self._number()) if self._accept("TOP") else None
        count, columns = self._select_list()
        self._expect("FROM")
        table = self._next()
        if table.lower() not in tables:
            raise AdqlError(f"table {table} does not exist")
        alias = self._peek()
        if alias and alias.upper() not in {"WHERE", "ORDER"}:
            self._accept("AS")
            self._next()
        where: Test = self._any() if self._accept("WHERE") else _every
        order: list[tuple[str, bool]] = []
        if self._accept("ORDER"):
            self._expect("BY")
            while True:
                column = self._column()
                descending = self._accept("DESC")
                if not descending:
                    self._accept("ASC")
                order.append((column, descending))
                if not self._accept(","):
                    break
        if self._peek():
            raise AdqlError(f"unexpected {self._peek()!r}")
        return Query(columns, count, top, where, tuple(order))

    def _select_list(self) -> tuple[bool, tuple[str, ...]]:
        if self._accept("*"):
            return False, tuple(self._columns)
        if self._peek().upper() == "COUNT":
            for token in ("COUNT", "(", "*", ")"):
                self._expect(token)
            if self._accept("AS"):
                self._next()
            return True, ()
        columns = [self._column()]
        while self._accept(","):
            columns.append(self._column())
        return False, tuple(columns)

    def _any(self) -> Test:
        tests = [self._all()]
        while self._accept("OR"):
            tests.append(self._all())
        return lambda row: any(test(row) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._accept("AND"):
            tests.append(self._one())
        return lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._accept("NOT"):
            inner = self._one()
            return lambda row: not inner(row)
        if self._peek() == "(":
            self._expect("(")
            grouped = self._any()
            self._expect(")")
            return grouped
        left = self._value()
        negated = self._accept("NOT")
        if self._accept("BETWEEN"):
            low = self._value()
            self._expect("AND")
            high = self._value()
            return lambda row: (low(row) <= left(row) <= high(row)) != negated  # type: ignore[operator]
        if self._accept("IN"):
            self._expect("(")
            values = [self._value()]
            while self._accept(","):
                values.append(self._value())
            self._expect(")")
            return lambda row: any(left(row) == value(row) for value in values) != negated
        sign = self._next()
        if sign not in _COMPARE or negated:
            raise AdqlError(f"expected a comparison, not {sign!r}")
        right, compare = self._value(), _COMPARE[sign]
        return lambda row: compare(left(row), right(row))

    def _value(self) -> Callable[[Row], Value]:
        token = self._peek()
        if token[:1] in {"-", "+"} or token[:1].isdigit() or token[:1] == ".":
            number = self._number()
            return _constant(number)
        if token.startswith("'"):
            text = self._next()[1:-1].replace("''", "'")
            return _constant(text)
        column = self._column()
        return lambda row: row[column]

    def _number(self) -> float:
        sign = -1 if self._accept("-") else 1
        self._accept("+")
        token = self._next()
        try:
            return sign * float(token)
        except ValueError as error:
            raise AdqlError(f"expected a number, not {token!r}") from error

    def _column(self) -> str:
        token = self._next()
        column = token.rsplit(".", 1)[-1].lower()
        if column not in self._columns:
            raise AdqlError(f"column {token} does not exist")
        return column

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise AdqlError("the query ends too early")
        self._at += 1
        return token

    def _accept(self, word: str) -> bool:
        if self._peek().upper() != word:
            return False
        self._at += 1
        return True

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise AdqlError(f"expected {word}, not {self._peek()!r}")


def _constant(value: Value) -> Callable[[Row], Value]:
    def same(row: Row) -> Value:
        del row
        return value

    return same


def _every(row: Row) -> bool:
    del row
    return True


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.strip().rstrip(";").rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise AdqlError(f"cannot read {text[at : at + 20]!r}")
        tokens.append(match.group().strip())
        at = match.end()
    return tokens


def parse_adql(text: str, *, tables: Sequence[str], columns: Sequence[str]) -> Query:
    """Parse a query.

    Parameters
    ----------
    text
        ADQL.
    tables, columns
        What exists, in lower case.

    Raises
    ------
    AdqlError
        Not understood, or another table or column.
    """
    return _Parser(text, columns).query(tables)
