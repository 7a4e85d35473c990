locals {
  zone_id = var.create_zone ? one(aws_route53_zone.this[*].zone_id) : var.zone_id

  # One wildcard per load balancer and one for the rest: a wildcard covers one label only.
  certificate_names = concat(["*.${var.domain_name}"], [for name in var.load_balancers : "*.${name}.${var.domain_name}"])
  all_names         = var.create ? concat([var.domain_name], local.certificate_names) : []

  # A wildcard is proven by the record of its parent.
  proven_names = distinct([for name in local.all_names : trimprefix(name, "*.")])
}

resource "aws_route53_zone" "this" {
  count = var.create && var.create_zone ? 1 : 0

  name    = var.domain_name
  comment = "Clients of ${var.name}"

  tags = var.tags
}

resource "aws_acm_certificate" "this" {
  count = var.create ? 1 : 0

  domain_name               = var.domain_name
  subject_alternative_names = local.certificate_names
  validation_method         = "DNS"
  key_algorithm             = "EC_prime256v1"

  tags = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  for_each = toset(var.create_records ? local.proven_names : [])

  zone_id         = local.zone_id
  name            = [for option in aws_acm_certificate.this[0].domain_validation_options : option.resource_record_name if trimprefix(option.domain_name, "*.") == each.key][0]
  type            = [for option in aws_acm_certificate.this[0].domain_validation_options : option.resource_record_type if trimprefix(option.domain_name, "*.") == each.key][0]
  records         = [[for option in aws_acm_certificate.this[0].domain_validation_options : option.resource_record_value if trimprefix(option.domain_name, "*.") == each.key][0]]
  ttl             = 60
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "this" {
  count = var.create ? 1 : 0

  certificate_arn         = aws_acm_certificate.this[0].arn
  validation_record_fqdns = var.create_records ? [for record in aws_route53_record.validation : record.fqdn] : null
}

resource "aws_route53_health_check" "this" {
  for_each = var.create_records ? local.balancers : toset([])

  fqdn              = aws_lb.this[each.key].dns_name
  type              = "HTTPS"
  port              = 443
  resource_path     = "/health"
  request_interval  = 10
  failure_threshold = 3
  enable_sni        = true
  measure_latency   = true

  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

# Names lead to the accelerator where there is one, else to the load balancer; and to the second region
# when the health check fails.
resource "aws_route53_record" "primary" {
  for_each = var.create && var.create_records ? local.targets : {}

  zone_id         = local.zone_id
  name            = "${each.value.service}.${each.value.balancer}.${var.domain_name}"
  type            = "A"
  set_identifier  = "primary"
  health_check_id = aws_route53_health_check.this[each.value.balancer].id

  failover_routing_policy {
    type = "PRIMARY"
  }

  alias {
    name                   = var.create_accelerator ? aws_globalaccelerator_accelerator.this[each.value.balancer].dns_name : aws_lb.this[each.value.balancer].dns_name
    zone_id                = var.create_accelerator ? aws_globalaccelerator_accelerator.this[each.value.balancer].hosted_zone_id : aws_lb.this[each.value.balancer].zone_id
    evaluate_target_health = true
  }
}

resource "aws_route53_record" "secondary" {
  for_each = var.create && var.create_records ? { for name, target in local.targets : name => target if contains(keys(var.failover_addresses), target.balancer) } : {}

  zone_id        = local.zone_id
  name           = "${each.value.service}.${each.value.balancer}.${var.domain_name}"
  type           = "A"
  set_identifier = "secondary"

  failover_routing_policy {
    type = "SECONDARY"
  }

  alias {
    name                   = var.failover_addresses[each.value.balancer].dns_name
    zone_id                = var.failover_addresses[each.value.balancer].zone_id
    evaluate_target_health = true
  }
}
