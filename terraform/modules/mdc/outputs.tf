output "control_rules" {
  description = "Port of each rule by which readers reach a publisher's control."
  value       = { for name, rule in aws_vpc_security_group_ingress_rule.control : name => "${rule.ip_protocol} ${rule.from_port}-${rule.to_port}" }
}

output "data_rules" {
  description = "Port of each rule by which a stream reaches a reader."
  value       = { for name, rule in aws_vpc_security_group_ingress_rule.data : name => "${rule.ip_protocol} ${rule.from_port}-${rule.to_port}" }
}

output "egress_rules" {
  description = "Ports of the rules outward, control and data."
  value = merge(
    { for name, rule in aws_vpc_security_group_egress_rule.control : "control-${name}" => "${rule.ip_protocol} ${rule.from_port}-${rule.to_port}" },
    { for name, rule in aws_vpc_security_group_egress_rule.data : "data-${name}" => "${rule.ip_protocol} ${rule.from_port}-${rule.to_port}" },
  )
}

output "parameter_names" {
  description = "SSM parameter that holds the streams' settings of each shard."
  value       = { for name, parameter in aws_ssm_parameter.streams : name => parameter.name }
}

output "parameters" {
  description = "The streams' settings of each shard, as vesta.toml has them."
  value       = { for name, parameter in aws_ssm_parameter.streams : name => parameter.insecure_value }
}
