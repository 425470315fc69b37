from kith_chassis.errors import NotFound


class NoSuchReport(NotFound):
    """There is no such report in this community."""

    code = "no_such_report"
