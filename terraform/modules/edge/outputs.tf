output "load_balancers" {
  description = "Name of each load balancer."
  value       = { for name, balancer in aws_lb.this : name => balancer.name }
}

output "load_balancer_arns" {
  description = "ARN of each load balancer."
  value       = { for name, balancer in aws_lb.this : name => balancer.arn }
}

output "load_balancer_arn_suffixes" {
  description = "What CloudWatch calls each load balancer."
  value       = { for name, balancer in aws_lb.this : name => balancer.arn_suffix }
}

output "load_balancer_dns_names" {
  description = "Host name of each load balancer."
  value       = { for name, balancer in aws_lb.this : name => balancer.dns_name }
}

output "failover_addresses" {
  description = "Host name and hosted zone of each load balancer, as another region's failover_addresses takes them."
  value       = { for name, balancer in aws_lb.this : name => { dns_name = balancer.dns_name, zone_id = balancer.zone_id } }
}

output "zone_id" {
  description = "Hosted zone of the domain."
  value       = local.zone_id
}

output "security_group_ids" {
  description = "Security group of each load balancer."
  value       = { for name, group in aws_security_group.this : name => group.id }
}

output "ingress_ports" {
  description = "Ports that the internet may reach, by load balancer and port."
  value       = { for name, rule in aws_vpc_security_group_ingress_rule.this : name => rule.from_port }
}

output "listeners" {
  description = "Protocol, port and TLS policy of each listener."
  value = merge(
    { for name, listener in aws_lb_listener.http : "${name}-http" => "${listener.protocol} ${listener.port} ${listener.default_action[0].type}" },
    { for name, listener in aws_lb_listener.https : "${name}-https" => "${listener.protocol} ${listener.port} ${listener.ssl_policy}" },
  )
}

output "target_group_arns" {
  description = "ARN of each target group, by load balancer and service."
  value       = { for name, group in aws_lb_target_group.this : name => group.arn }
}

output "target_ports" {
  description = "Port of each target group."
  value       = { for name, group in aws_lb_target_group.this : name => group.port }
}

output "waf_rules" {
  description = "What each rule of the web ACL does, by its name; none without one."
  value = merge([for acl in aws_wafv2_web_acl.this : { for rule in acl.rule : rule.name => join(" ", concat(
    [for action in rule.action : length(action.block) > 0 ? "block" : "no block"],
    [for action in rule.override_action : length(action.none) > 0 ? "block" : "no block"],
    [for group in rule.statement[0].managed_rule_group_statement : "${group.vendor_name}/${group.name}"],
    [for geo in rule.statement[0].geo_match_statement : join(",", geo.country_codes)],
    [for rate in rule.statement[0].rate_based_statement : "by ${rate.aggregate_key_type}"],
    flatten([for either in rule.statement[0].or_statement : [for statement in either.statement : [for xss in statement.xss_match_statement : length(xss.field_to_match[0].body) > 0 ? "xss-in-body" : "xss-in-arguments"]]]),
  )) }]...)
}

output "waf_rate" {
  description = "Requests that one address may make, and the seconds in which they are counted."
  value = one(flatten([for acl in aws_wafv2_web_acl.this : [for rule in acl.rule : [for rate in rule.statement[0].rate_based_statement :
    { limit = rate.limit, window_s = rate.evaluation_window_sec }
  ]]]))
}

output "waf_guarded" {
  description = "Load balancers behind the web ACL."
  value       = sort(keys(aws_wafv2_web_acl_association.this))
}

output "shielded" {
  description = "What Shield Advanced protects, by name."
  value       = sort(concat([for protection in aws_shield_protection.this : protection.name], [for protection in aws_shield_protection.accelerator : protection.name]))
}

output "accelerators" {
  description = "Name of each load balancer's accelerator."
  value       = { for name, accelerator in aws_globalaccelerator_accelerator.this : name => accelerator.name }
}

output "accelerator_ports" {
  description = "Port of each accelerator's listener."
  value       = { for name, listener in aws_globalaccelerator_listener.this : name => one(listener.port_range).from_port }
}

output "health_checks" {
  description = "Type and failures until DNS moves, of each load balancer's health check."
  value       = { for name, check in aws_route53_health_check.this : name => { type = check.type, failures = check.failure_threshold } }
}

output "record_names" {
  description = "Names of clients' records."
  value       = sort([for record in aws_route53_record.primary : record.name])
}

output "failover_record_names" {
  description = "Names that lead to the second region when the first fails."
  value       = sort([for record in aws_route53_record.secondary : record.name])
}

output "certificate_names" {
  description = "Names of the certificate."
  value       = flatten([for certificate in aws_acm_certificate.this : concat([certificate.domain_name], sort(certificate.subject_alternative_names))])
}

output "cdn_cache_control" {
  description = "Cache-Control of the static assets, one entry if there is a distribution."
  value       = flatten([for policy in aws_cloudfront_response_headers_policy.this : [for item in policy.custom_headers_config[0].items : item.value]])
}

output "cdn_aliases" {
  description = "Names of the distribution."
  value       = flatten([for distribution in aws_cloudfront_distribution.this : distribution.aliases])
}

output "name_servers" {
  description = "Name servers of the hosted zone, for the parent's NS record."
  value       = flatten(aws_route53_zone.this[*].name_servers)
}
