#!/usr/bin/env python3
"""The function that rotates random secrets, called as Secrets Manager calls it, against moto."""

import importlib.util
import os
import pathlib
import sys
import uuid

os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", AWS_DEFAULT_REGION="us-east-1")

import boto3  # noqa: E402
from moto import mock_aws  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "terraform/modules/security/files/rotate.py"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


def load():
    spec = importlib.util.spec_from_file_location("rotate", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@mock_aws
def main():
    rotate = load()
    client = boto3.client("secretsmanager")
    secret = client.create_secret(Name="acme/jwt-spot", SecretString="first")["ARN"]

    token = str(uuid.uuid4())
    for step in STEPS:
        event = {"SecretId": secret, "ClientRequestToken": token, "Step": step}
        rotate.handler(event, None, client)
        rotate.handler(event, None, client)  # Secrets Manager may call a step twice

    current = client.get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")
    assert current["VersionId"] == token, "the new version is not the current one"
    assert len(current["SecretString"]) == 64 and current["SecretString"].isalnum(), current["SecretString"]
    previous = client.get_secret_value(SecretId=secret, VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == "first", "the old value is lost"

    try:
        rotate.handler({"SecretId": secret, "ClientRequestToken": str(uuid.uuid4()), "Step": "finishSecret"}, None, client)
    except ValueError:
        pass
    else:
        raise AssertionError("a version that is not pending was made the current one")
    print("rotated once, repeatable, the old value kept")


if __name__ == "__main__":
    sys.exit(main())
