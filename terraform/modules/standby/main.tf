# A standby host per shard, as the primaries are, in another zone. Placement groups do not span zones,
# so the standbys have one of their own.
module "hosts" {
  source = "../engine"

  role = "standby"

  create                      = var.create
  name                        = var.name
  shards                      = var.shards
  vpc_id                      = var.vpc_id
  zone                        = var.zone
  subnet_id                   = var.subnet_id
  ami_id                      = var.ami_id
  kms_key_arn                 = var.kms_key_arn
  create_placement_group      = var.create_placement_group
  create_capacity_reservation = var.create_capacity_reservation
  root_gib                    = var.root_gib
  peer_security_group_ids     = var.peer_security_group_ids
  aeron_ports                 = var.aeron_ports
  metrics_ports               = var.metrics_ports
  metrics_security_group_ids  = var.metrics_security_group_ids
  release                     = var.release
  settings                    = var.settings
  transport_mode              = var.transport_mode
  streams_parameter_prefix    = var.streams_parameter_prefix
  tuning_profile              = var.tuning_profile
  data_bucket_arns            = var.data_bucket_arns
  permissions_boundary_arn    = var.permissions_boundary_arn
  tags                        = var.tags
}
