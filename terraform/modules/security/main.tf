# Keys, one per kind of data, so that the right to read backups is not the right to read databases.

locals {
  account = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}"

  # Services that use a key on behalf of the account, beside those who reach it through IAM.
  keys = {
    ebs      = ["ec2.amazonaws.com", "autoscaling.amazonaws.com"]
    database = ["rds.amazonaws.com"]
    redis    = ["elasticache.amazonaws.com"]
    s3       = ["s3.amazonaws.com", "cloudfront.amazonaws.com"]
    secrets  = ["secretsmanager.amazonaws.com"]
    logs     = ["logs.${data.aws_region.current.name}.amazonaws.com", "cloudtrail.amazonaws.com", "sns.amazonaws.com", "cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

resource "aws_kms_key" "this" {
  for_each = var.create ? local.keys : {}

  description             = "${var.name}: ${each.key}"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AccountDecidesThroughIam"
        Effect    = "Allow"
        Principal = { AWS = "${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "ServicesOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = each.value }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      },
    ]
  })

  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_kms_alias" "this" {
  for_each = var.create ? local.keys : {}

  name          = "alias/${var.name}-${each.key}"
  target_key_id = aws_kms_key.this[each.key].key_id
}

resource "aws_secretsmanager_secret" "this" {
  for_each = var.create ? var.secrets : {}

  name                    = "${var.name}/${each.key}"
  description             = "${each.value.kind} secret ${each.key}"
  kms_key_id              = aws_kms_key.this["secrets"].arn
  recovery_window_in_days = 30

  tags = merge(var.tags, { Kind = each.value.kind })
}

locals {
  rotated = var.create ? { for name, secret in var.secrets : name => secret if
    secret.rotation_days != null && (secret.kind == "random" || var.rotate_databases)
  } : {}
  rotates_random = length([for secret in local.rotated : secret if secret.kind == "random"]) > 0
}

resource "aws_secretsmanager_secret_rotation" "this" {
  for_each = local.rotated

  secret_id           = aws_secretsmanager_secret.this[each.key].id
  rotation_lambda_arn = each.value.kind == "database" ? var.database_rotation_lambda_arn : aws_cloudformation_stack.rotation[0].outputs["FunctionArn"]

  rotation_rules {
    automatically_after_days = each.value.rotation_days
  }
}

# The function that makes random secrets anew. CloudFormation takes its code inline, which spares us a
# build step, a bucket and another provider.
resource "aws_cloudformation_stack" "rotation" {
  count = local.rotates_random ? 1 : 0

  name         = "${var.name}-rotation"
  capabilities = ["CAPABILITY_IAM"]

  template_body = jsonencode({
    AWSTemplateFormatVersion = "2010-09-09"
    Description              = "Rotation of random secrets of ${var.name}"
    Resources = {
      Role = {
        Type = "AWS::IAM::Role"
        Properties = {
          AssumeRolePolicyDocument = {
            Version   = "2012-10-17"
            Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
          }
          ManagedPolicyArns = ["arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"]
          Policies = [{
            PolicyName = "rotate"
            PolicyDocument = {
              Version = "2012-10-17"
              Statement = [
                {
                  Effect   = "Allow"
                  Action   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"]
                  Resource = "arn:${data.aws_partition.current.partition}:secretsmanager:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:secret:${var.name}/*"
                },
                { Effect = "Allow", Action = ["secretsmanager:GetRandomPassword"], Resource = "*" },
                { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = aws_kms_key.this["secrets"].arn },
              ]
            }
          }]
        }
      }
      Function = {
        Type = "AWS::Lambda::Function"
        Properties = {
          FunctionName                 = "${var.name}-rotation"
          Runtime                      = "python3.13"
          Handler                      = "index.handler"
          Timeout                      = 30
          ReservedConcurrentExecutions = 1
          Role                         = { "Fn::GetAtt" = ["Role", "Arn"] }
          Code                         = { ZipFile = file("${path.module}/files/rotate.py") }
        }
      }
      Permission = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          Action        = "lambda:InvokeFunction"
          FunctionName  = { Ref = "Function" }
          Principal     = "secretsmanager.amazonaws.com"
          SourceAccount = data.aws_caller_identity.current.account_id
        }
      }
    }
    Outputs = { FunctionArn = { Value = { "Fn::GetAtt" = ["Function", "Arn"] } } }
  })

  tags = var.tags
}
