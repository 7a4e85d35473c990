output "backups" {
  description = "Bucket and key to which the first region replicates, as storage takes them; null without."
  value       = one([for bucket in aws_s3_bucket.backups : { bucket_arn = bucket.arn, kms_key_arn = aws_kms_key.this[0].arn }])
}

output "bucket_names" {
  description = "Name of the bucket of backups, one entry if there is one."
  value       = aws_s3_bucket.backups[*].bucket
}

output "versioning" {
  description = "Versioning of the bucket, one entry if there is one."
  value       = [for versioning in aws_s3_bucket_versioning.backups : versioning.versioning_configuration[0].status]
}

output "cluster_name" {
  description = "Name of the site's cluster, or null."
  value       = module.eks.cluster_name
}

output "node_groups" {
  description = "Node groups of the site's cluster."
  value       = module.eks.node_groups
}

output "zones" {
  description = "Zones of the site."
  value       = module.network.zones
}

output "database_replicas" {
  description = "Class of each database replica."
  value       = concat(aws_db_instance.replica[*].instance_class, aws_rds_cluster_instance.replica[*].instance_class)
}

output "failover_addresses" {
  description = "The site's load balancers, as edge takes them."
  value       = module.edge.failover_addresses
}

output "load_balancers" {
  description = "Name of each load balancer of the site."
  value       = module.edge.load_balancers
}
