# Logs, topics, alarms and the dashboard.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name           = "acme"
  emails         = { critical = ["duty@example.com"] }
  host_ids       = { btc = "i-1" }
  cache_id       = "acme"
  load_balancers = { spot = "app/acme-spot/1" }
  create_xray    = true
  database       = { dimension = "DBInstanceIdentifier", identifier = "acme" }
}

run "all" {
  command = plan

  module {
    source = "./modules/observability"
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 90]) && length(aws_cloudwatch_log_group.this) == 7
    error_message = "Logs are not kept for 90 days."
  }

  assert {
    condition     = keys(aws_sns_topic.this) == ["critical", "info", "warning"] && aws_sns_topic_subscription.email["critical-duty@example.com"].endpoint == "duty@example.com"
    error_message = "A topic is missing, or nobody is told."
  }

  assert {
    condition = alltrue([for name, threshold in { api-cpu = 70, worker-queue = 1000, engine-latency = 10, cache-memory = 80, database-cpu = 70, database-write-iops = 2400 } :
      aws_cloudwatch_metric_alarm.this[name].threshold == threshold && aws_cloudwatch_metric_alarm.this[name].comparison_operator == "GreaterThanThreshold"
    ])
    error_message = "A scaling trigger is missing or has another threshold."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["database-storage"].comparison_operator == "LessThanThreshold" && aws_cloudwatch_metric_alarm.this["host-btc-status"].treat_missing_data == "breaching"
    error_message = "Full disks or silent hosts go unnoticed."
  }

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets) == length(aws_cloudwatch_metric_alarm.this)
    error_message = "The dashboard does not show every alarm."
  }

  assert {
    condition     = aws_xray_sampling_rule.this[0].fixed_rate == 0.1
    error_message = "X-Ray does not sample a tenth."
  }
}
