output "engine" {
  description = "Engine of the database."
  value       = one(concat(aws_db_instance.this[*].engine, aws_rds_cluster.this[*].engine))
}

output "engine_version" {
  description = "Version of the engine."
  value       = one(concat(aws_db_instance.this[*].engine_version, aws_rds_cluster.this[*].engine_version))
}

output "primary" {
  description = "Class, zones and storage of the primary. Aurora's storage is not allocated: the size is the one that its tag plans for."
  value = {
    class = one(concat(aws_db_instance.this[*].instance_class, slice(aws_rds_cluster_instance.this[*].instance_class, 0, min(1, length(aws_rds_cluster_instance.this)))))
    gib   = one(concat(aws_db_instance.this[*].allocated_storage, [for cluster in aws_rds_cluster.this : tonumber(cluster.tags["PlannedGiB"])]))
    multi_az = one(concat(
      aws_db_instance.this[*].multi_az,
      [for cluster in aws_rds_cluster.this : length(aws_rds_cluster_instance.this[*].instance_class) > 1],
    ))
  }
}

output "storage" {
  description = "Type, limit and encryption of the storage (RDS only; null for Aurora)."
  value = one([for instance in aws_db_instance.this : {
    type      = instance.storage_type
    max_gib   = instance.max_allocated_storage
    encrypted = instance.storage_encrypted
  }])
}

output "encrypted" {
  description = "Whether what is at rest is encrypted."
  value       = one(concat(aws_db_instance.this[*].storage_encrypted, aws_rds_cluster.this[*].storage_encrypted))
}

output "replica_classes" {
  description = "Class of each read replica."
  value       = concat(aws_db_instance.replica[*].instance_class, [for index, instance in aws_rds_cluster_instance.this : instance.instance_class if index > 0])
}

output "backups" {
  description = "How long backups are kept, when they are taken, and when AWS may patch."
  value = one(concat(
    [for instance in aws_db_instance.this : {
      days = instance.backup_retention_period, window = instance.backup_window, maintenance = instance.maintenance_window
    }],
    [for cluster in aws_rds_cluster.this : {
      days = cluster.backup_retention_period, window = cluster.preferred_backup_window, maintenance = cluster.preferred_maintenance_window
    }],
  ))
}

output "monitoring" {
  description = "Seconds between samples of enhanced monitoring, and Performance Insights, of each instance."
  value = [for instance in concat(
    [for instance in concat(aws_db_instance.this, aws_db_instance.replica) : { interval_s = instance.monitoring_interval, insights = instance.performance_insights_enabled }],
    [for instance in aws_rds_cluster_instance.this : { interval_s = instance.monitoring_interval, insights = instance.performance_insights_enabled }],
  ) : instance]
}

output "parameters" {
  description = "Parameters of the engine."
  value       = { for parameter in flatten(aws_db_parameter_group.this[*].parameter) : parameter.name => parameter.value }
}

output "parameter_family" {
  description = "Family of the parameter group."
  value       = one(aws_db_parameter_group.this[*].family)
}

output "ingress_ports" {
  description = "Port that each allowed group may reach."
  value       = { for name, rule in aws_vpc_security_group_ingress_rule.this : name => rule.from_port }
}

output "password_rotation_days" {
  description = "Days after which the master password is changed."
  value       = one(flatten([for rotation in aws_secretsmanager_secret_rotation.this : rotation.rotation_rules[*].automatically_after_days]))
}

output "identifier" {
  description = "Identifier of the primary instance or cluster."
  value       = one(concat(aws_db_instance.this[*].identifier, aws_rds_cluster.this[*].cluster_identifier))
}

output "arn" {
  description = "ARN of the primary instance or cluster."
  value       = one(concat(aws_db_instance.this[*].arn, aws_rds_cluster.this[*].arn))
}

output "resource_id" {
  description = "Id by which IAM database authentication names it."
  value       = one(concat(aws_db_instance.this[*].resource_id, aws_rds_cluster.this[*].cluster_resource_id))
}

output "global_cluster_id" {
  description = "Global database that a second region can join, or null."
  value       = one(aws_rds_global_cluster.this[*].id)
}

output "endpoint" {
  description = "Host name of the primary."
  value       = one(concat(aws_db_instance.this[*].address, aws_rds_cluster.this[*].endpoint))
}

output "port" {
  description = "TCP port."
  value       = one(concat(aws_db_instance.this[*].port, aws_rds_cluster.this[*].port))
}

output "security_group_id" {
  description = "Security group of the database."
  value       = one(aws_security_group.this[*].id)
}

output "rotation_function_arn" {
  description = "Function that changes the passwords of secrets of single users, or null."
  value       = one([for stack in aws_serverlessapplicationrepository_cloudformation_stack.rotation : stack.outputs["RotationLambdaARN"]])
}

output "rotation_application" {
  description = "Which of AWS's rotation functions it is, one entry if there is one."
  value       = [for stack in aws_serverlessapplicationrepository_cloudformation_stack.rotation : reverse(split("/", stack.application_id))[0]]
}
