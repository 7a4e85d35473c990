# Layer-3 multicast in a VPC: a transit gateway with a multicast domain whose members come and go by
# IGMPv2. The instances must be of a Nitro type, and their source/destination check may stay on.

resource "aws_ec2_transit_gateway" "this" {
  count = var.create ? 1 : 0

  description                     = "Multicast of ${var.name}"
  multicast_support               = "enable"
  auto_accept_shared_attachments  = "disable"
  default_route_table_association = "disable"
  default_route_table_propagation = "disable"
  dns_support                     = "disable"

  tags = merge(var.tags, { Name = var.name })
}

resource "aws_ec2_transit_gateway_vpc_attachment" "this" {
  count = var.create ? 1 : 0

  transit_gateway_id                              = aws_ec2_transit_gateway.this[0].id
  vpc_id                                          = var.vpc_id
  subnet_ids                                      = values(var.subnet_ids)
  transit_gateway_default_route_table_association = false
  transit_gateway_default_route_table_propagation = false

  tags = merge(var.tags, { Name = var.name })
}

resource "aws_ec2_transit_gateway_multicast_domain" "this" {
  count = var.create ? 1 : 0

  transit_gateway_id              = aws_ec2_transit_gateway.this[0].id
  igmpv2_support                  = "enable"
  static_sources_support          = "disable"
  auto_accept_shared_associations = "disable"

  tags = merge(var.tags, { Name = var.name })
}

resource "aws_ec2_transit_gateway_multicast_domain_association" "this" {
  for_each = var.create ? var.subnet_ids : {}

  transit_gateway_multicast_domain_id = aws_ec2_transit_gateway_multicast_domain.this[0].id
  transit_gateway_attachment_id       = aws_ec2_transit_gateway_vpc_attachment.this[0].id
  subnet_id                           = each.value
}

# Queries come from the transit gateway with the source 0.0.0.0: a narrower rule would drop them, and
# every membership would end after some minutes.
resource "aws_vpc_security_group_ingress_rule" "igmp" {
  for_each = var.create ? var.security_group_ids : {}

  security_group_id = each.value
  description       = "IGMP queries"
  cidr_ipv4         = "0.0.0.0/32"
  ip_protocol       = "2"

  tags = merge(var.tags, { Name = "igmp" })
}

resource "aws_vpc_security_group_egress_rule" "igmp" {
  for_each = var.create ? var.security_group_ids : {}

  security_group_id = each.value
  description       = "IGMP reports (224.0.0.2, and the group itself)"
  cidr_ipv4         = "224.0.0.0/4"
  ip_protocol       = "2"

  tags = merge(var.tags, { Name = "igmp" })
}

# A multicast datagram carries its publisher's address, never a security group.
resource "aws_vpc_security_group_ingress_rule" "groups" {
  for_each = var.create ? var.security_group_ids : {}

  security_group_id = each.value
  description       = "Streams to multicast groups"
  cidr_ipv4         = var.publisher_cidr
  ip_protocol       = "udp"
  from_port         = var.ports.from
  to_port           = var.ports.to

  tags = merge(var.tags, { Name = "multicast" })
}

resource "aws_vpc_security_group_egress_rule" "groups" {
  for_each = var.create ? var.security_group_ids : {}

  security_group_id = each.value
  description       = "Streams to multicast groups"
  cidr_ipv4         = "224.0.0.0/4"
  ip_protocol       = "udp"
  from_port         = var.ports.from
  to_port           = var.ports.to

  tags = merge(var.tags, { Name = "multicast" })
}
