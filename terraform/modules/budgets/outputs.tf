output "limits_usd" {
  description = "Limit of each budget, in USD a month."
  value       = { for name, budget in aws_budgets_budget.this : name => tonumber(budget.limit_amount) }
}

output "notifications" {
  description = "Notifications of each budget."
  value       = { for name, budget in aws_budgets_budget.this : name => sort([for notification in budget.notification : "${notification.notification_type} ${notification.threshold}"]) }
}

output "filters" {
  description = "Tags that each budget counts."
  value       = { for name, budget in aws_budgets_budget.this : name => flatten([for filter in budget.cost_filter : filter.values]) }
}
