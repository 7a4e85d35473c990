resource "aws_security_group" "nodes" {
  count = var.create ? 1 : 0

  name        = "${var.name}-nodes"
  description = "Nodes of ${var.name}"
  vpc_id      = var.vpc_id

  tags = merge(var.tags, { Name = "${var.name}-nodes" })
}

locals {
  from_load_balancers = var.create ? { for pair in setproduct(keys(var.load_balancer_security_group_ids), keys(var.service_ports)) :
    "${pair[0]}-${pair[1]}" => { balancer = pair[0], service = pair[1] }
  } : {}
}

resource "aws_vpc_security_group_ingress_rule" "service" {
  for_each = local.from_load_balancers

  security_group_id            = aws_security_group.nodes[0].id
  description                  = "${each.value.service} from load balancer ${each.value.balancer}"
  referenced_security_group_id = var.load_balancer_security_group_ids[each.value.balancer]
  ip_protocol                  = "tcp"
  from_port                    = var.service_ports[each.value.service]
  to_port                      = var.service_ports[each.value.service]

  tags = merge(var.tags, { Name = each.key })
}

resource "aws_vpc_security_group_egress_rule" "service" {
  for_each = local.from_load_balancers

  security_group_id            = var.load_balancer_security_group_ids[each.value.balancer]
  description                  = "${each.value.service} on the nodes of ${var.name}"
  referenced_security_group_id = aws_security_group.nodes[0].id
  ip_protocol                  = "tcp"
  from_port                    = var.service_ports[each.value.service]
  to_port                      = var.service_ports[each.value.service]

  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  count = var.create ? 1 : 0

  security_group_id = aws_security_group.nodes[0].id
  description       = "HTTPS from the VPC"
  cidr_ipv4         = var.vpc_cidr
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443

  tags = merge(var.tags, { Name = "https" })
}

resource "aws_vpc_security_group_ingress_rule" "nodes" {
  count = var.create ? 1 : 0

  security_group_id            = aws_security_group.nodes[0].id
  description                  = "All among nodes"
  referenced_security_group_id = aws_security_group.nodes[0].id
  ip_protocol                  = "-1"

  tags = merge(var.tags, { Name = "nodes" })
}

resource "aws_vpc_security_group_egress_rule" "nodes" {
  count = var.create ? 1 : 0

  security_group_id            = aws_security_group.nodes[0].id
  description                  = "All among nodes"
  referenced_security_group_id = aws_security_group.nodes[0].id
  ip_protocol                  = "-1"

  tags = merge(var.tags, { Name = "nodes" })
}

resource "aws_vpc_security_group_egress_rule" "https" {
  count = var.create ? 1 : 0

  security_group_id = aws_security_group.nodes[0].id
  description       = "HTTPS: images, AWS, settlement"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443

  tags = merge(var.tags, { Name = "https" })
}

resource "aws_vpc_security_group_egress_rule" "peer" {
  for_each = var.create ? var.egress_rules : {}

  security_group_id            = aws_security_group.nodes[0].id
  description                  = each.key
  referenced_security_group_id = each.value.security_group_id
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.from_port
  to_port                      = each.value.to_port

  tags = merge(var.tags, { Name = each.key })
}

resource "aws_vpc_security_group_ingress_rule" "peer" {
  for_each = var.create ? var.ingress_rules : {}

  security_group_id            = aws_security_group.nodes[0].id
  description                  = each.key
  referenced_security_group_id = each.value.security_group_id
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.from_port
  to_port                      = each.value.to_port

  tags = merge(var.tags, { Name = each.key })
}
