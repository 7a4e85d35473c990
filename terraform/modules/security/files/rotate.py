"""Changes a random secret: what Secrets Manager calls in four steps for each rotation.

A step may be called again, so each looks first whether its work is done. The old value stays behind as
AWSPREVIOUS: who verifies signatures accepts both until all signers have the new one.
"""

import boto3

LENGTH_CHARACTERS = 64  # of letters and digits: more than 256 bits


def handler(event, _context, client=None):
    client = client or boto3.client("secretsmanager")
    secret, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]

    stages = client.describe_secret(SecretId=secret).get("VersionIdsToStages", {})
    if "AWSCURRENT" in stages.get(token, []):
        return
    if step != "createSecret" and "AWSPENDING" not in stages.get(token, []):
        raise ValueError(f"version {token} is not pending")

    if step == "createSecret":
        create(client, secret, token, stages)
    elif step == "setSecret":
        pass  # nobody outside has to be told: services read the secret themselves
    elif step == "testSecret":
        value = client.get_secret_value(SecretId=secret, VersionId=token, VersionStage="AWSPENDING")
        if len(value["SecretString"]) < LENGTH_CHARACTERS:
            raise ValueError("the pending value is too short")
    elif step == "finishSecret":
        finish(client, secret, token, stages)
    else:
        raise ValueError(f"unknown step {step}")


def create(client, secret, token, stages):
    if "AWSPENDING" in stages.get(token, []):
        return
    value = client.get_random_password(PasswordLength=LENGTH_CHARACTERS, ExcludePunctuation=True)
    client.put_secret_value(
        SecretId=secret,
        ClientRequestToken=token,
        SecretString=value["RandomPassword"],
        VersionStages=["AWSPENDING"],
    )


def finish(client, secret, token, stages):
    current = next((version for version, names in stages.items() if "AWSCURRENT" in names), None)
    move = {"SecretId": secret, "VersionStage": "AWSCURRENT", "MoveToVersionId": token}
    if current:
        move["RemoveFromVersionId"] = current
    client.update_secret_version_stage(**move)
