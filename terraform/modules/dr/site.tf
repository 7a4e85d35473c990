# Logs of the site have a bucket of their own: load balancers and flow logs write within their region.
module "storage" {
  source = "../storage"

  create        = local.site
  bucket_prefix = "${var.bucket_prefix}-site"
  kms_key_arn   = try(aws_kms_key.this[0].arn, "none")
  repositories  = []

  tags = var.tags
}

module "network" {
  source = "../network"

  create               = local.site
  name                 = var.name
  vpc_cidr             = var.vpc_cidr
  zones                = var.zones
  public_subnets       = [for index in range(3) : cidrsubnet(var.vpc_cidr, 8, 101 + index)]
  private_subnets      = [for index in range(3) : cidrsubnet(var.vpc_cidr, 8, 1 + index)]
  database_subnets     = [for index in range(3) : cidrsubnet(var.vpc_cidr, 8, 11 + index)]
  nat_gateway_count    = 1
  flow_logs_bucket_arn = lookup(module.storage.bucket_arns, "logs", "none")
  cluster_names        = [var.name]

  tags = var.tags
}

module "edge" {
  source = "../edge"

  create            = local.site
  name              = var.name
  domain_name       = coalesce(var.domain_name, "none.invalid")
  create_zone       = false
  zone_id           = coalesce(var.zone_id, "none")
  create_records    = false
  vpc_id            = local.site ? module.network.vpc_id : "none"
  public_subnet_ids = local.site ? values(module.network.public_subnet_ids) : ["none", "none"]
  load_balancers    = var.load_balancers
  logs_bucket       = lookup(module.storage.bucket_ids, "logs", "none")
  create_cdn        = false

  tags = var.tags
}

module "eks" {
  source = "../eks"

  create          = local.site
  name            = var.name
  vpc_id          = local.site ? module.network.vpc_id : "none"
  vpc_cidr        = var.vpc_cidr
  subnet_ids      = local.site ? values(module.network.private_subnet_ids) : ["none", "none"]
  kms_key_arn     = try(aws_kms_key.this[0].arn, "none")
  cluster_version = var.cluster_version

  node_groups = {
    general = {
      instance_types = [var.node_type]
      size           = { min = var.node_count, desired = var.node_count, max = 10 * var.node_count }
    }
  }

  load_balancer_security_group_ids = local.site ? module.edge.security_group_ids : {}

  tags = var.tags
}

resource "aws_security_group" "database" {
  count = local.replica ? 1 : 0

  name        = "${var.name}-database"
  description = "Database replica of ${var.name}: from the nodes only"
  vpc_id      = module.network.vpc_id

  tags = merge(var.tags, { Name = "${var.name}-database" })
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  count = local.replica ? 1 : 0

  security_group_id            = aws_security_group.database[0].id
  description                  = "Database from nodes"
  referenced_security_group_id = module.eks.node_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = local.postgres ? 5432 : 3306
  to_port                      = local.postgres ? 5432 : 3306

  tags = merge(var.tags, { Name = "nodes" })
}

resource "aws_db_instance" "replica" {
  count = local.replica && !local.aurora ? 1 : 0

  identifier          = var.name
  replicate_source_db = var.database.arn
  instance_class      = var.database.instance_class

  db_subnet_group_name                = module.network.database_subnet_group_name
  vpc_security_group_ids              = [aws_security_group.database[0].id]
  publicly_accessible                 = false
  iam_database_authentication_enabled = true
  storage_type                        = "gp3"
  storage_encrypted                   = true
  kms_key_id                          = aws_kms_key.this[0].arn
  backup_retention_period             = 7
  copy_tags_to_snapshot               = true
  deletion_protection                 = true
  skip_final_snapshot                 = true
  enabled_cloudwatch_logs_exports     = local.database_logs
  performance_insights_enabled        = true
  performance_insights_kms_key_id     = aws_kms_key.this[0].arn
  auto_minor_version_upgrade          = true

  tags = var.tags
}

resource "aws_rds_cluster" "replica" {
  count = local.aurora ? 1 : 0

  cluster_identifier        = var.name
  engine                    = var.database.engine
  engine_version            = var.database.engine_version
  global_cluster_identifier = var.database.global_cluster_id

  db_subnet_group_name                = module.network.database_subnet_group_name
  vpc_security_group_ids              = [aws_security_group.database[0].id]
  iam_database_authentication_enabled = true
  storage_encrypted                   = true
  kms_key_id                          = aws_kms_key.this[0].arn
  copy_tags_to_snapshot               = true
  deletion_protection                 = true
  skip_final_snapshot                 = true
  enabled_cloudwatch_logs_exports     = local.database_logs

  tags = var.tags

  lifecycle {
    # After a failover this one is the writer.
    ignore_changes = [replication_source_identifier]
  }
}

resource "aws_rds_cluster_instance" "replica" {
  count = local.aurora ? 1 : 0

  identifier         = "${var.name}-0"
  cluster_identifier = aws_rds_cluster.replica[0].id
  engine             = var.database.engine
  engine_version     = var.database.engine_version
  instance_class     = var.database.instance_class

  db_subnet_group_name            = module.network.database_subnet_group_name
  publicly_accessible             = false
  copy_tags_to_snapshot           = true
  performance_insights_enabled    = true
  performance_insights_kms_key_id = aws_kms_key.this[0].arn
  auto_minor_version_upgrade      = true

  tags = var.tags
}
