output "key_arns" {
  description = "ARN of each key, by what it encrypts."
  value       = { for name, key in aws_kms_key.this : name => key.arn }
}

output "key_rotation" {
  description = "Whether each key is renewed every year."
  value       = { for name, key in aws_kms_key.this : name => key.enable_key_rotation }
}

output "secret_names" {
  description = "Name of each secret."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.name }
}

output "secret_arns" {
  description = "ARN of each secret."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}

output "secret_rotation_days" {
  description = "Days after which each secret is changed, of those that are."
  value       = { for name, rotation in aws_secretsmanager_secret_rotation.this : name => rotation.rotation_rules[0].automatically_after_days }
}

output "trail" {
  description = "What the trail covers, one entry if there is one."
  value = [for trail in aws_cloudtrail.this : {
    all_regions = trail.is_multi_region_trail
    validated   = trail.enable_log_file_validation
  }]
}

output "guardduty_features" {
  description = "What GuardDuty looks at."
  value       = sort([for feature in aws_guardduty_detector_feature.this : feature.name if feature.status == "ENABLED"])
}

output "guardduty_detectors" {
  description = "Whether the detector is on, one entry if there is one."
  value       = aws_guardduty_detector.this[*].enable
}

output "role_names" {
  description = "Roles of people and pipelines."
  value       = { for name, role in aws_iam_role.this : name => role.name }
}

output "role_policies" {
  description = "AWS's own policies of the roles, by role and policy."
  value       = sort(keys(aws_iam_role_policy_attachment.this))
}

output "boundary_arn" {
  description = "Permissions boundary for every role."
  value       = one(aws_iam_policy.boundary[*].arn)
}
