locals {
  replicated = var.create && var.replica != null
}

resource "aws_iam_role" "replication" {
  count = local.replicated ? 1 : 0

  name = "${var.bucket_prefix}-replication"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "s3.amazonaws.com" } }]
  })

  tags = var.tags
}

resource "aws_iam_role_policy" "replication" {
  count = local.replicated ? 1 : 0

  name = "replicate-backups"
  role = aws_iam_role.replication[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Look"
        Effect   = "Allow"
        Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
        Resource = [aws_s3_bucket.this["backups"].arn]
      },
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
        Resource = ["${aws_s3_bucket.this["backups"].arn}/*"]
      },
      {
        Sid      = "Write"
        Effect   = "Allow"
        Action   = ["s3:ReplicateObject", "s3:ReplicateTags"]
        Resource = ["${var.replica.bucket_arn}/*"]
      },
      {
        Sid      = "Decrypt"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [var.kms_key_arn]
      },
      {
        Sid      = "Encrypt"
        Effect   = "Allow"
        Action   = ["kms:Encrypt", "kms:GenerateDataKey"]
        Resource = [var.replica.kms_key_arn]
      },
    ]
  })
}

# Deletes are not replicated: who empties the first region's bucket does not reach the second's.
resource "aws_s3_bucket_replication_configuration" "backups" {
  count = local.replicated ? 1 : 0

  bucket = aws_s3_bucket.this["backups"].id
  role   = aws_iam_role.replication[0].arn

  rule {
    id     = "second-region"
    status = "Enabled"

    filter {}

    delete_marker_replication {
      status = "Disabled"
    }

    source_selection_criteria {
      sse_kms_encrypted_objects {
        status = "Enabled"
      }
    }

    destination {
      bucket        = var.replica.bucket_arn
      storage_class = "STANDARD_IA"

      encryption_configuration {
        replica_kms_key_id = var.replica.kms_key_arn
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}
