# Roles of people and pipelines. Each may do what its work wants and no more; the boundary keeps all of
# them, and the roles that the deployer makes, from undoing the audit.

locals {
  roles = {
    deployer = {
      description = "Pipelines: releases and images in, Terraform's plan"
      managed     = ["ReadOnlyAccess"]
      statements = [
        {
          Sid      = "PutReleases"
          Effect   = "Allow"
          Action   = ["s3:PutObject"]
          Resource = ["arn:${data.aws_partition.current.partition}:s3:::${var.release_bucket}/*"]
        },
        {
          Sid    = "PushImages"
          Effect = "Allow"
          Action = [
            "ecr:BatchCheckLayerAvailability", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage",
            "ecr:UploadLayerPart",
          ]
          Resource = ["arn:${data.aws_partition.current.partition}:ecr:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:repository/*"]
        },
        {
          Sid      = "LogInToImages"
          Effect   = "Allow"
          Action   = ["ecr:GetAuthorizationToken"]
          Resource = ["*"]
        },
      ]
    }
    operator = {
      description = "People on duty: a shell on hosts through Session Manager, and reading"
      managed     = ["ReadOnlyAccess"]
      statements = [
        {
          Sid       = "ShellOnVestaHosts"
          Effect    = "Allow"
          Action    = ["ssm:StartSession"]
          Resource  = ["arn:${data.aws_partition.current.partition}:ec2:*:${data.aws_caller_identity.current.account_id}:instance/*"]
          Condition = { StringEquals = { "ssm:resourceTag/Project" = lookup(var.tags, "Project", "vesta") } }
        },
        {
          Sid      = "OwnSessions"
          Effect   = "Allow"
          Action   = ["ssm:ResumeSession", "ssm:TerminateSession"]
          Resource = ["arn:${data.aws_partition.current.partition}:ssm:*:*:session/$${aws:username}-*"]
        },
      ]
    }
    auditor = {
      description = "Auditors: settings, the trail and findings, no data"
      managed     = ["SecurityAudit"]
      statements  = []
    }
  }

  trust = length(var.trusted_principal_arns) > 0 ? var.trusted_principal_arns : ["${local.account}:root"]
}

resource "aws_iam_policy" "boundary" {
  count = var.create && var.create_roles ? 1 : 0

  name        = "${var.name}-boundary"
  description = "The most that any role of ${var.name} may do"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "EverythingBut", Effect = "Allow", Action = ["*"], Resource = ["*"] },
      {
        Sid    = "NeverTheAudit"
        Effect = "Deny"
        Action = [
          "cloudtrail:DeleteTrail", "cloudtrail:StopLogging", "cloudtrail:UpdateTrail", "guardduty:DeleteDetector",
          "guardduty:UpdateDetector", "iam:DeleteRolePermissionsBoundary", "kms:ScheduleKeyDeletion",
          "organizations:LeaveOrganization", "s3:BypassGovernanceRetention",
        ]
        Resource = ["*"]
      },
    ]
  })

  tags = var.tags
}

resource "aws_iam_role" "this" {
  for_each = { for name, role in local.roles : name => role if var.create && var.create_roles }

  name                 = "${var.name}-${each.key}"
  description          = each.value.description
  max_session_duration = 3600
  permissions_boundary = aws_iam_policy.boundary[0].arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = local.trust }
      Condition = each.key == "deployer" ? {} : { Bool = { "aws:MultiFactorAuthPresent" = "true" } }
    }]
  })

  tags = var.tags
}

resource "aws_iam_role_policy" "this" {
  for_each = { for name, role in local.roles : name => role if var.create && var.create_roles && length(role.statements) > 0 }

  name   = "work"
  role   = aws_iam_role.this[each.key].name
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value.statements })
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = var.create && var.create_roles ? merge([for name, role in local.roles : { for policy in role.managed : "${name}-${policy}" => { role = name, policy = policy } }]...) : {}

  role       = aws_iam_role.this[each.value.role].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/${each.value.policy}"
}
