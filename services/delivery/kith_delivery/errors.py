from kith_chassis.errors import Conflict, Invalid, NotFound


class NoSuchEndpoint(NotFound):
    """There is no such webhook endpoint in this community."""

    code = "no_such_endpoint"


class NoSuchDelivery(NotFound):
    """There is no such delivery in this community."""

    code = "no_such_delivery"


class EndpointIsDisabled(Conflict):
    """This webhook endpoint is disabled; enable it first."""

    code = "endpoint_disabled"


class TooManyEndpoints(Conflict):
    """This community has as many webhook endpoints as it may have; delete one first."""

    code = "too_many_endpoints"


class TooManyToReplay(Conflict):
    """These are more than 10,000 deliveries; name a shorter time."""

    code = "too_many_to_replay"


class UnusableUrl(Invalid):
    """Webhooks cannot be sent to this URL."""

    code = "unusable_url"
