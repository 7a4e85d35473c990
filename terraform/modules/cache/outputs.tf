output "node_type" {
  description = "Type of each node."
  value       = one(aws_elasticache_replication_group.this[*].node_type)
}

output "node_count" {
  description = "Nodes in all: of every shard the primary and its replicas."
  value = one([for group in aws_elasticache_replication_group.this :
    local.cluster_mode ? group.num_node_groups * (1 + group.replicas_per_node_group) : group.num_cache_clusters
  ])
}

output "cluster_mode" {
  description = "Whether cluster mode is on, as the parameter group says."
  value       = contains([for parameter in flatten(aws_elasticache_parameter_group.this[*].parameter) : "${parameter.name}=${parameter.value}"], "cluster-enabled=yes")
}

output "engine_version" {
  description = "Version of Redis."
  value       = one(aws_elasticache_replication_group.this[*].engine_version)
}

output "failover" {
  description = "Whether a replica in another zone takes over."
  value       = one([for group in aws_elasticache_replication_group.this : group.automatic_failover_enabled && group.multi_az_enabled])
}

output "encryption" {
  description = "Encryption at rest and in transit."
  value = one([for group in aws_elasticache_replication_group.this : {
    at_rest = tobool(group.at_rest_encryption_enabled)
    transit = group.transit_encryption_enabled
  }])
}

output "parameters" {
  description = "Parameters of Redis."
  value       = { for parameter in flatten(aws_elasticache_parameter_group.this[*].parameter) : parameter.name => parameter.value }
}

output "backup_retention_days" {
  description = "Days for which snapshots are kept."
  value       = one(aws_elasticache_replication_group.this[*].snapshot_retention_limit)
}

output "replication_group_id" {
  description = "Id of the replication group."
  value       = one(aws_elasticache_replication_group.this[*].replication_group_id)
}

output "endpoint" {
  description = "Host name of the primary, or in cluster mode of the configuration."
  value       = one([for group in aws_elasticache_replication_group.this : try(coalesce(group.configuration_endpoint_address, group.primary_endpoint_address), null)])
}

output "ingress_ports" {
  description = "Port that each allowed group may reach."
  value       = { for name, rule in aws_vpc_security_group_ingress_rule.this : name => rule.from_port }
}

output "security_group_id" {
  description = "Security group of the cache."
  value       = one(aws_security_group.this[*].id)
}
