from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_chassis.tokens import Principal, permitted
from kith_delivery import deliveries, queries, webhook_endpoints
from kith_delivery.attempts import Status
from kith_delivery.errors import (
    EndpointIsDisabled,
    NoSuchDelivery,
    NoSuchEndpoint,
    TooManyEndpoints,
    TooManyToReplay,
    UnusableUrl,
)
from kith_delivery.shapes import (
    AttemptOut,
    CountsOut,
    DeliveryDetailOut,
    DeliveryOut,
    EndpointChange,
    EndpointIn,
    EndpointOut,
    Keys,
    KeysFirst,
    NewEndpointOut,
    ReplayIn,
    ReplayOut,
)


def _allow_loopback(request: Request) -> bool:
    return bool(request.app.state.settings.allow_loopback_webhooks)


AppManager = Annotated[Principal, Depends(permitted("apps:manage"))]
AllowLoopback = Annotated[bool, Depends(_allow_loopback)]

endpoint = router(tags=["webhook endpoints"])
delivery = router(tags=["deliveries"])
routers = [endpoint, delivery]


@endpoint.post("/webhook-endpoints", status_code=201, responses=problems(UnusableUrl, TooManyEndpoints))
async def add_endpoint(
    body: EndpointIn, _: AppManager, allow_loopback: AllowLoopback, session: Transaction
) -> NewEndpointOut:
    added = await webhook_endpoints.add(session, **body.model_dump(), allow_loopback=allow_loopback)
    return NewEndpointOut.model_validate(added)


@endpoint.get("/webhook-endpoints", responses=problems(InvalidCursor))
async def list_endpoints(
    _: AppManager, session: Transaction, first: First = 50, after: After = None
) -> Page[EndpointOut]:
    rows, cursor = await queries.endpoints(session, first=first, after=after)
    return Page(items=[EndpointOut.model_validate(row) for row in rows], next_cursor=cursor)


@endpoint.get("/webhook-endpoints/{endpoint_id}", responses=problems(NoSuchEndpoint))
async def get_endpoint(endpoint_id: UUID, _: AppManager, session: Transaction) -> EndpointOut:
    return EndpointOut.model_validate(await webhook_endpoints.found(session, endpoint_id))


@endpoint.patch("/webhook-endpoints/{endpoint_id}", responses=problems(NoSuchEndpoint, UnusableUrl))
async def change_endpoint(
    endpoint_id: UUID, body: EndpointChange, _: AppManager, allow_loopback: AllowLoopback, session: Transaction
) -> EndpointOut:
    changes = body.model_dump(exclude_unset=True)
    changed = await webhook_endpoints.change(
        session, endpoint_id=endpoint_id, changes=changes, allow_loopback=allow_loopback
    )
    return EndpointOut.model_validate(changed)


@endpoint.delete("/webhook-endpoints/{endpoint_id}", status_code=204, responses=problems(NoSuchEndpoint))
async def delete_endpoint(endpoint_id: UUID, _: AppManager, session: Transaction) -> Response:
    await webhook_endpoints.remove(session, endpoint_id=endpoint_id)
    return Response(status_code=204)


@endpoint.post("/webhook-endpoints/{endpoint_id}/enable", responses=problems(NoSuchEndpoint))
async def enable_endpoint(endpoint_id: UUID, _: AppManager, session: Transaction) -> EndpointOut:
    return EndpointOut.model_validate(await webhook_endpoints.enable(session, endpoint_id=endpoint_id))


@endpoint.post("/webhook-endpoints/{endpoint_id}/disable", responses=problems(NoSuchEndpoint))
async def disable_endpoint(endpoint_id: UUID, _: AppManager, session: Transaction) -> EndpointOut:
    return EndpointOut.model_validate(await webhook_endpoints.disable(session, endpoint_id=endpoint_id))


@endpoint.post("/webhook-endpoints/{endpoint_id}/rotate-secret", responses=problems(NoSuchEndpoint))
async def rotate_secret(endpoint_id: UUID, _: AppManager, session: Transaction) -> NewEndpointOut:
    return NewEndpointOut.model_validate(await webhook_endpoints.rotate_secret(session, endpoint_id=endpoint_id))


@endpoint.post(
    "/webhook-endpoints/{endpoint_id}/test", status_code=202, responses=problems(NoSuchEndpoint, EndpointIsDisabled)
)
async def send_test_event(endpoint_id: UUID, _: AppManager, session: Transaction) -> DeliveryOut:
    return DeliveryOut.model_validate(await deliveries.send_test(session, endpoint_id=endpoint_id))


@endpoint.post(
    "/webhook-endpoints/{endpoint_id}/replay",
    status_code=202,
    responses=problems(NoSuchEndpoint, EndpointIsDisabled, TooManyToReplay),
)
async def replay_deliveries(endpoint_id: UUID, body: ReplayIn, _: AppManager, session: Transaction) -> ReplayOut:
    return ReplayOut(replayed=await deliveries.replay_some(session, endpoint_id=endpoint_id, **body.model_dump()))


@endpoint.post("/read/webhook-endpoints")
async def endpoints_by_id(body: Keys, _: AppManager, session: Transaction) -> list[EndpointOut | None]:
    found = await queries.endpoints_by_id(session, body.keys)
    return [EndpointOut.model_validate(each) if each else None for each in found]


@delivery.get("/deliveries", responses=problems(InvalidCursor))
async def list_deliveries(
    _: AppManager,
    session: Transaction,
    endpoint_id: UUID | None = None,
    status: Status | None = None,
    first: First = 50,
    after: After = None,
) -> Page[DeliveryOut]:
    rows, cursor = await queries.deliveries(session, endpoint_id=endpoint_id, status=status, first=first, after=after)
    return Page(items=[DeliveryOut.model_validate(row) for row in rows], next_cursor=cursor)


@delivery.get("/deliveries/{delivery_id}", responses=problems(NoSuchDelivery))
async def get_delivery(delivery_id: UUID, _: AppManager, session: Transaction) -> DeliveryDetailOut:
    found = await deliveries.found(session, delivery_id)
    return DeliveryDetailOut(
        **DeliveryOut.model_validate(found).model_dump(),
        payload=await queries.payload_of(session, found.event_id),
        failed_attempts=[
            AttemptOut.model_validate(each) for each in await queries.failed_attempts(session, delivery_id)
        ],
    )


@delivery.post(
    "/deliveries/{delivery_id}/replay", status_code=202, responses=problems(NoSuchDelivery, EndpointIsDisabled)
)
async def replay_delivery(delivery_id: UUID, _: AppManager, session: Transaction) -> DeliveryOut:
    return DeliveryOut.model_validate(await deliveries.replay(session, delivery_id=delivery_id))


@delivery.post("/read/deliveries-by-endpoint")
async def deliveries_by_endpoint(body: KeysFirst, _: AppManager, session: Transaction) -> list[list[DeliveryOut]]:
    found = await queries.deliveries_by_endpoint(session, body.keys, first=body.first)
    return [[DeliveryOut.model_validate(each) for each in some] for some in found]


@delivery.post("/read/delivery-counts-by-endpoint")
async def delivery_counts_by_endpoint(body: Keys, _: AppManager, session: Transaction) -> list[CountsOut]:
    return [CountsOut.model_validate(each) for each in await queries.counts_by_endpoint(session, body.keys)]
