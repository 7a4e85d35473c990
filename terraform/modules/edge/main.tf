# Where clients of the warm path come in: load balancers with TLS 1.3 in front of the nodes.

locals {
  balancers = toset(var.create ? var.load_balancers : [])

  targets = { for pair in setproduct(var.load_balancers, keys(var.services)) :
    "${pair[0]}-${pair[1]}" => { balancer = pair[0], service = pair[1] }
  }
  first_service = sort(keys(var.services))[0]
}

resource "aws_security_group" "this" {
  for_each = local.balancers

  name        = "${var.name}-${each.key}-lb"
  description = "Load balancer ${each.key} of ${var.name}"
  vpc_id      = var.vpc_id

  tags = merge(var.tags, { Name = "${var.name}-${each.key}-lb" })
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = var.create ? { for pair in setproduct(var.load_balancers, ["80", "443"]) : "${pair[0]}-${pair[1]}" => { balancer = pair[0], port = tonumber(pair[1]) } } : {}

  security_group_id = aws_security_group.this[each.value.balancer].id
  description       = each.value.port == 80 ? "Redirected to HTTPS" : "HTTPS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port

  tags = merge(var.tags, { Name = each.key })
}

resource "aws_lb" "this" {
  for_each = local.balancers

  name               = "${var.name}-${each.key}"
  load_balancer_type = "application"
  internal           = false
  subnets            = var.public_subnet_ids
  security_groups    = [aws_security_group.this[each.key].id]

  drop_invalid_header_fields       = true
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = var.deletion_protection
  desync_mitigation_mode           = "strictest"
  idle_timeout                     = 120

  access_logs {
    bucket  = var.logs_bucket
    prefix  = "lb/${each.key}"
    enabled = true
  }

  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

# Pods are targets themselves (the AWS load balancer controller binds them).
resource "aws_lb_target_group" "this" {
  for_each = var.create ? local.targets : {}

  name                 = "${var.name}-${each.key}"
  vpc_id               = var.vpc_id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = var.services[each.value.service].port
  deregistration_delay = 30

  health_check {
    path                = var.services[each.value.service].health_path
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
    matcher             = "200"
  }

  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_lb_listener" "http" {
  for_each = local.balancers

  load_balancer_arn = aws_lb.this[each.key].arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }

  tags = var.tags
}

resource "aws_lb_listener" "https" {
  for_each = local.balancers

  load_balancer_arn = aws_lb.this[each.key].arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = var.tls_policy
  certificate_arn   = aws_acm_certificate_validation.this[0].certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this["${each.key}-${local.first_service}"].arn
  }

  tags = var.tags
}

resource "aws_lb_listener_rule" "this" {
  for_each = var.create ? local.targets : {}

  listener_arn = aws_lb_listener.https[each.value.balancer].arn

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[each.key].arn
  }

  condition {
    host_header {
      values = ["${each.value.service}.${each.value.balancer}.${var.domain_name}"]
    }
  }

  tags = var.tags
}

# Near clients: two addresses for the whole world, and AWS's network from there on. Each load balancer
# has its own, because an accelerator spreads over its endpoints, whatever host name was asked for.
resource "aws_globalaccelerator_accelerator" "this" {
  for_each = var.create_accelerator ? local.balancers : toset([])

  name            = "${var.name}-${each.key}"
  ip_address_type = "IPV4"
  enabled         = true

  attributes {
    flow_logs_enabled   = true
    flow_logs_s3_bucket = var.logs_bucket
    flow_logs_s3_prefix = "accelerator/${each.key}"
  }

  tags = var.tags
}

resource "aws_globalaccelerator_listener" "this" {
  for_each = var.create_accelerator ? local.balancers : toset([])

  accelerator_arn = aws_globalaccelerator_accelerator.this[each.key].id
  protocol        = "TCP"
  client_affinity = "SOURCE_IP"

  port_range {
    from_port = 443
    to_port   = 443
  }
}

data "aws_region" "current" {}

resource "aws_globalaccelerator_endpoint_group" "this" {
  for_each = var.create_accelerator ? local.balancers : toset([])

  listener_arn                  = aws_globalaccelerator_listener.this[each.key].id
  endpoint_group_region         = data.aws_region.current.name
  health_check_protocol         = "TCP"
  health_check_port             = 443
  health_check_interval_seconds = 10
  threshold_count               = 2

  endpoint_configuration {
    endpoint_id                    = aws_lb.this[each.key].arn
    client_ip_preservation_enabled = true
    weight                         = 100
  }
}
