# The second region: backups always, and where it is wanted a small site that can grow and a replica of
# the database that can be promoted. The engines' logs come with the backups: a shard starts here from
# snapshot and log, on hosts that are ordered when they are needed.

locals {
  site    = var.create && var.create_standby_site
  replica = local.site && var.create_database_replica
  aurora  = local.replica ? var.database.aurora : false

  postgres      = local.replica ? strcontains(var.database.engine, "postgres") : false
  database_logs = local.postgres ? ["postgresql"] : ["error", "slowquery"]
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

resource "aws_kms_key" "this" {
  count = var.create ? 1 : 0

  description             = "${var.name}: second region"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AccountDecidesThroughIam"
      Effect    = "Allow"
      Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root" }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })

  tags = merge(var.tags, { Name = var.name })
}

resource "aws_kms_alias" "this" {
  count = var.create ? 1 : 0

  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this[0].key_id
}

resource "aws_s3_bucket" "backups" {
  count = var.create ? 1 : 0

  bucket = "${var.bucket_prefix}-backups"

  tags = merge(var.tags, { Name = "backups" })
}

resource "aws_s3_bucket_versioning" "backups" {
  count = var.create ? 1 : 0

  bucket = aws_s3_bucket.backups[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "backups" {
  count = var.create ? 1 : 0

  bucket = aws_s3_bucket.backups[0].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this[0].arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "backups" {
  count = var.create ? 1 : 0

  bucket                  = aws_s3_bucket.backups[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "backups" {
  count = var.create ? 1 : 0

  bucket = aws_s3_bucket.backups[0].id

  rule {
    id     = "age"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    transition {
      days          = var.backup_days.glacier
      storage_class = "GLACIER"
    }

    expiration {
      days = var.backup_days.expire
    }
  }

  depends_on = [aws_s3_bucket_versioning.backups]
}

resource "aws_s3_bucket_policy" "backups" {
  count = var.create ? 1 : 0

  bucket = aws_s3_bucket.backups[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.backups[0].arn, "${aws_s3_bucket.backups[0].arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.backups]
}
