# Buckets and image repositories.
#   backups    of databases and clusters; to colder classes, deleted, replicated to the second region
#   logs       flow logs, load balancers, the audit trail; deleted
#   static     assets behind CloudFront
#   snapshots  of engines, and their sealed log segments; can not be changed for a time

locals {
  buckets = {
    backups   = { versioned = true, kms = true, lock = false }
    logs      = { versioned = false, kms = false, lock = false } # load balancers can not write with a KMS key
    static    = { versioned = true, kms = true, lock = false }
    snapshots = { versioned = true, kms = true, lock = true }
  }
  made = var.create ? local.buckets : {}
}

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

resource "aws_s3_bucket" "this" {
  for_each = local.made

  bucket              = "${var.bucket_prefix}-${each.key}"
  object_lock_enabled = each.value.lock

  tags = merge(var.tags, { Name = each.key })
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.made

  bucket = aws_s3_bucket.this[each.key].id

  versioning_configuration {
    status = each.value.versioned ? "Enabled" : "Disabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.made

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    bucket_key_enabled = each.value.kms

    apply_server_side_encryption_by_default {
      sse_algorithm     = each.value.kms ? "aws:kms" : "AES256"
      kms_master_key_id = each.value.kms ? var.kms_key_arn : null
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.made

  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.made

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# Requests to the other buckets are logged into `logs`, which would otherwise log itself for ever.
resource "aws_s3_bucket_logging" "this" {
  for_each = { for name, bucket in local.made : name => bucket if name != "logs" }

  bucket        = aws_s3_bucket.this[each.key].id
  target_bucket = aws_s3_bucket.this["logs"].id
  target_prefix = "s3/${each.key}/"
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.made

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    id     = "unfinished"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  dynamic "rule" {
    for_each = each.key == "backups" ? [1] : []

    content {
      id     = "age"
      status = "Enabled"

      filter {}

      transition {
        days          = var.backup_days.standard_ia
        storage_class = "STANDARD_IA"
      }

      transition {
        days          = var.backup_days.glacier
        storage_class = "GLACIER"
      }

      expiration {
        days = var.backup_days.expire
      }

      noncurrent_version_expiration {
        noncurrent_days = 30
      }
    }
  }

  dynamic "rule" {
    for_each = each.key == "logs" ? [1] : []

    content {
      id     = "age"
      status = "Enabled"

      filter {}

      expiration {
        days = var.log_days
      }
    }
  }

  dynamic "rule" {
    for_each = each.key == "snapshots" ? [1] : []

    content {
      id     = "age"
      status = "Enabled"

      filter {}

      # Nothing is deleted here: what a shard did can be replayed as long as its log exists.
      transition {
        days          = var.backup_days.standard_ia
        storage_class = "STANDARD_IA"
      }
    }
  }

  dynamic "rule" {
    for_each = each.key == "static" ? [1] : []

    content {
      id     = "age"
      status = "Enabled"

      filter {}

      noncurrent_version_expiration {
        noncurrent_days = 90
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_object_lock_configuration" "this" {
  for_each = { for name, bucket in local.made : name => bucket if bucket.lock }

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    default_retention {
      mode = var.object_lock_mode
      days = var.object_lock_days
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

# TLS only. (The policy of `static` is written by edge, which knows the distribution.)
resource "aws_s3_bucket_policy" "tls" {
  for_each = { for name, bucket in local.made : name => bucket if !contains(["static", "logs"], name) }

  bucket = aws_s3_bucket.this[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.this[each.key].arn, "${aws_s3_bucket.this[each.key].arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_policy" "logs" {
  count = var.create ? 1 : 0

  bucket = aws_s3_bucket.this["logs"].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.this["logs"].arn, "${aws_s3_bucket.this["logs"].arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid    = "WriteLogs"
        Effect = "Allow"
        Principal = { Service = [
          "cloudtrail.amazonaws.com", "delivery.logs.amazonaws.com", "logdelivery.elasticloadbalancing.amazonaws.com",
          "logging.s3.amazonaws.com",
        ] }
        Action    = "s3:PutObject"
        Resource  = "${aws_s3_bucket.this["logs"].arn}/*"
        Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      },
      {
        Sid       = "LookBeforeWriting"
        Effect    = "Allow"
        Principal = { Service = ["cloudtrail.amazonaws.com", "delivery.logs.amazonaws.com"] }
        Action    = ["s3:GetBucketAcl", "s3:ListBucket"]
        Resource  = aws_s3_bucket.this["logs"].arn
        Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.this]
}
