output "domain_ids" {
  description = "Id of the multicast domain, one entry if there is one."
  value       = aws_ec2_transit_gateway_multicast_domain.this[*].id
}

output "igmp_support" {
  description = "IGMPv2 of the domain, one entry if there is one."
  value       = aws_ec2_transit_gateway_multicast_domain.this[*].igmpv2_support
}

output "transit_gateway_multicast" {
  description = "Multicast support of the transit gateway, one entry if there is one."
  value       = aws_ec2_transit_gateway.this[*].multicast_support
}

output "associated_subnets" {
  description = "Subnets in the domain, by name."
  value       = { for name, association in aws_ec2_transit_gateway_multicast_domain_association.this : name => association.subnet_id }
}

output "igmp_ingress" {
  description = "Protocol and source of the IGMP rule of each security group."
  value       = { for name, rule in aws_vpc_security_group_ingress_rule.igmp : name => "${rule.ip_protocol} ${rule.cidr_ipv4}" }
}

output "group_ports" {
  description = "Ports of the groups' rule of each security group."
  value       = { for name, rule in aws_vpc_security_group_ingress_rule.groups : name => "${rule.ip_protocol} ${rule.from_port}-${rule.to_port}" }
}
