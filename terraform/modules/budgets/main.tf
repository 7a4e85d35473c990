resource "aws_budgets_budget" "this" {
  for_each = var.create ? var.limits_usd : {}

  name         = "${var.name}-${each.key}"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_unit   = "USD"
  limit_amount = tostring(each.value)

  dynamic "cost_filter" {
    for_each = contains(keys(var.cost_filters), each.key) ? [var.cost_filters[each.key]] : []

    content {
      name   = "TagKeyValue"
      values = ["user:${cost_filter.value}"]
    }
  }

  dynamic "notification" {
    for_each = var.actual_percent

    content {
      notification_type         = "ACTUAL"
      comparison_operator       = "GREATER_THAN"
      threshold_type            = "PERCENTAGE"
      threshold                 = notification.value
      subscriber_sns_topic_arns = [var.topic_arn]
    }
  }

  # The forecast tells earlier than the bill.
  notification {
    notification_type         = "FORECASTED"
    comparison_operator       = "GREATER_THAN"
    threshold_type            = "PERCENTAGE"
    threshold                 = 100
    subscriber_sns_topic_arns = [var.topic_arn]
  }

  tags = var.tags
}
