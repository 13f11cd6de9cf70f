"""One-minute tokens: who may sign for whom, and what is refused."""

import base64
import json
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey
from too_common.auth import Keys, hash_password, make_key_pair, verify_password
from too_common.auth.principal import Principal
from too_common.errors import ForbiddenError, UnauthorizedError

NAMES = ("vetting-api", "planner", "ingest")
PAIRS = {name: make_key_pair(name) for name in NAMES}
PUBLIC = [public for _, public in PAIRS.values()]


def keys(service):
    return Keys(service, PAIRS[service][0], PUBLIC)


def forge(service, **claims):
    """A token signed with a service's key, with any claims."""
    base = {"iss": service, "iat": 0, "exp": 4_000_000_000, "aud": "ingest", "sub": service}
    key = OKPKey.import_key(PAIRS[service][0])
    header = {"alg": "Ed25519", "kid": service}
    return jwt.encode(header, {**base, **claims}, key, algorithms=["Ed25519"])


def test_a_service_speaks_for_itself():
    who = keys("ingest").verify(keys("planner").sign_for_service("ingest"))
    assert (who.service, who.is_machine, who.account_id) == ("planner", True, None)
    assert who.may("read")
    assert not who.may("submit")


def test_the_front_door_speaks_for_people():
    account = uuid4()
    token = keys("vetting-api").sign_for_person(
        audience="planner", account_id=account, name="A. Person", scopes=["read", "plan"]
    )
    who = keys("planner").verify(token)
    assert (who.account_id, who.name, who.scopes) == (account, "A. Person", {"read", "plan"})


@pytest.mark.parametrize(
    ("service", "claims"),
    [
        ("planner", {"scope": "admin", "sub": str(uuid4())}),
        ("planner", {"scope": "machine", "sub": "vetting-api"}),
        ("planner", {"scope": "machine admin"}),
        ("planner", {"scope": "machine", "aud": "notify"}),
        ("planner", {"scope": "machine", "exp": 1}),
        ("planner", {"scope": "machine", "iss": "vetting-api"}),
        ("vetting-api", {"scope": "admin machine", "sub": str(uuid4())}),
    ],
)
def test_what_nobody_may_claim(service, claims):
    with pytest.raises(UnauthorizedError):
        keys("ingest").verify(forge(service, **claims))


def test_unsigned_foreign_and_broken_tokens_are_refused():
    stranger = Keys("planner", make_key_pair("planner")[0], [])

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    unsigned = f"{part({'alg': 'none'})}.{part({'iss': 'planner', 'aud': 'ingest'})}."
    for token in (stranger.sign_for_service("ingest"), unsigned, "", "a.b.c", "x" * 5000):
        with pytest.raises(UnauthorizedError):
            keys("ingest").verify(token)


def test_scopes():
    person = Principal(frozenset({"read", "vet"}))
    person.check("vet", "submit")
    with pytest.raises(ForbiddenError, match="scope submit"):
        person.check("submit")
    assert Principal(frozenset({"admin"})).may("submit")


def test_passwords():
    hashed = hash_password("correct horse")
    assert verify_password(hashed, "correct horse")
    assert not verify_password(hashed, "wrong")
    assert not verify_password("not a hash", "correct horse")
