output "instance_ids" {
  description = "Id of each shard's host."
  value       = module.hosts.instance_ids
}

output "instance_types" {
  description = "Instance type of each shard's host."
  value       = module.hosts.instance_types
}

output "zones" {
  description = "Zone of each shard's host."
  value       = module.hosts.zones
}

output "shard_tags" {
  description = "Role, shard, market and symbols of each host, as its tags say."
  value       = module.hosts.shard_tags
}

output "placement" {
  description = "Strategy of the placement group, one entry if there is one."
  value       = module.hosts.placement
}

output "capacity_reservations" {
  description = "Reserved type, count and zone per shard."
  value       = module.hosts.capacity_reservations
}

output "launch_templates" {
  description = "What each launch template asks for: type, IMDSv2, encryption of the root volume, whether it is placed."
  value       = module.hosts.launch_templates
}

output "user_data" {
  description = "The script of each host's first boot, as text."
  value       = module.hosts.user_data
}

output "hot_interfaces" {
  description = "Device index of the streams' interface per shard."
  value       = module.hosts.hot_interfaces
}

output "hot_addresses" {
  description = "Address of the streams' interface per shard."
  value       = module.hosts.hot_addresses
}

output "wal_volumes" {
  description = "Type, size in GiB, IOPS and encryption of each shard's log volume."
  value       = module.hosts.wal_volumes
}

output "hot_security_group_id" {
  description = "Security group of the streams' interfaces."
  value       = module.hosts.hot_security_group_id
}

output "management_security_group_id" {
  description = "Security group of the management interfaces."
  value       = module.hosts.management_security_group_id
}

output "aeron_ingress" {
  description = "Who may reach the streams: protocol and ports per peer."
  value       = module.hosts.aeron_ingress
}

output "role_arn" {
  description = "Role of the hosts."
  value       = module.hosts.role_arn
}
