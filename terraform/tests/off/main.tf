# Every module with `create = false`: a switch that forgets a resource makes it here.

locals {
  shards  = { btc = { id = 1, instance_type = "m5zn.metal" } }
  release = { bucket = "none", key = "none", sha256 = sha256("") }
}

module "network" {
  source = "../../modules/network"

  create = false
  name   = "off"
  zones  = ["us-east-1a"]
}

module "engine" {
  source = "../../modules/engine"

  create                     = false
  name                       = "off"
  shards                     = local.shards
  vpc_id                     = "none"
  zone                       = "us-east-1a"
  subnet_id                  = "none"
  ami_id                     = "none"
  release                    = local.release
  peer_security_group_ids    = { nodes = "none" }
  metrics_security_group_ids = { nodes = "none" }
}

module "standby" {
  source = "../../modules/standby"

  create       = false
  name         = "off"
  shards       = local.shards
  vpc_id       = "none"
  primary_zone = "us-east-1a"
  zone         = "us-east-1b"
  subnet_id    = "none"
  ami_id       = "none"
  release      = local.release
}

module "multicast" {
  source = "../../modules/multicast"

  create             = false
  name               = "off"
  vpc_id             = "none"
  subnet_ids         = { a = "none" }
  security_group_ids = { a = "none" }
}

module "mdc" {
  source = "../../modules/mdc"

  create                       = false
  name                         = "off"
  publisher_security_group_ids = { a = "none" }
  reader_security_group_ids    = { b = "none" }
  shards                       = { btc = { id = 1, publisher_address = "10.0.1.10" } }
}

module "eks" {
  source = "../../modules/eks"

  create                           = false
  name                             = "off"
  vpc_id                           = "none"
  subnet_ids                       = ["none", "none2"]
  kms_key_arn                      = "none"
  load_balancer_security_group_ids = { a = "none" }
  backup_bucket_arns               = ["none"]
}

module "edge" {
  source = "../../modules/edge"

  create             = false
  name               = "off"
  domain_name        = "off.example.com"
  vpc_id             = "none"
  public_subnet_ids  = ["none", "none2"]
  logs_bucket        = "none"
  create_waf         = true
  create_shield      = true
  create_accelerator = true
  create_cdn         = false
}

module "database" {
  source = "../../modules/database"

  create                     = false
  name                       = "off"
  vpc_id                     = "none"
  subnet_group_name          = "none"
  kms_key_arn                = "none"
  instance_class             = "db.r6g.large"
  allocated_gib              = 100
  allowed_security_group_ids = { a = "none" }
  create_rotation_function   = true
  rotation_subnet_ids        = ["none"]
}

module "cache" {
  source = "../../modules/cache"

  create                     = false
  name                       = "off"
  vpc_id                     = "none"
  subnet_group_name          = "none"
  kms_key_arn                = "none"
  node_type                  = "cache.r6g.large"
  allowed_security_group_ids = { a = "none" }
}

module "kafka" {
  source = "../../modules/kafka"

  create                     = false
  name                       = "off"
  vpc_id                     = "none"
  subnet_ids                 = ["none"]
  kms_key_arn                = "none"
  instance_type              = "kafka.m5.large"
  allowed_security_group_ids = { a = "none" }
}

module "storage" {
  source = "../../modules/storage"

  create        = false
  bucket_prefix = "off"
  kms_key_arn   = "none"
  replica       = { bucket_arn = "none", kms_key_arn = "none" }
}

module "security" {
  source = "../../modules/security"

  create         = false
  name           = "off"
  release_bucket = "off"
  trail_bucket   = "off"
  secrets        = { jwt = { kind = "random", rotation_days = 180 } }
}

module "observability" {
  source = "../../modules/observability"

  create                      = false
  name                        = "off"
  emails                      = { info = ["a@example.com"] }
  create_xray                 = true
  container_insights_clusters = { a = "none" }
  host_ids                    = { a = "none" }
}

module "dr" {
  source = "../../modules/dr"

  create                  = false
  name                    = "off"
  bucket_prefix           = "off"
  create_standby_site     = true
  create_database_replica = true
  domain_name             = "off.example.com"
  zone_id                 = "none"
  database                = { aurora = false, arn = "none", engine = "postgres", instance_class = "db.r6g.large" }
}

module "budgets" {
  source = "../../modules/budgets"

  create     = false
  name       = "off"
  limits_usd = { all = 1 }
  topic_arn  = "none"
}

output "outputs" {
  description = "All outputs of each module: nothing but null and empty ones."
  value = {
    network       = module.network
    engine        = module.engine
    standby       = module.standby
    multicast     = module.multicast
    mdc           = module.mdc
    eks           = module.eks
    edge          = module.edge
    database      = module.database
    cache         = module.cache
    kafka         = module.kafka
    storage       = module.storage
    security      = module.security
    observability = module.observability
    dr            = module.dr
    budgets       = module.budgets
  }
}
