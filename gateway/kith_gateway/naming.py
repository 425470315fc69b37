"""People in rows of a list, found by what the community knows them by, before the row goes to a service.

A service knows members by their ids alone, lists by an external id or an address. Both stay between the caller and
identity: what is passed on names the column that was looked at, and not what stood in it.
"""

from typing import Any

from kith_gateway.context import Context

LONGEST = 1000
"""Rows; a service refuses more, so nobody is looked for."""
COLUMNS = ("external_id", "email")


async def named(context: Context, rows: Any, people: tuple[str, ...]) -> Any:
    """The rows with `{"id": key or null, "by": column or null}` for each of `people` instead of their columns.

    people  a name of somebody in a row; of `mentor` the columns are `mentor_external_id` and `mentor_email`, of
            `member` they are plain
    """
    if not isinstance(rows, list) or len(rows) > LONGEST or not all(isinstance(each, dict) for each in rows):
        return rows  # for the service to refuse as a whole
    passed = [dict(row) for row in rows]
    asked: list[dict[str, Any]] = []
    waiting: list[dict[str, Any]] = []
    for row in passed:
        for one in people:
            prefix = "" if one == "member" else f"{one}_"
            given = {column: row.pop(prefix + column, None) for column in COLUMNS}
            given = {column: value for column, value in given.items() if value is not None}
            row[one] = {"id": None, "by": next(iter(given), None)}
            if given:
                asked.append(given)
                waiting.append(row[one])
    if asked:
        found = await context.ask("identity", "POST", "/members/find", body={"people": asked})
        for person, member_id in zip(waiting, found, strict=True):
            person["id"] = member_id
    return passed
