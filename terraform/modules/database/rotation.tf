# AWS publishes the function that changes a database user's password; it runs beside the database.

locals {
  rotation = var.create && var.create_rotation_function
  function = local.postgres ? "SecretsManagerRDSPostgreSQLRotationSingleUser" : "SecretsManagerRDSMySQLRotationSingleUser"
}

data "aws_region" "current" {}

resource "aws_security_group" "rotation" {
  count = local.rotation ? 1 : 0

  name        = "${var.name}-rotation"
  description = "Password rotation of ${var.name}"
  vpc_id      = var.vpc_id

  tags = merge(var.tags, { Name = "${var.name}-rotation" })
}

resource "aws_vpc_security_group_egress_rule" "rotation_database" {
  count = local.rotation ? 1 : 0

  security_group_id            = aws_security_group.rotation[0].id
  description                  = "Database"
  referenced_security_group_id = aws_security_group.this[0].id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port

  tags = merge(var.tags, { Name = "database" })
}

resource "aws_vpc_security_group_egress_rule" "rotation_https" {
  count = local.rotation ? 1 : 0

  security_group_id = aws_security_group.rotation[0].id
  description       = "Secrets Manager"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443

  tags = merge(var.tags, { Name = "https" })
}

resource "aws_vpc_security_group_ingress_rule" "rotation" {
  count = local.rotation ? 1 : 0

  security_group_id            = aws_security_group.this[0].id
  description                  = "Database from password rotation"
  referenced_security_group_id = aws_security_group.rotation[0].id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port

  tags = merge(var.tags, { Name = "rotation" })
}

resource "aws_serverlessapplicationrepository_cloudformation_stack" "rotation" {
  count = local.rotation ? 1 : 0

  name           = "${var.name}-database-rotation"
  application_id = "arn:${data.aws_partition.current.partition}:serverlessrepo:us-east-1:297356227824:applications/${local.function}"
  capabilities   = ["CAPABILITY_IAM", "CAPABILITY_RESOURCE_POLICY"]

  parameters = {
    functionName        = "${var.name}-database-rotation"
    endpoint            = "https://secretsmanager.${data.aws_region.current.name}.amazonaws.com"
    vpcSubnetIds        = join(",", var.rotation_subnet_ids)
    vpcSecurityGroupIds = aws_security_group.rotation[0].id
  }

  tags = var.tags
}
