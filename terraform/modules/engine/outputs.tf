output "instance_ids" {
  description = "Id of each shard's host."
  value       = { for name, host in aws_instance.this : name => host.id }
}

output "instance_types" {
  description = "Instance type of each shard's host."
  value       = { for name, host in aws_instance.this : name => host.instance_type }
}

output "zones" {
  description = "Zone of each shard's host."
  value       = { for name, host in aws_instance.this : name => host.availability_zone }
}

output "shard_tags" {
  description = "Role, shard, market and symbols of each host, as its tags say."
  value       = { for name, host in aws_instance.this : name => { for key in ["Role", "Shard", "Market", "Symbols"] : key => host.tags[key] } }
}

output "placement" {
  description = "Strategy of the placement group, one entry if there is one."
  value       = aws_placement_group.this[*].strategy
}

output "capacity_reservations" {
  description = "Reserved type, count and zone per shard."
  value = { for name, reservation in aws_ec2_capacity_reservation.this : name => {
    instance_type = reservation.instance_type
    count         = reservation.instance_count
    zone          = reservation.availability_zone
  } }
}

output "launch_templates" {
  description = "What each launch template asks for: type, IMDSv2, encryption of the root volume, whether it is placed."
  value = { for name, template in aws_launch_template.this : name => {
    instance_type    = template.instance_type
    metadata_tokens  = template.metadata_options[0].http_tokens
    root_volume_type = template.block_device_mappings[0].ebs[0].volume_type
    root_encrypted   = template.block_device_mappings[0].ebs[0].encrypted
    placed           = length(template.placement) == 1
  } }
}

output "user_data" {
  description = "The script of each host's first boot, as text."
  value       = { for name, template in aws_launch_template.this : name => base64decode(template.user_data) }
}

output "hot_interfaces" {
  description = "Device index of the streams' interface per shard."
  value       = { for name, attachment in aws_network_interface_attachment.hot : name => attachment.device_index }
}

output "hot_addresses" {
  description = "Address of the streams' interface per shard."
  value       = { for name, interface in aws_network_interface.hot : name => interface.private_ip }
}

output "wal_volumes" {
  description = "Type, size in GiB, IOPS and encryption of each shard's log volume."
  value = { for name, volume in aws_ebs_volume.wal : name => {
    type      = volume.type
    gib       = volume.size
    iops      = volume.iops
    encrypted = volume.encrypted
    zone      = volume.availability_zone
  } }
}

output "hot_security_group_id" {
  description = "Security group of the streams' interfaces."
  value       = one(aws_security_group.hot[*].id)
}

output "management_security_group_id" {
  description = "Security group of the management interfaces."
  value       = one(aws_security_group.management[*].id)
}

output "aeron_ingress" {
  description = "Who may reach the streams: protocol and ports per peer."
  value = { for name, rule in aws_vpc_security_group_ingress_rule.aeron : name => {
    protocol = rule.ip_protocol
    from     = rule.from_port
    to       = rule.to_port
  } }
}

output "role_arn" {
  description = "Role of the hosts."
  value       = one(aws_iam_role.this[*].arn)
}
