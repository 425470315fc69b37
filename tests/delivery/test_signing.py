"""Signatures as the Standard Webhooks specification has them."""

import base64

import pytest

from kith_delivery.signing import NotSigned, key_of, new_secret, signature, verify

pytestmark = pytest.mark.unit

SECRET = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, TIMESTAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def headers(**changed):
    return {"webhook-id": ID, "webhook-timestamp": str(TIMESTAMP), "webhook-signature": SIGNATURE} | {
        name.replace("_", "-"): value for name, value in changed.items()
    }


def test_the_published_vector_is_reproduced():
    assert signature([key_of(SECRET)], webhook_id=ID, timestamp=TIMESTAMP, body=BODY) == SIGNATURE


@pytest.mark.parametrize("secret", [SECRET, f"whsec_{SECRET}"])
def test_the_prefix_of_a_secret_may_be_missing(secret):
    assert verify(secret, headers(), BODY, now=TIMESTAMP) == ID


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_five_minutes_of_clock_difference_pass_in_both_directions(seconds):
    assert verify(SECRET, headers(), BODY, now=TIMESTAMP + seconds) == ID


@pytest.mark.parametrize("seconds", [-301, 301])
def test_more_than_five_minutes_do_not(seconds):
    with pytest.raises(NotSigned):
        verify(SECRET, headers(), BODY, now=TIMESTAMP + seconds)


def test_one_fitting_signature_of_several_is_enough_and_other_versions_are_passed_over():
    several = f"v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,{SIGNATURE[3:]} {SIGNATURE}"
    assert verify(SECRET, headers(webhook_signature=several), BODY, now=TIMESTAMP) == ID


@pytest.mark.parametrize(
    "broken",
    [
        {"webhook_signature": f"v2,{SIGNATURE[3:]}"},
        {"webhook_signature": "v1,"},
        {"webhook_signature": "not a signature, é"},
        {"webhook_timestamp": "yesterday"},
        {"webhook_timestamp": str(TIMESTAMP + 1)},
        {"webhook_id": "msg_another"},
    ],
)
def test_a_message_changed_on_the_way_is_refused(broken):
    with pytest.raises(NotSigned):
        verify(SECRET, headers(**broken), BODY, now=TIMESTAMP)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_message_without_one_of_the_headers_is_refused(missing):
    given = headers()
    del given[missing]
    with pytest.raises(NotSigned):
        verify(SECRET, given, BODY, now=TIMESTAMP)


def test_another_body_is_refused():
    with pytest.raises(NotSigned):
        verify(SECRET, headers(), BODY + b" ", now=TIMESTAMP)


def test_while_a_secret_is_replaced_both_sides_are_understood():
    old, new = new_secret(), new_secret()
    both = signature([key_of(new), key_of(old)], webhook_id=ID, timestamp=TIMESTAMP, body=BODY)
    for secret in (old, new):
        assert verify(secret, headers(webhook_signature=both), BODY, now=TIMESTAMP) == ID


def test_new_secrets_are_distinct_and_hold_32_bytes():
    made = {new_secret() for _ in range(50)}
    assert len(made) == 50
    assert all(each.startswith("whsec_") and len(key_of(each)) == 32 for each in made)


@pytest.mark.parametrize("bad", ["", "whsec_", "whsec_%%%", base64.b64encode(bytes(23)).decode(), "A" * 88])
def test_what_is_no_secret_is_refused(bad):
    with pytest.raises(ValueError, match="signing secret"):
        key_of(bad)
