# Brokers: MSK, and Redpanda where one host is enough.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name        = "acme"
  vpc_id      = "vpc-1"
  subnet_ids  = ["subnet-1", "subnet-2", "subnet-3"]
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"

  allowed_security_group_ids = { nodes = "sg-1" }
}

run "msk" {
  command = plan

  module {
    source = "./modules/kafka"
  }

  variables {
    instance_type = "kafka.m5.large"
  }

  assert {
    condition     = aws_msk_cluster.this[0].number_of_broker_nodes == 3 && aws_msk_cluster.this[0].broker_node_group_info[0].instance_type == "kafka.m5.large" && length(aws_instance.redpanda) == 0
    error_message = "Not three brokers of MSK."
  }

  assert {
    condition     = aws_msk_cluster.this[0].encryption_info[0].encryption_in_transit[0].client_broker == "TLS" && aws_msk_cluster.this[0].client_authentication[0].sasl[0].iam
    error_message = "Clients come without TLS or without a name."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.client["nodes"].from_port == 9098
    error_message = "Nodes do not reach the IAM listener."
  }
}

run "redpanda" {
  command = plan

  module {
    source = "./modules/kafka"
  }

  variables {
    flavour       = "redpanda"
    instance_type = "t3.medium"
    broker_count  = 1
    ami_id        = "ami-1"
  }

  assert {
    condition     = aws_instance.redpanda[*].instance_type == ["t3.medium"] && length(aws_msk_cluster.this) == 0 && aws_instance.redpanda[0].metadata_options[0].http_tokens == "required"
    error_message = "Not one Redpanda host with IMDSv2."
  }

  assert {
    condition     = length([for line in split("\n", aws_instance.redpanda[0].user_data) : line if endswith(line, "--partitions 3 --replicas 1")]) == 6
    error_message = "Not six topics of three partitions."
  }
}

run "two_redpandas" {
  command = plan

  module {
    source = "./modules/kafka"
  }

  variables {
    flavour       = "redpanda"
    instance_type = "t3.medium"
    broker_count  = 2
    ami_id        = "ami-1"
  }

  expect_failures = [var.broker_count]
}
