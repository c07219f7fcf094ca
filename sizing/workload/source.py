"""Which source do a model's files come from: a hub revision, a bucket prefix, or an image?"""

import hashlib
from typing import Annotated, Self

from pydantic import Field, model_validator

from sizing.values.field_error import FieldError
from sizing.values.strict import Strict

HUB_FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken")
"""Files that an engine reads from a repository's top folder, without the same weights in other
formats."""
EMBEDDING_FILES = (*HUB_FILES, "1_Pooling/config.json")
"""The same files, and the one that states how the vectors of tokens become that of a text. Basis:
vendor (names in sentence-transformers, which vllm/transformers_utils/config.py reads, 0.30.0)."""
PARTS_FILES = (
    "model_index.json",
    "*/*.json",
    "*/*.jinja",
    "*/*.model",
    "*/*.txt",
    "*/model.safetensors",
    "*/model-*.safetensors",
    "*/diffusion_pytorch_model.safetensors",
    "*/diffusion_pytorch_model-*.safetensors",
)
"""Files of a repository with one folder for each part of a model, without the whole model in one
file, and without weights in other formats or precisions. Basis: vendor (names in diffusers)."""

SHA256_EXAMPLE = f"sha256:{'0123456789abcdef' * 4}"
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", examples=[SHA256_EXAMPLE])]
KeyArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$",
        examples=["arn:aws:kms:us-east-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"],
    ),
]


class HubSource(Strict):
    id: str = Field(
        pattern=r"^[\w-]+(\.[\w-]+)*/[\w-]+(\.[\w-]+)*$", max_length=200, examples=["Qwen/Qwen3-8B"]
    )
    """Repository on the Hugging Face Hub: owner/name."""
    revision: str = Field(
        pattern=r"^[0-9a-f]{40}$", examples=["0123456789abcdef0123456789abcdef01234567"]
    )
    """Full commit id of 40 hex digits, because a branch or tag may move."""
    token_secret_arn: str | None = Field(
        default=None,
        pattern=r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[\w/+=.@-]+$",
        examples=["arn:aws:secretsmanager:us-east-1:111122223333:secret:hub-token-a1b2c3"],
        # Guard: no message may contain a token pasted here, because logs keep messages.
        repr=False,
    )
    """ARN of a Secrets Manager secret with the hub token. Open models need none."""
    token_key_arn: KeyArn | None = None
    """ARN of the secret's KMS key, if it is not AWS's own key."""
    files: tuple[
        Annotated[
            str, Field(pattern=r"^[\w.*?@+=/-]+$", max_length=200, examples=["*.safetensors"])
        ],
        ...,
    ] = Field(default=HUB_FILES, min_length=1)
    """Name patterns of the files. A pattern without a slash applies to the top folder. When left
    out for images, the folders of a diffusers repository apply, and for embeddings also the file of
    their pooling."""
    digest: Digest | None = None
    """SHA-256 of the sorted sha256sum list of the files."""

    @model_validator(mode="after")
    def _key_of_a_secret(self) -> Self:
        if self.token_key_arn is not None and self.token_secret_arn is None:
            raise FieldError(("token_key_arn",), "there is no secret", "token_secret_arn as well")
        return self

    @property
    def version(self) -> str:
        """Name of the files: the revision, and their patterns where they are stated."""
        if self.files in (HUB_FILES, EMBEDDING_FILES, PARTS_FILES):
            return self.revision
        return f"{self.revision}-{hashlib.sha256(repr(self.files).encode()).hexdigest()[:8]}"


class BucketSource(Strict):
    uri: str = Field(
        pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/([\w=@+-][\w.=@+-]*/)+$",
        examples=["s3://bucket/prefix/"],
    )
    """Prefix that contains only these files: s3://bucket/prefix/."""
    digest: Digest
    """SHA-256 of the sorted sha256sum list of the files."""
    key_arn: KeyArn | None = None
    """ARN of the KMS key of the objects, if it is not S3's own key."""

    @property
    def version(self) -> str:
        """Name of the files."""
        return self.digest.removeprefix("sha256:")

    @property
    def place(self) -> tuple[str, str]:
        """Bucket and prefix."""
        bucket, _, prefix = self.uri.removeprefix("s3://").partition("/")
        return bucket, prefix


class ImageSource(Strict):
    reference: str = Field(
        pattern=r"^[a-z0-9][\w.:/-]*@sha256:[0-9a-f]{64}$",
        max_length=400,
        examples=[f"registry.example.com/weights@{SHA256_EXAMPLE}"],
    )
    """Image by digest, which must contain cp: registry/name@sha256: and 64 hex digits."""
    path: str = Field(pattern=r"^(/[\w.=@+-]+)+$", max_length=200, examples=["/models/llama"])
    """Folder of the image with the files."""

    @property
    def version(self) -> str:
        """Name of the files."""
        return self.reference.rpartition("sha256:")[2]


class ModelSource(Strict):
    """Source of the files. Exactly one of these keys is present."""

    hub: HubSource | None = None
    """Revision of a repository on the Hugging Face Hub."""
    s3: BucketSource | None = None
    """Prefix of another bucket."""
    image: ImageSource | None = None
    """Folder of a container image."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [kind for kind in ("hub", "s3", "image") if getattr(self, kind) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise FieldError((), f"{found} given", "exactly one of hub, s3, image")
        return self

    @property
    def kind(self) -> str:
        """Kind of the source: hub, s3 or image."""
        return next(kind for kind in ("hub", "s3", "image") if getattr(self, kind) is not None)

    @property
    def version(self) -> str:
        """Name of the files. Equal versions have equal files."""
        chosen = self.hub or self.s3 or self.image
        if chosen is None:
            raise ValueError("a source without a kind")
        return chosen.version
