from pydantic import BaseModel, ConfigDict


class PublicKey(BaseModel):
    """RFC 8037: an Ed25519 public key."""

    kty: str = "OKP"
    crv: str = "Ed25519"
    x: str
    kid: str
    use: str = "sig"
    alg: str = "EdDSA"


class KeyDocument(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "keys": [
                    {
                        "kty": "OKP",
                        "crv": "Ed25519",
                        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                        "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
                        "use": "sig",
                        "alg": "EdDSA",
                    }
                ]
            }
        }
    )

    keys: list[PublicKey]
