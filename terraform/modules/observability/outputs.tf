output "log_groups" {
  description = "Days for which each log group is kept."
  value       = { for name, group in aws_cloudwatch_log_group.this : name => group.retention_in_days }
}

output "topic_arns" {
  description = "ARN of each level's topic."
  value       = { for level, topic in aws_sns_topic.this : level => topic.arn }
}

output "topic_names" {
  description = "Name of each level's topic."
  value       = { for level, topic in aws_sns_topic.this : level => topic.name }
}

output "alarms" {
  description = "Metric, comparison and threshold of each alarm."
  value       = { for name, alarm in aws_cloudwatch_metric_alarm.this : name => "${alarm.metric_name} ${alarm.comparison_operator} ${alarm.threshold}" }
}

output "alarm_levels" {
  description = "Level of each alarm."
  value       = { for name, alarm in aws_cloudwatch_metric_alarm.this : name => alarm.tags["Level"] }
}

output "dashboards" {
  description = "Name of the dashboard, one entry if there is one."
  value       = aws_cloudwatch_dashboard.this[*].dashboard_name
}

output "xray_rates" {
  description = "Share of requests that X-Ray samples, one entry if it does."
  value       = aws_xray_sampling_rule.this[*].fixed_rate
}

output "container_insights" {
  description = "Add-on of Container Insights per cluster."
  value       = { for name, addon in aws_eks_addon.container_insights : name => addon.addon_name }
}
