output "bucket_names" {
  description = "Name of each bucket."
  value       = { for name, bucket in aws_s3_bucket.this : name => bucket.bucket }
}

output "bucket_ids" {
  description = "Id of each bucket."
  value       = { for name, bucket in aws_s3_bucket.this : name => bucket.id }
}

output "bucket_arns" {
  description = "ARN of each bucket."
  value       = { for name, bucket in aws_s3_bucket.this : name => bucket.arn }
}

output "bucket_domain_names" {
  description = "Regional domain name of each bucket."
  value       = { for name, bucket in aws_s3_bucket.this : name => bucket.bucket_regional_domain_name }
}

output "versioning" {
  description = "Versioning of each bucket."
  value       = { for name, versioning in aws_s3_bucket_versioning.this : name => versioning.versioning_configuration[0].status }
}

output "encryption" {
  description = "Algorithm of each bucket's encryption."
  value       = { for name, encryption in aws_s3_bucket_server_side_encryption_configuration.this : name => one(one(encryption.rule).apply_server_side_encryption_by_default).sse_algorithm }
}

output "public_access_blocked" {
  description = "Whether all public access to each bucket is blocked."
  value       = { for name, block in aws_s3_bucket_public_access_block.this : name => block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets }
}

output "lifecycles" {
  description = "Days to each storage class and to deletion, of each bucket that has such a rule."
  value = { for name, lifecycle in aws_s3_bucket_lifecycle_configuration.this : name => merge([for rule in lifecycle.rule : merge(
    { for transition in rule.transition : transition.storage_class => transition.days },
    { for expiration in rule.expiration : "EXPIRE" => expiration.days },
  )]...) }
}

output "object_lock" {
  description = "Mode and days of each bucket that is locked."
  value = { for name, lock in aws_s3_bucket_object_lock_configuration.this : name => {
    mode = lock.rule[0].default_retention[0].mode
    days = lock.rule[0].default_retention[0].days
  } }
}

output "object_lock_enabled" {
  description = "Buckets that were made with object lock."
  value       = sort([for name, bucket in aws_s3_bucket.this : name if bucket.object_lock_enabled])
}

output "replication" {
  description = "Status and destination class of each replication rule of the backups."
  value = flatten([for replication in aws_s3_bucket_replication_configuration.backups : [for rule in replication.rule : {
    status        = rule.status
    storage_class = rule.destination[0].storage_class
  }]])
}

output "repository_urls" {
  description = "Address of each image repository."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "repositories" {
  description = "Name of each image repository."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.name }
}

output "image_counts" {
  description = "Images kept in each repository, as its lifecycle policy says."
  value       = { for name, policy in aws_ecr_lifecycle_policy.this : name => jsondecode(policy.policy).rules[0].selection.countNumber }
}
