"""How do the chat pages of a stack sign people in?"""

from typing import Annotated

from pydantic import Field

from sizing.values.strict import Strict

Endpoint = Annotated[str, Field(pattern=r"^https://[^\s/?#@]+(/[^\s#]*)?$", max_length=256)]
"""Public HTTPS address of the issuer."""


class PageClient(Strict):
    """Client of chat pages at the issuer of tokens (OpenID Connect, authorization code).

    Its secret is the key `sizewright:page_client_secret`, which Pulumi encrypts. The issuer must
    allow the address `https://<host of the page>/oauth2/idpresponse`.
    """

    client_id: str = Field(pattern=r"^\S+$", max_length=256, examples=["chat-page"])
    """Name of the client at the issuer."""
    authorization_endpoint: Annotated[Endpoint, Field(examples=["https://login.example.com/auth"])]
    """Address to which browsers go to sign in."""
    token_endpoint: Annotated[Endpoint, Field(examples=["https://login.example.com/token"])]
    """Address at which the load balancer gets a user's tokens."""
    user_info_endpoint: Annotated[Endpoint, Field(examples=["https://login.example.com/userinfo"])]
    """Address at which the load balancer gets a user's claims."""
    scope: str = Field(
        default="openid profile",
        pattern=r"^openid( \S+)*$",
        max_length=256,
        examples=["openid profile email"],
    )
    """Scopes of the user's tokens, with openid first."""
    parameters: dict[str, str] = Field(
        default_factory=dict, max_length=10, examples=[{"audience": "chat"}]
    )
    """Other parameters of the request to sign in, e.g. the audience of the access token."""
