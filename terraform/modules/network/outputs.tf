output "vpc_id" {
  description = "Id of the VPC."
  value       = one(aws_vpc.this[*].id)
}

output "vpc_cidr" {
  description = "Addresses of the VPC."
  value       = one(aws_vpc.this[*].cidr_block)
}

output "zones" {
  description = "Zones that have a private subnet, in the order of the subnets' names."
  value       = sort([for subnet in aws_subnet.private : subnet.availability_zone])
}

output "public_subnet_ids" {
  description = "Id of the public subnet of each zone."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.id }
}

output "private_subnet_ids" {
  description = "Id of the private subnet of each zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "database_subnet_ids" {
  description = "Id of the database subnet of each zone."
  value       = { for zone, subnet in aws_subnet.database : zone => subnet.id }
}

output "public_subnet_cidrs" {
  description = "Network of the public subnet of each zone."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.cidr_block }
}

output "private_subnet_cidrs" {
  description = "Network of the private subnet of each zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block }
}

output "database_subnet_cidrs" {
  description = "Network of the database subnet of each zone."
  value       = { for zone, subnet in aws_subnet.database : zone => subnet.cidr_block }
}

output "private_route_table_ids" {
  description = "Id of the route table of each zone's private subnet."
  value       = { for zone, table in aws_route_table.private : zone => table.id }
}

output "nat_public_ips" {
  description = "Addresses from which the private subnets reach the internet, one per NAT gateway."
  value       = aws_nat_gateway.this[*].public_ip
}

output "endpoint_services" {
  description = "Service of each gateway endpoint."
  value       = { for name, endpoint in aws_vpc_endpoint.this : name => endpoint.service_name }
}

output "flow_log_destination_types" {
  description = "Where flow logs go: one entry per flow log."
  value       = aws_flow_log.this[*].log_destination_type
}

output "network_acl_rules" {
  description = "Each rule of the network ACLs: direction, protocol, ports and network."
  value = {
    for name, rule in aws_network_acl_rule.this : name => {
      egress   = rule.egress
      protocol = rule.protocol
      ports    = "${rule.from_port}-${rule.to_port}"
      cidr     = rule.cidr_block
    }
  }
}

output "database_subnet_group_name" {
  description = "Name of the database subnet group, or null with one zone."
  value       = one(aws_db_subnet_group.this[*].name)
}

output "cache_subnet_group_name" {
  description = "Name of the cache subnet group."
  value       = one(aws_elasticache_subnet_group.this[*].name)
}
