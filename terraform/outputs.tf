output "cluster_names" {
  description = "Name of each EKS cluster: aws eks update-kubeconfig --name NAME."
  value       = { for name, cluster in module.eks : name => cluster.cluster_name }
}

output "name_servers" {
  description = "Name servers for the NS record of the domain in its parent."
  value       = module.edge.name_servers
}

output "engine_instance_ids" {
  description = "Host of each shard: aws ssm start-session --target ID."
  value       = module.engine.instance_ids
}

output "standby_instance_ids" {
  description = "Standby host of each shard."
  value       = module.standby.instance_ids
}

output "hot_addresses" {
  description = "Address of each shard's streams."
  value       = module.engine.hot_addresses
}

output "stream_parameters" {
  description = "SSM parameter with the fan-out settings of each shard."
  value       = module.mdc.parameter_names
}

output "target_group_arns" {
  description = "Target group of each load balancer and service, for the TargetGroupBindings of the charts."
  value       = module.edge.target_group_arns
}

output "repository_urls" {
  description = "Address of each image repository."
  value       = module.storage.repository_urls
}

output "bucket_names" {
  description = "Name of each bucket."
  value       = module.storage.bucket_names
}

output "database_endpoint" {
  description = "Host name of the database's primary."
  value       = module.database.endpoint
}

output "cache_endpoint" {
  description = "Host name of Redis."
  value       = module.cache.endpoint
}

output "kafka_brokers" {
  description = "Where Kafka's clients start."
  value       = module.kafka.bootstrap_brokers
}

output "replica_parameters" {
  description = "Replicas of API and workers of each market, as the SSM parameters hold them."
  value       = { for market, parameter in aws_ssm_parameter.replicas : market => jsondecode(parameter.insecure_value) }
}
