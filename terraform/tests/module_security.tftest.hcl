# Keys, secrets, the trail, GuardDuty and roles.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name           = "acme"
  trail_bucket   = "acme-logs"
  release_bucket = "acme-releases"
  secrets = {
    jwt-spot = { kind = "random", rotation_days = 180 }
    api-keys = { kind = "manual" }
  }
}

run "all" {
  command = plan

  module {
    source = "./modules/security"
  }

  assert {
    condition     = alltrue([for key in ["ebs", "database", "redis", "s3"] : aws_kms_key.this[key].enable_key_rotation])
    error_message = "A key is missing, or is never renewed."
  }

  assert {
    condition     = { for name, rotation in aws_secretsmanager_secret_rotation.this : name => rotation.rotation_rules[0].automatically_after_days } == { jwt-spot = 180 }
    error_message = "Not exactly the JWT secret is changed every 180 days."
  }

  assert {
    condition     = length(aws_secretsmanager_secret.this) == 2 && length(aws_cloudformation_stack.rotation) == 1
    error_message = "A secret is missing, or the function that changes it."
  }

  assert {
    condition     = aws_cloudtrail.this[0].is_multi_region_trail && aws_cloudtrail.this[0].enable_log_file_validation
    error_message = "The trail does not see all regions, or can be forged."
  }

  assert {
    condition     = aws_guardduty_detector.this[0].enable && contains(keys(aws_guardduty_detector_feature.this), "EKS_AUDIT_LOGS")
    error_message = "GuardDuty does not look at EKS's audit logs."
  }

  assert {
    condition     = length(aws_iam_role.this) == 3 && contains(jsondecode(aws_iam_policy.boundary[0].policy).Statement[1].Action, "cloudtrail:StopLogging")
    error_message = "A role is missing, or the boundary lets it stop the audit."
  }
}

run "a_manual_secret_can_not_rotate" {
  command = plan

  module {
    source = "./modules/security"
  }

  variables {
    secrets = { api-keys = { kind = "manual", rotation_days = 30 } }
  }

  expect_failures = [var.secrets]
}
