# Subnets, routes and the second line of defence.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name                 = "acme"
  zones                = ["us-east-1a", "us-east-1b", "us-east-1c"]
  nat_gateway_count    = 2
  flow_logs_bucket_arn = "arn:aws:s3:::acme-logs"
}

run "three_zones_two_nat_gateways" {
  command = plan

  module {
    source = "./modules/network"
  }

  assert {
    condition     = aws_vpc.this[0].cidr_block == "10.0.0.0/16" && aws_vpc.this[0].enable_dns_hostnames
    error_message = "The VPC is not 10.0.0.0/16 with host names."
  }

  assert {
    condition     = [for zone in ["us-east-1a", "us-east-1b", "us-east-1c"] : aws_subnet.private[zone].cidr_block] == ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]
    error_message = "The private subnets are not 10.0.1-3.0/24 in the order of the zones."
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 2 && length(aws_eip.nat) == 2 && length(aws_route.private) == 3
    error_message = "Three zones must share two NAT gateways, each zone with a route."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.public : !subnet.map_public_ip_on_launch])
    error_message = "A public subnet hands out public addresses."
  }

  assert {
    condition     = aws_network_acl_rule.this["database_vpc_in"].cidr_block == "10.0.0.0/16" && aws_network_acl_rule.this["database_vpc_out"].cidr_block == "10.0.0.0/16"
    error_message = "The database subnets' ACL admits more than the VPC."
  }

  assert {
    condition     = length(aws_default_security_group.this[0].ingress) == 0
    error_message = "The default security group admits something."
  }

  assert {
    condition     = aws_flow_log.this[0].traffic_type == "ALL" && aws_flow_log.this[0].log_destination == "arn:aws:s3:::acme-logs"
    error_message = "Flow logs do not take all traffic to the bucket."
  }
}

run "flow_logs_want_a_bucket" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    flow_logs_bucket_arn = null
  }

  expect_failures = [var.flow_logs_bucket_arn]
}
