resource "aws_cloudwatch_log_group" "trail" {
  count = var.create && var.create_trail ? 1 : 0

  name              = "/vesta/${var.name}/trail"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this["logs"].arn

  tags = var.tags
}

resource "aws_iam_role" "trail" {
  count = var.create && var.create_trail ? 1 : 0

  name = "${var.name}-trail"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "cloudtrail.amazonaws.com" } }]
  })

  tags = var.tags
}

resource "aws_iam_role_policy" "trail" {
  count = var.create && var.create_trail ? 1 : 0

  name = "write-logs"
  role = aws_iam_role.trail[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${aws_cloudwatch_log_group.trail[0].arn}:*"]
    }]
  })
}

resource "aws_cloudtrail" "this" {
  count = var.create && var.create_trail ? 1 : 0

  name                          = var.name
  s3_bucket_name                = var.trail_bucket
  s3_key_prefix                 = "trail"
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true
  kms_key_id                    = aws_kms_key.this["logs"].arn
  cloud_watch_logs_group_arn    = "${aws_cloudwatch_log_group.trail[0].arn}:*"
  cloud_watch_logs_role_arn     = aws_iam_role.trail[0].arn

  event_selector {
    read_write_type           = "All"
    include_management_events = true

    dynamic "data_resource" {
      for_each = length(var.data_bucket_arns) > 0 ? [1] : []

      content {
        type   = "AWS::S3::Object"
        values = [for arn in var.data_bucket_arns : "${arn}/"]
      }
    }
  }

  tags = var.tags
}

resource "aws_guardduty_detector" "this" {
  count = var.create && var.create_guardduty ? 1 : 0

  enable                       = true
  finding_publishing_frequency = "FIFTEEN_MINUTES"

  tags = var.tags
}

resource "aws_guardduty_detector_feature" "this" {
  for_each = toset(var.create && var.create_guardduty ? ["S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION", "RDS_LOGIN_EVENTS"] : [])

  detector_id = aws_guardduty_detector.this[0].id
  name        = each.key
  status      = "ENABLED"
}
