"""Who may come in."""

import logging
import time

import grpc
import pytest
from cs3.auth.applications.v1beta1 import applications_api_pb2 as apps
from cs3.auth.provider.v1beta1 import resources_pb2 as auth
from cs3.gateway.v1beta1 import gateway_api_pb2 as gateway
from cs3.gateway.v1beta1 import gateway_api_pb2_grpc as stubs
from cs3.identity.user.v1beta1 import resources_pb2 as people
from cs3.identity.user.v1beta1 import user_api_pb2 as users
from cs3.sharing.collaboration.v1beta1 import collaboration_api_pb2 as shares
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.tx.v1beta1 import tx_api_pb2 as tx
from cs3.types.v1beta1 import types_pb2 as types

from jupyter_mesh.node.users import add_user

from .conftest import MACHINE_KEY, PASSWORD, code


@pytest.fixture
async def stub(site):
    async with grpc.aio.insecure_channel(site.node.gateway) as channel:
        yield stubs.GatewayAPIStub(channel)


async def login(stub, kind, name, secret):
    return await stub.Authenticate(
        gateway.AuthenticateRequest(type=kind, client_id=name, client_secret=secret)
    )


LOGINS = [
    ("basic", "einstein", PASSWORD, "OK"),
    ("basic", "einstein", "wrong", "PERMISSION_DENIED"),
    ("basic", "einstein", "", "PERMISSION_DENIED"),
    ("basic", "nobody", PASSWORD, "PERMISSION_DENIED"),
    ("machine", "einstein", MACHINE_KEY, "OK"),
    ("machine", "username:einstein", MACHINE_KEY, "OK"),
    ("machine", "mail:albert@alpine.example", MACHINE_KEY, "OK"),
    ("machine", "mail:", MACHINE_KEY, "NOT_FOUND"),
    ("machine", "nobody", MACHINE_KEY, "NOT_FOUND"),
    ("machine", "einstein", "wrong", "PERMISSION_DENIED"),
    ("appauth", "einstein", "wrong", "PERMISSION_DENIED"),
    ("appauth", "nobody", "wrong", "PERMISSION_DENIED"),
    ("bearer", "", "token", "INTERNAL"),
]


@pytest.mark.parametrize(
    ("kind", "name", "secret", "expected"),
    LOGINS,
    ids=[f"{case[0]} {case[1]} {case[2][:5]}" for case in LOGINS],
)
async def test_login(stub, kind, name, secret, expected):
    reply = await login(stub, kind, name, secret)
    assert code(reply) == expected
    assert bool(reply.token) == (expected == "OK")


async def test_without_a_key_no_machine_comes_in(start, flavour):
    site = await start(flavour, machine_key="")
    async with grpc.aio.insecure_channel(site.node.gateway) as channel:
        stub = stubs.GatewayAPIStub(channel)
        assert code(await login(stub, "machine", "einstein", "")) == "INTERNAL"
        assert list((await stub.ListAuthProviders(gateway.WhoAmIRequest())).types) == [
            "basic",
            "appauth",
            "publicshares",
        ]


async def test_who_am_i(site, stub):
    token = (await login(stub, "basic", "einstein", PASSWORD)).token
    reply = await stub.WhoAmI(gateway.WhoAmIRequest(token=token))
    user = reply.user
    assert (user.username, user.display_name, user.id.idp, list(user.groups)) == (
        "einstein",
        "Albert",
        site.node.domain,
        ["physics"],
    )
    assert code(await stub.WhoAmI(gateway.WhoAmIRequest(token="rubbish"))) == "UNAUTHENTICATED"
    assert code(await stub.WhoAmI(gateway.WhoAmIRequest())) == "UNAUTHENTICATED"


BAD = {"spaces": grpc.StatusCode.UNAUTHENTICATED, "paths": grpc.StatusCode.PERMISSION_DENIED}


async def refused(stub, *metadata):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetHome(provider.GetHomeRequest(), metadata=metadata)
    return caught.value.code(), caught.value.details()


async def test_without_a_token(stub):
    assert await refused(stub) == (
        grpc.StatusCode.UNAUTHENTICATED,
        "auth: core access token not found",
    )


async def test_with_a_bad_token(stub, flavour):
    assert await refused(stub, ("x-access-token", "rubbish")) == (
        BAD[flavour],
        "auth: core access token is invalid",
    )


async def test_with_an_expired_token(start, flavour):
    site = await start(flavour, token_life=-1)
    async with grpc.aio.insecure_channel(site.node.gateway) as channel:
        stub = stubs.GatewayAPIStub(channel)
        token = (await login(stub, "machine", "einstein", MACHINE_KEY)).token
        assert (await refused(stub, ("x-access-token", token)))[0] == BAD[flavour]
        assert code(await stub.WhoAmI(gateway.WhoAmIRequest(token=token))) == "UNAUTHENTICATED"


async def test_a_transfer_token_is_no_login(einstein, stub, flavour):
    token = (await einstein.start_upload("f", 3)).protocols[0].token
    assert (await refused(stub, ("x-access-token", token)))[0] == BAD[flavour]


async def test_a_token_survives_a_restart(start, flavour):
    site = await start(flavour)
    token = (await site.client()).token
    await site.stack.aclose()
    site = await start(flavour)
    client = await site.client()
    client.token = token
    assert await client.mkdir("d") == "OK"


async def test_a_user_who_comes_while_the_node_runs(site, stub):
    add_user(site.data, "newcomer", "secret-of-newcomer")
    assert code(await login(stub, "basic", "newcomer", "secret-of-newcomer")) == "OK"


async def test_get_user(site, einstein):
    async def get(user):
        request = users.GetUserRequest(user_id=people.UserId(opaque_id=user))
        return await einstein.call("GetUser", request)

    assert (await get(einstein.user)).user.mail == "albert@alpine.example"
    marie = await site.client("marie")
    request = users.GetUserRequest(user_id=people.UserId(opaque_id=einstein.user))
    seen = (await marie.call("GetUser", request)).user
    assert (seen.username, seen.mail, list(seen.groups)) == ("einstein", "", [])
    assert code(await get("nobody")) == "NOT_FOUND"


async def app_password(client, scope=True, life=3600, **fields):
    request = apps.GenerateAppPasswordRequest(
        label="hub", expiration=types.Timestamp(seconds=int(time.time()) + life)
    )
    if scope:
        request.token_scope["user"].role = auth.ROLE_OWNER
    return await client.call("GenerateAppPassword", request)


async def test_app_password(einstein, stub):
    made = (await app_password(einstein)).app_password
    reply = await login(stub, "appauth", "einstein", made.password)
    assert code(reply) == "OK"
    einstein.token = reply.token
    assert await einstein.mkdir("d") == "OK"
    assert code(await login(stub, "basic", "einstein", made.password)) == "PERMISSION_DENIED"
    assert code(await login(stub, "appauth", "marie", made.password)) == "PERMISSION_DENIED"
    listed = (await einstein.call("ListAppPasswords", apps.ListAppPasswordsRequest())).app_passwords
    assert [one.label for one in listed] == ["hub"]
    assert listed[0].password != made.password


async def test_an_app_password_is_removed_by_its_hash(einstein, stub, flavour):
    made = (await app_password(einstein)).app_password
    listed = (await einstein.call("ListAppPasswords", apps.ListAppPasswordsRequest())).app_passwords

    async def invalidate(password):
        return code(
            await einstein.call(
                "InvalidateAppPassword", apps.InvalidateAppPasswordRequest(password=password)
            )
        )

    assert await invalidate(made.password) == ("NOT_FOUND" if flavour == "spaces" else "INTERNAL")
    assert await invalidate(listed[0].password) == "OK"
    assert code(await login(stub, "appauth", "einstein", made.password)) == "PERMISSION_DENIED"


async def test_an_app_password_without_scope_sees_nothing(einstein, stub):
    await einstein.put("f", b"1")
    made = (await app_password(einstein, scope=False)).app_password
    einstein.token = (await login(stub, "appauth", "einstein", made.password)).token
    assert code(await einstein.stat("f")) == "NOT_FOUND"
    assert await einstein.spaces() == [] or not list(await einstein.spaces())
    assert code(await app_password(einstein)) == "PERMISSION_DENIED", (
        "nor does it make a better one"
    )


async def test_an_app_password_ends(einstein, stub, flavour):
    assert code(await app_password(einstein, life=-5)) == (
        "INVALID_ARGUMENT" if flavour == "spaces" else "INTERNAL"
    )


async def test_unknown_rpcs_and_empty_lists(einstein):
    assert (
        code(await einstein.call("ListReceivedShares", shares.ListReceivedSharesRequest())) == "OK"
    )
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await einstein.call("CreateTransfer", tx.CreateTransferRequest())
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_no_secret_is_kept_or_logged(site, einstein, stub, caplog):
    caplog.set_level(logging.DEBUG)
    await login(stub, "basic", "einstein", PASSWORD)
    await login(stub, "basic", "einstein", "marker-of-a-wrong-password")
    made = (await app_password(einstein)).app_password.password
    await login(stub, "appauth", "einstein", made)
    await einstein.put("f", b"content")
    secrets = [PASSWORD, "marker-of-a-wrong-password", made, MACHINE_KEY, einstein.token]
    assert not [secret for secret in secrets if secret in caplog.text]
    kept = b"".join(path.read_bytes() for path in (site.data / ".node").iterdir() if path.is_file())
    assert not [secret for secret in secrets if secret.encode() in kept]
