# Logs, alarms and where they go. Prometheus and Grafana live in the cluster; this is what AWS sees.

locals {
  alarmed = var.create && var.create_alarms
}

data "aws_region" "current" {}

resource "aws_cloudwatch_log_group" "this" {
  for_each = toset(var.create ? var.log_groups : [])

  name              = "/vesta/${var.name}/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn

  tags = var.tags
}

resource "aws_sns_topic" "this" {
  for_each = toset(var.create ? ["critical", "warning", "info"] : [])

  name              = "${var.name}-${each.key}"
  kms_master_key_id = var.kms_key_arn

  tags = merge(var.tags, { Level = each.key })
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.create ? merge([for level, addresses in var.emails : { for address in addresses : "${level}-${address}" => { level = level, address = address } }]...) : {}

  topic_arn = aws_sns_topic.this[each.value.level].arn
  protocol  = "email"
  endpoint  = each.value.address
}

resource "aws_xray_sampling_rule" "this" {
  count = var.create && var.create_xray ? 1 : 0

  rule_name      = substr(var.name, 0, 32)
  priority       = 100
  version        = 1
  reservoir_size = 1
  fixed_rate     = var.xray_fixed_rate
  service_name   = "*"
  service_type   = "*"
  host           = "*"
  http_method    = "*"
  url_path       = "*"
  resource_arn   = "*"

  tags = var.tags
}

resource "aws_xray_group" "this" {
  count = var.create && var.create_xray ? 1 : 0

  group_name        = var.name
  filter_expression = "responsetime > 1 OR fault"

  insights_configuration {
    insights_enabled      = true
    notifications_enabled = true
  }

  tags = var.tags
}

# The add-on of EKS is CloudWatch's agent with Container Insights.
resource "aws_eks_addon" "container_insights" {
  for_each = var.create ? var.container_insights_clusters : {}

  cluster_name                = each.value
  addon_name                  = "amazon-cloudwatch-observability"
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "PRESERVE"

  tags = var.tags
}
