output "broker_types" {
  description = "Type of each broker."
  value = concat(
    flatten([for cluster in aws_msk_cluster.this : [for _ in range(cluster.number_of_broker_nodes) : cluster.broker_node_group_info[0].instance_type]]),
    aws_instance.redpanda[*].instance_type,
  )
}

output "flavour" {
  description = "What brokers there are: \"msk\", \"redpanda\", or null."
  value       = length(aws_msk_cluster.this) > 0 ? "msk" : length(aws_instance.redpanda) > 0 ? "redpanda" : null
}

output "volume_gib" {
  description = "Log volume of each broker."
  value = one(concat(
    [for cluster in aws_msk_cluster.this : cluster.broker_node_group_info[0].storage_info[0].ebs_storage_info[0].volume_size],
    [for host in aws_instance.redpanda : one(host.ebs_block_device).volume_size],
  ))
}

output "encryption" {
  description = "How clients reach MSK, or null."
  value       = one([for cluster in aws_msk_cluster.this : cluster.encryption_info[0].encryption_in_transit[0].client_broker])
}

output "server_properties" {
  description = "Settings of MSK's brokers, or null."
  value       = one(aws_msk_configuration.this[*].server_properties)
}

output "topic_commands" {
  description = "The lines of the Redpanda host's first boot that make topics."
  value       = flatten([for host in aws_instance.redpanda : [for line in split("\n", host.user_data) : line if strcontains(line, "rpk topic create")]])
}

output "bootstrap_brokers" {
  description = "Where clients start."
  value       = one(concat(aws_msk_cluster.this[*].bootstrap_brokers_sasl_iam, [for host in aws_instance.redpanda : "${host.private_ip}:9092"]))
}

output "security_group_id" {
  description = "Security group of the brokers."
  value       = one(aws_security_group.this[*].id)
}

output "ingress_ports" {
  description = "Port that each allowed group may reach."
  value       = { for name, rule in aws_vpc_security_group_ingress_rule.client : name => rule.from_port }
}
