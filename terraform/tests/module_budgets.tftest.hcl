# Budgets.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name         = "acme"
  limits_usd   = { warm-path = 2488, hot-path = 30000 }
  cost_filters = { hot-path = "Path$hot" }
  topic_arn    = "arn:aws:sns:us-east-1:123456789012:acme-warning"
}

run "two" {
  command = plan

  module {
    source = "./modules/budgets"
  }

  assert {
    condition     = { for name, budget in aws_budgets_budget.this : name => "${budget.limit_amount} ${budget.limit_unit} ${budget.time_unit}" } == { warm-path = "2488 USD MONTHLY", hot-path = "30000 USD MONTHLY" }
    error_message = "The limits are not as given."
  }

  assert {
    condition     = one(aws_budgets_budget.this["hot-path"].cost_filter).values == tolist(["user:Path$hot"]) && length(aws_budgets_budget.this["warm-path"].cost_filter) == 0
    error_message = "A budget counts the wrong tag."
  }

  assert {
    condition     = length(aws_budgets_budget.this["hot-path"].notification) == 3
    error_message = "Somebody is not told in time."
  }
}

run "nothing_is_free" {
  command = plan

  module {
    source = "./modules/budgets"
  }

  variables {
    limits_usd = { warm-path = 0 }
  }

  expect_failures = [var.limits_usd]
}
