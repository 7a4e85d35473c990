# What is planned, in the rows of the requirements. Every row reads attributes of resources, by way of the
# modules' outputs, and never a variable or the table of tiers: terraform test compares it with
# tests/expected, and an operator sees at a glance what there is.

locals {
  planned_groups = flatten([for cluster in module.eks : [for name, group in cluster.node_groups : merge(group, { name = name })]])
  planned_kinds  = distinct([for group in local.planned_groups : "${join(",", group.instance_types)} ${group.capacity_type}" if group.desired > 0])
  planned_market = { for role, hosts in { primary = module.engine.shard_tags, standby = module.standby.shard_tags } :
    role => { for market in ["futures", "spot"] : market => length([for host in hosts : host if host.Market == market && host.Role == role]) }
  }
}

output "inventory" {
  description = "What is planned, in the rows of the requirements."
  value = {
    # the table of tiers
    zones              = length(module.network.zones)
    eks_control_planes = keys({ for name, cluster in module.eks : name => cluster.cluster_name if cluster.cluster_name != null })
    eks_nodes          = { for kind in local.planned_kinds : kind => sum([for group in local.planned_groups : group.desired if "${join(",", group.instance_types)} ${group.capacity_type}" == kind]) }
    eks_nodes_of       = { for name, cluster in module.eks : name => sum([for group in cluster.node_groups : group.desired]) }
    node_group_names   = sort(distinct([for group in local.planned_groups : group.name]))
    database           = merge(module.database.primary, { engine = module.database.engine })
    database_replicas  = module.database.replica_classes
    redis              = { type = module.cache.node_type, nodes = module.cache.node_count, cluster = module.cache.cluster_mode, failover = module.cache.failover }
    kafka              = { flavour = module.kafka.flavour, brokers = module.kafka.broker_types, gib = module.kafka.volume_gib }
    nat_gateways       = length(module.network.nat_public_ips)
    load_balancers     = sort(keys(module.edge.load_balancers))
    waf_guards         = module.edge.waf_guarded
    shield_protects    = [for name in module.edge.shielded : trimprefix(name, "${local.name}-")]
    accelerators       = sort(keys(module.edge.accelerators))
    images_kept        = module.storage.image_counts
    observability = {
      log_groups         = length(module.observability.log_groups) > 0
      alarms             = length(module.observability.alarms) > 0
      dashboards         = length(module.observability.dashboards)
      xray_rates         = module.observability.xray_rates
      container_insights = sort(keys(module.observability.container_insights))
    }
    secrets = length(module.security.secret_names)
    secret_kinds = { for kind in distinct([for name in keys(module.security.secret_names) : regex("^(?:api-key|[a-z]+)", name)]) :
      kind => length([for name in keys(module.security.secret_names) : name if startswith(name, "${kind}-")])
    }
    replicas       = { for market, parameter in aws_ssm_parameter.replicas : market => jsondecode(parameter.insecure_value) }
    engines        = local.planned_market.primary
    standbys       = local.planned_market.standby
    engine_symbols = { for name, host in module.engine.shard_tags : name => host.Symbols }
    second_site = {
      clusters          = compact([module.dr.cluster_name])
      database_replicas = module.dr.database_replicas
      load_balancers    = sort(keys(module.dr.load_balancers))
      failover_records  = module.edge.failover_record_names
    }
    budget_usd = module.budgets.limits_usd["warm-path"]

    # network
    vpc              = module.network.vpc_cidr
    public_subnets   = values(module.network.public_subnet_cidrs)
    private_subnets  = values(module.network.private_subnet_cidrs)
    database_subnets = values(module.network.database_subnet_cidrs)
    endpoints        = module.network.endpoint_services
    flow_logs        = module.network.flow_log_destination_types
    lb_ports         = sort(distinct([for port in module.edge.ingress_ports : tostring(port)]))
    lb_listeners     = distinct([for name, listener in module.edge.listeners : listener])
    lb_targets       = distinct([for name, port in module.edge.target_ports : port])
    node_ports       = distinct(flatten([for cluster in module.eks : [for port in cluster.service_ports : port]]))
    node_egress      = { for name, port in merge([for cluster in module.eks : cluster.egress_ports]...) : name => port if contains(["database", "redis", "https"], name) }
    database_clients = [for port in distinct(values(module.database.ingress_ports)) : port]
    redis_clients    = [for port in distinct(values(module.cache.ingress_ports)) : port]

    # the hot path
    hot_zones              = distinct(values(module.engine.zones))
    standby_zones          = distinct(values(module.standby.zones))
    placement              = { engine = module.engine.placement, standby = module.standby.placement }
    metal_types            = distinct(concat(values(module.engine.instance_types), values(module.standby.instance_types)))
    capacity_reservations  = length(module.engine.capacity_reservations) + length(module.standby.capacity_reservations)
    hot_interfaces         = distinct(concat(values(module.engine.hot_interfaces), values(module.standby.hot_interfaces)))
    log_volumes            = distinct([for volume in concat(values(module.engine.wal_volumes), values(module.standby.wal_volumes)) : "${volume.type} ${volume.encrypted ? "encrypted" : "open"}"])
    aeron_admits           = sort(distinct(concat(keys(module.engine.aeron_ingress), keys(module.standby.aeron_ingress))))
    aeron_protocol         = distinct([for rule in concat(values(module.engine.aeron_ingress), values(module.standby.aeron_ingress)) : rule.protocol])
    mdc_streams            = sort(distinct([for name in keys(module.mdc.control_rules) : split("-", name)[0]]))
    multicast_domains      = length(module.multicast.domain_ids)
    standby_for_each_shard = sort(keys(module.standby.instance_types)) == sort(keys(module.engine.instance_types))

    # compute
    node_disks        = distinct(flatten([for cluster in module.eks : [for template in cluster.node_templates : "${template.disk_gib} ${template.disk_type}"]]))
    node_metadata     = distinct(flatten([for cluster in module.eks : [for template in cluster.node_templates : template.metadata_tokens]]))
    addons            = distinct(flatten([for cluster in module.eks : cluster.addons]))
    autoscaler        = distinct([for cluster in module.eks : { for key in ["scan-interval", "scale-down-unneeded-time", "scale-down-utilization-threshold"] : key => cluster.autoscaler_values[key] }])
    node_policies     = distinct(flatten([for cluster in module.eks : cluster.node_policies]))
    service_roles     = sort(distinct(flatten([for cluster in module.eks : keys(cluster.service_role_names)])))
    audit_logs        = distinct([for cluster in module.eks : contains(cluster.cluster_log_types, "audit")])
    cluster_log_days  = distinct([for cluster in module.eks : cluster.log_retention_days])
    image_repository  = sort(keys(module.storage.repositories))
    kafka_topic_count = length(module.kafka.topic_commands)
    kafka_topics_msk  = module.kafka.server_properties == null ? null : [for line in split("\n", module.kafka.server_properties) : line if startswith(line, "num.partitions")]

    # data
    database_parameters = module.database.parameters
    database_backups    = module.database.backups
    database_monitoring = distinct(module.database.monitoring)
    database_encrypted  = module.database.encrypted
    database_storage    = module.database.storage
    password_rotation   = module.database.password_rotation_days
    redis_parameters    = { for name, value in module.cache.parameters : name => value if name != "cluster-enabled" }
    redis_encryption    = module.cache.encryption
    redis_version       = module.cache.engine_version
    redis_backup_days   = module.cache.backup_retention_days
    buckets = {
      versioning  = module.storage.versioning
      encryption  = module.storage.encryption
      lifecycles  = module.storage.lifecycles
      locked      = module.storage.object_lock_enabled
      lock        = module.storage.object_lock
      replication = module.storage.replication
      replica     = module.dr.versioning
      private     = distinct(values(module.storage.public_access_blocked))
    }
    cdn_cache_control = module.edge.cdn_cache_control

    # security
    keys                 = module.security.key_rotation
    waf_rules            = module.edge.waf_rules
    waf_rate             = module.edge.waf_rate
    secret_rotation      = { for days in distinct(values(module.security.secret_rotation_days)) : days => length([for rotation in module.security.secret_rotation_days : rotation if rotation == days]) }
    trail                = module.security.trail
    guardduty            = module.security.guardduty_detectors
    roles                = sort(keys(module.security.role_names))
    tags                 = { for key, value in aws_ssm_parameter.replicas["futures"].tags : key => value if key != "Path" }
    database_rotation_by = module.database.rotation_application

    # observability and recovery
    log_days             = distinct(values(module.observability.log_groups))
    topics               = sort(keys(module.observability.topic_names))
    alarms_common        = { for name, alarm in module.observability.alarms : name => alarm if contains(["api-cpu", "worker-queue", "engine-latency", "cache-memory", "database-cpu", "database-write-iops"], name) }
    alarm_levels         = sort(distinct(values(module.observability.alarm_levels)))
    health_checks        = distinct(values(module.edge.health_checks))
    budget_notifications = module.budgets.notifications["warm-path"]
  }
}
