# Unicast fan-out (Aeron's multi-destination-cast): a reader signs up at the stream's control port on
# the publisher's host, and the publisher sends it every datagram. What a VPC needs for it is security
# group rules in both directions; what hosts need is [streams] in vesta.toml, kept in SSM parameters.

locals {
  streams = var.create ? var.streams : {}

  to_publisher = { for pair in setproduct(keys(local.streams), keys(var.publisher_security_group_ids), keys(var.reader_security_group_ids)) :
    "${pair[0]}-${pair[1]}-${pair[2]}" => { stream = pair[0], publisher = pair[1], reader = pair[2] }
  }
}

# To the publisher: sign-up, status messages, requests for repair.
resource "aws_vpc_security_group_ingress_rule" "control" {
  for_each = local.to_publisher

  security_group_id            = var.publisher_security_group_ids[each.value.publisher]
  description                  = "${each.value.stream}: control from ${each.value.reader}"
  referenced_security_group_id = var.reader_security_group_ids[each.value.reader]
  ip_protocol                  = "udp"
  from_port                    = local.streams[each.value.stream].control_port
  to_port                      = local.streams[each.value.stream].control_port

  tags = merge(var.tags, { Name = "${var.name}-${each.value.stream}-control" })
}

resource "aws_vpc_security_group_egress_rule" "control" {
  for_each = local.to_publisher

  security_group_id            = var.reader_security_group_ids[each.value.reader]
  description                  = "${each.value.stream}: control to ${each.value.publisher}"
  referenced_security_group_id = var.publisher_security_group_ids[each.value.publisher]
  ip_protocol                  = "udp"
  from_port                    = local.streams[each.value.stream].control_port
  to_port                      = local.streams[each.value.stream].control_port

  tags = merge(var.tags, { Name = "${var.name}-${each.value.stream}-control" })
}

# To the reader: the stream.
resource "aws_vpc_security_group_ingress_rule" "data" {
  for_each = local.to_publisher

  security_group_id            = var.reader_security_group_ids[each.value.reader]
  description                  = "${each.value.stream}: data from ${each.value.publisher}"
  referenced_security_group_id = var.publisher_security_group_ids[each.value.publisher]
  ip_protocol                  = "udp"
  from_port                    = local.streams[each.value.stream].reader_port
  to_port                      = local.streams[each.value.stream].reader_port

  tags = merge(var.tags, { Name = "${var.name}-${each.value.stream}-data" })
}

resource "aws_vpc_security_group_egress_rule" "data" {
  for_each = local.to_publisher

  security_group_id            = var.publisher_security_group_ids[each.value.publisher]
  description                  = "${each.value.stream}: data to ${each.value.reader}"
  referenced_security_group_id = var.reader_security_group_ids[each.value.reader]
  ip_protocol                  = "udp"
  from_port                    = local.streams[each.value.stream].reader_port
  to_port                      = local.streams[each.value.stream].reader_port

  tags = merge(var.tags, { Name = "${var.name}-${each.value.stream}-data" })
}

# What every host and pod of a shard puts into its vesta.toml, beside transport.mode = "mdc".
resource "aws_ssm_parameter" "streams" {
  for_each = var.create ? var.shards : {}

  name        = "/${var.name}/shards/${each.key}/streams"
  description = "Streams of shard ${each.value.id}, as vesta.toml has them"
  type        = "String"
  insecure_value = templatefile("${path.module}/templates/streams.toml.tftpl", {
    address     = each.value.publisher_address
    orders_port = var.orders_port
    streams     = var.streams
  })

  tags = var.tags
}
