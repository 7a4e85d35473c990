# Everything that differs between tiers is in tiers.json, one table that docs/cost.md is made from too.

locals {
  table = jsondecode(file("${path.module}/tiers.json"))
  tier  = local.table.tiers[var.tier]
  name  = "${var.project}-${var.tier}"

  zones = [for letter in slice(var.zone_letters, 0, local.tier.zones) : "${var.region}${letter}"]

  tags = {
    Environment = var.tier
    Project     = var.project
    ManagedBy   = "terraform"
    Team        = var.team
    CostCenter  = var.cost_center
    Compliance  = "PCI-DSS"
    Path        = "warm"
  }
  hot_tags = merge(local.tags, { Path = "hot" })

  shards = var.create_hot_path ? { for name, shard in local.tier.shards : name => merge(shard, {
    instance_type = coalesce(var.metal_instance_type, shard.instance_type)
    wal_gib       = local.table.metal.wal.gib
    wal_iops      = local.table.metal.wal.iops
    cores         = lookup(var.shard_cores, name, null)
  }) } : {}
  standby_shards = var.create_standby && local.table.metal.standby_per_shard > 0 ? local.shards : {}

  # Two requirements for node groups disagree: the tier's row is the default.
  node_group_profiles = {
    tier = local.tier.clusters
    compute = { for cluster in keys(local.tier.clusters) : cluster => {
      general      = { instance_types = ["t3.xlarge"], capacity_type = "ON_DEMAND", size = { min = 3, desired = 3, max = 10 } }
      compute-spot = { instance_types = ["c6i.2xlarge"], capacity_type = "SPOT", size = { min = 2, desired = 2, max = 20 } }
      memory       = { instance_types = ["r6i.xlarge"], capacity_type = "ON_DEMAND", size = { min = 1, desired = 1, max = 5 } }
    } }
  }
  clusters = local.node_group_profiles[var.node_group_profile]

  database_engine = coalesce(var.database_engine, local.tier.database.engine)
  aurora          = startswith(local.database_engine, "aurora")

  # Days after which secrets of a kind are changed. API keys come from elsewhere; a new encryption key
  # would make what the old one encrypted unreadable.
  secret_kinds = {
    database   = { kind = "database", rotation_days = 90 }
    jwt        = { kind = "random", rotation_days = 180 }
    api_key    = { kind = "manual", rotation_days = null }
    encryption = { kind = "manual", rotation_days = null }
  }
  secrets          = merge([for kind, names in local.tier.secrets : { for name in names : name => local.secret_kinds[kind] }]...)
  rotate_databases = length(local.tier.secrets.database) > 0

  metal_usd_per_month = sum(concat([0], [for shard in concat(values(local.shards), values(local.standby_shards)) :
    lookup(local.table.prices.usd_per_hour, shard.instance_type, 0) * local.table.prices.hours_per_month +
    shard.wal_gib * local.table.prices.io2_usd_per_gib_month + shard.wal_iops * local.table.prices.io2_usd_per_iops_month
  ]))
}
