"""Signatures of messages: the vector of RFC 9421, and everything that must not pass."""

import base64
import dataclasses
import hashlib
import json
from datetime import UTC, datetime, timedelta

import http_sf
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from http_message_signatures import (
    HTTPMessageSigner,
    MappingKeyResolver,
    algorithms,
)
from joserfc.jwk import ECKey, OctKey

from jupyter_mesh.node.ocm import signatures
from jupyter_mesh.node.ocm.keys import SigningKey, key_id
from jupyter_mesh.node.ocm.reading import NotTaken
from jupyter_mesh.node.ocm.routes import Message
from jupyter_mesh.node.ocm.signatures import Replays, find_mark, sign, verify

DOMAIN = "coast.example"
URL = "https://alpine.example/ocm/shares"
BODY = b'{"hello": "world"}'

RFC_KEY = {
    "kty": "OKP",
    "crv": "Ed25519",
    "kid": "test-key-ed25519",
    "d": "n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU",
    "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
}
RFC_HEADERS = {
    "host": "example.com",
    "date": "Tue, 20 Apr 2021 02:07:55 GMT",
    "content-type": "application/json",
    "content-digest": "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
    "content-length": "18",
}
RFC_INPUT = (
    'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length")'
    ';created=1618884473;keyid="test-key-ed25519"'
)
RFC_SIGNATURE = "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"


@dataclasses.dataclass
class Request:
    method: str
    url: str
    headers: dict


def rfc_request(**changes):
    headers = RFC_HEADERS | {"signature-input": RFC_INPUT, "signature": RFC_SIGNATURE}
    return Request("POST", "https://example.com/foo?param=Value&Pet=dog", headers | changes)


def verifier():
    algorithm, key = signatures._key_of(RFC_KEY, "")
    keys = MappingKeyResolver(public_keys={"test-key-ed25519": key}, private_keys={})
    return signatures._Verifier(signature_algorithm=algorithm, key_resolver=keys)


def test_the_vector_of_rfc_9421_b_2_6_is_verified():
    (result,) = verifier().verify(rfc_request(), max_age=None)
    assert result.parameters["created"] == 1618884473


@pytest.mark.parametrize(
    "changes",
    [
        {"content-length": "19"},
        {"content-type": "text/plain"},
        {"date": "Tue, 20 Apr 2021 02:07:56 GMT"},
        {"signature": RFC_SIGNATURE.replace("wqc", "wqd")},
        {"signature-input": RFC_INPUT.replace("473", "474")},
    ],
)
def test_the_vector_changed_is_not(changes):
    with pytest.raises(Exception, match=r".*"):
        verifier().verify(rfc_request(**changes), max_age=None)


def test_the_vector_is_what_the_signer_makes():
    request = Request("POST", "https://example.com/foo?param=Value&Pet=dog", dict(RFC_HEADERS))
    from joserfc.jwk import OKPKey

    key = OKPKey.import_key(RFC_KEY).private_key
    HTTPMessageSigner(
        signature_algorithm=algorithms.ED25519,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={"test-key-ed25519": key}),
    ).sign(
        request,
        key_id="test-key-ed25519",
        created=datetime.fromtimestamp(1618884473, UTC),
        label="sig-b26",
        include_alg=False,
        use_existing_digest=True,
        covered_component_ids=(
            "date",
            "@method",
            "@path",
            "@authority",
            "content-type",
            "content-length",
        ),
    )
    assert request.headers["Signature-Input"] == RFC_INPUT
    assert request.headers["Signature"] == RFC_SIGNATURE


@pytest.mark.parametrize(
    ("digest", "good"),
    [
        (RFC_HEADERS["content-digest"], True),
        ("sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:", True),
        ("sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:, sha-999=:AAAA:", True),
        ("sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPA=:", False),
        (
            "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:, sha-512=:AAAA:",
            False,
        ),
        ("md5=:AAAA:", False),
        ("rubbish", False),
        ("", False),
    ],
)
def test_every_known_digest_must_match(digest, good):
    if good:
        signatures._check_digest(digest, BODY)
    else:
        with pytest.raises(NotTaken):
            signatures._check_digest(digest, BODY)


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    folder = tmp_path_factory.mktemp("key")
    (folder / ".node").mkdir()
    return SigningKey(folder)


def test_the_key_is_made_once_and_for_nobody_else(tmp_path):
    (tmp_path / ".node").mkdir()
    first, second = SigningKey(tmp_path), SigningKey(tmp_path)
    assert first.jwks(DOMAIN) == second.jwks(DOMAIN)
    (file,) = (tmp_path / ".node").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    (shown,) = first.jwks(DOMAIN)["keys"]
    assert set(shown) == {"kty", "crv", "x", "kid", "alg", "use"}
    assert "PRIVATE" not in repr(first)


def signed(key, **changes):
    """A message of the site coast.example, and what is changed after or before it was signed."""
    headers = {"Content-Type": "application/json"}
    headers |= sign(key, DOMAIN, "POST", URL, headers, BODY)
    headers |= changes.pop("headers", {})
    return dataclasses.replace(Message(URL, headers, BODY), **changes)


def check(message, key):
    mark = find_mark(message.headers)
    assert mark is not None
    assert mark.domain == DOMAIN
    verify(message, mark, key.jwks(DOMAIN)["keys"][0])


def test_what_we_send_satisfies_all_texts(key):
    message = signed(key)
    check(message, key)
    fields = http_sf.parse(message.headers["Signature-Input"].encode(), tltype="dictionary")
    ((label, (covered, params)),) = fields.items()
    assert label == params["tag"] == "ocm"
    assert params["keyid"] == "coast.example#key1"
    assert params["alg"] == "ed25519"
    assert abs(params["created"] - datetime.now(UTC).timestamp()) < 60
    assert [name for name, _ in covered] == [
        "@method",
        "@target-uri",
        "content-digest",
        "content-length",
        "date",
    ]
    digest = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    assert message.headers["Content-Digest"] == f"sha-256=:{digest}:"


def custom(key, *, label="ocm", tag="ocm", shift=0, covered=signatures.COVERED, **options):
    """A message signed in another way than ours."""
    digest = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    request = Request(
        "POST",
        URL,
        {
            "Content-Type": "application/json",
            "Date": "Sun, 22 Nov 2026 00:00:00 GMT",
            "Content-Length": str(len(BODY)),
            "Content-Digest": f"sha-256=:{digest}:",
        },
    )
    name = options.pop("name", key_id(DOMAIN))
    HTTPMessageSigner(
        signature_algorithm=options.pop("algorithm", algorithms.ED25519),
        key_resolver=MappingKeyResolver(
            public_keys={}, private_keys={name: options.pop("private", key.private)}
        ),
    ).sign(
        request,
        key_id=name,
        created=datetime.now(UTC) + timedelta(seconds=shift),
        expires=options.pop("expires", None),
        label=label,
        tag=tag,
        covered_component_ids=covered,
        use_existing_digest=True,
        **options,
    )
    return Message(URL, request.headers, BODY)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"label": "sig1"}, id="tag alone"),
        pytest.param({"tag": None}, id="label alone"),
        pytest.param({"include_alg": False}, id="no alg"),
        pytest.param({"name": "https://coast.example/ocm#key"}, id="URL as key id"),
        pytest.param({"covered": signatures.COVERED[:4]}, id="no date"),
        pytest.param({"shift": -200}, id="clock behind"),
        pytest.param({"shift": 200}, id="clock ahead"),
    ],
)
def test_what_others_send_is_taken(key, options):
    check(custom(key, **options), key)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"shift": -3600}, id="stale"),
        pytest.param({"shift": 3600}, id="from the future"),
        pytest.param({"shift": -301 - 5}, id="just too old"),
        pytest.param({"expires": datetime(2020, 1, 1, tzinfo=UTC)}, id="ended"),
        pytest.param({"covered": ("@method", "content-digest")}, id="address not covered"),
        pytest.param({"covered": ("@method", "@target-uri", "date")}, id="digest not covered"),
        pytest.param({"covered": ("@target-uri", "content-digest")}, id="method not covered"),
    ],
)
def test_what_is_signed_badly_is_refused(key, options):
    with pytest.raises(NotTaken, match="The signature is not good") as caught:
        check(custom(key, **options), key)
    assert caught.value.status == 401


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"body": BODY + b" "}, id="body"),
        pytest.param({"url": URL + "?x=1"}, id="address"),
        pytest.param({"url": "https://evil.example/ocm/shares"}, id="host"),
        pytest.param({"method": "PUT"}, id="method"),
        pytest.param({"headers": {"Date": "Sun, 22 Nov 2026 00:00:00 GMT"}}, id="date"),
        pytest.param({"headers": {"Content-Length": "1"}}, id="length"),
    ],
)
def test_what_is_changed_on_the_way_is_refused(key, change):
    with pytest.raises(NotTaken):
        check(signed(key, **change), key)


def merged(one, other):
    """A message with the signatures of both."""
    headers = dict(one.headers)
    for name in ("Signature-Input", "Signature"):
        headers[name] = f"{one.headers[name]}, {other.headers[name]}"
    return dataclasses.replace(one, headers=headers)


def test_two_tags_of_ocm_are_refused(key):
    with pytest.raises(NotTaken, match="Only one"):
        find_mark(merged(custom(key), custom(key, label="sig2")).headers)


def test_one_label_twice_is_refused(key):
    with pytest.raises(NotTaken, match="twice"):
        find_mark(merged(custom(key), custom(key)).headers)


def test_other_signatures_are_left_aside(key):
    check(merged(custom(key), custom(key, label="proxy", tag="other", name="p#1")), key)
    assert find_mark(custom(key, label="proxy", tag="other").headers) is None
    # Where one has the tag, the label counts for nothing.
    mark = find_mark(
        merged(custom(key, tag=None, name="evil.example#1"), custom(key, label="x")).headers
    )
    assert mark is not None
    assert mark.domain == DOMAIN


def test_a_shared_secret_is_no_key(key):
    secret = OctKey.generate_key(256)
    message = custom(
        key, algorithm=algorithms.HMAC_SHA256, private=secret.raw_value, include_alg=False
    )
    mark = find_mark(message.headers)
    for jwk in (secret.as_dict(private=True), key.jwks(DOMAIN)["keys"][0]):
        with pytest.raises(NotTaken):
            verify(message, mark, jwk)


@pytest.mark.parametrize("said", ["hmac-sha256", "none", "rsa-v1_5-sha256", "ED25519"])
def test_what_the_message_says_of_its_algorithm_must_agree_with_the_key(key, said):
    with pytest.raises(NotTaken, match="of a kind that is not taken"):
        signatures._key_of(key.jwks(DOMAIN)["keys"][0], said)


@pytest.mark.parametrize(
    "jwk", [{}, {"kty": "oct", "k": "AAAA"}, {"kty": "none"}, {"kty": 7}, RFC_KEY | {"x": "AA"}]
)
def test_rubbish_is_no_key(jwk):
    with pytest.raises(NotTaken):
        signatures._key_of(jwk, "")


def test_keys_on_curves_are_taken(key):
    pair = ECKey.import_key(ec.generate_private_key(ec.SECP256R1()))
    message = custom(key, algorithm=algorithms.ECDSA_P256_SHA256, private=pair.private_key)
    verify(message, find_mark(message.headers), pair.as_dict(private=False))
    with pytest.raises(NotTaken):
        verify(message, find_mark(message.headers), key.jwks(DOMAIN)["keys"][0])


@pytest.mark.parametrize(
    "headers",
    [
        {"Signature-Input": "ocm=(", "Signature": "ocm=:AAAA:"},
        {"Signature-Input": 'ocm=("@method");keyid="a#1"', "Signature": "other=:AAAA:"},
        {"Signature-Input": 'ocm=("@method")', "Signature": "ocm=:AAAA:"},
        {"Signature-Input": "ocm=1", "Signature": "ocm=:AAAA:"},
        {"Signature-Input": 'ocm=("@method");keyid="a#1"', "Signature": "ocm=7"},
        {"Signature-Input": 'ocm=("@method");keyid="#1"', "Signature": "ocm=:AAAA:"},
        {"Signature-Input": 'ocm=("@method");keyid=7', "Signature": "ocm=:AAAA:"},
        {"Signature-Input": "\xff", "Signature": "ocm=:AAAA:"},
    ],
)
def test_rubbish_is_no_signature(headers):
    with pytest.raises(NotTaken) as caught:
        find_mark(headers)
    assert caught.value.status == 401
    assert json.dumps(caught.value.body)


def test_the_same_message_does_not_count_twice(key):
    replays, mark = Replays(), find_mark(signed(key).headers)
    replays.note(mark)
    with pytest.raises(NotTaken, match="before"):
        replays.note(mark)
    replays.note(find_mark(signed(key).headers))
