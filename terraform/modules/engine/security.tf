# Two groups: one for the interface that hosts are managed by, which nobody may reach, and one for the
# streams, which only named peers may.

resource "aws_security_group" "management" {
  count = var.create ? 1 : 0

  name        = "${var.name}-management"
  description = "Management of ${var.name}: metrics in, HTTPS out"
  vpc_id      = var.vpc_id

  tags = merge(var.tags, { Name = "${var.name}-management" })
}

resource "aws_vpc_security_group_ingress_rule" "metrics" {
  for_each = var.create ? var.metrics_security_group_ids : {}

  security_group_id            = aws_security_group.management[0].id
  description                  = "Metrics from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = var.metrics_ports.from
  to_port                      = var.metrics_ports.to

  tags = merge(var.tags, { Name = "metrics-${each.key}" })
}

# Packages, S3, Session Manager and KMS. (The time and name services of a VPC need no rule.)
resource "aws_vpc_security_group_egress_rule" "https" {
  for_each = var.create ? { https = 443, http = 80 } : {}

  security_group_id = aws_security_group.management[0].id
  description       = each.key == "https" ? "S3, Session Manager, packages" : "Packages, which are signed"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value

  tags = merge(var.tags, { Name = each.key })
}

resource "aws_security_group" "hot" {
  count = var.create ? 1 : 0

  name        = "${var.name}-hot"
  description = "Aeron endpoints of ${var.name}: gateways, peers and replicas only"
  vpc_id      = var.vpc_id

  tags = merge(var.tags, { Name = "${var.name}-hot" })
}

locals {
  # The hosts themselves are peers of each other.
  peers = var.create ? merge(var.peer_security_group_ids, { self = aws_security_group.hot[0].id }) : {}
}

resource "aws_vpc_security_group_ingress_rule" "aeron" {
  for_each = local.peers

  security_group_id            = aws_security_group.hot[0].id
  description                  = "Aeron from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "udp"
  from_port                    = var.aeron_ports.from
  to_port                      = var.aeron_ports.to

  tags = merge(var.tags, { Name = "aeron-${each.key}" })
}

# Outward the port is the peer's to choose: a reader's endpoint may be any.
resource "aws_vpc_security_group_egress_rule" "aeron" {
  for_each = local.peers

  security_group_id            = aws_security_group.hot[0].id
  description                  = "Aeron to ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "udp"
  from_port                    = 1024
  to_port                      = 65535

  tags = merge(var.tags, { Name = "aeron-${each.key}" })
}

resource "aws_iam_role" "this" {
  count = var.create ? 1 : 0

  name                 = "${var.name}-host"
  description          = "What hosts of ${var.name} may do"
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })

  tags = var.tags
}

resource "aws_iam_role_policy" "this" {
  count = var.create ? 1 : 0

  name = "host"
  role = aws_iam_role.this[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid      = "FetchRelease"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = ["arn:${data.aws_partition.current.partition}:s3:::${var.release.bucket}/${var.release.key}"]
      }], var.streams_parameter_prefix == null ? [] : [{
      Sid      = "ReadStreams"
      Effect   = "Allow"
      Action   = ["ssm:GetParameter"]
      Resource = ["arn:${data.aws_partition.current.partition}:ssm:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:parameter${var.streams_parameter_prefix}/*"]
      }], length(var.data_bucket_arns) == 0 ? [] : [{
      Sid      = "KeepSnapshotsAndLogs"
      Effect   = "Allow"
      Action   = ["s3:PutObject", "s3:GetObject"]
      Resource = [for arn in var.data_bucket_arns : "${arn}/*"]
      }, {
      Sid      = "FindSnapshotsAndLogs"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = var.data_bucket_arns
    }])
  })
}

# Shell access is through Session Manager: no key, no open port, and every session is in the trail.
resource "aws_iam_role_policy_attachment" "session_manager" {
  count = var.create ? 1 : 0

  role       = aws_iam_role.this[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "this" {
  count = var.create ? 1 : 0

  name = "${var.name}-host"
  role = aws_iam_role.this[0].name

  tags = var.tags
}
