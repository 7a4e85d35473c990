# The estate of one tier, in the order in which data passes through it.

data "aws_ssm_parameter" "ami" {
  count = var.ami_id == null ? 1 : 0

  name = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  ami_id = var.ami_id == null ? nonsensitive(data.aws_ssm_parameter.ami[0].value) : var.ami_id
  arn    = "arn:${data.aws_partition.current.partition}"
  here   = "${var.region}:${data.aws_caller_identity.current.account_id}"
}

module "security" {
  source = "./modules/security"

  name                         = local.name
  secrets                      = local.secrets
  rotate_databases             = local.rotate_databases
  database_rotation_lambda_arn = module.database.rotation_function_arn
  trail_bucket                 = module.storage.bucket_ids["logs"]
  data_bucket_arns             = [for name in ["backups", "snapshots"] : module.storage.bucket_arns[name]]
  release_bucket               = var.release == null ? "${var.bucket_prefix}-releases" : var.release.bucket
  create_guardduty             = var.create_guardduty
  trusted_principal_arns       = var.trusted_principal_arns

  tags = local.tags
}

module "storage" {
  source = "./modules/storage"

  bucket_prefix = "${var.bucket_prefix}-${var.tier}"
  kms_key_arn   = module.security.key_arns["s3"]
  replica       = module.dr.backups
  image_count   = local.tier.images_kept

  tags = local.tags
}

module "network" {
  source = "./modules/network"

  name                 = local.name
  zones                = local.zones
  nat_gateway_count    = local.tier.nat_gateways
  flow_logs_bucket_arn = module.storage.bucket_arns["logs"]
  cluster_names        = [for cluster in keys(local.clusters) : "${local.name}-${cluster}"]

  tags = local.tags
}

# ---- the hot path: one zone, metal, no load balancer

module "engine" {
  source = "./modules/engine"

  create    = var.create_hot_path
  name      = "${local.name}-engine"
  shards    = local.shards
  vpc_id    = module.network.vpc_id
  zone      = local.zones[0]
  subnet_id = module.network.private_subnet_ids[local.zones[0]]
  ami_id    = local.ami_id
  release   = var.release == null ? local.no_release : var.release
  settings  = var.settings

  kms_key_arn              = module.security.key_arns["ebs"]
  transport_mode           = var.transport_mode
  streams_parameter_prefix = var.transport_mode == "mdc" ? "/${local.name}/shards" : null
  data_bucket_arns         = [module.storage.bucket_arns["snapshots"]]

  peer_security_group_ids = merge(
    { for cluster in keys(local.clusters) : "nodes-${cluster}" => module.eks[cluster].node_security_group_id },
    { standby = module.standby.hot_security_group_id },
  )
  metrics_security_group_ids = { for cluster in keys(local.clusters) : "nodes-${cluster}" => module.eks[cluster].node_security_group_id }

  tags = local.hot_tags
}

module "standby" {
  source = "./modules/standby"

  create       = var.create_hot_path
  name         = "${local.name}-standby"
  shards       = local.standby_shards
  vpc_id       = module.network.vpc_id
  primary_zone = local.zones[0]
  zone         = local.zones[1]
  subnet_id    = module.network.private_subnet_ids[local.zones[1]]
  ami_id       = local.ami_id
  release      = var.release == null ? local.no_release : var.release
  settings     = var.settings

  kms_key_arn              = module.security.key_arns["ebs"]
  transport_mode           = var.transport_mode
  streams_parameter_prefix = var.transport_mode == "mdc" ? "/${local.name}/shards" : null
  data_bucket_arns         = [module.storage.bucket_arns["snapshots"]]

  peer_security_group_ids = merge(
    { for cluster in keys(local.clusters) : "nodes-${cluster}" => module.eks[cluster].node_security_group_id },
    { primary = module.engine.hot_security_group_id },
  )
  metrics_security_group_ids = { for cluster in keys(local.clusters) : "nodes-${cluster}" => module.eks[cluster].node_security_group_id }

  tags = local.hot_tags
}

locals {
  # Stands in where no host is made that could fetch it.
  no_release = { bucket = "none", key = "none", sha256 = sha256("") }

  reader_security_group_ids = merge(
    { for cluster in keys(local.clusters) : "nodes-${cluster}" => module.eks[cluster].node_security_group_id },
    var.create_hot_path ? { standby = module.standby.hot_security_group_id } : {},
  )
}

module "mdc" {
  source = "./modules/mdc"

  create                       = var.create_hot_path && var.transport_mode == "mdc"
  name                         = local.name
  publisher_security_group_ids = { engine = module.engine.hot_security_group_id }
  reader_security_group_ids    = local.reader_security_group_ids
  shards                       = { for name, shard in local.shards : name => { id = shard.id, publisher_address = module.engine.hot_addresses[name] } }

  tags = local.hot_tags
}

module "multicast" {
  source = "./modules/multicast"

  create             = var.create_hot_path && var.transport_mode == "multicast"
  name               = local.name
  vpc_id             = module.network.vpc_id
  subnet_ids         = module.network.private_subnet_ids
  security_group_ids = merge(local.reader_security_group_ids, { engine = module.engine.hot_security_group_id })

  tags = local.hot_tags
}

# ---- the warm path: Kubernetes and what it stands on

module "eks" {
  source   = "./modules/eks"
  for_each = local.clusters

  name                = "${local.name}-${each.key}"
  vpc_id              = module.network.vpc_id
  subnet_ids          = [for zone in local.zones : module.network.private_subnet_ids[zone]]
  kms_key_arn         = module.security.key_arns["secrets"]
  logs_kms_key_arn    = module.security.key_arns["logs"]
  cluster_version     = var.cluster_version
  public_access_cidrs = var.public_access_cidrs
  node_groups         = each.value

  # A cluster of one market is reached by that market's load balancer only.
  load_balancer_security_group_ids = { for name in local.tier.load_balancers : name => module.edge.security_group_ids[name] if each.key == "shared" || each.key == name }

  egress_rules = merge(
    {
      database = { security_group_id = module.database.security_group_id, from_port = local.database_port, to_port = local.database_port }
      redis    = { security_group_id = module.cache.security_group_id, from_port = 6379, to_port = 6379 }
      kafka    = { security_group_id = module.kafka.security_group_id, from_port = local.kafka_port, to_port = local.kafka_port }
    },
    var.create_hot_path ? {
      aeron-engine  = { security_group_id = module.engine.hot_security_group_id, from_port = 24001, to_port = 24399, protocol = "udp" }
      aeron-standby = { security_group_id = module.standby.hot_security_group_id, from_port = 24001, to_port = 24399, protocol = "udp" }
      metrics       = { security_group_id = module.engine.management_security_group_id, from_port = 9464, to_port = 9468 }
    } : {},
  )

  # Refusals and windows come back to gateways by unicast.
  ingress_rules = var.create_hot_path ? {
    aeron-engine  = { security_group_id = module.engine.hot_security_group_id, from_port = 24001, to_port = 24399, protocol = "udp" }
    aeron-standby = { security_group_id = module.standby.hot_security_group_id, from_port = 24001, to_port = 24399, protocol = "udp" }
  } : {}

  database_resource_ids = ["${local.arn}:rds-db:${local.here}:dbuser:${module.database.resource_id}/service"]
  backup_bucket_arns    = [module.storage.bucket_arns["backups"]]

  service_roles = {
    api = {
      namespace       = "vesta"
      service_account = "api"
      statements = [
        { sid = "ReadSecrets", actions = ["secretsmanager:GetSecretValue"], resources = ["${local.arn}:secretsmanager:${local.here}:secret:${local.name}/*"] },
        { sid = "DecryptSecrets", actions = ["kms:Decrypt"], resources = [module.security.key_arns["secrets"]] },
        { sid = "ConnectToRedis", actions = ["elasticache:Connect"], resources = ["${local.arn}:elasticache:${local.here}:replicationgroup:${local.name}", "${local.arn}:elasticache:${local.here}:user:${local.name}-service"] },
      ]
    }
    worker = {
      namespace       = "vesta"
      service_account = "worker"
      statements = [
        { sid = "ReadSecrets", actions = ["secretsmanager:GetSecretValue"], resources = ["${local.arn}:secretsmanager:${local.here}:secret:${local.name}/database-*"] },
        { sid = "DecryptSecrets", actions = ["kms:Decrypt"], resources = [module.security.key_arns["secrets"]] },
        { sid = "WriteBackups", actions = ["s3:PutObject"], resources = ["${module.storage.bucket_arns["backups"]}/*"] },
        { sid = "ConnectToDatabase", actions = ["rds-db:connect"], resources = ["${local.arn}:rds-db:${local.here}:dbuser:${module.database.resource_id}/worker"] },
        { sid = "UseKafka", actions = ["kafka-cluster:Connect", "kafka-cluster:DescribeTopic", "kafka-cluster:ReadData", "kafka-cluster:WriteData", "kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"], resources = ["${local.arn}:kafka:${local.here}:*/${local.name}/*"] },
      ]
    }
    load-balancer-controller = {
      namespace       = "kube-system"
      service_account = "aws-load-balancer-controller"
      statements = [
        { sid = "Look", actions = ["ec2:DescribeInstances", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs", "ec2:DescribeSubnets", "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth"], resources = ["*"] },
        { sid = "BindPods", actions = ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"], resources = ["${local.arn}:elasticloadbalancing:${local.here}:targetgroup/${local.name}-*/*"] },
      ]
    }
    external-secrets = {
      namespace       = "external-secrets"
      service_account = "external-secrets"
      statements = [
        { sid = "ReadSecrets", actions = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], resources = ["${local.arn}:secretsmanager:${local.here}:secret:${local.name}/*"] },
        { sid = "ReadParameters", actions = ["ssm:GetParameter"], resources = ["${local.arn}:ssm:${local.here}:parameter/${local.name}/*"] },
        { sid = "DecryptSecrets", actions = ["kms:Decrypt"], resources = [module.security.key_arns["secrets"]] },
      ]
    }
    # Alertmanager tells the topics what Prometheus found; deploy/charts/observability has the account.
    alertmanager = {
      namespace       = "monitoring"
      service_account = "vesta-alertmanager"
      statements = [
        { sid = "Tell", actions = ["sns:Publish"], resources = [for level in ["critical", "warning", "info"] : "${local.arn}:sns:${local.here}:${local.name}-${level}"] },
        { sid = "Encrypt", actions = ["kms:Decrypt", "kms:GenerateDataKey"], resources = [module.security.key_arns["logs"]] },
      ]
    }
  }

  tags = local.tags
}

locals {
  database_port = endswith(local.database_engine, "mysql") ? 3306 : 5432
  kafka_port    = local.tier.kafka.flavour == "msk" ? 9098 : 9092

  node_security_group_ids = { for cluster in keys(local.clusters) : "nodes-${cluster}" => module.eks[cluster].node_security_group_id }
}

# What the charts start with, for Argo CD and helm to read.
resource "aws_ssm_parameter" "replicas" {
  for_each = local.tier.replicas

  name           = "/${local.name}/helm/replicas/${each.key}"
  description    = "Replicas of API and workers, ${each.key}"
  type           = "String"
  insecure_value = jsonencode(each.value)

  tags = local.tags
}

module "database" {
  source = "./modules/database"

  name                  = local.name
  vpc_id                = module.network.vpc_id
  subnet_group_name     = module.network.database_subnet_group_name
  kms_key_arn           = module.security.key_arns["database"]
  engine                = local.database_engine
  instance_class        = local.tier.database.instance_class
  multi_az              = local.tier.database.multi_az
  replica_class         = local.tier.database.replica_class
  replica_count         = local.tier.database.replicas
  allocated_gib         = local.tier.database.gib
  create_global_cluster = local.aurora && local.tier.second_site
  deletion_protection   = var.deletion_protection

  create_rotation_function   = local.rotate_databases
  rotation_subnet_ids        = local.rotate_databases ? values(module.network.private_subnet_ids) : []
  allowed_security_group_ids = local.node_security_group_ids

  tags = local.tags
}

module "cache" {
  source = "./modules/cache"

  name                       = local.name
  vpc_id                     = module.network.vpc_id
  subnet_group_name          = module.network.cache_subnet_group_name
  kms_key_arn                = module.security.key_arns["redis"]
  node_type                  = local.tier.cache.node_type
  shard_count                = local.tier.cache.shards
  replica_count              = local.tier.cache.replicas
  cluster_mode               = local.tier.cache.cluster_mode
  allowed_security_group_ids = local.node_security_group_ids

  tags = local.tags
}

module "kafka" {
  source = "./modules/kafka"

  name                       = local.name
  vpc_id                     = module.network.vpc_id
  subnet_ids                 = [for zone in local.zones : module.network.private_subnet_ids[zone]]
  kms_key_arn                = module.security.key_arns["ebs"]
  logs_kms_key_arn           = module.security.key_arns["logs"]
  flavour                    = local.tier.kafka.flavour
  instance_type              = local.tier.kafka.instance_type
  broker_count               = local.tier.kafka.brokers
  volume_gib                 = local.tier.kafka.gib
  ami_id                     = local.ami_id
  allowed_security_group_ids = local.node_security_group_ids

  tags = local.tags
}

module "edge" {
  source = "./modules/edge"

  name                = local.name
  domain_name         = var.domain_name
  create_zone         = var.create_zone
  zone_id             = var.zone_id
  vpc_id              = module.network.vpc_id
  public_subnet_ids   = [for zone in local.zones : module.network.public_subnet_ids[zone]]
  load_balancers      = local.tier.load_balancers
  logs_bucket         = module.storage.bucket_ids["logs"]
  logs_kms_key_arn    = module.security.key_arns["logs"]
  create_waf          = local.tier.waf
  create_shield       = local.tier.shield
  create_accelerator  = local.tier.accelerator
  failover_addresses  = local.tier.second_site ? module.dr.failover_addresses : {}
  deletion_protection = var.deletion_protection

  static_bucket = {
    id          = module.storage.bucket_ids["static"]
    arn         = module.storage.bucket_arns["static"]
    domain_name = module.storage.bucket_domain_names["static"]
  }

  tags = local.tags
}

module "observability" {
  source = "./modules/observability"

  name             = local.name
  kms_key_arn      = module.security.key_arns["logs"]
  emails           = var.alert_emails
  create_alarms    = local.tier.observability.alarms
  create_dashboard = local.tier.observability.dashboard
  create_xray      = local.tier.observability.xray

  cluster_names               = { for cluster in keys(local.clusters) : cluster => module.eks[cluster].cluster_name }
  container_insights_clusters = { for cluster in keys(local.clusters) : cluster => module.eks[cluster].cluster_name if local.tier.observability.container_insights }
  host_ids = merge(
    { for name in keys(local.shards) : name => module.engine.instance_ids[name] },
    { for name in keys(local.standby_shards) : "${name}-standby" => module.standby.instance_ids[name] },
  )
  database = {
    dimension  = local.aurora ? "DBClusterIdentifier" : "DBInstanceIdentifier"
    identifier = local.name
  }
  cache_id       = local.name
  load_balancers = { for name in local.tier.load_balancers : name => module.edge.load_balancer_arn_suffixes[name] }

  tags = local.tags
}

module "dr" {
  source = "./modules/dr"

  providers = { aws = aws.secondary }

  name                    = "${local.name}-dr"
  bucket_prefix           = "${var.bucket_prefix}-${var.tier}-dr"
  create_standby_site     = local.tier.second_site
  create_database_replica = local.tier.second_site
  zones                   = [for letter in ["a", "b"] : "${var.secondary_region}${letter}"]
  cluster_version         = var.cluster_version
  domain_name             = var.domain_name
  zone_id                 = module.edge.zone_id
  load_balancers          = local.tier.load_balancers

  database = {
    aurora            = local.aurora
    arn               = module.database.arn
    global_cluster_id = module.database.global_cluster_id
    engine            = local.database_engine
    engine_version    = module.database.engine_version
    instance_class    = local.tier.database.replica_class
  }

  tags = merge(local.tags, { Path = "recovery" })
}

module "budgets" {
  source = "./modules/budgets"

  name = local.name
  limits_usd = merge(
    { warm-path = local.tier.cost_usd },
    local.metal_usd_per_month > 0 ? { hot-path = ceil(local.metal_usd_per_month) } : {},
  )
  cost_filters = merge(
    { warm-path = "Path$warm" },
    local.metal_usd_per_month > 0 ? { hot-path = "Path$hot" } : {},
  )
  topic_arn = module.observability.topic_arns["warning"]

  tags = local.tags
}
