output "cluster_name" {
  description = "Name of the cluster."
  value       = one(aws_eks_cluster.this[*].name)
}

output "cluster_version" {
  description = "Kubernetes version of the control plane."
  value       = one(aws_eks_cluster.this[*].version)
}

output "cluster_endpoint" {
  description = "Address of the Kubernetes API."
  value       = one(aws_eks_cluster.this[*].endpoint)
}

output "cluster_log_types" {
  description = "Logs that the control plane writes."
  value       = flatten(aws_eks_cluster.this[*].enabled_cluster_log_types)
}

output "log_retention_days" {
  description = "Days for which the control plane's logs are kept."
  value       = one(aws_cloudwatch_log_group.this[*].retention_in_days)
}

output "node_groups" {
  description = "Types, capacity type and sizes of each node group."
  value = { for name, group in aws_eks_node_group.this : name => {
    instance_types = group.instance_types
    capacity_type  = group.capacity_type
    min            = group.scaling_config[0].min_size
    desired        = group.scaling_config[0].desired_size
    max            = group.scaling_config[0].max_size
  } }
}

output "node_templates" {
  description = "Disk and metadata settings of each node group's launch template."
  value = { for name, template in aws_launch_template.nodes : name => {
    disk_gib        = template.block_device_mappings[0].ebs[0].volume_size
    disk_type       = template.block_device_mappings[0].ebs[0].volume_type
    encrypted       = template.block_device_mappings[0].ebs[0].encrypted
    metadata_tokens = template.metadata_options[0].http_tokens
  } }
}

output "addons" {
  description = "Add-ons of EKS, by name."
  value       = sort([for addon in aws_eks_addon.this : addon.addon_name])
}

output "autoscaler_values" {
  description = "Arguments of the cluster autoscaler, as its chart's values have them."
  value       = try(yamldecode(aws_ssm_parameter.autoscaler[0].insecure_value).extraArgs, null)
}

output "node_security_group_id" {
  description = "Security group of the nodes."
  value       = one(aws_security_group.nodes[*].id)
}

output "service_ports" {
  description = "Port that each load balancer may reach, by balancer and service."
  value       = { for name, rule in aws_vpc_security_group_ingress_rule.service : name => rule.from_port }
}

output "egress_ports" {
  description = "Ports that nodes may reach beside their own, by name."
  value = merge(
    { for name, rule in aws_vpc_security_group_egress_rule.peer : name => "${rule.ip_protocol} ${rule.from_port}-${rule.to_port}" },
    { for rule in aws_vpc_security_group_egress_rule.https : "https" => "${rule.ip_protocol} ${rule.from_port}-${rule.to_port}" },
  )
}

output "node_policies" {
  description = "AWS's own policies of the node role."
  value       = sort([for attachment in aws_iam_role_policy_attachment.node : reverse(split("/", attachment.policy_arn))[0]])
}

output "service_role_names" {
  description = "Role of each service account."
  value       = { for name, role in aws_iam_role.service : name => role.name }
}

output "node_role_arn" {
  description = "Role of the nodes."
  value       = one(aws_iam_role.node[*].arn)
}
