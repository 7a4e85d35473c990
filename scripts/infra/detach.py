#!/usr/bin/env python3
"""Detaches the streams' interfaces of all hosts at AWS_ENDPOINT_URL, which must be on loopback."""

import os
import sys
import urllib.parse

import boto3

if urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"]).hostname != "127.0.0.1":
    sys.exit("AWS_ENDPOINT_URL is not on loopback")

ec2 = boto3.client("ec2", region_name="us-east-1")
for interface in ec2.describe_network_interfaces()["NetworkInterfaces"]:
    attachment = interface.get("Attachment", {})
    if attachment.get("DeviceIndex") == 1:
        ec2.detach_network_interface(AttachmentId=attachment["AttachmentId"], Force=True)
        print(f"detached {interface['NetworkInterfaceId']}")
