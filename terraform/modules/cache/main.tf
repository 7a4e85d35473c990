# Redis: one replication group, encrypted at rest and on the wire.

locals {
  cluster_mode = var.cluster_mode || var.shard_count > 1
  parameters   = merge(var.parameters, local.cluster_mode ? { cluster-enabled = "yes" } : {})
}

resource "aws_security_group" "this" {
  count = var.create ? 1 : 0

  name        = "${var.name}-cache"
  description = "Redis of ${var.name}: from the nodes only"
  vpc_id      = var.vpc_id

  tags = merge(var.tags, { Name = "${var.name}-cache" })
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = var.create ? var.allowed_security_group_ids : {}

  security_group_id            = aws_security_group.this[0].id
  description                  = "Redis from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379

  tags = merge(var.tags, { Name = each.key })
}

resource "aws_elasticache_parameter_group" "this" {
  count = var.create ? 1 : 0

  name        = var.name
  family      = "redis7"
  description = "Parameters of ${var.name}"

  dynamic "parameter" {
    for_each = local.parameters

    content {
      name  = parameter.key
      value = parameter.value
    }
  }

  tags = var.tags
}

resource "aws_elasticache_replication_group" "this" {
  count = var.create ? 1 : 0

  replication_group_id = var.name
  description          = "Redis of ${var.name}"
  engine               = "redis"
  engine_version       = var.engine_version
  node_type            = var.node_type
  port                 = 6379
  parameter_group_name = aws_elasticache_parameter_group.this[0].name

  # Without cluster mode the API counts nodes, with it shards and their replicas.
  num_cache_clusters      = local.cluster_mode ? null : 1 + var.replica_count
  num_node_groups         = local.cluster_mode ? var.shard_count : null
  replicas_per_node_group = local.cluster_mode ? var.replica_count : null

  automatic_failover_enabled = var.replica_count > 0
  multi_az_enabled           = var.replica_count > 0

  subnet_group_name  = var.subnet_group_name
  security_group_ids = [aws_security_group.this[0].id]

  at_rest_encryption_enabled = true
  kms_key_id                 = var.kms_key_arn
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  user_group_ids             = [aws_elasticache_user_group.this[0].user_group_id]

  snapshot_retention_limit   = var.backup_retention_days
  snapshot_window            = "03:00-04:00"
  maintenance_window         = "mon:04:00-mon:05:00"
  final_snapshot_identifier  = "${var.name}-final"
  auto_minor_version_upgrade = true
  apply_immediately          = false

  tags = var.tags
}

# Who connects shows an IAM token, so no password is kept anywhere. The default user can do nothing.
resource "aws_elasticache_user" "default" {
  count = var.create ? 1 : 0

  user_id       = "${var.name}-default"
  user_name     = "default"
  engine        = "redis"
  access_string = "off -@all"

  authentication_mode {
    type = "no-password-required"
  }

  tags = var.tags
}

resource "aws_elasticache_user" "service" {
  count = var.create ? 1 : 0

  user_id       = "${var.name}-service"
  user_name     = "${var.name}-service"
  engine        = "redis"
  access_string = "on ~* +@all -@dangerous"

  authentication_mode {
    type = "iam"
  }

  tags = var.tags
}

resource "aws_elasticache_user_group" "this" {
  count = var.create ? 1 : 0

  user_group_id = var.name
  engine        = "redis"
  user_ids      = [aws_elasticache_user.default[0].user_id, aws_elasticache_user.service[0].user_id]

  tags = var.tags
}
