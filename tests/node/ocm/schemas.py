"""What OCM 1.4 says of its messages (``facts/ocm.md`` §3, §5-§8, §11), written down here as JSON Schema.

The published OpenAPI file of OCM-API has no licence of its own in its repository: it is not copied.
"""

_TEXT = {"type": "string", "minLength": 1}
_ADDRESS = {"type": "string", "pattern": r"^.+@[^@/\s]+$"}
_URL = {"type": "string", "pattern": "^https?://[^/@]+(/.*)?$"}


def _object(required, properties, **more):
    return {"type": "object", "required": required, "properties": properties, **more}


DISCOVERY = _object(
    ["enabled", "apiVersion", "endPoint", "resourceTypes"],
    {
        "enabled": {"type": "boolean"},
        "apiVersion": {"const": "1.4.0"},
        "endPoint": _URL,
        "provider": _TEXT,
        "resourceTypes": {
            "type": "array",
            "minItems": 1,
            "items": _object(
                ["name", "shareTypes", "protocols"],
                {
                    "name": {"enum": ["file", "folder", "ro-crate"]},
                    "shareTypes": {
                        "type": "array",
                        "contains": {"const": "user"},
                        "items": {"enum": ["user", "group", "federation"]},
                    },
                    "protocols": _object(
                        ["webdav"],
                        {
                            "webdav": {"type": "string", "pattern": "^/.*/$"},
                            "webdav-receive": _object(
                                ["uri"], {"uri": {"enum": ["absolute", "relative"]}}
                            ),
                        },
                        additionalProperties=False,
                    ),
                },
            ),
        },
        "capabilities": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "enum": [
                    "enforce-mfa",
                    "exchange-token",
                    "http-sig",
                    "invites",
                    "notifications",
                    "invite-wayf",
                    "protocol-object",
                ]
            },
        },
        "criteria": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "enum": [
                    "must-use-http-sig",
                    "must-exchange-token",
                    "denylist",
                    "allowlist",
                    "must-invite",
                ]
            },
        },
        "inviteAcceptDialog": _URL,
        "tokenEndPoint": _URL,
    },
    additionalProperties=False,
)

SHARE = _object(
    [
        "shareWith",
        "name",
        "providerId",
        "owner",
        "sender",
        "shareType",
        "resourceType",
        "protocol",
    ],
    {
        "shareWith": _ADDRESS,
        "name": _TEXT,
        "description": {"type": "string"},
        "providerId": _TEXT,
        "owner": _ADDRESS,
        "sender": _ADDRESS,
        "ownerDisplayName": {"type": "string"},
        "senderDisplayName": {"type": "string"},
        "shareType": {"enum": ["user"]},
        "resourceType": {"enum": ["file", "folder"]},
        "expiration": {"type": "integer", "exclusiveMinimum": 0},
        "protocol": _object(
            ["name", "webdav"],
            {
                "name": {"const": "multi"},
                "webdav": _object(
                    ["uri", "url", "sharedSecret", "permissions"],
                    {
                        "uri": _URL,
                        "url": _URL,
                        "sharedSecret": {"type": "string", "minLength": 32},
                        "permissions": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"enum": ["read", "write", "share"]},
                        },
                        "requirements": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"enum": ["must-exchange-token", "must-use-mfa"]},
                        },
                    },
                    additionalProperties=False,
                ),
            },
            additionalProperties=False,
        ),
    },
    additionalProperties=False,
)

INVITE = _object(
    ["recipientProvider", "token", "userID", "email", "name"],
    {
        "recipientProvider": {"type": "string", "pattern": r"^[^/@\s]+$"},
        "token": _TEXT,
        "userID": {"type": "string", "pattern": "^[^@]+$"},
        "email": {"type": "string"},
        "name": _TEXT,
    },
    additionalProperties=False,
)

INVITED = _object(
    ["userID", "email", "name"],
    {
        "userID": {"type": "string", "pattern": "^[^@]+$"},
        "email": {"type": "string"},
        "name": _TEXT,
    },
    additionalProperties=False,
)

NOTIFICATION = _object(
    ["notificationType", "providerId", "resourceType"],
    {
        "notificationType": {
            "enum": [
                "SHARE_ACCEPTED",
                "SHARE_DECLINED",
                "SHARE_UNSHARED",
                "SHARE_CHANGE_PERMISSION",
            ]
        },
        "providerId": _TEXT,
        "resourceType": {"enum": ["file", "folder"]},
        "notification": {"type": "object"},
    },
    additionalProperties=False,
)

REFUSAL = _object(
    ["message", "code"],
    {
        "message": _TEXT,
        "code": _TEXT,
        "validationErrors": {
            "type": "array",
            "minItems": 1,
            "items": _object(
                ["name", "message"], {"name": _TEXT, "message": _TEXT}, additionalProperties=False
            ),
        },
    },
    additionalProperties=False,
)

DIRECTORY = _object(
    ["federation", "servers"],
    {
        "federation": _TEXT,
        "servers": {
            "type": "array",
            "items": _object(
                ["url", "displayName"],
                {"url": {"type": "string", "pattern": "^https?://[^/]+$"}, "displayName": _TEXT},
            ),
        },
    },
)
