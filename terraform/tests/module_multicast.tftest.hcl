# Multicast is there when it is asked for, and only then.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name               = "acme"
  vpc_id             = "vpc-1"
  subnet_ids         = { us-east-1a = "subnet-1" }
  security_group_ids = { engine = "sg-1" }
}

run "off_by_default" {
  command = plan

  module {
    source = "./modules/multicast"
  }

  assert {
    condition     = length(aws_ec2_transit_gateway.this) == 0 && length(aws_ec2_transit_gateway_multicast_domain.this) == 0 && length(aws_vpc_security_group_ingress_rule.igmp) == 0
    error_message = "Multicast is made without being asked for."
  }
}

run "on" {
  command = plan

  module {
    source = "./modules/multicast"
  }

  variables {
    create = true
  }

  assert {
    condition     = aws_ec2_transit_gateway.this[0].multicast_support == "enable" && aws_ec2_transit_gateway_multicast_domain.this[0].igmpv2_support == "enable" && aws_ec2_transit_gateway_multicast_domain.this[0].static_sources_support == "disable"
    error_message = "The domain does not live by IGMPv2."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.igmp["engine"].ip_protocol == "2" && aws_vpc_security_group_ingress_rule.igmp["engine"].cidr_ipv4 == "0.0.0.0/32"
    error_message = "IGMP queries of the transit gateway are not admitted."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.groups["engine"].cidr_ipv4 == "224.0.0.0/4" && length(aws_ec2_transit_gateway_multicast_domain_association.this) == 1
    error_message = "Publishers can not send to groups."
  }
}
