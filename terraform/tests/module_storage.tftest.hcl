# Buckets and image repositories.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  bucket_prefix = "acme-vesta"
  kms_key_arn   = "arn:aws:kms:us-east-1:123456789012:key/1"
  image_count   = 50
  replica       = { bucket_arn = "arn:aws:s3:::acme-vesta-dr-backups", kms_key_arn = "arn:aws:kms:us-west-2:123456789012:key/2" }
}

run "with_a_second_region" {
  command = plan

  module {
    source = "./modules/storage"
  }

  assert {
    condition     = { for name, bucket in aws_s3_bucket.this : name => bucket.bucket } == { backups = "acme-vesta-backups", logs = "acme-vesta-logs", snapshots = "acme-vesta-snapshots", static = "acme-vesta-static" }
    error_message = "A bucket is missing."
  }

  assert {
    condition     = alltrue([for block in aws_s3_bucket_public_access_block.this : block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets]) && length(aws_s3_bucket_public_access_block.this) == 4
    error_message = "A bucket can be made public."
  }

  assert {
    condition     = aws_s3_bucket.this["snapshots"].object_lock_enabled && aws_s3_bucket_object_lock_configuration.this["snapshots"].rule[0].default_retention[0].mode == "COMPLIANCE"
    error_message = "Snapshots can be deleted."
  }

  assert {
    condition     = aws_s3_bucket_replication_configuration.backups[0].rule[0].destination[0].bucket == "arn:aws:s3:::acme-vesta-dr-backups" && aws_s3_bucket_replication_configuration.backups[0].rule[0].delete_marker_replication[0].status == "Disabled"
    error_message = "Backups are not replicated, or deletes are."
  }

  assert {
    condition     = jsondecode(aws_ecr_lifecycle_policy.this["gateway"].policy).rules[0].selection.countNumber == 50 && alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE"])
    error_message = "Not 50 images are kept, or tags can move."
  }
}

run "glacier_before_standard_ia" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    backup_days = { standard_ia = 90, glacier = 30, expire = 365 }
  }

  expect_failures = [var.backup_days]
}
