# Hosts of the hot path, one per shard: bare metal in one zone and one cluster placement group, with an
# interface of its own for the streams and a volume of its own for the log.

locals {
  shards = var.create ? var.shards : {}
  types  = toset([for shard in local.shards : shard.instance_type])

  placed   = var.create && var.create_placement_group
  reserved = var.create && var.create_capacity_reservation

  host_tags = { for name, shard in local.shards : name => merge(var.tags, {
    Name    = "${var.name}-${name}"
    Role    = var.role
    Shard   = tostring(shard.id)
    Market  = shard.market
    Symbols = shard.symbols
  }) }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_ec2_instance_type" "this" {
  for_each = local.types

  instance_type = each.key
}

resource "aws_placement_group" "this" {
  count = local.placed ? 1 : 0

  name     = var.name
  strategy = "cluster"

  tags = merge(var.tags, { Name = var.name })
}

resource "aws_ec2_capacity_reservation" "this" {
  for_each = local.reserved ? local.shards : {}

  instance_type           = each.value.instance_type
  instance_platform       = "Linux/UNIX"
  availability_zone       = var.zone
  instance_count          = 1
  instance_match_criteria = "targeted"
  end_date_type           = "unlimited"
  ebs_optimized           = true
  placement_group_arn     = one(aws_placement_group.this[*].arn)

  tags = local.host_tags[each.key]
}

resource "aws_launch_template" "this" {
  for_each = local.shards

  name          = "${var.name}-${each.key}"
  description   = "Shard ${each.value.id}, ${var.role}"
  image_id      = var.ami_id
  instance_type = each.value.instance_type
  ebs_optimized = true

  # The host changes only when somebody decides so: a roll is a planned switch, not a side effect.
  update_default_version  = true
  disable_api_termination = true

  user_data = base64encode(templatefile("${path.module}/templates/user-data.sh.tftpl", {
    profile     = var.tuning_profile
    bucket      = var.release.bucket
    key         = var.release.key
    sha256      = var.release.sha256
    region      = data.aws_region.current.name
    shard_id    = each.value.id
    role        = var.role
    hot_mac     = aws_network_interface.hot[each.key].mac_address
    hot_address = aws_network_interface.hot[each.key].private_ip
    streams     = var.streams_parameter_prefix == null ? "" : "${var.streams_parameter_prefix}/${each.key}/streams"
    wal_serial  = replace(aws_ebs_volume.wal[each.key].id, "-", "")
    settings = chomp(templatefile("${path.module}/templates/vesta.toml.tftpl", {
      shard_id       = each.value.id
      transport_mode = var.transport_mode
      hot_address    = aws_network_interface.hot[each.key].private_ip
      cores          = each.value.cores
      more           = trimspace(var.settings)
    }))
  }))

  iam_instance_profile {
    name = aws_iam_instance_profile.this[0].name
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "enabled"
  }

  block_device_mappings {
    device_name = "/dev/sda1"

    ebs {
      volume_type           = "gp3"
      volume_size           = var.root_gib
      encrypted             = true
      kms_key_id            = var.kms_key_arn
      delete_on_termination = true
    }
  }

  dynamic "placement" {
    for_each = local.placed ? [1] : []

    content {
      availability_zone = var.zone
      group_name        = aws_placement_group.this[0].name
      tenancy           = "default"
    }
  }

  dynamic "capacity_reservation_specification" {
    for_each = local.reserved ? [1] : []

    content {
      capacity_reservation_target {
        capacity_reservation_id = aws_ec2_capacity_reservation.this[each.key].id
      }
    }
  }

  monitoring {
    enabled = true
  }

  tag_specifications {
    resource_type = "instance"
    tags          = local.host_tags[each.key]
  }

  tag_specifications {
    resource_type = "volume"
    tags          = local.host_tags[each.key]
  }

  tags = local.host_tags[each.key]

  lifecycle {
    precondition {
      condition     = data.aws_ec2_instance_type.this[each.value.instance_type].bare_metal
      error_message = "Shard ${each.key}: ${each.value.instance_type} is not bare metal. A hypervisor takes the cores away for tens of microseconds, and no tuning gets them back."
    }

    precondition {
      condition     = !var.create_placement_group || contains(data.aws_ec2_instance_type.this[each.value.instance_type].supported_placement_strategies, "cluster")
      error_message = "Shard ${each.key}: ${each.value.instance_type} can not be in a cluster placement group."
    }

    precondition {
      condition     = contains(data.aws_ec2_instance_type.this[each.value.instance_type].supported_architectures, "x86_64")
      error_message = "Shard ${each.key}: ${each.value.instance_type} is not x86-64, for which releases are built."
    }
  }
}

resource "aws_instance" "this" {
  for_each = local.shards

  availability_zone      = var.zone
  subnet_id              = var.subnet_id
  instance_type          = each.value.instance_type
  vpc_security_group_ids = [aws_security_group.management[0].id]

  launch_template {
    id      = aws_launch_template.this[each.key].id
    version = aws_launch_template.this[each.key].latest_version
  }

  tags = local.host_tags[each.key]

  lifecycle {
    # A new template counts for the next host: the running one is replaced by `terraform apply -replace`.
    ignore_changes = [launch_template, user_data, ami]
  }
}

# Streams have an interface of their own: its queues, interrupts and offloads are tuned without
# touching the one that the host is managed by.
resource "aws_network_interface" "hot" {
  for_each = local.shards

  subnet_id         = var.subnet_id
  description       = "Streams of shard ${each.value.id}, ${var.role}"
  security_groups   = [aws_security_group.hot[0].id]
  source_dest_check = true

  tags = merge(local.host_tags[each.key], { Name = "${var.name}-${each.key}-hot" })
}

resource "aws_network_interface_attachment" "hot" {
  for_each = local.shards

  instance_id          = aws_instance.this[each.key].id
  network_interface_id = aws_network_interface.hot[each.key].id
  device_index         = 1
}

resource "aws_ebs_volume" "wal" {
  for_each = local.shards

  availability_zone = var.zone
  type              = "io2"
  size              = each.value.wal_gib
  iops              = each.value.wal_iops
  encrypted         = true
  kms_key_id        = var.kms_key_arn

  tags = merge(local.host_tags[each.key], { Name = "${var.name}-${each.key}-wal" })
}

resource "aws_volume_attachment" "wal" {
  for_each = local.shards

  device_name                    = "/dev/sdf"
  volume_id                      = aws_ebs_volume.wal[each.key].id
  instance_id                    = aws_instance.this[each.key].id
  stop_instance_before_detaching = true
}
