# The relational database: RDS, or Aurora where the engine says so.

locals {
  aurora   = startswith(var.engine, "aurora")
  postgres = endswith(var.engine, "postgres") || endswith(var.engine, "postgresql")
  port     = local.postgres ? 5432 : 3306

  version = coalesce(var.engine_version, local.postgres ? "16" : local.aurora ? "8.0.mysql_aurora.3.08.0" : "8.0")
  family = (
    local.postgres ? "${var.engine}${split(".", local.version)[0]}" :
    "${var.engine}${join(".", slice(split(".", local.version), 0, 2))}"
  )

  # PostgreSQL counts shared_buffers and effective_cache_size in pages of 8 KiB, the others in KiB.
  defaults = local.postgres ? {
    max_connections          = "1000"
    shared_buffers           = tostring(4 * 1024 * 1024 / 8)
    effective_cache_size     = tostring(12 * 1024 * 1024 / 8)
    maintenance_work_mem     = tostring(2 * 1024 * 1024)
    work_mem                 = tostring(10 * 1024)
    random_page_cost         = "1.1"
    effective_io_concurrency = "200"
  } : { max_connections = "1000" }

  # These are taken over at the next start only.
  static_parameters = ["max_connections", "shared_buffers"]

  parameters    = var.parameters == null ? local.defaults : var.parameters
  replica_class = coalesce(var.replica_class, var.instance_class)
  logs          = local.postgres ? (local.aurora ? ["postgresql"] : ["postgresql", "upgrade"]) : ["error", "slowquery"]

  rds_count        = var.create && !local.aurora ? 1 : 0
  aurora_count     = var.create && local.aurora ? 1 : 0
  rds_replicas     = var.create && !local.aurora ? var.replica_count : 0
  aurora_instances = var.create && local.aurora ? 1 + var.replica_count : 0
}

resource "aws_security_group" "this" {
  count = var.create ? 1 : 0

  name        = "${var.name}-database"
  description = "Database of ${var.name}: from the nodes only"
  vpc_id      = var.vpc_id

  tags = merge(var.tags, { Name = "${var.name}-database" })
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = var.create ? var.allowed_security_group_ids : {}

  security_group_id            = aws_security_group.this[0].id
  description                  = "Database from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port

  tags = merge(var.tags, { Name = each.key })
}

resource "aws_db_parameter_group" "this" {
  count = var.create ? 1 : 0

  name_prefix = "${var.name}-"
  family      = local.family
  description = "Parameters of ${var.name}"

  dynamic "parameter" {
    for_each = local.parameters

    content {
      name         = parameter.key
      value        = parameter.value
      apply_method = contains(local.static_parameters, parameter.key) ? "pending-reboot" : "immediate"
    }
  }

  tags = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_iam_role" "monitoring" {
  count = var.create && var.monitoring_interval_s > 0 ? 1 : 0

  name = "${var.name}-database-monitoring"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "monitoring.rds.amazonaws.com" } }]
  })

  tags = var.tags
}

data "aws_partition" "current" {}

resource "aws_iam_role_policy_attachment" "monitoring" {
  count = var.create && var.monitoring_interval_s > 0 ? 1 : 0

  role       = aws_iam_role.monitoring[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

resource "aws_db_instance" "this" {
  count = local.rds_count

  identifier     = var.name
  engine         = var.engine
  engine_version = local.version
  instance_class = var.instance_class
  db_name        = "vesta"
  port           = local.port

  username                            = "vesta"
  manage_master_user_password         = true
  master_user_secret_kms_key_id       = var.kms_key_arn
  iam_database_authentication_enabled = true

  multi_az               = var.multi_az
  db_subnet_group_name   = var.subnet_group_name
  vpc_security_group_ids = [aws_security_group.this[0].id]
  publicly_accessible    = false
  parameter_group_name   = aws_db_parameter_group.this[0].name

  # No `iops`: gp3 brings 3,000, and AWS takes another figure only from 400 GiB on.
  storage_type          = "gp3"
  allocated_storage     = var.allocated_gib
  max_allocated_storage = var.max_allocated_gib
  storage_encrypted     = true
  kms_key_id            = var.kms_key_arn

  backup_retention_period   = var.backup_retention_days
  backup_window             = var.backup_window
  maintenance_window        = var.maintenance_window
  copy_tags_to_snapshot     = true
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = false
  final_snapshot_identifier = "${var.name}-final"

  monitoring_interval             = var.monitoring_interval_s
  monitoring_role_arn             = one(aws_iam_role.monitoring[*].arn)
  performance_insights_enabled    = true
  performance_insights_kms_key_id = var.kms_key_arn
  enabled_cloudwatch_logs_exports = local.logs
  auto_minor_version_upgrade      = true

  tags = var.tags
}

resource "aws_db_instance" "replica" {
  count = local.rds_replicas

  identifier          = "${var.name}-replica-${count.index}"
  replicate_source_db = aws_db_instance.this[0].identifier
  instance_class      = local.replica_class

  vpc_security_group_ids              = [aws_security_group.this[0].id]
  publicly_accessible                 = false
  parameter_group_name                = aws_db_parameter_group.this[0].name
  iam_database_authentication_enabled = true

  storage_type          = "gp3"
  max_allocated_storage = var.max_allocated_gib
  storage_encrypted     = true
  kms_key_id            = var.kms_key_arn

  maintenance_window    = var.maintenance_window
  copy_tags_to_snapshot = true
  deletion_protection   = var.deletion_protection
  skip_final_snapshot   = true

  monitoring_interval             = var.monitoring_interval_s
  monitoring_role_arn             = one(aws_iam_role.monitoring[*].arn)
  performance_insights_enabled    = true
  performance_insights_kms_key_id = var.kms_key_arn
  enabled_cloudwatch_logs_exports = local.logs
  auto_minor_version_upgrade      = true

  tags = var.tags
}

resource "aws_rds_cluster" "this" {
  count = local.aurora_count

  cluster_identifier = var.name
  engine             = var.engine
  engine_version     = local.version
  database_name      = "vesta"
  port               = local.port

  master_username                     = "vesta"
  manage_master_user_password         = true
  master_user_secret_kms_key_id       = var.kms_key_arn
  iam_database_authentication_enabled = true

  db_subnet_group_name   = var.subnet_group_name
  vpc_security_group_ids = [aws_security_group.this[0].id]
  storage_encrypted      = true
  kms_key_id             = var.kms_key_arn

  backup_retention_period         = var.backup_retention_days
  preferred_backup_window         = var.backup_window
  preferred_maintenance_window    = var.maintenance_window
  copy_tags_to_snapshot           = true
  deletion_protection             = var.deletion_protection
  skip_final_snapshot             = false
  final_snapshot_identifier       = "${var.name}-final"
  enabled_cloudwatch_logs_exports = local.logs

  tags = merge(var.tags, { PlannedGiB = tostring(var.allocated_gib) })

  lifecycle {
    # The global cluster adopts this one, and AWS then tells its name here.
    ignore_changes = [global_cluster_identifier]

    precondition {
      condition     = !var.multi_az || var.replica_count >= 1
      error_message = "multi_az: Aurora fails over to a reader, so replica_count must be 1 at least."
    }
  }
}

# Instance 0 is the writer; the readers are spread over the other zones of the subnet group by Aurora.
resource "aws_rds_cluster_instance" "this" {
  count = local.aurora_instances

  identifier         = "${var.name}-${count.index}"
  cluster_identifier = aws_rds_cluster.this[0].id
  engine             = var.engine
  engine_version     = local.version
  instance_class     = count.index == 0 ? var.instance_class : local.replica_class
  promotion_tier     = count.index == 0 ? 0 : 1

  db_subnet_group_name    = var.subnet_group_name
  db_parameter_group_name = aws_db_parameter_group.this[0].name
  publicly_accessible     = false

  preferred_maintenance_window    = var.maintenance_window
  copy_tags_to_snapshot           = true
  monitoring_interval             = var.monitoring_interval_s
  monitoring_role_arn             = one(aws_iam_role.monitoring[*].arn)
  performance_insights_enabled    = true
  performance_insights_kms_key_id = var.kms_key_arn
  auto_minor_version_upgrade      = true

  tags = var.tags
}

resource "aws_rds_global_cluster" "this" {
  count = var.create_global_cluster ? local.aurora_count : 0

  global_cluster_identifier    = "${var.name}-global"
  source_db_cluster_identifier = aws_rds_cluster.this[0].arn
  force_destroy                = true
}

# RDS changes the password that it manages every 7 days unless told otherwise.
resource "aws_secretsmanager_secret_rotation" "this" {
  count = var.create ? 1 : 0

  secret_id = (
    local.aurora ? aws_rds_cluster.this[0].master_user_secret[0].secret_arn :
    aws_db_instance.this[0].master_user_secret[0].secret_arn
  )

  rotation_rules {
    automatically_after_days = var.password_rotation_days
  }
}
